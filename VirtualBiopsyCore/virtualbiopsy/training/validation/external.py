"""A fitted method on cases from elsewhere."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ...errors import TrainingError
from ..dataset import SURVIVAL, Dataset
from .horizon import horizon_of
from .run import HeldOut, Part, faults_of_test
from .splits import Split


class Scoring(Protocol):
    """What can score cases: a fitted method, or a model with its threshold."""

    threshold: float

    def score(self, data: Dataset) -> np.ndarray: ...


def check_apart(trained_on: Dataset, data: Dataset, name: str = "external") -> None:
    """Refuse cases on which a method cannot be tested that is fitted on others.

    Raises
    ------
    TrainingError : a patient is in both, or the outcomes differ.
    """
    both = sorted(set(trained_on.patients.tolist()) & set(data.patients.tolist()))
    if both:
        raise TrainingError(
            f"{len(both)} patients of the {name} cases were trained on ({', '.join(both[:5])}).",
            "Leave them out, or give different people different names.",
        )
    if (trained_on.outcome.kind, trained_on.outcome.classes) != (data.outcome.kind, data.outcome.classes):
        raise TrainingError(f"The outcome of the {name} cases has other classes than that of training.")
    if trained_on.outcome.unit != data.outcome.unit:
        raise TrainingError(
            f"Times of the {name} cases are in {data.outcome.unit or 'units'}, those of training in "
            f"{trained_on.outcome.unit or 'units'}.",
            "Give both in the same unit.",
        )


def hold_out(
    fitted: Scoring, data: Dataset, trained_on: Dataset | None = None, name: str = "external"
) -> HeldOut:
    """Score all cases of another data set; evaluate the result as any other.

    Parameters
    ----------
    trained_on : what the method was fitted on, to see that no patient is in both; None if it is not at hand.

    Raises
    ------
    TrainingError : a patient is in both, the classes differ, or scores are not finite.
    """
    if trained_on is not None:
        check_apart(trained_on, data, name)
    scores = np.asarray(fitted.score(data), dtype=np.float64)
    if not np.isfinite(scores).all():
        raise TrainingError(f"The model gave scores of the {name} cases that are not finite.")
    split = Split(name, 0, np.array([], dtype=int), np.arange(len(data.cases)))
    columns = tuple(getattr(fitted, "columns", ()))
    faults = faults_of_test(data.outcome)
    horizon, risks = float("nan"), None
    if data.outcome.kind == SURVIVAL and hasattr(fitted, "risk"):
        horizon = horizon_of((trained_on or data).outcome)
        risks = fitted.risk(data, horizon)
    part = Part(split, scores, columns, {}, fitted.threshold, (), faults, risks)
    return HeldOut(data.outcome, data.patients, (part,), horizon)
