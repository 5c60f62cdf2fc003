"""Pharmacokinetic maps of a case: known parameters come back, and what is missing is said."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from kinetics_maps_support import SHAPE, curves, image_of
from support import oblique_grid
from virtualbiopsy.case.dynamic import DynamicSeries, Phase
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import MemoryLimitError
from virtualbiopsy.prepare.kinetics.aif import ArterialInput, population_input
from virtualbiopsy.prepare.kinetics.derive import derive_maps
from virtualbiopsy.prepare.kinetics.pharmacokinetic import VESSEL
from virtualbiopsy.prepare.kinetics.signal import signal_from_concentration, spoiled_signal
from virtualbiopsy.prepare.kinetics.tofts import tofts_concentration
from virtualbiopsy.prepare.model import Kinetics

TISSUE = ("ktrans", "kep", "ve")
TR, FLIP, S0, T1 = 5.0, 15.0, 4000.0, 1450.0
TRUTH = ((0.05, 0.3), (0.15, 0.5), (0.35, 0.4))
ARRIVAL = 6.0
CENTRES = np.concatenate([[-25.0, -15.0, -5.0], np.arange(5.0, 300.0, 10.0)])
GRID = oblique_grid(SHAPE, (3.0, 1.5, 1.5))


def where(number):
    """One of four slabs of tissue; the fourth takes up nothing, the fifth is a vessel."""
    inside = np.zeros(SHAPE, dtype=bool)
    inside[1:9, 8:40, 4 + 7 * number : 11 + 7 * number] = True
    return inside


def series(t1=T1, vp=0.0, vessel=False):
    """Tissue with the parameters of TRUTH, without noise, as signals of a spoiled gradient echo."""
    arterial = population_input("parker")
    concentration = np.zeros((CENTRES.size, *SHAPE))
    for number, (ktrans, ve) in enumerate(TRUTH):
        curve = tofts_concentration(arterial, CENTRES, ktrans, ve, vp, delay_s=ARRIVAL)
        concentration[:, where(number)] = np.reshape(curve, (-1, 1))
    if vessel:
        blood = np.interp(CENTRES - ARRIVAL, arterial.times_s, arterial.plasma, left=0.0) * 0.58
        concentration[:, where(4)] = blood[:, None]
    relaxation = np.where(where(4), 1440.0, t1)
    signal = signal_from_concentration(
        concentration, relaxation, tr_ms=TR, flip_degrees=FLIP, relaxivity=4.5, s0=S0
    )
    body = np.logical_or.reduce([where(n) for n in range(5)])
    phases = tuple(
        Phase(f"phase {n + 1}", image_of((s * body).astype(np.float32), GRID), c - CENTRES[0], "given", c < 0)
        for n, (s, c) in enumerate(zip(signal, CENTRES, strict=True))
    )
    return DynamicSeries(
        "dynamic",
        phases,
        duration_s=10.0,
        injection_s=float(-CENTRES[0] + 5.0),
        protocol={"RepetitionTime": str(TR), "FlipAngle": str(FLIP)},
    )


@pytest.fixture(scope="module")
def fast():
    return series()


def case_of(series, *sequences):
    """The whole tissue counts as breast."""
    body = np.logical_or.reduce([where(n) for n in range(5)])
    regions = {"breast": image_of(body.astype(np.uint8), series.phases[0].image)}
    return Case("a case", sequences, regions, dynamic=series)


def maps(derived):
    return {s.role: sitk.GetArrayFromImage(s.image) for s in derived.case.sequences}


def check(found, rel):
    for number, (ktrans, ve) in enumerate(TRUTH):
        inside = where(number)
        assert found["ktrans"][inside] == pytest.approx(ktrans, rel=rel)
        assert found["ve"][inside] == pytest.approx(ve, rel=rel)
        assert found["kep"][inside] == pytest.approx(ktrans / ve, rel=rel)


def test_known_parameters_come_back(fast):
    """The delay is found to a tenth of a second, which moves Ktrans by less than 1 %."""
    derived = derive_maps(case_of(fast), Kinetics(), TISSUE)
    assert not derived.left_out
    found = maps(derived)
    check(found, 0.01)
    assert not found["ktrans"][where(3)].any()
    assert derived.case.sequence("ktrans").unit == "1/min"
    text = " ".join(derived.steps)
    assert "arterial input parker, arrival 6 s" in text and "0 of " in text and "failed" in text


def test_maps_of_both_kinds_at_once_and_the_extended_model():
    case = case_of(series(vp=0.06))
    derived = derive_maps(case, Kinetics(model="extended_tofts"), ("vp", "pe", "ktrans"))
    found = maps(derived)
    assert set(found) == {"vp", "pe", "ktrans"} and not derived.left_out
    for number, (ktrans, _) in enumerate(TRUTH):
        assert found["vp"][where(number)] == pytest.approx(0.06, rel=0.05)
        assert found["ktrans"][where(number)] == pytest.approx(ktrans, rel=0.02)


def test_t1_from_a_sequence_from_flip_angles_and_assumed():
    """With a T1 that is 30 % off Ktrans is off too; a map or other flip angles put it right."""
    slow = series(t1=1000.0)
    assumed = maps(derive_maps(case_of(slow), Kinetics(), TISSUE))["ktrans"]
    assert abs(assumed[where(1)].mean() / TRUTH[1][0] - 1) > 0.1

    values = np.full(SHAPE, 1000.0)
    values[where(3)] = np.nan
    t1 = Sequence("t1map", "T1", image_of(values, GRID), unit="ms")
    derived = derive_maps(case_of(slow, t1), Kinetics(), TISSUE)
    check(maps(derived), 0.01)
    assert any("T1 from the sequence T1" in step for step in derived.steps)

    body = np.logical_or.reduce([where(n) for n in range(5)])
    angles = {
        angle: image_of(body * S0 * spoiled_signal(1.0, tr_ms=TR, flip_degrees=angle), GRID)
        for angle in (2.0, 5.0, 10.0, 20.0)
    }
    derived = derive_maps(case_of(replace(slow, flip_angles=angles)), Kinetics(), TISSUE)
    check(maps(derived), 0.01)
    assert any("T1 from flip angles 2°, 5°, 10°, 20°" in step for step in derived.steps)


def test_arterial_input_from_a_drawn_vessel():
    """Ten seconds between phases do not resolve the first pass, which costs up to 15 % of Ktrans."""
    mask = image_of(where(4).astype(np.uint8), GRID)
    case = case_of(series(vessel=True)).with_region(VESSEL, mask)
    derived = derive_maps(case, Kinetics(aif="measured"), TISSUE)
    found = maps(derived)["ktrans"]
    for number, (ktrans, _) in enumerate(TRUTH):
        assert np.median(found[where(number)]) == pytest.approx(ktrans, rel=0.15)
    assert any("arterial input measured" in step for step in derived.steps)


def test_arterial_input_that_is_given(fast):
    given = population_input("parker")
    given = ArterialInput("table", given.times_s + ARRIVAL, given.plasma, "a table")
    derived = derive_maps(case_of(fast), Kinetics(aif="table"), TISSUE, arterial=given)
    check(maps(derived), 0.01)


@pytest.mark.parametrize("aif, word", [("measured", "outline of a vessel"), ("table", "table")])
def test_arterial_input_that_is_missing(fast, aif, word):
    derived = derive_maps(case_of(fast), Kinetics(aif=aif), ("pe", "ktrans"))
    assert derived.case.has("pe") and set(derived.left_out) == {"ktrans"}
    assert word in derived.left_out["ktrans"]


def test_vessel_without_contrast_agent(fast):
    mask = image_of(where(3).astype(np.uint8), GRID)
    case = case_of(fast).with_region(VESSEL, mask)
    derived = derive_maps(case, Kinetics(aif="measured"), ("ktrans",))
    assert "zero" in derived.left_out["ktrans"]


def test_slow_series_are_not_fitted():
    derived = derive_maps(case_of(curves().series), Kinetics(), ("pe", "ktrans", "ve"))
    assert set(derived.left_out) == {"ktrans", "ve"} and derived.case.has("pe")
    assert "up to 60 s apart" in derived.left_out["ve"] and "20 s or less" in derived.left_out["ve"]


def test_protocol_that_is_not_known(fast):
    derived = derive_maps(case_of(replace(fast, protocol={"FlipAngle": "x"})), Kinetics(), ("ktrans",))
    assert "RepetitionTime and FlipAngle" in derived.left_out["ktrans"]


def test_the_tofts_model_has_no_vp(fast):
    derived = derive_maps(case_of(fast), Kinetics(), ("vp",))
    assert "extended" in derived.left_out["vp"]


def test_times_that_are_missing(fast):
    phases = tuple(replace(phase, start_s=None) for phase in fast.phases)
    derived = derive_maps(case_of(replace(fast, phases=phases, injection_s=None)), Kinetics(), ("ktrans",))
    assert "does not tell the time" in derived.left_out["ktrans"]


def test_fit_that_fails_everywhere(fast):
    """A flip angle of 1°: no concentration raises that signal by more than 4.4 %."""
    wrong = replace(fast, protocol={"RepetitionTime": "5", "FlipAngle": "1"})
    derived = derive_maps(case_of(wrong), Kinetics(), ("pe", "ktrans"))
    assert "failed in all" in derived.left_out["ktrans"] and derived.case.has("pe")


def test_nothing_enhances(fast):
    still = replace(fast, phases=tuple(replace(p, image=fast.phases[0].image) for p in fast.phases))
    derived = derive_maps(case_of(still), Kinetics(), ("ktrans",))
    assert "othing enhances" in derived.left_out["ktrans"]


def test_memory_of_a_fit(fast, monkeypatch):
    """A fit asks for 17 images, percent enhancement for 9; there is memory for 13."""
    monkeypatch.setenv("VIRTUALBIOPSY_MEMORY_LIMIT", str(round(0.75 * 17 * 8 * 19_200 / 0.8)))
    with pytest.raises(MemoryLimitError, match="1 map.s. of the dynamic series"):
        derive_maps(case_of(fast), Kinetics(), ("ktrans",))
    assert derive_maps(case_of(fast), Kinetics(), ("pe",)).case.has("pe")
