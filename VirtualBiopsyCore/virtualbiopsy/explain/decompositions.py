"""Which features split exactly into shares of voxels, and how: the one registry of the voxel ledger.

A decomposition gives c(v), one number per voxel of the region, with Σ c(v) = the feature. Features that are
missing here are ratios, eigenvalues or counts of runs and zones, for which no split is stated; they are
listed as not localised.

* mean-type and moments: h(I_v) / N, with the region's own mean and variance inside h;
* order statistics (percentiles, median, minimum, maximum, mode): the voxels that realise the value, ties
  split;
* histogram entropy −log₂ p(bin of v) / N, uniformity p(bin of v) / N;
* co-occurrence features, all of the form E over pairs of h(i, j): half of h / pairs to each voxel of the
  pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..radiomics.glcm import EPS, GlcmTerms


@dataclass(frozen=True, eq=False)
class Sample:
    """Values of one region: `values` (n,), the feature's own `value`, and whose conventions (`profile`)."""

    values: np.ndarray
    value: float
    profile: str


ValueSplit = Callable[[Sample], np.ndarray]
PairTable = Callable[[GlcmTerms], np.ndarray]


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


def _grid(t: GlcmTerms) -> tuple[np.ndarray, np.ndarray]:
    return t.grey[:, None], t.grey[None, :]


def _gap(t: GlcmTerms) -> np.ndarray:
    i, j = _grid(t)
    return np.abs(i - j)


def _total(t: GlcmTerms) -> np.ndarray:
    i, j = _grid(t)
    return i + j


def _cluster(power: int) -> PairTable:
    return lambda t: (_total(t)[None] - t.sum_average[:, None, None]) ** power


def _joint_maximum(t: GlcmTerms) -> np.ndarray:
    top = t.p == t.p.max(axis=(1, 2), keepdims=True)
    return top / top.sum(axis=(1, 2), keepdims=True)


def _inverse_variance(t: GlcmTerms) -> np.ndarray:
    gap = _gap(t)
    return np.divide(1.0, gap**2, out=np.zeros_like(gap), where=gap > 0)


def _marginal_entropy(probability: str, index: Callable[[GlcmTerms], np.ndarray]) -> PairTable:
    return lambda t: -t.log2(getattr(t, probability))[:, index(t).astype(np.intp)]


#: Tables h(i, j), (m, m) or (d, m, m), of co-occurrence features: the feature is Σ p(i, j) h(i, j).
GLCM: Mapping[str, PairTable] = {
    "joint_maximum": _joint_maximum,
    "joint_average": lambda t: _total(t) / 2,
    "joint_variance": lambda t: (t.grey[:, None] - t.mean[:, None, None]) ** 2,
    "joint_entropy": lambda t: -t.log2(t.p),
    "difference_average": _gap,
    "difference_variance": lambda t: (_gap(t)[None] - t.diff_average[:, None, None]) ** 2,
    "difference_entropy": _marginal_entropy("p_diff", _gap),
    "sum_average": _total,
    "sum_variance": _cluster(2),
    "sum_entropy": _marginal_entropy("p_sum", _total),
    "angular_second_moment": lambda t: t.p,
    "contrast": lambda t: _gap(t) ** 2,
    "dissimilarity": _gap,
    "inverse_difference": lambda t: 1 / (1 + _gap(t)),
    "normalised_inverse_difference": lambda t: 1 / (1 + _gap(t) / t.n_levels),
    "inverse_difference_moment": lambda t: 1 / (1 + _gap(t) ** 2),
    "normalised_inverse_difference_moment": lambda t: 1 / (1 + _gap(t) ** 2 / t.n_levels**2),
    "inverse_variance": _inverse_variance,
    "autocorrelation": lambda t: t.grey[:, None] * t.grey[None, :],
    "cluster_tendency": _cluster(2),
    "cluster_shade": _cluster(3),
    "cluster_prominence": _cluster(4),
}

#: The registry: which features of which family split exactly.
EXACT: Mapping[str, frozenset[str]] = {
    "statistics": frozenset(STATISTICS),
    "histogram": frozenset(HISTOGRAM),
    "glcm": frozenset(GLCM),
}
