"""Whether level 1 ("Where the features sit") and level 2 ("What if this part were missing") agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError
from .model import Explanation
from .regional import RegionExplanation

LEAST = 0.5
"""Rank correlation below which the two levels are said to disagree."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """The two levels, part by part.

    Attributes
    ----------
    sums : (K,) level 1 summed over each part, log-odds.
    psi : (K,) level 2.
    correlation : Spearman's rank correlation of the two, −1…1; NaN where there is none to state (fewer than
        two parts, or all parts alike on one level).
    """

    sums: np.ndarray
    psi: np.ndarray
    correlation: float

    @property
    def disagrees(self) -> bool:
        """Whether this must be shown; False where nothing can be said."""
        return self.correlation < LEAST


def agreement(explanation: Explanation, regions: RegionExplanation) -> Agreement:
    """Compare the voxel ledger with the parts of the outline, for one model and one outline.

    Voxels of the ledger outside the outline (rings) belong to no part.

    Raises
    ------
    GeometryError : the two do not lie on one grid.
    """
    sums = np.zeros(len(regions.psi))
    if explanation.total is not None:
        sums = part_sums(explanation.total, regions.labels)
    return Agreement(sums, regions.psi, spearman(sums, regions.psi))


def part_sums(ledger: sitk.Image, labels: sitk.Image) -> np.ndarray:
    """Sums (K,) of a map over parts 1…K; both cut from one grid, anywhere.

    Raises
    ------
    GeometryError : they are not.
    """
    size = np.asarray(ledger.GetSpacing())
    start = np.asarray(labels.TransformPhysicalPointToContinuousIndex(ledger.GetOrigin()))
    offset = np.rint(start).astype(int)
    if (
        not np.allclose(size, labels.GetSpacing(), rtol=1e-6)
        or not np.allclose(ledger.GetDirection(), labels.GetDirection(), atol=1e-6)
        or not np.allclose(start, offset, atol=1e-3)
    ):
        raise GeometryError("The map and the parts do not lie on one grid.", "Explain both anew.")
    values, parts = sitk.GetArrayFromImage(ledger), sitk.GetArrayFromImage(labels)
    count = int(parts.max(initial=0))
    low = np.maximum(offset[::-1], 0)
    high = np.minimum(offset[::-1] + values.shape, parts.shape)
    if (low >= high).any():
        return np.zeros(count)
    there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    here = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, offset[::-1], strict=True))
    inside = parts[there] > 0
    return np.bincount(parts[there][inside], weights=values[here][inside], minlength=count + 1)[1:]


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two (n,) arrays, ties at their mean rank; NaN if either is constant."""
    if not len(first):
        return math.nan
    a, b = (_ranks(np.asarray(values, dtype=np.float64)) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    power = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / power if power > 0 else math.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2.0)[inverse.ravel()]
