"""Comparing and building image grids."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk


def same_grid(a: sitk.Image, b: sitk.Image, tolerance: float = 1e-3) -> bool:
    """Whether two images have the same voxels in space.

    True if the sizes are equal and no corner of one grid is farther than `tolerance` times the smallest
    voxel edge from the same corner of the other.
    """
    if a.GetSize() != b.GetSize():
        return False
    limit = tolerance * min(*a.GetSpacing(), *b.GetSpacing())
    return bool(np.abs(corner_centres(a) - corner_centres(b)).max() <= limit)


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


def corner_centres(image: sitk.Image) -> np.ndarray:
    """(8, 3) physical LPS positions of the centres of the corner voxels."""
    nx, ny, nz = image.GetSize()
    return np.array(
        [
            image.TransformContinuousIndexToPhysicalPoint((float(i), float(j), float(k)))
            for k in (0, nz - 1)
            for j in (0, ny - 1)
            for i in (0, nx - 1)
        ]
    )


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
