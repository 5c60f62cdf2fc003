"""Several classes and survival in a .radmodel: what is written, what is refused, what it answers."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from support import toy_classifier, toy_features, toy_model
from test_models_radmodel import arrays_of, changed, members, refused, signed
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models.calibration import Calibrator, sigmoid
from virtualbiopsy.models.classifier import SOFTMAX_KINDS, SURVIVAL_KINDS, Classifier, softmax
from virtualbiopsy.models.inference import log_odds, model_inputs, predict, raw_score, sums_to
from virtualbiopsy.models.npz import pack_arrays
from virtualbiopsy.models.radmodel import from_bytes, to_bytes
from virtualbiopsy.models.survival import Survival
from virtualbiopsy.report.survival import survival_words


@pytest.mark.parametrize("kind", SOFTMAX_KINDS)
def test_classes_add_up_and_the_named_one_is_the_probability(kind):
    model = from_bytes(to_bytes(toy_model(kind)))
    features = toy_features(model)
    found = predict(model, features)
    assert (
        [c.name for c in found.classes] == list(model.nominal) == ["glioblastoma", "metastasis", "lymphoma"]
    )
    assert sum(c.probability for c in found.classes) == pytest.approx(1, abs=1e-12)
    assert found.classes[1].probability == pytest.approx(found.probability, abs=1e-12)
    assert "“metastasis” against all other classes" in found.classes_note
    row = model_inputs(model, features).row[None]
    scaled = (row - np.array(model.scaler.mean)) / np.array(model.scaler.scale)
    logits = model.classifier.class_scores(scaled)
    assert np.array_equal(softmax(logits)[0], [c.probability for c in found.classes])
    assert np.ptp([c.probability for c in found.classes]) > 0.01


@pytest.mark.parametrize("kind", SURVIVAL_KINDS)
def test_a_survival_model_answers_for_its_horizon(kind):
    model = from_bytes(to_bytes(toy_model(kind)))
    found = predict(model, toy_features(model))
    answer = found.survival
    assert (answer.event, answer.horizon, answer.unit) == ("death", 24.0, "months")
    expected = 1 - math.exp(-0.4 * math.exp(answer.score))
    assert found.probability == pytest.approx(expected, abs=1e-12)
    assert answer.free == pytest.approx(
        np.exp(-np.array([0.1, 0.2, 0.4]) * math.exp(answer.score)), abs=1e-12
    )
    assert answer.times == (3.0, 12.0, 20.0)
    assert 1 - answer.free[-1] == pytest.approx(found.probability, abs=1e-12)
    assert answer.group == ("high risk" if answer.score >= 0.1 else "low risk")
    assert sums_to(model) == "uncalibrated log hazard"
    assert predict(toy_model("logistic"), toy_features(model)).survival is None


def test_the_step_to_the_probability_of_an_event_holds_far_out():
    calibrator = Calibrator("cloglog", 1.0, 0.0)
    raw = np.array([-1000.0, -40.0, -36.1, -35.9, -5.0, 0.0, 1.0, 3.0, 1000.0])
    odds = calibrator(raw)
    assert np.isfinite(odds).all() and (np.diff(odds) > 0).all()
    inside = slice(4, 8)
    assert sigmoid(odds[inside]) == pytest.approx(1 - np.exp(-np.exp(raw[inside])), rel=1e-12)
    assert odds[:4] == pytest.approx(raw[:4], abs=1e-12)
    assert calibrator.explained(raw) is raw and not calibrator.affine


def test_a_baseline_is_a_step_function_and_a_score_on_a_cut_is_high():
    survival = toy_model("cox").survival
    assert survival.baseline(np.array([0, 2.9, 3, 11, 12, 99])).tolist() == [0, 0, 0.1, 0.1, 0.2, 0.4]
    assert [survival.group(score) for score in (0.0999, 0.1)] == ["low risk", "high risk"]
    assert replace(survival, groups=(), cuts=()).group(3.0) == ""


def _refuse(model, match: str) -> None:
    with pytest.raises(ModelFormatError, match=match):
        to_bytes(model)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"event": ""}, "no name"),
        ({"horizon": 0.0}, "positive time"),
        ({"horizon": math.inf}, "positive time"),
        ({"horizon": 2.0}, "no baseline hazard at the horizon"),
        ({"horizon": 12.0}, "not the logarithm of the baseline"),
        ({"hazard": (0.1, 0.05, 0.4)}, "hazard falls"),
        ({"times": (3.0, 3.0, 20.0)}, "do not rise"),
        ({"times": (3.0, 20.0)}, "each with a hazard"),
        ({"groups": ("low",)}, "2 to 6 different names"),
        ({"groups": ("low", "low")}, "different names"),
        ({"cuts": (0.1, 0.2)}, "one rising cut"),
        ({"cuts": (math.nan,)}, "one rising cut"),
    ],
)
def test_survival_that_makes_no_sense_is_not_written(changes, match):
    model = toy_model("cox")
    _refuse(replace(model, survival=replace(model.survival, **changes)), match)


def test_kinds_and_what_belongs_to_them_must_agree():
    cox, several, plain = toy_model("cox"), toy_model("softmax"), toy_model("logistic")
    _refuse(replace(cox, survival=None), "a survival model, and no other")
    _refuse(replace(cox, calibrator=Calibrator()), "a survival model, and no other")
    _refuse(replace(plain, survival=cox.survival), "a survival model, and no other")
    _refuse(replace(plain, calibrator=Calibrator("cloglog", 1.0, -1.0)), "a survival model, and no other")
    _refuse(replace(cox, calibrator=Calibrator("cloglog", -1.0, math.log(0.4))), "slope of 0 or more")
    _refuse(replace(several, nominal=()), "do not agree")
    _refuse(replace(plain, nominal=several.nominal), "do not agree")
    _refuse(replace(several, nominal=("a", "b")), "one different name for each class")
    _refuse(replace(several, nominal=("a", "b", "b")), "one different name for each class")
    _refuse(replace(several, calibrator=Calibrator("platt", 2.0, 0.0)), "no calibrator")


@pytest.mark.parametrize(
    ("kind", "name", "array", "match"),
    [
        ("softmax", "positive", np.array([3]), "class 3 is not one of 0…2"),
        ("softmax", "coef", np.zeros((2, 7)), "does not fit"),
        ("softmax_nb", "variance", np.zeros((3, 7)), "variance"),
        ("softmax_forest", "value", np.full((105, 3), 2.0), "not a probability"),
        ("softmax_boosting", "initial", np.zeros(4), "same number of trees"),
        ("softmax_boosting", "initial", np.zeros(13), "3 to 12 classes"),
        ("survival_forest", "value", np.full(105, -1.0), "mortality is negative"),
        ("survival_forest", "floor", np.zeros(1), "floor"),
        ("xgboost", "initial", np.full(1, np.inf), "infinite"),
        ("cox", "coef", np.zeros(6), "does not fit"),
        ("cox_network", "bias", np.zeros(3), "does not fit"),
    ],
)
def test_arrays_of_the_new_kinds_are_checked(kind, name, array, match):
    good = toy_classifier(kind, 7)
    assert good.arrays[name].dtype == array.dtype
    _refuse(toy_model(kind, classifier=Classifier(kind, {**good.arrays, name: array})), match)


@pytest.mark.parametrize(
    ("kind", "path", "value", "match"),
    [
        ("softmax", "nominal", [1, 2, 3], "nominal is not a list"),
        ("softmax", "nominal", "abc", "nominal is not a list"),
        ("softmax", "nominal", ["x" * 81, "b", "c"], "nominal is not a list"),
        ("softmax", "nominal", [], "unknown 'nominal'"),
        ("cox", "survival", [1], "survival is not a table"),
        ("cox", "survival.horizon", "24", "horizon is not a number"),
        ("cox", "survival.horizon", ..., "lacks horizon"),
        ("cox", "survival.more", 1, "unknown 'more'"),
        ("cox", "survival.event", 1, "event is not a short text"),
        ("cox", "survival.times", {}, "times is not a list"),
        ("cox", "survival.hazard", [0.1, "b", 0.4], "hazard is not a number"),
        ("cox", "survival.groups", [1, 2], "groups is not a list"),
    ],
)
def test_documents_of_the_new_kinds_are_checked(kind, path, value, match):
    whole = to_bytes(toy_model(kind))
    document = json.loads(members(whole)["model.json"])
    refused(signed(changed(document, path, value), members(whole)["arrays.npz"]), match)


def test_a_damaged_array_of_classes_is_refused_on_loading():
    whole = to_bytes(toy_model("softmax_forest"))
    arrays = arrays_of(whole)
    arrays["classifier_value"] = arrays["classifier_value"][:, :2]
    document = json.loads(members(whole)["model.json"])
    refused(signed(document, pack_arrays(arrays)), "3 to 12 classes")


def test_other_models_are_written_as_before():
    text = members(to_bytes(toy_model()))["model.json"].decode()
    assert "nominal" not in text and "survival" not in text
    again = from_bytes(to_bytes(toy_model("cox")))
    assert again.survival == toy_model("cox").survival and isinstance(again.survival, Survival)
    rows = again.background
    assert log_odds(again, rows) == pytest.approx(again.calibrator(raw_score(again, rows)), abs=0)


def test_the_answer_of_a_survival_model_in_words():
    model = toy_model("cox")
    answer = replace(predict(model, toy_features(model)).survival, free=(0.9, 0.8, 0.6), group="low risk")
    group, curve = survival_words(answer)
    assert group.startswith("Group by score: low risk (of the groups low risk, high risk). The cuts")
    assert "no event (death): 90 % at 6, 80 % at 12, 80 % at 18, 60 % at 24 months" in curve
    assert survival_words(None) == ()
    assert survival_words(replace(answer, group="", times=(), free=())) == ()
