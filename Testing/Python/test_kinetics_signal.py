"""Signal and concentration: OSIPI's reference values, the formula itself, and what cannot be converted."""

from __future__ import annotations

import numpy as np
import pytest
from kinetics_support import numbers, osipi_rows
from virtualbiopsy.errors import KineticsError
from virtualbiopsy.prepare.kinetics.signal import (
    concentration_from_signal,
    signal_from_concentration,
    spoiled_signal,
)

SEQUENCE = {"tr_ms": 5.0, "flip_degrees": 12.0}


def test_osipi_reference_concentrations(data_dir):
    """Five voxels; tolerance 1e-5 absolute and relative as OSIPI's test_SI2Conc states."""
    rows = osipi_rows(data_dir, "SI2Conc_data.csv")
    assert len(rows) == 5
    for row in rows:
        signal, expected = numbers(row["s"]), numbers(row["conc"])
        # As OSIPI does: the first point is neither part of the baseline nor compared.
        found = concentration_from_signal(
            signal,
            signal[1 : int(row["numbaselinepts"])].mean(),
            1e3 * float(row["T1base"]),
            tr_ms=1e3 * float(row["TR"]),
            flip_degrees=float(row["FA"]),
            relaxivity=float(row["r1"]),
        )
        np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-5, atol=1e-5)


def test_signal_has_its_known_limits():
    """At 90° S = S0 (1 − E1); the Ernst angle gives the largest signal; no recovery, none."""
    assert spoiled_signal(2.0, tr_ms=500.0, flip_degrees=90.0, s0=7.0) == pytest.approx(
        7 * (1 - np.exp(-1.0))
    )
    ernst = np.rad2deg(np.arccos(np.exp(-5e-3 * 0.8)))
    angles = ernst + np.array([-1.0, 0.0, 1.0])
    assert spoiled_signal(0.8, tr_ms=5.0, flip_degrees=angles).argmax() == 1
    assert spoiled_signal(0.0, tr_ms=5.0, flip_degrees=12.0) == 0.0


def test_concentration_is_the_inverse_of_the_signal():
    """Phases first, a map of T1 and of S0; closed form, so to rounding."""
    rng = np.random.default_rng(5)
    t1, s0 = rng.uniform(300, 2500, (2, 3, 4)), rng.uniform(10, 2000, (2, 3, 4))
    concentration = rng.uniform(0, 5, (6, 2, 3, 4))
    concentration[0] = 0.0
    signal = signal_from_concentration(concentration, t1, relaxivity=4.5, s0=s0, **SEQUENCE)
    assert signal.shape == concentration.shape
    back = concentration_from_signal(signal, signal[0], t1, relaxivity=4.5, **SEQUENCE)
    np.testing.assert_allclose(back, concentration, atol=1e-9)


def test_what_fits_no_concentration_is_nan():
    """S reaches S0 sin α at most; a baseline or a T1 of zero has no meaning; a slight loss stays negative."""
    ceiling = np.sin(np.deg2rad(12.0))
    before = float(spoiled_signal(1.0, tr_ms=5.0, flip_degrees=12.0))
    signals = np.array([before, 0.999 * ceiling, 1.001 * ceiling, 0.98 * before, 1e3, -0.1, 0.0])
    found = concentration_from_signal(signals, before, 1000.0, relaxivity=4.5, **SEQUENCE)
    assert found[0] == pytest.approx(0, abs=1e-12) and found[1] > 100
    assert -0.1 < found[3] < 0 and np.isnan(found[[2, 4, 5, 6]]).all()
    assert np.isnan(concentration_from_signal(signals, 0.0, 1000.0, relaxivity=4.5, **SEQUENCE)).all()
    assert np.isnan(concentration_from_signal(signals, before, 0.0, relaxivity=4.5, **SEQUENCE)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tr_ms": 0.0}, "repetition time"),
        ({"flip_degrees": 0.0}, "flip angle"),
        ({"flip_degrees": float("nan")}, "flip angle"),
        ({"relaxivity": -1.0}, "relaxivity"),
    ],
)
def test_impossible_sequences_are_named(change, words):
    arguments = {**SEQUENCE, "relaxivity": 4.5, **change}
    with pytest.raises(KineticsError, match=words):
        concentration_from_signal([1.0], 1.0, 1000.0, **arguments)
