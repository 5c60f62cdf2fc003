"""Size-zone and distance-zone matrices: counts of grey levels by a size that each zone or voxel has.

Source: IBSI reference manual, sections 3.8 (9SAK) and 3.9 (VMDZ).
"""

from __future__ import annotations

import numpy as np


def count_table(
    rank: np.ndarray, levels: int, size: np.ndarray, group: np.ndarray | None = None, groups: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Counts (groups, m, s) of ranks 1…m by the sizes that occur, and those sizes (s,).

    rank, size, group : (n,) integers; group None puts all into one table.
    """
    found = np.bincount(size) > 0
    sizes = np.flatnonzero(found)
    row = rank - 1 if group is None else group * levels + (rank - 1)
    codes = row * len(sizes) + (np.cumsum(found) - 1)[size]
    table = np.bincount(codes, minlength=groups * levels * len(sizes))
    return table.reshape(groups, levels, len(sizes)).astype(np.float64), sizes.astype(np.float64)


def per_zone(label: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(z,) the value of each zone, for values (n,) that are equal in all its voxels."""
    found = np.empty(int(label.max()) + 1, dtype=value.dtype)
    found[label] = value
    return found


def nearest(label: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """(z,) smallest depth of each zone's voxels."""
    found = np.full(int(label.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(found, label, depth)
    return found
