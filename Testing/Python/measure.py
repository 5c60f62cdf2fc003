"""Features for the tests of the explanation, from the engine's formulas where there are few, else by it."""

from __future__ import annotations

import numpy as np
from support import SyntheticTumour
from virtualbiopsy.models.radmodel import RadModel
from virtualbiopsy.radiomics import glcm, histogram, statistics
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical
from virtualbiopsy.radiomics.vector import FeatureVector

CLINICAL = {"clinical:age": 61.0}


def measure(tumour: SyntheticTumour, key: str) -> float:
    """One feature of a synthetic tumour; morphology is the box diagonal in mm, which is enough here."""
    if is_clinical(key):
        return CLINICAL.get(key, 1.0)
    parsed = FeatureKey.parse(key)
    if parsed.family == "morphology":
        mask = tumour.masks[parsed.region]
        extent = [np.ptp(at) * s for at, s in zip(np.nonzero(mask), tumour.spacing, strict=True)]
        return float(np.linalg.norm(extent))
    if parsed.family not in ("statistics", "histogram", "glcm") or "(" in key or parsed.image != "original":
        return extract(tumour.images, tumour.masks, tumour.spacing, [parsed]).values[key]
    image = tumour.images[parsed.sequence]
    mask = tumour.masks[parsed.region]
    if parsed.family == "statistics":
        volume = float(np.prod(tumour.spacing))
        values = statistics.Values(image[mask], parsed.profile, volume)
        return float(statistics.FEATURES[parsed.name](values))
    levels, highest = discretise(image, mask, parsed.discretisation, parsed.profile)
    if parsed.family == "histogram":
        found = histogram.Histogram(levels[mask], highest, parsed.profile)
        return float(histogram.FEATURES[parsed.name](found))
    counts = glcm.cooccurrence(levels, highest)
    return glcm.glcm_features(counts, [parsed.name], parsed.profile, parsed.aggregation)[parsed.name]


def measured(tumour: SyntheticTumour, model: RadModel, without: tuple[str, ...] = ()) -> FeatureVector:
    """All features of a model that can be measured; keys that begin with one of `without` are left out."""
    return FeatureVector(
        {
            key: measure(tumour, key)
            for key in model.feature_keys
            if not any(key.startswith(prefix) for prefix in without)
        }
    )
