"""Maps of the features of run-length, size-zone, distance-zone and dependence matrices.

Source: as :mod:`virtualbiopsy.radiomics.sizes`. A matrix is a list of elements (runs, zones or voxels), each
with its grey level and its size; the features are means over that list and how often its members repeat.
Logarithms do not carry pyradiomics' machine epsilon (a change below 1e-14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np

from ..definitions import SIZE_ROLES
from . import elements
from .counting import appearances, entropy_sum, square_sum
from .kernels import Kernels


class SizeTerms:
    """What the features of one matrix per kernel share.

    Parameters
    ----------
    grey : (n, v) grey levels of the elements, 0 where there is none. size : (n, v) their sizes, 0 where there
    is none. voxels : (v,) voxels of the kernel, for the percentage.
    """

    def __init__(self, grey: np.ndarray, size: np.ndarray, voxels: np.ndarray) -> None:
        self.valid = grey > 0
        self.grey = grey
        self.size = size
        self.voxels = voxels
        self.n = np.count_nonzero(self.valid, axis=0)

    @cached_property
    def total(self) -> np.ndarray:
        return np.maximum(self.n, 1).astype(np.float64)

    @staticmethod
    def _powers(values: np.ndarray, power: int) -> np.ndarray:
        table = np.arange(float(values.max(initial=0)) + 1)
        table[1:] **= power
        table[0] = 0.0
        return np.take(table, values)

    def joint(self, grey_power: int, size_power: int) -> np.ndarray:
        """Mean of iᵃ jᵇ."""
        factors = [
            self._powers(values, power)
            for values, power in ((self.grey, grey_power), (self.size, size_power))
            if power
        ]
        found = factors[0].sum(axis=0) if len(factors) == 1 else np.einsum("nv,nv->v", *factors)
        return found / self.total

    def variance(self, values: np.ndarray) -> np.ndarray:
        deviation = values - values.sum(axis=0, dtype=np.int64) / self.total
        deviation *= self.valid
        return np.einsum("nv,nv->v", deviation, deviation) / self.total

    @cached_property
    def grey_squares(self) -> np.ndarray:
        return square_sum(appearances(self.grey)[1])

    @cached_property
    def size_squares(self) -> np.ndarray:
        return square_sum(appearances(self.size)[1])

    @cached_property
    def turn(self) -> np.ndarray:
        codes = self.grey.astype(np.int32) * np.int32(self.size.max(initial=0) + 1) + self.size
        return appearances(codes)[1]

    @cached_property
    def entropy(self) -> np.ndarray:
        return np.log2(self.total) - entropy_sum(self.turn) / self.total

    @cached_property
    def energy(self) -> np.ndarray:
        return square_sum(self.turn) / self.total**2


ROLES: dict[str, Callable[[SizeTerms], np.ndarray]] = {
    "small": lambda t: t.joint(0, -2),
    "large": lambda t: t.joint(0, 2),
    "low_grey": lambda t: t.joint(-2, 0),
    "high_grey": lambda t: t.joint(2, 0),
    "small_low_grey": lambda t: t.joint(-2, -2),
    "small_high_grey": lambda t: t.joint(2, -2),
    "large_low_grey": lambda t: t.joint(-2, 2),
    "large_high_grey": lambda t: t.joint(2, 2),
    "grey_non_uniformity": lambda t: t.grey_squares / t.total,
    "grey_non_uniformity_normalised": lambda t: t.grey_squares / t.total**2,
    "size_non_uniformity": lambda t: t.size_squares / t.total,
    "size_non_uniformity_normalised": lambda t: t.size_squares / t.total**2,
    "percentage": lambda t: t.n / t.voxels,
    "grey_variance": lambda t: t.variance(t.grey),
    "size_variance": lambda t: t.variance(t.size),
    "entropy": lambda t: t.entropy,
    "energy": lambda t: t.energy,
}
"""By role (see :data:`virtualbiopsy.radiomics.definitions.SIZE_ROLES`): one value per kernel, shape (v,)."""


def features(kernels: Kernels, family: str, names: Iterable[str], aggregation: str) -> dict[str, np.ndarray]:
    """Features (v,) of "glrlm", "glszm", "gldzm" or "ngldm" by name; NaN where there is no matrix.

    GLRLM: "3d_average" is the mean over directions, "3d_merged" puts the runs of all directions into one
    matrix. As in pyradiomics, its profile leaves out the directions in which no line through the kernel holds
    two voxels of the region.
    """
    roles = {name: SIZE_ROLES[family][name] for name in names}
    if family == "glrlm":
        return _run_features(kernels, roles, aggregation == "3d_merged")
    find = {"glszm": elements.zones, "gldzm": elements.zone_distances, "ngldm": elements.dependences}[family]
    terms = SizeTerms(*find(kernels), kernels.voxels)
    return {name: ROLES[role](terms) for name, role in roles.items()}


def _run_features(kernels: Kernels, roles: dict[str, str], merged: bool) -> dict[str, np.ndarray]:
    parts = [elements.runs(kernels, number) for number in range(len(kernels.shape.pairs))]
    voxels = kernels.voxels
    if merged:
        used = sum(part.counts for part in parts)
        parts = [elements.merged_runs(parts)]
        voxels = voxels * np.maximum(used, 1)
    sums = {name: np.zeros(len(kernels.voxels)) for name in roles}
    used = np.zeros(len(kernels.voxels))
    for part in parts:
        terms = SizeTerms(part.grey, part.length, voxels)
        has = part.counts > 0
        used += has
        for name, role in roles.items():
            sums[name] += np.where(has, ROLES[role](terms), 0.0)
    found = {name: np.divide(total, used, out=total, where=used > 0) for name, total in sums.items()}
    for value in found.values():
        value[used == 0] = np.nan
    return found
