"""A method as data, and what its fitted parts must be able to do.

Everything that looks at data (imputation, harmonisation, scaling, selection, the fit, calibration, threshold)
is fitted on the training part of a split and applied to the held-out part; nothing here sees both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .dataset import Dataset


@dataclass(frozen=True)
class Spec:
    """One part of a method: its kind and its options, as a recipe states them."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """How a method is tested.

    Attributes
    ----------
    scheme : "repeated_cv" (nested where the estimator has a grid), "leave_one_site_out", "temporal", "split".
    folds, repeats, inner_folds : of the cross-validation.
    bootstraps : for confidence intervals. seed : of everything that is drawn.
    test_share : share of the patients, the latest ones, that a "temporal" scheme tests.
    """

    scheme: str = "repeated_cv"
    folds: int = 5
    repeats: int = 10
    inner_folds: int = 5
    bootstraps: int = 2000
    seed: int = 7
    test_share: float = 0.3


@dataclass(frozen=True)
class Method:
    """From features to a calibrated answer.

    Attributes
    ----------
    steps : preparation and selection, in order ("impute", "combat", "scale", "variance", "correlation",
        "select_k_best", "mrmr", "lasso", "forest_importance", "icc").
    estimator : classifier or survival model, with its options; `grid` lists alternatives for the inner loop.
    grid : by option of the estimator (or "step.option") the values that are tried.
    calibration : "none", "platt", "temperature" or "isotonic".
    validation : how it is tested.
    """

    steps: tuple[Spec, ...]
    estimator: Spec
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    calibration: str = "none"
    validation: Validation = Validation()


class FittedStep(Protocol):
    """A step after its fit.

    Attributes
    ----------
    columns : names that remain, in order.
    told : what it did, one sentence ("kept 9 of 214 features"), for provenance and CLEAR.
    """

    columns: tuple[str, ...]
    told: str

    def apply(self, data: Dataset) -> Dataset:
        """The data with this step applied; the outcome is not looked at."""
        ...


class Step(Protocol):
    """A step that can be fitted."""

    def fit(self, data: Dataset, rng: np.random.Generator) -> FittedStep:
        """Fit on training data.

        Raises
        ------
        TrainingError : the data cannot be used (a constant outcome, a batch with one case, …).
        """
        ...


class FittedEstimator(Protocol):
    """An estimator after its fit.

    ``score(values (n, p))`` is (n,) log-odds for a binary outcome, (n, cuts) for an ordinal one, (n, classes)
    logits for a multi-class one, (n,) log hazard ratio for survival.
    """

    def score(self, values: np.ndarray) -> np.ndarray: ...


class Estimator(Protocol):
    """An estimator that can be fitted on complete, scaled values."""

    def fit(self, values: np.ndarray, data: Dataset, rng: np.random.Generator) -> FittedEstimator: ...
