"""Comparing image grids."""

from __future__ import annotations

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
