"""Compiled counting of the cubes of a mask's surface, its diameters and moments of its voxels.

Definitions and sources in :mod:`virtualbiopsy.radiomics.mesh`, :mod:`virtualbiopsy.radiomics.diameters` and
:mod:`virtualbiopsy.radiomics.morphology`. Vertices of the surface have doubled coordinates here, so that they
are whole numbers: twice the index of a voxel in the mask with one voxel of margin, plus one along the axis
on which the vertex lies between two voxels.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import B3, F8, jit

FAR = 1 << 30


@jit()
def _padded(mask):
    depth, rows, columns = mask.shape
    padded = np.zeros((depth + 2, rows + 2, columns + 2), np.int8)
    for k in range(depth):
        for j in range(rows):
            for i in range(columns):
                padded[k + 1, j + 1, i + 1] = mask[k, j, i]
    return padded


@jit(B3)
def cube_counts(mask):
    """Cubes by number: (256,) float64 how many, (3, 256) float64 sums of their positions (k, j, i)."""
    padded = _padded(mask)
    depth, rows, columns = padded.shape
    count = np.zeros(256)
    position = np.zeros((3, 256))
    for k in range(depth - 1):
        for j in range(rows - 1):
            left = np.int64(0)
            for i in range(columns - 1):
                right = (
                    padded[k, j, i + 1] << 1
                    | padded[k, j + 1, i + 1] << 3
                    | padded[k + 1, j, i + 1] << 5
                    | padded[k + 1, j + 1, i + 1] << 7
                )
                number = left | right
                left = right >> 1
                if number != 0 and number != 255:
                    count[number] += 1
                    position[0, number] += k
                    position[1, number] += j
                    position[2, number] += i
    return count, position


@jit()
def _widen(low, high, a, b, x):
    low[a, b] = min(low[a, b], x)
    high[a, b] = max(high[a, b], x)


@jit()
def _line_ends(padded):
    """Ends of the lines of vertices along i, by doubled coordinates (k, j), and along j, by (k, i)."""
    depth, rows, columns = padded.shape
    low_i = np.empty((2 * depth, 2 * rows), np.int32)
    high_i = np.empty((2 * depth, 2 * rows), np.int32)
    low_j = np.empty((2 * depth, 2 * columns), np.int32)
    high_j = np.empty((2 * depth, 2 * columns), np.int32)
    for k in range(2 * depth):
        for j in range(2 * rows):
            low_i[k, j] = FAR
            high_i[k, j] = -FAR
        for i in range(2 * columns):
            low_j[k, i] = FAR
            high_j[k, i] = -FAR
    for k in range(depth - 1):
        for j in range(rows - 1):
            for i in range(columns - 1):
                own = padded[k, j, i]
                if own != padded[k + 1, j, i]:
                    _widen(low_i, high_i, 2 * k + 1, 2 * j, 2 * i)
                    _widen(low_j, high_j, 2 * k + 1, 2 * i, 2 * j)
                if own != padded[k, j + 1, i]:
                    _widen(low_i, high_i, 2 * k, 2 * j + 1, 2 * i)
                    _widen(low_j, high_j, 2 * k, 2 * i, 2 * j + 1)
                if own != padded[k, j, i + 1]:
                    _widen(low_i, high_i, 2 * k, 2 * j, 2 * i + 1)
                    _widen(low_j, high_j, 2 * k, 2 * i + 1, 2 * j)
    return low_i, high_i, low_j, high_j


@jit()
def _chain(place, value, n, sign, kept):
    """Lower (sign 1) or upper (-1) hull of n points with ascending place; indices into kept, their number."""
    size = 0
    for p in range(n):
        while size >= 2:
            a, b = kept[size - 2], kept[size - 1]
            turn = np.int64(place[b] - place[a]) * (value[p] - value[a])
            turn -= np.int64(value[b] - value[a]) * (place[p] - place[a])
            if sign * turn > 0:
                break
            size -= 1
        kept[size] = p
        size += 1
    return size


@jit()
def _plane_diameter(low, high, plane, across, along, hull_low, hull_high):
    """Squared diameter of the vertices of one plane; marks the lines whose ends are on its convex hull.

    low, high : ends of the lines of the plane. across, along : mm of half a voxel.
    """
    lines = low.shape[0]
    place = np.empty(lines, np.int64)
    first = np.empty(lines, np.int64)
    last = np.empty(lines, np.int64)
    n = 0
    for b in range(lines):
        if low[b, plane] < FAR:
            place[n] = b
            first[n] = low[b, plane]
            last[n] = high[b, plane]
            n += 1
    if n == 0:
        return 0.0
    kept = np.empty(lines, np.int64)
    x = np.empty(2 * n)
    y = np.empty(2 * n)
    points = 0
    size = _chain(place, first, n, 1, kept)
    for p in range(size):
        hull_low[place[kept[p]], plane] += 1
        x[points] = place[kept[p]] * across
        y[points] = first[kept[p]] * along
        points += 1
    size = _chain(place, last, n, -1, kept)
    for p in range(size):
        hull_high[place[kept[p]], plane] += 1
        x[points] = place[kept[p]] * across
        y[points] = last[kept[p]] * along
        points += 1
    best = 0.0
    for p in range(points):
        for q in range(p):
            best = max(best, (x[p] - x[q]) ** 2 + (y[p] - y[q]) ** 2)
    return best


@jit(B3, F8)
def diameters(mask, spacing):
    """(4,) largest distances of two vertices in mm: in space; in one slice; in one column; in one row.

    Only corners of the convex hull of a plane can be its farthest points; only corners of the hulls of both
    planes through it, slice and column, those of the whole.
    """
    padded = _padded(mask)
    half = np.empty(3)
    for axis in range(3):
        half[axis] = spacing[axis] / 2
    out = np.zeros(4)
    low, high, low_j, high_j = _line_ends(padded)
    row_low = np.zeros(low_j.shape, np.uint8)
    row_high = np.zeros(low_j.shape, np.uint8)
    best = 0.0
    for plane in range(low_j.shape[1]):
        best = max(best, _plane_diameter(low_j, high_j, plane, half[0], half[1], row_low, row_high))
    out[3] = math.sqrt(best)
    marks_low = np.zeros(low.shape, np.uint8)
    marks_high = np.zeros(low.shape, np.uint8)
    best = 0.0
    for plane in range(low.shape[1]):
        best = max(best, _plane_diameter(low, high, plane, half[0], half[2], marks_low, marks_high))
    out[2] = math.sqrt(best)
    low_t = np.empty((low.shape[1], low.shape[0]), np.int32)
    high_t = np.empty((low.shape[1], low.shape[0]), np.int32)
    for k in range(low.shape[0]):
        for j in range(low.shape[1]):
            low_t[j, k] = low[k, j]
            high_t[j, k] = high[k, j]
    slice_low = np.zeros(low_t.shape, np.uint8)
    slice_high = np.zeros(low_t.shape, np.uint8)
    best = 0.0
    for plane in range(low_t.shape[1]):
        best = max(best, _plane_diameter(low_t, high_t, plane, half[1], half[2], slice_low, slice_high))
    out[1] = math.sqrt(best)

    room = 2 * low.shape[0] * low.shape[1]
    points = np.empty((3, room))
    n = 0
    for k in range(low.shape[0]):
        for j in range(low.shape[1]):
            if marks_low[k, j] and slice_low[j, k]:
                i = low[k, j]
                if (low_j[k, i] == j and row_low[k, i]) or (high_j[k, i] == j and row_high[k, i]):
                    points[0, n] = k * half[0]
                    points[1, n] = j * half[1]
                    points[2, n] = i * half[2]
                    n += 1
            if marks_high[k, j] and slice_high[j, k]:
                i = high[k, j]
                if (low_j[k, i] == j and row_low[k, i]) or (high_j[k, i] == j and row_high[k, i]):
                    points[0, n] = k * half[0]
                    points[1, n] = j * half[1]
                    points[2, n] = i * half[2]
                    n += 1
    best = 0.0
    for p in range(n):
        x, y, z = points[0, p], points[1, p], points[2, p]
        for q in range(p):
            a = points[0, q] - x
            b = points[1, q] - y
            c = points[2, q] - z
            best = max(best, a * a + b * b + c * c)
    out[0] = math.sqrt(best)
    return out


@jit(B3)
def moments(mask):
    """(10,) int64 sums over the voxels: 1, k, j, i, kk, jj, ii, kj, ki, ji."""
    depth, rows, columns = mask.shape
    out = np.zeros(10, np.int64)
    for k in range(depth):
        for j in range(rows):
            count = 0
            first = 0
            second = 0
            for i in range(columns):
                if mask[k, j, i]:
                    count += 1
                    first += i
                    second += i * i
            out[0] += count
            out[1] += k * count
            out[2] += j * count
            out[3] += first
            out[4] += k * k * count
            out[5] += j * j * count
            out[6] += second
            out[7] += k * j * count
            out[8] += k * first
            out[9] += j * first
    return out


@jit(B3)
def bounding_box(mask):
    """(6,) int64 first and last index of the voxels along k, j and i; all -1 without any."""
    depth, rows, columns = mask.shape
    out = np.full(6, -1, np.int64)
    low, high = columns, -1
    top, bottom = rows, -1
    for k in range(depth):
        for j in range(rows):
            found = False
            for i in range(columns):
                found |= mask[k, j, i]
            if not found:
                continue
            if out[0] < 0:
                out[0] = k
            out[1] = k
            top = min(top, j)
            bottom = max(bottom, j)
            i = 0
            while i < low and not mask[k, j, i]:
                i += 1
            low = min(low, i)
            i = columns - 1
            while i > high and not mask[k, j, i]:
                i -= 1
            high = max(high, i)
    if out[0] >= 0:
        out[2] = top
        out[3] = bottom
        out[4] = low
        out[5] = high
    return out
