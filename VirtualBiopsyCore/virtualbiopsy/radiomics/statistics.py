"""Intensity statistics of a region.

Source: IBSI reference manual, section 3.3 (UHIW). Profile "pyradiomics": kurtosis is not reduced by 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from . import kernels

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
_QUANTILES = ("percentile_10", "percentile_25", "median", "percentile_75", "percentile_90")


def quantiles(at: Callable[[int], float], count: int) -> tuple[float, float, float, float, float]:
    """Quantiles at SHARES of `count` numbers, of which `at` gives the n-th smallest, n = 0…count-1.

    Linear between order statistics, rounded as in numpy.percentile.
    """
    found = []
    for share in SHARES:
        place = share * (count - 1)
        below = int(place)
        gap = place - below
        low, high = at(below), at(min(below + 1, count - 1))
        step = high - low
        found.append(high - step * (1 - gap) if gap >= 0.5 else low + step * gap)
    return tuple(found)


class Values:
    """Intensities (n,) of one region, with what the statistics share.

    Parameters
    ----------
    values : (n,) float64. profile : "ibsi" or "pyradiomics". voxel_volume : mm³.

    Attributes
    ----------
    x : (n,) the values. count : n.
    known : by name, what the kernels give at once: all statistics but ratios and ranges, or nothing.
    """

    def __init__(self, values: np.ndarray, profile: str, voxel_volume: float = 1.0) -> None:
        self.x = np.asarray(values, dtype=np.float64)
        self.count = len(self.x)
        self.profile = profile
        self.voxel_volume = voxel_volume

    @cached_property
    def known(self) -> Mapping[str, float]:
        return kernels.active().moments(self.x)

    def average(self, terms: np.ndarray, kept: np.ndarray | slice = slice(None)) -> float:
        """Mean over the values of terms that stand beside ``x``, or beside ``x[kept]``."""
        return float(np.add.reduce(terms)) / len(terms)

    @cached_property
    def mean(self) -> float:
        return self.known["mean"] if self.known else self.average(self.x)

    @cached_property
    def deviations(self) -> np.ndarray:
        return self.x - self.mean

    @cached_property
    def square(self) -> np.ndarray:
        return self.deviations * self.deviations

    @cached_property
    def variance(self) -> float:
        return self.known["variance"] if self.known else self.average(self.square)

    @cached_property
    def percentiles(self) -> tuple[float, float, float, float, float]:
        """10th, 25th, 50th, 75th and 90th percentile, linear between order statistics."""
        if self.known:
            return tuple(self.known[name] for name in _QUANTILES)
        below = [int(share * (self.count - 1)) for share in SHARES]
        ranks = sorted({*below, *(min(rank + 1, self.count - 1) for rank in below)})
        parted = np.partition(self.x, ranks)
        return quantiles(lambda rank: float(parted[rank]), self.count)

    @cached_property
    def energy(self) -> float:
        return self.known["energy"] if self.known else float(self.x @ self.x)

    @cached_property
    def standardised(self) -> tuple[float, float]:
        """Third and fourth standardised moment; NaN for a single value."""
        if self.known:
            return self.known["skewness"], self.known["kurtosis"]
        if self.variance <= 0:
            return math.nan, math.nan
        third = self.average(self.square * self.deviations) / self.variance**1.5
        return third, self.average(self.square * self.square) / self.variance**2


def _robust_deviation(v: Values) -> float:
    kept = (v.x >= v.percentiles[0]) & (v.x <= v.percentiles[4])
    inner = v.x[kept]
    return v.average(np.abs(inner - v.average(inner, kept)), kept) if len(inner) else math.nan


def _variation(v: Values) -> float:
    return math.sqrt(v.variance) / v.mean if v.mean != 0 else math.nan


def _quartile_dispersion(v: Values) -> float:
    _, low, _, high, _ = v.percentiles
    return (high - low) / (high + low) if high + low != 0 else math.nan


def _known(name: str, otherwise: Callable[[Values], float]) -> Callable[[Values], float]:
    return lambda v: v.known[name] if v.known else otherwise(v)


FEATURES: dict[str, Callable[[Values], float]] = {
    "mean": lambda v: v.mean,
    "variance": lambda v: v.variance,
    "skewness": lambda v: v.standardised[0],
    "kurtosis": lambda v: v.standardised[1] - (0 if v.profile == "pyradiomics" else 3),
    "median": lambda v: v.percentiles[2],
    "minimum": _known("minimum", lambda v: float(v.x.min())),
    "percentile_10": lambda v: v.percentiles[0],
    "percentile_90": lambda v: v.percentiles[4],
    "maximum": _known("maximum", lambda v: float(v.x.max())),
    "interquartile_range": lambda v: v.percentiles[3] - v.percentiles[1],
    "range": lambda v: FEATURES["maximum"](v) - FEATURES["minimum"](v),
    "mean_absolute_deviation": _known("mean_absolute_deviation", lambda v: v.average(np.abs(v.deviations))),
    "robust_mean_absolute_deviation": _known("robust_mean_absolute_deviation", _robust_deviation),
    "median_absolute_deviation": _known(
        "median_absolute_deviation", lambda v: v.average(np.abs(v.x - v.percentiles[2]))
    ),
    "coefficient_of_variation": _variation,
    "quartile_coefficient_of_dispersion": _quartile_dispersion,
    "energy": lambda v: v.energy,
    "total_energy": lambda v: v.energy * v.voxel_volume,
    "root_mean_square": lambda v: math.sqrt(v.energy / v.count),
}
"""By name: a function of :class:`Values`; NaN where undefined."""
