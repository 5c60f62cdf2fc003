"""The loops of an edit in numpy.

In all functions ``field`` (size,) int32 holds the level 1…A of each position of the window, 0 outside the
region; tables are changed in place. A sign of -1 takes away what the field gives before an edit, +1 adds what
it gives after it.
"""

from __future__ import annotations

import numpy as np

from .plain_zones import settle

__all__ = ["add_alike", "add_pairs", "add_runs", "add_tones", "settle"]


def add_pairs(
    table: np.ndarray,
    field: np.ndarray,
    direction: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    sign: int,
) -> None:
    """Symmetric co-occurrence counts ``table`` (13, A, A) float64 of pairs of positions (p,), all inside."""
    side = table.shape[1]
    one, other = field[first] - 1, field[second] - 1
    base = direction * (side * side)
    flat = table.reshape(-1)
    np.add.at(flat, base + one * side + other, float(sign))
    np.add.at(flat, base + other * side + one, float(sign))


def add_alike(table: np.ndarray, field: np.ndarray, at: np.ndarray, steps: np.ndarray, sign: int) -> None:
    """Voxels ``table`` (A, 27) int64 by level and number of neighbours of the same level; at (v,) inside."""
    own = field[at]
    alike = np.count_nonzero(field[at + steps[:, None]] == own, axis=0)
    np.add.at(table.reshape(-1), (own - 1) * table.shape[1] + alike, sign)


def add_tones(
    table: np.ndarray,
    field: np.ndarray,
    at: np.ndarray,
    steps: np.ndarray,
    neighbours: np.ndarray,
    sign: int,
) -> None:
    """Table (2, A, 27) int64 by level i and number of neighbours c, for the neighbourhood tone differences.

    [0] voxels, [1] sum of |c i - sum of the neighbours' levels|. ``neighbours`` (v,) is c at the positions.
    """
    own = field[at].astype(np.int64)
    total = field[at + steps[:, None]].sum(axis=0, dtype=np.int64)
    code = (own - 1) * table.shape[2] + neighbours
    np.add.at(table[0].reshape(-1), code, sign)
    np.add.at(table[1].reshape(-1), code, sign * np.abs(own * neighbours - total))


def add_runs(
    table: np.ndarray,
    field: np.ndarray,
    direction: np.ndarray,
    position: np.ndarray,
    steps: np.ndarray,
    marks: np.ndarray,
    sign: int,
) -> bool:
    """Runs ``table`` (13, A, r) int64 that hold any of the positions (p,), each once.

    ``marks`` (size,) uint16 zeros, for scratch.

    Returns
    -------
    False, and the table is not whole, if a run is longer than r.
    """
    step = steps[direction]
    level = field[position]
    start = position.copy()
    going = np.arange(len(position))
    while len(going):
        before = start[going] - step[going]
        same = field[before] == level[going]
        going = going[same]
        start[going] = before[same]
    size = len(field)
    start = np.unique(direction * size + start)
    direction, start = np.divmod(start, size)
    level, step = field[start], steps[direction]
    length = np.ones(len(start), dtype=np.int64)
    going = np.arange(len(start))
    end = start.copy()
    while len(going):
        end[going] += step[going]
        going = going[field[end[going]] == level[going]]
        length[going] += 1
    longest = table.shape[2]
    if len(length) and int(length.max()) > longest:
        return False
    codes = (direction * table.shape[1] + level - 1) * longest + length - 1
    np.add.at(table.reshape(-1), codes, sign)
    return True
