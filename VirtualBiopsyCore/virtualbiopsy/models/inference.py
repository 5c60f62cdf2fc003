"""From feature values to log-odds and probability, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import FeatureError
from ..radiomics.vector import FeatureVector
from .calibration import sigmoid
from .classifier import NEEDS_CALIBRATION
from .ordinal import class_probabilities
from .prediction import ClassProbability, Prediction
from .radmodel import RadModel

__all__ = [
    "Inputs",
    "baseline",
    "explained_score",
    "log_odds",
    "model_inputs",
    "predict",
    "raw_score",
    "sums_to",
]


@dataclass(frozen=True, eq=False)
class Inputs:
    """What goes into a model for one case.

    Attributes
    ----------
    row : (p,) raw values in the order of the model's feature keys, gaps filled.
    imputed : keys that were absent and filled from the model's imputer.
    out_of_range : keys that were present and lie outside the training range.
    """

    row: np.ndarray
    imputed: tuple[str, ...]
    out_of_range: tuple[str, ...]


def model_inputs(model: RadModel, features: FeatureVector) -> Inputs:
    """Order the features as the model wants them; impute and list what is absent.

    Raises
    ------
    FeatureError : a value is not finite.
    """
    row = np.empty(len(model.feature_keys))
    imputed, outside = [], []
    for j, key in enumerate(model.feature_keys):
        if key in features.values:
            row[j] = features.values[key]
            if not np.isfinite(row[j]):
                raise FeatureError(
                    f"The feature {key} is {row[j]}, not a finite number.", "Check the region."
                )
            low, high = model.feature_ranges[key]
            if not low <= row[j] <= high:
                outside.append(key)
        else:
            row[j] = model.imputer[key]
            imputed.append(key)
    return Inputs(row, tuple(imputed), tuple(outside))


def raw_score(model: RadModel, rows: np.ndarray) -> np.ndarray:
    """Return the classifier's score before calibration of raw feature rows (n, p) as (n,)."""
    rows = np.asarray(rows, dtype=np.float64)
    scaled = (rows - np.asarray(model.scaler.mean)) / np.asarray(model.scaler.scale)
    return model.classifier.raw_score(scaled)


def log_odds(model: RadModel, rows: np.ndarray) -> np.ndarray:
    """Return the calibrated log-odds (natural logarithm) of raw feature rows (n, p) as (n,)."""
    return model.calibrator(raw_score(model, rows))


def explained_score(model: RadModel, rows: np.ndarray) -> np.ndarray:
    """Return the score of raw feature rows (n, p) that explanations add up to, as (n,).

    It is :func:`log_odds` if the calibrator is affine, else the score before calibration; :func:`sums_to`
    names it.
    """
    return model.calibrator.explained(raw_score(model, rows))


def sums_to(model: RadModel) -> str:
    """Name of what the contributions of an explanation add up to, beginning with "uncalibrated" if it is
    not the log-odds that the prediction shows."""
    if model.calibrator.affine:
        return "log-odds"
    scores = model.classifier.kind in NEEDS_CALIBRATION
    return "uncalibrated decision value" if scores else "uncalibrated log-odds"


def baseline(model: RadModel) -> float:
    """Return the mean log-odds over the background rows."""
    return float(log_odds(model, model.background).mean())


def predict(model: RadModel, features: FeatureVector) -> Prediction:
    """Return what the model says about these features; research use only.

    Missing keys are imputed and listed, keys outside the training range are listed.

    Raises
    ------
    FeatureError : a value is not finite.
    """
    inputs = model_inputs(model, features)
    value = float(log_odds(model, inputs.row[None])[0])
    return Prediction(
        model_id=model.model_id,
        endpoint=model.endpoint,
        positive=model.positive,
        log_odds=value,
        baseline=baseline(model),
        probability=float(sigmoid(value)),
        threshold=model.threshold,
        imputed=inputs.imputed,
        out_of_range=inputs.out_of_range,
        classes=_classes(model, value),
        classes_note="" if model.ordinal is None else model.ordinal.note,
    )


def _classes(model: RadModel, value: float) -> tuple[ClassProbability, ...]:
    if model.ordinal is None:
        return ()
    shares = class_probabilities(value, model.ordinal)
    return tuple(
        ClassProbability(name, float(share))
        for name, share in zip(model.ordinal.classes, shares, strict=True)
    )
