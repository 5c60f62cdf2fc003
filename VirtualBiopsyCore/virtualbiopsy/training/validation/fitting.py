"""Fit a method on the training part of a split: options, calibration and threshold by inner folds.

These come from cases of the training part that the inner models were not fitted on; inner folds keep patients
together, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ...errors import TrainingError
from ...models.calibration import Calibrator, sigmoid
from ..calibrators import fit_calibrator
from ..dataset import BINARY, Dataset, Outcome
from ..method import FittedEstimator, Method, Spec
from ..metrics import youden_threshold
from .criterion import criterion
from .parts import AppliedSteps, Parts, own_parts
from .splits import patient_folds, strata


@dataclass(frozen=True, eq=False)
class FittedMethod:
    """A method after its fit.

    Attributes
    ----------
    method : with the options that the inner folds chose put in.
    columns : that reach the estimator, in order. steps, estimator : fitted.
    options : that were chosen, by their name in the grid; {} without a grid.
    inner_score : of these options in the inner folds (AUC or concordance), NaN if there were none.
    calibrator : raw score to log-odds, for two classes. threshold : probability from which a case is called
        positive (Youden's on the inner folds), NaN unless there are two classes.
    told : what was done, one sentence each.
    """

    method: Method
    columns: tuple[str, ...]
    steps: AppliedSteps
    estimator: FittedEstimator
    options: Mapping[str, Any]
    inner_score: float
    calibrator: Calibrator
    threshold: float
    told: tuple[str, ...]

    def raw(self, data: Dataset) -> np.ndarray:
        """Scores before calibration: (n,), or (n, cuts or classes)."""
        return np.asarray(self.estimator.score(self.steps.apply(data).values), dtype=np.float64)

    def score(self, data: Dataset) -> np.ndarray:
        """Calibrated log-odds (n,) for two classes; otherwise as :meth:`raw`."""
        return self.calibrator(self.raw(data))

    def risk(self, data: Dataset, at: float) -> np.ndarray | None:
        """Probability (n,) of the event by a time; None where the estimator has no curve over time."""
        survival = getattr(self.estimator, "survival", None)
        if data.outcome.time is None or survival is None:
            return None
        return 1.0 - survival(self.steps.apply(data).values, np.array([at]))[:, 0]


def fit_method(
    method: Method, data: Dataset, rng: np.random.Generator, parts: Parts | None = None
) -> FittedMethod:
    """Fit a method on all rows of the data.

    Raises
    ------
    TrainingError : a class is absent, too few patients for the inner folds, or a step or the estimator cannot
        be fitted.
    """
    parts = parts or own_parts()
    check_outcome(data.outcome)
    binary = data.outcome.kind == BINARY
    if method.calibration != "none" and not binary:
        raise TrainingError(
            f"Calibration {method.calibration!r} is for two classes; the outcome is {data.outcome.kind}.",
            'State calibration = "none".',
        )
    candidates = list(_candidates(method))
    seed = int(rng.integers(2**32))
    chosen, options, inner_score = method, {}, float("nan")
    calibrator, threshold = Calibrator(), float("nan")
    told: tuple[str, ...] = ()
    if binary or len(candidates) > 1:
        (chosen, options), inner, inner_score, number = _best(method, candidates, data, seed, parts)
        if len(candidates) > 1:
            stated = ", ".join(f"{name} = {value}" for name, value in options.items())
            told = (f"chose {stated} of {len(candidates)} in {number.max() + 1} inner folds",)
        if binary:
            positive = data.outcome.labels > 0
            calibrator = fit_calibrator(method.calibration, inner, positive)
            found = youden_threshold(positive, sigmoid(calibrator(inner)))
            threshold = float(np.clip(round(found, 2), 0.01, 0.99))
    steps, estimator = _plain(chosen, data, np.random.default_rng([seed, 1]), parts)
    told = (*told, *steps.told, *_words(getattr(estimator, "told", ())))
    return FittedMethod(
        chosen, tuple(steps.columns), steps, estimator, options, inner_score, calibrator, threshold, told
    )


def check_outcome(outcome: Outcome) -> None:
    """Refuse an outcome from which nothing can be learnt.

    Raises
    ------
    TrainingError : no case, one class only or a class without a case, or no event.
    """
    labels = np.asarray(outcome.labels)
    if not labels.size:
        raise TrainingError("There is no case to fit on.")
    if outcome.time is not None:
        if not (labels > 0).any():
            raise TrainingError(f"No case had the event ({outcome.name}); nothing can be learnt.")
        return
    absent = [name for number, name in enumerate(outcome.classes) if not (labels == number).any()]
    if absent:
        raise TrainingError(f"There is no case of the class {', '.join(absent)!s}.")


def _candidates(method: Method) -> list[tuple[Method, dict[str, Any]]]:
    """The method with every combination of the grid put in."""
    names = list(method.grid)
    found = []
    for values in product(*(method.grid[name] for name in names)):
        options = dict(zip(names, values, strict=True))
        found.append((with_options(method, options), options))
    return found


def with_options(method: Method, options: Mapping[str, Any]) -> Method:
    """Put options into the estimator, or ("step.option") into the steps of that kind.

    Raises
    ------
    TrainingError : the method has no such step.
    """
    steps, estimator = list(method.steps), method.estimator
    for name, value in options.items():
        kind, dot, option = name.rpartition(".")
        if not dot:
            estimator = Spec(estimator.kind, {**estimator.options, name: value})
            continue
        at = [i for i, step in enumerate(steps) if step.kind == kind]
        if not at:
            raise TrainingError(f"The grid has {name!r}, but the method has no step {kind!r}.")
        for i in at:
            steps[i] = Spec(kind, {**steps[i].options, option: value})
    return replace(method, steps=tuple(steps), estimator=estimator)


def _best(
    method: Method,
    candidates: list[tuple[Method, dict[str, Any]]],
    data: Dataset,
    seed: int,
    parts: Parts,
) -> tuple[tuple[Method, dict[str, Any]], np.ndarray, float, np.ndarray]:
    """The candidate that ranks held-out cases of the inner folds best, and its scores of them."""
    number = _inner_folds(data, method.validation.inner_folds, seed)
    best, problem = None, None
    for candidate in candidates:
        try:
            inner = _inner_scores(candidate[0], data, number, seed, parts)
        except TrainingError as error:
            problem = error
            continue
        quality = criterion(data.outcome, inner, number)
        if best is None or quality > best[2] or np.isnan(best[2]):
            best = (candidate, inner, quality, number)
    if best is None:
        raise problem or TrainingError("The grid is empty.", "Give each option one value at least.")
    return best


def _inner_folds(data: Dataset, folds: int, seed: int) -> np.ndarray:
    """As many inner folds as asked for, or as the class with the fewest patients allows."""
    groups = strata(data.outcome)
    wanted = np.unique(groups) if data.outcome.time is None else np.array([1])
    fewest = min(np.unique(data.patients[groups == value]).size for value in wanted)
    if fewest < 2:
        raise TrainingError(
            "Inner folds need two patients of each class; a class of the training part has one.",
            "Add cases, or use fewer folds.",
        )
    return patient_folds(data.patients, groups, min(folds, fewest), np.random.default_rng([seed, 0]))


def _inner_scores(method: Method, data: Dataset, number: np.ndarray, seed: int, parts: Parts) -> np.ndarray:
    found: np.ndarray | None = None
    for fold in np.unique(number):
        train = data.rows(number != fold)
        check_outcome(train.outcome)
        rng = np.random.default_rng([seed, 2, int(fold)])
        steps, estimator = _plain(method, train, rng, parts)
        score = np.asarray(estimator.score(steps.apply(data.rows(number == fold)).values), dtype=np.float64)
        if not np.isfinite(score).all():
            raise TrainingError(f"The estimator {method.estimator.kind!r} gave scores that are not finite.")
        if found is None:
            found = np.empty((number.size, *score.shape[1:]))
        found[number == fold] = score
    assert found is not None
    return found


def _plain(
    method: Method, data: Dataset, rng: np.random.Generator, parts: Parts
) -> tuple[AppliedSteps, FittedEstimator]:
    steps = parts.fit_steps(method.steps, data, rng)
    if not steps.columns:
        raise TrainingError("No feature is left after selection.", "Loosen the selection.")
    prepared = steps.apply(data)
    fitted = parts.make_estimator(method.estimator, data.outcome).fit(prepared.values, prepared, rng)
    return steps, fitted


def _words(told: str | tuple[str, ...]) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) and told else tuple(told)
