"""Explanations by parts of the outline: level 2, and the influence of the outline itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True, eq=False)
class RegionExplanation:
    """Level 2: what the score would be without this part of the tumour.

    ``baseline + nonspatial + Σ psi = log_odds`` to 1e-9.

    Attributes
    ----------
    kind : "supervoxels", "rim", "habitats" or "drawn".
    game : "erase" (the outline without the part) or "infill" (its voxels replaced by reference texture).
    labels : int32 image on the prepared grid, 0 outside, 1…K the parts.
    psi : (K,) Shapley values, log-odds. error : (K,) their standard errors where sampled, else 0.
    volume_ml : (K,) volumes of the parts.
    nonspatial : share of what has no place (shape, clinical), log-odds: v(no part) − baseline.
    method : "exact enumeration" or "sampled orders" with the number of evaluations.
    evaluations : coalitions that were evaluated.
    """

    model_id: str
    kind: str
    game: str
    labels: sitk.Image
    psi: np.ndarray
    error: np.ndarray
    volume_ml: np.ndarray
    nonspatial: float
    baseline: float
    log_odds: float
    method: str
    evaluations: int


@dataclass(frozen=True, eq=False)
class Influence:
    """How the probability would change if the outline changed in one place.

    Attributes
    ----------
    labels : int32 image on the prepared grid: 1…K parts inside the outline, −1…−S parts of the shell around
        it, 0 elsewhere.
    erased : (K,) probability without this part, minus `probability`; NaN where no answer exists.
    painted : (S,) probability with this part of the shell painted in, minus `probability`; NaN likewise.
    erased_flips, painted_flips : (K,), (S,) bool, whether the threshold is crossed: the flip brush.
    probability, threshold : of the outline as it is.
    shell_mm : thickness of the shell.
    """

    model_id: str
    labels: sitk.Image
    erased: np.ndarray
    painted: np.ndarray
    erased_flips: np.ndarray
    painted_flips: np.ndarray
    probability: float
    threshold: float
    shell_mm: float
