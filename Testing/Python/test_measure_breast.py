"""Outlines with all regions of a breast lesion, edited one after another, equal a full extraction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from breast_support import array, coordinates, image_of
from support import toy_model
from virtualbiopsy import measure
from virtualbiopsy.case.arrays import mask_image
from virtualbiopsy.errors import OutsideBreastError
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.measure import Measuring
from virtualbiopsy.prepare.model import Preparation, PreparedCase
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.regions.contralateral import mirror_of
from virtualbiopsy.regions.crop import crop_prepared
from virtualbiopsy.regions.multi import Setting, region_masks
from virtualbiopsy.variants import Variants

REGIONS = (
    "tumour",
    "ring4",
    "with_ring4",
    "enhancing100",
    "nonenhancing100",
    "habitat1of2_pe_adc",
    "contralateral",
)
KEYS = tuple(
    FeatureKey.parse(text)
    for region in REGIONS
    for text in (
        f"adc:{region}:original:statistics:mean:3d:none:ibsi",
        f"pe:{region}:original:glcm:contrast:3d_average:fbn16:ibsi",
    )
) + (FeatureKey.parse("adc:tumour:log(sigma=2):statistics:variance:3d:none:ibsi"),)
SHAPE = (26, 40, 110)
LESION = (45.0, -4.0, 3.0)


@pytest.fixture(scope="module")
def prepared() -> PreparedCase:
    """Two balls for breasts with textured maps."""
    grid = image_of(np.zeros(SHAPE, dtype=np.uint8), (2.0, 2.0, 2.0), (-109.0, -39.0, -25.0))
    x, y, z = coordinates(grid)
    breast = (np.abs(x) - 50) ** 2 + y**2 + z**2 <= 42**2
    rng = np.random.default_rng(2)
    distance = np.sqrt((x - LESION[0]) ** 2 + (y - LESION[1]) ** 2 + (z - LESION[2]) ** 2)
    pe = np.where(distance < 14, 160.0, 20.0) - np.where(distance < 7, 110.0, 0.0) + rng.normal(0, 10, SHAPE)
    adc = 1200 + 300 * np.sin(x / 6) + rng.normal(0, 60, SHAPE)
    images = {}
    for role, values in (("pe", pe), ("adc", adc)):
        images[role] = image_of(values.astype(np.float64), (2.0, 2.0, 2.0), grid.GetOrigin())
    settings = Preparation(reference="pe", spacing=None, normalise="none", mask_interpolator="nearest")
    return PreparedCase(images, grid, {}, (), settings, {}, {"breast": mask_image(breast, grid)})


def outline(prepared: PreparedCase, radius: float, shift=(0.0, 0.0, 0.0)):
    x, y, z = (c - a - b for c, a, b in zip(coordinates(prepared.grid), LESION, shift, strict=True))
    return x**2 + y**2 + z**2 <= radius**2


def everything(prepared: PreparedCase, inside: np.ndarray):
    """Features of a full extraction on the whole grid, and the regions that are absent."""
    arrays = {role: np.array(array_of) for role, array_of in Measuring(prepared, KEYS).images.items()}
    limit = prepared.limits["breast"]
    masks, absent = region_masks(
        REGIONS, inside, Setting(prepared.grid, arrays, array(limit), mirror_of(limit))
    )
    keys = [key for key in KEYS if key.region not in absent]
    return dict(extract(arrays, masks, (2.0, 2.0, 2.0), keys).values), absent, masks


def test_edits_equal_a_full_extraction(prepared, monkeypatch):
    monkeypatch.setattr(measure, "SLACK_MM", 6.0)
    measuring = Measuring(prepared, KEYS)
    windows = set()
    rng = np.random.default_rng(4)
    inside = outline(prepared, 12.0)
    for n in range(8):
        if n:
            inside = inside ^ (outline(prepared, 4.0, rng.normal(0, 9, 3)) & ~outline(prepared, 6.0))
        measured = measuring.measure(mask_image(inside, prepared.grid))
        windows.add(id(measuring._window))
        values, absent, masks = everything(prepared, inside)
        assert dict(measured.vector.values) == pytest.approx(values, rel=1e-10)
        assert not absent and not measured.vector.missing
        for name, mask in masks.items():
            assert np.array_equal(measured.masks[name], mask[measured.box]), name
            assert measured.masks[name].sum() == mask.sum(), name
    assert len(windows) > 1


def test_absent_parts_take_only_their_own_features_away_and_come_back(prepared):
    measuring = Measuring(prepared, KEYS)
    core = outline(prepared, 6.0)
    measured = measuring.measure(mask_image(core, prepared.grid))
    values, absent, _ = everything(prepared, core)
    assert set(absent) == {"enhancing100"} == set(measured.absent)
    assert dict(measured.vector.values) == pytest.approx(values, rel=1e-10)
    gone = {str(key) for key in KEYS if key.region == "enhancing100"}
    assert set(measured.vector.missing) == gone and "voxels" in next(iter(measured.vector.missing.values()))
    again = measuring.measure(mask_image(outline(prepared, 12.0), prepared.grid)).vector
    assert not again.missing and len(again.values) == len(KEYS)


def test_outlines_near_a_measured_one_get_their_own_regions(prepared):
    measuring = Measuring(prepared, KEYS)
    measured = measuring.measure(mask_image(outline(prepared, 12.0), prepared.grid))
    variants = Variants(measuring, measured, KEYS, 4.0)
    for radius, shift in ((13.5, (0, 0, 0)), (11.0, (2, 1, 0)), (6.0, (0, 0, 0))):
        inside = outline(prepared, radius, shift)
        values, absent, _ = everything(prepared, inside)
        vector = variants.vector(inside[variants.box])
        assert dict(vector.values) == pytest.approx(values, rel=1e-10)
        assert {FeatureKey.parse(text).region for text in vector.missing} == set(absent)


def test_what_cannot_be_measured_in_a_part_is_missing(prepared):
    x = coordinates(prepared.grid)[0]
    values = np.where(x < 0, 5.0, sitk.GetArrayFromImage(prepared.images["adc"]))
    adc = image_of(values, prepared.grid.GetSpacing(), prepared.grid.GetOrigin())
    flat = replace(prepared, images={**prepared.images, "adc": adc})
    keys = [key for key in KEYS if key.region in ("tumour", "contralateral") and key.image == "original"]
    vector = Measuring(flat, keys).measure(mask_image(outline(flat, 12.0), flat.grid)).vector
    gone = [str(key) for key in keys if key.region == "contralateral" and key.sequence == "adc"]
    assert set(vector.missing) == set(gone) and "same value everywhere" in vector.missing[gone[0]]
    cover = replace(prepared, covered={"adc": mask_image(x > -20, prepared.grid)})
    vector = Measuring(cover, keys).measure(mask_image(outline(cover, 12.0), cover.grid)).vector
    assert set(vector.missing) == set(gone) and "field of view of adc" in vector.missing[gone[0]]


def test_without_both_breasts_only_the_contralateral_features_are_missing(prepared):
    x = coordinates(prepared.grid)[0]
    one = mask_image(array(prepared.limits["breast"]) & (x > 0), prepared.grid)
    for limits, why in (({"breast": one}, "One breast"), ({}, "no breast mask")):
        measuring = Measuring(replace(prepared, limits=limits), KEYS)
        vector = measuring.measure(mask_image(outline(prepared, 12.0), prepared.grid)).vector
        assert {FeatureKey.parse(text).region for text in vector.missing} == {"contralateral"}
        assert all(why in text for text in vector.missing.values())


def test_limits_are_cut_with_the_images(prepared):
    box = (slice(3, 20), slice(5, 30), slice(60, 100))
    part = crop_prepared(prepared, box)
    assert np.array_equal(array(part.limits["breast"]), array(prepared.limits["breast"])[box])
    assert part.limits["breast"].GetOrigin() == part.grid.GetOrigin()


def test_an_outline_outside_the_breast_is_refused_and_the_next_one_right(prepared):
    measuring = Measuring(prepared, KEYS[:1])
    good = mask_image(outline(prepared, 10.0), prepared.grid)
    before = measuring.measure(good).vector.values
    with pytest.raises(OutsideBreastError):
        measuring.measure(mask_image(outline(prepared, 5.0, (-45.0, 30.0, 0.0)), prepared.grid))
    assert measuring.measure(good).vector.values == before


def test_the_explanation_balances_over_all_regions_and_without_absent_ones(prepared):
    model = toy_model(keys=[str(key) for key in KEYS])
    measuring = Measuring(prepared, KEYS)
    for radius, gone in ((12.0, 0), (6.0, 2)):
        on = measuring.measure(mask_image(outline(prepared, radius), prepared.grid))
        assert len(on.vector.missing) == gone
        found = explain(model, on.vector, on.arrays, on.masks, on.grid)
        score = sum(part.phi for part in found.contributions)
        assert found.baseline + score == pytest.approx(found.log_odds, abs=1e-9)
        placed = sum(part.phi for part in found.contributions if part.localised)
        assert sitk.GetArrayViewFromImage(found.total).sum() == pytest.approx(placed, abs=1e-9)
        absent = {part.key for part in found.contributions if not part.localised}
        assert absent >= set(on.vector.missing)
