"""Compiled features of unions; one union after the other.

Definitions in :mod:`virtualbiopsy.radiomics.coalitions.pair_features` and
:mod:`virtualbiopsy.radiomics.coalitions.order`; equal to them within 1e-12. Everywhere ``chosen``
is (c, K) int64: 1 where a union has a part, else 0.
"""

from __future__ import annotations

import math

import numpy as np

from ..kernels.jit import F8, F8X2, FLAG, I8, I8X2, INT, REAL, jit

GLCM = (
    "joint_maximum",
    "joint_average",
    "joint_variance",
    "joint_entropy",
    "difference_average",
    "difference_variance",
    "difference_entropy",
    "sum_average",
    "sum_variance",
    "sum_entropy",
    "angular_second_moment",
    "contrast",
    "dissimilarity",
    "inverse_difference",
    "normalised_inverse_difference",
    "inverse_difference_moment",
    "normalised_inverse_difference_moment",
    "inverse_variance",
    "correlation",
    "autocorrelation",
    "cluster_tendency",
    "cluster_shade",
    "cluster_prominence",
    "information_correlation_1",
    "information_correlation_2",
)
"""Columns of :func:`glcm`."""

STATISTICS = (
    "mean",
    "variance",
    "skewness",
    "kurtosis",
    "median",
    "minimum",
    "percentile_10",
    "percentile_90",
    "maximum",
    "interquartile_range",
    "range",
    "mean_absolute_deviation",
    "robust_mean_absolute_deviation",
    "median_absolute_deviation",
    "coefficient_of_variation",
    "quartile_coefficient_of_dispersion",
    "energy",
    "total_energy",
    "root_mean_square",
)
"""Columns of :func:`statistics`."""

BLOCK = 64
EPS = float(np.spacing(1.0))


