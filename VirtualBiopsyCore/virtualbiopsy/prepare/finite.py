"""NaN and infinite voxels."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..errors import ConstantImageError, NonFiniteError
from .head import head_mask


def clean_background(image: sitk.Image, name: str) -> tuple[sitk.Image, str]:
    """Replace NaN and infinite voxels outside the body; return the image and what was done ("" if nothing).

    They become 0, or the smallest finite value where that is negative (an image that is already normalised).

    Raises
    ------
    NonFiniteError : there are such voxels inside the body, or nothing else at all.
    ConstantImageError : all finite voxels have the same value.
    """
    if image.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64):
        return image, ""
    values = sitk.GetArrayViewFromImage(image)
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if not count:
        return image, ""
    if count == bad.size:
        raise NonFiniteError(f"The {name} sequence holds no finite value.", "Check the file.")
    finite = values[~bad]
    fill = min(0.0, float(finite.min()))
    cleaned = sitk.GetImageFromArray(np.where(bad, fill, values))
    cleaned.CopyInformation(image)
    try:
        head = sitk.GetArrayFromImage(head_mask(cleaned)) != 0
    except ConstantImageError as error:
        raise ConstantImageError(f"The {name} sequence has the same value everywhere.", error.hint) from None
    within = int(np.count_nonzero(bad & head))
    if within:
        k, j, i = np.argwhere(bad & head)[0]
        raise NonFiniteError(
            f"The {name} sequence holds {within} NaN or infinite voxels inside the body, "
            f"the first at (i, j, k) = ({i}, {j}, {k}).",
            "Repair the image or leave this sequence out.",
        )
    return cleaned, f"{name}: {count} NaN or infinite voxels outside the body set to {fill:g}."
