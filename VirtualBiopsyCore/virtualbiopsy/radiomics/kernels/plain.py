"""Kernels in numpy.

In all functions ``rank`` is (n,) integers 1…m, the grey levels of a lattice's voxels by their order among the
levels that occur; groups are the slices of a planar lattice, else one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..eigen import second_eigenvalues
from ..glcm import GlcmTables
from ..lattice import Lattice

__all__ = [
    "LinkedMatrices",
    "alike_counts",
    "averages",
    "bounding_box",
    "covariance",
    "cube_counts",
    "diameters",
    "glcm_tables",
    "levels_between",
    "linked_matrices",
    "moments",
    "pair_counts",
    "paired_directions",
    "run_counts",
    "second_eigenvalues",
    "tone_matrix",
    "tone_sums",
    "zone_labels",
]


@dataclass(frozen=True, eq=False)
class LinkedMatrices:
    """Matrices of a lattice that is not planar that follow from one look at the 26 neighbours of each voxel.

    Attributes
    ----------
    runs : as :func:`run_counts`.
    zones : as :func:`zone_labels`. zone_sizes : counts of zones (1, m, c) float64 by rank and voxels in them,
        and the numbers (c,) float64 that occur. alike : the same of voxels by one plus :func:`alike_counts`.
    tones : as :func:`tone_sums`.
    """

    runs: np.ndarray
    zones: np.ndarray
    zone_sizes: tuple[np.ndarray, np.ndarray]
    alike: tuple[np.ndarray, np.ndarray]
    tones: tuple[np.ndarray, np.ndarray]


_BLOCK = 1 << 17
"""So many voxels of lines at a time stay in the processor's cache."""


