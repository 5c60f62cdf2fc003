"""Which phases of a dynamic series were acquired before the contrast agent arrived, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

_SAMPLES = 60_000
_ENHANCING = 0.02
LEAST_RISE = 0.10
"""A smaller rise of the signal, as a share of it, is no enhancement."""
_ONSET = 0.20


def find_precontrast(images: Sequence[sitk.Image]) -> tuple[int, str]:
    """How many phases come before the enhancement, from the signal of the tissue that enhances most.

    Tissue is what exceeds a fifth of the 99th percentile of the mean over the phases; of that, the 2 % of the
    voxels that rise most from the first phase to the mean of the highest and its neighbour phase. Where their
    mean curve first exceeds a fifth of its rise the agent has arrived. A rise of less than 10 % is none.

    Parameters
    ----------
    images : phases in the order of acquisition, on one grid.

    Returns
    -------
    number of pre-contrast phases (0: not found) and the reason, one sentence.
    """
    curve = enhancing_curve(images)
    if curve is None:
        return 0, "No phase was found pre-contrast: the images hold no tissue signal."
    peak = int(np.argmax(curve))
    rise = float(curve[peak] - curve[0]) / float(curve[0])
    if peak == 0 or rise < LEAST_RISE:
        return 0, (
            f"No phase was found pre-contrast: tissue rises by {max(0.0, 100 * rise):.0f} % only from the "
            "first phase on."
        )
    onset = int(np.argmax(curve - curve[0] > _ONSET * (curve[peak] - curve[0])))
    what = "Phase 1 is" if onset == 1 else f"Phases 1 to {onset} are"
    change = 100 * float(curve[onset] - curve[onset - 1]) / float(curve[0])
    return onset, (
        f"{what} pre-contrast: the signal of enhancing tissue rises by {change:.0f} % from phase {onset} to "
        f"phase {onset + 1}."
    )


def enhancing_curve(images: Sequence[sitk.Image]) -> np.ndarray | None:
    """Mean signal per phase (float64, n) of the voxels that enhance most; None without tissue signal."""
    count = images[0].GetNumberOfPixels()
    step = max(1, round((count / _SAMPLES) ** (1 / 3)))
    every = (slice(step // 2, None, step),) * 3
    samples = np.stack(
        [sitk.GetArrayViewFromImage(image)[every].astype(np.float64).ravel() for image in images]
    )
    samples = samples[:, np.isfinite(samples).all(axis=0)]
    if samples.size == 0:
        return None
    mean = samples.mean(axis=0)
    tissue = samples[:, (mean > 0.2 * np.percentile(mean, 99)) & (samples[0] > 0)]
    if tissue.shape[1] < 50:
        return None
    later = tissue[1:] if len(tissue) < 4 else (tissue[1:-1] + tissue[2:]) / 2
    rise = (later.max(axis=0) - tissue[0]) / tissue[0]
    chosen = rise >= np.quantile(rise, 1 - _ENHANCING)
    return tissue[:, chosen].mean(axis=1)
