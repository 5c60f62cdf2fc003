"""Second eigenvalue of the normalised co-occurrence matrices of many kernels."""

from __future__ import annotations

import numpy as np

MATRIX_BYTES = 32 << 20
"""Matrices that are solved at once."""


def second_eigenvalues(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Maximal correlation coefficient of each kernel.

    Parameters
    ----------
    first, second : (p, v) grey levels of neighbours; 0 outside the region (both or none).

    Returns
    -------
    (v,) second largest absolute eigenvalue of D^-½ P D^-½, P the symmetric matrix of the pairs and D its
    marginals; 0 where all levels are the same, or there is no pair.
    """
    rank, other, count = _ranks(first, second)
    found = np.zeros(first.shape[1])
    for size in np.unique(count):
        if size < 2:
            continue
        chosen = np.flatnonzero(count == size)
        batch = max(1, MATRIX_BYTES // (8 * size * size))
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            found[part] = _solve(rank[:, part], other[:, part], int(size))
    return found


def _ranks(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranks 1…m of the levels within each kernel (0 outside), and m (v,)."""
    both = np.concatenate((first, second)).T
    order = np.argsort(both, axis=1, kind="stable")
    ordered = np.take_along_axis(both, order, axis=1)
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new &= ordered > 0
    rank = np.empty(both.shape, dtype=np.int64)
    np.put_along_axis(rank, order, np.cumsum(new, axis=1), axis=1)
    rank *= both > 0
    return rank[:, : len(first)].T, rank[:, len(first) :].T, np.count_nonzero(new, axis=1)


def _solve(rank: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    side = size + 1
    kernel = np.arange(rank.shape[1]) * side * side
    counts = np.bincount((kernel + rank * side + other).ravel(), minlength=rank.shape[1] * side * side)
    counts = counts.reshape(-1, side, side)[:, 1:, 1:].astype(np.float64)
    counts += counts.transpose(0, 2, 1)
    scale = 1 / np.sqrt(counts.sum(axis=2))
    values = np.linalg.eigvalsh(counts * scale[:, :, None] * scale[:, None, :])
    return np.sort(np.abs(values), axis=1)[:, -2]
