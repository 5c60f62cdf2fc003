"""Curves of held-out scores for figures: ROC, smoothed calibration; and the table of calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import MULTICLASS, ORDINAL
from .calibration import smoothed
from .ranking import roc_points
from .resampling import interval
from .run import HeldOut

BAND_RESAMPLES = 500
"""Resamples that pointwise bands are made from."""


@dataclass(frozen=True, eq=False)
class RocCurve:
    """ROC curve with a pointwise 95 % band; (m,) each. The mean over the repeats at equal `fpr`."""

    fpr: np.ndarray
    tpr: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Observed frequency against predicted probability, with a pointwise 95 % band; (m,) each.

    `probabilities` (k,) are all held-out ones, for their histogram.
    """

    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class Confusion:
    """Calls against truth: `counts` (classes, classes), row true, column called, mean over the repeats."""

    classes: tuple[str, ...]
    counts: np.ndarray


def roc_curve(held_out: HeldOut, drawn: np.ndarray, points: int = 101) -> RocCurve | None:
    """ROC curve over all held-out cases of two classes; None where a class is absent."""
    positive, probability = held_out.outcome.labels > 0, held_out.probability()
    at = np.linspace(0, 1, points)
    found, bands = [], []
    for row in probability:
        tested = np.isfinite(row)
        y, p = positive[tested], row[tested]
        if not y.any() or y.all():
            continue
        fpr, tpr, _ = roc_points(y, p)
        found.append(np.interp(at, fpr, tpr))
        bands.append(_resampled(y, p, drawn[:BAND_RESAMPLES, tested], at))
    if not found:
        return None
    tpr = np.mean(found, axis=0)
    tpr[0] = 0.0
    low, high = _band(np.mean(bands, axis=0))
    return RocCurve(at, tpr, low, high)


def calibration_curve(held_out: HeldOut, drawn: np.ndarray, points: int = 60) -> CalibrationCurve | None:
    """Smoothed calibration curve between the 1st and the 99th percentile of all probabilities."""
    labels, probability = held_out.outcome.labels > 0, held_out.probability()
    known = probability[np.isfinite(probability)]
    if np.ptp(known) == 0:
        return None
    at = np.linspace(*np.quantile(known, [0.01, 0.99]), points)
    found, bands = [], []
    for row in probability:
        tested = np.isfinite(row)
        if tested.any():
            found.append(smoothed(labels[tested], row[tested], at))
            bands.append(smoothed(labels[tested], row[tested], at, drawn[:BAND_RESAMPLES, tested]))
    low, high = _band(np.mean(bands, axis=0))
    return CalibrationCurve(at, np.mean(found, axis=0), low, high, known)


def confusion(held_out: HeldOut) -> Confusion:
    """Calls at the models' thresholds (two classes), of the median (ordered) or likeliest class (several)."""
    outcome, scores = held_out.outcome, held_out.scores()
    classes = outcome.classes
    counts = np.zeros((len(classes), len(classes)))
    repeats = 0
    for repeat, row in enumerate(scores):
        tested = np.isfinite(row.reshape(len(outcome.labels), -1)).all(axis=1)
        if not tested.any():
            continue
        repeats += 1
        if outcome.kind == ORDINAL:
            called = (row[tested] >= 0).sum(axis=1)
        elif outcome.kind == MULTICLASS:
            called = row[tested].argmax(axis=1)
        else:
            called = held_out.called()[repeat, tested].astype(int)
        np.add.at(counts, (outcome.labels[tested].astype(int), called), 1)
    return Confusion(classes, counts / max(repeats, 1))


def _resampled(y: np.ndarray, p: np.ndarray, w: np.ndarray, at: np.ndarray) -> np.ndarray:
    order = np.argsort(-p, kind="stable")
    last = np.append(np.diff(p[order]) != 0, True)
    up = np.cumsum(w[:, order] * y[order], axis=1)[:, last]
    across = np.cumsum(w[:, order] * ~y[order], axis=1)[:, last]
    up, across = (np.pad(c / np.maximum(c[:, -1:], 1e-300), ((0, 0), (1, 0))) for c in (up, across))
    return np.stack([np.interp(at, x, t) for x, t in zip(across, up, strict=True)])


def _band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = zip(*(interval(column) for column in values.T), strict=True)
    return np.array(low), np.array(high)
