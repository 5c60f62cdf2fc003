"""Bias-field correction."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..errors import ConstantImageError
from ..progress import Progress, silent
from .run import one_thread, run

ITERATIONS = (40, 40, 30)
_WORKING_MM = 4.0


def correct_bias(
    image: sitk.Image, mask: sitk.Image, *, progress: Progress = silent
) -> tuple[sitk.Image, str]:
    """Divide by the smooth field that N4 estimates inside the mask; return the image and what was done.

    The field is estimated on a copy shrunk to about 4 mm and evaluated on the full grid. Values are shifted
    to be positive for the estimate and shifted back. Tustison et al., N4ITK, IEEE TMI 29:1310 (2010).

    Raises
    ------
    ConstantImageError : the image has the same value everywhere inside the mask.
    Cancelled : the progress callback asked to stop.
    """
    values = sitk.Cast(image, sitk.sitkFloat32)
    array = sitk.GetArrayViewFromImage(values)
    inside = array[sitk.GetArrayViewFromImage(mask) != 0]
    if inside.size == 0 or not inside.max() > inside.min():
        raise ConstantImageError("The image has the same value everywhere; it has no bias field.")
    # N4 works on logarithms: values must be positive. Images that start at zero are left where they are.
    shift = float(min(array.min(), 0.0))
    positive = values - shift if shift else values
    sizes = zip(image.GetSpacing(), image.GetSize(), strict=True)
    factors = [max(1, min(round(_WORKING_MM / s), n // 8)) for s, n in sizes]
    small = sitk.Shrink(positive, factors)
    small_mask = sitk.Shrink(sitk.Cast(mask != 0, sitk.sitkUInt8), factors)

    field = _field(positive, small, small_mask, progress)
    corrected = (array.astype(np.float64) - shift) / field + shift
    result = sitk.GetImageFromArray(corrected)
    result.CopyInformation(image)
    low, high = np.percentile(field[sitk.GetArrayViewFromImage(mask) != 0], [1, 99])
    shrunk = "×".join(str(f) for f in factors)
    return (
        result,
        f"N4 on a copy shrunk {shrunk}; field {low:.3f} to {high:.3f} (1st to 99th percentile).",
    )


def _field(image: sitk.Image, small: sitk.Image, small_mask: sitk.Image, progress: Progress) -> np.ndarray:
    """Bias field (k, j, i) on the grid of `image`, estimated on a shrunk copy of it."""
    with one_thread():
        n4 = sitk.N4BiasFieldCorrectionImageFilter()
        n4.SetMaximumNumberOfIterations(ITERATIONS)
        n4.SetConvergenceThreshold(1e-3)

        def fraction() -> float:
            return (n4.GetCurrentLevel() + n4.GetElapsedIterations() / max(ITERATIONS)) / len(ITERATIONS)

        run(
            n4,
            small,
            small_mask,
            progress=progress,
            message="Correcting the bias field",
            event=sitk.sitkIterationEvent,
            fraction=fraction,
        )
    return sitk.GetArrayFromImage(sitk.Exp(n4.GetLogBiasFieldAsImage(image))).astype(np.float64)
