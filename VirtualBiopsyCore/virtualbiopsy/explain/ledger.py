"""Level 1, the voxel ledger: each feature's exact shares, and the log-odds that they carry."""

from __future__ import annotations

import numpy as np

from ..radiomics.definitions import SIZE_ROLES
from ..radiomics.keys import FeatureKey
from .coded import CodedElements, CodedPairs, CodedTones
from .decompositions import CURVES, EXACT, GLCM, HISTOGRAM, PEAKS, SIZES, STATISTICS, TONES, Sample
from .workspace import Workspace

TOLERANCE = 1e-9
"""Shares whose sum differs more than this (relative) from the engine's value are not shown."""

SPREAD = 0.05
"""Below this distance from the reference, in standard deviations of the background, φ is spread evenly."""


def has_exact_shares(key: FeatureKey) -> bool:
    """Whether the registry holds an exact decomposition of this feature."""
    return key.name in EXACT.get(key.family, ())


def shares(key: FeatureKey, value: float, workspace: Workspace) -> np.ndarray | None:
    """Return c(v) of the region's voxels (n,), order of np.flatnonzero of the region, with Σ c(v) = value.

    The voxels are those of ``workspace.place(sequence, region)``; for a filtered image those of its response.
    None if the feature has no exact decomposition, its image is not there, or its shares do not add up to
    `value` (which is the engine's) within :data:`TOLERANCE`.

    Raises
    ------
    FeatureError, EmptyRegionError, NonFiniteError : the region is missing or empty, the image is NaN in it.
    """
    if not has_exact_shares(key) or key.sequence not in workspace.images:
        return None
    found = _split(key, value, workspace)
    if found is None:
        return None
    total = float(found.sum())
    if not abs(total - value) <= TOLERANCE * max(1.0, abs(value), float(np.abs(found).sum())):
        return None
    return found


def _split(key: FeatureKey, value: float, workspace: Workspace) -> np.ndarray | None:
    if key.family == "statistics":
        return STATISTICS[key.name](Sample(workspace.values(key), value, key.profile))
    if key.family == "histogram":
        levels = workspace.cells(key).levels
        return HISTOGRAM[key.name](Sample(levels.astype(np.float64), value, key.profile))
    if key.family == "glcm":
        pairs = workspace.pairs(key)
        if pairs is None:
            return None
        return pair_shares(
            pairs, GLCM[key.name](pairs.terms), workspace.place(key.sequence, key.region).voxels
        )
    if key.family == "ivh":
        curve = workspace.curve(key)
        return None if curve is None else CURVES[key.name](curve, value)
    if key.family == "local_intensity":
        return PEAKS[key.name](workspace.values(key), workspace.ball_means(key), value)
    if key.family == "ngtdm":
        tones = workspace.tones(key)
        return None if tones is None else tone_shares(tones, key.name)
    elements = workspace.elements(key)
    if elements is None:
        return None
    return element_shares(elements, SIZES[SIZE_ROLES[key.family][key.name]](elements.matrix))


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
    if coded.weight is not None:
        of_pair *= coded.weight
    return np.bincount(coded.pairs.first, of_pair, voxels) + np.bincount(coded.pairs.second, of_pair, voxels)


def element_shares(coded: CodedElements, table: np.ndarray) -> np.ndarray:
    """Give the value h(i, j) / elements of each run, zone or dependence to its voxels in equal parts.

    Parameters
    ----------
    table : h, of a shape that fits (d, m, s).

    Returns
    -------
    (n,) shares that add up to the mean over the matrices of Σ p(i, j) h(i, j).
    """
    values = np.broadcast_to(table, coded.matrix.counts.shape).ravel()
    return np.einsum("rn,rn->n", values[coded.cell], coded.share)


def tone_shares(coded: CodedTones, name: str) -> np.ndarray:
    """Shares (n,) of a tone-difference feature, averaged over the matrices."""
    found = np.zeros(coded.difference.size)
    for matrix, (voxel, row) in zip(coded.matrices, coded.rows, strict=True):
        factor, own = TONES[name](matrix)
        found[voxel] += factor[row] * coded.difference[voxel] + own[row]
    return found / len(coded.matrices)


def carried(
    found: np.ndarray, value: float, reference: float, deviation: float, phi: float, slope: float | None
) -> np.ndarray:
    """Turn shares into log-odds per voxel that add up to φ.

    a(v) = c(v) − reference / n adds up to value − reference, and s · a(v) + e to φ; s and e as
    :func:`carrying` says.
    """
    scale, even = carrying(value, reference, deviation, phi, slope)
    steps = found - reference / found.size
    steps += (value - reference - float(steps.sum())) / found.size
    return scale * steps + even / found.size


def carrying(
    value: float, reference: float, deviation: float, phi: float, slope: float | None
) -> tuple[float, float]:
    """Log-odds s per unit of a feature, and log-odds e spread evenly: φ = s · (value − reference) + e.

    For a linear model s is its weight (`slope`) and e = 0. For others s = φ / (value − reference) has no
    limit as the value approaches the reference, so that within :data:`SPREAD` · `deviation` of it φ is spread
    evenly, with a linear passage up to twice that.
    """
    if slope is not None:
        return slope, 0.0
    difference = value - reference
    near = SPREAD * deviation
    part = 1.0 if near == 0.0 else min(max(abs(difference) / near - 1.0, 0.0), 1.0)
    if difference == 0.0 or part == 0.0:
        return 0.0, phi
    return part * phi / difference, (1.0 - part) * phi
