"""A survival model in front of the user: question, curve, group and figure of merit in report and page."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from support import synthetic_tumour
from survival_support import survival_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.cli import _print_result
from virtualbiopsy.models.inference import log_odds, predict
from virtualbiopsy.models.radmodel import from_bytes, to_bytes
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.report.held_out import held_out_figure
from virtualbiopsy.report.html import html_report
from virtualbiopsy.report.numbers import percent, probability_of
from virtualbiopsy.report.survival import average_curve, survival_svg, survival_words
from virtualbiopsy.session import Session
from virtualbiopsy.web.present import card, performance


@pytest.fixture(scope="module")
def model():
    return from_bytes(to_bytes(survival_model()))


@pytest.fixture(scope="module")
def session(model):
    tumour = synthetic_tumour(shape=(34, 44, 42), spacing=(2.0, 1.0, 1.1), radius_mm=10.0)
    found = Session(Case("synthetic", (Sequence("t1c", "t1c", tumour.image("t1c")),)), [model])
    found.set_region(tumour.mask())
    return found


@pytest.fixture(scope="module")
def prediction(session):
    return session.result.predictions[0]


def of_row(model, row):
    """The prediction of raw feature values (p,)."""
    return predict(model, FeatureVector(dict(zip(model.feature_keys, row.tolist(), strict=True)), {}, {}))


def test_the_question_is_an_event_by_a_time(model, prediction):
    answer = prediction.survival
    assert prediction.positive == f"an event ({answer.event}) within {answer.horizon:g} months"
    assert prediction.positive == model.positive
    assert replace(model, positive="OS").survival.positive == model.positive
    assert of_row(replace(model, positive="OS"), model.background[0]).positive == model.positive


def test_the_curve_goes_through_the_probability_at_the_horizon(model):
    for row in model.background[:6]:
        found = of_row(model, row)
        at = np.searchsorted(found.survival.times, found.survival.horizon, side="right") - 1
        assert found.survival.free[at] == pytest.approx(1 - found.probability, abs=1e-12)
        high = found.survival.score >= model.survival.cuts[0]
        assert found.survival.group == model.survival.groups[int(high)]


def test_the_average_curve_is_that_of_the_baseline(model, prediction):
    """The case whose log-odds by the horizon are the mean ones: proportional hazards fix its whole curve."""
    shares = average_curve(prediction)
    score = model.calibrator.intercept
    target = math.log(-math.log1p(-probability_of(prediction.baseline)))
    expected = np.exp(-np.asarray(model.survival.hazard) * math.exp(target - score))
    np.testing.assert_allclose(shares, expected, rtol=1e-9)
    assert prediction.baseline == pytest.approx(log_odds(model, model.background).mean())
    assert average_curve(replace(prediction, survival=None)) == ()


def test_the_figure_marks_the_horizon_and_says_all_in_words(prediction):
    for simulated in (True, False):
        root = ET.fromstring(survival_svg(prediction, simulated=simulated, dark=False))
        (dot,) = [e for e in root.iter() if e.get("data-role") == "horizon"]
        assert float(dot.get("data-free")) == pytest.approx(1 - prediction.probability)
        curves = {e.get("data-name"): e.get("d") for e in root.iter() if e.get("data-role") == "curve"}
        assert list(curves) == ["average training case", "this case"]
        end = curves["this case"].split("L")[-1].split()
        assert [float(dot.get("cx")), float(dot.get("cy"))] == pytest.approx([*map(float, end)], abs=0.02)
        label = root.get("aria-label")
        assert percent(prediction.probability) in label and prediction.survival.group in label
        assert f"{prediction.survival.horizon:g} months" in label
        assert ("imulated training data" in "".join(root.itertext())) == simulated
    assert survival_svg(replace(prediction, survival=None)) == ""
    assert survival_svg(replace(prediction, survival=replace(prediction.survival, times=(), free=()))) == ""


def test_the_report_shows_curve_group_and_concordance(session, model, prediction):
    text = html_report(session.case, session.result, (model,), image=session.case.sequence("t1c").image)
    assert text.count('data-role="horizon"') == 1
    for words in survival_words(prediction.survival):
        assert words in text
    assert text.count("uncalibrated log hazard contribution per mL") == 3
    assert "log-odds contribution per mL" not in text
    name, value = held_out_figure(model)
    assert name == "concordance" and f"<dt>Cross-validated {name}</dt>" in text.replace("th>", "dt>")
    assert value in text and "24 cases with 6 events" in value
    assert f"Estimated probability of {prediction.positive}" in text and "simulated training data" in text


def test_page_and_command_line_show_them_too(session, model, prediction, capsys):
    shown = card(prediction, model, None, None)
    assert shown["survival"] == list(survival_words(prediction.survival)) and "horizon" in shown["curve"]
    assert shown["performance"].startswith("Cross-validated concordance 0.")
    assert performance(replace(model, metrics={})) == "The model states no concordance."
    other = card(replace(prediction, survival=None), replace(model, survival=None), None, None)
    assert other["curve"] == "" and other["survival"] == []
    _print_result(session, session.result)
    assert f"Estimated probability of {prediction.positive}: " in capsys.readouterr().out


def test_the_explanation_balances(session, prediction):
    explanation = session.result.explanations[0]
    assert explanation.sums_to == "uncalibrated log hazard"
    total = explanation.baseline + sum(part.phi for part in explanation.contributions)
    assert total == pytest.approx(prediction.survival.score, abs=1e-9)
