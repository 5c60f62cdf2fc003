"""Images against those of the training cases, and the real gliomas against the bundled kind of model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import toy_model
from trust_support import GLIOMAS, facts, glioma, sample, with_images
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.session import Session
from virtualbiopsy.trust.images import (
    ASYMMETRY,
    OUTLINE_CONTRAST,
    SNR,
    STRIPPED,
    TILT,
    measured_protocol,
)
from virtualbiopsy.trust.model import ImageFacts, Reason
from virtualbiopsy.trust.protocol import image_reasons

RANGES = {
    "MagneticFieldStrength (T)": (1.5, 3.0),
    "t1c SpacingBetweenSlices (mm)": (1.0, 1.2),
    "t1c SliceThickness (mm)": (1.0, 1.2),
    "adc DiffusionBValue (s/mm²)": (1000.0, 1000.0),
    "t2 EchoTime (ms)": (90.0, 106.0),
    "t2 SliceTilt (°)": (0.0, 8.0),
}
STATISTICS = {
    "t1c": {ASYMMETRY: (-0.4, 0.0), SNR: (17.0, 36.0), OUTLINE_CONTRAST: (1.0, 3.3), STRIPPED: (0.0, 0.0)},
    "t2": {ASYMMETRY: (0.42, 0.6), SNR: (30.0, 76.0), STRIPPED: (0.0, 0.0)},
}
PROTOCOL = {
    "t1c": {"MagneticFieldStrength": 3.0, "SpacingBetweenSlices": 1.0, "SliceThickness": 1.0},
    "t2": {"EchoTime": 100.0, TILT: 3.0},
    "adc": {"DiffusionBValue": 1000.0},
}
FIGURES = {
    "t1c": {ASYMMETRY: -0.2, SNR: 25.0, OUTLINE_CONTRAST: 2.0, STRIPPED: 0.0},
    "t2": {ASYMMETRY: 0.5, SNR: 50.0, STRIPPED: 0.0},
}


@pytest.fixture(scope="module")
def model():
    return replace(
        toy_model("logistic"),
        required_sequences=("t1c",),
        optional_sequences=("adc", "t2"),
        protocol_ranges=RANGES,
        image_statistics=STATISTICS,
    )


def lights(model, protocol=None, figures=None, findings=()):
    """Lights by code of a case that differs from a usual one in these entries (None takes one away)."""

    def changed(usual, changes):
        merged = {role: dict(row) for role, row in usual.items()}
        for role, row in (changes or {}).items():
            merged.setdefault(role, {}).update(row)
        return {role: {name: v for name, v in row.items() if v is not None} for role, row in merged.items()}

    known = ImageFacts(changed(PROTOCOL, protocol), changed(FIGURES, figures), tuple(findings))
    return {reason.code: reason.light for reason in image_reasons(model, known)}


def test_a_usual_case_is_green(model):
    assert lights(model) == {"images": "green"}


@pytest.mark.parametrize(
    ("role", "keyword", "inside", "outside", "code"),
    [
        ("t1c", "SpacingBetweenSlices", 1.4, 1.5, "spacing"),
        ("t1c", "SliceThickness", 0.85, 0.8, "spacing"),
        ("t1c", "MagneticFieldStrength", 2.0, 1.0, "protocol"),
        ("adc", "DiffusionBValue", 1050.0, 800.0, "protocol"),
        ("t2", "EchoTime", 115.0, 125.0, "protocol"),
        ("t2", TILT, 18.0, 25.0, "orientation"),
    ],
)
def test_each_parameter_has_its_tolerance(model, role, keyword, inside, outside, code):
    assert lights(model, {role: {keyword: inside}}) == {"images": "green"}
    assert lights(model, {role: {keyword: outside}}) == {code: "amber"}


def test_very_thick_slices_are_red(model):
    assert lights(model, {"t1c": {"SpacingBetweenSlices": 5.0}}) == {"spacing": "red"}


def test_what_headers_do_not_say_is_unknown_not_a_fault(model):
    headerless = {"t1c": {"MagneticFieldStrength": None}, "t2": {"EchoTime": None, TILT: None}}
    assert lights(model, headerless) == {"protocol_unknown": "green"}
    nothing = replace(model, protocol_ranges={}, image_statistics={})
    assert lights(nothing, {"t1c": {"SpacingBetweenSlices": 9.0}}) == {"images": "green"}


@pytest.mark.parametrize(
    ("role", "name", "inside", "outside"),
    [
        ("t1c", SNR, 44.0, 60.0),  # 0.35 of the logarithmic width: up to 46.8
        ("t1c", SNR, 13.5, 12.0),
        ("t1c", ASYMMETRY, 0.13, 0.16),
        ("t2", ASYMMETRY, 0.36, 0.35),
        ("t1c", OUTLINE_CONTRAST, 4.0, 4.2),
    ],
)
def test_each_figure_has_its_slack(model, role, name, inside, outside):
    assert lights(model, figures={role: {name: inside}}) == {"images": "green"}
    assert lights(model, figures={role: {name: outside}}) == {"image_figures": "amber"}


def test_another_population_is_red(model):
    assert lights(model, figures={"t1c": {STRIPPED: 1.0}}) == {"population": "red"}
    assert lights(model, figures={"t1c": {OUTLINE_CONTRAST: 0.84}}) == {"population": "red"}
    assert lights(model, figures={"t1c": {OUTLINE_CONTRAST: 0.86}}) == {"images": "green"}  # within the slack


def test_faults_of_sequences_that_the_model_does_not_use_do_not_count(model):
    fault = Reason("red", "wrong_sequence", "…", "flair")
    assert lights(model, findings=[fault]) == {"images": "green"}
    assert lights(model, findings=[replace(fault, role="t2")]) == {"wrong_sequence": "red"}
    assert lights(model, findings=[replace(fault, role="")]) == {"wrong_sequence": "red"}


def test_the_measured_protocol_of_the_sample_case():
    case = sample()
    t2 = case.sequence("t2")
    told = replace(
        t2, protocol={"EchoTime": "98", "DiffusionBValue": "0\\1000", "MagneticFieldStrength": "3", "TR": "x"}
    )
    assert measured_protocol(told) == {
        "EchoTime": 98.0,
        "DiffusionBValue": 1000.0,
        "MagneticFieldStrength": 3.0,
        "PixelSpacing": 1.0,
        "SpacingBetweenSlices": 6.0,
        TILT: pytest.approx(0.457, abs=0.01),
    }
    assert TILT not in measured_protocol(replace(t2, image=t2.image[:, :, ::1][::6, ::6, :]))


def test_plain_t1_as_contrast_enhanced_is_another_population(model):
    case = sample()
    plain = case.sequence("t1").image
    found = image_reasons(model, facts(with_images(case, t1c=plain, t1=None)))
    assert {"population", "no_enhancement"} <= {reason.code for reason in found if reason.light != "green"}


@pytest.mark.parametrize("name", list(GLIOMAS))
def test_real_gliomas_are_not_this_models_population(model, data_dir, name):
    reasons = image_reasons(model, facts(glioma(data_dir, name)))
    (population,) = (reason for reason in reasons if reason.code == "population")
    assert population.light == "red"
    assert population.text.startswith("Not this model's population: scalp and skull have been removed")
    if GLIOMAS[name][1] is not None:  # no outline of these enhances as a meningioma does
        assert "hardly enhances" in population.text


def test_the_session_says_so_of_a_real_glioma(data_dir):
    """The whole way with the bundled models, on one case."""
    case = glioma(data_dir, "brats18")
    session = Session(case)
    result = session.set_region(case.regions["tumour"])
    assert len(result.trust) == len(result.predictions) == 2
    for card in result.trust:
        assert card.light == "red"
        (population,) = (reason for reason in card.reasons if reason.code == "population")
        assert "scalp and skull have been removed" in population.text
        assert "hardly enhances" in population.text


@pytest.mark.parametrize("name", [name for name, (_, outline) in GLIOMAS.items() if outline])
def test_bundled_models_know_that_gliomas_are_another_population(data_dir, name):
    known = facts(glioma(data_dir, name))
    for bundled in builtin_models("meningioma"):
        found = {reason.code: reason for reason in image_reasons(bundled, known)}
        assert found["population"].light == "red"
        assert "hardly enhances" in found["population"].text


def test_the_sample_case_is_of_the_population_on_other_slices():
    """2 mm slices where training had at most 1.2 mm: to be looked at twice, nothing worse."""
    known = facts(sample())
    for bundled in builtin_models("meningioma"):
        lights = {reason.code: reason.light for reason in image_reasons(bundled, known)}
        assert "population" not in lights and "red" not in lights.values()
        assert lights["spacing"] == "amber" and lights["protocol_unknown"] == "green"
