"""Level 1, the voxel ledger: each feature's exact shares, and the log-odds that they carry."""

from __future__ import annotations

import numpy as np

from ..radiomics.keys import FeatureKey
from .decompositions import EXACT, GLCM, HISTOGRAM, STATISTICS, Sample
from .workspace import CodedPairs, Workspace

TOLERANCE = 1e-9
"""Shares whose sum differs more than this (relative) from the engine's value are not shown."""

SPREAD = 0.05
"""Below this distance from the reference, in standard deviations of the background, φ is spread evenly."""


def has_exact_shares(key: FeatureKey) -> bool:
    """Whether the registry holds an exact decomposition of this feature."""
    return key.image == "original" and key.name in EXACT.get(key.family, ())


def shares(key: FeatureKey, value: float, workspace: Workspace) -> np.ndarray | None:
    """Return c(v) of the region's voxels (n,), order of np.flatnonzero of the region, with Σ c(v) = value.

    None if the feature has no exact decomposition, its image is not there, or its shares do not add up to
    `value` (which is the engine's) within :data:`TOLERANCE`.
    """
    if not has_exact_shares(key) or key.sequence not in workspace.images:
        return None
    where = (key.sequence, key.region)
    if key.family == "statistics":
        found = STATISTICS[key.name](Sample(workspace.values(*where), value, key.profile))
    elif key.family == "histogram":
        levels, _ = workspace.levels(*where, key.discretisation, key.profile)
        found = HISTOGRAM[key.name](Sample(levels.astype(np.float64), value, key.profile))
    else:
        coded = workspace.coded_pairs(*where, key.discretisation, key.profile, key.aggregation == "3d_merged")
        if coded is None:
            return None
        found = pair_shares(coded, GLCM[key.name](coded.terms), workspace.count(key.region))
    total = float(found.sum())
    if not abs(total - value) <= TOLERANCE * max(1.0, abs(value), float(np.abs(found).sum())):
        return None
    return found


def pair_shares(coded: CodedPairs, table: np.ndarray, voxels: int) -> np.ndarray:
    """Give half of h(i, j) / pairs of each neighbouring pair to each of its two voxels.

    Parameters
    ----------
    table : h, (m, m) or (d, m, m); made symmetric, as the matrices are.

    Returns
    -------
    (voxels,) shares that add up to the mean over the matrices of Σ p(i, j) h(i, j).
    """
    table = np.broadcast_to(table, coded.terms.p.shape)
    half = (0.25 * coded.share)[:, None, None] * (table + table.transpose(0, 2, 1))
    of_pair = half.ravel()[coded.cell]
    return np.bincount(coded.pairs.first, of_pair, voxels) + np.bincount(coded.pairs.second, of_pair, voxels)


def carried(
    found: np.ndarray, value: float, reference: float, deviation: float, phi: float, slope: float | None
) -> np.ndarray:
    """Turn shares into log-odds per voxel that add up to φ.

    a(v) = c(v) − reference / n adds up to value − reference, and s · a(v) to φ with
    s = φ / (value − reference). For a linear model s is its weight (`slope`). For others s has no limit as
    the value approaches the reference, so that within :data:`SPREAD` · `deviation` of it φ is spread evenly,
    with a linear passage up to twice that.
    """
    n = found.size
    difference = value - reference
    steps = found - reference / n
    steps += (difference - float(steps.sum())) / n
    if slope is not None:
        return slope * steps
    near = SPREAD * deviation
    part = 1.0 if near == 0.0 else min(max(abs(difference) / near - 1.0, 0.0), 1.0)
    if difference == 0.0 or part == 0.0:
        return np.full(n, phi / n)
    return part * phi / difference * steps + (1.0 - part) * phi / n
