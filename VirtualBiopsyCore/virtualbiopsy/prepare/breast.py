"""A mask of the breasts from one image, for limits and intensity statistics; not for measuring them."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..case.arrays import mask_array, mask_image, spacing_kji
from ..errors import ConstantImageError, RegionError
from .head import block_mean, head_mask, refine

BEHIND_SKIN_MM = 15.0
"""The mask ends so far behind the skin over the sternum: at the pectoral muscle, roughly."""

BEHIND_FOLD_MM = 24.0
"""With one breast it ends so far behind the skin above and below the breast."""

THORAX_RADIUS_MM = 230.0
"""Radius with which the back of the mask falls off on both sides of the sternum …"""

FALLS_UNTIL_MM = 105.0
"""… up to this distance from it."""

APART_MM = 80.0
"""Two breasts are told apart where the profile has two summits at least so far from each other."""

VALLEY_MM = 12.0
"""… and a valley at least so deep between them."""

_FAR_MM = 140.0
_WORKING_MM = 2.0


def breast_mask(image: sitk.Image) -> sitk.Image:
    """Return a uint8 mask (1 inside) of the breast or breasts with their skin, on the image's grid.

    The skin is where the body begins along lines from front to back. The back of the mask is a surface behind
    the skin of the chest: where both breasts are imaged, `BEHIND_SKIN_MM` behind that over the sternum
    between them, level by level, falling off to both sides with the radius of a thorax; with one breast,
    `BEHIND_FOLD_MM` behind that above and below it, sagittal slice by slice. The pectoral muscle and the
    heart are thereby left out by geometry, to a centimetre or so, not found in the image. Works with and
    without fat suppression and in any orientation of the slices; the patient may lie prone or supine. The
    mask does not change when the image is multiplied by a positive number or shifted.

    Raises
    ------
    ConstantImageError : the image has the same value everywhere.
    RegionError : nothing in the image looks like a body with its front inside.
    """
    code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    inside = _breasts(sitk.DICOMOrient(image, "LPS"))
    return mask_image(sitk.GetArrayFromImage(sitk.DICOMOrient(inside, code)), image)


def _breasts(image: sitk.Image) -> sitk.Image:
    """The same for an image whose array axes (k, j, i) run to superior, posterior and left."""
    dk, dj, di = spacing_kji(image)
    values = sitk.GetArrayViewFromImage(image)
    if values.min() == values.max():
        raise ConstantImageError(
            "The image has the same value everywhere.", "Check that the right series was loaded."
        )
    body = mask_array(head_mask(image))
    front = _front(body, (dk, dj, di))
    if _misses(front, above := _front(_above_air(values, (dk, dj, di)), (dk, dj, di))):
        front = above
    seen = np.isfinite(front)
    if np.count_nonzero(seen) * dk * di < 20.0 * 20.0:
        raise RegionError(
            "No breast was found in the image: no skin in front of the body.",
            "Check that the series shows the breast; the limit to the breast can be left out.",
        )
    back = _back(front, dk, di)
    depth = np.arange(body.shape[1])[:, None] * dj
    inside = (depth >= front[:, None, :]) & (depth <= back[:, None, :])
    return mask_image(_largest_parts(inside), image)


def _above_air(values: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """What is brighter than the air in front of the body, in blocks of about 2 mm, (k, j, i) bool.

    The air's median and lower quartile are taken from the foremost centimetre; the threshold lies six
    standard deviations above the median, and at least a fiftieth of the way to the brightest tissue.
    """
    step = tuple(max(1, round(_WORKING_MM / s)) for s in spacing)
    coarse = block_mean(values, step)
    depth = max(3, round(10.0 / (spacing[1] * step[1])))
    quartile, median = np.percentile(coarse[:, 1:depth], (25, 50))
    margin = max(6.0 * (median - quartile) / 0.6745, 0.02 * (np.percentile(coarse, 99.5) - median))
    return refine(_largest_parts(coarse > median + margin, 0.1), step, values.shape)


def _misses(front: np.ndarray, above: np.ndarray) -> bool:
    """Whether the body found by Otsu's threshold lacks parts of what is brighter than air: dark fat.

    That is more than a tenth of the lines on which something is brighter than air, counting those where the
    body begins more than a centimetre behind it. Where the image holds no air in front, nothing counts.
    """
    seen = np.isfinite(above)
    if not seen.any():
        return False
    with np.errstate(invalid="ignore"):
        lacking = seen & ~(front <= above + 10.0)
    return np.count_nonzero(lacking) > 0.1 * np.count_nonzero(seen)


def _front(body: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Depth (mm from the first plane) at which the body begins, (k, i); infinite where it does not."""
    dk, dj, di = spacing
    depth = np.where(body.any(axis=1), body.argmax(axis=1) * dj, np.inf)
    size = tuple(2 * max(0, round(4.0 / s)) + 1 for s in (dk, di))
    # Single columns that noise opens or closes follow their neighbours.
    return ndimage.median_filter(depth, size=size, mode="nearest")


