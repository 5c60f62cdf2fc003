"""The kernel of a map: a box of voxels around a centre, and who neighbours whom in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import FeatureError
from ..lattice import DIRECTIONS

MAX_RADIUS = 10
"""In voxels along each axis; larger kernels are refused."""


@dataclass(frozen=True)
class KernelShape:
    """Box of ``2·radius + 1`` voxels along each axis (k, j, i); its voxels are numbered in C order.

    Attributes
    ----------
    radius : (rk, rj, ri) in voxels.
    """

    radius: tuple[int, int, int]

    @property
    def size(self) -> tuple[int, int, int]:
        return tuple(2 * reach + 1 for reach in self.radius)

    @property
    def voxels(self) -> int:
        return math.prod(self.size)

    @cached_property
    def offsets(self) -> np.ndarray:
        """(voxels, 3) steps (dk, dj, di) from the centre."""
        return np.argwhere(np.ones(self.size, dtype=bool)) - np.array(self.radius)

    @cached_property
    def pairs(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each of the 13 directions the numbers of the voxels that are neighbours: (first, second).

        The second lies one step further along the direction, so its number is the higher one.
        """
        number = np.arange(self.voxels, dtype=np.int64).reshape(self.size)
        found = []
        for step in DIRECTIONS:
            near = tuple(_cut(-int(s), n) for s, n in zip(step, self.size, strict=True))
            far = tuple(_cut(int(s), n) for s, n in zip(step, self.size, strict=True))
            found.append((number[near].ravel(), number[far].ravel()))
        return tuple(found)


def _cut(step: int, size: int) -> slice:
    return slice(max(step, 0), size + min(step, 0))


def kernel_shape(
    spacing: tuple[float, float, float],
    radius: int | tuple[int, int, int] | None,
    radius_mm: float | None,
) -> KernelShape:
    """The kernel of a radius in voxels (one number, or one for each axis k, j, i) or in mm.

    In mm the box reaches as many whole voxels along each axis as fit into the radius, so that it is about as
    long in mm along all axes.

    Raises
    ------
    FeatureError : both or none are given, the kernel would be a single voxel, or larger than ``MAX_RADIUS``.
    """
    if (radius is None) == (radius_mm is None):
        raise FeatureError("Give the kernel's radius either in voxels or in mm.")
    if radius_mm is not None:
        if not (math.isfinite(radius_mm) and radius_mm > 0):
            raise FeatureError(f"The kernel's radius of {radius_mm:g} mm is not a positive number.")
        reach = tuple(math.floor(radius_mm / step + 1e-9) for step in spacing)
        asked = f"{radius_mm:g} mm"
    else:
        reach = tuple(radius) if isinstance(radius, (tuple, list)) else (radius,) * 3
        asked = f"{radius} voxels"
    if len(reach) != 3 or any(int(r) != r or r < 0 for r in reach):
        raise FeatureError(f"The kernel's radius of {asked} is not a whole number, nor three of them.")
    if not any(reach):
        raise FeatureError(
            f"A kernel radius of {asked} reaches no neighbour.", "Choose at least the spacing of the voxels."
        )
    if max(reach) > MAX_RADIUS:
        raise FeatureError(
            f"A kernel radius of {asked} is {max(reach)} voxels (at most {MAX_RADIUS}).",
            "Use a smaller radius, or resample the image.",
        )
    return KernelShape(tuple(int(r) for r in reach))
