"""Grey-level run-length matrix: 13 directions in 3D.

Source: IBSI reference manual, section 3.7 (TP0I).
"""

from __future__ import annotations

import numpy as np

from .glcm import DIRECTIONS
from .neighbourhood import Neighbourhood


def run_lengths(region: Neighbourhood) -> np.ndarray:
    """Runs by direction, grey level and length.

    Returns
    -------
    (13, m, r) float64: rows as ``region.grey``, columns the lengths 1…r.
    """
    half = len(region.same) // 2
    starts = ~region.same[half:]
    going_on = region.same[:half]
    levels = len(region.grey)
    rows = (region.rank - 1)[None, :] + (np.arange(half) * levels)[:, None]
    size = half * levels
    columns = [np.bincount(rows[starts & ~going_on], minlength=size)]
    direction, voxel = np.nonzero(starts & going_on)
    row = rows[direction, voxel]
    rank = region.rank[voxel]
    step = region.steps[direction]
    position = region.inside[voxel] + step
    while len(position):
        position += step
        alive = region.field[position] == rank
        columns.append(np.bincount(row[~alive], minlength=size))
        position, step, rank, row = position[alive], step[alive], rank[alive], row[alive]
    return np.stack(columns, axis=1).reshape(half, levels, -1).astype(np.float64)


def lined_up(region: Neighbourhood) -> np.ndarray:
    """Whether any line in each direction, (13,) bool, holds two or more voxels of the region.

    pyradiomics leaves the other directions out of the mean.
    """
    half = len(region.same) // 2
    found = region.neighbours[:half].any(axis=1)
    voxels = np.argwhere(region.mask)
    for number in np.flatnonzero(~found):
        step = DIRECTIONS[number]
        axis = int(np.flatnonzero(step)[0])
        lines = voxels - (voxels[:, axis] * step[axis])[:, None] * step
        found[number] = len(np.unique(lines, axis=0)) < len(lines)
    return found
