"""The kernels of a batch of voxels: grey levels and intensities of all their voxels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .shape import KernelShape


@dataclass(frozen=True)
class Batch:
    """The voxels around which v kernels lie.

    Attributes
    ----------
    shape : the kernel, the same for all.
    positions : (v,) int64 of the centres in the flattened box with the kernel's margin.
    steps : (n,) int64 from there to the voxels of the kernel.
    occupied : (13,) bool: the directions in which some voxels of the region are neighbours at all.
    """

    shape: KernelShape
    positions: np.ndarray
    steps: np.ndarray
    occupied: np.ndarray
    _gathered: dict[int, np.ndarray] = field(default_factory=dict)

    def gather(self, field: np.ndarray) -> np.ndarray:
        """(n, v) what a field, the flattened box with margin, holds in the kernels; kept."""
        if id(field) not in self._gathered:
            self._gathered[id(field)] = field[self.steps[:, None] + self.positions]
        return self._gathered[id(field)]


@dataclass(frozen=True)
class Kernels:
    """A batch of v kernels with n voxels each.

    Attributes
    ----------
    batch : where they lie.
    field : the flattened box with margin: int16 grey levels, 0 outside the region; or float64 intensities,
        NaN outside.
    n_levels : Ng, the highest grey level of the whole region; 0 for intensities.
    profile : "ibsi" or "pyradiomics". voxel_volume : in mm³.
    """

    batch: Batch
    field: np.ndarray
    n_levels: int
    profile: str
    voxel_volume: float

    @property
    def shape(self) -> KernelShape:
        return self.batch.shape

    @property
    def count(self) -> int:
        return len(self.batch.positions)

    @property
    def levels(self) -> np.ndarray:
        """(n, v) grey levels, 0 where the kernel leaves the region."""
        return self.batch.gather(self.field)

    @property
    def values(self) -> np.ndarray:
        """(n, v) intensities, NaN where the kernel leaves the region."""
        return self.batch.gather(self.field)

    @cached_property
    def inside(self) -> np.ndarray:
        """(n, v) bool: the voxels of each kernel that belong to the region."""
        return self.levels > 0

    @cached_property
    def voxels(self) -> np.ndarray:
        """(v,) number of such voxels."""
        return np.count_nonzero(self.inside, axis=0)
