"""Compiled maps: GLCM features, intensity statistics, entropy and uniformity; one voxel after the other.

Definitions in :mod:`virtualbiopsy.radiomics.maps.cooccurrence` and
:mod:`virtualbiopsy.radiomics.maps.intensity`; equal to them within 1e-12. Everywhere: ``field`` is the
flattened box with the kernel's margin, ``positions`` (v,) the centres in it, ``steps`` (n,) from a centre to
the voxels of its kernel.
"""

from __future__ import annotations

import math

import numpy as np

from ..kernels.jit import B1, F8, FLAG, I8, INT, REAL, U2, jit

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

HISTOGRAM = ("entropy", "uniformity")
"""Columns of :func:`histogram`."""

ROUNDING = 1e-12


@jit(U2, I8, I8, I8, I8, I8, B1, INT, FLAG)
def glcm(field, positions, steps, first, second, starts, occupied, n_levels, quirk):
    """Features (v, 25) by GLCM, averaged over the directions that hold pairs; NaN without any.

    first, second : numbers of neighbours in the kernel, direction after direction; starts (d + 1,) where the
    directions begin. occupied : (d,) directions to look at. quirk : no joint average where one of them is
    empty.
    """
    size = len(steps)
    longest = 0
    for d in range(len(starts) - 1):
        longest = max(longest, starts[d + 1] - starts[d])
    log_steps = np.zeros(2 * longest + 2)
    for c in range(1, len(log_steps)):
        below = (c - 1) * math.log2(c - 1) if c > 1 else 0.0
        log_steps[c] = c * math.log2(c) - below
    joint_steps = np.zeros((2, longest + 1))
    logs = np.zeros(longest + 1)
    for c in range(1, longest + 1):
        logs[c] = math.log2(c)
        joint_steps[0, c] = 2 * log_steps[c]
        joint_steps[1, c] = log_steps[2 * c] + log_steps[2 * c - 1]
    near = np.empty((n_levels, 7))
    for k in range(n_levels):
        near[k, 0] = 1.0 / (1.0 + k)
        near[k, 1] = 1.0 / (1.0 + k / n_levels)
        near[k, 2] = 1.0 / (1.0 + k * k)
        near[k, 3] = 1.0 / (1.0 + (k * k) / (n_levels * n_levels))
        near[k, 4] = 1.0 / (k * k) if k else 0.0
        near[k, 5] = k
        near[k, 6] = k * k
    side = n_levels + 1
    wide = np.uint64(side)  # unsigned indices are not checked for being negative
    joint = np.zeros(side * side, np.int32)
    gaps = np.zeros(side, np.int32)
    totals = np.zeros(2 * side, np.int32)
    marginal = np.zeros(side, np.int32)
    level = np.empty(size, np.int64)
    low = np.empty(longest, np.uint64)
    high = np.empty(longest, np.uint64)
    out = np.empty((len(positions), 25))
    mean = np.empty(25)
    for v in range(len(positions)):
        for k in range(size):
            level[k] = field[positions[v] + steps[k]]
        for k in range(25):
            mean[k] = 0.0
        used = 0
        lacking = False
        for d in range(len(starts) - 1):
            if not occupied[d]:
                continue
            n = 0
            total = 0
            gap_total = 0.0
            square = 0.0
            product = 0
            joint_logs = 0.0
            energy = 0
            maximum = 0
            gap_logs = 0.0
            total_logs = 0.0
            marginal_logs = 0.0
            inverse = 0.0
            inverse_n = 0.0
            moment = 0.0
            moment_n = 0.0
            inverse_variance = 0.0
            for t in range(starts[d], starts[d + 1]):
                a = level[np.uint64(first[t])]
                b = level[np.uint64(second[t])]
                if a == 0 or b == 0:
                    continue
                one = np.uint64(min(a, b))
                two = np.uint64(max(a, b))
                gap = two - one
                both_levels = one + two
                low[n] = one
                high[n] = two
                n += 1
                code = one * wide + two
                turn = joint[code] + 1
                joint[code] = turn
                same = int(a == b)
                joint_logs += joint_steps[same, np.uint64(turn)]
                energy += (2 * turn - 1) << (1 + same)
                maximum = max(maximum, turn << same)
                turn = gaps[gap] + 1
                gaps[gap] = turn
                gap_logs += log_steps[np.uint64(turn)]
                turn = totals[both_levels] + 1
                totals[both_levels] = turn
                total_logs += log_steps[np.uint64(turn)]
                turn = marginal[one] + 1
                marginal[one] = turn
                marginal_logs += log_steps[np.uint64(turn)]
                turn = marginal[two] + 1
                marginal[two] = turn
                marginal_logs += log_steps[np.uint64(turn)]
                total += a + b
                product += a * b
                gap_total += near[gap, 5]
                square += near[gap, 6]
                inverse += near[gap, 0]
                inverse_n += near[gap, 1]
                moment += near[gap, 2]
                moment_n += near[gap, 3]
                inverse_variance += near[gap, 4]
            if n == 0:
                lacking = True
                continue
            used += 1
            average = total / n
            tendency = 0.0
            shade = 0.0
            prominence = 0.0
            flat = True
            for t in range(n):
                one = low[t]
                two = high[t]
                joint[one * wide + two] = 0
                gaps[two - one] = 0
                totals[one + two] = 0
                marginal[one] = 0
                marginal[two] = 0
                flat = flat and one == low[0] and two == one
                off = float(one + two) - average
                tendency += off * off
                shade += off * off * off
                prominence += (off * off) * (off * off)
            tendency /= n
            contrast = square / n
            gap_mean = gap_total / n
            both = 2.0 * n
            entropy = 1.0 + logs[n] - joint_logs / both
            level_entropy = 1.0 + logs[n] - marginal_logs / both
            shared = 2 * level_entropy - entropy
            if shared < ROUNDING:
                shared = 0.0
            variance = (tendency + contrast) / 4
            mean[0] += maximum / both
            mean[1] += average / 2
            mean[2] += variance
            mean[3] += entropy
            mean[4] += gap_mean
            mean[5] += max(contrast - gap_mean * gap_mean, 0.0)
            mean[6] += logs[n] - gap_logs / n
            mean[7] += average
            mean[8] += tendency
            mean[9] += logs[n] - total_logs / n
            mean[10] += energy / (both * both)
            mean[11] += contrast
            mean[12] += gap_mean
            mean[13] += inverse / n
            mean[14] += inverse_n / n
            mean[15] += moment / n
            mean[16] += moment_n / n
            mean[17] += inverse_variance / n
            mean[18] += 1.0 if flat else (tendency - contrast) / 4 / variance
            mean[19] += product / n
            mean[20] += tendency
            mean[21] += shade / n
            mean[22] += prominence / n
            mean[23] += 0.0 if flat else -shared / level_entropy
            mean[24] += math.sqrt(1.0 - math.exp(-2.0 * shared))
        for k in range(25):
            out[v, k] = mean[k] / used if used else math.nan
        if lacking and quirk:
            out[v, 1] = math.nan
    return out


