"""Masks of the head and, roughly, of the brain, from one image."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..case.arrays import bounding_box, mask_image, spacing_kji
from ..errors import ConstantImageError

_WORKING_MM = 2.0


def head_mask(image: sitk.Image) -> sitk.Image:
    """Return a uint8 mask of the head (or of whatever body part lies in air) on the image's grid.

    In a skull-stripped image, where one value fills the border, it is everything that has another value.
    Otherwise it is what lies above Otsu's threshold of a smoothed copy at about 2 mm. In both cases the
    largest part is kept and its holes are filled, slice by slice as well, so that dark sinuses belong to it.
    The mask does not change when the image is multiplied by a positive number or shifted.

    Raises
    ------
    ConstantImageError : the image has the same value everywhere.
    """
    values = sitk.GetArrayViewFromImage(image)
    if not values.max() > values.min():
        raise ConstantImageError(
            "The image has the same value everywhere.", "Check that the right series was loaded."
        )
    background = stripped_value(values)
    if background is not None:
        return mask_image(_filled(_largest(values != background)), image)
    step = tuple(max(1, round(_WORKING_MM / s)) for s in spacing_kji(image))
    coarse = block_mean(values, step)
    bright = np.percentile(coarse, 99)
    coarse = np.minimum(coarse, bright)
    inside = _largest_filled(coarse > _air_threshold(coarse))
    if not inside.any():
        inside = coarse > np.median(coarse)
    return mask_image(refine(inside, step, values.shape), image)


def brain_mask(image: sitk.Image) -> sitk.Image:
    """Return a rough uint8 mask of the brain on the image's grid.

    A skull-stripped image gives its whole content. Otherwise the head is eroded until scalp and skull are
    gone and the largest soft-tissue part that remains is grown back. It is meant for intensity statistics,
    not for measuring the brain.

    Raises
    ------
    ConstantImageError : the image has the same value everywhere.
    """
    values = sitk.GetArrayViewFromImage(image)
    head = sitk.GetArrayFromImage(head_mask(image)) != 0
    if stripped_value(values) is not None:
        return mask_image(head, image)
    step = tuple(max(1, round(_WORKING_MM / s)) for s in spacing_kji(image))
    spacing = np.array(spacing_kji(image)) * step
    coarse = block_mean(values, step)
    coarse_head = block_mean(head, step) > 0.5
    depth = ndimage.distance_transform_edt(np.pad(coarse_head, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    deep = depth > min(10.0, 0.4 * float(depth.max()))
    level = coarse[deep]
    low = level.min() + 0.5 * (np.median(level) - level.min())
    high = np.percentile(level, 99.5)
    soft = deep & (coarse > low) & (coarse < high)
    core = _largest(_erode(soft, 4.0, spacing))
    if not core.any():
        return mask_image(head, image)
    grown = _dilate(core, 7.0, spacing) & (depth > min(6.0, 0.3 * float(depth.max())))
    closed = ndimage.binary_fill_holes(_erode(_dilate(np.pad(grown, 8), 8.0, spacing), 8.0, spacing))
    inside = closed[8:-8, 8:-8, 8:-8] & coarse_head
    return mask_image(refine(inside, step, values.shape) & head, image)


def stripped_value(values: np.ndarray) -> float | None:
    """Value that fills the background of a masked (skull-stripped) image, None if there is no such value.

    It must fill at least 15 % of the image and nine tenths of its border.
    """
    faces = [values[0], values[-1], values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]]
    # With few slices the first and last show the head; the other four faces decide then.
    border = np.concatenate([f.ravel() for f in (faces if values.shape[0] > 40 else faces[2:])])
    found, count = np.unique(border, return_counts=True)
    value = found[int(np.argmax(count))]
    if count.max() < 0.9 * border.size or np.count_nonzero(values == value) < 0.15 * values.size:
        return None
    if value != values.min() and np.count_nonzero(values < value) > 0.05 * values.size:
        return None
    return float(value)


def _air_threshold(values: np.ndarray) -> float:
    """Threshold between air and tissue: the lower of two Otsu thresholds of a three-class split."""
    image = sitk.GetImageFromArray(values.astype(np.float32))
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(image)
    return float(otsu.GetThresholds()[0])


def block_mean(values: np.ndarray, step: tuple[int, int, int]) -> np.ndarray:
    """Mean over blocks of step voxels; the last, incomplete block is padded with its edge values."""
    pad = [(0, -n % s) for n, s in zip(values.shape, step, strict=True)]
    array = np.pad(values.astype(np.float32), pad, mode="edge") if any(p[1] for p in pad) else values
    k, j, i = (n // s for n, s in zip(array.shape, step, strict=True))
    blocks = array.reshape(k, step[0], j, step[1], i, step[2])
    return blocks.mean(axis=(1, 3, 5), dtype=np.float64)


def refine(coarse: np.ndarray, step: tuple[int, int, int], shape: tuple[int, ...]) -> np.ndarray:
    for axis, s in enumerate(step):
        if s > 1:
            coarse = np.repeat(coarse, s, axis=axis)
    return coarse[tuple(slice(0, n) for n in shape)]


def _largest(inside: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(inside)
    if count < 2:
        return inside
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))


def _largest_filled(inside: np.ndarray) -> np.ndarray:
    """The largest part with everything that it encloses, also within single slices.

    Enclosed voxels are filled before parts are compared: the scalp may be a shell that no bright voxel
    connects with the brain. A small opening cuts off noise and what hangs on it by a thread.
    """
    if not inside.any():
        return inside
    filled = _filled_slices(_filled(inside))
    core = _largest(ndimage.binary_opening(filled))
    if not core.any():
        return _largest(filled)
    return _largest(filled & ndimage.binary_dilation(core, iterations=2))


def _filled_slices(inside: np.ndarray) -> np.ndarray:
    for axis in range(3):
        for index in range(inside.shape[axis]):
            at = (slice(None),) * axis + (index,)
            inside[at] = ndimage.binary_fill_holes(inside[at])
    return inside


def _filled(inside: np.ndarray) -> np.ndarray:
    """The mask with its enclosed holes filled."""
    box = bounding_box(inside)
    result = np.zeros(inside.shape, dtype=bool)
    part = sitk.GetImageFromArray(np.pad(inside[box], 1).astype(np.uint8))
    filled = sitk.GetArrayFromImage(sitk.BinaryFillhole(part, fullyConnected=False, foregroundValue=1))
    result[box] = filled[1:-1, 1:-1, 1:-1] != 0
    return result


def _erode(inside: np.ndarray, mm: float, spacing: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1, 1:-1] > mm


def _dilate(inside: np.ndarray, mm: float, spacing: np.ndarray) -> np.ndarray:
    if not inside.any():
        return inside
    return ndimage.distance_transform_edt(~inside, sampling=spacing) <= mm