@jit(I8, I8, I8, I8, I8, I8, I8, I8, INT, F8, I8X2, F8, F8, FLAG)
def glcm(
    first, second, begins, entry, count, start, low, high, levels, logs, chosen, shift, n_levels, epsilon
):
    """Features (c, 25) by GLCM, averaged over the directions that hold pairs; NaN without any.

    first, second : (t,) parts of each table. begins (t + 1,), entry, count : its counts, table after table.
    start, low, high : as in :class:`virtualbiopsy.radiomics.coalitions.pairs.PairTables`. levels : G.
    logs : table of c·log2(c). shift, n_levels : (c,). epsilon : profile "pyradiomics".
    """
    directions = (len(start) - 1) // 2
    bits = EPS / math.log(2.0) if epsilon else 0.0
    counts = np.zeros(len(low), np.int64)
    sums = np.zeros(2 * levels + 1, np.int64)
    gaps = np.zeros(levels, np.int64)
    marginal = np.zeros(levels + 1, np.int64)
    inverse = np.zeros(levels + 1)
    near = np.empty((levels, 5))
    out = np.empty((len(chosen), 25))
    mean = np.empty(25)
    for c in range(len(chosen)):
        for e in range(len(low)):
            counts[e] = 0
        for t in range(len(first)):
            if chosen[c, first[t]] and chosen[c, second[t]]:
                for k in range(begins[t], begins[t + 1]):
                    counts[entry[k]] += count[k]
        for k in range(levels):
            share = k / n_levels[c]
            near[k, 0] = 1.0 / (1.0 + k)
            near[k, 1] = 1.0 / (1.0 + share)
            near[k, 2] = 1.0 / (1.0 + k * k)
            near[k, 3] = 1.0 / (1.0 + share * share)
            near[k, 4] = 1.0 / (k * k) if k else 0.0
        for k in range(25):
            mean[k] = 0.0
        used = 0
        for d in range(directions):
            for k in range(2 * levels + 1):
                sums[k] = 0
            for k in range(levels):
                gaps[k] = 0
                marginal[k + 1] = 0
            middle = start[2 * d + 1]
            joint_logs = 0.0
            energy = 0.0
            maximum = 0
            filled = 0
            for e in range(start[2 * d], middle):
                m = counts[e]
                if m:
                    marginal[low[e]] += m
                    sums[2 * low[e]] += m // 2
                    gaps[0] += m // 2
                    joint_logs += logs[m]
                    energy += m * m
                    maximum = max(maximum, m)
                    filled += 1
            for e in range(middle, start[2 * d + 2]):
                m = counts[e]
                if m:
                    marginal[low[e]] += m
                    marginal[high[e]] += m
                    sums[low[e] + high[e]] += m
                    gaps[high[e] - low[e]] += m
                    joint_logs += 2 * logs[m]
                    energy += 2 * (m * m)
                    maximum = max(maximum, m)
                    filled += 2
            n = 0
            for k in range(levels):
                n += gaps[k]
            if n == 0:
                continue
            used += 1
            both = 2.0 * n
            level_logs = 0.0
            present = 0
            for k in range(1, levels + 1):
                if marginal[k]:
                    level_logs += logs[marginal[k]]
                    inverse[k] = 1.0 / marginal[k]
                    present += 1
            crossing = 0.0
            if epsilon:
                for e in range(start[2 * d], middle):
                    if counts[e]:
                        crossing += counts[e] * inverse[low[e]] * inverse[low[e]]
                for e in range(middle, start[2 * d + 2]):
                    if counts[e]:
                        crossing += 2 * (counts[e] * inverse[low[e]] * inverse[high[e]])
                crossing *= both
            average = 0.0
            sum_logs = 0.0
            sum_filled = 0
            for k in range(2 * levels + 1):
                if sums[k]:
                    average += k * sums[k]
                    sum_logs += logs[sums[k]]
                    sum_filled += 1
            average /= n
            tendency = 0.0
            shade = 0.0
            prominence = 0.0
            for k in range(2 * levels + 1):
                if sums[k]:
                    off = k - average
                    weighted = sums[k] * off * off
                    tendency += weighted
                    shade += weighted * off
                    prominence += weighted * off * off
            tendency /= n
            gap_mean = 0.0
            contrast = 0.0
            gap_logs = 0.0
            gap_filled = 0
            near_0 = 0.0
            near_1 = 0.0
            near_2 = 0.0
            near_3 = 0.0
            near_4 = 0.0
            for k in range(levels):
                if gaps[k]:
                    gap_mean += gaps[k] * k
                    contrast += gaps[k] * (k * k)
                    gap_logs += logs[gaps[k]]
                    gap_filled += 1
                    near_0 += gaps[k] * near[k, 0]
                    near_1 += gaps[k] * near[k, 1]
                    near_2 += gaps[k] * near[k, 2]
                    near_3 += gaps[k] * near[k, 3]
                    near_4 += gaps[k] * near[k, 4]
            gap_mean /= n
            contrast /= n
            gap_variance = 0.0
            for k in range(levels):
                gap_variance += gaps[k] * ((k - gap_mean) * (k - gap_mean))
            log_both = math.log2(both)
            log_n = math.log2(n)
            entropy = log_both - joint_logs / both - bits * filled
            hx = log_both - level_logs / both
            variance = (tendency + contrast) / 4
            total = average - 2 * shift[c]
            mean[0] += maximum / both
            mean[1] += average / 2 - shift[c]
            mean[2] += variance
            mean[3] += entropy
            mean[4] += gap_mean
            mean[5] += gap_variance / n
            mean[6] += log_n - gap_logs / n - bits * gap_filled
            mean[7] += total
            mean[8] += tendency
            mean[9] += log_n - sum_logs / n - bits * sum_filled
            mean[10] += energy / (both * both)
            mean[11] += contrast
            mean[12] += gap_mean
            mean[13] += near_0 / n
            mean[14] += near_1 / n
            mean[15] += near_2 / n
            mean[16] += near_3 / n
            mean[17] += near_4 / n
            mean[18] += 1.0 if present < 2 else (tendency - contrast) / 4 / variance
            mean[19] += (tendency + total * total - contrast) / 4
            mean[20] += tendency
            mean[21] += shade / n
            mean[22] += prominence / n
            if present > 1:
                mean[23] += (entropy - (2 * hx - bits * crossing)) / (hx - bits * present)
            gain = 1.0 - math.exp(-2.0 * (2 * hx - bits * (present * present) - entropy))
            mean[24] += math.sqrt(max(0.0, gain))
        for k in range(25):
            out[c, k] = mean[k] / used if used else math.nan
    return out


@jit()
def _place(values, value, right):
    """np.searchsorted for one value."""
    low = 0
    high = len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value or (right and values[middle] == value):
            low = middle + 1
        else:
            high = middle
    return low


@jit()
def _ranked(values, owner, before, member, held, parts, rank):
    """Order statistic of a union: the block by bisection, then voxel by voxel."""
    low = 0
    high = len(before) - 1
    while high - low > 1:
        middle = (low + high) // 2
        count = 0.0
        for k in range(held):
            count += before[middle, parts[k]]
        if count <= rank:
            low = middle
        else:
            high = middle
    count = 0.0
    for k in range(held):
        count += before[low, parts[k]]
    at = low * BLOCK
    while True:
        if member[owner[at]]:
            if count == rank:
                return values[at]
            count += 1
        at += 1


