"""Which breasts a breast mask shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..case.arrays import bounding_box, mask_array, mask_image
from ..prepare.breast import APART_MM, breast_mask

__all__ = ["breast_mask", "breast_sides"]

_VALLEY = 0.7
"""Between two breasts the mask's sagittal area falls below this share of the smaller one's."""


def breast_sides(mask: sitk.Image) -> Mapping[str, sitk.Image]:
    """Divide a breast mask into the patient's left and right breast.

    The sagittal area of two breasts has two summits at least 80 mm apart with a valley between them, at which
    the mask is divided. With one breast the side is that of the patient's midline, taken to be at x = 0, on
    which its centre lies.

    Returns
    -------
    uint8 masks on the same grid under "left" and "right", or one of them.

    Raises
    ------
    EmptyRegionError : the mask holds no voxel.
    """
    inside = mask_array(mask)
    bounding_box(inside)
    across = _left_coordinates(mask)
    voxels = np.argwhere(inside)
    x = across(voxels)
    border = _valley(x, min(mask.GetSpacing()))
    if border is None:
        return {"left" if float(x.mean()) > 0 else "right": mask_image(inside, mask)}
    sides = {}
    for name, chosen in (("left", x > border), ("right", x <= border)):
        part = np.zeros(inside.shape, dtype=bool)
        part[tuple(voxels[chosen].T)] = True
        sides[name] = mask_image(part, mask)
    return sides


def _left_coordinates(image: sitk.Image):
    """Function from voxel indices (n, 3) in the order k, j, i to x in mm (LPS: to the patient's left)."""
    direction = np.reshape(image.GetDirection(), (3, 3))[0] * np.array(image.GetSpacing())
    origin = image.GetOrigin()[0]
    return lambda voxels: voxels[:, ::-1] @ direction + origin


def _valley(x: np.ndarray, step: float) -> float | None:
    """Where to divide coordinates (mm) that have two summits; None if they have one."""
    width = max(2.0, step)
    first = float(x.min())
    count = np.bincount(((x - first) / width).astype(int)).astype(float)
    profile = ndimage.gaussian_filter1d(count, 6.0 / width, mode="constant")
    best, found = _VALLEY, None
    for column in range(1, profile.size - 1):
        a, b = int(np.argmax(profile[:column])), column + 1 + int(np.argmax(profile[column + 1 :]))
        share = float(profile[column] / max(1.0, min(profile[a], profile[b])))
        if share < best and (b - a) * width >= APART_MM:
            best, found = share, first + (column + 0.5) * width
    return found
