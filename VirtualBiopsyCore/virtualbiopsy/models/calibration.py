"""Affine calibration on the log-odds, which keeps an additive explanation additive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("none", "platt")


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
    """Platt scaling: calibrated log-odds = slope · raw score + intercept (Platt 1999).

    Attributes
    ----------
    kind : "none" (slope 1, intercept 0) or "platt".
    slope, intercept : on the natural logarithm scale.
    """

    kind: str = "none"
    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        if self.kind == "none":
            return raw
        return self.slope * raw + self.intercept
