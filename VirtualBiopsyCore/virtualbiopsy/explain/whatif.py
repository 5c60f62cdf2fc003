"""What if a feature or a clinical value were another one: the same model on a hypothetical row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import FeatureError
from ..models.inference import predict
from ..models.prediction import Prediction
from ..models.radmodel import RadModel
from ..radiomics.vector import FeatureVector

HYPOTHETICAL = "Hypothetical: values were moved by hand; no such image was measured."


@dataclass(frozen=True)
class WhatIf:
    """A hypothetical answer beside the real one.

    Attributes
    ----------
    changes : value by feature key that was put in place of the measured one.
    actual, hypothetical : the predictions without and with the changes.
    note : the sentence that must stand beside the number.
    """

    model_id: str
    changes: Mapping[str, float]
    actual: Prediction
    hypothetical: Prediction
    note: str = HYPOTHETICAL


def what_if(model: RadModel, features: FeatureVector, changes: Mapping[str, float]) -> WhatIf:
    """Predict with some values moved; features are moved one by one, as if they did not hang together.

    Raises
    ------
    FeatureError : a key is not one of the model's, or a value is not finite.
    """
    for key, value in changes.items():
        if key not in model.feature_keys:
            raise FeatureError(
                f"The model {model.model_id} does not use {key}.", "Choose one of its features."
            )
        if not math.isfinite(value):
            raise FeatureError(f"The value {value} for {key} is not a finite number.", "Type another one.")
    values = {**features.values, **{key: float(value) for key, value in changes.items()}}
    missing = {key: why for key, why in features.missing.items() if key not in changes}
    moved = replace(features, values=values, missing=missing)
    return WhatIf(model.model_id, dict(changes), predict(model, features), predict(model, moved))
