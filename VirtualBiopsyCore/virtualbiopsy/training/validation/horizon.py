"""How right the risks of an event by a stated time are, with censored cases and bootstrap weights."""

from __future__ import annotations

import numpy as np

from ..dataset import Outcome
from .calibration import hazard_slope

_CHUNK = 2_000_000


def horizon_of(outcome: Outcome) -> float:
    """The time that the risks of a survival model are about: the median of the observed times.

    No sooner than the first event; four digits. It looks at nothing but follow-up.
    """
    assert outcome.time is not None
    first = float(outcome.time[outcome.labels > 0].min(initial=np.inf))
    middle = max(float(np.median(outcome.time)), first if np.isfinite(first) else 0.0)
    shown = float(f"{middle:.4g}")
    return shown if shown >= first else middle


def figure_by(name: str, horizon: float, unit: str) -> str:
    """Name of a figure that is about a time: "brier_by_24_months"."""
    return f"{name}_by_{horizon:.4g}_{unit or 'units'}"


def horizon_figures(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, at: float, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Brier score, observed over expected events, and calibration slope of risks by the time `at`, (b,) each.

    As :func:`.survival.brier_at` and :func:`.survival.calibration_at` (there with Efron's ties in the slope,
    here with Breslow's), for cases that count several times. NaN where nobody was followed until then, or no
    event was seen by then.

    Parameters
    ----------
    time, event, risk : (n,). weights : (b, n), how often each case counts.
    """
    order = np.argsort(time, kind="stable")
    time, event, risk = (np.asarray(a, dtype=np.float64)[order] for a in (time, event, risk))
    step = max(_CHUNK // max(time.size, 1), 1)
    found = [
        _chunk(time, event, risk, at, weights[start : start + step][:, order])
        for start in range(0, len(weights), step)
    ]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _chunk(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, at: float, w: np.ndarray
) -> dict[str, np.ndarray]:
    """The same for cases in order of time."""
    times, first = np.unique(time, return_index=True)
    at_risk = np.cumsum(w[:, ::-1], axis=1)[:, ::-1][:, first]
    events = np.add.reduceat(w * event, first, axis=1)
    gone = np.add.reduceat(w * (1 - event), first, axis=1)
    by = int(np.searchsorted(times, at, side="right"))
    free = _kept(events, at_risk)[:, by]
    # Events come before censoring at the same time.
    uncensored = _kept(gone, at_risk - events)
    dead, alive = (time <= at) & (event > 0), time > at
    before = np.searchsorted(times, time, side="left")
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (w[:, dead] * (1 - risk[dead]) ** 2 / uncensored[:, before[dead]]).sum(axis=1)
        squares += (w[:, alive] * risk[alive] ** 2).sum(axis=1) / uncensored[:, by]
        brier = squares / w.sum(axis=1)
        ratio = (1 - free) * w.sum(axis=1) / (w @ risk)
    followed, seen = w[:, time >= at].sum(axis=1) > 0, w[:, dead].sum(axis=1) > 0
    index = np.log(-np.log1p(-np.clip(risk, 1e-9, 1 - 1e-9)))
    slope = hazard_slope(np.minimum(time, at), dead.astype(np.float64), index, w)
    return {
        "brier": np.where(w[:, alive].sum(axis=1) > 0, brier, np.nan),
        "observed_expected": np.where(followed & seen, ratio, np.nan),
        "calibration_slope": np.where(followed & seen, slope, np.nan),
    }


def _kept(gone: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Kaplan–Meier's product (b, times + 1), 1 before the first time."""
    share = np.where(there > 0, gone / np.where(there > 0, there, 1.0), 0.0)
    return np.cumprod(np.column_stack([np.ones(len(gone)), 1 - share]), axis=1)
