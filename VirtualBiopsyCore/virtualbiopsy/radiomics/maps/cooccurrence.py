"""Maps of the GLCM features.

Source: as :mod:`virtualbiopsy.radiomics.glcm`. The matrices are never made: within one kernel and direction
the pairs of voxels are few, so moments are sums over pairs, and entropies, energy and maximum come from how
often the same pair, sum, difference or level appears. The matrix is symmetric: each pair {i, j} stands for
the two entries (i, j) and (j, i).

Logarithms do not carry pyradiomics' machine epsilon (a change below 1e-14). Where the joint entropy of a
direction equals that of independent neighbours up to rounding, both information correlations are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np

from ..kernels import choose
from .counting import appearances, entropy_sum, increments, plogp
from .kernels import Kernels
from .maximal_correlation import second_eigenvalues

_fast = choose.register("virtualbiopsy.radiomics.maps.compiled")

ROUNDING = 1e-12
"""Entropies, in bits, that differ less are the same."""


class PairTerms:
    """What the features of one matrix per kernel share.

    Parameters
    ----------
    first, second : (p, v) grey levels of neighbours; 0 outside the region. n_levels : Ng.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray, n_levels: int) -> None:
        self.n_levels = n_levels
        self.valid = (first > 0) & (second > 0)
        self.first = first * self.valid
        self.second = second * self.valid
        self.n = np.count_nonzero(self.valid, axis=0)

    @cached_property
    def pairs(self) -> np.ndarray:
        """(v,) number of pairs as float; 1 where there is none."""
        return np.maximum(self.n, 1).astype(np.float64)

    @cached_property
    def gap(self) -> np.ndarray:
        return np.abs(self.first - self.second)

    @cached_property
    def total(self) -> np.ndarray:
        return self.first + self.second

    def over_gaps(self, weight: Callable[[np.ndarray], np.ndarray], at_zero: float) -> np.ndarray:
        """Mean over the pairs of a weight of the difference of their levels."""
        table = np.empty(self.n_levels)
        table[0] = at_zero
        table[1:] = weight(np.arange(1.0, self.n_levels))
        sums = np.take(table, self.gap).sum(axis=0)
        if at_zero:
            sums -= at_zero * (len(self.gap) - self.n)
        return sums / self.pairs

    @cached_property
    def mean_gap(self) -> np.ndarray:
        return self.gap.sum(axis=0, dtype=np.int64) / self.pairs

    @cached_property
    def contrast(self) -> np.ndarray:
        gap = self.gap.astype(np.int32)
        return (gap * gap).sum(axis=0, dtype=np.int64) / self.pairs

    @cached_property
    def mean_total(self) -> np.ndarray:
        return self.total.sum(axis=0, dtype=np.int64) / self.pairs

    @cached_property
    def clusters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Second, third and fourth central moment of the sum of the two levels."""
        deviation = self.total - self.mean_total
        deviation *= self.valid
        square = deviation * deviation
        return tuple(
            moment / self.pairs
            for moment in (
                square.sum(axis=0),
                np.einsum("pv,pv->v", square, deviation),
                np.einsum("pv,pv->v", square, square),
            )
        )

    @cached_property
    def flat(self) -> np.ndarray:
        """(v,) bool: all levels of the pairs are the same."""
        low = np.where(self.valid, np.minimum(self.first, self.second), self.n_levels + 1).min(axis=0)
        return low >= np.maximum(self.first, self.second).max(axis=0)

    @cached_property
    def variance(self) -> np.ndarray:
        # For i + j = s and i - j = d: Σ (i-μ)² + (j-μ)² = Σ ((s-2μ)² + d²) / 2.
        return (self.clusters[0] + self.contrast) / 4

    @cached_property
    def product(self) -> np.ndarray:
        first = self.first.astype(np.int32)
        return (first * self.second).sum(axis=0, dtype=np.int64) / self.pairs

    @cached_property
    def _joint(self) -> np.ndarray:
        """(p, v) turn of each pair; those on the diagonal, whose two entries are one, lie len + 1 higher."""
        side = self.n_levels + 1
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        kind = np.int16 if 2 * side * side < 2**15 else np.int32
        codes = (low.astype(kind) * kind(side) + high) * kind(2) + (low == high)
        codes *= self.valid
        codes, turn = appearances(codes)
        return turn + (codes & 1).astype(np.int16) * np.int16(len(codes) + 1)

    def over_joint(self, g: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(p, v) increments of Σ g over the entries of the matrix of counts."""
        m = np.arange(len(self.first) + 1.0)
        return np.take(np.concatenate((increments(2 * g(m)), increments(g(2 * m)))), self._joint)

    @cached_property
    def joint_entropy(self) -> np.ndarray:
        both = 2 * self.pairs
        return np.log2(both) - self.over_joint(plogp).sum(axis=0) / both

    @cached_property
    def energy(self) -> np.ndarray:
        return self.over_joint(np.square).sum(axis=0) / (2 * self.pairs) ** 2

    @cached_property
    def maximum(self) -> np.ndarray:
        m = np.arange(len(self.first) + 1)
        return np.take(np.concatenate((m, 2 * m)), self._joint).max(axis=0) / (2 * self.pairs)

    @cached_property
    def gap_entropy(self) -> np.ndarray:
        turn = appearances((self.gap + 1) * self.valid)[1]
        return np.log2(self.pairs) - entropy_sum(turn) / self.pairs

    @cached_property
    def total_entropy(self) -> np.ndarray:
        turn = appearances(self.total)[1]
        return np.log2(self.pairs) - entropy_sum(turn) / self.pairs

    @cached_property
    def marginal_entropy(self) -> np.ndarray:
        turn = appearances(np.concatenate((self.first, self.second)))[1]
        return np.log2(2 * self.pairs) - entropy_sum(turn) / (2 * self.pairs)

    @cached_property
    def shared(self) -> np.ndarray:
        """Mutual information, bits: the matrix is symmetric, so both cross entropies are 2·HX."""
        found = 2 * self.marginal_entropy - self.joint_entropy
        return np.where(found < ROUNDING, 0.0, found)

    @cached_property
    def maximal_correlation(self) -> np.ndarray:
        if self.n_levels < 2:
            return np.ones(self.first.shape[1])
        return second_eigenvalues(self.first, self.second)


