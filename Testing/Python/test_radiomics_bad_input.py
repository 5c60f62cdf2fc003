"""Regions that are too small, too flat or too wide, and images that are not finite.

Every feature of both profiles, in all aggregations, has a finite value, a reason why it has none, or an error
of the right type.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from virtualbiopsy import errors
from virtualbiopsy.memory import LIMIT_VARIABLE
from virtualbiopsy.radiomics.definitions import all_keys, definition
from virtualbiopsy.radiomics.discretise import MAX_LEVELS
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import PROFILES, FeatureKey

SPACING = (3.0, 1.0, 1.0)
AGGREGATIONS = {
    "ibsi": ("3d_average", "3d_merged", "2d_average", "2d_merged", "2.5d_average", "2.5d_merged"),
    "pyradiomics": ("3d_average", "3d_merged", "2.5d_average", "2.5d_merged"),
}


def _keys(profile: str, discretisation: str = "fbn32") -> list[FeatureKey]:
    found = (
        key
        for aggregation in AGGREGATIONS[profile]
        for sequence in ("mask", "ct")
        for key in all_keys(sequence, "tumour", discretisation, profile, aggregation)
    )
    return list(dict.fromkeys(found))


def _block(*shape: int) -> np.ndarray:
    return np.pad(np.ones(shape, dtype=bool), 1)


def _apart() -> np.ndarray:
    mask = np.zeros((7, 7, 7), dtype=bool)
    mask[1, 1, 1] = mask[5, 5, 5] = mask[1, 5, 1] = True
    return mask


def _balanced(shape: tuple[int, ...]) -> np.ndarray:
    """+1 and -1 in turn: the mean of an even block is zero."""
    return np.where(np.indices(shape).sum(axis=0) % 2, 1.0, -1.0)


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(6).normal(100, 20, shape)


SOLID = _block(4, 5, 6)
CASES = {
    "two voxels": (_block(1, 1, 2), _noise, "fbn32"),
    "three voxels without contact": (_apart(), _noise, "fbn32"),
    "a line": (_block(1, 1, 7), _noise, "fbn32"),
    "a plane": (_block(1, 5, 6), _noise, "fbn32"),
    "two values": (SOLID, lambda shape: np.where(_noise(shape) > 100, 7.0, 3.0), "fbn32"),
    "one bin": (SOLID, _noise, "fbw1000"),
    "mean zero": (SOLID, _balanced, "fbn32"),
    "values to 1e202": (SOLID, lambda shape: (_noise(shape) - 100) * 1e200, "fbn32"),
    "values at 1e12": (SOLID, lambda shape: np.rint(_noise(shape)) + 1e12, "fbn32"),
    "values at 1e-60": (SOLID, lambda shape: _noise(shape) * 1e-60, "fbn32"),
}

GLCM = {"glcm:*"}
UNDEFINED = {
    ("two voxels", "ibsi"): {
        "morphology:volume_density_aee",
        "morphology:area_density_aee",
        "statistics:robust_mean_absolute_deviation",
        "histogram:robust_mean_absolute_deviation",
    },
    ("two voxels", "pyradiomics"): {"statistics:robust_mean_absolute_deviation"},
    ("three voxels without contact", "ibsi"): {"morphology:volume_density_aee", "ngtdm:*"} | GLCM,
    ("three voxels without contact", "pyradiomics"): GLCM,
    ("a line", "ibsi"): {"morphology:volume_density_aee", "morphology:area_density_aee"},
    ("a plane", "ibsi"): {"morphology:volume_density_aee"},
    ("one bin", "ibsi"): {
        "histogram:skewness",
        "histogram:kurtosis",
        "histogram:maximum_gradient",
        "histogram:maximum_gradient_level",
        "histogram:minimum_gradient",
        "histogram:minimum_gradient_level",
    },
    ("mean zero", "ibsi"): {
        "morphology:centre_of_mass_shift",
        "statistics:coefficient_of_variation",
        "statistics:quartile_coefficient_of_dispersion",
    },
    ("values to 1e202", "ibsi"): {
        "morphology:morans_i",
        "morphology:gearys_c",
        "statistics:variance",
        "statistics:skewness",
        "statistics:kurtosis",
        "statistics:coefficient_of_variation",
        "statistics:energy",
        "statistics:root_mean_square",
    },
    ("values to 1e202", "pyradiomics"): {
        "statistics:variance",
        "statistics:skewness",
        "statistics:kurtosis",
        "statistics:energy",
        "statistics:total_energy",
        "statistics:root_mean_square",
    },
}
"""What has no value, with division by zero or beyond the range of floating point as the cause."""


def _undefined(case: str, profile: str, mask: np.ndarray) -> set[str]:
    names = set(UNDEFINED.get((case, profile), ()))
    if profile == "pyradiomics" and mask.any(axis=(1, 2)).sum() > 1:
        names.add("shape2d:*")
    return names


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES)
def test_every_feature_has_a_finite_value_or_a_reason(case, profile):
    mask, make, rule = CASES[case]
    keys = _keys(profile, rule)
    result = extract({"ct": make(mask.shape)}, {"tumour": mask}, SPACING, keys)
    assert set(result.values) | set(result.missing) == {str(key) for key in keys}
    assert not set(result.values) & set(result.missing)
    assert all(math.isfinite(value) for value in result.values.values())
    assert all("undefined" in reason for reason in result.missing.values())
    names = _undefined(case, profile, mask)
    wanted = {str(key) for key in keys if names & {f"{key.family}:{key.name}", f"{key.family}:*"}}
    assert set(result.missing) == wanted


@pytest.mark.parametrize("profile", PROFILES)
def test_a_shift_and_a_scale_are_not_lost_in_rounding(profile):
    """At an offset of a thousand million times the noise, and at 1e-60."""
    image = np.rint(_noise(SOLID.shape))
    families = ("glcm", "glrlm", "ngldm", "ngtdm")
    keys = [key for key in _keys(profile) if key.family in families or key.name in ("skewness", "kurtosis")]
    assert len(keys) > 100
    ours = extract({"ct": image}, {"tumour": SOLID}, SPACING, keys).values
    far = extract({"ct": image + 2.0**34}, {"tumour": SOLID}, SPACING, keys).values
    small = extract({"ct": image * 2.0**-200}, {"tumour": SOLID}, SPACING, keys).values
    assert set(ours) == set(far) == set(small)
    for key, value in ours.items():
        assert far[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key
        assert small[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key


def _with(value: float) -> np.ndarray:
    image = _noise(SOLID.shape)
    image[2, 3, 3] = value
    return image


def _single() -> np.ndarray:
    mask = np.zeros(SOLID.shape, dtype=bool)
    mask[2, 2, 2] = True
    return mask


ERRORS = {
    "empty": (errors.EmptyRegionError, np.zeros_like(SOLID), _noise, True),
    "one voxel": (errors.RegionTooSmallError, _single(), _noise, True),
    "flat": (errors.FlatRegionError, SOLID, lambda shape: np.full(shape, 7.1), False),
    "flat but for rounding": (errors.FlatRegionError, SOLID, lambda s: 0.1 + 1e-18 * _noise(s), False),
    "values at 1e-200": (errors.FlatRegionError, SOLID, lambda shape: _noise(shape) * 1e-200, False),
    "NaN": (errors.NonFiniteError, SOLID, lambda shape: _with(math.nan), False),
    "infinite": (errors.NonFiniteError, SOLID, lambda shape: _with(math.inf), False),
    "minus infinite": (errors.NonFiniteError, SOLID, lambda shape: _with(-math.inf), False),
}
"""Error, mask, image, and whether shape fails as well."""


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", ERRORS)
def test_every_feature_that_cannot_be_raises_a_typed_error(case, profile):
    error, mask, make, shape_too = ERRORS[case]
    image = make(mask.shape)
    for key in _keys(profile):
        if key.sequence == "mask" and not shape_too:
            extract({"ct": image}, {"tumour": mask}, SPACING, [key])
            continue
        with pytest.raises(error, match="tumour"):
            extract({"ct": image}, {"tumour": mask}, SPACING, [key])


@pytest.mark.parametrize("profile", PROFILES)
def test_too_many_bins_are_refused_for_every_feature_that_has_bins(profile):
    """A range of 2000 in bins of 1; a width that gives exactly the limit is accepted."""
    image = _noise(SOLID.shape)
    image[SOLID] = np.linspace(0, 2000, SOLID.sum())
    for key in _keys(profile, "fbw1"):
        if definition(key).discretised and key.family != "ivh":
            with pytest.raises(errors.FeatureError, match=f"2001 grey levels.*at most {MAX_LEVELS}"):
                extract({"ct": image}, {"tumour": SOLID}, SPACING, [key])
        else:
            extract({"ct": image}, {"tumour": SOLID}, SPACING, [key])
    image[SOLID] = np.linspace(0, MAX_LEVELS - 1, SOLID.sum())
    keys = [key for key in _keys(profile, "fbw1") if key.family == "glrlm"]
    assert not extract({"ct": image}, {"tumour": SOLID}, SPACING, keys).missing
    image[SOLID] = np.linspace(0, MAX_LEVELS, SOLID.sum())
    with pytest.raises(errors.FeatureError, match=str(MAX_LEVELS + 1)):
        extract({"ct": image}, {"tumour": SOLID}, SPACING, keys)


def test_autocorrelation_of_a_region_that_is_too_large_is_refused(monkeypatch):
    """Its transforms take a multiple of the region's box; nothing is allocated."""
    monkeypatch.setenv(LIMIT_VARIABLE, str(1 << 20))
    mask = _block(40, 40, 40)
    key = "ct:tumour:original:morphology:morans_i:3d:none:ibsi"
    with pytest.raises(errors.MemoryLimitError, match="Moran"):
        extract({"ct": _noise(mask.shape)}, {"tumour": mask}, SPACING, [key])


