"""Fitting calibrators on scores of cases that a classifier was not fitted on."""

from __future__ import annotations

import numpy as np

from ..errors import TrainingError
from ..models.calibration import KINDS, Calibrator, sigmoid
from .platt import fit_platt

MAX_SLOPE = 1e3


def fit_calibrator(kind: str, scores: np.ndarray, labels: np.ndarray) -> Calibrator:
    """Fit a calibrator by kind: "none", "platt", "temperature" or "isotonic".

    Parameters
    ----------
    scores : (n,) raw held-out scores. labels : (n,) 0 or 1, both there.

    Raises
    ------
    TrainingError : the kind is not known, or one class only.
    """
    labels = np.asarray(labels)
    if kind not in KINDS:
        raise TrainingError(f"The calibration {kind[:40]!r} is not known.", f"Use one of {', '.join(KINDS)}.")
    if kind == "none":
        return Calibrator()
    if not (labels > 0).any() or not (labels <= 0).any():
        raise TrainingError("Calibration needs cases of both classes.", "Add cases of the class that lacks.")
    if kind == "platt":
        return fit_platt(scores, labels)
    if kind == "temperature":
        return Calibrator("temperature", fit_temperature(scores, labels), 0.0)
    return fit_isotonic(scores, labels)


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the slope 1/T > 0 of highest likelihood (Guo et al. 2017, ICML, section 4.2), by bisection.

    Σ s (y − σ(slope · s)) falls with the slope, so that there is one optimum. Scores that point the wrong way
    would want a slope below 0 and get the smallest one, 1/1000; perfect separation gets the largest, 1000.
    """
    s, y = np.asarray(scores, dtype=np.float64), (np.asarray(labels) > 0).astype(np.float64)
    low, high = np.log(1 / MAX_SLOPE), np.log(MAX_SLOPE)
    for _ in range(200):
        middle = (low + high) / 2
        if (s * (y - sigmoid(np.exp(middle) * s))).sum() > 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def fit_isotonic(scores: np.ndarray, labels: np.ndarray) -> Calibrator:
    """Return isotonic calibration by pooling adjacent violators (Zadrozny & Elkan 2002).

    Probabilities stay inside 1/(2n) … 1 − 1/(2n), so that log-odds are finite. Scores without any spread
    give the prevalence everywhere.
    """
    x, of_row = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    y = (np.asarray(labels) > 0).astype(np.float64)
    weight = np.bincount(of_row).astype(np.float64)
    fitted = _pooled(np.bincount(of_row, weights=y) / weight, weight)
    if x.size == 1:
        x, fitted = np.array([x[0], x[0] + 1.0]), np.repeat(fitted, 2)
    edge = 1 / (2 * y.size)
    needed = np.ones(x.size, dtype=bool)
    needed[1:-1] = (np.diff(fitted)[:-1] != 0) | (np.diff(fitted)[1:] != 0)
    knots = np.clip(fitted, edge, 1 - edge)[needed]
    return Calibrator("isotonic", 1.0, 0.0, tuple(x[needed].tolist()), tuple(knots.tolist()))


def _pooled(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The non-falling values with the least weighted squared distance."""
    blocks: list[list[float]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            value2, weight2, count2 = blocks.pop()
            value1, weight1, count1 = blocks.pop()
            total = weight1 + weight2
            blocks.append([(value1 * weight1 + value2 * weight2) / total, total, count1 + count2])
    return np.concatenate([np.full(int(count), value) for value, _, count in blocks])
