"""Facts of a region: volume, slices, parts, diameters with their end points."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from ..case.arrays import (
    axial_axis,
    bounding_box,
    largest_slice_index,
    mask_array,
    spacing_kji,
    surface_points,
)
from .model import RegionFacts


def region_facts(mask: sitk.Image) -> RegionFacts:
    """Measure a region on the grid that it was drawn on.

    Diameters are the largest distances between vertices of the mask's surface mesh at level 0.5 (IBSI
    "maximum 3D diameter", L0JK), in 3D and in the axial slice with the largest area. The axial slice is a
    slice of the image across the axis that is closest to superior–inferior.

    Raises
    ------
    EmptyRegionError : the region holds no voxel.
    DimensionError : the mask is not 3D.
    """
    whole = mask_array(mask)
    box = bounding_box(whole)
    inside = np.ascontiguousarray(whole[box])
    start = np.array([b.start for b in box], dtype=np.float64)
    spacing = np.array(spacing_kji(mask))
    axis = axial_axis(mask)

    voxels = int(np.count_nonzero(inside))
    components = ndimage.label(inside, structure=np.ones((3, 3, 3)))[1]
    touches = any(b.start == 0 or b.stop == n for b, n in zip(box, whole.shape, strict=True))

    ends, diameter = _farthest(surface_points(inside) * spacing)
    index = largest_slice_index(inside, axis)
    flat = np.delete(spacing, axis)
    flat_ends, flat_diameter = _farthest(surface_points(np.take(inside, index, axis=axis)) * flat)
    axial_ends = np.insert(flat_ends, axis, index * spacing[axis], axis=1)

    return RegionFacts(
        voxels=voxels,
        volume_ml=voxels * float(np.prod(spacing)) / 1000.0,
        slices=int(np.count_nonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))),
        components=int(components),
        touches_border=touches,
        diameter_mm=diameter,
        diameter_ends=_physical(mask, ends / spacing + start),
        axial_diameter_mm=flat_diameter,
        axial_diameter_ends=_physical(mask, axial_ends / spacing + start),
    )


def _farthest(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the two points (2, ndim) that are farthest apart, and their distance; points span all axes."""
    corners = points[ConvexHull(points).vertices]
    best, ends = -1.0, corners[:2]
    bounds = [*range(0, len(corners), 1024), len(corners)]
    for start, stop in pairwise(bounds):
        distances = cdist(corners[start:stop], corners)
        a, b = np.unravel_index(int(np.argmax(distances)), distances.shape)
        if distances[a, b] > best:
            best, ends = float(distances[a, b]), corners[[start + a, b]]
    return ends, best


def _physical(image: sitk.Image, indices_kji: np.ndarray):
    """Physical LPS points of two continuous indices given in the order of the array axes."""
    return tuple(
        tuple(image.TransformContinuousIndexToPhysicalPoint([float(x) for x in index[::-1]]))
        for index in indices_kji
    )
