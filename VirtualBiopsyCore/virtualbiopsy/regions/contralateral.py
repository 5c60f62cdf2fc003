"""The same place in the other breast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..case.arrays import mask_array, mask_image
from ..errors import EmptyRegionError, RegionError
from .breast import breast_sides

LEAST_SHARE = 0.5
"""At least so much of the mirrored lesion must lie inside the other breast."""


@dataclass(frozen=True)
class Mirror:
    """Maps points of one breast onto the other.

    x is reversed about the middle between the breasts; y and z are shifted by the difference of their
    centres, so that breasts that lie unevenly in the coil match.

    Attributes
    ----------
    left, right : centres of mass of the breasts, LPS mm.
    """

    left: tuple[float, float, float]
    right: tuple[float, float, float]

    def transform(self, side: str) -> sitk.AffineTransform:
        """Transform of points of the other breast to those of the breast on `side` ("left", "right")."""
        here, there = (self.left, self.right) if side == "left" else (self.right, self.left)
        flip = sitk.AffineTransform(3)
        flip.SetMatrix((-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
        flip.SetTranslation((here[0] + there[0], here[1] - there[1], here[2] - there[2]))
        return flip

    def side(self, point: tuple[float, float, float]) -> str:
        """The breast on whose side of the middle a point lies."""
        return "left" if point[0] > (self.left[0] + self.right[0]) / 2 else "right"


def mirror_of(breast: sitk.Image) -> Mirror:
    """The mirror of a breast mask that shows both breasts.

    Raises
    ------
    RegionError : it shows one breast. EmptyRegionError : it shows none.
    """
    sides = breast_sides(breast)
    if len(sides) < 2:
        raise RegionError(
            "One breast is imaged; there is no contralateral reference.",
            "Use a model that needs no contralateral region.",
        )
    return Mirror(_centre(sides["left"]), _centre(sides["right"]))


def contralateral(lesion: sitk.Image, mirror: Mirror, within: sitk.Image | None = None) -> sitk.Image:
    """The lesion's outline mirrored into the other breast, uint8 on the lesion's grid.

    Parameters
    ----------
    lesion : mask; the grid must hold the mirrored place too. within : mask of the breasts on the same grid.

    Raises
    ------
    EmptyRegionError : less than half of it lies inside the other breast.
    """
    inside = mask_array(lesion)
    voxels = int(np.count_nonzero(inside))
    centre = _centre(lesion)
    mirrored = sitk.Resample(
        mask_image(inside, lesion), lesion, mirror.transform(mirror.side(centre)), sitk.sitkNearestNeighbor, 0
    )
    found = mask_array(mirrored) & ~inside
    if within is not None:
        found = found & mask_array(within)
    if np.count_nonzero(found) < max(1, LEAST_SHARE * voxels):
        raise EmptyRegionError(
            "The place of the lesion in the other breast lies outside the breast or the image.",
            "The breasts are too unlike, or the other one is not imaged completely.",
        )
    return mask_image(found, lesion)


def _centre(mask: sitk.Image) -> tuple[float, float, float]:
    """Centre of mass, LPS mm."""
    voxels = np.argwhere(mask_array(mask))
    if not len(voxels):
        raise EmptyRegionError("The region holds no voxel.", "Outline the lesion first.")
    x, y, z = mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in voxels.mean(axis=0)[::-1]])
    return x, y, z
