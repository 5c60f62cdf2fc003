"""Comparing and building image grids."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk

from ..case.geometry import corner_centres, same_grid

__all__ = ["centre", "corner_centres", "empty_grid", "grid_size", "same_grid", "settled"]


def settled(image: sitk.Image) -> sitk.Image:
    """The image with its geometry rounded to a millionth of a mm, and directions to nine digits.

    Readers and scenes hand over the same file with differences in the last bits, which a registration can
    enlarge until they show; rounded, the same file gives the same numbers by every way.
    """
    result = sitk.Image(image)
    result.SetOrigin([round(value, 6) for value in image.GetOrigin()])
    result.SetSpacing([round(value, 9) for value in image.GetSpacing()])
    result.SetDirection([round(value, 9) for value in image.GetDirection()])
    return result


def centre(image: sitk.Image) -> np.ndarray:
    """Physical LPS position of the centre of the image."""
    return np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))


def grid_size(reference: sitk.Image, spacing: tuple[float, float, float] | None) -> list[int]:
    """Voxels (i, j, k) of the grid that :func:`empty_grid` makes."""
    size, old = reference.GetSize(), reference.GetSpacing()
    new = old if spacing is None else spacing
    # Less than a millionth of a voxel of surplus does not deserve a further voxel.
    return [max(1, math.ceil(n * s / t - 1e-6)) for n, s, t in zip(size, old, new, strict=True)]


def empty_grid(reference: sitk.Image, spacing: tuple[float, float, float] | None) -> sitk.Image:
    """Return a uint8 image of zeros with the wanted spacing that covers the reference.

    The new grid is centred on the old one and holds ceil(n·s/s') voxels along each axis, at least one
    (IBSI, section 2.4, "align by centre"); None keeps the reference's grid.
    """
    size, old = reference.GetSize(), reference.GetSpacing()
    new = old if spacing is None else tuple(float(s) for s in spacing)
    count = grid_size(reference, spacing)
    grid = sitk.Image(count, sitk.sitkUInt8)
    grid.SetSpacing(new)
    grid.SetDirection(reference.GetDirection())
    first = [((n - 1) * s - (m - 1) * t) / (2 * s) for n, s, m, t in zip(size, old, count, new, strict=True)]
    grid.SetOrigin(reference.TransformContinuousIndexToPhysicalPoint(first))
    return grid
