"""T1 maps by variable flip angles: QIBA's reference object, the formula, and what cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
from kinetics_support import numbers, osipi_rows
from virtualbiopsy.errors import Cancelled, GeometryError, KineticsError
from virtualbiopsy.prepare.kinetics.signal import spoiled_signal
from virtualbiopsy.prepare.kinetics.t1map import METHODS, t1_map

FLIPS = np.array([2.0, 5.0, 10.0, 15.0])
SHAPE = (3, 4, 5)


def signals(t1, s0=1000.0, flips=FLIPS, tr_ms=5.0, b1=1.0):
    angles = np.asarray(flips).reshape(-1, 1, 1, 1) * b1
    return spoiled_signal(1e3 / t1, tr_ms=np.reshape(tr_ms, (-1, 1, 1, 1)), flip_degrees=angles, s0=s0)


@pytest.mark.parametrize("method", METHODS)
def test_qiba_reference_object(data_dir, method):
    """45 noisy voxels, R1 0.35 to 45 1/s; OSIPI allows 0.05 1/s and 5 % (t1_data.py)."""
    rows = osipi_rows(data_dir, "t1_quiba_data.csv")
    assert len(rows) == 45 and len({row["FA"] for row in rows}) == 1
    series = np.array([numbers(row["s"]) for row in rows]).T[:, None, None]
    found = t1_map(series, numbers(rows[0]["FA"]), 1e3 * numbers(rows[0]["TR"]), method=method)
    expected = np.array([1e3 * float(row["R1"]) for row in rows])
    np.testing.assert_allclose(1e3 / found.t1_ms[0, 0], expected, rtol=0.05, atol=0.05)
    assert found.failed == 0 and found.fitted == 45


@pytest.mark.parametrize("method", METHODS)
def test_signals_without_noise_give_t1_and_s0_back(method):
    """Closed form. The nonlinear search ends within 1e-7 of T1, the straight line at rounding."""
    rng = np.random.default_rng(2)
    t1, s0 = rng.uniform(150, 4000, SHAPE), rng.uniform(10, 5000, SHAPE)
    found = t1_map(signals(t1, s0), FLIPS, 5.0, method=method)
    np.testing.assert_allclose(found.t1_ms, t1, rtol=1e-6)
    np.testing.assert_allclose(found.s0, s0, rtol=1e-6)
    assert np.nanmax(found.residual) < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_b1_scales_the_flip_angles(method):
    b1 = np.random.default_rng(3).uniform(0.8, 1.2, SHAPE)
    series = signals(np.full(SHAPE, 1400.0), b1=b1)
    corrected = t1_map(series, FLIPS, 5.0, b1=b1, method=method)
    np.testing.assert_allclose(corrected.t1_ms, 1400.0, rtol=1e-6)
    assert np.abs(t1_map(series, FLIPS, 5.0, method=method).t1_ms / 1400 - 1).max() > 0.2


def test_the_nonlinear_fit_takes_any_repetition_times_and_is_least_squares():
    """With noise no other T1 and S0 may explain the signal better: compared with a fine grid of T1."""
    rng = np.random.default_rng(4)
    tr = np.array([5.0, 5.0, 7.0, 9.0])
    series = signals(np.full(SHAPE, 900.0), tr_ms=tr) + rng.normal(0, 2.0, (4, *SHAPE))
    found = t1_map(series, FLIPS, tr)
    grid = np.geomspace(300, 3000, 4001)
    unit = spoiled_signal(1e3 / grid[:, None], tr_ms=tr, flip_degrees=FLIPS)
    flat = series.reshape(4, -1)
    product, square = unit @ flat, (unit**2).sum(axis=1)[:, None]
    best = np.sqrt(((flat**2).sum(axis=0) - (product**2 / square).max(axis=0)) / 4)
    assert (found.residual.ravel() <= best * (1 + 1e-9)).all()
    np.testing.assert_allclose(found.t1_ms.ravel(), grid[(product**2 / square).argmax(axis=0)], rtol=1e-3)


def test_failures_are_masked_and_counted():
    series = signals(np.full(SHAPE, 1400.0))
    series[:, 0, 0, 0] = 0.0
    series[2, 0, 0, 1] = np.nan
    series[:, 0, 0, 2] = 100.0 * np.sin(np.deg2rad(FLIPS)) * FLIPS
    mask = np.zeros(SHAPE)
    mask[0] = 1
    found = t1_map(series, FLIPS, 5.0, mask=mask)
    assert (found.fitted, found.failed) == (17, 3)
    assert np.isnan(found.t1_ms[0, 0, :3]).all() and np.isnan(found.t1_ms[1:]).all()
    np.testing.assert_allclose(found.t1_ms[0, 1:], 1400.0, rtol=1e-6)
    assert "fitted in 17, failed in 3" in found.steps[0]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"flip_degrees": [5.0, 5.0, 5.0, 5.0]}, KineticsError, "different flip angles"),
        ({"flip_degrees": [5.0, 10.0]}, KineticsError, "2 flip angles"),
        ({"flip_degrees": [0.0, 5.0, 10.0, 15.0]}, KineticsError, "flip angle is"),
        ({"tr_ms": -1.0}, KineticsError, "repetition time"),
        ({"method": "quick"}, KineticsError, "'quick'"),
        ({"method": "linear", "tr_ms": [5.0, 5.0, 5.0, 6.0]}, KineticsError, "same repetition time"),
        ({"mask": np.zeros(SHAPE)}, KineticsError, "no voxel"),
        ({"mask": np.ones((2, 2, 2))}, GeometryError, "different sizes"),
        ({"images": np.zeros((4, *SHAPE))}, KineticsError, "failed in all 60"),
    ],
)
def test_bad_input_is_named(change, error, words):
    arguments = {"images": signals(np.full(SHAPE, 1400.0)), "flip_degrees": FLIPS, "tr_ms": 5.0, **change}
    with pytest.raises(error, match=words):
        t1_map(**arguments)


def test_it_can_be_cancelled():
    def stop(fraction, message):
        raise Cancelled()

    with pytest.raises(Cancelled):
        t1_map(signals(np.full(SHAPE, 1400.0)), FLIPS, 5.0, progress=stop)
