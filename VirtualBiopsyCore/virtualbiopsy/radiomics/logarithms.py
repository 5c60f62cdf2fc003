"""Sums of c log₂ c over matrices of counts, by a table instead of one logarithm per cell."""

from __future__ import annotations

from functools import cache

import numpy as np

_LARGEST = 1 << 16


@cache
def _table(size: int) -> np.ndarray:
    count = np.arange(float(size))
    return count * np.log2(np.maximum(count, 1.0))


def count_logarithms(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ c log₂ c and the number of cells with c > 0, both (d,), of counts (d, …) that are not negative.

    Whole numbers below 65 536 come from a table; weighted counts may be fractions.
    """
    flat = counts.reshape(len(counts), -1)
    filled = np.count_nonzero(flat, axis=1)
    largest = float(flat.max(initial=0.0))
    if largest < _LARGEST:
        cells = flat.astype(np.int64)
        if np.array_equal(cells, flat):
            size = 1 << max(8, int(largest).bit_length())
            return np.take(_table(size), cells).sum(axis=1), filled
    logarithm = np.log2(flat, out=np.zeros_like(flat, dtype=np.float64), where=flat > 0)
    return np.einsum("dx,dx->d", flat, logarithm), filled
