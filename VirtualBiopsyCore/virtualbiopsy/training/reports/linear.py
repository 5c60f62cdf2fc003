"""The linear predictor of a fitted method in the units of its features, where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...errors import TrainingError
from ...models.calibration import sigmoid
from ..dataset import BINARY, Dataset
from ..survival.nomogram import Axis
from ..survival.nomogram import Nomogram as Points
from ..survival.nomogram import nomogram as points_of
from ..validation.fitting import FittedMethod
from .curves import Nomogram, NomogramAnswer, NomogramScale

MOST_VARIABLES, FEW_VALUES = 12, 5
_CHANGING = ("combat",)
"""Steps after which a feature has no longer its own unit for every case."""


@dataclass(frozen=True, eq=False)
class Linear:
    """intercept + Σ coef · value of the raw features; `standardised` are the weights on standardised ones."""

    columns: tuple[str, ...]
    intercept: float
    coef: np.ndarray
    standardised: np.ndarray

    @property
    def equation(self) -> Mapping[str, float]:
        """Weights by feature, with "(intercept)"."""
        weights = dict(zip(self.columns, map(float, self.coef), strict=True))
        return {"(intercept)": self.intercept, **weights}


def weights_of(fitted: FittedMethod) -> np.ndarray | None:
    """Weights (p,) of the estimator on the features as it gets them; None if it is not linear."""
    arrays = getattr(getattr(fitted.estimator, "classifier", None), "arrays", {})
    coef = arrays.get("coef")
    if coef is None or np.shape(coef) != (len(fitted.columns),):
        return None
    return np.asarray(coef, dtype=np.float64)


def linear_of(fitted: FittedMethod) -> Linear | None:
    """The linear predictor; None where the model is not linear in its raw features.

    Calibration is in it (Platt and temperature keep it linear, isotonic does not).
    """
    coef = weights_of(fitted)
    kinds = getattr(fitted.steps, "kinds", ())
    if coef is None or set(kinds) & set(_CHANGING) or not fitted.calibrator.affine:
        return None
    arrays = fitted.estimator.classifier.arrays  # type: ignore[attr-defined]
    intercept = float(np.ravel(arrays["intercept"])[0]) if "intercept" in arrays else 0.0
    for calibrator in (getattr(fitted.estimator, "calibrator", None), fitted.calibrator):
        if calibrator is not None:
            coef, intercept = coef * calibrator.slope, intercept * calibrator.slope + calibrator.intercept
    mean, scale = np.zeros(coef.size), np.ones(coef.size)
    for kind, step in zip(kinds, getattr(fitted.steps, "steps", ()), strict=True):
        if kind != "scale":
            continue
        if step.clip is not None:
            return None
        at = [step.columns.index(column) for column in fitted.columns]
        mean, scale = mean + scale * step.mean[at], scale * step.scale[at]
    raw = coef / scale
    return Linear(fitted.columns, intercept - float(raw @ mean), raw, coef)


def nomogram_of(fitted: FittedMethod, data: Dataset) -> Nomogram | None:
    """The nomogram of two classes over the range of the data; None where there is none, or too many lines."""
    linear = linear_of(fitted)
    if linear is None or data.outcome.kind != BINARY or len(linear.columns) > MOST_VARIABLES:
        return None
    values = data.features(linear.columns).values
    ranges = np.stack([np.nanmin(values, axis=0), np.nanmax(values, axis=0)], axis=1)
    try:
        found = points_of(linear.columns, linear.coef, linear.intercept, ranges, sigmoid)
    except TrainingError:
        return None
    axes = zip(found.variables, values.T, found.coef / found.per_point, found.lowest, strict=True)
    found = replace(found, variables=tuple(_few(*line) for line in axes))
    return drawn_nomogram(found, f"Probability of {data.outcome.classes[-1]}")


def _few(axis: Axis, values: np.ndarray, slope: float, start: float) -> Axis:
    """Marks at the values themselves where there are few whole ones (yes and no, a grade)."""
    known = np.unique(values[~np.isnan(values)])
    if known.size > FEW_VALUES or (known != np.round(known)).any():
        return axis
    return Axis(axis.name, known, (known - start) * slope)


def drawn_nomogram(found: Points, answer: str) -> Nomogram:
    """As it is drawn: a scale for each variable and the answer under the total points."""
    scales = tuple(
        NomogramScale(axis.name, tuple(map(float, axis.values)), tuple(map(float, axis.points)))
        for axis in found.variables
        if np.ptp(axis.points) > 0  # a penalty may have left no weight
    )
    ends = (float(found.total.points[0]), float(found.total.points[-1]))
    answers = NomogramAnswer(
        answer, tuple(map(float, found.answer.points)), tuple(map(float, found.answer.values))
    )
    return Nomogram(scales, (answers,), limits=ends)
