"""The loops of an edit in numpy and scipy.

In all functions ``field`` (size,) int32 holds the level 1…A of each position of the window, 0 outside the
region; tables are changed in place. A sign of -1 takes away what the field gives before an edit, +1 adds what
it gives after it.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components


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
    sign: int,
) -> bool:
    """Runs ``table`` (13, A, r) int64 that hold any of the positions (p,), each once.

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


def relabel(
    field: np.ndarray,
    label: np.ndarray,
    zone_size: np.ndarray,
    zone_level: np.ndarray,
    inside: np.ndarray,
    moved: np.ndarray,
    added: np.ndarray,
    steps: np.ndarray,
    next_label: int,
    order: np.ndarray,
) -> int:
    """Zones after an edit; ``field`` is as after the edit, the rest as before it.

    Parameters
    ----------
    label : (size,) int32 number of each position's zone, 0 outside. zone_size : voxels by zone, 0 where a
        number is not in use; zone_level : its level.
    inside : (n,) positions after the edit. moved : (c,) changed positions. added : (c,) bool, else removed.
    next_label : first number never used.
    order : (size,) int32 for scratch.

    Returns
    -------
    The new first number never used, or -1, and nothing has changed, if the numbers do not suffice.
    """
    new = moved[added]
    around = new + steps[:, None]
    touching = label[around[field[around] == field[new]]]
    hit = np.zeros(len(zone_size), dtype=bool)
    hit[touching] = True
    hit[label[moved[~added]]] = True
    hit[0] = False
    nodes = np.concatenate([inside[hit[label[inside]]], new])
    # What was at these positions before the edit has no number yet.
    count, part = _parts(field, nodes, steps[: len(steps) // 2], order)
    old = np.flatnonzero(hit)
    fresh = max(0, count - len(old))
    if next_label + fresh > len(zone_size):
        return -1
    numbers = np.concatenate([old, np.arange(next_label, next_label + fresh)])[:count]
    zone_size[old] = 0
    label[moved[~added]] = 0
    label[nodes] = numbers[part]
    zone_size[numbers] = np.bincount(part, minlength=count)
    zone_level[numbers[part]] = field[nodes]
    return next_label + fresh


def _parts(
    field: np.ndarray, nodes: np.ndarray, steps: np.ndarray, order: np.ndarray
) -> tuple[int, np.ndarray]:
    """Connected parts of one level among positions: how many, and the number 0… of each position's part.

    Neighbours of the same level must be among the positions.
    """
    if not len(nodes):
        return 0, np.zeros(0, dtype=np.int64)
    order[nodes] = np.arange(len(nodes), dtype=np.int32)
    around = nodes[:, None] + steps
    linked = field[around] == field[nodes][:, None]
    ends = order[around[linked]]
    starts = np.concatenate(([0], np.cumsum(np.count_nonzero(linked, axis=1))))
    links = csr_array((np.ones(len(ends), dtype=np.int8), ends, starts), shape=(len(nodes), len(nodes)))
    return connected_components(links, directed=False)
