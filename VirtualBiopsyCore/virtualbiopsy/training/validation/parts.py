"""What a method is made of: how its steps and its estimator come about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..dataset import Dataset, Outcome
from ..method import Estimator, Spec


class AppliedSteps(Protocol):
    """Steps after their fit: names that remain, what they did, and how they are applied to other cases."""

    columns: tuple[str, ...]
    told: tuple[str, ...]

    def apply(self, data: Dataset) -> Dataset: ...


@dataclass(frozen=True)
class Parts:
    """Where steps and estimators come from; tests and other methods may bring their own.

    Attributes
    ----------
    fit_steps : (specs, training data, rng) -> fitted steps.
    make_estimator : (spec, outcome) -> estimator.
    """

    fit_steps: Callable[[Sequence[Spec], Dataset, np.random.Generator], AppliedSteps]
    make_estimator: Callable[[Spec, Outcome], Estimator]


def own_parts() -> Parts:
    """The steps and estimators of this package."""
    from ..estimators import make_estimator
    from ..steps import fit_steps

    return Parts(fit_steps, make_estimator)
