"""From the specs of a method to fitted steps, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset
from ..method import FittedStep, Spec, Step
from .combat import Combat
from .correlation import Correlation
from .forest import ForestImportance
from .icc_filter import IccFilter
from .impute import Impute
from .lasso import Lasso
from .mrmr import Mrmr
from .scale import Scale
from .select_k_best import SelectKBest
from .variance import Variance

STEPS: Mapping[str, type[Any]] = {
    "impute": Impute,
    "combat": Combat,
    "scale": Scale,
    "icc": IccFilter,
    "variance": Variance,
    "correlation": Correlation,
    "select_k_best": SelectKBest,
    "mrmr": Mrmr,
    "lasso": Lasso,
    "forest_importance": ForestImportance,
}
"""What makes a step, by kind; the options of a spec are the fields of the class."""


@dataclass(frozen=True, eq=False)
class FittedSteps:
    """Steps after their fit, in order.

    Attributes
    ----------
    columns : that remain after the last one. told : one sentence per step.
    kinds : of the steps. steps : the fitted steps.
    """

    columns: tuple[str, ...]
    told: tuple[str, ...]
    kinds: tuple[str, ...]
    steps: tuple[FittedStep, ...]

    def apply(self, data: Dataset) -> Dataset:
        """The data with all steps applied; the outcome is not looked at.

        Raises
        ------
        TrainingError : the data lack a column, or come from a site that a harmonisation does not know.
        """
        for step in self.steps:
            data = step.apply(data)
        return data

    def step(self, kind: str) -> FittedStep | None:
        """The last step of a kind; None without."""
        found = [step for name, step in zip(self.kinds, self.steps, strict=True) if name == kind]
        return found[-1] if found else None


def make_step(spec: Spec) -> Step:
    """The step that a spec names.

    Raises
    ------
    TrainingError : the kind, an option or its value is unknown.
    """
    maker = STEPS.get(spec.kind)
    if maker is None:
        raise TrainingError(f'There is no step "{spec.kind}".', f"Steps are: {', '.join(STEPS)}.")
    allowed = {one.name: one.default for one in fields(maker)}
    for name in spec.options:
        if name not in allowed:
            raise TrainingError(
                f'The step "{spec.kind}" has no option "{name}".', f"It has: {', '.join(allowed)}."
            )
    return maker(**{name: _as(value, allowed[name]) for name, value in spec.options.items()})


def fit_steps(specs: Sequence[Spec], data: Dataset, rng: np.random.Generator) -> FittedSteps:
    """Fit each step on the training data that the steps before it have left.

    Parameters
    ----------
    data : training cases only; nothing else is looked at.

    Raises
    ------
    TrainingError : a step is unknown, or cannot be fitted on these data.
    """
    steps = [make_step(spec) for spec in specs]
    fitted: list[FittedStep] = []
    for step in steps:
        fitted.append(step.fit(data, rng))
        data = fitted[-1].apply(data)
    kinds = tuple(spec.kind for spec in specs)
    return FittedSteps(data.columns, tuple(one.told for one in fitted), kinds, tuple(fitted))


def _as(value: Any, default: Any) -> Any:
    """A value as it stands in a recipe, in the form that the option has."""
    if isinstance(default, tuple):
        return (value,) if isinstance(value, str) else tuple(value)
    return value
