"""Bring images and masks onto a common grid."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..case.arrays import bounding_box, grow_box
from ..progress import Progress, silent
from .geometry import same_grid
from .register import affine
from .run import run
from .separable import interpolate

INTERPOLATORS = {"linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline, "nearest": sitk.sitkNearestNeighbor}
HALF = 0.5 - 1e-5
"""Partial volume from which a voxel belongs to a mask: one half, less what rounding may take away."""
TIE = 1e-6
"""Voxels by which positions move up before the nearest voxel is taken: a tie goes the same way everywhere."""


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
    Grids with parallel axes are interpolated axis by axis, which is the same and much faster.

    Raises
    ------
    Cancelled : the progress callback asked to stop.
    """
    if same_grid(image, grid) and is_identity(transform):
        result = sitk.Cast(image, sitk.sitkFloat64)
        result.CopyInformation(grid)
        return result
    matrix = affine(grid, transform, image)
    scale = np.diag(matrix)[:3]
    nx, ny, nz = grid.GetSize()
    drift = np.abs(matrix[:3, :3] - np.diag(scale)) @ np.array([nx, ny, nz])
    if interpolator != "nearest" and (drift < 1e-4).all():
        steps = [np.arange(n) * scale[a] + matrix[a, 3] for a, n in enumerate((nx, ny, nz))]
        values = interpolate(
            sitk.GetArrayViewFromImage(image),
            (steps[2], steps[1], steps[0]),
            interpolator,
            fill=fill,
            progress=progress,
            message=message,
        )
        result = sitk.GetImageFromArray(values)
        result.CopyInformation(grid)
        return result
    values = sitk.GetArrayViewFromImage(image)
    box = _content(values, fill)
    window = box and _window(image, box, grid, transform)
    if window is None:
        return _constant(grid, fill)
    (start, size), first = window, [b.start for b in reversed(box)]
    cropped = sitk.RegionOfInterest(image, [b.stop - b.start for b in reversed(box)], first)
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(sitk.RegionOfInterest(grid, size, start))
    resampler.SetTransform(transform)
    resampler.SetInterpolator(INTERPOLATORS[interpolator])
    resampler.SetDefaultPixelValue(fill)
    resampler.SetOutputPixelType(sitk.sitkFloat64)
    part = run(resampler, sitk.Cast(cropped, sitk.sitkFloat64), progress=progress, message=message)
    return sitk.Paste(_constant(grid, fill), part, size, destinationIndex=start)


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
    inside = sitk.GetArrayViewFromImage(binary)
    box = grow_box(bounding_box(inside), inside.shape, (1, 1, 1)) if inside.any() else None
    window = box and _window(binary, box, grid, sitk.Transform(3, sitk.sitkIdentity))
    if window is None:
        return result
    start, size = window
    values = sample_mask(binary, sitk.RegionOfInterest(grid, size, start), rule)
    return sitk.Paste(result, values, size, destinationIndex=start)


def sample_mask(binary: sitk.Image, grid: sitk.Image, rule: str) -> sitk.Image:
    """The uint8 mask (0 and 1) on a grid, by a rule of :func:`resample_mask`; zero beyond the mask's border.

    The result at a point does not depend on the part of the grid, or of the mask around it, that is given.
    """
    if rule == "nearest":
        # A point halfway between two voxels takes the upper one, whatever the last bits of its position.
        nudge = np.reshape(binary.GetDirection(), (3, 3)) @ (np.array(binary.GetSpacing()) * TIE)
        up = sitk.TranslationTransform(3, nudge.tolist())
        return sitk.Resample(binary, grid, up, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    # One voxel of zeros around it, so that a mask at the border falls off there like anywhere else.
    padded = sitk.ConstantPad(sitk.Cast(binary, sitk.sitkFloat32), (1, 1, 1), (1, 1, 1), 0.0)
    share = sitk.Resample(padded, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    return sitk.Cast(share >= HALF, sitk.sitkUInt8)


def _content(values: np.ndarray, fill: float) -> tuple[slice, ...] | None:
    """Box of what differs from the fill, with twelve voxels around it; beyond them a spline has died away."""
    inside = values != fill
    if not inside.any():
        return None
    return grow_box(bounding_box(inside), inside.shape, (12, 12, 12))


def _window(
    image: sitk.Image, box: tuple[slice, ...], grid: sitk.Image, transform: sitk.Transform
) -> tuple[list[int], list[int]] | None:
    """Start and size (i, j, k) of the part of the grid that a box (k, j, i) of the image can reach."""
    edges = [(b.start - 1.0, float(b.stop)) for b in reversed(box)]
    corners = np.array([[x, y, z, 1.0] for x in edges[0] for y in edges[1] for z in edges[2]])
    mapped = (np.linalg.inv(affine(grid, transform, image)) @ corners.T)[:3]
    low = np.maximum(np.floor(mapped.min(axis=1)).astype(int), 0)
    high = np.minimum(np.ceil(mapped.max(axis=1)).astype(int), np.array(grid.GetSize()) - 1)
    if (high < low).any():
        return None
    return low.tolist(), (high - low + 1).tolist()


def _constant(grid: sitk.Image, value: float) -> sitk.Image:
    image = sitk.Image(grid.GetSize(), sitk.sitkFloat64) + value
    image.CopyInformation(grid)
    return image
