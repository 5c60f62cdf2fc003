"""Arterial inputs: OSIPI's reference values, closed forms, a vessel, tables, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from kinetics_support import osipi_rows
from virtualbiopsy.errors import ArterialInputError, UnreadableFileError
from virtualbiopsy.prepare.kinetics.aif import (
    POPULATIONS,
    ArterialInput,
    georgiou,
    measured_input,
    parker,
    population_input,
    read_input_table,
    weinmann,
)
from virtualbiopsy.prepare.kinetics.signal import signal_from_concentration

SEQUENCE = {"tr_ms": 5.0, "flip_degrees": 20.0, "relaxivity": 4.5}


def test_osipi_reference_values_of_parker(data_dir):
    """All 1931 points; OSIPI allows 1e-4 absolute and 1 % relative (popAIF_data.py)."""
    rows = osipi_rows(data_dir, "ParkerAIF_ref.csv")
    times = np.array([60 * float(row["time"]) for row in rows])
    expected = np.array([float(row["Cb"]) for row in rows])
    assert len(rows) == 1931 and expected.max() > 6
    np.testing.assert_allclose(parker(times), expected, rtol=0.01, atol=1e-4)


def test_values_of_georgiou():
    """Points of the published curve (OSIPI code collection, GeorgiouAIF_ref.csv). The curve was computed with
    parameters that the paper prints with two or three digits, hence 1.5 %."""
    minutes = np.array([0.015, 0.03, 0.1, 0.5, 50 / 60])
    expected = [0.016114583941, 0.312163141701, 7.779873482626, 2.007173341123, 1.506003510684]
    published = georgiou(60 * minutes)
    np.testing.assert_allclose(published, expected, rtol=0.035)
    np.testing.assert_allclose(published[2:], expected[2:], rtol=0.015)


def test_weinmann_is_two_exponentials():
    assert weinmann(0.0) == pytest.approx(0.1 * (3.99 + 4.78))
    assert weinmann(600.0, dose=0.2) == pytest.approx(
        0.2 * (3.99 * np.exp(-1.44) + 4.78 * np.exp(-0.111)), rel=1e-12
    )


@pytest.mark.parametrize("name", POPULATIONS)
def test_populations_are_plasma_and_begin_at_the_bolus(name):
    arterial = population_input(name, haematocrit=0.4)
    assert arterial.kind == name
    assert not arterial.at([-30.0, -0.1]).any()
    blood = {"parker": parker, "georgiou": georgiou}.get(name)
    times = np.array([3.0, 10.0, 25.0, 300.0, 900.0])
    expected = weinmann(times) if blood is None else blood(times) / 0.6
    # Every quarter of a second, and these times are among them.
    np.testing.assert_allclose(arterial.at(times), expected, rtol=1e-12)
    assert np.isfinite(arterial.plasma).all() and (arterial.plasma >= 0).all()


def test_between_points_it_is_linear_and_after_the_last_it_is_refused():
    arterial = ArterialInput("table", [0.0, 10.0, 30.0], [0.0, 4.0, 2.0])
    np.testing.assert_allclose(arterial.at([-5.0, 5.0, 20.0, 30.5]), [0.0, 2.0, 3.0, 2.0])
    with pytest.raises(ArterialInputError, match="ends at 30 s, the dynamic series at 40 s"):
        arterial.at([0.0, 40.0])


def test_a_vessel_gives_its_concentration_back():
    """Signal made with a known plasma curve, noise-free: the inverse to rounding, whatever surrounds it."""
    times = np.arange(0.0, 120.0, 6.0) - 18.0
    plasma = population_input("parker", haematocrit=0.45).at(times)
    mask = np.zeros((3, 4, 5), dtype=np.uint8)
    mask[1, 1:3, 2:4] = 1
    series = np.full((len(times), 3, 4, 5), 100.0)
    series[:, mask > 0] = signal_from_concentration(
        0.55 * plasma, 1440.0, tr_ms=5.0, flip_degrees=20.0, relaxivity=4.5, s0=900.0
    )[:, None]
    found = measured_input(series, mask, times, times < 0, haematocrit=0.45, **SEQUENCE)
    np.testing.assert_allclose(found.plasma, plasma, atol=1e-9)
    assert found.kind == "measured" and "4 voxels" in found.source


def test_a_vessel_that_does_not_enhance_is_refused():
    mask, times = np.ones((1, 1, 2)), np.arange(5.0)
    before = times < 2
    flat = np.full((5, 1, 1, 2), 200.0)
    with pytest.raises(ArterialInputError, match="zero or negative at all times"):
        measured_input(flat, mask, times, before, **SEQUENCE)
    falling = flat * np.array([1, 1, 0.9, 0.8, 0.7])[:, None, None, None]
    with pytest.raises(ArterialInputError, match="zero or negative at all times"):
        measured_input(falling, mask, times, before, **SEQUENCE)
    with pytest.raises(ArterialInputError, match="no voxel"):
        measured_input(flat, 0 * mask, times, before, **SEQUENCE)
    with pytest.raises(ArterialInputError, match="pre-contrast"):
        measured_input(flat, mask, times, times < 0, **SEQUENCE)
    saturated = flat * np.array([1, 1, 1e3, 1e3, 1e3])[:, None, None, None]
    with pytest.raises(ArterialInputError, match="3 of 5 phases"):
        measured_input(saturated, mask, times, before, **SEQUENCE)


@pytest.mark.parametrize(
    ("times", "plasma", "words"),
    [
        ([0, 1, 2], [0, 0, 0], "zero or negative"),
        ([0, 1, 2], [-1, 0, -2], "zero or negative"),
        ([0, 1, 1], [0, 1, 2], "do not increase"),
        ([0, 2, 1], [0, 1, 2], "do not increase"),
        ([0, 1, 2], [0, np.nan, 2], "not finite"),
        ([0], [1], "two or more"),
        ([0, 1, 2], [0, 1], "two or more"),
    ],
)
def test_unusable_inputs_are_named(times, plasma, words):
    with pytest.raises(ArterialInputError, match=words):
        ArterialInput("table", times, plasma)


def test_tables(tmp_path):
    path = tmp_path / "aif.csv"
    path.write_text("label,time_min,blood\na,0,0\na,0.5,3.3\na,2,1.1\n", encoding="utf-8")
    found = read_input_table(path, haematocrit=0.45)
    np.testing.assert_allclose(found.times_s, [0, 30, 120])
    np.testing.assert_allclose(found.plasma, [0, 6, 2])
    path.write_text("Time_s,plasma\n0,0\n30,6\n", encoding="utf-8-sig")
    np.testing.assert_allclose(read_input_table(path).plasma, [0, 6])


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", UnreadableFileError, "no column"),
        ("time,conc\n0,1\n", UnreadableFileError, "no column"),
        ("time_s,plasma\n0,0\n1,many\n", ArterialInputError, "not a number"),
        ("time_s,plasma\n0,0\n1\n", ArterialInputError, "not a number"),
        ("time_s,plasma\n0,0\n1,0\n", ArterialInputError, "zero or negative"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, error, words):
    path = tmp_path / "aif.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=words):
        read_input_table(path)


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(UnreadableFileError):
        read_input_table(tmp_path / "missing.csv")
    path = tmp_path / "image.csv"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(UnreadableFileError):
        read_input_table(path)


def test_unknown_population_and_impossible_haematocrit():
    with pytest.raises(ArterialInputError, match="'fritz'"):
        population_input("fritz")
    with pytest.raises(ArterialInputError, match="haematocrit"):
        population_input("parker", haematocrit=1.0)
