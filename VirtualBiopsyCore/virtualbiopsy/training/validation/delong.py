"""DeLong's variance of the AUC and test of two AUCs on the same cases.

Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; computed by mid-ranks (Sun & Xu 2014, IEEE
Signal Process Lett 21:1389), which gives the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from ...errors import TrainingError


@dataclass(frozen=True)
class DeLong:
    """AUC with its standard error and 95 % interval (normal approximation, cut at 0 and 1)."""

    auc: float
    se: float
    low: float
    high: float


@dataclass(frozen=True)
class DeLongTest:
    """Two AUCs of the same cases: difference first − second, its standard error, z and two-sided p."""

    difference: float
    se: float
    low: float
    high: float
    z: float
    p: float


def delong(positive: np.ndarray, scores: np.ndarray, level: float = 0.95) -> DeLong:
    """AUC and its interval.

    Raises
    ------
    TrainingError : fewer than two cases of a class.
    """
    area, covariance = areas(positive, scores[None])
    se = float(np.sqrt(covariance[0, 0]))
    half = float(norm.ppf((1 + level) / 2)) * se
    return DeLong(float(area[0]), se, max(float(area[0]) - half, 0.0), min(float(area[0]) + half, 1.0))


def delong_test(
    positive: np.ndarray, first: np.ndarray, second: np.ndarray, level: float = 0.95
) -> DeLongTest:
    """Test whether two scores of the same cases have the same AUC.

    Without any variance of the difference, p is 1 if the AUCs are equal, else 0.
    """
    area, covariance = areas(positive, np.stack([first, second]))
    difference = float(area[0] - area[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    se = float(np.sqrt(max(variance, 0.0)))
    half = float(norm.ppf((1 + level) / 2)) * se
    if se < 1e-12:
        z = 0.0 if abs(difference) < 1e-12 else float(np.copysign(np.inf, difference))
    else:
        z = difference / se
    return DeLongTest(difference, se, difference - half, difference + half, z, float(2 * norm.sf(abs(z))))


def areas(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUCs (k,) of k scores (k, n) and their covariance (k, k).

    Raises
    ------
    TrainingError : fewer than two cases of a class.
    """
    positive = np.asarray(positive) > 0
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if n1 < 2 or n0 < 2:
        raise TrainingError(
            f"DeLong's variance needs two cases of each class; there are {n1} positive and {n0} negative."
        )
    ones = rankdata(scores[:, positive], axis=1)
    zeros = rankdata(scores[:, ~positive], axis=1)
    both = rankdata(np.concatenate([scores[:, positive], scores[:, ~positive]], axis=1), axis=1)
    of_positive = (both[:, :n1] - ones) / n0
    of_negative = 1 - (both[:, n1:] - zeros) / n1
    covariance = np.atleast_2d(np.cov(of_positive)) / n1 + np.atleast_2d(np.cov(of_negative)) / n0
    return of_positive.mean(axis=1), covariance
