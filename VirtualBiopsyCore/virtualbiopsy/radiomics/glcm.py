"""Grey-level co-occurrence matrix: 13 directions in 3D, 4 within a slice, symmetric.

Source: IBSI reference manual, section 3.6 (LFYI). Where the profile is "pyradiomics", logarithms carry the
machine epsilon and undefined cases take the values that pyradiomics 3.0.1 gives them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .eigen import second_eigenvalues
from .lattice import DIRECTIONS

__all__ = ["DIRECTIONS", "EPS", "FEATURES", "GlcmTables", "GlcmTerms", "cooccurrence", "glcm_features"]

EPS = float(np.spacing(1.0))


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
    eigenvalues : function of `counts` that gives it.
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
    eigenvalues: Callable[[np.ndarray], np.ndarray] = second_eigenvalues

    @classmethod
    def of_counts(
        cls, counts: np.ndarray, grey: np.ndarray, profile: str, n_levels: int | None = None
    ) -> GlcmTables:
        """From symmetric counts (d, m, m), none of them empty; n_levels None: the highest grey level."""
        counts = np.asarray(counts, dtype=np.float64)
        p = counts / counts.sum(axis=(1, 2), keepdims=True)
        marginal = p.sum(axis=2)
        whole = grey.astype(np.int64)
        high = int(whole.max())
        row = (np.arange(len(p)) * (2 * high + 1))[:, None]
        total = (whole[:, None] + whole[None, :]).ravel()
        gap = np.abs(whole[:, None] - whole[None, :]).ravel()
        weights, size = p.reshape(-1), len(p) * (2 * high + 1)
        sums = np.bincount((row + total).ravel(), weights=weights, minlength=size)
        gaps = np.bincount((row + gap).ravel(), weights=weights, minlength=size)
        inverse = np.divide(1.0, marginal, out=np.zeros_like(marginal), where=marginal > 0)
        return cls(
            profile=profile,
            n_levels=high if n_levels is None else int(n_levels),
            grey=grey,
            marginal=marginal,
            p_sum=sums.reshape(len(p), -1),
            p_diff=gaps.reshape(len(p), -1)[:, :high],
            maximum=p.max(axis=(1, 2)),
            energy=(p**2).sum(axis=(1, 2)),
            entropy=entropy(p, profile),
            product=((p @ grey) * grey).sum(axis=1),
            crossing=((p @ inverse[:, :, None])[:, :, 0] * inverse).sum(axis=1),
            counts=counts,
        )

    @cached_property
    def mean(self) -> np.ndarray:
        return self.marginal @ self.grey

    @cached_property
    def variance(self) -> np.ndarray:
        return (self.marginal * (self.grey - self.mean[:, None]) ** 2).sum(axis=1)

    @cached_property
    def k_sum(self) -> np.ndarray:
        return np.arange(float(self.p_sum.shape[1]))

    @cached_property
    def k_diff(self) -> np.ndarray:
        return np.arange(float(self.p_diff.shape[1]))

    @cached_property
    def sum_average(self) -> np.ndarray:
        return self.p_sum @ self.k_sum

    @cached_property
    def diff_average(self) -> np.ndarray:
        return self.p_diff @ self.k_diff

    @cached_property
    def information(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """HX, HXY1, HXY2 of the information correlations.

        Both joint ones are 2 HX, but for the epsilon of pyradiomics: log₂(x + ε) = log₂ x + ε / (x ln 2).
        """
        independent = 2 * entropy(self.marginal, "ibsi")
        if self.profile != "pyradiomics":
            return independent / 2, independent, independent
        bits = EPS / math.log(2)
        crossing = 0.0 if self.crossing is None else self.crossing
        filled = np.count_nonzero(self.marginal, axis=1) ** 2
        hx = entropy(self.marginal, self.profile)
        return hx, independent - bits * crossing, independent - bits * filled

    def cluster(self, power: int) -> np.ndarray:
        return (self.p_sum * (self.k_sum - self.sum_average[:, None]) ** power).sum(axis=1)


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
    "difference_variance": lambda t: (t.p_diff * (t.k_diff - t.diff_average[:, None]) ** 2).sum(axis=1),
    "difference_entropy": lambda t: entropy(t.p_diff, t.profile),
    "sum_average": lambda t: t.sum_average,
    "sum_variance": lambda t: t.cluster(2),
    "sum_entropy": lambda t: entropy(t.p_sum, t.profile),
    "angular_second_moment": lambda t: t.energy,
    "contrast": lambda t: t.p_diff @ t.k_diff**2,
    "dissimilarity": lambda t: t.diff_average,
    "inverse_difference": lambda t: t.p_diff @ (1 / (1 + t.k_diff)),
    "normalised_inverse_difference": lambda t: t.p_diff @ (1 / (1 + t.k_diff / t.n_levels)),
    "inverse_difference_moment": lambda t: t.p_diff @ (1 / (1 + t.k_diff**2)),
    "normalised_inverse_difference_moment": lambda t: t.p_diff @ (1 / (1 + t.k_diff**2 / t.n_levels**2)),
    "inverse_variance": lambda t: t.p_diff[:, 1:] @ (1 / t.k_diff[1:] ** 2),
    "correlation": _correlation,
    "autocorrelation": lambda t: t.product,
    "cluster_tendency": lambda t: t.cluster(2),
    "cluster_shade": lambda t: t.cluster(3),
    "cluster_prominence": lambda t: t.cluster(4),
    "information_correlation_1": _information_1,
    "information_correlation_2": _information_2,
    "maximal_correlation_coefficient": lambda t: t.eigenvalues(t.counts),
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
