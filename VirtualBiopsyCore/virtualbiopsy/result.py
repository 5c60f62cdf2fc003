"""What follows from one outline of one case."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .evidence.model import RuleOutcome
from .explain.delta import Delta
from .explain.model import Explanation
from .models.prediction import Prediction
from .radiomics.vector import FeatureVector
from .regions.model import RegionFacts
from .trust.model import Stability, TrustCard


@dataclass(frozen=True, eq=False)
class Result:
    """Everything that follows from one outline.

    Attributes
    ----------
    case_name : name of the case.
    region_digest : SHA-256 over the outline's voxels and geometry.
    facts : size and place of the outline.
    features : all values that the models asked for, clinical variables included.
    predictions, explanations : one for each model that could run, in the order of the models.
    evidence : published rules, evaluated on what is known about this case.
    skipped : why a model could not run, by model id.
    warnings : what the reader must know before the numbers, one sentence each.
    provenance : every step with its parameters, in processing order.
    stability : filled by :meth:`virtualbiopsy.session.Session.stability`.
    trust : whether each prediction may be trusted, in the order of the predictions; again after
        :meth:`virtualbiopsy.session.Session.stability`, which adds to it.
    deltas : what changed since the result before, by model; empty for the first one of a case.
    """

    case_name: str
    region_digest: str
    facts: RegionFacts
    features: FeatureVector
    predictions: tuple[Prediction, ...]
    explanations: tuple[Explanation, ...]
    evidence: tuple[RuleOutcome, ...]
    skipped: Mapping[str, str]
    warnings: tuple[str, ...]
    provenance: tuple[str, ...]
    stability: tuple[Stability, ...] = ()
    trust: tuple[TrustCard, ...] = ()
    deltas: tuple[Delta, ...] = ()


def region_digest(mask: sitk.Image) -> str:
    """SHA-256 over the voxels (> 0) and the geometry of a mask."""
    inside = sitk.GetArrayFromImage(mask) > 0
    digest = hashlib.sha256(np.packbits(inside).tobytes())
    geometry = (*mask.GetSize(), *mask.GetSpacing(), *mask.GetOrigin(), *mask.GetDirection())
    digest.update(np.round(np.asarray(geometry, dtype=np.float64), 6).tobytes())
    return digest.hexdigest()
