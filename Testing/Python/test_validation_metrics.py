"""Ranking, DeLong, calibration, decision curves against counting, closed forms, scikit-learn and R output."""

from __future__ import annotations

import csv
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.models.calibration import logit, sigmoid
from virtualbiopsy.training.calibrators import fit_calibrator
from virtualbiopsy.training.metrics import auc
from virtualbiopsy.training.metrics import calibration as plain_calibration
from virtualbiopsy.training.validation.calibration import (
    brier,
    calibration_line,
    expected_observed,
    hazard_slope,
    ici,
    smoothed,
)
from virtualbiopsy.training.validation.decision import decision_curve, net_benefit, treat_all, usefulness
from virtualbiopsy.training.validation.delong import areas, delong, delong_test
from virtualbiopsy.training.validation.ranking import (
    null_error,
    roc_points,
    within_parts_auc,
    within_parts_concordance,
)
from virtualbiopsy.training.validation.resampling import interval, patient_weights


def sample(n=300, slope=1.0, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.3, n)
    labels = rng.random(n) < sigmoid(truth)
    return labels, slope * truth + shift


def repeated(weights, *arrays):
    """Cases written down as often as their weight says."""
    return [np.repeat(a, weights.astype(int), axis=0) for a in arrays]


# ---- ranking


def test_pairs_are_only_compared_within_a_part():
    rng = np.random.default_rng(1)
    labels, part = rng.random(60) < 0.4, rng.integers(0, 3, 60)
    scores = np.round(rng.normal(size=60) + labels + 5 * part, 1)
    weights = rng.integers(0, 3, (4, 60)).astype(float)
    found = within_parts_auc(labels, scores, part, weights)
    for w, value in zip(weights, found, strict=True):
        won = of = 0.0
        for i, j in product(np.flatnonzero(labels), np.flatnonzero(~labels)):
            if part[i] == part[j]:
                of += w[i] * w[j]
                won += (
                    w[i] * w[j] * (1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0)
                )
        assert value == pytest.approx(won / of, abs=1e-12)


def test_one_part_gives_the_plain_auc():
    labels, scores = sample()
    part = np.zeros(labels.size, dtype=int)
    assert within_parts_auc(labels, scores, part, np.ones((1, labels.size)))[0] == pytest.approx(
        auc(labels, scores), abs=1e-12
    )
    only = np.ones(5, dtype=bool)
    assert np.isnan(within_parts_auc(only, np.arange(5.0), np.zeros(5, dtype=int), np.ones((1, 5)))[0])


def test_concordance_equals_lifelines():
    utils = pytest.importorskip("lifelines.utils")
    rng = np.random.default_rng(2)
    time, event = np.ceil(rng.exponential(20, 150)), rng.random(150) < 0.6
    score = np.round(rng.normal(size=150) - 0.05 * time, 1)
    part = np.zeros(150, dtype=int)
    found = within_parts_concordance(time, event, score, part, np.ones((1, 150)))[0]
    assert found == pytest.approx(utils.concordance_index(time, -score, event), abs=1e-12)
    weights = rng.integers(0, 3, (1, 150)).astype(float)
    t, e, s = repeated(weights[0], time, event, score)
    again = within_parts_concordance(time, event, score, part, weights)[0]
    # copies of a case are not compared with each other where it had the event; ties in score count half
    assert again == pytest.approx(utils.concordance_index(t, -s, e), abs=1e-12)


def test_the_standard_error_without_information_is_that_of_random_ranks():
    rng = np.random.default_rng(3)
    positive, part = rng.random(50) < 0.4, np.repeat([0, 1], 25)
    draws = np.stack([rng.normal(size=50) for _ in range(4000)])
    values = [within_parts_auc(positive, s, part, np.ones((1, 50)))[0] for s in draws]
    assert np.std(values) == pytest.approx(null_error(positive, part), rel=0.05)
    assert np.mean(values) == pytest.approx(0.5, abs=0.005)


def test_roc_points_equal_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores = sample()
    scores = np.round(scores, 1)
    fpr, tpr, cut = roc_points(labels, scores)
    expected = metrics.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(fpr, expected[0], atol=1e-12)
    np.testing.assert_allclose(tpr, expected[1], atol=1e-12)
    np.testing.assert_allclose(cut[1:], expected[2][1:])