def test_number_of_bins_is_reported_so_that_it_can_be_warned_of():
    mask, make, rule = CASES["one bin"]
    found = extract({"ct": make(mask.shape)}, {"tumour": mask}, SPACING, _keys("ibsi", rule)).bins
    assert found == {"ct:tumour:fbw1000": 1}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_filtered_image_that_is_constant_or_too_wide_is_missing_and_the_rest_is_there(profile):
    image = _noise(SOLID.shape)
    responses = {
        "square": np.zeros(image.shape),
        "squareroot": image * 1e6,
        "exponential": np.where(SOLID, np.nan, 1.0),
        "logarithm": np.log(image),
    }
    keys = [key for name in responses for key in all_keys("ct", "tumour", "fbw1", profile, image=name)]

    def response(sequence: str, name: str, profile: str) -> np.ndarray:
        return responses[name]

    result = extract({"ct": image}, {"tumour": SOLID}, SPACING, keys, response)
    by_image: dict[str, set[str]] = {}
    for key in keys:
        if str(key) in result.missing:
            by_image.setdefault(key.image, set()).add(result.missing[str(key)])
    assert by_image["square"] == {"All voxels of the region 'tumour' have the value 0 in 'ct square'."}
    assert all("grey levels" in reason for reason in by_image["squareroot"])
    assert all("NaN" in reason for reason in by_image["exponential"])
    statistics = [key for key in keys if key.family == "statistics" and key.image == "squareroot"]
    assert all(str(key) in result.values for key in statistics)
    assert f"ct:tumour:logarithm:statistics:mean:3d:none:{profile}" in result.values


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", ["empty", "one voxel", "NaN", "infinite"])
def test_a_bad_region_or_image_raises_for_filtered_images_too(case, profile):
    error, mask, make, _ = ERRORS[case]
    image = make(mask.shape)
    key = f"ct:tumour:square:statistics:mean:3d:none:{profile}"
    with pytest.raises(error, match="tumour"):
        extract({"ct": image}, {"tumour": mask}, SPACING, [key], lambda sequence, name, profile: image)
    with pytest.raises(errors.FeatureError, match="no region"):
        extract({"ct": image}, {"ring5": mask}, SPACING, [key], lambda sequence, name, profile: image)
