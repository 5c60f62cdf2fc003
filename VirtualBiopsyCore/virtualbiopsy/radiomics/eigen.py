"""Second largest eigenvalue of normalised symmetric matrices."""

from __future__ import annotations

import numpy as np


def second_eigenvalues(counts: np.ndarray) -> np.ndarray:
    """Second largest |eigenvalue| (d,) of S = D^-½ C D^-½ for symmetric counts C (d, m, m), D their row sums.

    Q = D⁻¹ C D⁻¹ Cᵀ has the eigenvalues of S². Rows without counts stay zero; 1 for a single row.
    """
    if counts.shape[1] < 2:
        return np.ones(len(counts))
    rows = counts.sum(axis=2)
    scale = np.divide(1.0, np.sqrt(rows), out=np.zeros_like(rows), where=rows > 0)
    values = np.linalg.eigvalsh(counts * scale[:, :, None] * scale[:, None, :])
    return np.sort(np.abs(values), axis=1)[:, -2]
