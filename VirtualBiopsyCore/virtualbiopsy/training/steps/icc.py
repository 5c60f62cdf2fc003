"""Intraclass correlation with confidence intervals, of many features at once.

Shrout & Fleiss, Psychol Bull 1979;86:420 (forms, equations and intervals); McGraw & Wong, Psychol Methods
1996;1:30.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution

from ...errors import TrainingError

FORMS = ("1,1", "2,1", "3,1")


@dataclass(frozen=True, eq=False)
class Icc:
    """Intraclass correlations.

    Attributes
    ----------
    form : "1,1" (each case measured by others), "2,1" (the same random readers, absolute agreement) or "3,1"
        (these readers only, consistency); "1,k", "2,k", "3,k" for the mean of k measurements.
    value : (p,), NaN where cases do not vary or too few were measured.
    low, high : (p,) limits of the confidence interval. cases : (p,) that were measured k times.
    measurements : k.
    """

    form: str
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cases: np.ndarray
    measurements: int

    def averaged(self) -> Icc:
        """The reliability of the mean of the k measurements (Spearman–Brown)."""
        k = self.measurements

        def up(r: np.ndarray) -> np.ndarray:
            with np.errstate(divide="ignore"):
                return k * r / (1 + (k - 1) * r)

        return Icc(
            self.form[:2] + "k", up(self.value), up(self.low), up(self.high), self.cases, self.measurements
        )


def icc(values: np.ndarray, form: str = "2,1", confidence: float = 0.95) -> Icc:
    """Intraclass correlation of single measurements.

    Parameters
    ----------
    values : (n, k) or (n, k, p), k measurements of n cases; a case that lacks one does not count for that
        feature.
    form : one of :data:`FORMS`. confidence : of the two-sided interval.

    Raises
    ------
    TrainingError : fewer than two measurements, or an unknown form.
    """
    if form not in FORMS:
        raise TrainingError(f"There is no ICC({form}).", f"Forms are: {'; '.join(FORMS)}.")
    values = np.asarray(values, dtype=np.float64)
    values = values[:, :, None] if values.ndim == 2 else values
    n, k, p = values.shape
    if k < 2:
        raise TrainingError("Intraclass correlation needs at least two measurements of each case.")
    known = np.isfinite(values).all(axis=1)
    found = np.full((3, p), np.nan)
    # Features that were measured on the same cases are computed together.
    patterns, group = np.unique(known, axis=1, return_inverse=True)
    group = group.ravel()
    for number, pattern in enumerate(patterns.T):
        if pattern.sum() >= 2:
            members = group == number
            found[:, members] = _of_complete(values[pattern][:, :, members], form, confidence)
    return Icc(form, *found, known.sum(axis=0), k)


def _of_complete(values: np.ndarray, form: str, confidence: float) -> np.ndarray:
    """(3, p) value, low and high of values (n, k, p) without gaps."""
    n, k, p = values.shape
    grand = values.mean(axis=(0, 1))
    centred = values - grand
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    between = k * (rows**2).sum(axis=0) / (n - 1)
    readers = n * (columns**2).sum(axis=0) / (k - 1)
    rest = centred - rows[:, None] - columns[None]
    error = (rest**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
    within = ((centred - rows[:, None]) ** 2).sum(axis=(0, 1)) / (n * (k - 1))
    # What rounding leaves of equal measurements is no variance.
    least = (np.finfo(float).eps * np.abs(values).max(axis=(0, 1))) ** 2 * n * k
    between, readers, error, within = (np.where(m > least, m, 0.0) for m in (between, readers, error, within))
    tail = 1 - (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        if form == "2,1":
            found = _absolute(between, readers, error, n, k, tail)
        else:
            noise, freedom = (within, n * (k - 1)) if form == "1,1" else (error, (n - 1) * (k - 1))
            found = _one_noise(between, noise, freedom, n, k, tail)
    return np.where((between > 0) | (within > 0), found, np.nan)


def _one_noise(
    between: np.ndarray, noise: np.ndarray, freedom: int, n: int, k: int, tail: float
) -> np.ndarray:
    """Forms (1,1) and (3,1): with F = between / noise, (F − 1) / (F + k − 1); limits from F's."""
    low = between / f_distribution.ppf(tail, n - 1, freedom)
    high = between * f_distribution.ppf(tail, freedom, n - 1)
    return np.array([(m - noise) / (m + (k - 1) * noise) for m in (between, low, high)])


def _absolute(
    between: np.ndarray, readers: np.ndarray, error: np.ndarray, n: int, k: int, tail: float
) -> np.ndarray:
    """Form (2,1) with Satterthwaite's degrees of freedom (Shrout & Fleiss, p. 424)."""
    value = (between - error) / (between + (k - 1) * error + k * (readers - error) / n)
    own = n * (1 + (k - 1) * value) - k * value
    top = (k - 1) * (n - 1) * (k * value * readers + own * error) ** 2
    bottom = (n - 1) * (k * value * readers) ** 2 + (own * error) ** 2
    freedom = np.where(bottom > 0, top / bottom, 1.0)
    upper = f_distribution.ppf(tail, n - 1, freedom)
    lower = f_distribution.ppf(tail, freedom, n - 1)
    noise = k * readers + (k * n - k - n) * error
    low = n * (between - upper * error) / (upper * noise + n * between)
    high = n * (lower * between - error) / (noise + n * lower * between)
    return np.array([value, low, high])
