"""Image and mask as pyradiomics prepares them: normalise, resample on its own grid, crop around the region.

Source: what ``RadiomicsFeatureExtractor.execute`` of pyradiomics 3.0.1 does before its feature classes
(``imageoperations``: getMask, normalizeImage, resampleImage, checkMask).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..case.arrays import bounding_box, grow_box
from ..errors import (
    DimensionError,
    EmptyRegionError,
    EngineError,
    GeometryError,
    NonFiniteError,
    RegionTooSmallError,
)
from ..memory import require_memory
from .protocol import INTERPOLATORS, ExtractionSettings
from .spline import spline_on_grid, within

SPLINE_MARGIN = 40
"""Voxels beyond which the coefficients of a cubic B-spline no longer feel a sample: 0.268⁴⁰ < 2e-23."""

_WHOLE = 1e-11
"""A value that differs from a whole number by less, relative to the largest value, may be that number."""

_SITK = {"bspline": sitk.sitkBSpline, "linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor}
_FLOATS = (sitk.sitkFloat32, sitk.sitkFloat64)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What the filters of pyradiomics see.

    Attributes
    ----------
    image : 3D image with the pixel type that pyradiomics would have here.
    mask : (k, j, i) bool on the voxels of `image`.
    box : where the region is: one slice for each axis of `mask`.
    steps : provenance, one sentence per step.
    """

    image: sitk.Image
    mask: np.ndarray
    box: tuple[slice, slice, slice]
    steps: tuple[str, ...]

    @property
    def values(self) -> np.ndarray:
        """(k, j, i) array of the image in its own pixel type."""
        return sitk.GetArrayFromImage(self.image)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """(dk, dj, di) in mm."""
        di, dj, dk = self.image.GetSpacing()
        return dk, dj, di


def prepare(image: sitk.Image, mask: sitk.Image, settings: ExtractionSettings) -> Prepared:
    """Bring image and mask to where pyradiomics' filters start.

    Raises
    ------
    DimensionError : image or mask is not 3D with one value per voxel.
    EmptyRegionError, RegionTooSmallError : no voxel has the label, or it has extent in one direction at most.
    GeometryError : the grids differ, or the region reaches beyond the image.
    NonFiniteError : the image holds NaN or infinite values and is to be normalised or resampled.
    EngineError : a setting has no meaning.
    MemoryLimitError : the new grid does not fit into the free memory.
    """
    _check(image, mask, settings)
    if mask.GetPixelID() in _FLOATS:
        mask = sitk.Cast(mask, sitk.sitkUInt32)
    box = _label_box(mask, settings.label)
    steps = []
    if settings.normalise:
        image = normalised(image, settings)
        steps.append(normalised_step(settings))
    if settings.spacing is not None:
        image, mask = _resampled(image, mask, box, settings)
        size = " × ".join(str(n) for n in image.GetSize())
        voxel = " × ".join(f"{s:g}" for s in image.GetSpacing())
        steps.append(
            f"Resampled to {voxel} mm (i, j, k; {settings.interpolator}, mask nearest) on the box of the "
            f"region and {settings.pad_distance} voxels around it: {size} voxels."
        )
    mask = on_grid(image, mask, settings)
    inside = sitk.GetArrayViewFromImage(mask) == settings.label
    box = bounding_box(inside)
    _check_extent(box)
    return Prepared(image, inside, box, tuple(steps))


def _check(image: sitk.Image, mask: sitk.Image, settings: ExtractionSettings) -> None:
    for what, volume in (("image", image), ("mask", mask)):
        if volume.GetDimension() != 3 or volume.GetNumberOfComponentsPerPixel() != 1:
            raise DimensionError(f"The {what} is not three-dimensional with one value per voxel.")
    if settings.interpolator not in INTERPOLATORS:
        raise EngineError(
            f"Unknown interpolator {settings.interpolator!r}.", f"Use {', '.join(INTERPOLATORS)}."
        )
    if settings.spacing is not None and not all(0 <= step < 1000 for step in settings.spacing):
        raise EngineError(f"The spacing {settings.spacing} is not three numbers of mm, 0 or more.")
    if settings.pad_distance < 0 or settings.label < 1:
        raise EngineError("The label must be 1 or more and the margin not negative.")
    if (settings.normalise or settings.spacing) and image.GetPixelID() in _FLOATS:
        bad = np.count_nonzero(~np.isfinite(sitk.GetArrayViewFromImage(image)))
        if bad:
            raise NonFiniteError(
                f"The image is NaN or infinite in {bad} voxels, which would spread.",
                "Replace them, or extract without resampling and normalising.",
            )


