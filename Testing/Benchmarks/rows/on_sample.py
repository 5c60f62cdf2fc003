"""What the rows about explanations share: the Ki-67 model on the sample case, its features by pyradiomics.

pyradiomics is given the prepared images, cut to the outline, so that it neither resamples nor filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

MODEL = "ki67-meningioma-demo"
FIRST = "t1c"
SETTINGS = {"binCount": 32}


@dataclass(frozen=True)
class OnSample:
    """The outline of the sample case as the model sees it; see virtualbiopsy.measure."""

    model: Any
    measuring: Any
    measured: Any
    features: Any


def on_sample() -> OnSample:
    from virtualbiopsy.case.read import read_case
    from virtualbiopsy.measure import Measuring
    from virtualbiopsy.radiomics.keys import is_clinical
    from virtualbiopsy.regions.crop import crop_mask
    from virtualbiopsy.resources import resource
    from virtualbiopsy.session import Session

    case = read_case(resource("Cases/meningioma-sample"))
    session = Session(case)
    (model,) = (model for model in session.models if model.model_id == MODEL)
    features = session.set_region(case.regions["tumour"]).features
    keys = [key for key in model.feature_keys if not is_clinical(key)]
    measuring = Measuring(session.prepared(model), keys)
    return OnSample(model, measuring, measuring.measure(crop_mask(case.regions["tumour"])), features)


def names(model: Any, wanted: Callable[[Any], bool] = lambda key: True) -> dict[str, dict[str, list[str]]]:
    """pyradiomics' names of the model's image features by role and class; shape counts to the first role."""
    from virtualbiopsy.radiomics.definitions import DEFINITIONS
    from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical

    found: dict[str, dict[str, list[str]]] = {}
    for text in model.feature_keys:
        if is_clinical(text):
            continue
        key = FeatureKey.parse(text)
        name = DEFINITIONS[key.family, key.name].pyradiomics_name
        if name is not None and wanted(key):
            group, feature = name.split("_", 1)
            role = FIRST if key.sequence == "mask" else key.sequence
            found.setdefault(role, {}).setdefault(group, []).append(feature)
    return found


def write_images(arrays: dict[str, np.ndarray], grid: sitk.Image, folder: Path) -> dict[str, str]:
    """Files of arrays (k, j, i) by name, on a grid."""
    paths = {}
    for name, array in arrays.items():
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(grid)
        paths[name] = str(folder / f"explained_{name}.nrrd")
        sitk.WriteImage(image, paths[name])
    return paths
