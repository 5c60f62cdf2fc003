"""Intensity statistics of a region.

Source: IBSI reference manual, section 3.3 (UHIW). Profile "pyradiomics": kurtosis is not reduced by 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np


class Values:
    """Intensities (n,) of one region, with what the statistics share.

    Parameters
    ----------
    values : (n,) float64. profile : "ibsi" or "pyradiomics". voxel_volume : mm³.
    """

    def __init__(self, values: np.ndarray, profile: str, voxel_volume: float = 1.0) -> None:
        self.x = np.asarray(values, dtype=np.float64)
        self.profile = profile
        self.voxel_volume = voxel_volume
        self.mean = float(self.x.mean())

    @cached_property
    def deviations(self) -> np.ndarray:
        return self.x - self.mean

    @cached_property
    def square(self) -> np.ndarray:
        return self.deviations * self.deviations

    @cached_property
    def variance(self) -> float:
        return float(self.square.mean())

    @cached_property
    def percentiles(self) -> tuple[float, float, float, float, float]:
        """10th, 25th, 50th, 75th and 90th percentile, linear between order statistics."""
        return tuple(float(p) for p in np.percentile(self.x, (10, 25, 50, 75, 90)))

    @cached_property
    def energy(self) -> float:
        return float(self.x @ self.x)

    @cached_property
    def standardised(self) -> tuple[float, float]:
        """Third and fourth standardised moment; NaN for a single value."""
        if self.variance <= 0:
            return math.nan, math.nan
        third = float((self.square * self.deviations).mean()) / self.variance**1.5
        return third, float((self.square @ self.square) / len(self.x)) / self.variance**2


def _robust_deviation(v: Values) -> float:
    kept = v.x[(v.x >= v.percentiles[0]) & (v.x <= v.percentiles[4])]
    return float(np.abs(kept - kept.mean()).mean()) if len(kept) else math.nan


def _variation(v: Values) -> float:
    return math.sqrt(v.variance) / v.mean if v.mean != 0 else math.nan


def _quartile_dispersion(v: Values) -> float:
    _, low, _, high, _ = v.percentiles
    return (high - low) / (high + low) if high + low != 0 else math.nan


FEATURES: dict[str, Callable[[Values], float]] = {
    "mean": lambda v: v.mean,
    "variance": lambda v: v.variance,
    "skewness": lambda v: v.standardised[0],
    "kurtosis": lambda v: v.standardised[1] - (0 if v.profile == "pyradiomics" else 3),
    "median": lambda v: v.percentiles[2],
    "minimum": lambda v: float(v.x.min()),
    "percentile_10": lambda v: v.percentiles[0],
    "percentile_90": lambda v: v.percentiles[4],
    "maximum": lambda v: float(v.x.max()),
    "interquartile_range": lambda v: v.percentiles[3] - v.percentiles[1],
    "range": lambda v: float(np.ptp(v.x)),
    "mean_absolute_deviation": lambda v: float(np.abs(v.deviations).mean()),
    "robust_mean_absolute_deviation": _robust_deviation,
    "median_absolute_deviation": lambda v: float(np.abs(v.x - v.percentiles[2]).mean()),
    "coefficient_of_variation": _variation,
    "quartile_coefficient_of_dispersion": _quartile_dispersion,
    "energy": lambda v: v.energy,
    "total_energy": lambda v: v.energy * v.voxel_volume,
    "root_mean_square": lambda v: math.sqrt(v.energy / len(v.x)),
}
"""By name: a function of :class:`Values`; NaN where undefined."""
