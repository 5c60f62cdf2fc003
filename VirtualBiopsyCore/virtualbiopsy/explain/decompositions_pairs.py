"""How co-occurrence features split: each is the mean of a function h(i, j) over the pairs of neighbours.

Entropies have h = −log₂ p, with p the probability of the pair, of its sum or of its difference; the angular
second moment has h = p. Central moments have the mean of the whole matrix inside h. Half of h / pairs goes to
each of the two voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..radiomics.glcm import GlcmTerms

PairTable = Callable[[GlcmTerms], np.ndarray]


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
