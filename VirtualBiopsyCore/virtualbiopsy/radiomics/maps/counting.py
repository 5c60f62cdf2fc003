"""How often values repeat within each kernel, for many kernels at once.

Entropies, sums of squares and maxima of a histogram need the multiplicity of each value only, so no table of
counts is made: the t-th appearance of a value adds g(t) - g(t-1) to a sum of g(multiplicity).
"""

from __future__ import annotations

import numpy as np

COMPARED_ROWS = 72
"""Up to this many entries per kernel are compared with each other; more are sorted."""


def appearances(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the appearances of each value of a kernel.

    Parameters
    ----------
    codes : (n, v) integers, one column per kernel; 0 stands for "nothing".

    Returns
    -------
    codes : the same values, perhaps in another order within each column.
    turn : (n, v) unsigned integers: 1 where a value appears for the first time in its column, 2 for the
        second time, …; 0 where there is nothing.
    """
    rows, columns = codes.shape
    if rows <= COMPARED_ROWS:
        turn = np.empty((rows, columns), dtype=np.uint8)
        same = np.empty((rows, columns), dtype=bool)
        for row in range(rows):
            np.equal(codes[: row + 1], codes[row], out=same[: row + 1])
            np.add.reduce(same[: row + 1].view(np.uint8), axis=0, dtype=np.uint8, out=turn[row])
        turn *= codes != 0
        return codes, turn
    ordered = np.sort(np.ascontiguousarray(codes.T), axis=1)
    place = np.broadcast_to(np.arange(rows, dtype=np.int32), ordered.shape)
    start = np.zeros(ordered.shape, dtype=np.int32)
    start[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], place[:, 1:], 0)
    np.maximum.accumulate(start, axis=1, out=start)
    turn = (place - start + 1) * (ordered != 0)
    return ordered.T, turn.T


def increments(values: np.ndarray) -> np.ndarray:
    """Table over the turn t of g(t) - g(t-1), from g(0), g(1), …; entry 0 is 0."""
    table = np.zeros(len(values))
    table[1:] = np.diff(values)
    return table


def plogp(counts: np.ndarray) -> np.ndarray:
    """c · log2(c), 0 at 0."""
    counts = np.asarray(counts, dtype=np.float64)
    return counts * np.log2(counts, out=np.zeros_like(counts), where=counts > 0)


def entropy_sum(turn: np.ndarray) -> np.ndarray:
    """(v,) Σ m·log2(m) over the multiplicities m of the values of each kernel."""
    return np.take(increments(plogp(np.arange(len(turn) + 1))), turn).sum(axis=0)


def square_sum(turn: np.ndarray) -> np.ndarray:
    """(v,) Σ m² over the multiplicities m of the values of each kernel."""
    return np.take(increments(np.arange(len(turn) + 1.0) ** 2), turn).sum(axis=0)
