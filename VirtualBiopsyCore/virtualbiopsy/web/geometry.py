"""Directions of images and views."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


def nearest_axis(image: sitk.Image, direction: tuple[float, float, float]) -> int:
    """The axis of an image (0, 1, 2 for i, j, k) that is nearest to a direction (LPS)."""
    columns = np.reshape(image.GetDirection(), (3, 3))
    return int(np.argmax(np.abs(np.asarray(direction) @ columns)))
