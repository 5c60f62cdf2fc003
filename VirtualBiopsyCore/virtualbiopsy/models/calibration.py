"""From a raw score to calibrated log-odds.

Platt and temperature scaling are affine in the log-odds and keep an additive explanation additive. Isotonic
calibration is not: its result has no additive explanation of its own, so that the score before it is
explained. Neither is the step from a log hazard ratio to the probability of an event by a stated time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("none", "platt", "temperature", "isotonic", "cloglog")
AFFINE = ("none", "platt", "temperature")


def sigmoid(log_odds: np.ndarray | float) -> np.ndarray:
    """Return 1 / (1 + exp(−log_odds)) without overflow; any shape."""
    z = np.asarray(log_odds, dtype=np.float64)
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def logit(probability: np.ndarray | float) -> np.ndarray:
    """Return ln(p / (1 − p)); any shape."""
    p = np.asarray(probability, dtype=np.float64)
    return np.log(p) - np.log1p(-p)


@dataclass(frozen=True)
class Calibrator:
    """What turns a raw score into calibrated log-odds.

    Attributes
    ----------
    kind : "none" (slope 1, intercept 0); "platt": slope · raw + intercept (Platt 1999); "temperature":
        raw / T, so slope 1 / T > 0 and intercept 0 (Guo et al. 2017, section 4.2); "isotonic": the
        probability is the piecewise linear function through the knots (Zadrozny & Elkan 2002); "cloglog" (for
        survival): probability of the event by the horizon, 1 − exp(−exp(slope · raw + intercept)), where raw
        is the log hazard ratio and intercept the logarithm of the cumulative baseline hazard at the horizon
        (Cox 1972, J R Stat Soc B 34:187).
    slope, intercept : on the natural logarithm scale; 1 and 0 for "isotonic".
    x, y : knots of "isotonic": raw scores, rising, and probabilities, not falling, each between 0 and 1
        without these; outside the knots the nearest one holds. Empty for the others.
    """

    kind: str = "none"
    slope: float = 1.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    @property
    def affine(self) -> bool:
        """Whether shares of the raw score, times the slope, are shares of the calibrated log-odds."""
        return self.kind in AFFINE

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Return the calibrated log-odds of raw scores, any shape."""
        if self.kind == "isotonic":
            return logit(np.interp(raw, self.x, self.y))
        if self.kind == "cloglog":
            return _event_log_odds(self.slope * np.asarray(raw, dtype=np.float64) + self.intercept)
        return self.explained(raw)

    def explained(self, raw: np.ndarray) -> np.ndarray:
        """Return what an explanation adds up to: the calibrated log-odds if affine, else the raw score."""
        if self.kind in ("none", "isotonic", "cloglog"):
            return raw
        return self.slope * raw + self.intercept


def _event_log_odds(log_hazard: np.ndarray) -> np.ndarray:
    """Log-odds of 1 − exp(−h) of the logarithm of h; for small h they are log h, for large ones h."""
    hazard = np.exp(np.clip(log_hazard, -700.0, 700.0))
    return np.where(log_hazard < -36.0, log_hazard, np.log(-np.expm1(-hazard)) + hazard)


def calibrator_problem(calibrator: Calibrator) -> str:
    """Return what makes a calibrator unusable, or "" if nothing does; its numbers are finite."""
    kind, line = calibrator.kind, (calibrator.slope, calibrator.intercept)
    if kind not in KINDS:
        return f"the calibrator kind {kind[:40]!r} is not one of {', '.join(KINDS)}"
    if kind in ("none", "isotonic") and line != (1.0, 0.0):
        return f"a calibrator of the kind {kind} has slope 1 and intercept 0"
    if kind == "temperature" and not (calibrator.slope > 0 and calibrator.intercept == 0):
        return "a calibrator of the kind temperature has a positive slope and intercept 0"
    if kind == "cloglog" and calibrator.slope < 0:
        return "a calibrator of the kind cloglog has a slope of 0 or more"
    x, y = np.asarray(calibrator.x), np.asarray(calibrator.y)
    if kind != "isotonic":
        return f"a calibrator of the kind {kind} has no knots" if x.size or y.size else ""
    if x.size != y.size or x.size < 2:
        return "an isotonic calibrator has two or more knots, each with a score and a probability"
    if not (np.diff(x) > 0).all():
        return "the scores of the isotonic knots do not rise"
    if not (np.diff(y) >= 0).all():
        return "the probabilities of the isotonic knots fall"
    if not (y[0] > 0 and y[-1] < 1):
        return "a probability of an isotonic knot is not between 0 and 1"
    return ""
