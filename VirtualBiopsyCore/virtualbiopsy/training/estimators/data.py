"""What every estimator checks before its fit, and folds that keep a patient together."""

from __future__ import annotations

import numpy as np

from ...errors import TrainingError
from ..dataset import SURVIVAL, Dataset
from ..validation.splits import patient_folds, strata

HINT = "Report this split as it is; its figures cannot be computed."


def check_values(values: np.ndarray, data: Dataset) -> np.ndarray:
    """The values as float64 (n, p).

    Raises
    ------
    TrainingError : no feature, gaps, or another number of rows than cases.
    """
    values = np.ascontiguousarray(values, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(data.cases):
        raise TrainingError(f"{len(data.cases)} cases do not fit values of the shape {values.shape}.")
    if not values.shape[1]:
        raise TrainingError("No feature is left to fit an estimator on.", "Loosen the selection.")
    if not np.isfinite(values).all():
        raise TrainingError("The values have gaps.", "Put an imputation step before the estimator.")
    return values


def check_classes(data: Dataset) -> np.ndarray:
    """The class numbers as int64 (n,), every class among them.

    Raises
    ------
    TrainingError : a class is absent.
    """
    labels = np.asarray(data.outcome.labels).astype(np.int64)
    counts = np.bincount(labels, minlength=len(data.outcome.classes))
    absent = [name for name, count in zip(data.outcome.classes, counts, strict=False) if not count]
    if absent:
        raise TrainingError(f"No training case is “{'”, “'.join(absent)}”.", HINT)
    return labels


def grouped_folds(data: Dataset, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Fold numbers (n,), patients kept whole; at most as many as the rarest outcome has patients.

    Raises
    ------
    TrainingError : the rarest outcome (of survival: the event) has fewer than two patients.
    """
    labels = strata(data.outcome)
    counted = np.array([1]) if data.outcome.kind == SURVIVAL else np.unique(labels)
    fewest = min(np.unique(data.patients[labels == value]).size for value in counted)
    if fewest < 2:
        raise TrainingError("An outcome has fewer than two patients; no inner fold can hold one out.", HINT)
    return patient_folds(data.patients, labels, min(folds, fewest), rng)