def _label_box(mask: sitk.Image, label: int) -> tuple[slice, slice, slice]:
    inside = sitk.GetArrayViewFromImage(mask) == label
    if not inside.any():
        found = np.unique(sitk.GetArrayViewFromImage(mask))[:8]
        labels = ", ".join(f"{value:g}" for value in found if value)
        raise EmptyRegionError(
            f"No voxel of the mask has the label {label}.",
            f"Its labels are {labels}." if labels else "It holds no voxel at all.",
        )
    return bounding_box(inside)


def _check_extent(box: tuple[slice, ...]) -> None:
    wide = sum(b.stop - b.start > 1 for b in box)
    if wide < 2:
        raise RegionTooSmallError(
            "The region is a single voxel." if wide == 0 else "The region is a single row of voxels.",
            "Outline a region that extends in two directions at least.",
        )


def normalised_step(settings: ExtractionSettings) -> str:
    """What :func:`normalised` does, for the provenance."""
    clip = "" if settings.remove_outliers is None else f", clipped at {settings.remove_outliers:g} SD"
    return f"Whole image normalised{clip}, times {settings.normalise_scale:g}."


def normalised(image: sitk.Image, settings: ExtractionSettings) -> sitk.Image:
    """The image with mean 0 and standard deviation 1 over all voxels, clipped and scaled as set."""
    result = sitk.Normalize(image)
    if settings.remove_outliers is not None:
        limit = settings.remove_outliers
        clipped = sitk.GetImageFromArray(np.clip(sitk.GetArrayViewFromImage(result), -limit, limit))
        clipped.CopyInformation(result)
        result = clipped
    return result * settings.normalise_scale


def _resampled(
    image: sitk.Image, mask: sitk.Image, box: tuple[slice, ...], settings: ExtractionSettings
) -> tuple[sitk.Image, sitk.Image]:
    """pyradiomics' resampleImage, with the image cropped beforehand as far as its spline does not feel it."""
    low = np.array([b.start for b in reversed(box)])
    size = np.array([b.stop - b.start for b in reversed(box)])
    old = np.array(mask.GetSpacing())
    _check_inside(image, mask, low, size)
    new = np.array(settings.spacing, dtype=float)
    new = np.where((new == 0) | (size == 1), old, new)
    if np.allclose(image.GetSpacing(), new):
        moved = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, mask.GetPixelID())
        inside = sitk.GetArrayViewFromImage(moved) == settings.label
        wide = grow_box(bounding_box(inside), inside.shape, (settings.pad_distance,) * 3)
        return _cut(image, wide), _cut(moved, wide)
    ratio = old / new
    first = np.maximum(np.floor((low - 0.5) * ratio - settings.pad_distance), 0)
    last = np.ceil((low + size - 0.5) * ratio + settings.pad_distance)
    last = np.minimum(last, np.ceil(np.array(mask.GetSize()) * ratio) - 1)
    count = (last - first + 1).astype(int)
    require_memory(int(np.prod(count.astype(float))) * 24, "The resampled image")
    origin = mask.TransformContinuousIndexToPhysicalPoint(0.5 * (new - old) / old + first / ratio)
    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(new.tolist())
    resampler.SetOutputDirection(mask.GetDirection())
    resampler.SetSize(count.tolist())
    resampler.SetOutputOrigin(origin)
    resampler.SetOutputPixelType(image.GetPixelID())
    resampler.SetInterpolator(_SITK[settings.interpolator])
    if settings.interpolator == "bspline":
        image = _near(image, origin, count, new, mask.GetDirection())
    resampled = None
    if settings.interpolator == "bspline" and image.GetDirection() == mask.GetDirection():
        resampled = _splined(image, origin, count, new)
    if resampled is None:
        resampled = resampler.Execute(image)
    resampler.SetOutputPixelType(mask.GetPixelID())
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    return resampled, resampler.Execute(mask)


