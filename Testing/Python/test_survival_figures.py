"""Kaplan–Meier, log-rank, concordance, calibration at a time, groups, nomogram: oracles and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from estimators_support import toy_dataset
from support import toy_background, toy_features, toy_model
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.models.inference import predict, raw_score
from virtualbiopsy.training.dataset import BINARY, SURVIVAL
from virtualbiopsy.training.method import Method, Spec, Validation
from virtualbiopsy.training.reports import adapt_tests
from virtualbiopsy.training.reports.figures.calibration import calibration_svg
from virtualbiopsy.training.reports.names import figure_name
from virtualbiopsy.training.reports.record import CROSS_VALIDATION
from virtualbiopsy.training.survival import (
    brier_at,
    calibration_at,
    concordance,
    kaplan_meier,
    log_rank,
    model_nomogram,
    nomogram,
    risk_groups,
)
from virtualbiopsy.training.validation.evaluate import evaluate
from virtualbiopsy.training.validation.external import hold_out
from virtualbiopsy.training.validation.fitting import fit_method
from virtualbiopsy.training.validation.horizon import figure_by, horizon_figures, horizon_of
from virtualbiopsy.training.validation.run import validate
from virtualbiopsy.training.validation.splits import make_splits
from virtualbiopsy.training.validation.store import PartStore
from virtualbiopsy.training.validation.subgroups import restricted

DATA = toy_dataset(SURVIVAL)
X, T, E = DATA.values, DATA.outcome.time, DATA.outcome.labels
GROUP = np.digitize(X[:, 0], [-0.5, 0.6])


@pytest.mark.oracle
@pytest.mark.parametrize("some", [slice(None), slice(0, 30), X[:, 0] > 0.3])
def test_kaplan_meier_equals_lifelines(some):
    lifelines = pytest.importorskip("lifelines")
    oracle = lifelines.KaplanMeierFitter().fit(T[some], E[some])
    found = kaplan_meier(T[some], E[some])
    assert found.times == pytest.approx(oracle.survival_function_.index[1:].to_numpy())
    assert found.survival == pytest.approx(oracle.survival_function_.to_numpy()[1:, 0], abs=1e-13)
    limits = oracle.confidence_interval_.to_numpy()[1:]
    inside = (found.survival > 0) & (found.survival < 1)
    assert np.abs(np.stack([found.low, found.high], axis=1)[inside] - limits[inside]).max() <= 1e-12
    assert found.median == oracle.median_survival_time_
    table = oracle.event_table
    assert found.at_risk.tolist() == table["at_risk"].tolist()[1:]
    assert found.events.tolist() == table["observed"].tolist()[1:]
    assert found.censored.tolist() == table["censored"].tolist()[1:]


def test_kaplan_meier_by_hand():
    found = kaplan_meier(np.array([1.0, 2, 2, 3, 4]), np.array([1, 1, 0, 0, 1]))
    assert found.survival == pytest.approx([0.8, 0.6, 0.6, 0.0])
    assert found.at(np.array([0.5, 1.0, 1.99, 2.0, 99.0])) == pytest.approx([1, 0.8, 0.8, 0.6, 0])
    assert found.median == 4.0 and found.interval_at(0.5) == (1.0, 1.0)
    assert kaplan_meier(np.array([1.0, 2.0]), np.array([0, 0])).median == np.inf


@pytest.mark.oracle
@pytest.mark.parametrize("group", [GROUP, GROUP > 0], ids=["three", "two"])
def test_log_rank_equals_lifelines(group):
    statistics = pytest.importorskip("lifelines.statistics")
    oracle = statistics.multivariate_logrank_test(T, group, E)
    found = log_rank(T, E, group)
    assert found.chi2 == pytest.approx(oracle.test_statistic, rel=1e-10)
    assert found.p == pytest.approx(oracle.p_value, rel=1e-8)
    assert found.df == np.unique(group).size - 1
    assert sum(found.observed) == pytest.approx(sum(found.expected)) == E.sum()


def test_log_rank_by_hand():
    # Event times 1 (group A) and 2 (group B) of two cases each, then A and B censored at 3.
    found = log_rank(np.array([1.0, 3, 2, 3]), np.array([1, 0, 1, 0]), np.array(list("AABB")))
    expected = 1 / 2 + 1 / 3
    variance = 1 / 4 + 2 / 9
    assert found.expected[0] == pytest.approx(expected)
    assert found.chi2 == pytest.approx((1 - expected) ** 2 / variance)
    with pytest.raises(TrainingError, match="two or more groups"):
        log_rank(T, E, np.zeros(len(T)))


@pytest.mark.oracle
@pytest.mark.parametrize("digits", [0, 1, 8])
def test_concordance_equals_lifelines(digits):
    utils = pytest.importorskip("lifelines.utils")
    score = np.round(X[:, 0], digits)
    found = concordance(T, E, score)
    assert found.value == pytest.approx(utils.concordance_index(T, -score, E), abs=1e-14)
    assert (found.tied > 0) == (digits < 8) and found.pairs > 1000
    assert concordance(T, E, -score).value == pytest.approx(1 - found.value)


def test_weights_of_the_concordance_are_copies_of_cases():
    drawn = np.random.default_rng(0).integers(0, len(T), len(T))
    counts = np.bincount(drawn, minlength=len(T))
    score = np.round(X[:, 0], 1)
    assert concordance(T, E, score, counts).value == pytest.approx(
        concordance(T[drawn], E[drawn], score[drawn]).value, abs=1e-12
    )
    assert np.isnan(concordance(np.array([1.0, 2.0]), np.array([0, 1]), np.array([1.0, 2.0])).value)


def _exponential(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hazard = np.exp(rng.normal(-2.5, 0.8, n))
    life, end = rng.exponential(1 / hazard), rng.uniform(0, 40, n)
    return np.minimum(life, end), life <= end, hazard, life


def test_true_risks_are_calibrated_and_false_ones_are_not():
    time, event, hazard, _ = _exponential(5000, 0)
    right = 1 - np.exp(-hazard * 10)
    found = calibration_at(time, event, right, 10.0, 5)
    assert found.slope == pytest.approx(1, abs=0.08) and found.ratio == pytest.approx(1, abs=0.05)
    assert ((found.low <= found.predicted) & (found.predicted <= found.high)).sum() >= 4
    assert found.cases.sum() == 5000 and (np.diff(found.predicted) > 0).all()
    wide = 1 - np.exp(-np.exp(2 * np.log(hazard * 10)))
    assert calibration_at(time, event, wide, 10.0).slope == pytest.approx(0.5, abs=0.04)
    assert calibration_at(time, event, right / 2, 10.0).ratio == pytest.approx(2, abs=0.1)


def test_brier_score_with_and_without_censoring():
    time, event, hazard, life = _exponential(5000, 1)
    risk = 1 - np.exp(-hazard * 10)
    plain = ((risk - (life <= 10)) ** 2).mean()
    assert brier_at(life, np.ones(5000), risk, 10.0) == pytest.approx(plain, abs=1e-12)
    assert brier_at(time, event, risk, 10.0) == pytest.approx(plain, abs=0.01)


def test_brier_score_by_hand():
    # Uncensored: 1 until 1, then 2/3 (the event at 1 comes before the censoring at 1).
    time, event = np.array([1.0, 1.0, 2.0, 3.0]), np.array([1, 0, 1, 0])
    risk = np.array([0.7, 0.5, 0.6, 0.2])
    expected = (0.3**2 + 0.0 + 0.4**2 * 1.5 + 0.2**2 * 1.5) / 4
    assert brier_at(time, event, risk, 2.0) == pytest.approx(expected, abs=1e-15)


def test_calibration_refuses_what_it_cannot_answer():
    risk = np.full(len(T), 0.4)
    with pytest.raises(TrainingError, match="between 0 and 1"):
        calibration_at(T, E, risk + 1, 10.0)
    with pytest.raises(TrainingError, match="No event is seen before 1000"):
        calibration_at(T, E, risk, 1000.0)
    with pytest.raises(TrainingError, match="Nobody was followed beyond"):
        brier_at(T, E, risk, 1000.0)
    assert np.isnan(calibration_at(T, E, risk, 10.0).slope)


def test_risk_groups_are_of_equal_size():
    scores = np.random.default_rng(0).standard_normal(120)
    for number in (2, 3, 4):
        found = risk_groups(scores, number)
        assert np.bincount(found.of(scores)).tolist() == [120 // number] * number
        assert len(found.names) == number and found.names[0] == "low risk"
    assert found.of(np.array([-9.0, found.cuts[0], 9.0])).tolist() == [0, 1, 3]
    with pytest.raises(TrainingError, match="2 to 4"):
        risk_groups(scores, 7)
    with pytest.raises(TrainingError, match="too alike"):
        risk_groups(np.ones(9))


def test_points_of_a_nomogram_reproduce_the_linear_predictor():
    rng = np.random.default_rng(3)
    coef, ranges = np.array([0.04, -1.3, 0.0, 2.0]), np.array([[20, 90], [0, 1], [5, 6], [-1.5, 1.0]], float)
    rows = rng.uniform(-1, 2, (50, 4)) * np.ptp(ranges, axis=1) + ranges[:, 0]
    found = nomogram(("age", "sex", "x", "y"), coef, -0.7, ranges, sigmoid)
    points = found.points(rows)
    assert found.linear_predictor(points.sum(axis=1)) == pytest.approx(-0.7 + rows @ coef, abs=1e-12)
    for axis, weight, (low, high) in zip(found.variables, coef, ranges, strict=True):
        assert axis.points.min() == pytest.approx(0, abs=1e-12) and axis.points.max() <= 100 + 1e-9
        assert axis.values[0] == low and axis.values[-1] == high
        assert (np.diff(axis.points) * np.sign(weight) >= 0).all()
    assert found.variables[3].points.max() == pytest.approx(100)
    assert sigmoid(found.linear_predictor(found.answer.points)) == pytest.approx(
        found.answer.values, abs=1e-5
    )
    most = sum(axis.points.max() for axis in found.variables)
    assert found.total.points[-1] == pytest.approx(most) and found.total.points[0] == 0
    with pytest.raises(TrainingError, match="a weight and a range"):
        nomogram(("a",), np.zeros(1), 0.0, np.array([[0.0, 1.0]]), sigmoid)


@pytest.mark.parametrize("kind", ["cox", "logistic", "linear_svm"])
def test_a_nomogram_of_a_model_gives_the_answer_of_the_model(kind):
    model = toy_model(kind)
    found = model_nomogram(model)
    rows = toy_background(model.feature_keys, 30, 4)
    points = found.points(rows).sum(axis=1)
    assert found.linear_predictor(points) == pytest.approx(raw_score(model, rows), abs=1e-10)
    row = np.array([[toy_features(model).values[key] for key in model.feature_keys]])
    total = found.linear_predictor(found.points(row).sum(axis=1))
    answer = predict(model, toy_features(model)).probability
    assert sigmoid(model.calibrator(total))[0] == pytest.approx(answer, abs=1e-12)
    lines = sigmoid(model.calibrator(found.linear_predictor(found.answer.points)))
    assert lines == pytest.approx(found.answer.values, abs=1e-4) and lines.size > 2
    with pytest.raises(TrainingError, match="no nomogram"):
        model_nomogram(toy_model("random_forest"))


def test_held_out_risks_are_those_of_the_validated_models():
    method = Method(
        (Spec("impute"), Spec("scale")), Spec("cox"), validation=Validation(folds=4, repeats=2, seed=3)
    )
    held_out = validate(method, DATA)
    risk, at = held_out.risks(), held_out.horizon
    assert risk.shape == (2, len(T)) and ((risk > 0) & (risk < 1)).all()
    assert at == horizon_of(DATA.outcome) == float(f"{np.median(T):.4g}")
    scores, number = held_out.scores()[0], held_out.numbers()[0]
    for part in np.unique(number):
        order = np.argsort(scores[number == part])
        assert (np.diff(risk[0][number == part][order]) >= 0).all()
    split = held_out.parts[0].split
    fitted = fit_method(method, DATA.rows(split.train), np.random.default_rng([3, 2, 0]))
    free = fitted.estimator.survival(fitted.steps.apply(DATA.rows(split.test)).values, np.array([at]))[:, 0]
    assert risk[0][split.test] == pytest.approx(1 - free, abs=1e-12)
    assert np.isnan(validate(replace(method, estimator=Spec("logistic")), toy_dataset(BINARY)).horizon)


@pytest.mark.parametrize("rounding", [0, 2])
def test_figures_by_the_horizon_are_those_of_single_samples(rounding):
    """Whole cases and cases that count several times: as of a sample in which they stand so often."""
    rng = np.random.default_rng(3)
    time = np.ceil(T / rounding) if rounding else T + rng.uniform(0, 1e-6, T.size)
    risk = rng.uniform(0.05, 0.9, T.size)
    weights = np.stack([np.ones(T.size), rng.multinomial(T.size, np.full(T.size, 1 / T.size))])
    at = float(np.median(time))
    found = horizon_figures(time, E, risk, at, weights)
    for row, times in enumerate(weights.astype(int)):
        again = np.repeat(np.arange(T.size), times)
        of_sample = calibration_at(time[again], E[again], risk[again], at)
        assert found["observed_expected"][row] == pytest.approx(of_sample.ratio, rel=1e-10)
        assert found["brier"][row] == pytest.approx(
            brier_at(time[again], E[again], risk[again], at), rel=1e-10
        )
        # The slope there has Efron's ties, here Breslow's; without ties they are one.
        apart = 1e-6 if not rounding and row == 0 else 0.08
        assert found["calibration_slope"][row] == pytest.approx(of_sample.slope, abs=apart)


def test_figures_by_the_horizon_are_unknown_where_nobody_was_followed():
    risk, one = np.full(T.size, 0.3), np.ones((1, T.size))
    late = horizon_figures(T, E, risk, 1000.0, one)
    assert all(np.isnan(values).all() for values in late.values())
    early = horizon_figures(T, E, risk, 0.5 * T.min(), one)
    assert np.isnan(early["observed_expected"]).all() and early["brier"][0] == pytest.approx(0.09)


def test_the_evaluation_of_survival_states_its_horizon():
    method = Method(
        (Spec("impute"), Spec("scale")),
        Spec("cox"),
        validation=Validation(folds=4, repeats=2, seed=3, bootstraps=60),
    )
    held_out = validate(method, DATA)
    found = evaluate(held_out, DATA, 60)
    at, unit = held_out.horizon, DATA.outcome.unit
    names = [figure_by(name, at, unit) for name in ("brier", "observed_expected", "calibration_slope")]
    for name in names:
        figure = found.figures[name]
        assert figure.low < figure.value < figure.high and f"by {at:g} {unit}" in figure_name(name)
    assert figure_name(names[2]).endswith("(ideal 1)") and 0.05 < found.figures[names[0]].value < 0.3
    assert found.by_horizon.time == at and found.by_horizon.cases.sum() == len(T)
    assert evaluate(replace(held_out, parts=held_out.parts[:4]), DATA, 60).by_horizon is not None
    test = adapt_tests.tested_of("cross-validation", CROSS_VALIDATION, found, DATA.outcome, held_out)
    assert test.calibration.groups.shape == (5, 4) and f"by {at:g} {unit}" in test.calibration.name
    assert "by " in calibration_svg(test.calibration) and set(names) <= set(test.figures)
    half = restricted(held_out, np.arange(len(T)) % 2 == 0)
    assert np.isfinite(half.risks()[0]).sum() == (len(T) + 1) // 2 and half.horizon == at


def test_parts_that_are_kept_hold_their_risks(tmp_path):
    method = Method((Spec("impute"), Spec("scale")), Spec("cox"), validation=Validation(folds=3, repeats=1))
    splits = make_splits(DATA, method.validation)
    store = PartStore(tmp_path / "parts.jsonl", "x", splits)
    whole = validate(method, DATA, splits=splits, keep=store.keep)
    again = validate(
        method, DATA, splits=splits, known=PartStore(tmp_path / "parts.jsonl", "x", splits).known
    )
    assert np.array_equal(again.risks(), whole.risks()) and np.isfinite(again.risks()).all()


def test_times_of_other_cases_must_be_in_the_same_unit():
    method = Method((Spec("impute"), Spec("scale")), Spec("cox"))
    fitted = fit_method(method, DATA, np.random.default_rng(0))
    other = replace(
        toy_dataset(SURVIVAL, seed=8), patients=np.array([f"other-{n}" for n in range(len(T))], dtype=str)
    )
    found = hold_out(fitted, other, DATA)
    assert found.horizon == horizon_of(DATA.outcome) and np.isfinite(found.risks()).all()
    days = replace(other, outcome=replace(other.outcome, time=30 * other.outcome.time, unit="days"))
    with pytest.raises(TrainingError, match="are in days"):
        hold_out(fitted, days, DATA)
