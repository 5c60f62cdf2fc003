"""The Tofts models against closed forms and a fine numerical integral."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.errors import ArterialInputError, KineticsError
from virtualbiopsy.prepare.kinetics.aif import ArterialInput, population_input
from virtualbiopsy.prepare.kinetics.tofts import Washout, WashoutTable, tofts_concentration

UNEVEN = np.array([-40.0, -5.0, 2.0, 9.3, 11.0, 30.0, 31.5, 90.0, 200.0, 360.0])


def test_a_ramp_has_a_closed_form():
    """Cp = s t is linear, so the integral is exact: kep ∫ = s (t − (1 − exp(−kep t)) / kep), to rounding."""
    arterial = ArterialInput("table", [0.0, 17.0, 400.0], [0.0, 1.7, 40.0])
    kep = np.array([1e-4, 0.01, 0.5, 6.0, 90.0])
    found = Washout(arterial, kep, 360.0).at(UNEVEN)
    t, rate = np.clip(UNEVEN, 0, None)[:, None], kep / 60.0
    # The difference cancels where kep t is small: there the series of the closed form is taken.
    x = t * rate
    series = x / 2 - x**2 / 6 + x**3 / 24 - x**4 / 120 + x**5 / 720
    exact = np.where(x < 1e-2, 0.1 * t * series, 0.1 * (t + np.expm1(-x) / rate))
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-15)


def test_weinmann_has_a_closed_form():
    """Two exponentials convolved with a third; the input is linear between points 0.25 s apart: 1e-4."""
    times = np.arange(5.0, 600.0, 20.0)
    ktrans, ve = 0.25, 0.4
    kep, t, expected = ktrans / ve, times / 60.0, 0.0
    for amplitude, rate in ((0.399, 0.144), (0.478, 0.0111)):
        expected += ktrans * amplitude * (np.exp(-rate * t) - np.exp(-kep * t)) / (kep - rate)
    found = tofts_concentration(population_input("weinmann"), times, ktrans, ve)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", ["parker", "georgiou", "table"])
def test_the_table_agrees_with_the_integral(kind):
    """Cubic interpolation between 257 nodes: 1e-8 of the largest plasma value, with any delay; between the
    corners of the table 1e-7."""
    arterial = ArterialInput("table", UNEVEN + 45.0, np.array([0, 0, 1, 7, 8, 4, 3, 2, 1.5, 1.0]))
    if kind != "table":
        arterial = population_input(kind)
    kep = np.exp(np.random.default_rng(1).uniform(np.log(0.005), np.log(60.0), 200))
    table = WashoutTable(arterial, UNEVEN, delay_s=-20.0)
    tolerance = 1e-7 if kind == "table" else 1e-8
    for delay in (-20.0, 0.0, 7.3):
        found = table.delayed(delay).curves(kep)
        exact = Washout(arterial, kep, 500.0).at(UNEVEN - delay).T
        np.testing.assert_allclose(found, exact, atol=tolerance * arterial.plasma.max())


def test_slopes_are_derivatives_by_log_kep():
    table = WashoutTable(population_input("parker"), UNEVEN, nodes=16)
    step = 1e-6
    behind, before = (
        Washout(table.arterial, np.exp(table.log_kep + s), 400.0).at(UNEVEN).T for s in (step, -step)
    )
    np.testing.assert_allclose(table.slopes, (behind - before) / (2 * step), atol=1e-8)


def test_the_extended_model_adds_plasma_and_keeps_the_shape():
    arterial = population_input("parker")
    ktrans, ve, vp = np.zeros((3, 2, 2, 2))
    ktrans[0], ve[0], vp[1] = 0.2, 0.4, 0.05
    ve[1, 0, 0] = 0.3
    found = tofts_concentration(arterial, UNEVEN, ktrans, ve, vp, delay_s=4.0)
    assert found.shape == (len(UNEVEN), 2, 2, 2)
    np.testing.assert_allclose(found[:, 1, 1, 1], 0.05 * arterial.at(UNEVEN - 4.0))
    np.testing.assert_allclose(found[:, 0, 0, 0], tofts_concentration(arterial, UNEVEN - 4.0, 0.2, 0.4))
    assert not found[:2].any() and (found[4:, 0] > 0).all()


def test_bad_parameters_and_short_inputs_are_named():
    arterial = ArterialInput("table", [0.0, 60.0], [0.0, 5.0])
    with pytest.raises(KineticsError, match="Ktrans"):
        tofts_concentration(arterial, [0.0, 30.0], -0.1, 0.2)
    with pytest.raises(KineticsError, match="ve"):
        tofts_concentration(arterial, [0.0, 30.0], 0.1, np.nan)
    with pytest.raises(ArterialInputError, match="ends at 60 s"):
        tofts_concentration(arterial, [0.0, 90.0], 0.1, 0.2)
