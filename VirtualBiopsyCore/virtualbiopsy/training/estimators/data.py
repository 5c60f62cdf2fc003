"""What every estimator checks before its fit, and folds that keep a patient together."""

from __future__ import annotations

import numpy as np

from ...errors import TrainingError
from ..dataset import SURVIVAL, Dataset

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
    """Fold numbers (n,), patients kept whole and the rarer outcome spread evenly.

    A patient counts as the highest class (or an event) that one of its cases has.

    Raises
    ------
    TrainingError : the rarest outcome has fewer than two patients.
    """
    names, which = np.unique(data.patients, return_inverse=True)
    label = np.zeros(names.size, dtype=np.int64)
    np.maximum.at(label, which, np.asarray(data.outcome.labels).astype(np.int64))
    counts = np.bincount(label)
    rarest = int(counts[counts > 0].min())
    folds = min(folds, int(counts[-1]) if data.outcome.kind == SURVIVAL else rarest)
    if folds < 2 or np.count_nonzero(counts) < 2 and data.outcome.kind != SURVIVAL:
        raise TrainingError(
            "An outcome has fewer than two patients, which no inner folds can hold out.", HINT
        )
    number, start = np.empty(names.size, dtype=np.int64), 0
    for value in np.unique(label):
        members = rng.permutation(np.flatnonzero(label == value))
        number[members] = (start + np.arange(members.size)) % folds
        start += members.size
    return number[which]
