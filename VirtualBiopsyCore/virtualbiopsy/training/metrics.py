"""Figures of merit of estimated probabilities, and their bootstrap intervals."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from ..models.calibration import sigmoid


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve as the Mann–Whitney statistic; ties count half. NaN with one class only."""
    positive = labels > 0
    n1 = int(positive.sum())
    n0 = labels.size - n1
    if not n1 or not n0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def brier(labels: np.ndarray, log_odds: np.ndarray) -> float:
    """Mean squared difference between label and probability."""
    return float(((sigmoid(log_odds) - labels) ** 2).mean())


def calibration(labels: np.ndarray, log_odds: np.ndarray) -> tuple[float, float]:
    """Calibration slope (logistic regression of the label on the log-odds) and calibration-in-the-large.

    The second is the intercept of that regression with the slope held at 1 (Van Calster et al. 2019).
    Ideal are 1 and 0. Without any spread of the log-odds the slope is NaN.
    """
    slope = float("nan")
    if np.ptp(log_odds) > 0:
        slope = float(_newton(np.stack([log_odds, np.ones_like(log_odds)], axis=1), labels, 0.0)[0])
    large = float(_newton(np.ones((labels.size, 1)), labels, log_odds)[0])
    return slope, large


def sensitivity_specificity(labels: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Share of positives that are called high, and of negatives that are not."""
    positive = labels > 0
    return float(high[positive].mean()), float((~high[~positive]).mean())


def youden_threshold(labels: np.ndarray, probability: np.ndarray) -> float:
    """Probability at which sensitivity + specificity is largest, halfway to the next lower value."""
    order = np.argsort(probability, kind="stable")
    p, y = probability[order], labels[order] > 0
    below_positive = np.concatenate([[0], np.cumsum(y)])
    below_negative = np.concatenate([[0], np.cumsum(~y)])
    gain = below_negative / max(int((~y).sum()), 1) - below_positive / max(int(y.sum()), 1)
    apart = np.concatenate([[True], np.diff(p) > 0, [False]])
    gain[~apart] = -np.inf
    cut = int(np.argmax(gain))
    low = p[cut - 1] if cut else 0.0
    return float((low + p[cut]) / 2)


def resamples(labels: np.ndarray, bootstraps: int, seed: int) -> np.ndarray:
    """How often each case is drawn in each bootstrap resample, (bootstraps, n).

    Each class is drawn apart, so that all keep their size.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((bootstraps, labels.size))
    for value in np.unique(labels)[::-1]:
        group = np.flatnonzero(labels == value)
        share = np.full(group.size, 1.0 / group.size)
        weights[:, group] = rng.multinomial(group.size, share, bootstraps)
    return weights


def wins(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (positives, negatives): 1 where the positive case scores higher, ½ for a tie.

    The mean of the table is the AUC.
    """
    positive, negative = scores[labels > 0], scores[labels <= 0]
    return np.heaviside(positive[:, None] - negative[None, :], 0.5)


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of bootstrap values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _newton(design: np.ndarray, labels: np.ndarray, offset: np.ndarray | float) -> np.ndarray:
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = sigmoid(design @ weights + offset)
        gradient = design.T @ (labels - p)
        hessian = (design * (p * (1 - p))[:, None]).T @ design
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(weights)), gradient)
        weights = weights + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return weights
