"""Time–intensity curves against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from breast_support import image_of, series_of
from virtualbiopsy.case.phase_times import effective_times, with_precontrast
from virtualbiopsy.errors import (
    EmptyRegionError,
    GeometryError,
    PhaseCountError,
    PhaseTimeError,
    PrecontrastError,
)
from virtualbiopsy.regions.curves import curve_at, curve_of


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(5)
    base = rng.uniform(80, 120, (6, 7, 8))
    return [base, base + 0.5, 2.0 * base + 10.0, 1.5 * base]


@pytest.fixture(scope="module")
def series(arrays):
    return series_of(arrays, (0.0, 60.0, 130.0, 260.0), before=2)


def test_a_region_gives_mean_deviation_and_enhancement(arrays, series):
    inside = np.random.default_rng(1).random((6, 7, 8)) < 0.3
    curve = curve_of(series, image_of(inside), "lesion")
    mean = np.array([a[inside].mean() for a in arrays])
    baseline = mean[:2].mean()
    assert curve.mean == pytest.approx(mean, rel=1e-6)
    assert curve.sd == pytest.approx([a[inside].std() for a in arrays], rel=1e-5)
    assert curve.baseline == pytest.approx(baseline, rel=1e-6)
    assert curve.enhancement == pytest.approx(100 * (mean - baseline) / baseline, abs=1e-4)
    assert curve.enhancement_sd == pytest.approx(100 * np.array(curve.sd) / baseline, rel=1e-6)
    assert curve.voxels == inside.sum() and curve.name == "lesion"
    assert curve.precontrast == (True, True, False, False)
    assert curve.phases == tuple(phase.name for phase in series.phases)
    # Injected at 130 s, each phase lasts 60 s.
    assert curve.times_s == pytest.approx((-100.0, -40.0, 30.0, 160.0))
    assert curve.times_s == effective_times(series)


def test_a_voxel_is_the_region_of_one_voxel(arrays, series):
    k, j, i = 3, 2, 6
    point = series.phases[0].image.TransformIndexToPhysicalPoint((i, j, k))
    one = np.zeros((6, 7, 8), dtype=bool)
    one[k, j, i] = True
    at, of = curve_at(series, point), curve_of(series, image_of(one), "voxel")
    assert at == of and at.voxels == 1 and at.sd == (0.0,) * 4
    assert at.mean == pytest.approx([a[k, j, i] for a in arrays], rel=1e-6)
    near = curve_at(series, [c + 0.9 for c in point])
    assert near.mean == at.mean


def test_a_mask_on_a_finer_grid_counts_the_voxels_of_the_series(series):
    inside = np.zeros((6, 7, 8), dtype=bool)
    inside[2:4, 1:5, 2:7] = True
    fine = image_of(np.repeat(np.repeat(np.repeat(inside, 2, 0), 2, 1), 2, 2), (1, 1, 1), (-0.5, -0.5, -0.5))
    a, b = curve_of(series, fine), curve_of(series, image_of(inside))
    assert a.voxels == b.voxels and a.mean == pytest.approx(b.mean)


def test_air_has_no_enhancement(arrays):
    dark = [np.zeros((4, 4, 4)), np.ones((4, 4, 4)), np.ones((4, 4, 4))]
    curve = curve_at(series_of(dark), (2.0, 2.0, 2.0))
    assert curve.enhancement is None and curve.enhancement_sd is None and curve.mean == (0.0, 1.0, 1.0)


def test_what_cannot_be_drawn_says_why(arrays, series):
    with pytest.raises(EmptyRegionError):
        curve_of(series, image_of(np.zeros((6, 7, 8), dtype=bool)))
    with pytest.raises(EmptyRegionError):
        curve_of(series, image_of(np.ones((6, 7, 8), dtype=bool), origin=(500, 0, 0)))
    with pytest.raises(GeometryError, match="outside the dynamic series"):
        curve_at(series, (-50.0, 0.0, 0.0))
    with pytest.raises(PhaseCountError):
        curve_at(series_of(arrays[:1], (0.0,), before=0), (0.0, 0.0, 0.0))
    with pytest.raises(PhaseTimeError):
        curve_at(series_of(arrays[:3], (0.0, 60.0, 60.0)), (0.0, 0.0, 0.0))
    with pytest.raises(PrecontrastError):
        curve_at(with_precontrast(series, [phase.name for phase in series.phases]), (0.0, 0.0, 0.0))
