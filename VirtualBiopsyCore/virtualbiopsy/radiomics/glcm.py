"""Grey-level co-occurrence matrix: 13 directions in 3D, 4 within a slice, symmetric.

Source: IBSI reference manual, section 3.6 (LFYI). Where the profile is "pyradiomics", logarithms carry the
machine epsilon and undefined cases take the values that pyradiomics 3.0.1 gives them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from .eigen import second_eigenvalues
from .lattice import DIRECTIONS
from .logarithms import count_logarithms

__all__ = ["DIRECTIONS", "EPS", "FEATURES", "GlcmTables", "GlcmTerms", "cooccurrence", "glcm_features"]

EPS = float(np.spacing(1.0))
_EPS_BITS = EPS / math.log(2)


def cooccurrence(levels: np.ndarray, n_levels: int) -> np.ndarray:
    """Count neighbouring pairs of grey levels.

    Parameters
    ----------
    levels : (k, j, i) integers, 0 outside the region and 1…n_levels inside.
    n_levels : Ng.

    Returns
    -------
    (13, Ng, Ng) float64, symmetric counts by direction (each pair counted both ways), order of DIRECTIONS.
    """
    padded = np.pad(np.asarray(levels, dtype=np.int64), 1)
    flat = padded.ravel()
    inside = np.flatnonzero(flat)
    side, count = n_levels + 1, len(DIRECTIONS)
    steps = DIRECTIONS @ (np.array(padded.strides) // padded.itemsize)
    codes = flat[inside[None, :] + steps[:, None]] + flat[inside] * side
    codes += (np.arange(count) * side * side)[:, None]
    table = np.bincount(codes.ravel(), minlength=count * side * side).reshape(count, side, side)
    table = table[:, 1:, 1:].astype(np.float64)
    return table + table.transpose(0, 2, 1)


def entropy(p: np.ndarray, profile: str) -> np.ndarray:
    """−Σ p log₂ p over all axes but the first."""
    if profile == "pyradiomics":
        logarithm = np.log2(p + EPS)
    else:
        logarithm = np.log2(p, out=np.zeros_like(p), where=p > 0)
    return -(p * logarithm).reshape(len(p), -1).sum(axis=1)


def _diagonals(counts: np.ndarray, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of matrices (d, m, m) by i + j = 0…2 G, (d, 2 G + 1), and by |i - j| = 0…G-1, (d, G).

    Rows shifted by one place each (a row is read one entry shorter than it was written) have the diagonals as
    columns.
    """
    low, high = int(grey[0]), int(grey[-1])
    span = high - low + 1
    depth, side = counts.shape[:2]
    if span > side:
        at = np.flatnonzero(counts)
        row, column = np.divmod(at % (side * side), side)
        depths, weights = at // (side * side), counts.ravel()[at]
        total, gap = grey[row] + grey[column], np.abs(grey[row] - grey[column])
        sums = np.bincount(depths * (2 * high + 1) + total, weights, depth * (2 * high + 1))
        gaps = np.bincount(depths * high + gap, weights, depth * high)
        return sums.reshape(depth, -1), gaps.reshape(depth, -1)
    wide = np.zeros((depth, span, 2 * span))
    skewed = wide.reshape(depth, -1)[:, : span * (2 * span - 1)].reshape(depth, span, 2 * span - 1)
    wide[:, :, :span] = counts
    sums = np.zeros((depth, 2 * high + 1))
    sums[:, 2 * low :] = skewed.sum(axis=1)
    wide[:, :, :span] = counts[:, :, ::-1]
    signed = skewed.sum(axis=1)
    gaps = np.zeros((depth, high))
    gaps[:, :span] = signed[:, span - 1 :]
    gaps[:, 1:span] += signed[:, span - 2 :: -1] if span > 1 else 0.0
    return sums, gaps


@lru_cache(maxsize=64)
def _gap_weights(count: int, n_levels: int) -> np.ndarray:
    """Functions of k = 0, 1, … as columns of (count, 7).

    k, k², 1 / (1 + k), 1 / (1 + k / Ng), 1 / (1 + k²), 1 / (1 + k² / Ng²), and 1 / k² with 0 for k = 0.
    """
    k = np.arange(float(count))
    inverse = np.zeros(count)
    inverse[1:] = 1 / k[1:] ** 2
    columns = (k, k**2, 1 / (1 + k), 1 / (1 + k / n_levels), 1 / (1 + k**2), 1 / (1 + k**2 / n_levels**2))
    return np.stack([*columns, inverse], axis=1)


