"""Texture matrices of a region and its 26-neighbourhood from one comparison of neighbours, compiled.

For each position of the box the directions in which the neighbour has the same grey level are first gathered
as bits, with comparisons that run along memory; runs, zones and dependence then only follow set bits.

Everywhere: ``field`` and ``inside`` as in :mod:`virtualbiopsy.radiomics.kernels.compiled_counts`; ``steps``
(13,) of DIRECTIONS; ``after``, ``before`` of :func:`same_neighbours`; m grey levels.
"""

from __future__ import annotations

import numpy as np

from ..lattice import DIRECTIONS
from .jit import F8, I4, I8, INT, U2, jit

BITS = len(DIRECTIONS)
_ALL = 1 << BITS


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By 13 bits: how many are set, the lowest one, and those that are needed to connect a zone.

    Of three neighbours in one row the middle one touches both others: its link stands for theirs. The
    neighbour before, in the row of the voxel itself, touches all but those one column on.
    """
    bits = np.arange(_ALL)
    count = sum((bits >> d & 1) for d in range(len(DIRECTIONS)))
    lowest = np.zeros(_ALL, np.uint8)
    for d in reversed(range(len(DIRECTIONS))):
        lowest[bits >> d & 1 == 1] = d
    needed = bits.copy()
    number = {tuple(step): d for d, step in enumerate(DIRECTIONS.tolist())}
    for (k, j, i), d in number.items():
        middle = number.get((k, j, 0))
        if i != 0 and middle is not None:
            needed[bits >> middle & 1 == 1] &= ~(1 << d)
        if i != -1 and (k, j, i) != (0, 0, 1):
            needed[bits & 1 == 1] &= ~(1 << d)
    return count.astype(np.uint8), lowest, needed.astype(np.uint16)


BIT_COUNT, LOWEST, NEEDED = _tables()
CHUNK = 2048


@jit(U2, I8, U2, U2, INT)
def alike(field, inside, after, before, m):
    """Counts (1, m, c) of voxels by rank and by one plus the alike neighbours that occur, float64 (c,)."""
    first = inside[0]
    most = 2 * BITS + 1
    table = np.zeros((m, most), np.int64)
    for n in range(len(inside)):
        at = inside[n] - first
        count = np.int64(BIT_COUNT[before[at]]) + np.int64(BIT_COUNT[after[at]])
        table[np.int64(field[inside[n]]) - 1, count] += 1
    number = np.empty(most, np.int64)
    found = 0
    for j in range(most):
        for i in range(m):
            if table[i, j]:
                number[found] = j
                found += 1
                break
    counts = np.empty((1, m, found))
    sizes = np.empty(found)
    for c in range(found):
        sizes[c] = number[c] + 1
        for i in range(m):
            counts[0, i, c] = table[i, number[c]]
    return counts, sizes


@jit(U2, I8, I4, INT, INT)
def zone_sizes(field, inside, label, zones, m):
    """Counts (1, m, c) of zones by rank and by the numbers of voxels that occur, float64 (c,)."""
    size = np.zeros(zones, np.int64)
    rank = np.empty(zones, np.int64)
    for n in range(len(inside)):
        size[label[n]] += 1
        rank[label[n]] = np.int64(field[inside[n]]) - 1
    largest = 0
    for z in range(zones):
        largest = max(largest, size[z])
    column = np.zeros(largest + 1, np.int64)
    for z in range(zones):
        column[size[z]] = 1
    found = 0
    for number in range(largest + 1):
        if column[number]:
            column[number] = found
            found += 1
    counts = np.zeros((1, m, found))
    sizes = np.empty(found)
    for z in range(zones):
        at = column[size[z]]
        counts[0, rank[z], at] += 1
        sizes[at] = size[z]
    return counts, sizes


@jit(U2, I8, I8)
def same_neighbours(field, inside, steps):
    """Directions in which the next, and the last, voxel is alike, as bits; by position from inside[0] on."""
    first = inside[0]
    size = inside[-1] - first + 1
    after = np.zeros(size, np.uint16)
    before = np.zeros(size, np.uint16)
    zero = np.uint16(0)
    for low in range(0, size, CHUNK):
        high = min(size, low + CHUNK)
        own = field[first + low : first + high]
        bits_after = after[low:high]
        bits_before = before[low:high]
        for d in range(len(steps)):
            bit = np.uint16(1 << d)
            other = field[first + low + steps[d] : first + high + steps[d]]
            back = field[first + low - steps[d] : first + high - steps[d]]
            for p in range(high - low):
                bits_after[p] |= bit if other[p] == own[p] else zero
                bits_before[p] |= bit if back[p] == own[p] else zero
    return after, before


@jit(U2, I8, I8, U2, U2, INT, INT)
def runs(field, inside, steps, after, before, m, longest):
    """(1, 13, m, r) float64 runs by length 1…r; ``longest``: voxels of the longest possible one.

    Runs of two voxels and more are followed; all other voxels are runs of one.
    """
    half = len(steps)
    first = inside[0]
    table = np.zeros((half, m, longest), np.int32)
    voxels = np.zeros(m, np.int64)
    found = 1
    for n in range(len(inside)):
        at = inside[n] - first
        starts = np.int64(after[at]) & ~np.int64(before[at]) & (_ALL - 1)
        level = np.int64(field[inside[n]]) - 1
        voxels[level] += 1
        while starts:
            d = np.int64(LOWEST[starts])
            starts &= starts - 1
            step = steps[d]
            length = 2
            other = at + step
            while np.int64(after[other]) >> d & 1:
                other += step
                length += 1
            table[d, level, length - 1] += 1
            found = max(found, length)
    counts = np.empty((1, half, m, found))
    for d in range(half):
        for i in range(m):
            single = voxels[i]
            for j in range(1, found):
                counts[0, d, i, j] = table[d, i, j]
                single -= (j + 1) * table[d, i, j]
            counts[0, d, i, 0] = single
    return counts


@jit(I8, I8, U2)
def zones(inside, steps, before):
    """(n,) int32 number of each voxel's zone, in the order of first voxels; how many there are."""
    parent = np.empty(len(before), np.int32)
    first = inside[0]
    for n in range(len(inside)):
        at = inside[n] - first
        root = at
        links = np.int64(NEEDED[before[at]])
        while links:
            d = np.int64(LOWEST[links])
            links &= links - 1
            other = at - steps[d]
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            if other < root:
                if root != at:
                    parent[root] = other
                root = other
            elif other > root:
                parent[other] = root
        parent[at] = root
    label = np.empty(len(inside), np.int32)
    count = 0
    for n in range(len(inside)):
        at = inside[n] - first
        above = parent[at]
        if above == at:
            number = count
            count += 1
        else:
            number = parent[above]
        parent[at] = number
        label[n] = number
    return label, count


