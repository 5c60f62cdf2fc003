"""Co-occurrence counts of unions of parts: additive over the parts and the pairs of neighbouring parts.

A pair of neighbouring voxels belongs to a union if the parts of both do. So the counts of a union are sums of
the sparse tables of each part with itself and with each of its neighbours; all counts are integers and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ..lattice import Pairs

DENSE_CODES = 1 << 20
"""Codes up to this are counted, higher ones sorted."""

DENSE_CELLS = 1 << 22
"""Matrices with so many cells are counted at once, larger ones by sorting what is in them."""


@dataclass(frozen=True, eq=False)
class PairTables:
    """Tables of one discretised region.

    Attributes
    ----------
    n_levels : G, the highest grey level. directions : d, 13 or, merged, 1.
    first, second : (t,) parts 0…K-1 of each table, first ≤ second.
    direction, low, high : (e,) what each entry of the matrices stands for: level pairs low ≤ high (1…G) of a
        direction; sorted by direction, in each the diagonal (low = high) first.
    start : (2·d + 1,) where these 2·d stretches begin, and e.
    table : (e, t) sparse: symmetric counts, so a pair on the diagonal counts 2.
    linear : (d·(4·G + 1), e) sparse: from entries to the counts of sums (2·G + 1 for each direction), of
        differences (G), both in pairs, and of levels (G), in entries.
    longest : the largest count that any entry or level can reach.
    """

    n_levels: int
    directions: int
    first: np.ndarray
    second: np.ndarray
    direction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    start: np.ndarray
    table: csr_array
    linear: csr_array
    longest: int

    @classmethod
    def of(cls, levels: np.ndarray, parts: np.ndarray, pairs: Pairs, merged: bool) -> PairTables:
        """From the levels (n,) (0: the voxel is left out) and parts (n,) 0…K-1 of the voxels of a lattice."""
        levels, parts = levels.astype(np.int32), parts.astype(np.int32)
        first, second, offset = pairs.first, pairs.second, pairs.offset
        a, b = levels[first], levels[second]
        used = np.minimum(a, b) > 0
        if not used.all():
            first, second, offset, a, b = (array[used] for array in (first, second, offset, a, b))
        direction = np.zeros(len(a), dtype=np.int64) if merged else offset.astype(np.int64)
        one, two = parts[first], parts[second]
        count, high = (1 if merged else 13), int(levels.max(initial=1))
        side = int(parts.max(initial=0)) + 1
        tables, table = _numbered(np.minimum(one, two) * side + np.maximum(one, two))
        low, top = np.minimum(a, b), np.maximum(a, b)
        codes = ((direction * 2 + (low != top)) * (high + 1) + low) * (high + 1) + top
        entries, entry = _numbered(codes)
        kind, rest = np.divmod(entries, (high + 1) ** 2)
        low, top = np.divmod(rest, high + 1)
        weights = np.where(low == top, 2.0, 1.0)
        return cls(
            n_levels=high,
            directions=count,
            first=tables // side,
            second=tables % side,
            direction=kind // 2,
            low=low,
            high=top,
            start=np.searchsorted(kind, np.arange(2 * count + 1)),
            table=_counted(entry, table, weights, len(tables)),
            linear=_linear(kind // 2, low, top, count, high),
            longest=2 * int(np.bincount(direction, minlength=1).max(initial=0)),
        )

    @cached_property
    def logs(self) -> np.ndarray:
        """Table of c·log2(c)."""
        counts = np.arange(1.0, self.longest + 1)
        return np.concatenate(([0.0], counts * np.log2(counts)))

    @cached_property
    def by_table(self) -> tuple[np.ndarray, ...]:
        """first, second, and the counts table after table: where each begins, entries, counts; all int64."""
        columns = self.table.tocsc()
        parts = (self.first, self.second, columns.indptr, columns.indices, columns.data)
        return tuple(np.ascontiguousarray(part, dtype=np.int64) for part in parts)

    def counts(self, chosen: np.ndarray) -> np.ndarray:
        """Counts (e, c) of the entries for unions; chosen (K, c) is 1 where a union has a part, else 0."""
        return self.table @ (chosen[self.first] * chosen[self.second])

    def linear_counts(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts of sums (d, 2·G + 1, c), of differences (d, G, c), of levels (d, G, c)."""
        whole = (self.linear @ counts).reshape(self.directions, 4 * self.n_levels + 1, -1)
        sums = 2 * self.n_levels + 1
        return whole[:, :sums], whole[:, sums : sums + self.n_levels], whole[:, sums + self.n_levels :]

    def by_direction(self, values: np.ndarray, diagonal: float, other: float) -> np.ndarray:
        """Sums (d, c) of values (e, c), weighted by whether the entry lies on the diagonal."""
        found = np.zeros((2 * self.directions, values.shape[1]))
        held = np.flatnonzero(np.diff(self.start))
        found[held] = np.add.reduceat(values, self.start[held], axis=0)
        return diagonal * found[0::2] + other * found[1::2]

    def highest(self, values: np.ndarray) -> np.ndarray:
        """Largest value (d, c) of each direction."""
        found = np.zeros((2 * self.directions, values.shape[1]))
        held = np.flatnonzero(np.diff(self.start))
        found[held] = np.maximum.reduceat(values, self.start[held], axis=0)
        return np.maximum(found[0::2], found[1::2])


def _numbered(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As np.unique with its inverse, for integers from 0."""
    if codes.max(initial=0) > DENSE_CODES:
        values, inverse = np.unique(codes, return_inverse=True)
        return values, inverse.ravel()
    present = np.bincount(codes) > 0
    return np.flatnonzero(present), (np.cumsum(present) - 1)[codes]


def _counted(entry: np.ndarray, table: np.ndarray, weights: np.ndarray, columns: int) -> csr_array:
    """How often each entry meets each table, times the weight (rows,) of the entry."""
    rows = len(weights)
    if rows * columns > DENSE_CELLS:
        return csr_array((weights[entry], (entry, table)), shape=(rows, columns))
    counts = np.bincount(entry * columns + table, minlength=rows * columns)
    cells = np.flatnonzero(counts)
    row, column = np.divmod(cells, max(1, columns))
    begins = np.searchsorted(row, np.arange(rows + 1))
    return csr_array((counts[cells] * weights[row], column, begins), shape=(rows, columns))


def _linear(direction: np.ndarray, low: np.ndarray, high: np.ndarray, count: int, levels: int) -> csr_array:
    block = direction * (4 * levels + 1)
    entry = np.arange(len(low))
    in_pairs = np.where(low == high, 0.5, 1.0)
    off = np.flatnonzero(low != high)
    rows = (
        block + low + high,
        block + 2 * levels + 1 + high - low,
        block + 3 * levels + low,
        (block + 3 * levels + high)[off],
    )
    columns = (entry, entry, entry, off)
    values = (in_pairs, in_pairs, np.ones(len(low)), np.ones(len(off)))
    shape = (count * (4 * levels + 1), len(low))
    return csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
