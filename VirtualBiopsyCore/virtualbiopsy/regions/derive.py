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
    width = ring_width(name)
    if width > 0:
        around = ring(tumour, width, within)
        return mask_image(mask_array(around) | mask_array(tumour), tumour) if holds_outline(name) else around
    raise RegionError(
        f"There is no region called {name!r}.",
        'Known regions: "tumour", "largest_slice", "ring5", "with_ring5" (mm); for breast lesions also '
        '"enhancing", "nonenhancing", "habitat1" and "contralateral".',
    )


def ring_width(name: str) -> float:
    """Width in mm of the ring that a region name stands for; 0 for regions without one."""
    match = _RING.fullmatch(name)
    return float(match[2]) if match else 0.0


def holds_outline(name: str) -> bool:
    """Whether a region with a ring holds the tumour too ("with_ring5")."""
    return name.startswith("with_")


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
    bounding_box(mask_array(mask))
    if not mm > 0:
        raise RegionError(f"A ring must be wider than 0 mm, not {mm:g} mm.")
    limit = None if within is None else mask_array(within)
    return mask_image(limited_ring(near_surface(mask_array(mask), mm, spacing_kji(mask)), mm, limit), mask)


def ring_reach(mm: float, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Voxels (k, j, i) that lie between an outline and everything that is farther from it than `mm`."""
    k, j, i = (int(np.ceil(mm / step)) + 1 for step in spacing)
    return k, j, i


def near_surface(inside: np.ndarray, mm: float, spacing: tuple[float, float, float]) -> np.ndarray:
    """Voxels outside a mask whose centre lies at most `mm` from its surface; none for an empty mask.

    Parameters
    ----------
    inside : (k, j, i) bool. spacing : (dk, dj, di) in mm.

    Returns
    -------
    (k, j, i) bool.
    """
    result = np.zeros(inside.shape, dtype=bool)
    if not inside.any():
        return result
    box = grow_box(bounding_box(inside), inside.shape, ring_reach(mm, spacing))
    part = np.ascontiguousarray(inside[box])
    steps = np.array(spacing)
    centres = ndimage.distance_transform_edt(~part, sampling=steps)
    # A voxel's distance to the surface lies between its distance to the nearest inside centre and half a
    # voxel diagonal less; only voxels that this leaves open are measured against the surface points.
    near = ~part & (centres <= mm)
    unsure = np.argwhere(~part & ~near & (centres <= mm + 0.5 * float(np.linalg.norm(steps))))
    if len(unsure):
        tree = cKDTree(surface_points(part) * steps)
        distance, _ = tree.query(unsure * steps, distance_upper_bound=mm * (1 + 1e-9) + 1e-9)
        near[tuple(unsure[np.isfinite(distance)].T)] = True
    result[box] = near
    return result


def limited_ring(near: np.ndarray, mm: float, limit: np.ndarray | None) -> np.ndarray:
    """The ring without what lies outside the limit, (k, j, i) bool.

    Raises
    ------
    EmptyRegionError : nothing is left. GeometryError : the limit is on another grid.
    """
    if limit is not None:
        if limit.shape != near.shape:
            raise GeometryError("The mask that limits the ring is on another grid than the tumour.")
        near = near & limit
    if not near.any():
        raise EmptyRegionError(
            f"The ring of {mm:g} mm around the region holds no voxel.",
            "The region fills the image or what limits the ring; check the outline.",
        )
    return near
