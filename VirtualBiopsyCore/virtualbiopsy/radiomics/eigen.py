"""Second largest eigenvalue of normalised symmetric matrices: the maximal correlation coefficient."""

from __future__ import annotations

import numpy as np

NEGLIGIBLE = 1e-7
"""An epsilon that may change the result by no more than this, relative, is left out; most change far less."""

_SMALL = 1e-5
"""Up to such a change the first order does."""


def second_eigenvalues(counts: np.ndarray, epsilon: float = 0.0) -> np.ndarray:
    """Square roots (d,) of the second largest eigenvalue of Q = D⁻¹ P (D⁻¹ Pᵀ) for symmetric P.

    P are the counts (d, m, m) over their sum, D their row sums. Q has the eigenvalues of S², S = D^-½ P D^-½,
    so the result is the second largest |eigenvalue| of S. Rows without counts stay zero; 1 for a single row.

    Parameters
    ----------
    epsilon : is added to the denominators p(i) p(k) of Q, as pyradiomics does. It shows where a level is rare
        in a large region, see :func:`shrunk`. It is left out where Σᵢ ε Sᵢ² / pᵢ² / s³, with Sᵢ the length of
        row i of S and s the result, is at most NEGLIGIBLE.
    """
    if counts.shape[1] < 2:
        return np.ones(len(counts))
    matrices, p = _normalised(counts)
    values = np.linalg.eigvalsh(matrices)
    second = np.argpartition(np.abs(values), values.shape[1] - 2, axis=1)[:, -2:-1]
    values = np.take_along_axis(values, second, axis=1)[:, 0]
    found = np.abs(values)
    if epsilon:
        lengths = np.einsum("dij,dij->di", matrices, matrices)
        change = epsilon * (lengths / np.where(p > 0, p, np.inf) ** 2).sum(axis=1)
        felt = np.flatnonzero(change > NEGLIGIBLE * found**3)
        if len(felt):
            found[felt] = shrunk(counts[felt], values[felt], epsilon)
    return found


def shrunk(counts: np.ndarray, values: np.ndarray, epsilon: float) -> np.ndarray:
    """What the epsilon leaves of second eigenvalues (d,) of S with their signs: the results (d,).

    With v the eigenvector and w = v / p, s² shrinks by ε s wᵀ S w to first order, and |s vᵢ| is at most the
    length of row i of S. Where that may be much, the eigenvalues of Q itself are computed.
    """
    matrices, p = _normalised(counts)
    inverse = np.divide(1.0, p, out=np.zeros_like(p), where=p > 0)
    first = np.sqrt(p)
    vectors = _vectors(matrices, values, first)
    w = vectors * inverse
    change = epsilon * values * np.einsum("di,di->d", w, (matrices @ w[:, :, None])[:, :, 0])
    found = np.sqrt(np.maximum(0.0, values**2 - change))
    lengths = np.einsum("dij,dij->di", matrices, matrices)
    most = epsilon * np.einsum("di,di->d", lengths, inverse**2) / np.maximum(np.abs(values), epsilon) ** 3
    for n in np.flatnonzero(most > _SMALL):
        left = matrices[n] / (1 + epsilon * inverse[n][:, None] * inverse[n])
        found[n] = np.sqrt(max(0.0, np.sort(np.linalg.eigvals(left @ matrices[n]).real)[-2]))
    return found


def _normalised(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S (d, m, m), and p (d, m)."""
    rows = counts.sum(axis=2)
    scale = np.divide(1.0, np.sqrt(rows), out=np.zeros_like(rows), where=rows > 0)
    matrices = counts * scale[:, :, None]
    matrices *= scale[:, None, :]
    return matrices, rows / rows.sum(axis=1, keepdims=True)


def _vectors(matrices: np.ndarray, values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(d, m) unit eigenvectors to eigenvalues (d,), across ``first`` (d, m), by inverse iteration."""
    side = matrices.shape[1]
    shifted = matrices - (values + 1e-12)[:, None, None] * np.eye(side)
    found = first * np.arange(1.0, side + 1) + 0.1 * np.cos(np.arange(side) ** 2)
    for _ in range(3):
        found -= np.einsum("di,di->d", found, first)[:, None] * first
        found = np.linalg.solve(shifted, found[:, :, None])[:, :, 0]
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found
