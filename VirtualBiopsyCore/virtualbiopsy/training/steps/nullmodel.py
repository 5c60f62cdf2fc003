"""What survival looks like without features: the yardstick of single features.

Therneau, Grambsch & Fleming, Biometrika 1990;77:147 (martingale residuals of the null model).
"""

from __future__ import annotations

import numpy as np


def martingale_residuals(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """(n,) events seen less events expected (Nelson–Aalen) of every case; they add up to 0."""
    times, at = np.unique(time, return_inverse=True)
    events = np.bincount(at, weights=event.astype(np.float64))
    at_risk = np.cumsum(np.bincount(at)[::-1])[::-1]
    hazard = np.cumsum(events / at_risk)
    return event - hazard[at]


def cox_score_test(values: np.ndarray, time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """(p,) score test statistic of one-feature Cox models at no effect, chi-squared with 1 degree of freedom.

    Ties as Breslow's. For two groups without ties it is the log-rank statistic (Cox, J R Stat Soc B
    1972;34:187, section 5). 0 for a constant column.

    Parameters
    ----------
    values : (n, p) complete. time : (n,). event : (n,) 1 where it was seen.
    """
    values = values - values.mean(axis=0)
    order = np.argsort(-time, kind="stable")
    values, time, event = values[order], time[order], event[order].astype(bool)
    # Of every case, how many cases of the sorted list are at risk at its time: all with that time or later.
    at_risk = np.searchsorted(-time, -time[event], side="right")
    mean = np.cumsum(values, axis=0)[at_risk - 1] / at_risk[:, None]
    square = np.cumsum(values**2, axis=0)[at_risk - 1] / at_risk[:, None]
    score = (values[event] - mean).sum(axis=0)
    information = (square - mean**2).sum(axis=0)
    return np.where(information > 1e-12, score**2 / np.maximum(information, 1e-300), 0.0)
