"""The box around an outline on the prepared grid: an edit costs what the tumour weighs, not the head."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import SimpleITK as sitk

from ..case.arrays import bounding_box, grow_box, mask_array
from ..errors import GeometryError
from ..prepare.model import PreparedCase

Box = tuple[slice, slice, slice]


def box_around(prepared: PreparedCase, mask: sitk.Image, margin: float) -> Box:
    """Box of the prepared grid that holds an outline and `margin` mm on each side, limited to the grid.

    Parameters
    ----------
    mask : binary image on any grid in the space of the reference sequence.

    Returns
    -------
    Slices (k, j, i).

    Raises
    ------
    EmptyRegionError : the outline holds no voxel.
    GeometryError : the outline lies outside the prepared images.
    """
    box = bounding_box(mask_array(mask))
    grid = prepared.grid
    corners = [
        grid.TransformPhysicalPointToContinuousIndex(mask.TransformContinuousIndexToPhysicalPoint(corner))
        for corner in product(*((float(s.start) - 0.5, float(s.stop) - 0.5) for s in reversed(box)))
    ]
    reach = np.ceil(margin / np.asarray(grid.GetSpacing()))
    size = np.asarray(grid.GetSize())
    start = np.clip(np.floor(np.min(corners, axis=0)) - reach, 0, size).astype(int)
    stop = np.clip(np.ceil(np.max(corners, axis=0)) + reach + 1, 0, size).astype(int)
    if np.any(stop <= start):
        raise GeometryError(
            "The outline lies outside the images.", "Draw it on the reference sequence of this case."
        )
    i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return k, j, i


def crop_prepared(prepared: PreparedCase, box: Box) -> PreparedCase:
    """Cut grid, images and limits to a box (k, j, i): voxel centres and values are unchanged."""
    part = tuple(reversed(box))
    return replace(
        prepared,
        grid=prepared.grid[part],
        images={role: image[part] for role, image in prepared.images.items()},
        covered={role: cover[part] for role, cover in prepared.covered.items()},
        limits={name: limit[part] for name, limit in prepared.limits.items()},
    )


def crop_around(prepared: PreparedCase, mask: sitk.Image, margin: float) -> PreparedCase:
    """Cut grid and images to the box of an outline plus `margin` mm on each side; see :func:`box_around`."""
    return crop_prepared(prepared, box_around(prepared, mask, margin))


def crop_mask(mask: sitk.Image, margin: int = 2) -> sitk.Image:
    """Cut a mask to the box of its voxels plus `margin` voxels; geometry and voxels are unchanged.

    Raises
    ------
    EmptyRegionError : the mask holds no voxel.
    """
    inside = mask_array(mask)
    box = grow_box(bounding_box(inside), inside.shape, (margin,) * 3)
    return _placed(sitk.GetImageFromArray(sitk.GetArrayViewFromImage(mask)[box]), mask, box)


def crop_grid(grid: sitk.Image, box: Box) -> sitk.Image:
    """An empty uint8 image with the geometry of a box of `grid`."""
    return _placed(sitk.Image([b.stop - b.start for b in reversed(box)], sitk.sitkUInt8), grid, box)


def _placed(part: sitk.Image, whole: sitk.Image, box: Box) -> sitk.Image:
    # SimpleITK's own slicing takes milliseconds, whatever the size of the part.
    part.SetSpacing(whole.GetSpacing())
    part.SetDirection(whole.GetDirection())
    part.SetOrigin(whole.TransformIndexToPhysicalPoint([int(b.start) for b in reversed(box)]))
    return part
