"""Level 3: a map taken from the prepared grid back to a sequence's own grid, with its sum.

A map holds an amount per voxel (log-odds), not a density, so it is not interpolated but shared out: each
voxel of it gives its amount to the voxels of the other grid by the volumes in which they overlap. It is
divided into small equal boxes for that, which are taken to lie along the other grid's axes: exact where both
grids are parallel, blurred by a part of a voxel where they are not.

What falls outside the other grid goes to its nearest voxel, so that the sum stays; how much that is stands in
the image's metadata (:data:`OUTSIDE`).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import SimpleITK as sitk

from ..errors import DimensionError

OUTSIDE = "virtualbiopsy.outside"
"""Metadata: what came from outside the grid, the sum of absolute amounts over that of the whole map."""

LEAST_PARTS = 2
"""A voxel is divided into at least so many boxes along each axis."""

_PER_VOXEL = 1.5
_ROUNDING = 1e-5
"""Overlaps below this part of a voxel come from the rounding of geometries in files."""
_AT_ONCE = 1 << 20


def pushback(map_image: sitk.Image, transform: sitk.Transform, target_image: sitk.Image) -> sitk.Image:
    """Share out a map among the voxels of a sequence's own grid.

    Parameters
    ----------
    map_image : amounts per voxel, any grid. transform : from its space to the target's (physical, LPS), as in
        :attr:`virtualbiopsy.prepare.model.PreparedCase.transforms`. target_image : gives the grid.

    Returns
    -------
    float64 image on the target's grid with the same sum (to rounding), zero where nothing of the map lies.

    Raises
    ------
    DimensionError : an image does not have three dimensions.
    """
    if map_image.GetDimension() != 3 or target_image.GetDimension() != 3:
        raise DimensionError("A map and the grid it is taken to must have three dimensions.")
    amounts = sitk.GetArrayViewFromImage(map_image)
    at = np.argwhere(amounts != 0)
    amount = amounts[tuple(at.T)].astype(np.float64)
    shape = target_image.GetSize()[::-1]
    found = np.zeros(math.prod(shape))
    outside = 0.0
    if at.size:
        move = _movement(map_image, transform, target_image, at)
        parts, width = _parts(move, at)
        middles = [(np.arange(n) + 0.5) / n - 0.5 for n in parts]
        share = amount / math.prod(parts)
        offsets = np.array(list(itertools.product(*middles)))
        step = max(1, _AT_ONCE // len(at))
        for first in range(0, len(offsets), step):
            some = offsets[first : first + step]
            boxes = move((at[:, None] + some[None]).reshape(-1, 3))
            outside += _deposit(found, shape, boxes, width, np.repeat(share, len(some)))
    result = sitk.GetImageFromArray(found.reshape(shape))
    result.CopyInformation(target_image)
    total = float(np.abs(amount).sum())
    result.SetMetaData(OUTSIDE, repr(min(1.0, outside / total) if total else 0.0))
    return result


def _deposit(
    found: np.ndarray, shape: tuple[int, int, int], boxes: np.ndarray, width: np.ndarray, amount: np.ndarray
) -> float:
    """Add amounts (n,) of boxes around (n, 3) indices, (3,) wide and no wider than a voxel, to the grid.

    Returns the sum of absolute amounts that fell outside.
    """
    low = boxes - width / 2 + 0.5
    cell = np.floor(low + _ROUNDING).astype(np.int64)
    beyond = (low + width - cell - 1) / width
    beyond[beyond < _ROUNDING] = 0.0
    outside = 0.0
    for corner in itertools.product((0, 1), repeat=3):
        weight = amount
        for axis, upper in enumerate(corner):
            weight = weight * (beyond[:, axis] if upper else 1.0 - beyond[:, axis])
        used = np.flatnonzero(weight)
        places, weight = cell[used] + corner, weight[used]
        inner = np.clip(places, 0, np.array(shape) - 1)
        outside += float(np.abs(weight[(places != inner).any(axis=1)]).sum())
        flat = (inner[:, 0] * shape[1] + inner[:, 1]) * shape[2] + inner[:, 2]
        if flat.size:
            first = int(flat.min())
            sums = np.bincount(flat - first, weight)
            found[first : first + len(sums)] += sums
    return outside


def _movement(map_image: sitk.Image, transform: sitk.Transform, target_image: sitk.Image, at: np.ndarray):
    """Function from continuous indices (n, 3; k, j, i) of the map to those of the target."""

    def exact(indices: np.ndarray) -> np.ndarray:
        found = np.empty((len(indices), 3))
        for row, index in enumerate(indices[:, ::-1].tolist()):
            point = transform.TransformPoint(map_image.TransformContinuousIndexToPhysicalPoint(index))
            found[row] = target_image.TransformPhysicalPointToContinuousIndex(point)[::-1]
        return found

    if not transform.IsLinear():
        return exact
    middle = at.mean(axis=0)
    corners = exact(middle + np.vstack([np.zeros(3), 64.0 * np.eye(3)]))
    matrix = (corners[1:] - corners[0]) / 64.0
    return lambda indices: (indices - middle) @ matrix + corners[0]


def _parts(move, at: np.ndarray) -> tuple[tuple[int, int, int], np.ndarray]:
    """Boxes along each axis of a voxel, and their widths (3,) in voxels of the target, at most one."""
    middle = at.mean(axis=0)
    corners = move(middle + np.vstack([np.zeros(3), np.eye(3)]))
    steps = np.abs(corners[1:] - corners[0])
    k, j, i = (max(LEAST_PARTS, math.ceil(_PER_VOXEL * length - 1e-6)) for length in steps.max(axis=1))
    width = (steps / np.array((k, j, i))[:, None]).sum(axis=0)
    return (k, j, i), np.clip(width, 1e-6, 1.0)
