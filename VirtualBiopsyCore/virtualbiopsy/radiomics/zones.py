"""Zones: 26-connected groups of voxels of the same grey level; size-zone and distance-zone matrices.

Source: IBSI reference manual, sections 3.8 (9SAK) and 3.9 (VMDZ).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .neighbourhood import Neighbourhood


def zone_labels(region: Neighbourhood) -> tuple[np.ndarray, np.ndarray]:
    """Zones of a region.

    Returns
    -------
    label : (n,) number of each voxel's zone, 0…z-1. rank : (z,) rank of each zone's grey level (1…m).
    """
    half = len(region.same) // 2
    direction, voxel = np.nonzero(region.same[:half])
    order = np.zeros(len(region.field), dtype=np.int32)
    order[region.inside] = np.arange(len(region.inside), dtype=np.int32)
    other = order[region.inside[voxel] + region.steps[direction]]
    links = coo_matrix(
        (np.ones(len(voxel), dtype=np.int8), (voxel, other)), shape=(len(region.rank), len(region.rank))
    )
    count, label = connected_components(links, directed=False)
    rank = np.empty(count, dtype=np.int32)
    rank[label] = region.rank
    return label, rank


def border_distance(mask: np.ndarray) -> np.ndarray:
    """City-block distance of each voxel from outside the region, 1 at its border; (k, j, i) integers."""
    return ndimage.distance_transform_cdt(np.pad(mask, 1), metric="taxicab")[1:-1, 1:-1, 1:-1]


def count_table(rank: np.ndarray, levels: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts (1, m, s) of ranks 1…m by the sizes that occur, and those sizes (s,)."""
    sizes, column = np.unique(size, return_inverse=True)
    table = np.bincount((rank - 1) * len(sizes) + column.ravel(), minlength=levels * len(sizes))
    return table.reshape(1, levels, len(sizes)).astype(np.float64), sizes.astype(np.float64)
