"""Bad input, keys and definitions of the radiomics engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from virtualbiopsy import errors
from virtualbiopsy.radiomics.definitions import DEFINITIONS, all_keys, describe
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.glcm import DIRECTIONS, FEATURES, cooccurrence, glcm_features
from virtualbiopsy.radiomics.keys import PROFILES, FeatureKey

SPACING = (2.0, 1.0, 1.0)
MEAN = "t1c:tumour:original:statistics:mean:3d:none:ibsi"
ENTROPY = "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi"
VOLUME = "mask:tumour:original:morphology:volume:3d:none:ibsi"


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(1).normal(100, 20, (8, 9, 10))


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((8, 9, 10), dtype=bool)
    mask[2:6, 2:7, 3:8] = True
    return mask


def _extract(image, mask, keys=(MEAN, ENTROPY, VOLUME), spacing=SPACING):
    return extract({"t1c": image}, {"tumour": mask}, spacing, keys)


def test_empty_region(image):
    with pytest.raises(errors.EmptyRegionError, match="tumour"):
        _extract(image, np.zeros(image.shape, dtype=bool))


@pytest.mark.parametrize("key", [MEAN, ENTROPY, VOLUME])
def test_one_voxel(image, key):
    mask = np.zeros(image.shape, dtype=bool)
    mask[3, 3, 3] = True
    with pytest.raises(errors.RegionTooSmallError, match="tumour"):
        _extract(image, mask, [key])


def test_flat_region_has_a_shape_but_no_intensities(image, mask):
    image[mask] = 7
    with pytest.raises(errors.FlatRegionError, match="7"):
        _extract(image, mask, [MEAN])
    assert _extract(image, mask, [VOLUME]).values[VOLUME] > 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_finite_inside_and_outside(image, mask, bad):
    image[0, 0, 0] = bad
    assert len(_extract(image, mask).values) == 3
    image[3, 3, 4] = bad
    with pytest.raises(errors.NonFiniteError, match="1 voxel"):
        _extract(image, mask)


def _everything(profile):
    return all_keys("mask", profile=profile) + all_keys("t1c", profile=profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_region_that_touches_the_border(image, profile):
    """The same region inside a larger image has the same features; peaks depend on what is around it."""
    whole = np.ones(image.shape, dtype=bool)
    keys = [key for key in _everything(profile) if key.family != "local_intensity"]
    alone = _extract(image, whole, keys)
    padded = _extract(np.pad(image, 2), np.pad(whole, 2), keys)
    assert not alone.missing
    assert alone.values == padded.values


@pytest.mark.parametrize("profile", PROFILES)
def test_components_without_contact(image, profile):
    mask = np.zeros(image.shape, dtype=bool)
    mask[0, 0, 0] = mask[7, 8, 9] = mask[0, 8, 0] = True
    result = _extract(image, mask, _everything(profile))
    assert all(math.isfinite(value) for value in result.values.values())
    assert {key.split(":")[3] for key in result.missing} >= {"glcm"}
    assert all("undefined" in reason for reason in result.missing.values())
    assert set(result.values) | set(result.missing) == {str(key) for key in _everything(profile)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 4, 5), (2, 2, 2)])
def test_tiny_and_planar_regions_never_give_a_silent_number(shape, profile):
    image = np.random.default_rng(4).normal(size=shape)
    result = _extract(image, np.ones(shape, dtype=bool), _everything(profile))
    assert all(math.isfinite(value) for value in result.values.values())
    assert set(result.values) | set(result.missing) == {str(key) for key in _everything(profile)}


def test_undefined_feature_is_missing_with_a_reason(image, mask):
    image[mask] -= image[mask].mean()
    image[mask] = np.sign(image[mask] - np.median(image[mask]))
    key = MEAN.replace("mean", "coefficient_of_variation")
    result = _extract(image, mask, [MEAN, key])
    assert result.values[MEAN] == 0
    assert result.missing[key] == "Coefficient of variation is undefined in the region 'tumour'."


def test_absent_sequence_is_missing_but_the_rest_is_there(image, mask):
    key = MEAN.replace("t1c", "adc")
    result = _extract(image, mask, [MEAN, key, VOLUME])
    assert set(result.values) == {MEAN, VOLUME}
    assert result.missing == {key: "The case has no adc."}


def test_absent_region(image, mask):
    with pytest.raises(errors.FeatureError, match="ring5"):
        _extract(image, mask, [MEAN.replace("tumour", "ring5")])


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, math.nan, 1), (1, -1, 1)])
def test_bad_spacing(image, mask, spacing):
    with pytest.raises(errors.GeometryError):
        _extract(image, mask, spacing=spacing)


def test_other_grid_and_other_dimensions(image, mask):
    with pytest.raises(errors.GeometryError, match="t1c"):
        _extract(image[1:], mask)
    with pytest.raises(errors.DimensionError):
        _extract(image[None], mask)
    with pytest.raises(errors.DimensionError):
        _extract(image, mask[None])


@pytest.mark.parametrize(
    "key",
    [
        "nonsense",
        "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:mirp",
        "t1c:tumour:original:glcm:nonsense:3d_average:fbn32:ibsi",
        "t1c:tumour:wavelet:glcm:joint_entropy:3d_average:fbn32:ibsi",
        "t1c:tumour:original:glcm:joint_entropy:3d:fbn32:ibsi",
        "t1c:tumour:original:glcm:joint_entropy:3d_average:none:ibsi",
        "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn1:ibsi",
        "t1c:tumour:original:glcm:joint_entropy:3d_average:fbw0:ibsi",
        "t1c:tumour:original:statistics:mean:3d:fbn32:ibsi",
        "t1c:tumour:original:morphology:volume:3d:none:ibsi",
        "mask:tumour:original:statistics:mean:3d:none:ibsi",
        "t1c:tumour:original:gldzm:zone_percentage:3d:fbn32:pyradiomics",
        "t1c:tumour:original:glcm:maximal_correlation_coefficient:3d_average:fbn32:ibsi",
        "clinical:age",
    ],
)
def test_keys_that_cannot_be(image, mask, key):
    with pytest.raises(errors.FeatureError):
        _extract(image, mask, [key])


def test_too_many_grey_levels(image, mask):
    with pytest.raises(errors.FeatureError, match="grey levels"):
        _extract(image, mask, [ENTROPY.replace("fbn32", "fbw0.01")])


def test_bins_and_provenance(image, mask):
    result = _extract(image, mask, [MEAN])
    assert result.bins == {}
    result = _extract(image, mask, [ENTROPY])
    values = image[mask]
    levels = np.floor(32 * (values - values.min()) / np.ptp(values)).clip(max=31)
    assert result.bins == {"t1c:tumour:fbn32": len(np.unique(levels))}
    assert any("100 voxels" in step for step in result.provenance)


def test_values_do_not_depend_on_what_else_is_asked(image, mask):
    keys = _everything("ibsi")
    together = _extract(image, mask, keys).values
    for key in keys[::9]:
        assert _extract(image, mask, [key]).values[str(key)] == together[str(key)]


def test_integer_images_and_masks(image, mask):
    image = image.round().astype(np.int16)
    assert _extract(image, mask.astype(np.uint8)).values == _extract(image.astype(float), mask).values


def test_discretise_bin_rules():
    values = np.array([54.0, 75.0, 100.0, 166.0])
    assert discretise(values, None, "fbw25", "ibsi")[0].tolist() == [1, 1, 2, 5]
    assert discretise(values, None, "fbw25", "pyradiomics")[0].tolist() == [1, 2, 3, 5]
    assert discretise(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), None, "fbn4", "ibsi")[0].tolist() == [
        1,
        2,
        3,
        4,
        4,
    ]
    assert discretise(np.array([-10.0, 0.0]), None, "fbw4", "pyradiomics")[0].tolist() == [1, 4]
    with pytest.raises(errors.FlatRegionError):
        discretise(np.ones(4), None, "fbn4", "ibsi")


def test_discretise_marks_the_outside_with_zero(image, mask):
    levels, highest = discretise(image, mask, "fbn16", "ibsi")
    assert levels.dtype == np.int32
    assert highest == 16
    assert not levels[~mask].any()
    assert levels[mask].min() == 1
    with pytest.raises(errors.EmptyRegionError):
        discretise(image, np.zeros_like(mask), "fbn16", "ibsi")


def test_cooccurrence_against_a_plain_count(image, mask):
    levels, highest = discretise(image, mask, "fbn5", "ibsi")
    counts = cooccurrence(levels, highest)
    assert counts.shape == (13, highest, highest)
    for number in (0, 1, 7, 12):
        plain = np.zeros((highest, highest))
        for k, j, i in np.argwhere(mask):
            other = tuple(np.array((k, j, i)) + DIRECTIONS[number])
            if mask[other]:
                plain[levels[k, j, i] - 1, levels[other] - 1] += 1
                plain[levels[other] - 1, levels[k, j, i] - 1] += 1
        assert np.array_equal(counts[number], plain)


@pytest.mark.parametrize("aggregation", ["3d_average", "3d_merged"])
def test_building_blocks_equal_extract(image, mask, aggregation):
    levels, highest = discretise(image, mask, "fbn32", "ibsi")
    values = glcm_features(cooccurrence(levels, highest), aggregation=aggregation)
    assert set(values) == set(FEATURES)
    keys = [key for key in all_keys("t1c", aggregation=aggregation) if key.family == "glcm"]
    extracted = _extract(image, mask, keys).values
    for key in keys:
        assert values[key.name] == pytest.approx(extracted[str(key)], rel=1e-12)


def test_definitions_are_complete():
    codes = [d.ibsi_code for d in DEFINITIONS.values() if d.ibsi_code]
    assert len(codes) == len(set(codes))
    assert all(len(code) == 4 for code in codes)
    labels = [d.label for d in DEFINITIONS.values()]
    assert len(labels) == len(set(labels))
    for d in DEFINITIONS.values():
        assert d.description.endswith(".") and not d.description[0].islower()
        assert d.profiles
        assert ("ibsi" in d.profiles) == bool(d.ibsi_code)
        assert ("pyradiomics" in d.profiles) == (d.pyradiomics_name is not None)


def test_describe():
    assert describe(ENTROPY).label == "Joint entropy (GLCM)"
    assert describe(ENTROPY).ibsi_code == "TU9B"
    assert describe(ENTROPY).pyradiomics_name == "glcm_JointEntropy"
    assert describe(VOLUME).unit == "mm³"
    assert describe("clinical:age").family == "clinical"
    assert describe("clinical:skull_base").label == "Skull base"
    with pytest.raises(errors.FeatureError):
        describe("clinical:shoe_size")


@pytest.mark.parametrize("profile", PROFILES)
def test_all_keys_can_be_read_back_and_computed(image, mask, profile):
    keys = _everything(profile)
    assert len(keys) == len(set(keys))
    assert [FeatureKey.parse(str(key)) for key in keys] == keys
    assert not _extract(image, mask, keys).missing
