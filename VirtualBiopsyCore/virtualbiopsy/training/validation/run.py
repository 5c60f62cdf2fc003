"""Run a method over all splits: each test part is scored by a model that never saw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import TrainingError
from ...models.calibration import sigmoid
from ...progress import Progress, silent
from ..dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL, Dataset, Outcome
from ..method import Method
from .fitting import fit_method
from .horizon import horizon_of
from .parts import Parts, own_parts
from .splits import Split, make_splits, overlapping_patients


@dataclass(frozen=True, eq=False)
class Part:
    """What became of one split.

    Attributes
    ----------
    split : what was trained and tested on.
    scores : (tested cases,) or (tested cases, cuts or classes) as :meth:`FittedMethod.score`; None if the
        method could not be fitted.
    columns : that reached the estimator. options : chosen in the inner folds. threshold : for two classes.
    told : what was done. faults : what is wrong with this part, one sentence each.
    risks : (tested cases,) probability of the event by the horizon; None unless survival.
    """

    split: Split
    scores: np.ndarray | None
    columns: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    threshold: float = float("nan")
    told: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    risks: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What was said about cases by models that did not see them.

    Attributes
    ----------
    outcome : of all cases. patients : (n,). parts : one for each split.
    horizon : time that the risks of survival are about; NaN for others.
    """

    outcome: Outcome
    patients: np.ndarray
    parts: tuple[Part, ...]
    horizon: float = float("nan")

    @property
    def repeats(self) -> int:
        return 1 + max(p.split.repeat for p in self.parts)

    def scores(self) -> np.ndarray:
        """(repeats, n) or (repeats, n, cuts or classes); NaN where untested or failed."""
        shape = next((p.scores.shape[1:] for p in self.parts if p.scores is not None), ())
        found = np.full((self.repeats, self.patients.size, *shape), np.nan)
        for p in self.parts:
            if p.scores is not None:
                found[p.split.repeat, p.split.test] = p.scores
        return found

    def risks(self) -> np.ndarray:
        """(repeats, n) probability of the event by the horizon; NaN where there is none."""
        found = np.full((self.repeats, self.patients.size), np.nan)
        for p in self.parts:
            if p.risks is not None:
                found[p.split.repeat, p.split.test] = p.risks
        return found

    def numbers(self) -> np.ndarray:
        """(repeats, n) number of the part that tested each case, −1 where none did."""
        found = np.full((self.repeats, self.patients.size), -1)
        for number, p in enumerate(self.parts):
            found[p.split.repeat, p.split.test] = number
        return found

    def probability(self) -> np.ndarray:
        """(repeats, n) probability of the positive one of two classes."""
        return sigmoid(self.scores())

    def called(self) -> np.ndarray:
        """(repeats, n) 1 where the probability reaches its model's threshold, else 0, NaN if untested."""
        limit = np.append([p.threshold for p in self.parts], np.nan)[self.numbers()]
        probability = self.probability()
        known = np.isfinite(probability) & np.isfinite(limit)
        return np.where(known, (probability >= limit).astype(np.float64), np.nan)

    def faults(self) -> tuple[str, ...]:
        """All faults, with the name of the part before each."""
        return tuple(f"{p.split.name}: {fault}" for p in self.parts for fault in p.faults)

    def chosen(self) -> dict[str, float]:
        """By column, in which share of the models it was used; most used first."""
        fitted = [p for p in self.parts if p.scores is not None]
        count: dict[str, int] = {}
        for p in fitted:
            for column in p.columns:
                count[column] = count.get(column, 0) + 1
        ordered = sorted(count.items(), key=lambda item: (-item[1], item[0]))
        return {column: times / len(fitted) for column, times in ordered}


def validate(
    method: Method,
    data: Dataset,
    progress: Progress = silent,
    *,
    parts: Parts | None = None,
    splits: Sequence[Split] | None = None,
    known: Mapping[int, Part] | None = None,
    keep: Callable[[int, Part], None] | None = None,
) -> HeldOut:
    """Test a method.

    Each split draws from its own random numbers, so that the order of work does not matter and a run that was
    stopped goes on with the same numbers.

    Parameters
    ----------
    splits : instead of those of ``method.validation``.
    known : parts of an earlier run by number; not computed again. keep : called with each new part.

    Raises
    ------
    TrainingError : the splits cannot be made, share patients between their sides, or no part could be fitted.
    """
    parts = parts or own_parts()
    splits = tuple(splits) if splits is not None else make_splits(data, method.validation)
    for split in splits:
        both = overlapping_patients(data, split)
        if both:
            raise TrainingError(
                f"{split.name}: {len(both)} patients are in training and test ({', '.join(both[:5])}).",
                "Divide the cases by patient.",
            )
    horizon = horizon_of(data.outcome) if data.outcome.kind == SURVIVAL else float("nan")
    found = []
    for number, split in enumerate(splits):
        progress(number / len(splits), f"Validating, {split.name}")
        if known is not None and number in known:
            found.append(known[number])
            continue
        rng = np.random.default_rng([method.validation.seed, 2, number])
        found.append(run_split(method, data, split, rng, parts, horizon))
        if keep is not None:
            keep(number, found[-1])
    progress(1.0, "Validated")
    if all(p.scores is None for p in found):
        raise TrainingError(f"The method could not be fitted in any part. {found[0].faults[0]}")
    return HeldOut(data.outcome, data.patients, tuple(found), horizon)


def run_split(
    method: Method,
    data: Dataset,
    split: Split,
    rng: np.random.Generator,
    parts: Parts,
    horizon: float = float("nan"),
) -> Part:
    """Fit on the training side of one split and score the test side; what goes wrong becomes a fault."""
    train, test = data.rows(split.train), data.rows(split.test)
    faults = list(faults_of_test(test.outcome))
    if _constant(train.values):
        faults.append("all features of the training part are constant")
    try:
        fitted = fit_method(method, train, rng, parts)
        scores = fitted.score(test)
        risks = fitted.risk(test, horizon) if np.isfinite(horizon) else None
    except TrainingError as error:
        return Part(split, None, faults=(*faults, f"not fitted. {error}"))
    if not np.isfinite(scores).all():
        return Part(split, None, faults=(*faults, "not used: the model gave scores that are not finite"))
    if len(scores) > 1 and np.ptp(scores, axis=0).max() == 0:
        faults.append("the model gave every tested case the same score")
    return Part(
        split,
        scores,
        fitted.columns,
        dict(fitted.options),
        fitted.threshold,
        fitted.told,
        tuple(faults),
        risks,
    )


def faults_of_test(outcome: Outcome) -> tuple[str, ...]:
    """What keeps the tested cases from showing how well a model ranks."""
    labels = np.asarray(outcome.labels)
    if outcome.kind == SURVIVAL:
        return () if (labels > 0).any() else ("no tested case had the event",)
    if outcome.kind in (BINARY, MULTICLASS, ORDINAL):
        there = np.unique(labels)
        if there.size == 1:
            return (f"all {labels.size} tested cases are of one class ({outcome.classes[int(there[0])]})",)
        absent = [name for number, name in enumerate(outcome.classes) if number not in there]
        if absent:
            return (f"no tested case of the class {', '.join(absent)}",)
    return ()


def _constant(values: np.ndarray) -> bool:
    """Whether no column has two different known values."""
    low = np.where(np.isnan(values), np.inf, values).min(axis=0, initial=np.inf)
    high = np.where(np.isnan(values), -np.inf, values).max(axis=0, initial=-np.inf)
    return not (high > low).any()
