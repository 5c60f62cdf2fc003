"""What regions may not leave: the breast."""

from __future__ import annotations

import SimpleITK as sitk

from ..case.model import Case
from ..errors import ConstantImageError, RegionError
from .breast import breast_mask
from .resample import resample_mask

BREAST = "breast"


def breast_limit(case: Case, image: sitk.Image) -> tuple[sitk.Image | None, str]:
    """Return the breasts as a uint8 mask on the grid of an image, and how they were found in one sentence.

    It is the automatic mask, joined with the region "breast" of the case where there is one: such regions of
    scanners often hold the enhancing tissue only, without the fat around it. None if no breast was found.
    """
    given = case.regions.get(BREAST)
    try:
        mask = breast_mask(image)
        how = "automatic mask"
    except (RegionError, ConstantImageError) as error:
        if given is None:
            return None, f"Breast: not found, so nothing is limited to it ({error.message})"
        mask, how = None, ""
    if given is not None:
        drawn = resample_mask(given, image, "nearest")
        mask = drawn if mask is None else sitk.Or(mask, drawn)
        how = f"{how} joined with the region of the case" if how else "the region of the case"
    voxel = image.GetSpacing()[0] * image.GetSpacing()[1] * image.GetSpacing()[2]
    volume = float((sitk.GetArrayViewFromImage(mask) != 0).sum()) * voxel / 1000.0
    return mask, f"Breast: {how}, {volume:.0f} mL."