def _splined(image: sitk.Image, origin: tuple, count: np.ndarray, spacing: np.ndarray) -> sitk.Image | None:
    """The image on a parallel grid by its cubic B-spline, in its own pixel type.

    Whole numbers are cut off as ITK does it; None where the result of that hangs on the last digit of the
    spline, because a value is a whole number but for rounding, and for two samples along an axis, which ITK
    mirrors in its own way.
    """
    if 2 in image.GetSize():
        return None
    start = np.array(image.TransformPhysicalPointToContinuousIndex(origin))
    step = spacing / np.array(image.GetSpacing())
    at = [start[axis] + step[axis] * np.arange(count[axis]) for axis in (2, 1, 0)]
    values = sitk.GetArrayViewFromImage(image)
    found = spline_on_grid(values, at)
    if image.GetPixelID() not in _FLOATS:
        limits = np.iinfo(values.dtype)
        reached = found[np.ix_(*(within(places, n) for places, n in zip(at, values.shape, strict=True)))]
        gaps = np.abs(reached - np.rint(reached))
        if (gaps < _WHOLE * max(1.0, float(np.abs(reached).max(initial=0)))).any():
            return None
        found = np.clip(found, limits.min, limits.max)
    result = sitk.GetImageFromArray(found.astype(values.dtype))
    result.SetOrigin(origin)
    result.SetSpacing(spacing.tolist())
    result.SetDirection(image.GetDirection())
    return result


def _check_inside(image: sitk.Image, mask: sitk.Image, low: np.ndarray, size: np.ndarray) -> None:
    corners = [
        image.TransformPhysicalPointToContinuousIndex(mask.TransformContinuousIndexToPhysicalPoint(at))
        for at in ((low - 0.5).tolist(), (low + size - 0.5).tolist())
    ]
    if (np.min(corners, axis=0) < -0.501).any() or (
        np.max(corners, axis=0) > np.array(image.GetSize()) - 0.499
    ).any():
        raise GeometryError(
            "The region reaches beyond the image.", "Outline the tumour on this image, or choose another."
        )


def _near(
    image: sitk.Image, origin: tuple, count: np.ndarray, spacing: np.ndarray, direction: tuple
) -> sitk.Image:
    """The part of the image that a B-spline on the new grid depends on."""
    axes = np.reshape(direction, (3, 3)) * spacing
    ends = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (count - 1)
    points = np.array(origin) + ends @ axes.T
    inside = np.array([image.TransformPhysicalPointToContinuousIndex(p.tolist()) for p in points])
    low = np.maximum(np.floor(inside.min(axis=0)).astype(int) - SPLINE_MARGIN, 0)
    high = np.minimum(np.ceil(inside.max(axis=0)).astype(int) + SPLINE_MARGIN + 1, image.GetSize())
    return sitk.RegionOfInterest(image, (high - low).tolist(), low.tolist())


def _cut(image: sitk.Image, box: tuple[slice, ...]) -> sitk.Image:
    start = [b.start for b in reversed(box)]
    return sitk.RegionOfInterest(image, [b.stop - b.start for b in reversed(box)], start)


def on_grid(image: sitk.Image, mask: sitk.Image, settings: ExtractionSettings) -> sitk.Image:
    """The mask on the grid of the image: as it is if the grids are the same, else corrected if allowed.

    Raises
    ------
    GeometryError : the grids differ and the mask may not be corrected, or it reaches beyond the image.
    """
    if image.GetSize() == mask.GetSize() and _same_place(image, mask, settings.geometry_tolerance):
        return mask
    if not settings.correct_mask:
        raise GeometryError(
            "Mask and image lie on different grids.",
            "Allow the mask to be put onto the grid of the image, or resample both.",
        )
    box = _label_box(mask, settings.label)
    low = np.array([b.start for b in reversed(box)])
    _check_inside(image, mask, low, np.array([b.stop - b.start for b in reversed(box)]))
    return sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, mask.GetPixelID())


def _same_place(a: sitk.Image, b: sitk.Image, tolerance: float) -> bool:
    """As ITK's filters compare their inputs: origin and spacing in voxels, direction cosines as they are."""
    limit = tolerance * a.GetSpacing()[0]
    return (
        np.abs(np.subtract(a.GetOrigin(), b.GetOrigin())).max() <= limit
        and np.abs(np.subtract(a.GetSpacing(), b.GetSpacing())).max() <= limit
        and np.abs(np.subtract(a.GetDirection(), b.GetDirection())).max() <= tolerance
    )
