"""Keep the columns that an L1-penalised model uses, the penalty chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ..dataset import ORDINAL, Dataset
from ..validation.splits import patient_folds
from .base import KEEP, Selection, best, complete, may_go, one_of, select, varied
from .l1 import Cox, Loss, l1_path, largest_penalty, loss_of, walk

PATIENCE = 8
"""Penalties after the best one so far for which the held-out deviance is still looked at."""


@dataclass(frozen=True)
class Lasso:
    """Which columns are kept.

    Attributes
    ----------
    loss : "logistic", or "linear" for squared differences from the class number, as many studies do.
        Ordered classes always are linear, survival always is Cox's partial likelihood.
    rule : "min" for the penalty with the lowest held-out deviance, "1se" for the largest within a standard
        error of it.
    penalty : λ itself, then nothing is cross-validated; None to choose.
    folds : grouped by patient. path : how many λ are tried. ratio : the smallest over the largest.
    most : keep only so many, those with the largest coefficients; 0 for all.
    least : keep so many of the columns that enter first where the best model has fewer.
    keep : beginnings of names that always stay; they are not given to the model.
    """

    loss: str = "logistic"
    rule: str = "min"
    penalty: float | None = None
    folds: int = 5
    path: int = 40
    ratio: float = 0.05
    most: int = 0
    least: int = 1
    keep: tuple[str, ...] = KEEP

    def __post_init__(self) -> None:
        one_of("lasso", "loss", self.loss, ("logistic", "linear"))
        one_of("lasso", "rule", self.rule, ("min", "1se"))

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data; columns are standardised here. Scores are |coefficient| per deviation.

        Raises
        ------
        TrainingError : gaps, a constant outcome, or a class with fewer than two patients.
        """
        candidates = may_go(data, self.keep)
        values = complete(data, candidates, "lasso")
        varied(data.outcome, "lasso")
        loss = self._loss(data)
        x = _standardised(values)
        top = largest_penalty(x, loss)
        if not top > 0:
            raise TrainingError("No feature varies with the outcome at all.", "Check the table of features.")
        penalties = top * np.geomspace(1.0, self.ratio, self.path)
        if self.penalty is None:
            penalties = penalties[: self._chosen(data, values, penalties, rng) + 1]
        else:
            penalties = np.append(penalties[penalties > self.penalty], self.penalty)
        path = l1_path(x, loss, penalties)
        scores = np.abs(path.coefficients[-1]).max(axis=1)
        chosen = scores > 0
        how = f"by LASSO (λ = {path.penalties[-1]:.4g}{', ' + self.rule if self.penalty is None else ''})"
        if chosen.sum() < self.least:
            first = _entered(x, loss, top, self.least)
            how += f", which kept {int(chosen.sum())}: those that enter first"
            chosen = first
        if self.most and chosen.sum() > self.most:
            chosen = best(np.where(chosen, scores, np.nan), self.most)
            how += f", the {self.most} largest coefficients"
        return select(data, candidates, chosen, scores, how)

    def _loss(self, data: Dataset) -> Loss:
        return loss_of(data.outcome, self.loss == "linear" or data.outcome.kind == ORDINAL)

    def _chosen(
        self, data: Dataset, values: np.ndarray, penalties: np.ndarray, rng: np.random.Generator
    ) -> int:
        """Number of the penalty by held-out deviance; folds are standardised by their own training part.

        The paths of all folds are walked together and left when the mean deviance has not fallen for
        :data:`PATIENCE` penalties.
        """
        folds = [self._fold(data, values, *rows, penalties) for rows in inner_folds(data, self.folds, rng)]
        table: list[tuple[float, ...]] = []
        mean: list[float] = []
        for deviances in zip(*folds, strict=False):
            table.append(deviances)
            mean.append(float(np.mean(deviances)))
            if len(mean) - np.argmin(mean) > PATIENCE:
                break
        lowest = int(np.argmin(mean))
        if self.rule == "min" or len(folds) < 2:
            return lowest
        error = np.std(table[lowest], ddof=1) / np.sqrt(len(folds))
        return int(np.flatnonzero(np.array(mean) <= mean[lowest] + error)[0])

    def _fold(
        self, data: Dataset, values: np.ndarray, train: np.ndarray, held: np.ndarray, penalties: np.ndarray
    ) -> Iterator[float]:
        """Held-out deviance per case along the path of one fold.

        For survival that of all cases less that of the training part (Verweij & van Houwelingen, Stat Med
        1993;12:2305): held-out cases alone may be too few to be compared with each other.
        """
        x, others = _standardised(values[train], values[train], values[held])
        own, rest = (self._loss(data.rows(at)) for at in (train, held))
        both = self._loss(data.rows(np.concatenate([train, held])))
        for solution in walk(x, own, penalties, tolerance=1e-3):
            score = solution.of(others)
            if isinstance(both, Cox):
                whole = both.value(np.vstack([solution.score, score])) * (len(train) + len(held))
                yield (whole - own.value(solution.score) * len(train)) / len(held)
            else:
                yield rest.value(score)


def inner_folds(data: Dataset, folds: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """(train, held-out) row numbers; patients are not divided, classes (or events) spread evenly.

    Fewer folds than asked for where a class has fewer patients.

    Raises
    ------
    TrainingError : a class has fewer than two patients.
    """
    labels = data.outcome.labels
    kinds = np.unique(labels)
    fewest = min(np.unique(data.patients[labels == one]).size for one in kinds)
    if fewest < 2:
        raise TrainingError(
            f"A class of {data.outcome.name} has one patient in this part; it cannot be divided into folds.",
            "Use fewer folds or more cases.",
        )
    number = patient_folds(data.patients, labels, min(folds, fewest), rng)
    found = []
    for fold in np.unique(number):
        train, held = np.flatnonzero(number != fold), np.flatnonzero(number == fold)
        # A patient may have rows of several classes, so that a fold can still hold all of one.
        if np.unique(labels[train]).size == kinds.size and (data.outcome.time is None or labels[held].any()):
            found.append((train, held))
    if not found:
        raise TrainingError(f"No folds of these cases hold all classes of {data.outcome.name}.")
    return found


def _standardised(values: np.ndarray, *more: np.ndarray) -> np.ndarray | list[np.ndarray]:
    """Columns with mean 0 and deviation 1 (divisor n); with more arrays those, by the first's figures."""
    mean, spread = values.mean(axis=0), values.std(axis=0)
    # A column that rounding alone makes vary counts as constant.
    scale = np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1e-300), spread, np.inf)
    return [(one - mean) / scale for one in more] if more else (values - mean) / scale


def _entered(x: np.ndarray, loss: Loss, top: float, count: int) -> np.ndarray:
    """(p,) bool, the columns that enter first when the penalty falls."""
    finer = top * np.geomspace(1.0, 0.05, 60)
    longer = l1_path(x, loss, finer)
    used = (longer.coefficients != 0).any(axis=2)
    steps = np.where(used.any(axis=0), used.argmax(axis=0), len(used))
    return best(np.where(steps < len(used), -steps.astype(float), np.nan), count)