def _back(front: np.ndarray, dk: float, di: float) -> np.ndarray:
    """Depth at which the mask ends, (k, i)."""
    across = np.arange(front.shape[1]) * di
    sternum = _sternum(front, di)
    if sternum is None:
        return _back_of_one(front, di) + BEHIND_FOLD_MM
    width = max(1, round(8.0 / di))
    strip = front[:, max(0, sternum - width) : sternum + width + 1]
    level = np.array(
        [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in strip]
    )
    known = np.isfinite(level)
    level = np.interp(np.arange(level.size), np.flatnonzero(known), level[known])
    level = ndimage.gaussian_filter1d(level, 15.0 / dk, mode="nearest")
    aside = np.minimum(np.abs(across - across[sternum]), FALLS_UNTIL_MM)
    fall = THORAX_RADIUS_MM - np.sqrt(THORAX_RADIUS_MM**2 - aside**2)
    return level[:, None] + BEHIND_SKIN_MM + fall


def _back_of_one(front: np.ndarray, di: float) -> np.ndarray:
    """Depth of the skin above and below a single breast, (1, i): nine tenths of the lines of a sagittal slice
    have met skin there; never deeper than for all slices together."""
    deepest = float(np.min(front)) + _FAR_MM
    near = np.where(front <= deepest, front, np.nan)
    whole = float(np.nanpercentile(near, 90))
    known = np.flatnonzero(np.isfinite(near).any(axis=0))
    level = np.nanpercentile(near[:, known], 90, axis=0)
    level = np.interp(np.arange(front.shape[1]), known, np.minimum(level, whole))
    return ndimage.gaussian_filter1d(level, 8.0 / di, mode="nearest")[None]


def _sternum(front: np.ndarray, di: float) -> int | None:
    """Column between two breasts; None if one breast is imaged."""
    nearest = np.where(np.isfinite(front).any(axis=0), front.min(axis=0), np.inf)
    seen = np.flatnonzero(np.isfinite(nearest))
    if seen.size * di < 2 * APART_MM:
        return None
    profile = -np.interp(np.arange(nearest.size), seen, nearest[seen])
    profile = ndimage.gaussian_filter1d(profile, 5.0 / di, mode="nearest")
    middle = (seen[0] + seen[-1]) / 2
    reach = seen.size * di / 4
    best, found = VALLEY_MM, None
    for column in range(seen[0] + 1, seen[-1]):
        if abs(column - middle) * di > reach:
            continue
        left, right = profile[:column], profile[column + 1 :]
        a, b = int(np.argmax(left)), column + 1 + int(np.argmax(right))
        depth = min(profile[a], profile[b]) - profile[column]
        if depth > best and (b - a) * di >= APART_MM:
            best, found = depth, column
    return found


def _largest_parts(inside: np.ndarray, share: float = 0.2) -> np.ndarray:
    """Without parts smaller than a share of the largest."""
    labels, count = ndimage.label(inside)
    if count < 2:
        return inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= share * sizes.max())[labels]
