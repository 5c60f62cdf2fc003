"""Recalibration on a site's own cases: known shifts are found, small sites change nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support import toy_background, toy_features, toy_model
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.models.calibration import Calibrator, sigmoid
from virtualbiopsy.models.inference import log_odds, predict, raw_score
from virtualbiopsy.models.ordinal import Ordinal
from virtualbiopsy.models.radmodel import from_bytes, to_bytes
from virtualbiopsy.training.recalibrate import recalibrate, recalibrate_survival

KEYS = toy_model().feature_keys
ISOTONIC = Calibrator("isotonic", x=(-3.0, -0.2, 0.3, 3.0), y=(0.1, 0.3, 0.4, 0.8))


def site(model, n: int, slope: float, intercept: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels whose log-odds are intercept + slope times those of the model."""
    rows = toy_background(KEYS, n, seed)
    true = intercept + slope * log_odds(model, rows)
    return rows, (np.random.default_rng(seed).random(n) < sigmoid(true)).astype(int)


@pytest.mark.parametrize("kind", ["logistic", "rbf_svm", "random_forest", "xgboost"])
def test_a_known_shift_is_found_and_the_order_stays(kind):
    model = toy_model(kind)
    spread = float(log_odds(model, toy_background(KEYS, 1500, 1)).std())
    model = replace(model, calibrator=Calibrator("platt", model.calibrator.slope / spread, 0.3))
    rows, labels = site(model, 1500, 0.5, -1.2)
    found = recalibrate(model, rows, labels, site="Site B")
    assert found.changed == "line"
    assert (found.slope, found.intercept) == (pytest.approx(0.5, abs=0.12), pytest.approx(-1.2, abs=0.15))
    assert found.before["slope"] == pytest.approx(found.slope, abs=1e-6)
    # Left-out cases keep 1 − (standard error / slope)², which is 0.97 here.
    assert found.after["slope"] == pytest.approx(1, abs=0.05) and abs(found.after["intercept"]) < 0.02
    assert found.after["brier"] < found.before["brier"]
    new = from_bytes(to_bytes(found.model))
    old, now = log_odds(model, rows), log_odds(new, rows)
    assert now == pytest.approx(found.intercept + found.slope * old, abs=1e-9)
    assert np.array_equal(sigmoid(old) >= model.threshold, sigmoid(now) >= new.threshold)


def test_the_line_is_that_of_a_logistic_regression():
    linear = pytest.importorskip("sklearn.linear_model")
    model = toy_model()
    rows, labels = site(model, 300, 0.6, 0.8)
    found = recalibrate(model, rows, labels, change="line")
    oracle = linear.LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000)
    oracle.fit(log_odds(model, rows)[:, None], labels)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], rel=1e-5)
    assert found.intercept == pytest.approx(oracle.intercept_[0], abs=1e-5)
    only = recalibrate(model, rows, labels, change="intercept")
    assert only.slope == 1.0
    assert sigmoid(log_odds(only.model, rows)).mean() == pytest.approx(labels.mean(), abs=1e-9)


def test_figures_after_are_of_cases_that_were_left_out():
    model = toy_model()
    rows, labels = site(model, 60, 0.4, 1.0)
    found = recalibrate(model, rows, labels, change="line")
    keep = np.arange(60) != 17
    alone = recalibrate(model, rows[keep], labels[keep], change="line")
    expected = alone.intercept + alone.slope * log_odds(model, rows[17:18])[0]
    odds, kept = found.model.conformal_scores
    assert odds[17] == pytest.approx(expected, abs=1e-9) and np.array_equal(kept, labels)
    fitted = recalibrate(model, rows, labels, change="line").model
    assert found.after["brier"] > ((sigmoid(log_odds(fitted, rows)) - labels) ** 2).mean()


def test_a_site_like_the_training_mostly_keeps_the_model():
    model = toy_model()
    changed = [recalibrate(model, *site(model, 80, 1.0, 0.0, seed)).changed for seed in range(60)]
    assert changed.count("none") >= 50
    found = recalibrate(model, *site(model, 80, 1.0, 0.0, changed.index("none")))
    assert found.model is model and (found.slope, found.intercept) == (1.0, 0.0)
    assert "no change fits" in found.told[0] and found.before == found.after


def test_another_prevalence_changes_the_intercept_only():
    model = toy_model()
    changed = [recalibrate(model, *site(model, 150, 1.0, 1.5, seed)).changed for seed in range(20)]
    assert changed.count("intercept") >= 16


def test_the_model_says_what_was_done_to_it():
    model = toy_model()
    new = recalibrate(model, *site(model, 200, 0.5, -1.0), site="Klinik Süd").model
    assert new.model_id == "toy-logistic-klinik-s-d" and new.title.endswith("recalibrated for Klinik Süd")
    assert "simulated" in new.title and "Recalibrated on 200 labelled cases of Klinik Süd" in new.validation
    assert "## Recalibration for Klinik Süd" in new.card and "| brier |" in new.card
    assert new.metrics["site_cases"]["value"] == 200 and new.metrics["auc"] == model.metrics["auc"]
    assert (
        len(recalibrate(replace(model, model_id="a" * 64), *site(model, 200, 0.5, -1.0)).model.model_id) <= 64
    )


def test_gaps_are_filled_as_in_use():
    model = toy_model()
    rows, labels = site(model, 100, 0.5, 1.0)
    rows[3, 2] = np.nan
    filled = rows.copy()
    filled[3, 2] = model.imputer[KEYS[2]]
    ours, theirs = (recalibrate(model, r, labels, change="line") for r in (rows, filled))
    assert (ours.slope, ours.intercept) == (theirs.slope, theirs.intercept)


