"""The trust card: what turns the light, and what is only said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import TOY_KEYS, toy_features, toy_model
from virtualbiopsy.models.inference import model_inputs, predict
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.resources import resource
from virtualbiopsy.training.demo import TABLE_NAME
from virtualbiopsy.training.table import read_table
from virtualbiopsy.trust.card import OOD_CODES, assess
from virtualbiopsy.trust.model import ImageFacts, Reason, Stability


def scored(**changes):
    """A toy model with held-out scores of both classes."""
    scores = np.concatenate([np.linspace(-4, 1, 60), np.linspace(-1, 4, 60)])
    return toy_model(conformal_scores=(scores, np.repeat([0, 1], 60)), **changes)


def card_of(model, features, facts=None, stability=None):
    return assess(model, model_inputs(model, features), predict(model, features), facts, stability)


def usual(model, **changes):
    """A case in the middle of the background, some values changed."""
    middle = dict(zip(model.feature_keys, model.background.mean(axis=0).tolist(), strict=True))
    return FeatureVector(values={**middle, **changes})


def lights(card):
    return {reason.code: reason.light for reason in card.reasons}


def beyond(model, key, widths):
    low, high = model.feature_ranges[key]
    return high + widths * (high - low)


def test_a_usual_case_is_green_and_the_training_data_are_named():
    model = scored()
    card = card_of(model, usual(model))
    assert card.light == "green" and card.model_id == model.model_id
    assert lights(card)["feature_space"] == "green"
    [said] = [reason for reason in card.reasons if reason.code == "simulated_training"]
    assert "simulated cases only" in said.text and "patient is unknown" in said.text
    assert card.mahalanobis_percentile < 50 and card.neighbour_percentile < 50
    real = replace(model, simulated=False)
    assert "simulated_training" not in lights(card_of(real, usual(real)))


@pytest.mark.parametrize(("widths", "light"), [(0.01, "green"), (0.3, "amber"), (1.5, "red")])
def test_one_feature_outside_its_range(widths, light):
    model = scored()
    key = TOY_KEYS[4]
    card = card_of(model, usual(model, **{key: beyond(model, key, widths)}))
    assert lights(card)["feature_range"] == light
    text = next(r.text for r in card.reasons if r.code == "feature_range")
    low, high = model.feature_ranges[key]
    assert f"training {low:.3g} to {high:.3g}" in text and "1 of 7 features" in text
    if light == "red":
        assert card.light == "red" and card.reasons[0].light == "red"


def test_several_features_just_outside_are_an_alarm_together():
    model = scored()
    outside = {key: beyond(model, key, 0.02) for key in TOY_KEYS}
    few = dict(list(outside.items())[:2])
    assert lights(card_of(model, usual(model, **few)))["feature_range"] == "green"
    three = dict(list(outside.items())[:3])
    assert lights(card_of(model, usual(model, **three)))["feature_range"] == "amber"
    four = dict(list(outside.items())[:4])
    assert lights(card_of(model, usual(model, **four)))["feature_range"] == "red"


def test_a_flag_that_training_never_saw_is_amber_not_red():
    model = toy_model()
    background = np.array(model.background)
    background[:, 6] = 0.0
    ranges = {**model.feature_ranges, TOY_KEYS[6]: (0.0, 0.0)}
    model = toy_model(background=background, feature_ranges=ranges)
    card = card_of(model, usual(model, **{TOY_KEYS[6]: 1.0}))
    assert lights(card)["feature_range"] == "amber"


def test_remote_cases_are_amber_and_very_remote_ones_red():
    model = scored()
    spread = model.background.std(axis=0)
    seen = []
    for step in np.linspace(0, 12, 49):
        row = model.background.mean(axis=0) + step * spread * np.array([1, -1, 1, -1, 1, -1, 1]) / np.sqrt(7)
        card = card_of(model, FeatureVector(values=dict(zip(TOY_KEYS, row.tolist(), strict=True))))
        seen.append((lights(card).get("mahalanobis", "green"), lights(card).get("neighbours", "green")))
    for one in zip(*seen, strict=True):
        assert list(dict.fromkeys(one)) == ["green", "amber", "red"]
    assert card.mahalanobis_percentile == 100 and "extrapolation" in OOD_CODES


def test_a_decision_value_far_beyond_the_training_cases_is_red():
    model = scored()
    weights = model.classifier.arrays["coef"] * model.background.std(axis=0)
    row = model.background.mean(axis=0) + 60 * np.sign(weights) * model.background.std(axis=0)
    card = card_of(model, FeatureVector(values=dict(zip(TOY_KEYS, row.tolist(), strict=True))))
    assert lights(card)["extrapolation"] == "red"


def test_a_small_background_is_no_reference():
    model = toy_model()
    model = toy_model(background=model.background[:12])
    card = card_of(model, usual(model))
    assert lights(card)["no_reference"] == "amber" and np.isnan(card.mahalanobis_percentile)


def test_missing_inputs_are_amber_with_what_they_cost_and_red_if_most_are():
    metrics = {"auc": {"value": 0.81}, "auc_without_adc": {"value": 0.74}}
    model = scored(metrics=metrics)
    card = card_of(model, toy_features(model, without=("adc", "clinical")))
    assert lights(card)["missing_inputs"] == card.light == "amber"
    text = next(r.text for r in card.reasons if r.code == "missing_inputs")
    assert "2 of 7 inputs" in text and "adc, Age" in text and "0.74 instead of 0.81" in text
    conformal = next(r.text for r in card.reasons if r.code == "conformal")
    assert "is not assured here, because inputs are missing" in conformal
    most = card_of(model, toy_features(model, without=("t1c",)))
    assert lights(most)["missing_inputs"] == "red"


def test_images_count_like_features():
    model = scored()
    fault = Reason("red", "wrong_sequence", "The image given as t1c looks like t2.")
    card = card_of(model, usual(model), facts=ImageFacts(findings=(fault,)))
    assert card.light == "red" and card.reasons[0] == fault
    assert "differs from the training cases" in next(r.text for r in card.reasons if r.code == "conformal")


@pytest.mark.parametrize(
    ("stability", "light"),
    [
        (Stability("toy", 24, 0.2, 0.6, 1, 0.4, 0.3, 0.5), "green"),
        (Stability("toy", 24, 0.2, 0.6, 3, 0.4, 0.3, 0.5), "amber"),
        (Stability("toy", 24, 0.1, 0.6, 0, 0.4, 0.15, 0.5), "amber"),
        (Stability("toy", 9, 0.35, 0.45, 0), "green"),
        (Stability("toy", 9, 0.1, 0.45, 0), "amber"),
    ],
)
def test_an_answer_that_hangs_on_the_outline_is_amber(stability, light):
    model = scored()
    card = card_of(model, usual(model), stability=stability)
    assert lights(card)["stability"] == light == card.light
    text = next(r.text for r in card.reasons if r.code == "stability")
    assert f"{stability.variants}" in text


def test_the_conformal_answer_is_said_and_uncertain_is_no_fault():
    model = scored(published="Published: AUC 0.9 internal, 0.6 external.")
    card = card_of(model, usual(model))
    assert card.conformal.answer in next(r.text for r in card.reasons if r.code == "conformal")
    assert card.conformal.calibration == (60, 60)
    assert card.published == model.published
    assert card_of(toy_model(), usual(toy_model())).conformal is None
    apart = np.concatenate([np.linspace(-9, -8, 60), np.linspace(8, 9, 60)])
    odd = scored()
    odd = replace(odd, conformal_scores=(apart, np.repeat([0, 1], 60)))
    neither = card_of(odd, usual(odd))
    assert neither.conformal.labels == () and lights(neither)["conformal"] == "amber"


@pytest.mark.parametrize(
    ("figure", "red"),
    [
        ({"auc": {"value": 0.62, "low": 0.5, "high": 0.74}}, True),
        ({"auc": {"value": 0.62, "low": 0.51, "high": 0.73}}, False),
        ({"concordance": {"value": 0.41, "low": 0.3, "high": 0.49}}, True),
        ({"auc": {"value": 0.4}}, False),
        ({}, False),
    ],
)
def test_a_model_that_may_be_guessing_is_red_for_every_case(figure, red):
    model = scored(metrics=figure)
    found = {r.code: r for r in card_of(model, usual(model)).reasons}
    assert ("no_better_than_chance" in found) == red
    if red:
        (name,) = figure
        reason = found["no_better_than_chance"]
        assert reason.light == "red" and f"{figure[name]['low']:.2f}–" in reason.text


def test_reasons_come_worst_first():
    model = scored()
    key = TOY_KEYS[4]
    features = usual(model, **{key: beyond(model, key, 3.0)})
    features = replace(features, values={k: v for k, v in features.values.items() if not k.startswith("adc")})
    order = [reason.light for reason in card_of(model, features).reasons]
    assert order == sorted(order, key=["red", "amber", "green"].index)
    assert {"red", "amber", "green"} == set(order)


@pytest.mark.parametrize("model", builtin_models("meningioma"), ids=lambda m: m.model_id)
def test_held_out_simulated_cases_are_seldom_flagged(model):
    """The cohort divided at random: background and ranges from 100 cases, false alarms among the others."""
    rows = read_table(resource("Models") / TABLE_NAME).matrix(model.feature_keys)
    rows = rows[~np.isnan(rows).any(axis=1)]
    flagged = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(rows))
        background = rows[order[:100]]
        ranges = zip(model.feature_keys, background.min(axis=0), background.max(axis=0), strict=True)
        part = replace(
            model, background=background, feature_ranges={k: (float(a), float(b)) for k, a, b in ranges}
        )
        for row in rows[order[100:]]:
            features = FeatureVector(values=dict(zip(model.feature_keys, row.tolist(), strict=True)))
            found = lights(card_of(part, features))
            flagged.append(any(found.get(code, "green") != "green" for code in OOD_CODES))
    assert np.mean(flagged) <= 0.06


@pytest.mark.parametrize("model", builtin_models("meningioma"), ids=lambda m: m.model_id)
def test_swapped_or_rescaled_sequences_are_red(model):
    """ADC in 10⁻³ mm²/s, and images that were not normalised: far outside in feature space alone."""
    row = dict(zip(model.feature_keys, model.background[0].tolist(), strict=True))
    wrong = {
        key: value / 1000 if key.startswith("adc") and "dispersion" not in key else value
        for key, value in row.items()
    }
    assert card_of(model, FeatureVector(values=wrong)).light in ("amber", "red")
    raw = {
        key: 600 + 100 * value
        if key.split(":")[0] in ("t1c", "t2") and ("mean" in key or "percentile" in key)
        else value
        for key, value in row.items()
    }
    assert card_of(model, FeatureVector(values=raw)).light == "red"
