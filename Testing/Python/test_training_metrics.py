"""Figures of merit against scikit-learn, closed forms and counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.models.calibration import logit, sigmoid
from virtualbiopsy.training.metrics import (
    auc,
    brier,
    calibration,
    interval,
    resamples,
    sensitivity_specificity,
    wins,
    youden_threshold,
)


def sample(n=400, slope=1.0, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.2, n)
    labels = (rng.random(n) < sigmoid(truth)).astype(float)
    return labels, slope * truth + shift


def test_auc_equals_scikit_learn_also_with_ties():
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores = sample()
    for values in (scores, np.round(scores), np.zeros_like(scores)):
        assert auc(labels, values) == pytest.approx(metrics.roc_auc_score(labels, values), abs=1e-12)
    assert np.isnan(auc(np.ones(5), np.arange(5.0)))


def test_brier_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores = sample()
    assert brier(labels, scores) == pytest.approx(
        metrics.brier_score_loss(labels, sigmoid(scores)), abs=1e-12
    )


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (2.0, 0.5), (0.5, -1.0)])
def test_calibration_finds_the_distortion(slope, shift):
    labels, scores = sample(200_000, slope, shift)
    found, large = calibration(labels, scores)
    assert found == pytest.approx(1 / slope, abs=0.02)
    if slope == 1.0:
        assert large == pytest.approx(-shift, abs=0.02)
    # in the large: expected equals observed after the shift
    assert sigmoid(scores + large).mean() == pytest.approx(labels.mean(), abs=1e-9)


def test_calibration_without_spread_has_no_slope():
    slope, large = calibration(np.array([1.0, 0, 0, 0]), np.zeros(4))
    assert np.isnan(slope)
    assert large == pytest.approx(float(logit(0.25)), abs=1e-9)


def test_sensitivity_and_specificity_count():
    labels = np.array([1, 1, 1, 0, 0])
    assert sensitivity_specificity(labels, np.array([1, 1, 0, 1, 0], bool)) == (2 / 3, 1 / 2)


def test_youden_threshold_is_the_best_of_all():
    rng = np.random.default_rng(1)
    for _ in range(8):
        labels, scores = sample(40, seed=int(rng.integers(1000)))
        p = np.round(sigmoid(scores), 2)
        found = youden_threshold(labels, p)
        best = max(sum(sensitivity_specificity(labels, p >= t)) for t in np.linspace(0, 1, 201))
        assert sum(sensitivity_specificity(labels, p >= found)) == pytest.approx(best, abs=1e-12)


def test_wins_average_to_the_auc():
    labels, scores = sample()
    for values in (scores, np.round(scores)):
        assert wins(labels, values).mean() == pytest.approx(auc(labels, values), abs=1e-12)


def test_resamples_keep_the_classes():
    labels, _ = sample(60)
    weights = resamples(labels, 200, 0)
    assert np.array_equal(weights[:, labels > 0].sum(axis=1), np.full(200, labels.sum()))
    assert np.array_equal(weights.sum(axis=1), np.full(200, 60))
    assert weights.var() == pytest.approx(1.0, abs=0.1)
    assert np.array_equal(weights, resamples(labels, 200, 0))


def test_bootstrap_interval_of_the_auc_is_about_right():
    labels, scores = sample(300)
    weights, table = resamples(labels, 2000, 0), wins(labels, scores)
    ones, zeros = weights[:, labels > 0], weights[:, labels <= 0]
    low, high = interval(((ones @ table) * zeros).sum(axis=1) / table.size)
    value = auc(labels, scores)
    # Hanley & McNeil 1982, standard error of the AUC
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    n1, n0 = labels.sum(), (1 - labels).sum()
    variance = value * (1 - value) + (n1 - 1) * (q1 - value**2) + (n0 - 1) * (q2 - value**2)
    error = np.sqrt(variance / (n1 * n0))
    assert low < value < high
    assert (high - low) == pytest.approx(2 * 1.96 * error, rel=0.15)
