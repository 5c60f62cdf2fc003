"""Calibration of the risk of an event by a stated time, with censored cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from .curves import kaplan_meier
from .likelihood import checked


@dataclass(frozen=True, eq=False)
class CalibrationAt:
    """Predicted and observed risk by a time, in groups of predicted risk.

    Attributes
    ----------
    time : that the risks are about. predicted : (g,) mean predicted risk of each group. observed : (g,)
        1 − Kaplan–Meier at the time. low, high : (g,) 95 % interval of the observed one. cases : (g,).
    slope : of the observed on the predicted log cumulative hazard, 1 if the spread of the risks is right.
    ratio : observed risk of all cases (1 − Kaplan–Meier) over the mean predicted one, 1 if that is right.
    """

    time: float
    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cases: np.ndarray
    slope: float
    ratio: float


def calibration_at(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, at: float, groups: int = 5
) -> CalibrationAt:
    """Compare predicted risks (n,) of the event by the time `at` with Kaplan–Meier estimates.

    Figures as McLernon et al. 2023, Ann Intern Med 176:105: the slope is the weight of log(−log(1 − risk)) in
    a Cox model of the follow-up until `at`, the ratio is that of observed to expected risk at that time.

    Raises
    ------
    TrainingError : a risk outside 0 … 1, no event before `at`, or nobody was followed until then.
    """
    from .cox import fit_cox

    time, event = checked(time, event)
    risk = np.asarray(risk, dtype=np.float64)
    if not ((risk >= 0) & (risk <= 1)).all():
        raise TrainingError("A predicted risk is not between 0 and 1.")
    until = np.minimum(time, at)
    seen = event * (time <= at)
    if not seen.any() or not (time >= at).any():
        raise TrainingError(f"No event is seen before {at:g}, or nobody was followed until then.")
    edges = np.quantile(risk, np.arange(1, groups) / groups)
    which = np.searchsorted(edges, risk, side="right")
    rows = []
    for group in np.unique(which):
        mine = which == group
        curve = kaplan_meier(time[mine], event[mine])
        low, high = curve.interval_at(at)
        rows.append((risk[mine].mean(), 1 - float(curve.at(at)), 1 - high, 1 - low, mine.sum()))
    predicted, observed, low, high, cases = np.array(rows).T
    clipped = np.clip(risk, 1e-9, 1 - 1e-9)
    index = np.log(-np.log1p(-clipped))
    slope = float(fit_cox((index - index.mean())[:, None], until, seen)[0]) if np.ptp(index) > 0 else np.nan
    ratio = float((1 - kaplan_meier(time, event).at(at)) / risk.mean())
    return CalibrationAt(float(at), predicted, observed, low, high, cases.astype(int), slope, ratio)


def brier_at(time: np.ndarray, event: np.ndarray, risk: np.ndarray, at: float) -> float:
    """Brier score of risks (n,) of the event by the time `at` (Graf et al. 1999, Stat Med 18:2529).

    Weights: 1 / G(time−) for events until then, 1 / G(at) for those free of it, 0 for those censored
    before; G is Kaplan–Meier's estimate of staying uncensored, where events come before censoring at the same
    time.

    Raises
    ------
    TrainingError : nobody was followed until then.
    """
    time, event = checked(time, event)
    risk = np.asarray(risk, dtype=np.float64)
    free, dead = time > at, (time <= at) & (event > 0)
    if not free.any():
        raise TrainingError(f"Nobody was followed beyond {at:g}.")
    curve = kaplan_meier(time, event)
    left = np.maximum(curve.at_risk - curve.events, 1)
    uncensored = np.concatenate([[1.0], np.cumprod(1 - curve.censored / left)])
    score = np.zeros(time.size)
    score[free] = risk[free] ** 2 / uncensored[np.searchsorted(curve.times, at, side="right")]
    before = np.searchsorted(curve.times, time[dead], side="left")
    score[dead] = (1 - risk[dead]) ** 2 / uncensored[before]
    return float(score.mean())
