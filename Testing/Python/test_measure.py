"""Outlines measured one after another equal a full extraction on the whole images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour
from virtualbiopsy import measure
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import EmptyRegionError, GeometryError
from virtualbiopsy.measure import Measuring
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case, prepare_mask
from virtualbiopsy.progress import silent
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.regions.derive import region_mask

KEYS = tuple(
    FeatureKey.parse(text)
    for text in (
        "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",
        "mask:tumour:original:morphology:volume:3d:none:ibsi",
        "t1c:tumour:original:statistics:mean:3d:none:ibsi",
        "t1c:tumour:log(sigma=2):glcm:contrast:3d_average:fbn16:ibsi",
        "t1c:tumour:wavelet(family=coif1;bands=HLL;level=1):glrlm:short_runs_emphasis:3d_merged:fbn16:ibsi",
        "t1c:tumour:wavelet(family=coif1;bands=HLL;level=1):statistics:mean:3d:none:pyradiomics",
        "adc:tumour:original:glszm:zone_percentage:3d:fbn16:ibsi",
        "adc:tumour(outlier=2):original:statistics:variance:3d:none:ibsi",
        "adc:ring4:original:statistics:percentile_90:3d:none:ibsi",
        "t1c:largest_slice:original:glcm:joint_entropy:2d_average:fbn16:ibsi",
        "adc:tumour:original:ngtdm:coarseness:3d:fbn16:ibsi",
    )
)


@pytest.fixture(scope="module")
def prepared():
    tumour = synthetic_tumour(shape=(40, 60, 58), spacing=(2.0, 1.0, 1.1), radius_mm=9.0)
    case = Case("synthetic", tuple(Sequence(role, role, tumour.image(role)) for role in ("t1c", "adc")))
    return prepare_case(case, Preparation(normalise="none", register=False)), tumour.mask()


def everything(prepared, mask: sitk.Image) -> dict[str, float]:
    outline = prepare_mask(mask, prepared)
    names = ("tumour", "largest_slice", "ring4")
    masks = {name: sitk.GetArrayFromImage(region_mask(name, outline)) > 0 for name in names}
    images = {role: sitk.GetArrayFromImage(image) for role, image in prepared.images.items()}
    vector = extract(images, masks, prepared.grid.GetSpacing()[::-1], KEYS)
    assert not vector.missing
    return dict(vector.values)


def strokes(mask: sitk.Image, count: int):
    """Balls painted and erased, walking away from the first outline until the window has to move."""
    rng = np.random.default_rng(3)
    inside = sitk.GetArrayFromImage(mask) > 0
    centre = np.argwhere(inside).mean(axis=0)
    axes = np.meshgrid(*(np.arange(n) for n in inside.shape), indexing="ij")
    for n in range(count):
        at = centre + (0.0, 2.5 * n, -2.0 * n) if n % 3 == 0 else rng.permutation(np.argwhere(inside))[0]
        ball = sum((a - c) ** 2 for a, c in zip(axes, at, strict=True)) <= 9
        inside = inside | ball if n % 3 != 2 else inside & ~ball
        image = sitk.GetImageFromArray(inside.astype(np.uint8))
        image.CopyInformation(mask)
        yield image


def test_edits_equal_a_full_extraction_even_where_the_window_moves(prepared, monkeypatch):
    case, mask = prepared
    monkeypatch.setattr(measure, "SLACK_MM", 4.0)
    measuring = Measuring(case, KEYS)
    windows = set()
    for image in [mask, *strokes(mask, 10), mask]:
        measured = measuring.measure(image)
        windows.add(id(measuring._window))
        assert dict(measured.vector.values) == pytest.approx(everything(case, image), rel=1e-10)
    assert len(windows) > 2


def test_arrays_masks_and_grid_belong_together(prepared):
    case, mask = prepared
    measured = Measuring(case, KEYS).measure(mask)
    outline = prepare_mask(mask, case)
    box = measured.box
    assert np.array_equal(measured.masks["tumour"], sitk.GetArrayFromImage(outline)[box] > 0)
    assert measured.masks["tumour"].sum() == sitk.GetArrayFromImage(outline).sum()
    for role, array in measured.arrays.items():
        assert np.array_equal(array, sitk.GetArrayFromImage(case.images[role])[box])
    first = [b.start for b in reversed(box)]
    assert measured.grid.GetOrigin() == pytest.approx(case.grid.TransformIndexToPhysicalPoint(first))
    assert measured.grid.GetSize()[::-1] == measured.masks["ring4"].shape


def test_an_outline_that_cannot_be_used_leaves_the_next_one_right(prepared):
    case, mask = prepared
    measuring = Measuring(case, KEYS)
    before = measuring.measure(mask).vector.values
    with pytest.raises(EmptyRegionError):
        measuring.measure(mask * 0)
    far = sitk.Image(mask)
    far.SetOrigin([x + 1000 for x in mask.GetOrigin()])
    with pytest.raises(GeometryError):
        measuring.measure(far)
    assert measuring.measure(mask).vector.values == before


def test_a_sequence_that_misses_the_outline_is_left_out_and_comes_back(prepared):
    case, mask = prepared
    inside = sitk.GetArrayFromImage(prepare_mask(mask, case)) > 0
    low = int(np.argwhere(inside)[:, 0].min())
    cover = np.ones(inside.shape, dtype=np.uint8)
    cover[: low + 2] = 0
    image = sitk.GetImageFromArray(cover)
    image.CopyInformation(case.grid)
    measuring = Measuring(replace(case, covered={"adc": image}), KEYS)
    measured = measuring.measure(mask, silent)
    assert "adc" in measured.left_out and "adc" not in measured.arrays
    assert all("outside the field of view" in why for why in measured.vector.missing.values())
    assert len(measured.vector.missing) == sum(key.sequence == "adc" for key in KEYS)
    smaller = sitk.GetArrayFromImage(mask)
    smaller[: smaller.any(axis=(1, 2)).argmax() + 3] = 0
    image = sitk.GetImageFromArray(smaller)
    image.CopyInformation(mask)
    back = measuring.measure(image).vector
    assert not back.missing and len(back.values) == len(KEYS)


def test_a_filter_that_does_not_fit_takes_only_its_own_features_away(prepared):
    case, mask = prepared
    keys = [
        replace(KEYS[2], image=image)
        for image in ("original", "log(sigma=40)", "log(sigma=2)", "log(sigma=0.1)")
    ]
    measuring = Measuring(case, keys)
    for _ in range(2):
        vector = measuring.measure(mask).vector
        assert set(vector.values) == {str(keys[0]), str(keys[2])}
        assert "sigma" in vector.missing[str(keys[3])] and vector.missing[str(keys[1])]


def test_intensity_peaks_see_far_enough_around_the_outline(prepared):
    case, mask = prepared
    key = FeatureKey.parse("adc:tumour:original:local_intensity:local_intensity_peak:3d:none:ibsi")
    measuring = Measuring(case, [key])
    measured = measuring.measure(mask)
    images = {role: sitk.GetArrayFromImage(image) for role, image in case.images.items()}
    inside = sitk.GetArrayFromImage(prepare_mask(mask, case)) > 0
    expected = extract(images, {"tumour": inside}, case.grid.GetSpacing()[::-1], [key]).values
    assert measured.vector.values == pytest.approx(expected, rel=1e-12)
    assert measuring.vector(measured, measured.masks).values == pytest.approx(expected, rel=1e-12)