# ---- DeLong


def brute_components(positive, scores):
    """The structural components V10 and V01 by their definition (DeLong et al. 1988, section 2)."""
    win = np.heaviside(scores[positive][:, None] - scores[~positive][None, :], 0.5)
    return win.mean(axis=1), win.mean(axis=0)


def test_delong_by_hand():
    """Labels 0 0 1 1, scores .1 .4 .35 .8: V10 = (½, 1), V01 = (1, ½), variance ⅛/2 + ⅛/2 = ⅛."""
    found = delong(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    assert found.auc == 0.75
    assert found.se == pytest.approx(np.sqrt(1 / 8), abs=1e-15)
    assert found.low == pytest.approx(0.75 - 1.959963984540054 * np.sqrt(1 / 8), abs=1e-12)
    assert found.high == 1.0


#: Patients with good and poor outcome after subarachnoid haemorrhage by rank of S100β (Turck et al. 2010,
#: Intensive Care Med 36:107; the cases aSAH of R pROC).
GOOD = "0 5 3 2 6 6 6 7 4 0 3 4 4 3 2 1 2 0 0 1 0 0 0 1 0 1 1 1 0 1 0 1 0 1 1 2 1 0 2 0 0 0 0 0 0 0 0 0 0 0"
POOR = "1 0 0 0 3 1 2 2 1 1 2 1 0 1 0 0 0 1 1 0 1 1 1 0 1 1 1 0 1 0 1 0 2 0 0 0 1 1 0 1 1 1 1 2 1 1 1 1 1 1"


def test_delong_equals_r_proc():
    """R pROC: AUC 0.731368563685637, var(roc) 0.00266868245717244, 95 % interval 0.6301–0.8326."""
    good, poor = ([int(n) for n in text.split()] for text in (GOOD, POOR))
    labels, level = np.repeat([0, 1], [72, 41]), np.arange(50)
    found = delong(labels, np.concatenate([np.repeat(level, good), np.repeat(level, poor)]))
    assert found.auc == pytest.approx(0.731368563685637, abs=1e-14)
    assert found.se**2 == pytest.approx(0.00266868245717244, abs=1e-16)
    assert (round(found.low, 4), round(found.high, 4)) == (0.6301, 0.8326)


def test_delong_equals_the_definition_also_with_ties():
    labels, first = sample(seed=4)
    second = np.round(first + np.random.default_rng(5).normal(0, 1, first.size), 1)
    area, covariance = areas(labels, np.stack([first, second]))
    parts = [brute_components(labels, s) for s in (first, second)]
    n1, n0 = labels.sum(), (~labels).sum()
    expected = np.cov([p[0] for p in parts]) / n1 + np.cov([p[1] for p in parts]) / n0
    np.testing.assert_allclose(covariance, expected, atol=1e-15)
    np.testing.assert_allclose(area, [auc(labels, first), auc(labels, second)], atol=1e-12)
    test = delong_test(labels, first, second)
    se = np.sqrt(expected[0, 0] + expected[1, 1] - 2 * expected[0, 1])
    assert test.z == pytest.approx((area[0] - area[1]) / se, abs=1e-9)
    assert test.low < test.difference < test.high
    turned = delong_test(labels, second, first)
    assert (turned.z, turned.p) == (pytest.approx(-test.z), pytest.approx(test.p))


def test_delong_intervals_hold_the_truth_and_the_test_keeps_its_level():
    rng = np.random.default_rng(6)
    truth, covered, rejected, n = float(norm.cdf(np.sqrt(0.5))), 0, 0, 400  # both spread √2, moved by √2
    for _ in range(n):
        labels = np.arange(100) < 40
        shared = rng.normal(size=100) + labels * np.sqrt(2)
        first, second = (shared + rng.normal(size=100) for _ in range(2))
        covered += delong(labels, first).low <= truth <= delong(labels, first).high
        rejected += delong_test(labels, first, second).p < 0.05
    assert covered / n == pytest.approx(0.95, abs=0.035)
    assert rejected / n == pytest.approx(0.05, abs=0.03)


def test_delong_without_variance_and_with_too_few():
    labels = np.array([0, 0, 1, 1])
    perfect = np.array([1.0, 2, 3, 4])
    same = delong_test(labels, perfect, 2 * perfect)
    assert (same.difference, same.p) == (0.0, 1.0)
    assert delong_test(labels, perfect, -perfect).p == 0.0
    with pytest.raises(TrainingError, match="two cases of each class"):
        delong(np.array([0, 0, 1]), np.arange(3.0))


# ---- calibration


def test_weighted_calibration_equals_scikit_learn_on_repeated_cases():
    linear = pytest.importorskip("sklearn.linear_model")
    labels, scores = sample(slope=0.6, shift=0.4)
    weights = np.random.default_rng(7).integers(0, 4, (3, labels.size)).astype(float)
    slope, large = calibration_line(labels, scores, weights)
    for w, b, a in zip(weights, slope, large, strict=True):
        y, x = repeated(w, labels, scores)
        model = linear.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x[:, None], y)
        assert b == pytest.approx(model.coef_[0, 0], abs=1e-5)
        assert a == pytest.approx(plain_calibration(y.astype(float), x)[1], abs=1e-8)
        assert sigmoid(x + a).mean() == pytest.approx(y.mean(), abs=1e-9)


