"""Compiled discretisation and statistics of the values of a region; definitions and sources in
:mod:`virtualbiopsy.radiomics.discretise` and :mod:`virtualbiopsy.radiomics.statistics`.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import F8, REAL, jit

NAMES = (
    "mean",
    "variance",
    "skewness",
    "kurtosis",
    "median",
    "minimum",
    "percentile_10",
    "percentile_25",
    "percentile_75",
    "percentile_90",
    "maximum",
    "mean_absolute_deviation",
    "robust_mean_absolute_deviation",
    "median_absolute_deviation",
    "energy",
)
"""Entries of :func:`moments`; kurtosis not reduced by 3."""


@jit()
def _select(values, low, high, k):
    """Bring the k-th smallest of values[low:high + 1] to its place, smaller ones before it (quickselect)."""
    while high > low:
        middle = (low + high) >> 1
        if values[middle] < values[low]:
            values[middle], values[low] = values[low], values[middle]
        if values[high] < values[low]:
            values[high], values[low] = values[low], values[high]
        if values[high] < values[middle]:
            values[high], values[middle] = values[middle], values[high]
        pivot = values[middle]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return


BUCKETS = 1024


@jit()
def _order_statistics(values, low, high, wanted):
    """The wanted[q]-th smallest of the values, which lie in [low, high]; wanted ascends.

    The values are dealt into buckets of equal width; only buckets that hold a wanted one are searched.
    """
    n = len(values)
    found = np.empty(len(wanted))
    scale = (BUCKETS - 1) / (high - low) if high > low else 0.0
    if not math.isfinite(scale):
        scale = 0.0
    counts = np.zeros(BUCKETS + 1, np.int64)
    bucket = np.empty(n, np.int16)
    for v in range(n):
        b = int((values[v] - low) * scale)
        bucket[v] = b
        counts[b + 1] += 1
    for b in range(BUCKETS):
        counts[b + 1] += counts[b]
    slot = np.full(BUCKETS, -1, np.int64)
    room = 0
    b = 0
    for q in range(len(wanted)):
        while counts[b + 1] <= wanted[q]:
            b += 1
        if slot[b] < 0:
            slot[b] = room
            room += counts[b + 1] - counts[b]
    kept = np.empty(room)
    filled = np.empty(BUCKETS, np.int64)
    for b in range(BUCKETS):
        filled[b] = slot[b]
    for v in range(n):
        b = bucket[v]
        if slot[b] >= 0:
            kept[filled[b]] = values[v]
            filled[b] += 1
    b = 0
    for q in range(len(wanted)):
        while counts[b + 1] <= wanted[q]:
            b += 1
        k = slot[b] + wanted[q] - counts[b]
        _select(kept, slot[b], filled[b] - 1, k)
        found[q] = kept[k]
    return found


@jit(F8, F8)
def percentiles(values, shares):
    """Percentiles (q,) at ascending shares of 0…1, linear between order statistics as numpy.percentile."""
    n = len(values)
    low = values[0]
    high = values[0]
    for v in range(n):
        low = min(low, values[v])
        high = max(high, values[v])
    count = 2 * len(shares)
    wanted = np.empty(count, np.int64)
    place = np.empty(count, np.int64)
    for q in range(len(shares)):
        below = min(int(math.floor(shares[q] * (n - 1))), n - 1)
        for side in range(2):
            number = min(below + side, n - 1)
            at = 2 * q + side
            while at > 0 and wanted[at - 1] > number:
                wanted[at] = wanted[at - 1]
                place[at] = place[at - 1]
                at -= 1
            wanted[at] = number
            place[at] = 2 * q + side
    ordered = _order_statistics(values, low, high, wanted)
    found = np.empty(count)
    for at in range(count):
        found[place[at]] = ordered[at]
    out = np.empty(len(shares))
    for q in range(len(shares)):
        first = found[2 * q]
        second = found[2 * q + 1]
        share = shares[q] * (n - 1)
        t = share - math.floor(share)
        if t >= 0.5:
            out[q] = second - (second - first) * (1 - t)
        else:
            out[q] = first + (second - first) * t
    return out


@jit(F8)
def moments(values):
    """Statistics (15,) by NAMES of the values of a region."""
    n = len(values)
    low = values[0]
    high = values[0]
    total = 0.0
    energy = 0.0
    for v in range(n):
        x = values[v]
        low = min(low, x)
        high = max(high, x)
        total += x
        energy += x * x
    mean = total / n
    shares = np.empty(5)
    shares[0], shares[1], shares[2], shares[3], shares[4] = 0.1, 0.25, 0.5, 0.75, 0.9
    p = percentiles(values, shares)
    left = 0.0
    squares = 0.0
    cubes = 0.0
    fourths = 0.0
    absolute = 0.0
    from_median = 0.0
    rest = 0.0
    kept = 0
    for v in range(n):
        x = values[v]
        off = x - mean
        square = off * off
        left += off
        squares += square
        cubes += square * off
        fourths += square * square
        absolute += abs(off)
        from_median += abs(x - p[2])
        if p[0] <= x <= p[4]:
            rest += off
            kept += 1
    # The mean above carries the rounding of a long sum; what is left of it shows in the deviations.
    shift = left / n
    mean += shift
    fourths += shift * (6 * shift * squares - 4 * cubes)
    cubes -= 3 * shift * squares
    squares -= shift * left
    variance = squares / n
    robust = 0.0
    centre = mean - shift + rest / kept if kept else 0.0
    for v in range(n):
        if p[0] <= values[v] <= p[4]:
            robust += abs(values[v] - centre)
    out = np.empty(15)
    out[0] = mean
    out[1] = variance
    out[2] = (cubes / n) / variance**1.5 if variance > 0 else np.nan
    out[3] = (fourths / n) / variance**2 if variance > 0 else np.nan
    out[4] = p[2]
    out[5] = low
    out[6] = p[0]
    out[7] = p[1]
    out[8] = p[3]
    out[9] = p[4]
    out[10] = high
    out[11] = absolute / n
    out[12] = robust / kept if kept else np.nan
    out[13] = from_median / n
    out[14] = energy
    return out


@jit(F8, F8, REAL, REAL)
def levels_between(values, edges, start, width):
    """(n,) int32 number of edges at or below each value, as numpy.searchsorted(edges, values, "right").

    ``edges`` are about ``start + width · 0, 1, …``: the search begins there.
    """
    out = np.empty(len(values), np.int32)
    last = len(edges)
    for v in range(len(values)):
        x = values[v]
        at = int(min(max((x - start) / width + 1, 0.0), last)) if width > 0 else 0
        while at < last and edges[at] <= x:
            at += 1
        while at > 0 and edges[at - 1] > x:
            at -= 1
        out[v] = at
    return out