def _blocks(lattice: Lattice) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Lines of a few directions at a time.

    Yields
    ------
    first direction, (b, n) numbers of the voxels, and the positions in these, flattened, that end a stretch.
    """
    voxel, last = lattice.lines.voxel, lattice.lines.last
    rows = max(1, _BLOCK // lattice.voxels)
    for start in range(0, len(voxel), rows):
        offset = start * lattice.voxels
        ends = np.searchsorted(last, (offset, offset + rows * lattice.voxels))
        yield start, voxel[start : start + rows].astype(np.int64), last[ends[0] : ends[1]] - offset


@dataclass(frozen=True, eq=False)
class _Alike:
    """Neighbours (Chebyshev distance 1) of the same rank, in the order of a lattice's lines.

    Attributes
    ----------
    lattice, rank : what it was made from.
    place : (e,) places of the first voxels in the flattened lines; the second ones follow there.
    bounds : where the places along each direction begin in ``place``, and its length at the end.
    """

    lattice: Lattice
    rank: np.ndarray
    place: np.ndarray
    bounds: list[int]

    @classmethod
    def of(cls, lattice: Lattice, rank: np.ndarray) -> _Alike:
        """The last one is kept in the lattice: runs, zones and dependences of an image share it."""
        known = lattice.memory.get("alike")
        if known is None or known.rank is not rank:
            lattice.memory.pop("alike", None)
            kind = np.int32 if lattice.lines.voxel.size <= np.iinfo(np.int32).max else np.int64
            found = []
            for start, voxel, last in _blocks(lattice):
                along = rank.take(voxel).ravel()
                same = np.empty(len(along), dtype=bool)
                np.equal(along[1:], along[:-1], out=same[:-1])
                same[last] = False
                found.append(np.flatnonzero(same).astype(kind))
                found[-1] += start * lattice.voxels
            place = np.concatenate(found)
            rows = lattice.voxels * np.arange(len(lattice.directions) + 1)
            known = cls(lattice, rank, place, np.searchsorted(place, rows.astype(kind)).tolist())
            lattice.memory["alike"] = known
        return known

    def places(self, rows: Sequence[int]) -> Iterator[np.ndarray]:
        """``place`` along the directions `rows`, of some directions at a time, int64."""
        parts, size = [], 0
        for row in rows:
            part = self.place[self.bounds[row] : self.bounds[row + 1]]
            if size and size + len(part) > _BLOCK:
                yield np.concatenate(parts, dtype=np.int64)
                parts, size = [], 0
            parts.append(part)
            size += len(part)
        yield np.concatenate(parts, dtype=np.int64)


def pair_counts(
    lattice: Lattice, rank: np.ndarray, m: int, distance: int = 1, norm: str = "chebyshev"
) -> np.ndarray:
    """Symmetric co-occurrence counts (groups, d, m, m) float64, order of ``offsets(distance, norm)``."""
    if distance == 1 and norm == "chebyshev":
        table = _neighbour_table(lattice, rank, m)
    else:
        directions = len(lattice.offsets(distance, norm))
        pairs = lattice.pairs(distance, norm)
        row = lattice.slice_of[pairs.first] * directions + pairs.offset
        codes = (row * m + rank[pairs.first] - 1) * m + rank[pairs.second] - 1
        size = lattice.slices * directions * m * m
        table = np.bincount(codes, minlength=size).reshape(lattice.slices, directions, m, m).astype(float)
    return table + table.swapaxes(2, 3)


def _neighbour_table(lattice: Lattice, rank: np.ndarray, m: int) -> np.ndarray:
    """Counts (groups, d, m, m) of neighbours, each pair in one order. Code 0 takes what is no pair."""
    side, groups, values = m + 1, lattice.slices, rank.astype(np.int64)
    table = np.empty((groups, len(lattice.directions), side * side))
    for start, voxel, last in _blocks(lattice):
        along = values.take(voxel)
        codes = along * side
        codes.ravel()[:-1] += along.ravel()[1:]
        if groups > 1:
            codes += lattice.slice_of.take(voxel) * side**2
        codes.ravel()[last] = 0
        for direction, row in enumerate(codes, start):
            table[:, direction] = np.bincount(row, minlength=groups * side * side).reshape(groups, -1)
    return table.reshape(groups, -1, side, side)[:, :, 1:, 1:]


def run_counts(lattice: Lattice, rank: np.ndarray, m: int) -> np.ndarray:
    """Runs (groups, d, m, r) float64 by direction, rank and length 1…r, order of ``directions``.

    Runs of two and more voxels are stretches of alike neighbours; all other voxels are runs of one.
    """
    alike = _Alike.of(lattice, rank)
    directions, groups = len(lattice.directions), lattice.slices
    voxels = np.bincount(lattice.slice_of * m + rank - 1, minlength=groups * m).reshape(groups, 1, m)
    voxel, codes, lengths = lattice.lines.voxel.ravel(), [], []
    for place in alike.places(range(directions)):
        if len(place):
            starts = np.concatenate(([0], np.flatnonzero(place[1:] - place[:-1] != 1) + 1))
            lengths.append(np.diff(starts, append=len(place)) + 1)
            starts = place.take(starts)
            row, first = starts // lattice.voxels, voxel.take(starts)
            if groups > 1:
                row += lattice.slice_of.take(first) * directions
            codes.append(row * m + rank.take(first) - 1)
    if not codes:
        return np.repeat(voxels[..., None], directions, axis=1).astype(np.float64)
    longest = max(int(length.max()) for length in lengths)
    size = groups * directions * m * longest
    table = np.zeros(size)
    for code, length in zip(codes, lengths, strict=True):
        code *= longest
        code += length
        table += np.bincount(code - 1, minlength=size)
    table = table.reshape(groups, directions, m, longest)
    table[..., 0] = voxels - table @ np.arange(1.0, longest + 1)
    return table


def zone_labels(lattice: Lattice, rank: np.ndarray) -> np.ndarray:
    """Numbers 0…z-1 of the zones, (n,) int32: connected voxels of one rank (26 neighbours, 8 in a slice).

    Along the first direction voxels follow one another by number, so stretches there are found at once. Then
    come the other axes, which join most of what is left, then the diagonals.
    """
    alike, directions = _Alike.of(lattice, rank), lattice.directions
    voxel, parent = lattice.lines.voxel.ravel(), np.arange(lattice.voxels)
    for place in alike.places([0]):
        parent[voxel.take(place + 1)] = 0
    np.maximum.accumulate(parent, out=parent)
    axes = np.count_nonzero(directions, axis=1) == 1
    for wanted in (axes, ~axes):
        low, high = [], []
        for place in alike.places(np.flatnonzero(wanted[1:]) + 1):
            one, other = parent.take(voxel.take(place)), parent.take(voxel.take(place + 1))
            apart = np.flatnonzero(one != other)
            low.append(one.take(apart))
            high.append(other.take(apart))
        _join(parent, np.concatenate(low), np.concatenate(high))
    roots = parent == np.arange(lattice.voxels)
    return (np.cumsum(roots, dtype=np.int32) - 1).take(parent)


def _join(parent: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Join roots in pairs; `parent` (n,) leads every number to its root, before and after.

    In each round every root with a lower neighbour is hung below one, so at most half of the roots that still
    have neighbours remain. Then chains are cut short by jumping over one link, over two, …
    """
    while True:
        apart = np.flatnonzero(low != high)
        if not len(apart):
            break
        low, high = low.take(apart), high.take(apart)
        low, high = np.minimum(low, high), np.maximum(low, high)
        parent[high] = low
        above = parent.take(high)
        while True:
            further = parent.take(above)
            if (further == above).all():
                break
            parent[high] = above = further
        low, high = parent.take(low), above
    while True:
        further = parent.take(parent)
        if (further == parent).all():
            return
        parent[:] = further


