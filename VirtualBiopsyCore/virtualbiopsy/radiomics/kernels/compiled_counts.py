"""Compiled counting of texture matrices; see :mod:`virtualbiopsy.radiomics.kernels.compiled`.

Everywhere: ``field`` is the flattened box with margin, holding as uint16 the rank 1…m of a voxel's grey level
inside the region and 0 outside; ``inside`` (n,) int64 the positions of the region's voxels in it, ascending;
``steps`` (d,) int64 differences of such positions, one of each opposite pair, all positive.
"""

from __future__ import annotations

import numpy as np

from .jit import B1, F8, I4, I8, INT, U2, jit


@jit(INT, I8, I4)
def rank_field(size, inside, rank):
    """The field of ranks (n,) in a box of so many positions."""
    field = np.zeros(size, np.uint16)
    for n in range(len(inside)):
        field[inside[n]] = rank[n]
    return field


@jit(U2, I8, I8, I8, INT, INT)
def pair_counts(field, inside, steps, slice_of, slices, m):
    """(slices, d, m, m) float64 symmetric counts."""
    directions = len(steps)
    side = np.uint64(m + 1)
    square = (m + 1) * (m + 1)
    table = np.zeros(slices * directions * square, np.uint32)
    one = np.uint32(1)
    for d in range(directions):
        step = np.uint64(steps[d])
        if slices == 1:
            here = table[d * square : (d + 1) * square]
            for n in range(len(inside)):
                at = np.uint64(inside[n])
                here[np.uint64(field[at]) * side + np.uint64(field[at + step])] += one
        else:
            for n in range(len(inside)):
                at = np.uint64(inside[n])
                base = np.uint64((slice_of[n] * directions + d) * square)
                table[base + np.uint64(field[at]) * side + np.uint64(field[at + step])] += one
    counts = np.empty((slices, directions, m, m))
    row = 0
    for s in range(slices):
        for d in range(directions):
            for i in range(m):
                for j in range(m):
                    first = np.float64(table[row + (i + 1) * (m + 1) + j + 1])
                    counts[s, d, i, j] = first + np.float64(table[row + (j + 1) * (m + 1) + i + 1])
            row += square
    return counts


@jit(U2, I8, I8, I8, INT, INT, INT)
def run_counts(field, inside, steps, slice_of, slices, m, longest):
    """(slices, d, m, r) float64 runs by length 1…r, r the longest that occurs."""
    table = np.zeros((slices, len(steps), m, longest), np.int32)
    found = 1
    for n in range(len(inside)):
        at = inside[n]
        here = table[slice_of[n]]
        own = field[at]
        for d in range(len(steps)):
            step = steps[d]
            if field[at - step] == own:
                continue
            length = 1
            other = at + step
            while field[other] == own:
                length += 1
                other += step
            here[d, own - 1, length - 1] += 1
            found = max(found, length)
    counts = np.empty((slices, len(steps), m, found))
    for s in range(slices):
        for d in range(len(steps)):
            for i in range(m):
                for j in range(found):
                    counts[s, d, i, j] = table[s, d, i, j]
    return counts


@jit(U2, I8, I8)
def zone_labels(field, inside, steps):
    """(n,) int32 number of each voxel's zone; zones are numbered in the order of their first voxels."""
    parent = np.empty(len(field), np.int32)
    for n in range(len(inside)):
        at = inside[n]
        own = field[at]
        root = np.int32(at)
        parent[at] = at
        for d in range(len(steps)):
            other = at - steps[d]
            if field[other] != own:
                continue
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            if other < root:
                parent[root] = other
                root = np.int32(other)
            elif other > root:
                parent[other] = root
    label = np.empty(len(inside), np.int32)
    zones = 0
    for n in range(len(inside)):
        at = inside[n]
        root = parent[at]
        if root == at:
            label[n] = zones
            parent[at] = zones
            zones += 1
        else:
            label[n] = parent[root]
            parent[at] = parent[root]
    return label


@jit(U2, I8, I8, INT)
def alike_counts(field, inside, steps, alpha):
    """(n,) int64 neighbours whose number in the field differs by at most alpha."""
    counts = np.empty(len(inside), np.int64)
    for n in range(len(inside)):
        at = inside[n]
        own = field[at]
        count = 0
        if alpha == 0:
            for d in range(len(steps)):
                count += field[at + steps[d]] == own
                count += field[at - steps[d]] == own
        else:
            level = np.int64(own)
            for d in range(len(steps)):
                other = np.int64(field[at + steps[d]])
                count += other > 0 and abs(other - level) <= alpha
                other = np.int64(field[at - steps[d]])
                count += other > 0 and abs(other - level) <= alpha
        counts[n] = count
    return counts


@jit(F8, I8, I8)
def tone_sums(field, inside, steps):
    """(n,) float64 sum of the neighbours in a field of grey levels, 0 outside the region."""
    totals = np.empty(len(inside))
    for n in range(len(inside)):
        at = inside[n]
        total = 0.0
        for d in range(len(steps)):
            total += field[at + steps[d]]
        for d in range(len(steps)):
            total += field[at - steps[d]]
        totals[n] = total
    return totals


@jit(B1, I8, I8)
def neighbour_counts(field, inside, steps):
    """(n,) int64 neighbours inside the region; ``field``: whether a position is inside."""
    counts = np.empty(len(inside), np.int64)
    for n in range(len(inside)):
        at = inside[n]
        count = 0
        for d in range(len(steps)):
            count += field[at + steps[d]]
            count += field[at - steps[d]]
        counts[n] = count
    return counts


@jit(B1, I8, I8)
def paired_directions(field, inside, steps):
    """(d,) bool whether any two voxels are a step apart; ``field``: whether a position is inside."""
    found = np.zeros(len(steps), np.bool_)
    for d in range(len(steps)):
        for n in range(len(inside)):
            if field[inside[n] + steps[d]]:
                found[d] = True
                break
    return found
