"""All texture matrices but GLCM of a region and its 26-neighbourhood at once, compiled.

For each position of the box the directions in which the neighbour has the same grey level are first gathered
as bits, with comparisons that run along memory; runs, zones and dependence then only follow set bits.
"""

from __future__ import annotations

import numpy as np

from ..lattice import DIRECTIONS
from .jit import F8, I8, INT, U2, jit

_ALL = 1 << len(DIRECTIONS)


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


@jit()
def _occurring(table):
    """Columns of a table (m, s) that are not empty, as (1, m, c), and their numbers plus one, float64."""
    m, s = table.shape
    number = np.empty(s, np.int64)
    found = 0
    for j in range(s):
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


@jit()
def _zone_table(rank, size, zones, m):
    """Counts (1, m, c) of zones by rank 0…m-1 and by the sizes that occur (c,)."""
    largest = 0
    for z in range(zones):
        largest = max(largest, size[z])
    column = np.zeros(largest + 1, np.int64)
    for z in range(zones):
        column[size[z]] = 1
    found = 0
    for s in range(largest + 1):
        if column[s]:
            column[s] = found
            found += 1
    counts = np.zeros((1, m, found))
    sizes = np.empty(found)
    for z in range(zones):
        at = column[size[z]]
        counts[0, rank[z], at] += 1
        sizes[at] = size[z]
    return counts, sizes


@jit(U2, I8, I8, F8, INT)
def linked_tables(field, inside, steps, grey, longest):
    """Run-length, size-zone, dependence and tone-difference matrices.

    Parameters
    ----------
    field, inside : as in :mod:`virtualbiopsy.radiomics.kernels.compiled_counts`.
    steps : (13,) of DIRECTIONS. grey : (m,) grey levels, whole numbers.
    longest : voxels of the longest possible run.

    Returns
    -------
    runs : (1, 13, m, r) float64 by length 1…r.
    label : (n,) int32 number of each voxel's zone. zones, sizes : (1, m, c) float64 and (c,).
    alike, alike_sizes : the same by number of neighbours of equal level, plus one.
    neighbours : (n,) int64 neighbours inside the region. tones : (n,) float64 sums of their grey levels.
    """
    m = len(grey)
    half = len(steps)
    first = inside[0]
    last = inside[-1]
    size = last - first + 1
    after = np.zeros(size, np.uint16)
    before = np.zeros(size, np.uint16)
    zero = np.uint16(0)
    for low in range(0, size, CHUNK):
        high = min(size, low + CHUNK)
        own = field[first + low : first + high]
        bits_after = after[low:high]
        bits_before = before[low:high]
        for d in range(half):
            bit = np.uint16(1 << d)
            other = field[first + low + steps[d] : first + high + steps[d]]
            back = field[first + low - steps[d] : first + high - steps[d]]
            for p in range(high - low):
                bits_after[p] |= bit if other[p] == own[p] else zero
                bits_before[p] |= bit if back[p] == own[p] else zero

    neighbours, tones = _tone_sums(field, inside, steps, grey)
    runs = np.zeros((half, m, longest), np.int32)
    linked = np.zeros((half, m), np.int32)
    per_level = np.zeros(m, np.int32)
    alike = np.zeros((m, 2 * half + 1), np.int32)
    parent = np.empty(size, np.int32)
    found = 1
    full = _ALL - 1
    for n in range(len(inside)):
        at = inside[n] - first
        level = np.int64(field[inside[n]]) - 1
        back = np.int64(before[at])
        on = np.int64(after[at])
        per_level[level] += 1
        alike[level, BIT_COUNT[back] + BIT_COUNT[on]] += 1
        starts = on & ~back & full
        while starts:
            d = np.int64(LOWEST[starts])
            starts &= starts - 1
            step = steps[d]
            length = 2
            other = at + step
            while np.int64(after[other]) >> d & 1:
                other += step
                length += 1
            runs[d, level, length - 1] += 1
            linked[d, level] += length
            if length > found:
                found = length
        root = at
        links = np.int64(NEEDED[back])
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
    zone_rank = np.empty(len(inside), np.int32)
    zone_size = np.zeros(len(inside), np.int32)
    zones = 0
    for n in range(len(inside)):
        at = inside[n] - first
        if parent[at] == at:
            number = zones
            zone_rank[number] = field[inside[n]] - 1
            zones += 1
        else:
            number = parent[parent[at]]
        parent[at] = number
        label[n] = number
        zone_size[number] += 1

    run_counts = np.empty((1, half, m, found))
    for d in range(half):
        for i in range(m):
            run_counts[0, d, i, 0] = per_level[i] - linked[d, i]
            for j in range(1, found):
                run_counts[0, d, i, j] = runs[d, i, j]
    by_size, sizes = _zone_table(zone_rank, zone_size, zones, m)
    by_alike, alikes = _occurring(alike)
    return run_counts, label, by_size, sizes, by_alike, alikes, neighbours, tones


@jit()
def _tone_sums(field, inside, steps, grey):
    """As tone_sums of compiled_counts, by sums along one axis after the other.

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
