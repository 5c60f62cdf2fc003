"""How features of intensities and of the histogram split into shares of voxels.

* mean-type and moments: h(I_v) / N, with the region's own mean and variance inside h;
* order statistics (percentiles, median, minimum, maximum, mode): the voxels that realise the value, ties
  split;
* ratios (coefficients of variation and of dispersion): the numerator is split, the denominator is a common
  factor;
* entropy −log₂ p(bin of v) / N, uniformity p(bin of v) / N.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..radiomics.glcm import EPS


@dataclass(frozen=True, eq=False)
class Sample:
    """Values of one region: `values` (n,), the feature's own `value`, and whose conventions (`profile`)."""

    values: np.ndarray
    value: float
    profile: str


ValueSplit = Callable[[Sample], np.ndarray]


def realising(values: np.ndarray, value: float) -> np.ndarray:
    """Shares of the voxels that realise an order statistic: the nearest values below and above it.

    Between the two the shares are interpolated. Voxels with equal values share equally. The sum is
    `value`, if that lies within the values.
    """
    low = values[values <= value].max(initial=-np.inf)
    high = values[values >= value].min(initial=np.inf)
    if not np.isfinite(low):
        low = high
    if not np.isfinite(high):
        high = low
    weight = (value - low) / (high - low) if high > low else 0.0
    shares = np.zeros_like(values)
    for bound, part in ((low, 1.0 - weight), (high, weight)):
        if part:
            at = values == bound
            shares[at] += part * bound / np.count_nonzero(at)
    return shares


def _percentile(q: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: realising(values, float(np.percentile(values, q)))


def _moment(power: int) -> ValueSplit:
    def split(s: Sample) -> np.ndarray:
        n, centred = s.values.size, s.values - s.values.mean()
        variance = float((centred**2).mean())
        if variance == 0.0:
            return np.full(n, s.value / n)
        shares = centred**power / (n * variance ** (power / 2))
        return shares - (3.0 / n if power == 4 and s.profile == "ibsi" else 0.0)

    return split


def _variance(s: Sample) -> np.ndarray:
    return (s.values - s.values.mean()) ** 2 / s.values.size


def _robust_deviation(s: Sample) -> np.ndarray:
    low, high = np.percentile(s.values, [10, 90])
    kept = (s.values >= low) & (s.values <= high)
    return np.where(kept, np.abs(s.values - s.values[kept].mean()), 0.0) / np.count_nonzero(kept)


def _variation(s: Sample) -> np.ndarray:
    n, mean = s.values.size, s.values.mean()
    centred = s.values - mean
    deviation = np.sqrt((centred**2).mean())
    if deviation == 0.0 or mean == 0.0:
        return np.full(n, s.value / n)
    return centred**2 / (n * deviation * mean)


def _root_mean_square(s: Sample) -> np.ndarray:
    root = np.sqrt((s.values**2).mean())
    return s.values**2 / (s.values.size * root) if root > 0 else np.zeros_like(s.values)


def _total_energy(s: Sample) -> np.ndarray:
    square = s.values**2
    return square * (s.value / square.sum()) if square.any() else square


def _quartile_dispersion(s: Sample) -> np.ndarray:
    low, high = np.percentile(s.values, [25, 75])
    if low + high == 0.0:
        return np.full(s.values.size, s.value / s.values.size)
    return (realising(s.values, high) - realising(s.values, low)) / (low + high)


def _bin_probability(s: Sample) -> np.ndarray:
    counts = np.bincount(s.values.astype(np.intp))
    return counts[s.values.astype(np.intp)] / s.values.size


def _entropy(s: Sample) -> np.ndarray:
    p = _bin_probability(s)
    return -np.log2(p + (EPS if s.profile == "pyradiomics" else 0.0)) / p.size


def _mode(s: Sample) -> np.ndarray:
    return realising(s.values, s.value)


_VALUE_SPLITS: Mapping[str, ValueSplit] = {
    "mean": lambda s: s.values / s.values.size,
    "variance": _variance,
    "skewness": _moment(3),
    "kurtosis": _moment(4),
    "mean_absolute_deviation": lambda s: np.abs(s.values - s.values.mean()) / s.values.size,
    "robust_mean_absolute_deviation": _robust_deviation,
    "median_absolute_deviation": lambda s: np.abs(s.values - np.median(s.values)) / s.values.size,
    "coefficient_of_variation": _variation,
    "energy": lambda s: s.values**2,
    "total_energy": _total_energy,
    "root_mean_square": _root_mean_square,
    "median": lambda s: realising(s.values, s.value),
    "minimum": lambda s: realising(s.values, s.value),
    "maximum": lambda s: realising(s.values, s.value),
    **{f"percentile_{q}": (lambda s: realising(s.values, s.value)) for q in (10, 90)},
    "range": lambda s: realising(s.values, s.values.max()) - realising(s.values, s.values.min()),
    "interquartile_range": lambda s: _percentile(75)(s.values) - _percentile(25)(s.values),
    "quartile_coefficient_of_dispersion": _quartile_dispersion,
}

#: Splits of features that are computed from the values of the region.
STATISTICS: Mapping[str, ValueSplit] = _VALUE_SPLITS

#: Splits of features that are computed from the grey levels of the region.
HISTOGRAM: Mapping[str, ValueSplit] = {
    **{
        name: split
        for name, split in _VALUE_SPLITS.items()
        if name not in ("energy", "total_energy", "root_mean_square")
    },
    "mode": _mode,
    "entropy": _entropy,
    "uniformity": lambda s: _bin_probability(s) / s.values.size,
}
