"""Regions that follow from the outlined tumour alone: its largest axial slice and the ring around it."""

from __future__ import annotations

import re

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import cKDTree

from ..case.arrays import (
    axial_axis,
    bounding_box,
    grow_box,
    largest_slice_index,
    mask_array,
    mask_image,
    spacing_kji,
    surface_points,
)
from ..errors import EmptyRegionError, GeometryError, RegionError

_RING = re.compile(r"(with_)?ring(\d+(?:\.\d+)?)")


def region_mask(name: str, tumour: sitk.Image, within: sitk.Image | None = None) -> sitk.Image:
    """Return the uint8 mask of a region by its name, on the grid of the tumour mask.

    Parameters
    ----------
    name : "tumour", "largest_slice", or "ring" with its width in mm ("ring5", "ring7.5"); "with_ring5" is the
        tumour with its ring.
    tumour : mask of the tumour, any value but 0 is inside.
    within : mask that limits rings (the head, the brain or the breast), on the same grid; None for no limit.

    Raises
    ------
    EmptyRegionError : the tumour, or what follows from it, holds no voxel.
    RegionError : there is no region of that name.
    GeometryError : `within` is on another grid.
    """
    if name == "tumour":
        inside = mask_array(tumour)
        bounding_box(inside)
        return mask_image(inside, tumour)
    if name == "largest_slice":
        return largest_slice(tumour)
    match = _RING.fullmatch(name)
    if match and float(match[2]) > 0:
        around = ring(tumour, float(match[2]), within)
        return mask_image(mask_array(around) | mask_array(tumour), tumour) if match[1] else around
    raise RegionError(
        f"There is no region called {name!r}.",
        'Known regions: "tumour", "largest_slice", "ring5", "with_ring5" (mm); for breast lesions also '
        '"enhancing", "nonenhancing", "habitat1" and "contralateral".',
    )


def ring_width(name: str) -> float:
    """Width in mm of the ring that a region name stands for; 0 for regions without one."""
    match = _RING.fullmatch(name)
    return float(match[2]) if match else 0.0


def largest_slice(mask: sitk.Image) -> sitk.Image:
    """Return the mask limited to the axial slice with the largest area (see :func:`axial_axis`).

    Of slices with equal area the one nearest to the centre of mass is taken.

    Raises
    ------
    EmptyRegionError : the mask holds no voxel.
    """
    inside = mask_array(mask)
    bounding_box(inside)
    axis = axial_axis(mask)
    chosen = [slice(None)] * 3
    chosen[axis] = largest_slice_index(inside, axis)
    only = np.zeros(inside.shape, dtype=bool)
    only[tuple(chosen)] = inside[tuple(chosen)]
    return mask_image(only, mask)


def ring(mask: sitk.Image, mm: float, within: sitk.Image | None = None) -> sitk.Image:
    """Return the voxels outside the mask whose centre lies at most `mm` from the mask's surface.

    The surface is the mesh at level 0.5, halfway between voxel centres, so that the ring is `mm` wide in
    every direction whatever the spacing.

    Raises
    ------
    EmptyRegionError : the mask, or the ring within `within`, holds no voxel.
    GeometryError : `within` is on another grid.
    """
    if not mm > 0:
        raise RegionError(f"A ring must be wider than 0 mm, not {mm:g} mm.")
    whole = mask_array(mask)
    spacing = np.array(spacing_kji(mask))
    reach = tuple(int(np.ceil(mm / s)) + 1 for s in spacing)
    box = grow_box(bounding_box(whole), whole.shape, reach)
    inside = np.ascontiguousarray(whole[box])

    centres = ndimage.distance_transform_edt(~inside, sampling=spacing)
    # A voxel's distance to the surface lies between its distance to the nearest inside centre and half a
    # voxel diagonal less; only voxels that this leaves open are measured against the surface points.
    near = ~inside & (centres <= mm)
    unsure = np.argwhere(~inside & ~near & (centres <= mm + 0.5 * float(np.linalg.norm(spacing))))
    if len(unsure):
        tree = cKDTree(surface_points(inside) * spacing)
        distance, _ = tree.query(unsure * spacing, distance_upper_bound=mm * (1 + 1e-9) + 1e-9)
        near[tuple(unsure[np.isfinite(distance)].T)] = True

    result = np.zeros(whole.shape, dtype=bool)
    result[box] = near
    if within is not None:
        limit = mask_array(within)
        if limit.shape != whole.shape:
            raise GeometryError("The mask that limits the ring is on another grid than the tumour.")
        result &= limit
    if not result.any():
        raise EmptyRegionError(
            f"The ring of {mm:g} mm around the region holds no voxel.",
            "The region fills the image or what limits the ring; check the outline.",
        )
    return mask_image(result, mask)
