"""Compiled features of co-occurrence matrices; definitions in :mod:`virtualbiopsy.radiomics.glcm`.

Everywhere: ``counts`` (d, m, m) float64 symmetric, none of the matrices empty; ``grey`` (m,) float64 the
whole-numbered grey levels of their rows, ascending.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import F8, F8X2, F8X3, FLAG, INT, jit

EPS = float(np.spacing(1.0))
NAMES = (
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
"""Entries of :func:`averages`: all features but the maximal correlation coefficient."""


@jit(F8X3, F8, FLAG)
def tables(counts, grey, epsilon):
    """The arrays of :class:`~virtualbiopsy.radiomics.glcm.GlcmTables`.

    Returns
    -------
    marginal (d, m), p_sum (d, 2 G + 1), p_diff (d, G), scalars (d, 5): maximum, energy, entropy, product and
    crossing. ``epsilon``: profile "pyradiomics".
    """
    depth, m, _ = counts.shape
    high = int(grey[m - 1])
    marginal = np.zeros((depth, m))
    p_sum = np.zeros((depth, 2 * high + 1))
    p_diff = np.zeros((depth, high))
    scalars = np.zeros((depth, 5))
    level = np.empty(m, np.int64)
    inverse = np.empty(m)
    for i in range(m):
        level[i] = int(grey[i])
    for d in range(depth):
        whole = 0.0
        for i in range(m):
            row = 0.0
            for j in range(m):
                row += counts[d, i, j]
            marginal[d, i] = row
            whole += row
        for i in range(m):
            marginal[d, i] /= whole
            inverse[i] = 1.0 / marginal[d, i] if marginal[d, i] > 0 else 0.0
        maximum = 0.0
        energy = 0.0
        entropy = 0.0
        product = 0.0
        crossing = 0.0
        for i in range(m):
            for j in range(i + 1):
                c = counts[d, i, j]
                if c == 0:
                    continue
                p = c / whole
                both = p if i == j else 2 * p
                p_sum[d, level[i] + level[j]] += both
                p_diff[d, level[i] - level[j]] += both
                maximum = max(maximum, p)
                energy += both * p
                entropy -= both * (math.log2(p + EPS) if epsilon else math.log2(p))
                product += both * (grey[i] * grey[j])
                crossing += both * (inverse[i] * inverse[j])
        scalars[d, 0] = maximum
        scalars[d, 1] = energy
        scalars[d, 2] = entropy
        scalars[d, 3] = product
        scalars[d, 4] = crossing
    return marginal, p_sum, p_diff, scalars


@jit(F8X2, F8X2, F8X2, F8X2, F8, INT, FLAG)
def averages(marginals, p_sums, p_diffs, scalars, grey, n_levels, epsilon):
    """Features (25,) by NAMES of :func:`tables`, averaged over the d matrices."""
    depth, m = marginals.shape
    mean_of_all = np.zeros(25)
    out = np.empty(25)
    bits = EPS / math.log(2.0)
    near = np.empty((p_diffs.shape[1], 4))
    for k in range(len(near)):
        near[k, 0] = 1 / (1.0 + k)
        near[k, 1] = 1 / (1.0 + k / n_levels)
        near[k, 2] = 1 / (1.0 + k * k)
        near[k, 3] = 1 / (1.0 + (k * k) / (n_levels * n_levels))
    for d in range(depth):
        mean = 0.0
        for i in range(m):
            mean += marginals[d, i] * grey[i]
        variance = 0.0
        hx = 0.0
        exact = 0.0
        filled = 0.0
        for i in range(m):
            p = marginals[d, i]
            if p > 0:
                variance += p * (grey[i] - mean) ** 2
                exact -= p * math.log2(p)
                if epsilon:
                    hx -= p * math.log2(p + EPS)
                filled += 1
        if epsilon:
            hxy1 = 2 * exact - bits * scalars[d, 4]
            hxy2 = 2 * exact - bits * (filled * filled)
        else:
            hx = exact
            hxy1 = 2 * exact
            hxy2 = 2 * exact
        sum_average = 0.0
        for k in range(p_sums.shape[1]):
            sum_average += p_sums[d, k] * k
        tendency = 0.0
        shade = 0.0
        prominence = 0.0
        sum_entropy = 0.0
        for k in range(p_sums.shape[1]):
            p = p_sums[d, k]
            if p > 0:
                off = k - sum_average
                square = off * off
                tendency += p * square
                shade += p * (square * off)
                prominence += p * (square * square)
                sum_entropy -= p * (math.log2(p + EPS) if epsilon else math.log2(p))
        diff_average = 0.0
        for k in range(p_diffs.shape[1]):
            diff_average += p_diffs[d, k] * k
        diff_variance = 0.0
        diff_entropy = 0.0
        contrast = 0.0
        inverse = 0.0
        inverse_n = 0.0
        moment = 0.0
        moment_n = 0.0
        inverse_variance = 0.0
        for k in range(p_diffs.shape[1]):
            p = p_diffs[d, k]
            if p > 0:
                diff_variance += p * (k - diff_average) ** 2
                diff_entropy -= p * (math.log2(p + EPS) if epsilon else math.log2(p))
                contrast += p * (k * k)
                inverse += p * near[k, 0]
                inverse_n += p * near[k, 1]
                moment += p * near[k, 2]
                moment_n += p * near[k, 3]
                if k:
                    inverse_variance += p / (k * k)
        entropy = scalars[d, 2]
        out[0] = scalars[d, 0]
        out[1] = mean
        out[2] = variance
        out[3] = entropy
        out[4] = diff_average
        out[5] = diff_variance
        out[6] = diff_entropy
        out[7] = sum_average
        out[8] = tendency
        out[9] = sum_entropy
        out[10] = scalars[d, 1]
        out[11] = contrast
        out[12] = diff_average
        out[13] = inverse
        out[14] = inverse_n
        out[15] = moment
        out[16] = moment_n
        out[17] = inverse_variance
        out[18] = 1.0 if variance <= EPS else (scalars[d, 3] - mean * mean) / variance
        out[19] = scalars[d, 3]
        out[20] = tendency
        out[21] = shade
        out[22] = prominence
        out[23] = 0.0 if hx <= EPS else (entropy - hxy1) / hx
        out[24] = math.sqrt(max(0.0, 1.0 - math.exp(-2.0 * (hxy2 - entropy))))
        for k in range(25):
            mean_of_all[k] += out[k]
    for k in range(25):
        mean_of_all[k] /= depth
    return mean_of_all


@jit()
def _tridiagonal(a, main, squares):
    """Householder reduction of a symmetric matrix (destroyed); diagonal and squares of what is beside it.

    Source: Golub & Van Loan, Matrix Computations, algorithm 8.3.1.
    """
    n = len(a)
    v = np.empty(n)
    w = np.empty(n)
    for k in range(n - 2):
        main[k] = a[k, k]
        square = 0.0
        for i in range(k + 2, n):
            square += a[k, i] * a[k, i]
        first = a[k, k + 1]
        total = square + first * first
        squares[k] = total
        if square == 0.0:
            continue
        norm = math.sqrt(total)
        for i in range(k + 1, n):
            v[i] = a[k, i]
        v[k + 1] = first + (norm if first >= 0 else -norm)
        factor = 2.0 / (square + v[k + 1] * v[k + 1])
        for i in range(k + 1, n):
            w[i] = 0.0
        for j in range(k + 1, n):
            share = factor * v[j]
            for i in range(k + 1, n):
                w[i] += share * a[j, i]
        dot = 0.0
        for i in range(k + 1, n):
            dot += v[i] * w[i]
        dot *= 0.5 * factor
        for i in range(k + 1, n):
            w[i] -= dot * v[i]
        for j in range(k + 1, n):
            x = v[j]
            y = w[j]
            for i in range(k + 1, n):
                a[j, i] -= x * w[i] + y * v[i]
    main[n - 2] = a[n - 2, n - 2]
    main[n - 1] = a[n - 1, n - 1]
    squares[n - 2] = a[n - 2, n - 1] * a[n - 2, n - 1]


@jit()
def _largest(main, squares):
    """Largest eigenvalue of a tridiagonal matrix, given its diagonal and the squares beside it.

    Laguerre's iteration on the characteristic polynomial: from above all roots, which lie within [-1, 1], it
    descends to the largest, cubically. The logarithmic derivatives come from the pivots q of the matrix
    minus x.
    """
    n = len(main)
    x = 1.0 + 1e-9
    for _ in range(200):
        q = main[0] - x
        if q >= 0:
            break
        first = -1.0 / q
        second = 0.0
        total = first
        second_total = first * first
        for i in range(1, n):
            ratio = squares[i - 1] / q
            q = main[i] - x - ratio
            if q >= 0:
                break
            inverse = 1.0 / q
            second = ratio * (second - 2 * first * first) * inverse
            first = (ratio * first - 1.0) * inverse
            total += first
            second_total += first * first - second
        if q >= 0:
            break
        step = n / (total + math.sqrt(max(0.0, (n - 1) * (n * second_total - total * total))))
        if x - step == x or step < 1e-16:
            break
        x -= step
    return x


@jit(F8X3)
def second_eigenvalues(counts):
    """Second eigenvalues as in :mod:`virtualbiopsy.radiomics.eigen`.

    The largest eigenvalue of S, 1, belongs to the square roots of the row sums and is taken out; of the rest
    the largest in magnitude is found from the tridiagonal matrix.

    Returns
    -------
    (d,) the eigenvalues with their signs. (d,) Σᵢ Sᵢ² / pᵢ² with Sᵢ the length of row i of S and p the row
    sums of the normalised matrix.
    """
    depth, m, _ = counts.shape
    values = np.ones(depth)
    spread = np.zeros(depth)
    if m < 2:
        return values, spread
    used = np.empty(m, np.int64)
    rows = np.empty(m)
    root = np.empty(m)
    for d in range(depth):
        size = 0
        whole = 0.0
        for i in range(m):
            row = 0.0
            for j in range(m):
                row += counts[d, i, j]
            if row > 0:
                used[size] = i
                rows[size] = row
                root[size] = math.sqrt(row)
                size += 1
                whole += row
        a = np.empty((size, size))
        for i in range(size):
            length = 0.0
            for j in range(size):
                entry = counts[d, used[i], used[j]] / (root[i] * root[j])
                length += entry * entry
                a[i, j] = entry - root[i] * root[j] / whole
            share = rows[i] / whole
            spread[d] += length / (share * share)
        if size < 2:
            values[d] = 0.0
            continue
        main = np.empty(size)
        squares = np.empty(size - 1)
        _tridiagonal(a, main, squares)
        top = _largest(main, squares)
        for i in range(size):
            main[i] = -main[i]
        bottom = _largest(main, squares)
        values[d] = max(top, 0.0) if top >= bottom else -bottom
    return values, spread
