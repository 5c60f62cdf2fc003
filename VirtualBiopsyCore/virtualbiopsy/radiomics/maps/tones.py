"""Maps of the NGTDM features.

Source: as :mod:`virtualbiopsy.radiomics.ngtdm`. Profile "ibsi" leaves voxels without a neighbour out, and
gives NaN where no voxel counts; "pyradiomics" counts them with a difference of zero. Busyness is undefined
where the weighted levels i·pᵢ are all the same: NaN in "ibsi", 0 in "pyradiomics".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np

from ..ngtdm import COARSENESS_LIMIT
from .kernels import Kernels


class ToneTerms:
    """The matrix of each kernel: one row per grey level, at the level's first voxel."""

    def __init__(self, kernels: Kernels) -> None:
        self.profile = kernels.profile
        counted, difference = _differences(kernels)
        levels = kernels.levels * counted
        self.voxels = np.count_nonzero(counted, axis=0)
        self.total = np.maximum(self.voxels, 1).astype(np.float64)
        self.first = _first(levels)
        rows = [
            ((levels == level) & (level > 0), first) for level, first in zip(levels, self.first, strict=True)
        ]
        self.count = np.stack([same.sum(axis=0) * first for same, first in rows])
        self.s = np.stack([np.einsum("nv,nv->v", same, difference) * first for same, first in rows])
        self.grey = (levels * self.first).astype(np.float64)
        self.p = self.count / self.total
        self.levels = np.count_nonzero(self.first, axis=0)

    @cached_property
    def coarse(self) -> np.ndarray:
        """Σ pᵢ sᵢ."""
        return np.einsum("nv,nv->v", self.p, self.s)

    @cached_property
    def all_s(self) -> np.ndarray:
        return self.s.sum(axis=0)

    def over_pairs(self, term: Callable[[int], np.ndarray]) -> np.ndarray:
        """Sum over ordered pairs of levels; ``term(t)`` gives (t, v) values of row t with the rows before."""
        found = np.zeros(len(self.voxels))
        for row in range(1, len(self.first)):
            both = self.first[:row] & self.first[row]
            found += np.where(both, term(row), 0.0).sum(axis=0)
        return 2 * found


def _first(levels: np.ndarray) -> np.ndarray:
    """(n, v) bool: the first voxel of each level."""
    return np.stack([(level > 0) & ~(levels[:row] == level).any(axis=0) for row, level in enumerate(levels)])


def _differences(kernels: Kernels) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels count (n, v), and how far each is from the mean of its neighbours."""
    inside = kernels.inside
    count = np.zeros(kernels.levels.shape, dtype=np.int16)
    total = np.zeros(kernels.levels.shape, dtype=np.int32)
    for first, second in kernels.shape.pairs:
        for a, b in zip(first, second, strict=True):
            count[a] += inside[b]
            count[b] += inside[a]
            total[a] += kernels.levels[b]
            total[b] += kernels.levels[a]
    own = kernels.levels.astype(np.float64)
    counted = inside & (count > 0)
    difference = np.abs(own - np.divide(total, count, out=own.copy(), where=counted))
    return (inside if kernels.profile == "pyradiomics" else counted), difference


def _coarseness(t: ToneTerms) -> np.ndarray:
    return np.divide(1.0, t.coarse, out=np.full(len(t.coarse), COARSENESS_LIMIT), where=t.coarse > 0)


def _contrast(t: ToneTerms) -> np.ndarray:
    spread = t.over_pairs(lambda r: t.p[:r] * t.p[r] * (t.grey[:r] - t.grey[r]) ** 2)
    return spread / np.maximum(t.levels * (t.levels - 1), 1) * t.all_s / t.total


def _busyness(t: ToneTerms) -> np.ndarray:
    weighted = t.grey * t.count
    spread = t.over_pairs(lambda r: np.abs(weighted[:r] - weighted[r])) / t.total
    undefined = 0.0 if t.profile == "pyradiomics" else np.nan
    found = np.divide(t.coarse, spread, out=np.full(len(spread), undefined), where=spread > 0)
    return np.where(t.levels < 2, 0.0, found)


def _complexity(t: ToneTerms) -> np.ndarray:
    weighted = t.p * t.s
    return (
        t.over_pairs(
            lambda r: (
                np.abs(t.grey[:r] - t.grey[r])
                * (weighted[:r] + weighted[r])
                / np.where(t.first[:r] & t.first[r], t.p[:r] + t.p[r], 1.0)
            )
        )
        / t.total
    )


def _strength(t: ToneTerms) -> np.ndarray:
    spread = t.over_pairs(lambda r: (t.p[:r] + t.p[r]) * (t.grey[:r] - t.grey[r]) ** 2)
    return np.divide(spread, t.all_s, out=np.zeros(len(spread)), where=t.all_s > 0)


FEATURES: dict[str, Callable[[ToneTerms], np.ndarray]] = {
    "coarseness": _coarseness,
    "contrast": _contrast,
    "busyness": _busyness,
    "complexity": _complexity,
    "strength": _strength,
}
"""By name: a function of :class:`ToneTerms` that gives one value per kernel, shape (v,)."""


def features(kernels: Kernels, names: Iterable[str]) -> dict[str, np.ndarray]:
    """NGTDM features (v,) by name; NaN where no voxel of the kernel counts."""
    terms = ToneTerms(kernels)
    found = {name: FEATURES[name](terms) for name in names}
    for value in found.values():
        value[terms.voxels == 0] = np.nan
    return found
