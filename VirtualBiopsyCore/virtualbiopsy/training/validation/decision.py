"""Decision curves: the net benefit of acting on a probability.

Source: Vickers & Elkin 2006, Med Decis Making 26:565.
Net benefit at threshold t: true positives / n − false positives / n · t / (1 − t).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .resampling import interval

RANGES = ((0.20, 0.80), (0.15, 0.90))
"""Ranges of the threshold that the papers use."""
THRESHOLDS = np.arange(100) / 100


@dataclass(frozen=True)
class Usefulness:
    """Over a range of thresholds: share at which the model beats both treating all and treating none, and the
    mean gain of net benefit over the better of these two.
    """

    start: float
    stop: float
    share: float
    mean_gain: float


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold, (t,) each.

    Attributes
    ----------
    model, low, high : of the model, with pointwise 95 % bootstrap interval.
    treat_all, treat_none : of acting on every case and on none. useful : by range of the papers.
    """

    thresholds: np.ndarray
    model: np.ndarray
    low: np.ndarray
    high: np.ndarray
    treat_all: np.ndarray
    treat_none: np.ndarray
    useful: tuple[Usefulness, ...]


def net_benefit(
    labels: np.ndarray,
    probability: np.ndarray,
    thresholds: np.ndarray,
    weights: np.ndarray | None = None,
    harm: float = 0.0,
) -> np.ndarray:
    """Net benefit at each threshold, (t,), or (b, t) with weights (b, n).

    A case counts as positive where its probability is at or above the threshold; at the threshold 0 where it
    is above 0 (as R dcurves does). `harm` of the test itself is subtracted.
    """
    w = np.ones((1, len(labels))) if weights is None else weights
    t = np.asarray(thresholds, dtype=np.float64)
    called = np.where(t > 0, probability[:, None] >= t, probability[:, None] > 0).astype(np.float64)
    y = np.asarray(labels, dtype=np.float64) > 0
    total = w.sum(axis=1, keepdims=True)
    true, false = w[:, y] @ called[y] / total, w[:, ~y] @ called[~y] / total
    found = true - false * (t / (1 - t)) - harm
    return found[0] if weights is None else found


def treat_all(prevalence: float, thresholds: np.ndarray) -> np.ndarray:
    """Net benefit of acting on every case."""
    t = np.asarray(thresholds, dtype=np.float64)
    return prevalence - (1 - prevalence) * t / (1 - t)


def decision_curve(
    labels: np.ndarray,
    probability: np.ndarray,
    drawn: np.ndarray,
    thresholds: np.ndarray = THRESHOLDS,
    harm: float = 0.0,
) -> DecisionCurve:
    """Decision curve of held-out probabilities.

    Parameters
    ----------
    labels : (n,). probability : (repeats, n), NaN where a case was not held out; the curve is the mean over
    the repeats. drawn : (b, n) weights of the bootstrap.
    """
    tested = np.isfinite(probability)
    used = [r for r in range(len(probability)) if tested[r].any()]
    curves, spread = [], []
    for r in used:
        rows = tested[r]
        curves.append(net_benefit(labels[rows], probability[r, rows], thresholds, harm=harm))
        spread.append(net_benefit(labels[rows], probability[r, rows], thresholds, drawn[:, rows], harm))
    model, all_of_them = np.mean(curves, axis=0), np.mean(spread, axis=0)
    bands = [interval(column) for column in all_of_them.T]
    low, high = (np.array(side) for side in zip(*bands, strict=True))
    everyone = np.mean([treat_all(float((labels[tested[r]] > 0).mean()), thresholds) for r in used], axis=0)
    none = np.zeros(len(thresholds))
    useful = tuple(usefulness(thresholds, model, everyone, *limits) for limits in RANGES)
    return DecisionCurve(np.asarray(thresholds), model, low, high, everyone, none, useful)


def usefulness(
    thresholds: np.ndarray, model: np.ndarray, everyone: np.ndarray, start: float, stop: float
) -> Usefulness:
    """What a curve gains over treating all and treating none between two thresholds (both included)."""
    inside = (thresholds >= start - 1e-9) & (thresholds <= stop + 1e-9)
    gain = model[inside] - np.maximum(everyone[inside], 0.0)
    return Usefulness(start, stop, float((gain > 1e-12).mean()), float(gain.mean()))
