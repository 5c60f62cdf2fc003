"""Neighbourhood grey-tone difference matrix.

Source: IBSI reference manual, section 3.10 (IPET); Amadasun & King, IEEE Trans Syst Man Cybern 1989;19:1264.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import kernels
from .levels import Levels

COARSENESS_LIMIT = 1e6
"""Coarseness of a region without any difference."""


@dataclass(frozen=True)
class ToneDifferences:
    """The matrix: one row per grey level.

    Attributes
    ----------
    grey : (m,) levels. p : (m,) their share of the voxels that count. s : (m,) sums of the absolute
        differences from the mean of the neighbours. voxels : number of voxels that count.
    """

    grey: np.ndarray
    p: np.ndarray
    s: np.ndarray
    voxels: int


def tone_differences(
    cells: Levels,
    count: np.ndarray,
    total: np.ndarray,
    profile: str,
    group: np.ndarray | None = None,
    groups: int = 1,
) -> list[ToneDifferences]:
    """Matrix of each group of voxels, without groups in which no voxel counts.

    Parameters
    ----------
    cells : the region. count, total : (n,) number of neighbours inside the region and sum of their levels.
    profile : "ibsi" leaves voxels without a neighbour inside the region out; "pyradiomics" counts them with
        a difference of zero.
    group : (n,) 0…groups-1; None puts all into one.
    """
    levels = len(cells.grey)
    if group is None:
        known = kernels.active().tone_matrix(cells.rank, cells.grey, count, total, profile == "pyradiomics")
        if known is not None:
            return _filled(cells.grey, *(rows.reshape(1, levels) for rows in known))
    difference = np.abs(cells.levels - total / np.maximum(count, 1))
    row = cells.rank - 1 if group is None else group * levels + (cells.rank - 1)
    if not count.all():
        alone = count == 0
        difference[alone] = 0.0
        if profile != "pyradiomics":
            row, difference = row[~alone], difference[~alone]
    n = np.bincount(row, minlength=groups * levels).reshape(groups, levels)
    s = np.bincount(row, difference, groups * levels).reshape(groups, levels)
    return _filled(cells.grey, n, s)


def _filled(grey: np.ndarray, n: np.ndarray, s: np.ndarray) -> list[ToneDifferences]:
    """Matrices of voxels and sums (groups, m), without empty rows and groups."""
    found = []
    for voxels, sums in zip(n, s, strict=True):
        kept = voxels > 0
        if kept.any():
            whole = int(voxels.sum())
            found.append(ToneDifferences(grey[kept], voxels[kept] / whole, sums[kept], whole))
    return found


def _coarseness(t: ToneDifferences) -> float:
    total = float(t.p @ t.s)
    return 1 / total if total > 0 else COARSENESS_LIMIT


def _contrast(t: ToneDifferences) -> float:
    levels = len(t.grey)
    if levels < 2:
        return 0.0
    gaps = (t.grey[:, None] - t.grey[None, :]) ** 2
    return float(t.p @ gaps @ t.p) / (levels * (levels - 1)) * float(t.s.sum()) / t.voxels


def _busyness(t: ToneDifferences) -> float:
    weighted = t.grey * t.p
    total = float(np.abs(weighted[:, None] - weighted[None, :]).sum())
    if len(t.grey) < 2:
        return 0.0
    return float(t.p @ t.s) / total if total > 0 else math.nan


def _complexity(t: ToneDifferences) -> float:
    weighted = t.p * t.s
    gaps = np.abs(t.grey[:, None] - t.grey[None, :])
    share = (weighted[:, None] + weighted[None, :]) / (t.p[:, None] + t.p[None, :])
    return float((gaps * share).sum()) / t.voxels


def _strength(t: ToneDifferences) -> float:
    total = float(t.s.sum())
    if total <= 0:
        return 0.0
    gaps = (t.grey[:, None] - t.grey[None, :]) ** 2
    return float(((t.p[:, None] + t.p[None, :]) * gaps).sum()) / total


FEATURES: dict[str, Callable[[ToneDifferences], float]] = {
    "coarseness": _coarseness,
    "contrast": _contrast,
    "busyness": _busyness,
    "complexity": _complexity,
    "strength": _strength,
}
"""By name: a function of :class:`ToneDifferences`; NaN where undefined."""
