"""Compiled features of size matrices and NGTDM; definitions in :mod:`virtualbiopsy.radiomics.sizes` and
:mod:`virtualbiopsy.radiomics.ngtdm`.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import F8, F8X3, FLAG, I4, I8, REAL, jit

EPS = float(np.spacing(1.0))
NAMES = (
    "small",
    "large",
    "low_grey",
    "high_grey",
    "small_low_grey",
    "small_high_grey",
    "large_low_grey",
    "large_high_grey",
    "grey_non_uniformity",
    "grey_non_uniformity_normalised",
    "size_non_uniformity",
    "size_non_uniformity_normalised",
    "percentage",
    "grey_variance",
    "size_variance",
    "entropy",
    "energy",
)
"""Entries of :func:`averages`."""

TONE_NAMES = ("coarseness", "contrast", "busyness", "complexity", "strength")
"""Entries of :func:`tone_features`."""


@jit(F8X3, F8, F8, F8, FLAG)
def averages(counts, grey, size, voxels, epsilon):
    """Features (17,) by NAMES, averaged over d matrices.

    ``counts`` (d, m, s), ``grey`` (m,) and ``size`` (s,) of its axes. ``voxels`` (d,): for the percentage.
    ``epsilon``: profile "pyradiomics".
    """
    depth, m, s = counts.shape
    out = np.zeros(17)
    by_size = np.empty(s)
    by_grey = np.empty(m)
    small = np.empty(s)
    large = np.empty(s)
    for j in range(s):
        large[j] = size[j] * size[j]
        small[j] = 1.0 / large[j]
    for d in range(depth):
        total = 0.0
        for j in range(s):
            by_size[j] = 0.0
        for i in range(m):
            row = 0.0
            for j in range(s):
                row += counts[d, i, j]
                by_size[j] += counts[d, i, j]
            by_grey[i] = row
            total += row
        joint = np.zeros(8)
        entropy = 0.0
        energy = 0.0
        for i in range(m):
            if by_grey[i] == 0:
                continue
            high = grey[i] * grey[i]
            low = 1.0 / high
            row_small = 0.0
            row_large = 0.0
            for j in range(s):
                c = counts[d, i, j]
                if c == 0:
                    continue
                row_small += c * small[j]
                row_large += c * large[j]
                p = c / total
                entropy -= p * (math.log2(p + EPS) if epsilon else math.log2(p))
                energy += p * p
            joint[0] += row_small
            joint[1] += row_large
            joint[2] += by_grey[i] * low
            joint[3] += by_grey[i] * high
            joint[4] += row_small * low
            joint[5] += row_small * high
            joint[6] += row_large * low
            joint[7] += row_large * high
        grey_mean = 0.0
        grey_square = 0.0
        for i in range(m):
            grey_mean += by_grey[i] / total * grey[i]
            grey_square += by_grey[i] * by_grey[i]
        size_mean = 0.0
        size_square = 0.0
        for j in range(s):
            size_mean += by_size[j] / total * size[j]
            size_square += by_size[j] * by_size[j]
        grey_variance = 0.0
        for i in range(m):
            grey_variance += by_grey[i] / total * (grey[i] - grey_mean) ** 2
        size_variance = 0.0
        for j in range(s):
            size_variance += by_size[j] / total * (size[j] - size_mean) ** 2
        for k in range(8):
            out[k] += joint[k] / total
        out[8] += grey_square / total
        out[9] += grey_square / (total * total)
        out[10] += size_square / total
        out[11] += size_square / (total * total)
        out[12] += total / voxels[d]
        out[13] += grey_variance
        out[14] += size_variance
        out[15] += entropy if total > 0 else np.nan
        out[16] += energy
    for k in range(17):
        out[k] /= depth
    return out


@jit(F8, F8, F8, REAL, REAL)
def tone_features(grey, p, s, voxels, limit):
    """Features (5,) by TONE_NAMES of a NGTDM without empty rows; ``limit``: coarseness if all are equal."""
    m = len(grey)
    own = 0.0
    total = 0.0
    for i in range(m):
        own += p[i] * s[i]
        total += s[i]
    contrast = 0.0
    weighted = 0.0
    complexity = 0.0
    strength = 0.0
    for i in range(m):
        for j in range(i):
            gap = grey[i] - grey[j]
            both = p[i] + p[j]
            contrast += p[i] * p[j] * (gap * gap)
            weighted += abs(grey[i] * p[i] - grey[j] * p[j])
            complexity += abs(gap) * (p[i] * s[i] + p[j] * s[j]) / both
            strength += both * (gap * gap)
    out = np.empty(5)
    out[0] = 1.0 / own if own > 0 else limit
    out[1] = 2 * contrast / (m * (m - 1)) * total / voxels if m > 1 else 0.0
    out[2] = 0.0
    if m > 1:
        out[2] = own / (2 * weighted) if weighted > 0 else np.nan
    out[3] = 2 * complexity / voxels
    out[4] = 2 * strength / total if total > 0 else 0.0
    return out


@jit(I4, F8, I8, F8, FLAG)
def tone_matrix(rank, grey, count, total, lone):
    """Rows of a NGTDM: (m,) int64 voxels that count, (m,) float64 sums of their differences.

    ``rank`` (n,) 1…m; ``count``, ``total`` (n,) neighbours and the sum of their grey levels; ``lone``: voxels
    without neighbours count, with a difference of zero.
    """
    voxels = np.zeros(len(grey), np.int64)
    sums = np.zeros(len(grey))
    for n in range(len(rank)):
        row = rank[n] - 1
        if count[n] > 0:
            voxels[row] += 1
            sums[row] += abs(grey[row] - total[n] / count[n])
        elif lone:
            voxels[row] += 1
    return voxels, sums