def _correlation(t: PairTerms) -> np.ndarray:
    covariance = (t.clusters[0] - t.contrast) / 4
    return np.where(t.flat, 1.0, covariance / np.where(t.flat, 1.0, t.variance))


def _information_1(t: PairTerms) -> np.ndarray:
    return np.where(t.flat, 0.0, -t.shared / np.where(t.flat, 1.0, t.marginal_entropy))


FEATURES: dict[str, Callable[[PairTerms], np.ndarray]] = {
    "joint_maximum": lambda t: t.maximum,
    "joint_average": lambda t: t.mean_total / 2,
    "joint_variance": lambda t: t.variance,
    "joint_entropy": lambda t: t.joint_entropy,
    "difference_average": lambda t: t.mean_gap,
    "difference_variance": lambda t: np.maximum(t.contrast - t.mean_gap**2, 0.0),
    "difference_entropy": lambda t: t.gap_entropy,
    "sum_average": lambda t: t.mean_total,
    "sum_variance": lambda t: t.clusters[0],
    "sum_entropy": lambda t: t.total_entropy,
    "angular_second_moment": lambda t: t.energy,
    "contrast": lambda t: t.contrast,
    "dissimilarity": lambda t: t.mean_gap,
    "inverse_difference": lambda t: t.over_gaps(lambda k: 1 / (1 + k), 1.0),
    "normalised_inverse_difference": lambda t: t.over_gaps(lambda k: 1 / (1 + k / t.n_levels), 1.0),
    "inverse_difference_moment": lambda t: t.over_gaps(lambda k: 1 / (1 + k**2), 1.0),
    "normalised_inverse_difference_moment": lambda t: t.over_gaps(
        lambda k: 1 / (1 + k**2 / t.n_levels**2), 1.0
    ),
    "inverse_variance": lambda t: t.over_gaps(lambda k: 1 / k**2, 0.0),
    "correlation": _correlation,
    "autocorrelation": lambda t: t.product,
    "cluster_tendency": lambda t: t.clusters[0],
    "cluster_shade": lambda t: t.clusters[1],
    "cluster_prominence": lambda t: t.clusters[2],
    "information_correlation_1": _information_1,
    "information_correlation_2": lambda t: np.sqrt(1.0 - np.exp(-2.0 * t.shared)),
    "maximal_correlation_coefficient": lambda t: t.maximal_correlation,
}
"""By name: a function of :class:`PairTerms` that gives one value per kernel, shape (v,)."""


def features(kernels: Kernels, names: Iterable[str], aggregation: str) -> dict[str, np.ndarray]:
    """Features (v,) by name; NaN where a kernel holds no pair of neighbours.

    "3d_average" is the mean over the directions that hold pairs in the kernel; "3d_merged" takes all
    directions as one matrix. As in pyradiomics, its profile gives no joint average where a direction that the
    region has is empty in the kernel.
    """
    names = list(names)
    pairs, occupied = kernels.shape.pairs, kernels.batch.occupied
    if aggregation == "3d_merged":
        pairs = (tuple(np.concatenate(ends) for ends in zip(*pairs, strict=True)),)
        occupied = np.ones(1, dtype=bool)
    quirk = kernels.profile == "pyradiomics" and aggregation != "3d_merged"
    fast = _fast()
    if fast is None:
        return _averages(kernels, names, pairs, occupied, quirk)
    slow = [name for name in names if name not in fast.GLCM]
    found = _averages(kernels, slow, pairs, occupied, quirk) if slow else {}
    starts = np.cumsum([0, *(len(first) for first, _ in pairs)], dtype=np.int64)
    first, second = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    columns = fast.glcm(
        kernels.field.view(np.uint16),
        kernels.batch.positions,
        kernels.batch.steps,
        first,
        second,
        starts,
        occupied,
        kernels.n_levels,
        quirk,
    )
    return {name: found[name] if name in found else columns[:, fast.GLCM.index(name)] for name in names}


def _averages(
    kernels: Kernels,
    names: Sequence[str],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    occupied: np.ndarray,
    quirk: bool,
) -> dict[str, np.ndarray]:
    sums = {name: np.zeros(kernels.count) for name in names}
    used = np.zeros(kernels.count)
    lacking = np.zeros(kernels.count, dtype=bool)
    for wanted, (first, second) in zip(occupied, pairs, strict=True):
        if not wanted:
            continue
        terms = PairTerms(kernels.levels[first], kernels.levels[second], kernels.n_levels)
        has = terms.n > 0
        used += has
        lacking |= ~has
        for name in names:
            sums[name] += np.where(has, FEATURES[name](terms), 0.0)
    found = {name: np.divide(total, used, out=total, where=used > 0) for name, total in sums.items()}
    for name, value in found.items():
        value[used == 0] = np.nan
        if name == "joint_average" and quirk:
            value[lacking] = np.nan
    return found
