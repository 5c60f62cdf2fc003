"""Intensity normalisation."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..errors import ConstantImageError


def zscore(image: sitk.Image, mask: sitk.Image, name: str = "image") -> tuple[sitk.Image, float, float]:
    """Return (image − mean) / sd as float64, with the mean and the population sd over the mask.

    Raises
    ------
    ConstantImageError : the image has one value only inside the mask, or the mask is empty.
    """
    values = sitk.GetArrayViewFromImage(image)
    inside = values[sitk.GetArrayViewFromImage(mask) != 0].astype(np.float64)
    mean = float(inside.mean()) if inside.size else float("nan")
    sd = float(inside.std()) if inside.size else 0.0
    if not sd > 1e-12 * max(1.0, abs(mean)):
        raise ConstantImageError(
            f"The {name} sequence has the same value everywhere; it cannot be normalised.",
            "Check that the right series was loaded, or give it the role other.",
        )
    result = sitk.GetImageFromArray((values.astype(np.float64) - mean) / sd)
    result.CopyInformation(image)
    return result, mean, sd