def test_calibration_without_an_optimum_is_unknown():
    labels = np.array([False, False, True, True])
    weights = np.array([[1.0, 1, 1, 1], [1.0, 1, 0, 0]])
    slope, large = calibration_line(labels, np.array([-2.0, -1, 1, 2]), weights)
    assert np.isnan(slope).all()  # separated; one class
    assert np.isfinite(large[0]) and np.isnan(large[1])
    assert np.isnan(calibration_line(labels, np.zeros(4), weights)[0]).all()


def test_the_smoothed_curve_is_local_weighted_least_squares():
    labels, scores = sample(80)
    p = sigmoid(scores)
    at = np.array([0.2, 0.5, 0.77])
    weights = np.random.default_rng(8).integers(0, 3, (2, 80)).astype(float)
    found = smoothed(labels, p, at, weights)
    for w, row in zip(weights, found, strict=True):
        for x, value in zip(at, row, strict=True):
            width = np.sort(np.abs(p - x))[int(np.ceil(0.75 * 80)) - 1]
            tricube = (1 - np.minimum(np.abs(p - x) / width, 1) ** 3) ** 3
            line = np.polyfit(p - x, labels.astype(float), 1, w=np.sqrt(w * tricube))
            assert value == pytest.approx(np.clip(line[1], 0, 1), abs=1e-9)


def test_the_smoothed_curve_and_ici_find_the_distortion():
    labels, scores = sample(20_000)
    one = np.ones((1, labels.size))
    p, wrong = sigmoid(scores), sigmoid(2 * scores)
    at = np.array([0.2, 0.5, 0.8])
    np.testing.assert_allclose(smoothed(labels[:4000], wrong[:4000], at), sigmoid(logit(at) / 2), atol=0.06)
    assert ici(labels, p, one)[0] < 0.012
    expected = np.abs(p - wrong).mean()
    assert ici(labels, wrong, one)[0] == pytest.approx(expected, abs=0.02)
    assert ici(labels, np.full(labels.size, 0.25), one)[0] == pytest.approx(
        abs(labels.mean() - 0.25), abs=1e-9
    )


def test_brier_and_its_scaled_form_by_hand():
    labels, p = np.array([1, 0, 0, 1]), np.array([0.8, 0.4, 0.1, 0.5])
    score, scaled = brier(labels, p, np.array([[1.0, 1, 1, 1], [2, 0, 1, 1], [0, 1, 1, 0]]))
    assert score[0] == pytest.approx((0.04 + 0.16 + 0.01 + 0.25) / 4)
    assert scaled[0] == pytest.approx(1 - score[0] / 0.25)
    assert score[1] == pytest.approx((0.04 * 2 + 0.01 + 0.25) / 4)
    assert scaled[1] == pytest.approx(1 - score[1] / (0.75 * 0.25))
    assert np.isnan(scaled[2])
    assert expected_observed(labels, p, np.ones((1, 4)))[0] == pytest.approx(2 / 1.8)


