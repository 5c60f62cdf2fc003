"""Kernels in numpy and scipy.

In all functions ``rank`` is (n,) integers 1…m, the grey levels of a lattice's voxels by their order among the
levels that occur; groups are the slices of a planar lattice, else one.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..eigen import second_eigenvalues
from ..glcm import GlcmTables
from ..lattice import Lattice

__all__ = [
    "alike_counts",
    "glcm_tables",
    "pair_counts",
    "run_counts",
    "second_eigenvalues",
    "tone_sums",
    "zone_labels",
]


def _along_lines(lattice: Lattice, rank: np.ndarray) -> np.ndarray:
    """Ranks in the order of the lattice's lines, 0 between stretches."""
    return np.append(rank, 0)[lattice.lines.voxel]


def pair_counts(
    lattice: Lattice, rank: np.ndarray, m: int, distance: int = 1, norm: str = "chebyshev"
) -> np.ndarray:
    """Symmetric co-occurrence counts (groups, d, m, m) float64, order of ``offsets(distance, norm)``."""
    if distance == 1 and norm == "chebyshev":
        directions = len(lattice.directions)
        side = m + 1
        along = _along_lines(lattice, rank)
        codes = (lattice.lines.row[:-1] * side + along[:-1]) * side + along[1:]
        size = lattice.slices * directions * side * side
        table = np.bincount(codes, minlength=size).reshape(lattice.slices, directions, side, side)
        table = table[:, :, 1:, 1:]
    else:
        directions = len(lattice.offsets(distance, norm))
        pairs = lattice.pairs(distance, norm)
        row = lattice.slice_of[pairs.first] * directions + pairs.offset
        codes = (row * m + rank[pairs.first] - 1) * m + rank[pairs.second] - 1
        size = lattice.slices * directions * m * m
        table = np.bincount(codes, minlength=size).reshape(lattice.slices, directions, m, m)
    table = table.astype(np.float64)
    return table + table.swapaxes(2, 3)


def run_counts(lattice: Lattice, rank: np.ndarray, m: int) -> np.ndarray:
    """Runs (groups, d, m, r) float64 by direction, rank and length 1…r, order of ``directions``."""
    directions = len(lattice.directions)
    along = _along_lines(lattice, rank)
    starts = np.concatenate(([0], np.flatnonzero(along[1:] != along[:-1]) + 1))
    lengths = np.diff(starts, append=len(along))
    value = along[starts]
    runs = value > 0
    starts, lengths, value = starts[runs], lengths[runs], value[runs]
    longest = int(lengths.max())
    codes = (lattice.lines.row[starts] * m + value - 1) * longest + lengths - 1
    size = lattice.slices * directions * m * longest
    table = np.bincount(codes, minlength=size).reshape(lattice.slices, directions, m, longest)
    return table.astype(np.float64)


def _alike(lattice: Lattice, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours (Chebyshev distance 1) of the same rank: numbers of the two voxels."""
    along = _along_lines(lattice, rank)
    at = np.flatnonzero((along[:-1] == along[1:]) & (along[1:] > 0))
    return lattice.lines.voxel[at], lattice.lines.voxel[at + 1]


def zone_labels(lattice: Lattice, rank: np.ndarray) -> np.ndarray:
    """Numbers 0…z-1 of the zones, (n,) int32: connected voxels of one rank (26 neighbours, 8 in a slice)."""
    first, second = _alike(lattice, rank)
    links = coo_matrix(
        (np.ones(len(first), dtype=np.int8), (first, second)), shape=(lattice.voxels, lattice.voxels)
    )
    return connected_components(links, directed=False)[1]


def alike_counts(
    lattice: Lattice, level: np.ndarray, alpha: int = 0, distance: int = 1, norm: str = "chebyshev"
) -> np.ndarray:
    """(n,) neighbours up to a distance whose level differs by at most alpha; the voxel is not counted."""
    if alpha == 0 and distance == 1 and norm == "chebyshev":
        first, second = _alike(lattice, level)
    else:
        pairs = lattice.pairs(distance, norm, True)
        alike = np.abs(level[pairs.first] - level[pairs.second]) <= alpha
        first, second = pairs.first[alike], pairs.second[alike]
    return np.bincount(first, minlength=lattice.voxels) + np.bincount(second, minlength=lattice.voxels)


def tone_sums(
    lattice: Lattice, grey: np.ndarray, distance: int = 1, norm: str = "chebyshev"
) -> tuple[np.ndarray, np.ndarray]:
    """Number (n,) of neighbours up to a distance, and sum (n,) of their grey levels (n,)."""
    pairs = lattice.pairs(distance, norm, True)
    total = np.bincount(pairs.first, grey[pairs.second], lattice.voxels)
    total += np.bincount(pairs.second, grey[pairs.first], lattice.voxels)
    return lattice.neighbour_counts(distance, norm), total


def glcm_tables(
    counts: np.ndarray, grey: np.ndarray, profile: str, n_levels: int | None = None
) -> GlcmTables:
    """Tables of symmetric counts (d, m, m), none of them empty, with the grey levels (m,) of their rows."""
    return GlcmTables.of_counts(counts, grey, profile, n_levels)