@jit(U2, I8, I8, F8)
def tone_sums(field, inside, steps, grey):
    """(n,) int64 neighbours inside the region, (n,) float64 sums of their whole-numbered grey levels.

    Sums are taken along one axis after the other; grey (m,) of the ranks.
    The high bits of a number count the neighbours, the low ones sum their grey levels.
    """
    row = steps[2]
    plane = steps[8]
    reach = plane + row + 1
    start = inside[0] - reach
    size = inside[-1] + reach + 1 - start
    shift = 20
    tone = np.zeros(len(grey) + 1, np.int32)
    for i in range(len(grey)):
        tone[i + 1] = np.int32(grey[i]) + np.int32(1 << shift)
    one = np.zeros(size, np.int32)
    for p in range(size):
        one[p] = tone[field[start + p]]
    two = np.zeros(size, np.int32)
    for p in range(1, size - 1):
        two[p] = one[p - 1] + one[p] + one[p + 1]
    left = two[: size - 2 * row]
    middle = two[row : size - row]
    right = two[2 * row :]
    out = one[row : size - row]
    for p in range(size - 2 * row):
        out[p] = left[p] + middle[p] + right[p]
    counts = np.empty(len(inside), np.int64)
    totals = np.empty(len(inside))
    mask = (1 << shift) - 1
    for n in range(len(inside)):
        p = inside[n] - start
        own = tone[field[inside[n]]]
        packed = np.int64(one[p - plane]) + one[p] + one[p + plane] - own
        counts[n] = packed >> shift
        totals[n] = packed & mask
    return counts, totals