def test_the_slope_of_log_hazards_equals_lifelines():
    lifelines, pandas = pytest.importorskip("lifelines"), pytest.importorskip("pandas")
    rng = np.random.default_rng(12)
    score = rng.normal(0, 0.8, 200)
    time, event = rng.exponential(np.exp(-1.5 * score)), rng.random(200) < 0.7
    weights = np.ones((2, 200))
    weights[1] = rng.integers(0, 3, 200)
    found = hazard_slope(time, event, score, weights)
    for w, value in zip(weights, found, strict=True):
        kept = w > 0
        frame = pandas.DataFrame({"s": score[kept], "t": time[kept], "e": event[kept], "w": w[kept]})
        model = lifelines.CoxPHFitter().fit(frame, "t", "e", weights_col="w", robust=True)
        # lifelines: a weighted case counts as often at its time (Breslow's form), as copies do here
        assert value == pytest.approx(model.params_["s"], abs=1e-5)
    assert found[0] == pytest.approx(1.5, abs=0.35)
    rounded = np.ceil(time * 2)
    by_hand = minimize_scalar(
        lambda b: breslow_loss(b, rounded, event, score), bounds=(-5, 5), method="bounded"
    )
    assert hazard_slope(rounded, event, score, weights)[0] == pytest.approx(by_hand.x, abs=1e-5)
    assert np.isnan(hazard_slope(time, np.zeros(200), score, weights)).all()
    assert np.isnan(hazard_slope(time, event, np.ones(200), weights)).all()
    apart = hazard_slope(np.arange(1.0, 9), np.ones(8), -np.arange(8.0), np.ones((1, 8)))
    assert np.isnan(apart).all()  # a higher score always dies first


def breslow_loss(b, time, event, score):
    """Negative log partial likelihood with Breslow's ties, by its definition."""
    return -sum(
        b * score[i] - np.log(np.exp(b * score[time >= time[i]]).sum()) for i in np.flatnonzero(event)
    )


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_calibrators_mend_overconfident_scores(kind):
    labels, scores = sample(4000, slope=3.0)
    found = fit_calibrator(kind, scores, labels)
    fresh, fresh_scores = sample(4000, slope=3.0, seed=1)
    weights = np.ones((1, 4000))
    before = ici(fresh, sigmoid(fresh_scores), weights)[0]
    after = ici(fresh, sigmoid(found(fresh_scores)), weights)[0]
    assert before > 0.08 and after < 0.02
    if kind != "isotonic":
        assert found.slope == pytest.approx(1 / 3, abs=0.03)


def test_temperature_is_the_likeliest_and_isotonic_equals_scikit_learn():
    optimize = pytest.importorskip("scipy.optimize")
    isotonic = pytest.importorskip("sklearn.isotonic")
    labels, scores = sample(slope=2.0)
    scores = np.round(scores, 1)

    def loss(log_slope):
        z = np.exp(log_slope) * scores
        return float(np.logaddexp(0, np.where(labels, -z, z)).sum())

    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    assert np.log(fit_calibrator("temperature", scores, labels).slope) == pytest.approx(best.x, abs=1e-6)
    edge = 1 / (2 * labels.size)
    expected = isotonic.IsotonicRegression(y_min=edge, y_max=1 - edge).fit(scores, labels).predict(scores)
    found = fit_calibrator("isotonic", scores, labels)
    np.testing.assert_allclose(sigmoid(found(scores)), expected, atol=1e-9)
    with pytest.raises(TrainingError, match="both classes"):
        fit_calibrator("platt", scores, np.ones(labels.size))
    with pytest.raises(TrainingError, match="'spline'"):
        fit_calibrator("spline", scores, labels)


# ---- decision curves


def test_net_benefit_by_hand():
    labels, p = np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.3, 0.3, 0.2, 0.1])
    found = net_benefit(labels, p, np.array([0.25, 0.3, 0.5]))
    np.testing.assert_allclose(found, [2 / 5 - 1 / 5 / 3, 2 / 5 - 1 / 5 * 3 / 7, 1 / 5], atol=1e-15)
    weighted = net_benefit(labels, p, np.array([0.25]), np.array([[1.0, 0, 3, 0, 0]]))
    assert weighted[0, 0] == pytest.approx(1 / 4 - 3 / 4 / 3)
    assert treat_all(0.4, np.array([0.25]))[0] == pytest.approx(0.4 - 0.6 / 3)
    assert net_benefit(labels, np.zeros(5), np.array([0.0]))[0] == 0.0  # at 0 only what is above 0


