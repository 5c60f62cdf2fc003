"""The influence map: how the probability would change if the outline changed in one place.

Not an explanation of the present number but the outcome of edits: every part is erased, or painted in, and
everything is measured again, shape included. No part is compared with another one, and the changes do not add
up to anything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from ..errors import FeatureError, ImageError, RegionError
from ..models.calibration import sigmoid
from ..models.inference import log_odds, model_inputs
from ..models.radmodel import RadModel
from ..progress import Progress, part, silent
from ..radiomics.delta import completed
from ..radiomics.vector import FeatureVector
from ..variants import Variants
from .outline_parts import OutlineParts, outline_parts
from .regional import Influence

if TYPE_CHECKING:
    from ..measure import Measured, Measuring

PARTS, SHELL_MM = 24, 3.0


def influence(
    model: RadModel,
    measuring: Measuring,
    measured: Measured,
    features: FeatureVector,
    parts: int = PARTS,
    shell_mm: float = SHELL_MM,
    progress: Progress = silent,
) -> Influence:
    """Change of the probability for each part of the outline erased, and of the shell painted in.

    Each change equals that of measuring the changed outline anew, to 1e-9. The parts are those of
    :func:`virtualbiopsy.explain.outline_parts.outline_parts`: they stay while another place is edited.

    Parameters
    ----------
    model : whose radiomic features the measuring knows.
    measuring, measured : the outline as it is; both are left as they are.
    features : what the model was given, with the clinical variables.
    parts : about so many parts of the boundary layer and as many of the shell; the core has a third as many.
    shell_mm : thickness of the shell and of the boundary layer.
    progress : called before every part; may raise Cancelled.

    Raises
    ------
    FeatureError : a value is not finite, no parts or no shell are asked for.
    Cancelled
    """
    variants = Variants(measuring, measured, model.measured_keys, shell_mm)
    progress(0.0, "Influence of the outline")
    corner = [side.start for side in variants.box]
    split = outline_parts(variants.tumour, variants.spacing, corner, parts, shell_mm)
    rows = _rows(model, variants, split, features, part(progress, 0.05, 1.0))
    own = model_inputs(model, features).row
    probability = float(sigmoid(log_odds(model, own[None]))[0])
    known = np.isfinite(rows).all(axis=1)
    changed = np.full(len(rows), math.nan)
    changed[known] = sigmoid(log_odds(model, rows[known]))
    change = changed - probability
    flips = known & ((changed >= model.threshold) != (probability >= model.threshold))
    image = sitk.GetImageFromArray(split.labels)
    image.CopyInformation(variants.grid)
    progress(1.0, "Influence of the outline")
    return Influence(
        model_id=model.model_id,
        labels=image,
        erased=change[: split.inside],
        painted=change[split.inside :],
        erased_flips=flips[: split.inside],
        painted_flips=flips[split.inside :],
        probability=probability,
        threshold=model.threshold,
        shell_mm=shell_mm,
        boundary=split.boundary,
    )


def _rows(
    model: RadModel,
    variants: Variants,
    split: OutlineParts,
    features: FeatureVector,
    progress: Progress,
) -> np.ndarray:
    """(K + S, p) what the model would be given; NaN where it could not be given anything."""
    numbers = [*range(1, split.inside + 1), *range(-1, -split.shell - 1, -1)]
    rows = np.full((len(numbers), len(model.feature_keys)), math.nan)
    for n, number in enumerate(numbers):
        progress(n / len(numbers), "Influence of the outline")
        chosen = split.labels == number
        if not chosen.any():
            continue
        try:
            vector = variants.vector(variants.tumour ^ chosen)
        except (RegionError, ImageError, FeatureError):
            continue
        rows[n] = model_inputs(model, completed(vector, features, model.feature_keys)).row
    return rows
