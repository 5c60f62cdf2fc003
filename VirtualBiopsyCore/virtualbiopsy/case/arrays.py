"""Masks as boolean arrays: cropping, axial axis, surface points."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..errors import DimensionError, EmptyRegionError


def mask_array(mask: sitk.Image) -> np.ndarray:
    """Return a 3D mask as a boolean array (k, j, i); every value but 0 is inside.

    Raises
    ------
    DimensionError : the mask is not a 3D scalar image.
    """
    if mask.GetDimension() != 3 or mask.GetNumberOfComponentsPerPixel() != 1:
        raise DimensionError("The region is not a three-dimensional mask with one value per voxel.")
    return sitk.GetArrayViewFromImage(mask) != 0


def mask_image(inside: np.ndarray, like: sitk.Image) -> sitk.Image:
    """Return a boolean array (k, j, i) as a uint8 mask, 1 inside, with the geometry of an image."""
    image = sitk.GetImageFromArray(np.asarray(inside, dtype=np.uint8))
    image.CopyInformation(like)
    return image


def bounding_box(inside: np.ndarray) -> tuple[slice, ...]:
    """Return the smallest box, as one slice per axis, that holds all true voxels.

    Raises
    ------
    EmptyRegionError : no voxel is true.
    """
    box: list[slice] = []
    for axis in range(inside.ndim):
        # What is known already need not be searched again.
        part = inside[tuple(box)]
        hit = np.flatnonzero(part.any(axis=tuple(a for a in range(inside.ndim) if a != axis)))
        if hit.size == 0:
            raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)


def grow_box(box: tuple[slice, ...], shape: tuple[int, ...], margin: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the box widened by `margin` voxels on each side, limited to the array."""
    return tuple(
        slice(max(0, b.start - m), min(n, b.stop + m)) for b, n, m in zip(box, shape, margin, strict=True)
    )


def spacing_kji(image: sitk.Image) -> tuple[float, float, float]:
    """Spacing in mm in the order of the array axes (k, j, i)."""
    di, dj, dk = image.GetSpacing()
    return dk, dj, di


def axial_axis(image: sitk.Image) -> int:
    """Array axis (0 = k, 1 = j, 2 = i) whose direction is closest to superior–inferior."""
    direction = np.reshape(image.GetDirection(), (3, 3))
    return 2 - int(np.argmax(np.abs(direction[2])))


def largest_slice_index(inside: np.ndarray, axis: int) -> int:
    """Index along `axis` of the slice with most voxels; of equal ones that nearest to the centre of mass."""
    areas = inside.sum(axis=tuple(a for a in range(inside.ndim) if a != axis))
    best = np.flatnonzero(areas == areas.max())
    centre = float((areas * np.arange(areas.size)).sum() / areas.sum())
    return int(best[np.argmin(np.abs(best - centre))])


def surface_points(inside: np.ndarray) -> np.ndarray:
    """Points where the mask's surface crosses the lines between neighbouring voxel centres.

    They are the vertices that marching cubes places at level 0.5 on a binary mask, the mesh of IBSI's
    morphological features; what lies beyond the array counts as outside.

    Returns
    -------
    (n, ndim) float64 array of continuous indices in the order of the array axes.
    """
    padded = np.pad(inside, 1)
    points = []
    for axis in range(inside.ndim):
        first = [slice(None)] * inside.ndim
        second = [slice(None)] * inside.ndim
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        crossing = np.argwhere(padded[tuple(first)] != padded[tuple(second)]).astype(np.float64)
        crossing[:, axis] += 0.5
        points.append(crossing - 1.0)
    return np.concatenate(points)
