"""From an edit to everything that follows: features, predictions, explanations, evidence; on the sample case.

The peer is a full extraction of the models' image features by pyradiomics, as far as it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import SimpleITK as sitk
from cases import ROLES, sample
from context import Context
from timing import Task

from rows.edit_vs_full import written

NAME = "edit_to_prediction"


def measure(context: Context) -> dict[str, dict[str, Any]]:
    from virtualbiopsy.models.radmodel import builtin_models
    from virtualbiopsy.radiomics.definitions import DEFINITIONS
    from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical

    models = builtin_models("meningioma")
    wanted = [FeatureKey.parse(k) for m in models for k in m.feature_keys if not is_clinical(k)]
    features: dict[str, dict[str, list[str]]] = {}
    for key in dict.fromkeys(wanted):
        name = DEFINITIONS[key.family, key.name].pyradiomics_name
        if name is not None:
            group, feature = name.split("_", 1)
            role = ROLES[0] if key.sequence == "mask" else key.sequence
            features.setdefault(role, {}).setdefault(group, []).append(feature)
    case = sample(context.folder)
    runs = context.runs(9)
    masks = written(case, context.folder, runs + 1)
    settings = {"binCount": 32, "resampledPixelSpacing": list(models[0].preparation.spacing)}
    peer = {
        "kind": "extract",
        "images": {role: str(case.images[role]) for role in features},
        "masks": masks[1:],
        "features": features,
        "settings": settings,
    }
    entries, _ = context.compare(NAME, [Task(case.name, {"row": NAME, "masks": masks}, peer, runs)])
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], Mapping[str, float]]:
    from virtualbiopsy.case.read import read_case
    from virtualbiopsy.resources import resource
    from virtualbiopsy.session import Session

    session = Session(read_case(resource("Cases/meningioma-sample")))
    masks = [sitk.ReadImage(path) for path in request["masks"]]
    session.set_region(masks[0])
    step = iter(masks[1:])
    return lambda: session.set_region(next(step)).features.values
