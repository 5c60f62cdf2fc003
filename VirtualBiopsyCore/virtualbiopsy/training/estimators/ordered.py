"""Ordered classes: proportional odds."""

from __future__ import annotations

import numpy as np

from ...errors import TrainingError
from ...models.classifier import Classifier
from ..dataset import Dataset, Outcome
from ..ordinal import fit_proportional_odds
from .data import check_classes, check_values
from .fitted import Fitted
from .options import Options

DEFAULTS = {"l2": 1.0, "cut": 0}


class ProportionalOdds:
    """One set of weights for all cuts between the classes; `cut` is the one that the classifier is about."""

    def __init__(self, options: Options, outcome: Outcome) -> None:
        self._l2, self._cut = options.number("l2", closed=True), options.whole("cut", 0)
        if self._cut > len(outcome.classes) - 2:
            raise TrainingError(
                f"There is no cut number {self._cut} between {len(outcome.classes)} classes.",
                f"The option 'cut' goes from 0 to {len(outcome.classes) - 2}.",
            )

    def fit(self, values: np.ndarray, data: Dataset, rng: np.random.Generator) -> Fitted:
        """Fit on complete, scaled values (n, p).

        Raises
        ------
        TrainingError : gaps, no feature, or a class without a case.
        """
        values, levels = check_values(values, data), check_classes(data)
        weights, intercepts = fit_proportional_odds(values, levels, self._l2)
        own = intercepts[self._cut]
        classifier = Classifier("logistic", {"coef": weights, "intercept": np.array([own])})
        told = (
            f"Fitted proportional odds of {intercepts.size + 1} ordered classes on {len(levels)} cases and "
            f"{values.shape[1]} features."
        )
        shifts = tuple((intercepts - own).tolist())
        return Fitted(classifier, shifts=shifts, importance=np.abs(weights), told=told)
