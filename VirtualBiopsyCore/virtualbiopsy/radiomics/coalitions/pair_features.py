"""GLCM features of many unions at once, from their counts.

Source: as :mod:`virtualbiopsy.radiomics.glcm`, whose functions of one region these are, for d directions and
c unions together. Entropies come from integer counts: Σ p log p = Σ c log c / n - log n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from ..glcm import EPS
from .pairs import PairTables


class PairBatch:
    """What the features of c unions share; arrays are (d, c) or (d, bins, c).

    Parameters
    ----------
    tables : of the region. counts : (e, c) from ``tables.counts``.
    shift : (c,) what to subtract from the levels of each union. n_levels : (c,) Ng of each union.
    single : (c,) bool: all voxels of the union have one level.
    profile : "ibsi" or "pyradiomics".
    """

    def __init__(
        self,
        tables: PairTables,
        counts: np.ndarray,
        shift: np.ndarray,
        n_levels: np.ndarray,
        single: np.ndarray,
        profile: str,
    ) -> None:
        self.tables = tables
        self.counts = counts
        self.shift = shift
        self.n_levels = n_levels
        self.single = single
        self.profile = profile
        self.sums, self.gaps, self.levels = tables.linear_counts(counts)
        self.n = self.gaps.sum(axis=1)
        self.pairs = np.maximum(self.n, 1.0)

    def _epsilon(self, filled: np.ndarray) -> np.ndarray | float:
        """What the epsilon in pyradiomics' logarithms takes off an entropy with so many filled entries."""
        return filled * (EPS / math.log(2)) if self.profile == "pyradiomics" else 0.0

    def entropy_of(self, counts: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Entropy (d, c) of counts (d, bins, c) of the given total (d, c)."""
        parts = np.take(self.tables.logs, counts.astype(np.intp)).sum(axis=1)
        filled = np.count_nonzero(counts, axis=1)
        return np.log2(total) - parts / total - self._epsilon(filled)

    def mean_of(self, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ count·weight / pairs for weights by bin, (bins,) or (bins, c)."""
        if weights.ndim == 1:
            return np.einsum("dbc,b->dc", counts, weights, optimize=True) / self.pairs
        return np.einsum("dbc,bc->dc", counts, weights) / self.pairs

    @cached_property
    def gap(self) -> np.ndarray:
        return np.arange(float(self.gaps.shape[1]))

    @cached_property
    def mean_sum(self) -> np.ndarray:
        """Mean of i + j of the levels before the shift."""
        return self.mean_of(self.sums, np.arange(float(self.sums.shape[1])))

    @cached_property
    def mean_gap(self) -> np.ndarray:
        return self.mean_of(self.gaps, self.gap)

    @cached_property
    def contrast(self) -> np.ndarray:
        return self.mean_of(self.gaps, self.gap**2)

    @cached_property
    def gap_variance(self) -> np.ndarray:
        deviation = self.gap[None, :, None] - self.mean_gap[:, None]
        deviation *= deviation
        deviation *= self.gaps
        return deviation.sum(axis=1) / self.pairs

    @cached_property
    def clusters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Second, third and fourth central moment of i + j."""
        deviation = np.arange(float(self.sums.shape[1]))[None, :, None] - self.mean_sum[:, None]
        weighted = deviation * self.sums
        found = []
        for _ in range(3):
            weighted *= deviation
            found.append(weighted.sum(axis=1) / self.pairs)
        return tuple(found)

    @cached_property
    def variance(self) -> np.ndarray:
        # For s = i + j and g = |i - j|: (i-μ)² + (j-μ)² = ((s-2μ)² + g²) / 2.
        return (self.clusters[0] + self.contrast) / 4

    @cached_property
    def flat(self) -> np.ndarray:
        """(d, c) bool: all pairs have one and the same level."""
        return np.count_nonzero(self.levels, axis=1) <= 1

    @cached_property
    def product(self) -> np.ndarray:
        """Mean of i·j after the shift."""
        total = self.mean_sum - 2 * self.shift
        return (self.clusters[0] + total**2 - self.contrast) / 4

    @cached_property
    def entropy(self) -> np.ndarray:
        t = self.tables
        parts = t.by_direction(np.take(t.logs, self.counts.astype(np.intp)), 1.0, 2.0)
        both = 2 * self.pairs
        found = np.log2(both) - parts / both
        if self.profile == "pyradiomics":
            found -= self._epsilon(t.by_direction((self.counts > 0).astype(np.float64), 1.0, 2.0))
        return found

    @cached_property
    def level_entropy(self) -> np.ndarray:
        """Of the marginal, without epsilon."""
        both = 2 * self.pairs
        return np.log2(both) - np.take(self.tables.logs, self.levels.astype(np.intp)).sum(axis=1) / both

    @cached_property
    def information(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """HX, HXY1, HXY2, as in :attr:`virtualbiopsy.radiomics.glcm.GlcmTables.information`."""
        hx = self.level_entropy
        if self.profile != "pyradiomics":
            return hx, 2 * hx, 2 * hx
        filled = np.count_nonzero(self.levels, axis=1)
        return (
            hx - self._epsilon(filled),
            2 * hx - self._epsilon(self._crossing),
            2 * hx - self._epsilon(filled**2),
        )

    @property
    def _crossing(self) -> np.ndarray:
        """Σ p(i, j) / (p(i) p(j))."""
        t = self.tables
        inverse = np.divide(1.0, self.levels, out=np.zeros_like(self.levels), where=self.levels > 0)
        parts = self.counts * inverse[t.direction, t.low - 1]
        parts *= inverse[t.direction, t.high - 1]
        return t.by_direction(parts, 1.0, 2.0) * 2 * self.pairs

    @cached_property
    def energy(self) -> np.ndarray:
        return self.tables.by_direction(self.counts * self.counts, 1.0, 2.0) / (2 * self.pairs) ** 2

    @cached_property
    def maximum(self) -> np.ndarray:
        return self.tables.highest(self.counts) / (2 * self.pairs)

    def over_gaps(self, weight: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Mean of a weight of |i - j| and Ng."""
        return self.mean_of(self.gaps, weight(self.gap[:, None] / self.n_levels))

    @cached_property
    def maximal_correlation(self) -> np.ndarray:
        from ..kernels import active

        t = self.tables
        d, g, c = self.levels.shape
        epsilon = EPS if self.profile == "pyradiomics" else 0.0
        found = np.where(self.single, 1.0, np.zeros((d, c)))
        for union in range(c):
            present = np.flatnonzero(self.levels[:, :, union].any(axis=0))
            if len(present) < 2:
                continue
            matrices = np.zeros((d, g, g))
            matrices[t.direction, t.low - 1, t.high - 1] = self.counts[:, union]
            matrices[t.direction, t.high - 1, t.low - 1] = self.counts[:, union]
            matrices = np.ascontiguousarray(matrices[:, present][:, :, present])
            found[:, union] = active().second_eigenvalues(matrices, epsilon)
        return found


def _correlation(b: PairBatch) -> np.ndarray:
    covariance = (b.clusters[0] - b.contrast) / 4
    return np.where(b.flat, 1.0, covariance / np.where(b.flat, 1.0, b.variance))


def _information_1(b: PairBatch) -> np.ndarray:
    hx, hxy1, _ = b.information
    return np.where(b.flat, 0.0, (b.entropy - hxy1) / np.where(b.flat, 1.0, hx))


def _information_2(b: PairBatch) -> np.ndarray:
    _, _, hxy2 = b.information
    return np.sqrt(np.maximum(0.0, 1.0 - np.exp(-2.0 * (hxy2 - b.entropy))))


FEATURES: dict[str, Callable[[PairBatch], np.ndarray]] = {
    "joint_maximum": lambda b: b.maximum,
    "joint_average": lambda b: b.mean_sum / 2 - b.shift,
    "joint_variance": lambda b: b.variance,
    "joint_entropy": lambda b: b.entropy,
    "difference_average": lambda b: b.mean_gap,
    "difference_variance": lambda b: b.gap_variance,
    "difference_entropy": lambda b: b.entropy_of(b.gaps, b.pairs),
    "sum_average": lambda b: b.mean_sum - 2 * b.shift,
    "sum_variance": lambda b: b.clusters[0],
    "sum_entropy": lambda b: b.entropy_of(b.sums, b.pairs),
    "angular_second_moment": lambda b: b.energy,
    "contrast": lambda b: b.contrast,
    "dissimilarity": lambda b: b.mean_gap,
    "inverse_difference": lambda b: b.mean_of(b.gaps, 1 / (1 + b.gap)),
    "normalised_inverse_difference": lambda b: b.over_gaps(lambda share: 1 / (1 + share)),
    "inverse_difference_moment": lambda b: b.mean_of(b.gaps, 1 / (1 + b.gap**2)),
    "normalised_inverse_difference_moment": lambda b: b.over_gaps(lambda share: 1 / (1 + share**2)),
    "inverse_variance": lambda b: b.mean_of(b.gaps[:, 1:], 1 / b.gap[1:] ** 2),
    "correlation": _correlation,
    "autocorrelation": lambda b: b.product,
    "cluster_tendency": lambda b: b.clusters[0],
    "cluster_shade": lambda b: b.clusters[1],
    "cluster_prominence": lambda b: b.clusters[2],
    "information_correlation_1": _information_1,
    "information_correlation_2": _information_2,
    "maximal_correlation_coefficient": lambda b: b.maximal_correlation,
}
"""By name: a function of :class:`PairBatch` that gives one value per direction and union, shape (d, c)."""


def pair_features(batch: PairBatch, names: Sequence[str]) -> np.ndarray:
    """Means over the directions that hold pairs, (len(names), c); NaN where none does."""
    has = batch.n > 0
    used = has.sum(axis=0)
    found = np.empty((len(names), has.shape[1]))
    for row, name in enumerate(names):
        total = np.where(has, FEATURES[name](batch), 0.0).sum(axis=0)
        found[row] = np.divide(total, used, out=np.full(len(used), np.nan), where=used > 0)
    return found
