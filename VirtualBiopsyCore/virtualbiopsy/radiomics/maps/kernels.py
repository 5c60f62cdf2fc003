"""The kernels of a batch of voxels: grey levels and intensities of all their voxels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .shape import KernelShape


@dataclass(frozen=True)
class Kernels:
    """A batch of v kernels with n voxels each.

    Attributes
    ----------
    shape : the kernel, the same for all.
    levels : (n, v) grey levels, 0 where the kernel leaves the region; None if nothing discretised is asked for.
    n_levels : Ng, the highest grey level of the whole region.
    occupied : (13,) bool: the directions in which some voxels of the region are neighbours at all.
    values : (n, v) float64 intensities, NaN where the kernel leaves the region; or None.
    profile : "ibsi" or "pyradiomics". voxel_volume : in mm³.
    """

    shape: KernelShape
    levels: np.ndarray | None
    n_levels: int
    occupied: np.ndarray
    values: np.ndarray | None
    profile: str
    voxel_volume: float

    @cached_property
    def inside(self) -> np.ndarray:
        """(n, v) bool: the voxels of each kernel that belong to the region."""
        return self.levels > 0

    @cached_property
    def voxels(self) -> np.ndarray:
        """(v,) number of such voxels."""
        return np.count_nonzero(self.inside, axis=0)
