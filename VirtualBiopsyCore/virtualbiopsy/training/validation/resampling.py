"""Bootstrap over patients: how often each case counts in each resample, and intervals of what comes out."""

from __future__ import annotations

import numpy as np


def patient_weights(patients: np.ndarray, strata: np.ndarray, bootstraps: int, seed: int) -> np.ndarray:
    """Return (bootstraps, n) weights: patients are drawn with replacement, all rows of one together.

    Patients of each stratum (their highest one) are drawn apart, so that every class keeps its number of
    patients.
    """
    names, of_row = np.unique(patients, return_inverse=True)
    stratum = np.full(names.size, np.iinfo(int).min)
    np.maximum.at(stratum, of_row, np.asarray(strata, dtype=int))
    rng = np.random.default_rng([seed, 3])
    weights = np.zeros((bootstraps, names.size))
    for value in np.unique(stratum)[::-1]:
        group = np.flatnonzero(stratum == value)
        weights[:, group] = rng.multinomial(group.size, np.full(group.size, 1 / group.size), bootstraps)
    return weights[:, of_row]


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap values; NaN if more than one in twenty of them cannot be computed."""
    known = values[np.isfinite(values)]
    if not known.size or known.size < 0.95 * values.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
