"""Grey-level co-occurrence matrix: 13 directions in 3D, Chebyshev distance 1, symmetric.

Source: IBSI reference manual, section 3.6 (LFYI). Averaging over directions (ITBB) and merging of the
matrices (IAZD) are both done from the same counts. Where the profile is "pyradiomics", logarithms carry the
machine epsilon and undefined cases take the values that pyradiomics 3.0.1 gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

DIRECTIONS = np.array(
    [
        (0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1),
        (1, -1, -1), (1, -1, 0), (1, -1, 1), (1, 0, -1), (1, 0, 0), (1, 0, 1),
        (1, 1, -1), (1, 1, 0), (1, 1, 1),
    ]
)  # fmt: skip
"""(13, 3) unit steps (dk, dj, di), one of each opposite pair."""

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
    steps = DIRECTIONS @ (np.array(padded.strides) // padded.itemsize)
    return pair_counts(flat[inside], flat[inside[None, :] + steps[:, None]], n_levels)


def pair_counts(centres: np.ndarray, neighbours: np.ndarray, n_levels: int) -> np.ndarray:
    """Symmetric counts (d, Ng, Ng) of centre levels (n,) against neighbour levels (d, n); 0 = outside."""
    side = n_levels + 1
    count = len(neighbours)
    codes = neighbours + (centres * side)[None, :]
    codes += (np.arange(count) * side * side)[:, None]
    table = np.bincount(codes.ravel(), minlength=count * side * side).reshape(count, side, side)
    table = table[:, 1:, 1:].astype(np.float64)
    return table + table.transpose(0, 2, 1)


class GlcmTerms:
    """What the features of a stack of normalised matrices share.

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
        counts = np.asarray(counts, dtype=np.float64)
        self.p = counts / counts.sum(axis=(1, 2), keepdims=True)
        self.profile = profile
        depth, side, _ = counts.shape
        self.grey = np.arange(1.0, side + 1) if grey is None else np.asarray(grey, dtype=np.float64)
        self.n_levels = int(self.grey.max()) if n_levels is None else int(n_levels)
        self.marginal = self.p.sum(axis=2)
        self.mean = self.marginal @ self.grey
        self.variance = (self.marginal * (self.grey - self.mean[:, None]) ** 2).sum(axis=1)

        whole = self.grey.astype(np.int64)
        high = int(whole.max())
        row = (np.arange(depth) * (2 * high + 1))[:, None]
        total = (whole[:, None] + whole[None, :]).ravel()
        gap = np.abs(whole[:, None] - whole[None, :]).ravel()
        weights = self.p.reshape(-1)
        size = depth * (2 * high + 1)
        sums = np.bincount((row + total).ravel(), weights=weights, minlength=size)
        gaps = np.bincount((row + gap).ravel(), weights=weights, minlength=size)
        self.p_sum = sums.reshape(depth, -1)
        self.p_diff = gaps.reshape(depth, -1)[:, :high]
        self.k_sum = np.arange(2.0 * high + 1)
        self.k_diff = np.arange(float(high))
        self.sum_average = self.p_sum @ self.k_sum
        self.diff_average = self.p_diff @ self.k_diff
        self._entropy: np.ndarray | None = None
        self._information: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def log2(self, p: np.ndarray) -> np.ndarray:
        if self.profile == "pyradiomics":
            return np.log2(p + EPS)
        return np.log2(p, out=np.zeros_like(p), where=p > 0)

    def entropy_of(self, p: np.ndarray) -> np.ndarray:
        return -(p * self.log2(p)).reshape(len(p), -1).sum(axis=1)

    @property
    def joint_entropy(self) -> np.ndarray:
        if self._entropy is None:
            self._entropy = self.entropy_of(self.p)
        return self._entropy

    @property
    def information(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """HX, HXY1, HXY2 of the information correlations."""
        if self._information is None:
            product = self.marginal[:, :, None] * self.marginal[:, None, :]
            log_product = self.log2(product)
            self._information = (
                self.entropy_of(self.marginal),
                -(self.p * log_product).sum(axis=(1, 2)),
                -(product * log_product).sum(axis=(1, 2)),
            )
        return self._information

    def cluster(self, power: int) -> np.ndarray:
        return (self.p_sum * (self.k_sum - self.sum_average[:, None]) ** power).sum(axis=1)


def _correlation(t: GlcmTerms) -> np.ndarray:
    i = t.grey
    product = (t.p * (i[:, None] * i[None, :])).sum(axis=(1, 2)) - t.mean**2
    flat = t.variance <= EPS
    return np.where(flat, 1.0, product / np.where(flat, 1.0, t.variance))


def _information_1(t: GlcmTerms) -> np.ndarray:
    hx, hxy1, _ = t.information
    flat = hx <= EPS
    return np.where(flat, 0.0, (t.joint_entropy - hxy1) / np.where(flat, 1.0, hx))


def _information_2(t: GlcmTerms) -> np.ndarray:
    _, _, hxy2 = t.information
    return np.sqrt(np.maximum(0.0, 1.0 - np.exp(-2.0 * (hxy2 - t.joint_entropy))))


def _maximal_correlation(t: GlcmTerms) -> np.ndarray:
    # Q = D⁻¹ P D⁻¹ Pᵀ has the eigenvalues of S², S = D^-½ P D^-½ symmetric: its second largest |eigenvalue|.
    # Rows without pairs stay zero.
    if t.p.shape[1] < 2:
        return np.ones(len(t.p))
    scale = np.divide(1.0, np.sqrt(t.marginal), out=np.zeros_like(t.marginal), where=t.marginal > 0)
    values = np.linalg.eigvalsh(t.p * scale[:, :, None] * scale[:, None, :])
    return np.sort(np.abs(values), axis=1)[:, -2]


FEATURES: dict[str, Callable[[GlcmTerms], np.ndarray]] = {
    "joint_maximum": lambda t: t.p.max(axis=(1, 2)),
    "joint_average": lambda t: t.mean,
    "joint_variance": lambda t: t.variance,
    "joint_entropy": lambda t: t.joint_entropy,
    "difference_average": lambda t: t.diff_average,
    "difference_variance": lambda t: (t.p_diff * (t.k_diff - t.diff_average[:, None]) ** 2).sum(axis=1),
    "difference_entropy": lambda t: t.entropy_of(t.p_diff),
    "sum_average": lambda t: t.sum_average,
    "sum_variance": lambda t: t.cluster(2),
    "sum_entropy": lambda t: t.entropy_of(t.p_sum),
    "angular_second_moment": lambda t: (t.p**2).sum(axis=(1, 2)),
    "contrast": lambda t: t.p_diff @ t.k_diff**2,
    "dissimilarity": lambda t: t.diff_average,
    "inverse_difference": lambda t: t.p_diff @ (1 / (1 + t.k_diff)),
    "normalised_inverse_difference": lambda t: t.p_diff @ (1 / (1 + t.k_diff / t.n_levels)),
    "inverse_difference_moment": lambda t: t.p_diff @ (1 / (1 + t.k_diff**2)),
    "normalised_inverse_difference_moment": lambda t: t.p_diff @ (1 / (1 + t.k_diff**2 / t.n_levels**2)),
    "inverse_variance": lambda t: t.p_diff[:, 1:] @ (1 / t.k_diff[1:] ** 2),
    "correlation": _correlation,
    "autocorrelation": lambda t: (t.p * (t.grey[:, None] * t.grey[None, :])).sum(axis=(1, 2)),
    "cluster_tendency": lambda t: t.cluster(2),
    "cluster_shade": lambda t: t.cluster(3),
    "cluster_prominence": lambda t: t.cluster(4),
    "information_correlation_1": _information_1,
    "information_correlation_2": _information_2,
    "maximal_correlation_coefficient": _maximal_correlation,
}
"""By name: a function of :class:`GlcmTerms` that gives one value per matrix, shape (d,)."""


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
    terms = GlcmTerms(counts, profile, grey, n_levels)
    return {name: float(FEATURES[name](terms).mean()) for name in (FEATURES if names is None else names)}
