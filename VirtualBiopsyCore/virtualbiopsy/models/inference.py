"""From feature values to log-odds and probability, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import FeatureError
from ..radiomics.vector import FeatureVector
from .calibration import sigmoid
from .classifier import NEEDS_CALIBRATION, SURVIVAL_KINDS, softmax
from .ordinal import class_probabilities
from .prediction import ClassProbability, Prediction
from .radmodel import RadModel, Scaler
from .survival import survival_answer

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
    return model.classifier.raw_score(_scaled(model.scaler, rows))


def _scaled(scaler: Scaler, rows: np.ndarray) -> np.ndarray:
    return (np.asarray(rows, dtype=np.float64) - np.asarray(scaler.mean)) / np.asarray(scaler.scale)


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
    if model.classifier.kind in SURVIVAL_KINDS:
        return "uncalibrated log hazard"
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
        positive=model.positive if model.survival is None else model.survival.positive,
        log_odds=value,
        baseline=baseline(model),
        probability=float(sigmoid(value)),
        threshold=model.threshold,
        imputed=inputs.imputed,
        out_of_range=inputs.out_of_range,
        classes=_classes(model, inputs.row, value),
        classes_note=_classes_note(model),
        survival=None
        if model.survival is None
        else survival_answer(model.survival, model.calibrator, float(raw_score(model, inputs.row[None])[0])),
    )


def _classes(model: RadModel, row: np.ndarray, value: float) -> tuple[ClassProbability, ...]:
    if model.ordinal is not None:
        names, shares = model.ordinal.classes, class_probabilities(value, model.ordinal)
    elif model.nominal:
        logits = model.classifier.class_scores(_scaled(model.scaler, row[None]))
        names, shares = model.nominal, softmax(logits)[0]
    else:
        return ()
    return tuple(ClassProbability(name, float(share)) for name, share in zip(names, shares, strict=True))


def _classes_note(model: RadModel) -> str:
    if model.ordinal is not None:
        return model.ordinal.note
    if not model.nominal:
        return ""
    name = model.nominal[int(model.classifier.arrays["positive"][0])]
    return f"The contributions explain the log-odds of “{name}” against all other classes together."
