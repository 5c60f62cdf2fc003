"""A phase of a dynamic series minus the mean before the contrast agent: what enhances."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ...case.dynamic import DynamicSeries
from ...case.phase_times import precontrast_indices


def mean_precontrast(series: DynamicSeries) -> np.ndarray:
    """Mean of the pre-contrast phases, float32 (k, j, i); of the first phase alone if none is marked."""
    indices = precontrast_indices(series) or (0,)
    total = np.zeros(series.phases[0].image.GetSize()[::-1], dtype=np.float32)
    for n in indices:
        total += sitk.GetArrayViewFromImage(series.phases[n].image)
    return total / np.float32(len(indices))


def subtraction(series: DynamicSeries, index: int, before: np.ndarray | None = None) -> sitk.Image:
    """Phase `index` minus the mean of the pre-contrast phases, float32, on the grid of the phases.

    Parameters
    ----------
    before : what :func:`mean_precontrast` returned, to spare its computation.
    """
    before = mean_precontrast(series) if before is None else before
    phase = series.phases[index].image
    image = sitk.GetImageFromArray(sitk.GetArrayViewFromImage(phase).astype(np.float32) - before)
    image.CopyInformation(phase)
    return image
