"""Bring images and masks onto a common grid."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..progress import Progress, silent
from .geometry import same_grid
from .register import affine
from .run import run

INTERPOLATORS = {"linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


def is_identity(transform: sitk.Transform) -> bool:
    """Whether a linear transform leaves a metre-wide frame unmoved to within a micrometre."""
    points = ((0.0, 0.0, 0.0), (500.0, 0.0, 0.0), (0.0, 500.0, 0.0), (0.0, 0.0, 500.0))
    return all(np.abs(np.subtract(transform.TransformPoint(p), p)).max() < 1e-3 for p in points)


def resample_image(
    image: sitk.Image,
    grid: sitk.Image,
    transform: sitk.Transform,
    interpolator: str,
    *,
    fill: float = 0.0,
    progress: Progress = silent,
    message: str = "Resampling",
) -> sitk.Image:
    """Interpolate `image` on `grid` as float64; `transform` maps points of the grid to points of the image.

    An image that already lies on the grid is returned with its own values. Points outside get `fill`.

    Raises
    ------
    Cancelled : the progress callback asked to stop.
    """
    if same_grid(image, grid) and is_identity(transform):
        result = sitk.Cast(image, sitk.sitkFloat64)
        result.CopyInformation(grid)
        return result
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(grid)
    resampler.SetTransform(transform)
    resampler.SetInterpolator(INTERPOLATORS[interpolator])
    resampler.SetDefaultPixelValue(fill)
    resampler.SetOutputPixelType(sitk.sitkFloat64)
    return run(resampler, sitk.Cast(image, sitk.sitkFloat64), progress=progress, message=message)


def resample_mask(mask: sitk.Image, grid: sitk.Image, rule: str) -> sitk.Image:
    """Return the mask as uint8 on the grid: "nearest", or "linear" with a partial volume of at least 0.5.

    Only the neighbourhood of the mask is computed.
    """
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    if same_grid(mask, grid):
        binary.CopyInformation(grid)
        return binary
    result = sitk.Image(grid.GetSize(), sitk.sitkUInt8)
    result.CopyInformation(grid)
    window = mask_window(binary, grid)
    if window is None:
        return result
    start, size = window
    part = sitk.RegionOfInterest(grid, size, start)
    if rule == "nearest":
        values = sitk.Resample(binary, part, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    else:
        # One voxel of zeros around it, so that a mask at the border falls off there like anywhere else.
        padded = sitk.ConstantPad(sitk.Cast(binary, sitk.sitkFloat32), (1, 1, 1), (1, 1, 1), 0.0)
        share = sitk.Resample(padded, part, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
        values = sitk.Cast(share >= 0.5 - 1e-5, sitk.sitkUInt8)
    return sitk.Paste(result, values, size, destinationIndex=start)


def mask_window(binary: sitk.Image, grid: sitk.Image) -> tuple[list[int], list[int]] | None:
    """Start and size (i, j, k) of the part of the grid that the mask can reach; None if it reaches none."""
    inside = sitk.GetArrayViewFromImage(binary)
    box = []
    for axis in (2, 1, 0):
        hit = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        if not hit.size:
            return None
        box.append((hit[0] - 1.0, hit[-1] + 1.0))
    corners = np.array([[x, y, z, 1.0] for x in box[0] for y in box[1] for z in box[2]])
    mapped = (affine(binary, sitk.Transform(3, sitk.sitkIdentity), grid) @ corners.T)[:3]
    low = np.maximum(np.floor(mapped.min(axis=1)).astype(int), 0)
    high = np.minimum(np.ceil(mapped.max(axis=1)).astype(int), np.array(grid.GetSize()) - 1)
    if (high < low).any():
        return None
    return low.tolist(), (high - low + 1).tolist()