@dataclass(eq=False)
class GlcmTables:
    """What the features need of d normalised symmetric matrices p (m, m).

    Attributes
    ----------
    profile : "ibsi" or "pyradiomics". n_levels : Ng of the normalised inverse differences.
    grey : (m,) float64 grey levels of the rows.
    marginal : (d, m) sums of the rows. p_sum : (d, 2 G + 1) probability of each i + j = 0, 1, … with G the
        highest grey level. p_diff : (d, G) probability of each |i - j| = 0, 1, …
    maximum, energy, entropy, product : (d,) max p, Σ p², −Σ p log₂ p as the profile has it, Σ i j p.
    crossing : (d,) Σ p(i, j) / (p(i) p(j)) for the epsilon in the logarithms of profile "pyradiomics"; None
        leaves it out (1e-10 of the information correlations).
    counts : (d, m, m) symmetric, up to any factor per matrix; for the maximal correlation coefficient.
    eigenvalues : function of `counts` and the epsilon that gives it.
    """

    profile: str
    n_levels: int
    grey: np.ndarray
    marginal: np.ndarray
    p_sum: np.ndarray
    p_diff: np.ndarray
    maximum: np.ndarray
    energy: np.ndarray
    entropy: np.ndarray
    product: np.ndarray
    crossing: np.ndarray | None
    counts: np.ndarray
    eigenvalues: Callable[[np.ndarray, float], np.ndarray] = second_eigenvalues

    @classmethod
    def of_counts(
        cls, counts: np.ndarray, grey: np.ndarray, profile: str, n_levels: int | None = None
    ) -> GlcmTables:
        """From symmetric counts (d, m, m), none of them empty; n_levels None: the highest grey level."""
        counts = np.asarray(counts, dtype=np.float64)
        rows = counts.sum(axis=2)
        total = rows.sum(axis=1)
        high = int(grey[-1])
        sums, gaps = _diagonals(counts, grey.astype(np.int64))
        logarithms, filled = count_logarithms(counts)
        joint = np.log2(total) - logarithms / total
        crossing = None
        if profile == "pyradiomics":
            joint -= filled * _EPS_BITS
            inverse = np.divide(1.0, rows, out=np.zeros_like(rows), where=rows > 0)
            products = counts @ np.stack([np.broadcast_to(grey, rows.shape), inverse], axis=2)
            crossing = np.einsum("dm,dm->d", products[:, :, 1], inverse) * total
            product = products[:, :, 0] @ grey / total
        else:
            product = (counts @ grey) @ grey / total
        flat = counts.reshape(len(counts), -1)
        return cls(
            profile=profile,
            n_levels=high if n_levels is None else int(n_levels),
            grey=grey,
            marginal=rows / total[:, None],
            p_sum=sums / total[:, None],
            p_diff=gaps / total[:, None],
            maximum=flat.max(axis=1) / total,
            energy=np.einsum("dx,dx->d", flat, flat) / total**2,
            entropy=joint,
            product=product,
            crossing=crossing,
            counts=counts,
        )

    @cached_property
    def mean(self) -> np.ndarray:
        return self.marginal @ self.grey

    @cached_property
    def variance(self) -> np.ndarray:
        return np.einsum("dm,dm->d", self.marginal, (self.grey - self.mean[:, None]) ** 2)

    @cached_property
    def k_sum(self) -> np.ndarray:
        return np.arange(float(self.p_sum.shape[1]))

    @cached_property
    def k_diff(self) -> np.ndarray:
        return np.arange(float(self.p_diff.shape[1]))

    @cached_property
    def sum_average(self) -> np.ndarray:
        return self.p_sum @ self.k_sum

    @property
    def diff_average(self) -> np.ndarray:
        return self.by_gap[:, 0]

    @cached_property
    def by_gap(self) -> np.ndarray:
        """(d, 7) Σ p_diff(k) h(k) for the functions h of :func:`_gap_weights`."""
        return self.p_diff @ _gap_weights(self.p_diff.shape[1], self.n_levels)

    @cached_property
    def diff_variance(self) -> np.ndarray:
        return np.einsum("dk,dk->d", self.p_diff, (self.k_diff - self.diff_average[:, None]) ** 2)

    @cached_property
    def clusters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Second, third and fourth central moment of p_sum, each (d,)."""
        deviation = self.k_sum - self.sum_average[:, None]
        square = deviation * deviation
        weighted = self.p_sum * square
        return (
            weighted.sum(axis=1),
            np.einsum("dk,dk->d", weighted, deviation),
            np.einsum("dk,dk->d", weighted, square),
        )

    @cached_property
    def information(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """HX, HXY1, HXY2 of the information correlations.

        Both joint ones are 2 HX, but for the epsilon of pyradiomics: log₂(x + ε) = log₂ x + ε / (x ln 2).
        """
        independent = 2 * entropy(self.marginal, "ibsi")
        if self.profile != "pyradiomics":
            return independent / 2, independent, independent
        crossing = 0.0 if self.crossing is None else self.crossing
        filled = np.count_nonzero(self.marginal, axis=1) ** 2
        hx = entropy(self.marginal, self.profile)
        return hx, independent - _EPS_BITS * crossing, independent - _EPS_BITS * filled


class GlcmTerms(GlcmTables):
    """The tables of counts together with the normalised matrices p (d, m, m) themselves.

    Parameters
    ----------
    counts : (d, m, m) symmetric counts, none of them empty.
    profile : "ibsi" or "pyradiomics".
    grey : (m,) the grey level of each row; None for 1…m.
    n_levels : Ng of the normalised inverse differences; None for the highest grey level.
    """

    def __init__(
        self, counts: np.ndarray, profile: str, grey: np.ndarray | None = None, n_levels: int | None = None
    ) -> None:
        grey = np.arange(1.0, counts.shape[1] + 1) if grey is None else np.asarray(grey, dtype=np.float64)
        tables = GlcmTables.of_counts(counts, grey, profile, n_levels)
        super().__init__(**{name: getattr(tables, name) for name in GlcmTables.__dataclass_fields__})
        self.p = self.counts / self.counts.sum(axis=(1, 2), keepdims=True)

    def log2(self, p: np.ndarray) -> np.ndarray:
        if self.profile == "pyradiomics":
            return np.log2(p + EPS)
        return np.log2(p, out=np.zeros_like(p), where=p > 0)


def _correlation(t: GlcmTables) -> np.ndarray:
    flat = t.variance <= EPS
    return np.where(flat, 1.0, (t.product - t.mean**2) / np.where(flat, 1.0, t.variance))


def _information_1(t: GlcmTables) -> np.ndarray:
    hx, hxy1, _ = t.information
    flat = hx <= EPS
    return np.where(flat, 0.0, (t.entropy - hxy1) / np.where(flat, 1.0, hx))


def _information_2(t: GlcmTables) -> np.ndarray:
    _, _, hxy2 = t.information
    return np.sqrt(np.maximum(0.0, 1.0 - np.exp(-2.0 * (hxy2 - t.entropy))))


FEATURES: dict[str, Callable[[GlcmTables], np.ndarray]] = {
    "joint_maximum": lambda t: t.maximum,
    "joint_average": lambda t: t.mean,
    "joint_variance": lambda t: t.variance,
    "joint_entropy": lambda t: t.entropy,
    "difference_average": lambda t: t.diff_average,
    "difference_variance": lambda t: t.diff_variance,
    "difference_entropy": lambda t: entropy(t.p_diff, t.profile),
    "sum_average": lambda t: t.sum_average,
    "sum_variance": lambda t: t.clusters[0],
    "sum_entropy": lambda t: entropy(t.p_sum, t.profile),
    "angular_second_moment": lambda t: t.energy,
    "contrast": lambda t: t.by_gap[:, 1],
    "dissimilarity": lambda t: t.diff_average,
    "inverse_difference": lambda t: t.by_gap[:, 2],
    "normalised_inverse_difference": lambda t: t.by_gap[:, 3],
    "inverse_difference_moment": lambda t: t.by_gap[:, 4],
    "normalised_inverse_difference_moment": lambda t: t.by_gap[:, 5],
    "inverse_variance": lambda t: t.by_gap[:, 6],
    "correlation": _correlation,
    "autocorrelation": lambda t: t.product,
    "cluster_tendency": lambda t: t.clusters[0],
    "cluster_shade": lambda t: t.clusters[1],
    "cluster_prominence": lambda t: t.clusters[2],
    "information_correlation_1": _information_1,
    "information_correlation_2": _information_2,
    "maximal_correlation_coefficient": lambda t: t.eigenvalues(
        t.counts, EPS if t.profile == "pyradiomics" else 0.0
    ),
}
"""By name: a function of :class:`GlcmTables` that gives one value per matrix, shape (d,)."""


def glcm_features(
    counts: np.ndarray,
    names: Iterable[str] | None = None,
    profile: str = "ibsi",
    aggregation: str = "3d_average",
    *,
    grey: np.ndarray | None = None,
    n_levels: int | None = None,
) -> dict[str, float]:
    """Features of co-occurrence counts.

    Parameters
    ----------
    counts : (d, m, m) symmetric counts from :func:`cooccurrence`; or (m, m), one matrix.
    names : keys of FEATURES; None for all.
    profile : "ibsi" or "pyradiomics".
    aggregation : "3d_average" (mean of the features over the directions that hold pairs) or "3d_merged"
        (features of the sum of the matrices).
    grey, n_levels : as for :class:`GlcmTerms`, when empty grey levels were left out.

    Returns
    -------
    Value by name; empty if no direction holds a pair.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim == 2 or aggregation == "3d_merged":
        counts = counts.reshape(-1, *counts.shape[-2:]).sum(axis=0, keepdims=True)
    counts = counts[counts.any(axis=(1, 2))]
    if not len(counts):
        return {}
    rows = np.arange(1.0, counts.shape[1] + 1) if grey is None else np.asarray(grey, dtype=np.float64)
    tables = GlcmTables.of_counts(counts, rows, profile, n_levels)
    return {name: float(FEATURES[name](tables).mean()) for name in (FEATURES if names is None else names)}
