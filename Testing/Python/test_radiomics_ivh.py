"""Intensity-volume histogram against closed forms, with every kind of intensities."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy import errors
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.ivh import FEATURES, IntensityVolume

STAIR = np.random.default_rng(0).permutation(101).astype(float)
"""0 to 100, each once: a share (101 - i) / 101 reaches i."""


def _values(curve: IntensityVolume) -> dict[str, float]:
    return {name: feature(curve) for name, feature in FEATURES.items()}


def test_whole_units():
    found = _values(IntensityVolume(STAIR, "none"))
    assert found["volume_at_intensity_fraction_10"] == pytest.approx(91 / 101)
    assert found["volume_at_intensity_fraction_90"] == pytest.approx(11 / 101)
    assert found["intensity_at_volume_fraction_10"] == 91
    assert found["intensity_at_volume_fraction_90"] == 11
    assert found["volume_fraction_difference_between_intensity_fractions"] == pytest.approx(80 / 101)
    assert found["intensity_difference_between_volume_fractions"] == 80
    assert found["area_under_curve"] == pytest.approx((1 + 1 / 101) / 2)


def test_range_of_resegmentation_is_the_intensity_range():
    found = _values(IntensityVolume(STAIR, "none", -100, 300))
    assert found["volume_at_intensity_fraction_10"] == 1
    assert found["volume_at_intensity_fraction_90"] == 0
    assert found["intensity_at_volume_fraction_10"] == 91
    steps = np.arange(-100, 301)
    share = [np.mean(step <= STAIR) for step in steps]
    area = sum((a + b) / 2 for a, b in zip(share, share[1:], strict=False)) / 400
    assert found["area_under_curve"] == pytest.approx(area)
    half_open = IntensityVolume(STAIR, "none", -100)
    assert (half_open.first, half_open.last) == (-100, 100)


def test_bins_of_fixed_width_have_the_intensity_of_their_centre():
    curve = IntensityVolume(STAIR / 10, "fbw0.5", 0, 10)
    assert curve.first == pytest.approx(0.25)
    found = _values(curve)
    # 9.0 to 9.5 is the first bin that at most a tenth of 101 values reaches: 90 … 100 are 11, 95 … 100 are 6.
    assert found["intensity_at_volume_fraction_10"] == pytest.approx(9.75)
    assert found["volume_at_intensity_fraction_90"] == pytest.approx(np.mean(STAIR >= 90))


def test_bin_numbers_do_not_depend_on_the_unit():
    ours = _values(IntensityVolume(STAIR, "fbn1000"))
    assert ours == _values(IntensityVolume(STAIR * 0.25 - 12, "fbn1000"))
    assert ours["intensity_at_volume_fraction_90"] == 102


@pytest.mark.parametrize("part", [10, 90])
def test_most_voxels_have_the_highest_intensity(part):
    """No intensity of the scale is reached by few enough voxels: one step above."""
    curve = IntensityVolume(np.array([1.0] + [3.0] * 99), "none")
    assert FEATURES[f"intensity_at_volume_fraction_{part}"](curve) == 4


def test_too_many_bins_are_refused():
    with pytest.raises(errors.FeatureError, match="bins"):
        IntensityVolume(np.array([0.0, 1e12]), "none")
    with pytest.raises(errors.FeatureError, match="grey levels"):
        IntensityVolume(np.array([0.0, 1e12]), "fbw1")
    with pytest.raises(errors.FeatureError, match="bins"):
        IntensityVolume(np.array([0.0, 1.0]), "fbw1", 0, 1e12)


def test_whole_units_are_asked_for_but_not_there():
    key = "t1:tumour:original:ivh:area_under_curve:3d:none:ibsi"
    image = STAIR[:100].reshape(4, 5, 5)
    mask = np.ones(image.shape, dtype=bool)
    assert key in extract({"t1": image}, {"tumour": mask}, (1, 1, 1), [key]).values
    assert "undefined" in extract({"t1": image / 7}, {"tumour": mask}, (1, 1, 1), [key]).missing[key]