def rows_of(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def curves_of(rows):
    found = {}
    for row in rows:
        columns = ("threshold", "tp_rate", "fp_rate", "net_benefit")
        found.setdefault(row["variable"], []).append([float(row[c]) for c in columns])
    return {name: np.array(values).T for name, values in found.items()}


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("file", "data", "column"),
    [
        ("r_dca_famhistory.csv", "df_binary.csv", "famhistory"),
        ("r_simple_binary_dca_result_df.csv", "df_binary.csv", "age"),
    ],
)
def test_decision_curves_equal_r_dcurves(data_dir, file, data, column):
    linear = pytest.importorskip("sklearn.linear_model")
    folder = data_dir / "reference" / "dca"
    expected = curves_of(rows_of(folder / file))
    cases = rows_of(folder / data)
    labels = np.array([row["cancer"] == "TRUE" for row in cases])
    values = np.array([float(row[column]) for row in cases])
    if values.max() > 1:  # dcurves turns it into a probability by logistic regression
        model = linear.LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000, solver="newton-cholesky")
        scaled = ((values - values.mean()) / values.std())[:, None]
        values = model.fit(scaled, labels).predict_proba(scaled)[:, 1]
    thresholds = expected[column][0]
    np.testing.assert_allclose(net_benefit(labels, values, thresholds), expected[column][3], atol=1e-12)
    np.testing.assert_allclose(treat_all(labels.mean(), thresholds), expected["all"][3], atol=1e-12)
    drawn = np.ones((3, labels.size))
    curve = decision_curve(labels, values[None], drawn, thresholds)
    for start, stop in ((0.2, 0.8), (0.15, 0.9)):
        inside = (thresholds >= start - 1e-9) & (thresholds <= stop + 1e-9)
        np.testing.assert_allclose(curve.model[inside], expected[column][3][inside], atol=1e-12)
    assert [(u.start, u.stop) for u in curve.useful] == [(0.2, 0.8), (0.15, 0.9)]
    np.testing.assert_allclose(curve.low, curve.model, atol=1e-12)  # every case drawn once


def test_usefulness_counts_both_ends():
    thresholds = np.arange(100) / 100
    model, everyone = np.full(100, 0.1), np.where(thresholds < 0.5, 0.2, -1.0)
    found = usefulness(thresholds, model, everyone, 0.2, 0.8)
    assert found.share == pytest.approx(31 / 61)
    assert found.mean_gain == pytest.approx((31 * 0.1 - 30 * 0.1) / 61)


# ---- bootstrap


def test_bootstrap_draws_patients_and_keeps_classes():
    patients = np.array(["a", "a", "b", "c", "d", "d", "d", "e"])
    strata = np.array([1, 0, 0, 0, 1, 1, 1, 1])
    weights = patient_weights(patients, strata, 500, 1)
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 4] == weights[:, 6]).all()
    assert (weights[:, [0, 4, 7]].sum(axis=1) == 3).all()  # patients of the class 1
    assert (weights[:, [2, 3]].sum(axis=1) == 2).all()
    assert weights.mean(axis=0) == pytest.approx(1.0, abs=0.15)
    assert (patient_weights(patients, strata, 500, 1) == weights).all()


def test_clustered_cases_widen_the_interval():
    rng = np.random.default_rng(9)
    base = rng.normal(size=40)
    labels = rng.random(40) < sigmoid(2 * base)
    copied, of_patient = np.tile(labels, 4), np.tile(np.arange(40).astype(str), 4)
    scores, part = np.tile(base, 4), np.zeros(160, dtype=int)
    widths = []
    for patients in (of_patient, np.arange(160).astype(str)):
        drawn = patient_weights(patients, copied, 600, 2)
        low, high = interval(within_parts_auc(copied, scores, part, drawn))
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.2)  # four rows a patient: √4


def test_an_interval_is_unknown_where_too_much_cannot_be_computed():
    values = np.append(np.arange(100.0), [np.nan] * 4)
    assert interval(values) == pytest.approx((2.475, 96.525))
    assert np.isnan(interval(np.append(values, [np.nan] * 4))).all()
