"""The texture matrices of one region together with the cell that each of its voxels stands in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..radiomics import kernels
from ..radiomics.aggregation import Aggregation
from ..radiomics.glcm import DIRECTIONS, GlcmTerms
from ..radiomics.lattice import Lattice, measure
from ..radiomics.levels import Levels
from ..radiomics.ngtdm import ToneDifferences
from ..radiomics.sizes import SizeMatrix
from ..radiomics.zones import count_table, nearest, per_zone

Spacing = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of voxels at the offsets of one aggregation, one offset behind another.

    Attributes
    ----------
    first, second : (n,) numbers of the two voxels among the region's voxels (order of np.flatnonzero).
    offset : (n,) row of the table of offsets.
    """

    first: np.ndarray
    second: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class CodedPairs:
    """Co-occurrence matrices of one texture, and the cell of each pair in them.

    Attributes
    ----------
    pairs : the neighbours.
    terms : the normalised matrices (d, m, m), only those that hold pairs.
    cell : (n,) index of each pair's cell in a flattened (d, m, m) table.
    share : (d,) weight of one pair of each matrix in the aggregated feature: 1 / (pairs in it · d).
    weight : (n,) of the pairs where directions are weighted (`share` is then per unit of weight), else None.
    """

    pairs: Pairs
    terms: GlcmTerms
    cell: np.ndarray
    share: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class CodedElements:
    """Runs, zones or dependences of one texture, and where each voxel stands in their matrices.

    Attributes
    ----------
    matrix : the counts (d, m, s) of the elements.
    cell : (r, n) index, in a flattened (d, m, s) table, of the element of voxel v along direction r.
    share : (r, n) its part of the element's value: 1 / (voxels in it · elements of its matrix · d).
    """

    matrix: SizeMatrix
    cell: np.ndarray
    share: np.ndarray


@dataclass(frozen=True, eq=False)
class CodedTones:
    """Tone-difference matrices of one texture, and each voxel's own difference.

    Attributes
    ----------
    matrices : those that an aggregation averages over, with their empty grey levels left out.
    rows : for each, the numbers of the voxels that count in it and the row in which each stands.
    difference : (n,) from the mean of the neighbours.
    """

    matrices: list[ToneDifferences]
    rows: list[tuple[np.ndarray, np.ndarray]]
    difference: np.ndarray


def find_pairs(lattice: Lattice, a: Aggregation) -> Pairs:
    """All pairs at the distance of an aggregation; the lattice is planar if that is."""
    if lattice.planar or a.distance != 1 or a.norm != "chebyshev":
        found = lattice.pairs(a.distance, a.norm)
        return Pairs(found.first, found.second, found.offset)
    number = np.full(math.prod(lattice.shape), -1, dtype=np.int32)
    number[lattice.inside] = np.arange(lattice.voxels)
    steps = DIRECTIONS @ lattice.steps
    neighbour = number[lattice.inside[None, :] + steps[:, None]]
    held = neighbour >= 0
    found = np.flatnonzero(held)
    offset = np.repeat(np.arange(len(steps)), held.sum(axis=1))
    return Pairs(found - offset * lattice.voxels, neighbour.ravel()[found].astype(np.intp), offset)


def code_pairs(
    lattice: Lattice, pairs: Pairs, cells: Levels, a: Aggregation, profile: str, spacing: Spacing
) -> CodedPairs | None:
    """Co-occurrence of one texture; None if there is no pair."""
    if not pairs.first.size:
        return None
    offsets = lattice.offsets(a.distance, a.norm)
    weight = None
    if a.weight != "none":
        weight = np.exp([-(measure(step, a.weight) ** 2) for step in offsets * spacing])[pairs.offset]
    group = lattice.slice_of[pairs.first] if a.base.startswith("2d") else None
    if a.merged:
        matrix = np.zeros_like(pairs.offset) if group is None else group
    else:
        matrix = pairs.offset if group is None else group * len(offsets) + pairs.offset
    held = np.bincount(matrix) > 0
    matrices = int(held.sum())
    if matrices < len(held):
        matrix = (np.cumsum(held) - 1)[matrix]
    m = len(cells.grey)
    row = cells.rank.astype(np.intp) - 1
    cell = (matrix * m + row[pairs.first]) * m + row[pairs.second]
    counts = np.bincount(cell, weight, matrices * m * m).reshape(matrices, m, m)
    counts = (counts + counts.transpose(0, 2, 1)).astype(np.float64)
    terms = GlcmTerms(counts, profile, cells.grey, cells.n_levels)
    share = 2.0 / (counts.sum(axis=(1, 2)) * matrices)
    return CodedPairs(pairs, terms, cell, share, weight)


