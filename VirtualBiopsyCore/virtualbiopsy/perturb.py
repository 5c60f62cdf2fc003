"""How steady predictions are when outline and images of a measured case are perturbed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .measure import Measured, Measuring
from .models.prediction import Prediction
from .progress import Progress, silent
from .radiomics.vector import FeatureVector
from .trust.model import Stability
from .trust.stability import image_noise, noise_level, outline_stability
from .variants import Variants

REACH_VOXELS = 3.0
"""How far, in voxels, a perturbed outline may reach beyond the outline."""


def stability(
    measuring: Measuring,
    measured: Measured,
    predict_features: Callable[[FeatureVector], Mapping[str, Prediction]],
    progress: Progress = silent,
) -> tuple[Stability, ...]:
    """Predict on perturbations of a measured outline and its images.

    The noise added to an image has the level that the image has already near the outline
    (:func:`virtualbiopsy.trust.stability.noise_level`).

    Parameters
    ----------
    measuring, measured : the outline; left as they are.
    predict_features : predictions by model id for the features of a perturbed outline.

    Raises
    ------
    RegionError : the outline itself cannot be measured. Cancelled.
    """
    variants = Variants(measuring, measured, measuring.plan.keys, REACH_VOXELS * max(measured.spacing))
    levels = {role: noise_level(array, variants.tumour) for role, array in variants.arrays.items()}

    def on_outline(mask: np.ndarray) -> Mapping[str, Prediction]:
        return predict_features(variants.vector(mask))

    def on_noise(mask: np.ndarray, seed: int) -> Mapping[str, Prediction]:
        noise = {role: image_noise(mask.shape, level, seed, role) for role, level in levels.items()}
        return predict_features(variants.noisy_vector(mask, noise))

    return outline_stability(variants.tumour, on_outline, progress, measured.spacing, on_noise)