@jit()
def _below(values, owner, before, sums, member, held, parts, centre, place):
    """Number of members before a place, and sum of their values from the centre."""
    block = place // BLOCK
    count = 0.0
    total = 0.0
    for k in range(held):
        count += before[block, parts[k]]
        total += sums[block, parts[k]]
    for at in range(block * BLOCK, place):
        if member[owner[at]]:
            count += 1
            total += values[at] - centre
    return count, total


@jit(F8, I8, F8X2, F8X2, F8X2, REAL, I8X2, REAL, FLAG)
def statistics(values, owner, before, sums, table, centre, chosen, voxel_volume, pyradiomics):
    """Intensity statistics (c, 19) by STATISTICS.

    values, owner : (n,) sorted, and the part of each. before, sums : (blocks + 1, K) number of voxels of each
    part before each block of BLOCK values, and sums of their values from `centre`. table : (K, 10) size,
    mean, sums of the powers 1 to 4 of the deviations from it, energy, minimum, maximum, sum of each part.
    """
    unions, k_all = chosen.shape
    out = np.empty((unions, 19))
    parts = np.empty(k_all, np.int64)
    member = np.empty(k_all, np.bool_)
    shares = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    percentile = np.empty(5)
    for c in range(unions):
        held = 0
        for k in range(k_all):
            member[k] = chosen[c, k] > 0 and table[k, 0] > 0
            if member[k]:
                parts[held] = k
                held += 1
        size = 0.0
        total = 0.0
        energy = 0.0
        lowest = math.inf
        highest = -math.inf
        for h in range(held):
            k = parts[h]
            size += table[k, 0]
            total += table[k, 9]
            energy += table[k, 6]
            lowest = min(lowest, table[k, 7])
            highest = max(highest, table[k, 8])
        mean = total / size
        second = 0.0
        third = 0.0
        fourth = 0.0
        for h in range(held):
            k = parts[h]
            n = table[k, 0]
            gap = table[k, 1] - mean
            square = gap * gap
            second += table[k, 3] + 2 * gap * table[k, 2] + n * square
            third += table[k, 4] + gap * (3 * table[k, 3] + 3 * gap * table[k, 2] + n * square)
            fourth += table[k, 5] + gap * (
                4 * table[k, 4] + gap * (6 * table[k, 3] + 4 * gap * table[k, 2] + n * square)
            )
        variance = second / size
        for p in range(5):
            place = (size - 1) * shares[p]
            below = math.floor(place)
            above = min(below + 1, size - 1)
            one = _ranked(values, owner, before, member, held, parts, below)
            two = _ranked(values, owner, before, member, held, parts, above)
            rest = place - below
            step = two - one
            percentile[p] = one + step * rest if rest < 0.5 else two - step * (1 - rest)
        full, whole = _below(values, owner, before, sums, member, held, parts, centre, len(values))
        at = _place(values, mean, True)
        n, partial = _below(values, owner, before, sums, member, held, parts, centre, at)
        absolute = (mean - centre) * (2 * n - full) + whole - 2 * partial
        median = percentile[2]
        at = _place(values, median, True)
        n, partial = _below(values, owner, before, sums, member, held, parts, centre, at)
        from_median = (median - centre) * (2 * n - full) + whole - 2 * partial
        at = _place(values, percentile[0], False)
        n_low, low = _below(values, owner, before, sums, member, held, parts, centre, at)
        at = _place(values, percentile[4], True)
        n_high, high = _below(values, owner, before, sums, member, held, parts, centre, at)
        robust = math.nan
        if n_high > n_low:
            inner = (high - low) / (n_high - n_low)
            at = _place(values, inner + centre, True)
            n, partial = _below(values, owner, before, sums, member, held, parts, centre, at)
            robust = inner * (2 * n - n_low - n_high) + high + low - 2 * partial
            robust /= n_high - n_low
        out[c, 0] = mean
        out[c, 1] = variance
        out[c, 2] = third / size / variance**1.5
        out[c, 3] = fourth / size / (variance * variance) - (0 if pyradiomics else 3)
        out[c, 4] = median
        out[c, 5] = lowest
        out[c, 6] = percentile[0]
        out[c, 7] = percentile[4]
        out[c, 8] = highest
        out[c, 9] = percentile[3] - percentile[1]
        out[c, 10] = highest - lowest
        out[c, 11] = absolute / size
        out[c, 12] = robust
        out[c, 13] = from_median / size
        out[c, 14] = math.sqrt(variance) / mean if mean != 0 else math.nan
        both = percentile[3] + percentile[1]
        out[c, 15] = (percentile[3] - percentile[1]) / both if both != 0 else math.nan
        out[c, 16] = energy
        out[c, 17] = energy * voxel_volume
        out[c, 18] = math.sqrt(energy / size)
    return out