@jit()
def _sort(x, n):
    for i in range(1, n):
        value = x[i]
        j = i - 1
        while j >= 0 and x[j] > value:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = value


@jit()
def _percentile(x, n, share):
    place = (n - 1) * share
    below = int(place)
    above = min(below + 1, n - 1)
    rest = place - below
    step = x[above] - x[below]
    if rest < 0.5:
        return x[below] + step * rest
    return x[above] - step * (1 - rest)


@jit(F8, I8, I8, REAL, FLAG)
def statistics(field, positions, steps, voxel_volume, pyradiomics):
    """Intensity statistics (v, 19) by STATISTICS; ``field`` is NaN outside the region."""
    size = len(steps)
    x = np.empty(size)
    out = np.empty((len(positions), 19))
    for v in range(len(positions)):
        n = 0
        for k in range(size):
            value = field[positions[v] + steps[k]]
            if not math.isnan(value):
                x[n] = value
                n += 1
        if n <= 64:
            _sort(x, n)
        else:
            x[:n] = np.sort(x[:n])
        total = 0.0
        energy = 0.0
        for k in range(n):
            total += x[k]
            energy += x[k] * x[k]
        mean = total / n
        second = 0.0
        third = 0.0
        fourth = 0.0
        absolute = 0.0
        median = _percentile(x, n, 0.5)
        from_median = 0.0
        for k in range(n):
            off = x[k] - mean
            square = off * off
            second += square
            third += square * off
            fourth += square * square
            absolute += abs(off)
            from_median += abs(x[k] - median)
        flat = x[0] == x[n - 1]
        variance = 0.0 if flat else second / n
        p10 = _percentile(x, n, 0.1)
        p25 = _percentile(x, n, 0.25)
        p75 = _percentile(x, n, 0.75)
        p90 = _percentile(x, n, 0.9)
        kept = 0
        kept_total = 0.0
        for k in range(n):
            if p10 <= x[k] <= p90:
                kept += 1
                kept_total += x[k]
        robust = 0.0
        for k in range(n):
            if p10 <= x[k] <= p90:
                robust += abs(x[k] - kept_total / kept)
        undefined = 0.0 if pyradiomics else math.nan
        out[v, 0] = mean
        out[v, 1] = variance
        out[v, 2] = undefined if flat else third / n / variance**1.5
        out[v, 3] = undefined if flat else fourth / n / (variance * variance)
        if not pyradiomics:
            out[v, 3] -= 3
        out[v, 4] = median
        out[v, 5] = x[0]
        out[v, 6] = p10
        out[v, 7] = p90
        out[v, 8] = x[n - 1]
        out[v, 9] = p75 - p25
        out[v, 10] = x[n - 1] - x[0]
        out[v, 11] = absolute / n
        out[v, 12] = robust / kept if kept else math.nan
        out[v, 13] = from_median / n
        out[v, 14] = math.sqrt(variance) / mean if mean != 0 else math.nan
        out[v, 15] = (p75 - p25) / (p75 + p25) if p75 + p25 != 0 else math.nan
        out[v, 16] = energy
        out[v, 17] = energy * voxel_volume
        out[v, 18] = math.sqrt(energy / n)
    return out


@jit(U2, I8, I8, INT)
def histogram(field, positions, steps, n_levels):
    """Entropy and uniformity (v, 2) of the grey levels."""
    size = len(steps)
    log_steps = np.zeros(size + 1)
    for c in range(1, size + 1):
        below = (c - 1) * math.log2(c - 1) if c > 1 else 0.0
        log_steps[c] = c * math.log2(c) - below
    counts = np.zeros(n_levels + 1, np.int32)
    out = np.empty((len(positions), 2))
    for v in range(len(positions)):
        n = 0
        logs = 0.0
        squares = 0
        for k in range(size):
            level = field[positions[v] + steps[k]]
            if level > 0:
                n += 1
                counts[level] += 1
                logs += log_steps[counts[level]]
                squares += 2 * counts[level] - 1
        for k in range(size):
            counts[field[positions[v] + steps[k]]] = 0
        out[v, 0] = math.log2(n) - logs / n
        out[v, 1] = squares / (n * n)
    return out