def code_runs(
    lattice: Lattice, cells: Levels, a: Aggregation, profile: str, spacing: Spacing
) -> CodedElements | None:
    """Runs along the directions; None if there is no direction to follow (profile "pyradiomics")."""
    rows = np.arange(len(lattice.directions))
    if profile == "pyradiomics":
        rows = rows[lattice.lined_up]
    if not len(rows):
        return None
    n, m, d = lattice.voxels, len(cells.grey), len(rows)
    voxel, last = lattice.lines.voxel, lattice.lines.last
    if d < len(voxel):
        kept = np.isin(last // n, rows)
        last = last[kept] - (last[kept] // n - np.searchsorted(rows, last[kept] // n)) * n
        voxel = voxel[rows]
    along = cells.rank.take(voxel).ravel()
    ends = np.empty(along.size, dtype=bool)
    np.not_equal(along[1:], along[:-1], out=ends[:-1])
    ends[last] = True
    end = np.flatnonzero(ends)
    length = np.diff(end, prepend=-1).astype(np.int32)
    longest = int(length.max())
    lengths = np.empty((d, n), dtype=np.int32)
    np.put_along_axis(lengths, voxel, np.repeat(length, length).reshape(d, n), axis=1)
    runs = np.diff(np.searchsorted(end, n * np.arange(1, d + 1) - 1, side="right"), prepend=0)
    run, first = np.repeat(np.arange(d), runs), voxel.ravel()[end]

    steps = lattice.directions[rows] * spacing
    weight = np.array([1.0 if a.weight == "none" else measure(step, a.weight) for step in steps])
    grouped = a.base.startswith("2d")
    groups, one = (lattice.slices if grouped else 1), (1 if a.merged else d)
    direction = np.zeros(d, dtype=np.int64) if a.merged else np.arange(d)
    group = lattice.slice_of * one if grouped else np.zeros(n, dtype=np.int64)

    level = cells.rank - 1
    code = ((direction[run] + group[first]) * m + level[first]) * longest + length - 1
    size = groups * one * m * longest
    counts = np.bincount(code, weight[run] if a.merged else None, size).reshape(-1, m, longest)
    per_group = lattice.per_slice if grouped else np.array([n])
    voxels = (per_group[:, None] * (np.array([weight.sum()]) if a.merged else np.ones(d))).ravel()
    sizes = np.arange(1.0, longest + 1)
    matrix = SizeMatrix(counts.astype(np.float64), cells.grey, sizes, voxels, profile)
    cell = lengths + (direction[:, None] * (m * longest) - 1)
    cell += (group * m + level) * longest
    part = 1.0 / (matrix.total * len(counts))
    each = part[direction[:, None] + group] if grouped else part[direction][:, None]
    share = (each * weight[:, None] if a.merged else each) / lengths
    return CodedElements(matrix, cell, share)


def find_zones(lattice: Lattice, cells: Levels) -> np.ndarray:
    """(n,) number of each voxel's zone."""
    return kernels.active().zone_labels(lattice, cells.rank)


def code_zones(
    lattice: Lattice, cells: Levels, label: np.ndarray, family: str, a: Aggregation, profile: str
) -> CodedElements:
    """Zones by their size ("glszm") or their distance from the border ("gldzm")."""
    voxels = np.bincount(label)
    size = voxels if family == "glszm" else nearest(label, lattice.depth)
    group = lattice.slice_of if a.base == "2d" else None
    counted = count_table(
        per_zone(label, cells.rank),
        len(cells.grey),
        size,
        None if group is None else per_zone(label, group),
        1 if group is None else lattice.slices,
    )
    return _placed(lattice, cells, counted, size[label], voxels[label], group, profile)


def code_dependences(lattice: Lattice, cells: Levels, a: Aggregation, profile: str) -> CodedElements:
    """Voxels by the number of their dependent neighbours, themselves included."""
    level = cells.rank if a.alpha == 0 else cells.levels
    size = 1 + kernels.active().alike_counts(lattice, level, a.alpha, a.distance, a.norm)
    group = lattice.slice_of if a.base == "2d" else None
    groups = 1 if group is None else lattice.slices
    counted = count_table(cells.rank, len(cells.grey), size, group, groups)
    return _placed(lattice, cells, counted, size, np.ones(lattice.voxels), group, profile)


def _placed(
    lattice: Lattice,
    cells: Levels,
    counted: tuple[np.ndarray, np.ndarray],
    size: np.ndarray,
    voxels: np.ndarray,
    group: np.ndarray | None,
    profile: str,
) -> CodedElements:
    counts, sizes = counted
    in_matrix = lattice.voxels if group is None else lattice.per_slice
    matrix = SizeMatrix(counts, cells.grey, sizes, in_matrix, profile)
    number = np.zeros(lattice.voxels, dtype=np.intp) if group is None else group
    column = np.searchsorted(sizes, size)
    cell = (number * len(cells.grey) + cells.rank - 1) * len(sizes) + column
    share = 1.0 / (voxels * (matrix.total * len(counts))[number])
    return CodedElements(matrix, cell[None], share[None])


def code_tones(lattice: Lattice, cells: Levels, a: Aggregation, profile: str) -> CodedTones | None:
    """Tone differences; None if no voxel counts (profile "ibsi": has a neighbour)."""
    grey = cells.levels.astype(np.float64)
    count, total = kernels.active().tone_sums(lattice, grey, a.distance, a.norm)
    difference = np.where(count > 0, np.abs(grey - total / np.maximum(count, 1)), 0.0)
    counts = np.ones(lattice.voxels, dtype=bool) if profile == "pyradiomics" else count > 0
    matrices, rows = [], []
    for number in range(lattice.slices if a.base == "2d" else 1):
        voxel = (
            np.flatnonzero(counts & (lattice.slice_of == number)) if a.base == "2d" else counts.nonzero()[0]
        )
        if not voxel.size:
            continue
        rank = cells.rank[voxel]
        often = np.bincount(rank)
        found = np.flatnonzero(often)
        row = np.searchsorted(found, rank)
        sums = np.bincount(row, difference[voxel], len(found))
        p = often[found] / len(voxel)
        matrices.append(ToneDifferences(cells.grey[found - 1], p, sums, len(voxel)))
        rows.append((voxel, row))
    return CodedTones(matrices, rows, difference) if matrices else None
