"""Level 3: a map taken from the prepared grid back to a sequence's own grid, with its sum.

A map holds an amount per voxel (log-odds), not a density, so it is not interpolated but shared out: each
voxel of it is divided into equal parts, small against the voxels of the other grid, and each part goes, with
its share of the amount, to the voxel of the other grid that holds its middle. That is a division by
overlapping volumes, as fine as the parts are.

Parts that fall outside the other grid go to its nearest voxel, so that the sum stays; how much that is stands
in the image's metadata (:data:`OUTSIDE`).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import SimpleITK as sitk

from ..errors import DimensionError

OUTSIDE = "virtualbiopsy.outside"
"""Metadata: what came from outside the grid, the sum of absolute amounts over that of the whole map."""

PARTS = (4, 8)
"""A voxel is divided into at least and at most so many parts along each axis."""

_PER_VOXEL = 2.0
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
        parts = _parts(move, at)
        middles = [(np.arange(n) + 0.5) / n - 0.5 for n in parts]
        share = amount / math.prod(parts)
        step = max(1, _AT_ONCE // len(at))
        offsets = np.array(list(itertools.product(*middles)))
        for first in range(0, len(offsets), step):
            some = offsets[first : first + step]
            places = np.floor(move((at[:, None] + some[None]).reshape(-1, 3)) + 0.5).astype(np.int64)
            inner = np.clip(places, 0, np.array(shape) - 1)
            beyond = (places != inner).any(axis=1)
            weights = np.repeat(share, len(some))
            outside += float(np.abs(weights[beyond]).sum())
            flat = (inner[:, 0] * shape[1] + inner[:, 1]) * shape[2] + inner[:, 2]
            found += np.bincount(flat, weights, found.size)
    result = sitk.GetImageFromArray(found.reshape(shape))
    result.CopyInformation(target_image)
    total = float(np.abs(amount).sum())
    result.SetMetaData(OUTSIDE, repr(min(1.0, outside / total) if total else 0.0))
    return result


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


def _parts(move, at: np.ndarray) -> tuple[int, int, int]:
    """Parts along each axis, two for each voxel of the target that a voxel of the map crosses."""
    middle = at.mean(axis=0)
    steps = move(middle + np.vstack([np.zeros(3), np.eye(3)]))
    longest = np.abs(steps[1:] - steps[0]).max(axis=1)
    k, j, i = (min(PARTS[1], max(PARTS[0], math.ceil(_PER_VOXEL * length - 1e-6))) for length in longest)
    return k, j, i
