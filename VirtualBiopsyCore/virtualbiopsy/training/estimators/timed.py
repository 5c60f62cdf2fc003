"""Survival: Cox, LASSO-Cox, random survival forest, and a small network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import TrainingError
from ...models.classifier import Classifier
from ..dataset import Dataset, Outcome
from ..survival.cox import baseline, fit_cox, lasso_cox
from ..survival.forest import fit_survival_forest
from ..survival.network import fit_cox_network
from .data import check_values, grouped_folds
from .fitted import Fitted
from .options import Options

FLOOR = 1e-6


def follow_up(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Time and event (n,) of a survival outcome.

    Raises
    ------
    TrainingError : the outcome has no times.
    """
    if data.outcome.time is None:
        raise TrainingError(
            f"The outcome {data.outcome.name} has no times.", "Survival needs follow-up times."
        )
    return np.asarray(data.outcome.time, dtype=np.float64), np.asarray(data.outcome.labels, dtype=np.float64)


class _Timed:
    def __init__(self, options: Options, outcome: Outcome) -> None:
        self._options = options

    def fit(self, values: np.ndarray, data: Dataset, rng: np.random.Generator) -> Fitted:
        """Fit on complete, scaled values (n, p).

        Raises
        ------
        TrainingError : gaps, no feature, no event, or no finite solution.
        """
        values = check_values(values, data)
        time, event = follow_up(data)
        return self._fit(values, time, event, data, rng)

    def _fit(
        self, values: np.ndarray, time: np.ndarray, event: np.ndarray, data: Dataset, rng: np.random.Generator
    ) -> Fitted:
        raise NotImplementedError


def _told(what: str, values: np.ndarray, event: np.ndarray) -> str:
    return (
        f"Fitted {what} on {len(event)} cases with {int(event.sum())} events and {values.shape[1]} features."
    )


def _linear(
    weights: np.ndarray, values: np.ndarray, time: np.ndarray, event: np.ndarray, told: str
) -> Fitted:
    return Fitted(
        Classifier("cox", {"coef": weights}),
        baseline=baseline(time, event, values @ weights),
        importance=np.abs(weights),
        told=told,
    )


class Cox(_Timed):
    """Proportional hazards, ties after Efron; l2 is the weight of ½ ‖w‖²."""

    def _fit(
        self, values: np.ndarray, time: np.ndarray, event: np.ndarray, data: Dataset, rng: np.random.Generator
    ) -> Fitted:
        weights = fit_cox(values, time, event, self._options.number("l2", closed=True))
        return _linear(weights, values, time, event, _told("a Cox model", values, event))


class LassoCox(_Timed):
    """Proportional hazards with L1 penalty; alpha "cv" is chosen in inner folds that keep patients whole."""

    def _fit(
        self, values: np.ndarray, time: np.ndarray, event: np.ndarray, data: Dataset, rng: np.random.Generator
    ) -> Fitted:
        options = self._options
        ratio = options.number("l1_ratio", 0.0, 1.0)
        given = options.raw("alpha")
        if given == "cv":
            path = lasso_cox(
                values,
                time,
                event,
                l1_ratio=ratio,
                folds=grouped_folds(data, options.whole("folds", 2), rng),
                n_alphas=options.whole("n_alphas", 2),
            )
        else:
            path = lasso_cox(values, time, event, alpha=options.number("alpha", closed=True), l1_ratio=ratio)
        kept = int(np.count_nonzero(path.coef))
        told = _told("a LASSO-Cox model", values, event)
        told += f" The penalty alpha = {path.alpha:.4g} kept {kept} of them."
        return _linear(path.coef, values, time, event, told)


class Forest(_Timed):
    """Random survival forest; its score is the logarithm of the mortality.

    The slope from score to log hazard ratio and the baseline hazard come from out-of-bag scores, so that the
    curves are those of cases that the trees have not seen.
    """

    def _fit(
        self, values: np.ndarray, time: np.ndarray, event: np.ndarray, data: Dataset, rng: np.random.Generator
    ) -> Fitted:
        options = self._options
        forest = fit_survival_forest(
            values,
            time,
            event,
            rng,
            n_trees=options.whole("n_trees"),
            min_leaf=options.whole("min_leaf"),
            max_features=options.whole_or_none("max_features"),
            patients=data.patients,
        )
        seen = np.isfinite(forest.out_of_bag)
        index = np.log(np.maximum(forest.out_of_bag[seen], FLOOR))
        slope = 0.0
        if event[seen].any() and np.ptp(index) > 0:
            slope = max(
                float(fit_cox((index - index.mean())[:, None], time[seen], event[seen], 1e-6)[0]), 0.0
            )
        arrays = {**forest.arrays, "floor": np.array([FLOOR])}
        return Fitted(
            Classifier("survival_forest", arrays),
            baseline=baseline(time[seen], event[seen], slope * index),
            slope=slope,
            importance=forest.importance,
            told=_told(f"a random survival forest of {options.whole('n_trees')} trees", values, event),
        )


class Network(_Timed):
    """One hidden layer, fitted by the partial likelihood (DeepSurv style)."""

    def _fit(
        self, values: np.ndarray, time: np.ndarray, event: np.ndarray, data: Dataset, rng: np.random.Generator
    ) -> Fitted:
        options = self._options
        arrays = fit_cox_network(
            values,
            time,
            event,
            rng,
            hidden=options.whole("hidden"),
            l2=options.number("l2", closed=True),
        )
        classifier = Classifier("cox_network", arrays)
        told = _told(f"a network with {options.whole('hidden')} hidden units", values, event)
        start = baseline(time, event, classifier.raw_score(values))
        return Fitted(classifier, baseline=start, told=told)


KINDS: Mapping[str, tuple[Mapping[str, Any], Callable[[Options, Outcome], _Timed]]] = {
    "cox": ({"l2": 0.0}, Cox),
    "lasso_cox": ({"alpha": "cv", "l1_ratio": 1.0, "folds": 5, "n_alphas": 30}, LassoCox),
    "survival_forest": ({"n_trees": 200, "min_leaf": 10, "max_features": None}, Forest),
    "deep_survival": ({"hidden": 8, "l2": 0.05}, Network),
}
