"""Re-segmentation of the intensity mask as part of a key."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy import errors
from virtualbiopsy.radiomics.definitions import DEFINITIONS, all_keys, describe
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.resegment import Region, parse_region, resegment

SPACING = (2.0, 1.0, 1.5)
RANGED = "tumour(range=60..140)"


@pytest.fixture
def image():
    return np.random.default_rng(8).normal(100, 30, (10, 12, 11)).round(1)


@pytest.fixture
def mask():
    k, j, i = np.mgrid[:10, :12, :11]
    return (k - 4.5) ** 2 / 16 + (j - 5.5) ** 2 / 20 + (i - 5) ** 2 / 18 <= 1


def _extract(image, mask, keys):
    return extract({"ct": image}, {"tumour": mask}, SPACING, keys)


def _by_feature(image, mask, region, profile="ibsi", discretisation="fbn16"):
    keys = all_keys("ct", region, discretisation, profile)
    result = _extract(image, mask, keys)
    assert not result.missing
    return {(key.family, key.name): result.values[str(key)] for key in keys}


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("tumour", Region("tumour")),
        ("ring5(range=-500..400)", Region("ring5", -500, 400)),
        ("tumour(range=0..inf)", Region("tumour", 0, math.inf)),
        ("tumour(range=-inf..0.25)", Region("tumour", -math.inf, 0.25)),
        ("tumour(outlier=3)", Region("tumour", outlier=3)),
        ("tumour(range=-1000..400;outlier=2.5)", Region("tumour", -1000, 400, 2.5)),
    ],
)
def test_grammar(text, region):
    assert parse_region(text) == region
    assert str(region) == text


@pytest.mark.parametrize(
    "modifiers",
    [
        "range=400..-500",
        "range=1..1",
        "range=-inf..inf",
        "range=5",
        "range=a..b",
        "range=nan..3",
        "range=0..1.0",
        "range=inf..inf",
        "outlier=0",
        "outlier=-3",
        "outlier=3.0",
        "outlier=inf",
        "outlier=nan",
        "outlier=3;range=0..1",
        "sigma=3",
        "range=0..1;range=0..2",
    ],
)
def test_regions_that_cannot_be(modifiers):
    with pytest.raises(errors.FeatureError):
        parse_region(f"tumour({modifiers})")


def test_outliers_are_those_of_what_is_within_the_range():
    values = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 5000])
    both = parse_region("tumour(range=-10..100;outlier=2)")
    kept = values[:11]
    reach = 2 * kept.std()
    assert resegment(values, both).tolist() == [
        value <= 100 and abs(value - kept.mean()) <= reach for value in values
    ]
    assert not resegment(values, both)[10]
    alone = parse_region("tumour(outlier=2)")
    assert resegment(values, alone)[10] and not resegment(values, alone)[11]


def test_both_bounds_belong_to_the_range():
    values = np.array([-1.0, 0.0, 0.5, 1.0, 1.0001])
    assert resegment(values, parse_region("tumour(range=0..1)")).tolist() == [False, True, True, True, False]


def test_shape_is_that_of_the_outline_and_the_rest_that_of_the_narrower_mask(image, mask):
    """All but shape, and distances from its border, equals what the narrower mask gives as an outline."""
    narrower = mask & (image >= 60) & (image <= 140)
    assert narrower.sum() < mask.sum()
    ours = _by_feature(image, mask, RANGED)
    outline = _by_feature(image, mask, "tumour")
    inner = _by_feature(image, narrower, "tumour")
    volume = "mask:tumour:original:morphology:volume:3d:none:ibsi"
    for (family, name), value in ours.items():
        if family in ("gldzm", "ivh"):
            continue
        if name == "integrated_intensity":
            wanted = _extract(image, mask, [volume]).values[volume] * inner["statistics", "mean"]
        elif name == "centre_of_mass_shift":
            centre = np.argwhere(mask).mean(axis=0) * SPACING
            weights = image[narrower][:, None]
            weighted = (np.argwhere(narrower) * weights).sum(axis=0) / weights.sum() * SPACING
            wanted = float(np.linalg.norm(weighted - centre))
        else:
            wanted = inner[family, name]
        assert value == pytest.approx(wanted, rel=1e-9, abs=1e-12), (family, name)
    assert ours["statistics", "mean"] != outline["statistics", "mean"]


def test_distance_zones_measure_from_the_border_of_the_outline():
    """A hole that re-segmentation leaves is no border."""
    image = np.full((7, 7, 7), 100.0)
    image[0, 0, 0] = 120
    image[3, 3, 2] = 1000
    mask = np.ones(image.shape, dtype=bool)
    key = "ct:tumour(range=0..200):original:gldzm:large_distance_emphasis:3d:fbw5:ibsi"
    image[3, 3, 3] = 150
    found = _extract(image, mask, [key]).values[key]
    # Zones: the bright corner (distance 1), the large one (distance 1) and the centre, four voxels deep.
    assert found == pytest.approx((1 + 1 + 16) / 3)


def test_bins_of_fixed_width_start_at_the_lower_bound(image, mask):
    inside = mask & (image >= 60) & (image <= 140)
    assert image[inside].min() > 60
    key = f"ct:{RANGED}:original:histogram:mean:3d:fbw25:ibsi"
    levels = np.floor((image[inside] - 60) / 25) + 1
    assert _extract(image, mask, [key]).values[key] == pytest.approx(levels.mean())


@pytest.mark.parametrize(("profile", "same"), [("ibsi", False), ("pyradiomics", True)])
def test_the_bound_itself_moves_the_bins_only_as_the_ibsi_has_it(profile, same, image, mask):
    mask &= (image < 57) | (image > 60)
    keys = [
        f"ct:tumour(range={low}..140):original:glcm:joint_average:3d_average:fbw25:{profile}"
        for low in (57, 60)
    ]
    first, second = _extract(image, mask, keys).values.values()
    assert (first == second) is same


def test_nothing_or_one_voxel_left(image, mask):
    key = "ct:tumour(range=5000..inf):original:statistics:mean:3d:none:ibsi"
    with pytest.raises(errors.EmptyRegionError, match="5000"):
        _extract(image, mask, [key])
    image[5, 5, 5] = 6000
    with pytest.raises(errors.RegionTooSmallError, match="5000"):
        _extract(image, mask, [key])


def test_a_range_that_holds_everything_changes_nothing(image, mask):
    assert _by_feature(image, mask, "tumour(range=-inf..1000)") == _by_feature(image, mask, "tumour")


def test_sequences_have_their_own_intensity_mask(image, mask):
    keys = [f"{s}:tumour(outlier=1):original:statistics:maximum:3d:none:ibsi" for s in ("ct", "pet")]
    images = {"ct": image, "pet": -image}
    found = extract(images, {"tumour": mask}, SPACING, keys).values
    values = image[mask]
    kept = values[np.abs(values - values.mean()) <= values.std()]
    assert found == {keys[0]: kept.max(), keys[1]: -kept.min()}


def test_provenance_says_how_many_voxels_stay(image, mask):
    key = f"ct:{RANGED}:original:glcm:contrast:3d_average:fbn16:ibsi"
    result = _extract(image, mask, [key])
    left = np.count_nonzero(mask & (image >= 60) & (image <= 140))
    assert any(f"{left} of {mask.sum()} voxels" in step for step in result.provenance)
    assert result.bins == {f"ct:{RANGED}:fbn16": 16}


@pytest.mark.parametrize(
    "key",
    [
        "mask:tumour(range=0..1):original:morphology:volume:3d:none:ibsi",
        "ct:tumour(range=1..0):original:statistics:mean:3d:none:ibsi",
        "ct:tumour(outlier=3;range=0..1):original:statistics:mean:3d:none:ibsi",
    ],
)
def test_keys_that_cannot_be(key):
    with pytest.raises(errors.FeatureError):
        describe(key)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("modifier", "theirs"),
    [
        ("range=60..140", {"resegmentRange": [60, 140]}),
        ("outlier=1.5", {"resegmentRange": [-1.5, 1.5], "resegmentMode": "sigma"}),
    ],
)
def test_equals_pyradiomics(modifier, theirs, image, mask, tmp_path, pyradiomics_oracle):
    paths = []
    for name, array in (("image", image), ("mask", mask.astype(np.uint8))):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing(SPACING[::-1])
        paths.append(tmp_path / f"{name}.nrrd")
        sitk.WriteImage(volume, str(paths[-1]))
    found = pyradiomics_oracle(*paths, {"settings": {"binWidth": 10, **theirs}, "deprecated": True})
    keys = all_keys("mask", profile="pyradiomics")
    keys += all_keys("ct", f"tumour({modifier})", "fbw10", "pyradiomics")
    ours = _extract(image, mask, keys).values
    named = {DEFINITIONS[key.family, key.name].pyradiomics_name: ours[str(key)] for key in keys}
    assert set(named) == set(found["features"])
    for name, value in named.items():
        assert value == pytest.approx(found["features"][name], rel=1e-6), name