def alike_counts(
    lattice: Lattice, level: np.ndarray, alpha: int = 0, distance: int = 1, norm: str = "chebyshev"
) -> np.ndarray:
    """(n,) neighbours up to a distance whose level differs by at most alpha; the voxel is not counted."""
    if alpha == 0 and distance == 1 and norm == "chebyshev":
        voxel, count = lattice.lines.voxel.ravel(), np.zeros(lattice.voxels, dtype=np.int64)
        for place in _Alike.of(lattice, level).places(range(len(lattice.directions))):
            count += np.bincount(voxel.take(place), minlength=lattice.voxels)
            place += 1
            count += np.bincount(voxel.take(place), minlength=lattice.voxels)
        return count
    pairs = lattice.pairs(distance, norm, True)
    alike = np.abs(level[pairs.first] - level[pairs.second]) <= alpha
    first, second = pairs.first[alike], pairs.second[alike]
    return np.bincount(first, minlength=lattice.voxels) + np.bincount(second, minlength=lattice.voxels)


def tone_sums(
    lattice: Lattice, grey: np.ndarray, distance: int = 1, norm: str = "chebyshev"
) -> tuple[np.ndarray, np.ndarray]:
    """Number (n,) of neighbours up to a distance, and sum (n,) of their grey levels (n,), whole numbers."""
    if distance == 1 and norm == "chebyshev":
        return lattice.neighbour_counts(), lattice.box_sums(grey.astype(np.int32)).astype(np.float64)
    pairs = lattice.pairs(distance, norm, True)
    total = np.bincount(pairs.first, grey[pairs.second], lattice.voxels)
    total += np.bincount(pairs.second, grey[pairs.first], lattice.voxels)
    return lattice.neighbour_counts(distance, norm), total


def glcm_tables(
    counts: np.ndarray, grey: np.ndarray, profile: str, n_levels: int | None = None
) -> GlcmTables:
    """Tables of symmetric counts (d, m, m), none of them empty, with the grey levels (m,) of their rows."""
    return GlcmTables.of_counts(counts, grey, profile, n_levels)


def linked_matrices(lattice: Lattice, rank: np.ndarray, grey: np.ndarray) -> LinkedMatrices | None:
    """Several matrices at once, or None where that is no faster than one by one; grey (m,) by rank."""
    return None


def averages(matrices: Any) -> Mapping[str, float]:
    """Features of GlcmTables, a SizeMatrix or ToneDifferences, averaged over the matrices, as far as a kernel
    knows them; the names are those of the features' table."""
    return {}


def moments(values: np.ndarray) -> Mapping[str, float]:
    """Statistics of values (n,) by name, as far as a kernel knows them."""
    return {}


def levels_between(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(n,) number of edges, ascending by about the same width, that are at or below each value."""
    width = (edges[-1] - edges[0]) / max(len(edges) - 1, 1)
    if not width > 1e-9 * max(abs(edges[0]), abs(edges[-1])):
        return np.searchsorted(edges, values, side="right")
    guess = ((values - edges[0]) * (1 / width)).astype(np.int64)
    np.clip(guess, 0, len(edges) - 1, out=guess)
    guess += np.take(np.append(edges, np.inf), guess + 1) <= values
    guess += np.take(edges, guess) <= values
    return guess


def bounding_box(mask: np.ndarray) -> tuple[slice, slice, slice] | None:
    """The smallest box that holds the voxels of a mask (k, j, i); None if there are none."""
    slices = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
    if not len(slices):
        return None
    k = slice(int(slices[0]), int(slices[-1]) + 1)
    plane = mask[k].any(axis=0)
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    return k, slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def cube_counts(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """How often each of the 256 cubes of :func:`virtualbiopsy.radiomics.mesh.cube_numbers` occurs (256,), and
    sums of their positions (3, 256), float64, but for the cubes 0 and 255; None if not known."""
    return None


def diameters(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray | None:
    """Largest distances (4,) in mm of vertices: in space, in a slice, column and row; None if not known."""
    return None


def covariance(mask: np.ndarray) -> np.ndarray:
    """Population covariance (3, 3) of the indices of a mask's voxels, in voxels²."""
    planes = {(0, 1): mask.sum(axis=2), (0, 2): mask.sum(axis=1), (1, 2): mask.sum(axis=0)}
    lines = [planes[0, 1].sum(axis=1), planes[0, 1].sum(axis=0), planes[0, 2].sum(axis=0)]
    places = [np.arange(size) for size in mask.shape]
    voxels = int(lines[0].sum())
    first = [int(line @ place) for line, place in zip(lines, places, strict=True)]
    found = np.empty((3, 3))
    for a, b in itertools.combinations_with_replacement(range(3), 2):
        second = lines[a] @ places[a] ** 2 if a == b else places[a] @ planes[a, b] @ places[b]
        found[a, b] = found[b, a] = (voxels * int(second) - first[a] * first[b]) / voxels**2
    return found


def paired_directions(lattice: Lattice) -> np.ndarray:
    """(d,) bool: whether any two voxels are neighbours along each of ``lattice.directions``."""
    return lattice.lines.pairs > 0


def tone_matrix(
    rank: np.ndarray, grey: np.ndarray, count: np.ndarray, total: np.ndarray, lone: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of a NGTDM from :func:`tone_sums`: voxels that count and sums of their differences, (m,) each.

    None if not known. lone: voxels without neighbours count, with a difference of zero.
    """
    return None
