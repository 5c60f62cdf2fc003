"""Exact interventional Shapley and nested Owen values of a Gaussian kernel expansion, any number of features.

A Gaussian kernel is a product over features, so that each support vector and background row give a game
Π of (x's factor within the coalition, z's factor outside). Its Shapley values are integrals of polynomials
(Owen 1972, multilinear extension), which Gauss-Legendre quadrature finds exactly; with groups, products of
such integrals over the levels.
"""

from __future__ import annotations

import numpy as np

from ..progress import Progress, silent
from .hierarchy import Hierarchy

_CELLS_AT_ONCE = 1_000_000


def kernel_values(
    support: np.ndarray,
    dual: np.ndarray,
    gamma: float,
    row: np.ndarray,
    background: np.ndarray,
    hierarchy: Hierarchy,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the values (p,) of v(S) = mean over z of Σ_i dual_i exp(−gamma |(x_S, z) − support_i|²).

    Parameters
    ----------
    support, dual : (m, p) and (m,). row, background : (p,) and (n, p), scaled as `support`.
    """
    phi = np.zeros(len(row))
    by_case = np.exp(-gamma * (row - support) ** 2)
    step = max(1, _CELLS_AT_ONCE // support.size)
    for start in range(0, len(background), step):
        progress(start / len(background), "Explaining: support vectors")
        by_row = np.exp(-gamma * (background[start : start + step, None] - support) ** 2)
        share = (by_case - by_row) * dual[:, None]
        for group, parent in zip(hierarchy.levels, hierarchy.parents(), strict=True):
            for above in np.unique(parent):
                _, first, number = np.unique(group[parent == above], return_index=True, return_inverse=True)
                if len(first) > 1:
                    members = np.flatnonzero(parent == above)
                    units = [members[number == unit] for unit in range(len(first))]
                    inside = np.stack([by_case[:, unit].prod(axis=-1) for unit in units], axis=-1)
                    outside = np.stack([by_row[:, :, unit].prod(axis=-1) for unit in units], axis=-1)
                    share[:, :, members] *= _beside(inside, outside)[:, :, number]
        phi += share.sum(axis=(0, 1))
    return phi / len(background)


def _beside(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """∫₀¹ Π over the other units of (t · inside + (1 − t) · outside) dt, for each unit (last axis)."""
    count = outside.shape[-1]
    nodes, weights = np.polynomial.legendre.leggauss(count // 2 + 1)
    total = np.zeros(outside.shape)
    for node, weight in zip(0.5 * (nodes + 1.0), 0.5 * weights, strict=True):
        factor = node * inside + (1.0 - node) * outside
        up, down = np.ones(factor.shape), np.ones(factor.shape)
        np.cumprod(factor[..., :-1], axis=-1, out=up[..., 1:])
        down[..., :-1] = np.cumprod(factor[..., :0:-1], axis=-1)[..., ::-1]
        total += weight * up * down
    return total
