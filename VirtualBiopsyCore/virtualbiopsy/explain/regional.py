"""Explanations by parts of the outline: level 2, and the influence of the outline itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    nonspatial : v(no part) − baseline, log-odds: the share of all that is frozen (shape, clinical, …); in the
        game "infill" also what an outline full of reference texture is worth.
    method : "exact enumeration" or "sampled orders" with the number of evaluations.
    evaluations : coalitions that were evaluated.
    frozen : why a feature of the model was kept at its value, by key: "shape", "clinical", "imputed", "other
        region", "change between two time points".
    recounted : keys whose matrices were counted anew for every coalition, which is slower.
    orders, seed : number of sampled orders (0: exact) and what they were drawn with.
    parents : after a refinement, the part 1… before it that each part belongs to; else empty.
    sums_to : what all these are, "log-odds", or "uncalibrated …" where the calibrator is not affine.
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
    frozen: Mapping[str, str] = field(default_factory=dict)
    recounted: tuple[str, ...] = ()
    orders: int = 0
    seed: int = 0
    parents: tuple[int, ...] = ()
    sums_to: str = "log-odds"


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
    boundary : the parts 1…boundary lie at the surface, the part −n of the shell on the part n of them; the
        parts after them lie deeper.
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
    boundary: int = 0
