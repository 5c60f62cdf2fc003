"""Neighbourhood grey-tone difference matrix, Chebyshev distance 1.

Source: IBSI reference manual, section 3.10 (IPET); Amadasun & King, IEEE Trans Syst Man Cybern 1989;19:1264.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .neighbourhood import Neighbourhood

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


def tone_differences(region: Neighbourhood) -> ToneDifferences | None:
    """Matrix of a region; None if no voxel counts.

    Profile "ibsi" leaves voxels without a neighbour inside the region out; "pyradiomics" counts them with a
    difference of zero.
    """
    grey = np.concatenate(([0.0], region.grey))
    count = np.count_nonzero(region.neighbours, axis=0)
    total = grey[region.neighbours].sum(axis=0)
    own = grey[region.rank]
    difference = np.abs(own - np.divide(total, count, out=own.copy(), where=count > 0))
    counted = np.ones(len(count), dtype=bool) if region.profile == "pyradiomics" else count > 0
    if not counted.any():
        return None
    n = np.bincount(region.rank[counted], minlength=len(grey))[1:]
    s = np.bincount(region.rank[counted], weights=difference[counted], minlength=len(grey))[1:]
    kept = n > 0
    return ToneDifferences(region.grey[kept], n[kept] / n.sum(), s[kept], int(n.sum()))


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
