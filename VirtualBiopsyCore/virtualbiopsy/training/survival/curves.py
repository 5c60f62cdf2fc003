"""Kaplan–Meier curves and the log-rank test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from .likelihood import checked


@dataclass(frozen=True, eq=False)
class Curve:
    """A Kaplan–Meier curve.

    Attributes
    ----------
    times : (m,) distinct times of events or censoring, rising. survival : (m,) share that is free of the
        event from each of them on. low, high : (m,) confidence interval, NaN where it is not defined.
    at_risk, events, censored : (m,) just before, and at, each time.
    """

    times: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray

    def at(self, times: np.ndarray | float) -> np.ndarray:
        """Survival at some times (any shape): 1 before the first, the last value after the last."""
        return self._at(self.survival, times)

    def interval_at(self, time: float) -> tuple[float, float]:
        """Confidence interval at a time; (1, 1) before the first event."""
        return float(self._at(self.low, time)), float(self._at(self.high, time))

    @property
    def median(self) -> float:
        """First time at which half or less is free of the event; infinite if it is not reached."""
        reached = np.flatnonzero(self.survival <= 0.5 + 1e-12)
        return float(self.times[reached[0]]) if reached.size else np.inf

    def _at(self, values: np.ndarray, times: np.ndarray | float) -> np.ndarray:
        return np.concatenate([[1.0], values])[np.searchsorted(self.times, times, side="right")]


def kaplan_meier(time: np.ndarray, event: np.ndarray, confidence: float = 0.95) -> Curve:
    """Return the product-limit estimate (Kaplan & Meier 1958, J Am Stat Assoc 53:457).

    The interval is Greenwood's on log(−log S) (Kalbfleisch & Prentice 2002, section 1.4).

    Raises
    ------
    TrainingError : times or event marks that are no follow-up.
    """
    from scipy.special import ndtri

    time, event = checked(time, event)
    times, which = np.unique(time, return_inverse=True)
    events = np.bincount(which, event, times.size)
    leaving = np.bincount(which, minlength=times.size)
    at_risk = leaving[::-1].cumsum()[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - events / at_risk)
        variance = np.cumsum(events / (at_risk * (at_risk - events)))
        width = float(ndtri(0.5 + confidence / 2)) * np.sqrt(variance) / np.abs(np.log(survival))
        low, high = survival ** np.exp(width), survival ** np.exp(-width)
    before = survival == 1.0
    low, high = np.where(before, 1.0, low), np.where(before, 1.0, high)
    return Curve(times, survival, low, high, at_risk, events.astype(int), (leaving - events).astype(int))


@dataclass(frozen=True)
class LogRank:
    """χ² of the log-rank test, its degrees of freedom, p, and events seen and expected in each group."""

    chi2: float
    df: int
    p: float
    observed: tuple[float, ...]
    expected: tuple[float, ...]


def log_rank(time: np.ndarray, event: np.ndarray, group: np.ndarray) -> LogRank:
    """Test whether groups have the same hazard (Mantel 1966; Peto & Peto 1972, J R Stat Soc A 135:185).

    Parameters
    ----------
    group : (n,) of any type; its distinct values in sorted order are the groups.

    Raises
    ------
    TrainingError : fewer than two groups, no event, or no follow-up.
    """
    from scipy.special import chdtrc

    time, event = checked(time, event)
    names, which = np.unique(np.asarray(group), return_inverse=True)
    if names.size < 2 or not event.any():
        raise TrainingError("A log-rank test compares two or more groups, and some event must be seen.")
    member = np.eye(names.size)[which]
    times = np.unique(time[event > 0])
    there = (time >= times[:, None]).astype(float) @ member
    dying = ((time == times[:, None]) * event) @ member
    n, d = there.sum(axis=1), dying.sum(axis=1)
    expected = there * (d / n)[:, None]
    factor = np.where(n > 1, d * (n - d) / np.maximum(n - 1, 1), 0.0)
    share = there / n[:, None]
    variance = np.diag((factor[:, None] * share).sum(axis=0)) - (factor[:, None] * share).T @ share
    apart = (dying - expected).sum(axis=0)[:-1]
    chi2 = float(apart @ np.linalg.pinv(variance[:-1, :-1]) @ apart)
    return LogRank(
        chi2,
        names.size - 1,
        float(chdtrc(names.size - 1, chi2)),
        tuple(dying.sum(axis=0).tolist()),
        tuple(expected.sum(axis=0).tolist()),
    )