def test_ordered_classes_keep_their_order():
    model = replace(toy_model(), ordinal=Ordinal(("zero", "low", "high"), (0.0, -1.4)))
    found = recalibrate(model, *site(model, 400, 0.5, -1.0), change="line")
    new = from_bytes(to_bytes(found.model))
    assert new.ordinal.shifts == pytest.approx((0.0, -1.4 * found.slope))
    features = toy_features(model)
    assert sum(c.probability for c in predict(new, features).classes) == pytest.approx(1)


def test_an_isotonic_calibrator_gives_way_to_a_line_on_the_score():
    model = toy_model(calibrator=ISOTONIC)
    rows, labels = site(toy_model(), 400, 0.7, -0.5)
    found = recalibrate(model, rows, labels)
    assert found.model.calibrator.kind == "platt" and found.changed == "line"
    expected = found.intercept + found.slope * raw_score(model, rows)
    assert log_odds(found.model, rows) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(TrainingError, match="no intercept"):
        recalibrate(model, rows, labels, change="intercept")


def test_what_cannot_be_recalibrated_is_said():
    model = toy_model()
    rows, labels = site(model, 100, 1.0, 0.0)
    few = np.zeros(100, dtype=int)
    few[:9] = 1
    turned = (log_odds(model, rows) < np.median(log_odds(model, rows))).astype(int)
    turned[:20] = 1 - turned[:20]
    perfect = (log_odds(model, rows) > 0).astype(int)
    for wrong, match in (
        ((model, rows, few), "9 cases of each class; recalibration needs 10"),
        ((model, rows, labels + 1), "neither 0 nor 1"),
        ((model, rows[:, :3], labels), "shape"),
        ((model, rows, turned), "turned round"),
        ((model, rows, perfect), "without error"),
        ((toy_model("softmax"), rows, labels), "several classes"),
        ((toy_model("cox"), rows, labels), "survival model"),
    ):
        with pytest.raises(TrainingError, match=match):
            recalibrate(*wrong)
    with pytest.raises(TrainingError, match="'both' is not known"):
        recalibrate(model, rows, labels, change="both")
    same = np.repeat(rows[:1], 100, axis=0)
    with pytest.raises(TrainingError, match="the same score"):
        recalibrate(model, same, labels)


# -- survival --------------------------------


def _follow_up(model, n: int, slope: float, factor: float, seed: int = 2):
    """Exponential lives whose hazard is factor · (model's mean hazard) · exp(slope · score)."""
    rng = np.random.default_rng(seed)
    rows = toy_background(KEYS, n, seed)
    score = raw_score(model, rows)
    life = rng.exponential(1 / (factor * 0.02 * np.exp(slope * score)))
    end = rng.uniform(1, 60, n)
    return rows, np.minimum(life, end), (life <= end).astype(int), life


def _cox():
    """A Cox model with the baseline hazard 0.02 a month."""
    model = toy_model("cox")
    times = np.arange(0.25, 60.1, 0.25)
    survival = replace(model.survival, times=tuple(times), hazard=tuple(0.02 * times))
    return replace(model, survival=survival, calibrator=Calibrator("cloglog", 1.0, math.log(0.48)))


def test_the_baseline_hazard_and_the_spread_are_found():
    model = _cox()
    to_bytes(model)
    rows, time, event, life = _follow_up(model, 2000, 0.6, 2.0)
    found = recalibrate_survival(model, rows, time, event, site="B")
    assert found.changed == "line"
    assert found.slope == pytest.approx(0.6, abs=0.1)
    assert found.intercept == pytest.approx(math.log(2), abs=0.1)
    assert found.after["ratio"] == pytest.approx(1, abs=1e-2) and found.after["slope"] == pytest.approx(
        1, abs=0.02
    )
    new = from_bytes(to_bytes(found.model))
    risk = sigmoid(log_odds(new, rows))
    assert risk.mean() == pytest.approx((life <= 24).mean(), abs=0.03)
    assert (sigmoid(log_odds(model, rows)).mean() - (life <= 24).mean()) < -0.1
    answer = predict(new, toy_features(new)).survival
    at = answer.times.index(24.0)
    assert 1 - answer.free[at] == pytest.approx(predict(new, toy_features(new)).probability, abs=1e-9)
    called = [sigmoid(log_odds(m, rows)) >= m.threshold for m in (model, new)]
    assert np.array_equal(*called) and called[0].any() and not called[0].all()


def test_survival_like_that_of_training_mostly_keeps_the_model():
    model = _cox()
    changed = [
        recalibrate_survival(model, *_follow_up(model, 150, 1.0, 1.0, seed)[:3]).changed for seed in range(40)
    ]
    assert changed.count("none") >= 32


def test_an_intercept_makes_observed_events_equal_expected_ones():
    model = _cox()
    rows, time, event, _ = _follow_up(model, 300, 1.0, 3.0)
    found = recalibrate_survival(model, rows, time, event, change="intercept")
    expected = found.model.survival.baseline(time) * np.exp(raw_score(model, rows))
    assert expected[time >= 0.25].sum() == pytest.approx(event[time >= 0.25].sum(), rel=1e-9)
    assert found.before["ratio"] == pytest.approx(math.exp(found.intercept), rel=1e-9)
    assert found.before["concordance"] == found.after["concordance"]


def test_survival_that_cannot_be_recalibrated_is_said():
    model = _cox()
    rows, time, event, _ = _follow_up(model, 100, 1.0, 1.0)
    with pytest.raises(TrainingError, match="no baseline hazard over time"):
        recalibrate_survival(toy_model(), rows, time, event)
    with pytest.raises(TrainingError, match="0 events; recalibration needs 10"):
        recalibrate_survival(model, rows, time, 0 * event)
