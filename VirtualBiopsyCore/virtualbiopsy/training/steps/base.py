"""What the steps share: which columns stay, what a selection gives, what training data must fulfil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import MissingPackageError, TrainingError
from ..dataset import SURVIVAL, Dataset, Outcome

KEEP = ("clinical:",)
"""How the names of columns begin that a selection leaves in, unless its option `keep` says otherwise."""


@dataclass(frozen=True, eq=False)
class Selection:
    """A fitted step that leaves columns out.

    Attributes
    ----------
    columns : that remain, in the order of the data. told : one sentence.
    scores : figure of every candidate that the choice rests on, by column; the higher, the better.
    """

    columns: tuple[str, ...]
    told: str
    scores: Mapping[str, float] = field(default_factory=dict)

    def apply(self, data: Dataset) -> Dataset:
        """The data with the remaining columns."""
        return data.features(self.columns)


def may_go(data: Dataset, keep: Sequence[str]) -> np.ndarray:
    """(p,) bool, the columns that a selection may leave out."""
    return np.array([not name.startswith(tuple(keep)) for name in data.columns], dtype=bool)


def select(
    data: Dataset, candidates: np.ndarray, chosen: np.ndarray, scores: np.ndarray | None, how: str
) -> Selection:
    """A selection from what was chosen among the candidates.

    Parameters
    ----------
    candidates : (p,) bool, see :func:`may_go`. chosen : (c,) bool of the candidates.
    scores : (c,) of the candidates, or None. how : ends the sentence "kept 9 of 214 features …".

    Raises
    ------
    TrainingError : no column remains.
    """
    stays = ~candidates
    stays[candidates] = chosen
    columns = tuple(name for name, stay in zip(data.columns, stays, strict=True) if stay)
    if not columns:
        raise TrainingError(f"No feature remains: none of {chosen.size} was kept {how}.", "Loosen the limit.")
    told = f"Kept {int(chosen.sum())} of {chosen.size} features {how}"
    told += f"; {int((~candidates).sum())} others stayed as they were." if not candidates.all() else "."
    names = np.array(data.columns, dtype=object)[candidates]
    figures = {} if scores is None else {str(n): float(s) for n, s in zip(names, scores, strict=True)}
    return Selection(columns, told, figures)


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """(c,) bool, the `count` highest scores; NaN is the lowest, ties go to the earlier column."""
    order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    chosen = np.zeros(scores.size, dtype=bool)
    chosen[order[:count]] = True
    return chosen & ~np.isnan(scores)


def complete(data: Dataset, candidates: np.ndarray, step: str) -> np.ndarray:
    """(n, c) values of the candidates.

    Raises
    ------
    TrainingError : a value is missing or not finite.
    """
    values = data.values[:, candidates]
    bad = ~np.isfinite(values).all(axis=0)
    if bad.any():
        name = np.array(data.columns, dtype=object)[candidates][bad][0]
        raise TrainingError(
            f'The step "{step}" needs complete values; {int(bad.sum())} columns have gaps, first {name}.',
            'Put a step "impute" before it.',
        )
    return values


def varied(outcome: Outcome, step: str) -> Outcome:
    """The outcome, if there is anything to tell apart.

    Raises
    ------
    TrainingError : all cases have the same class, or no event was seen.
    """
    if outcome.kind == SURVIVAL:
        if not (outcome.labels == 1).any():
            raise TrainingError(f'The step "{step}" needs events; {outcome.name} has none in this part.')
    elif np.unique(outcome.labels).size < 2:
        raise TrainingError(
            f'The step "{step}" needs more than one class; all {outcome.labels.size} cases of this part have '
            f"the same {outcome.name}.",
            "Use fewer folds or more cases.",
        )
    return outcome


def one_of(step: str, option: str, value: object, allowed: Sequence[object]) -> None:
    """Check an option.

    Raises
    ------
    TrainingError : the value is not among those that are allowed.
    """
    if value not in allowed:
        listed = ", ".join(str(one) for one in allowed)
        raise TrainingError(f'The step "{step}" has no {option} "{value}".', f"It can be: {listed}.")


def needs_sklearn(error: ImportError) -> MissingPackageError:
    """What to raise where scikit-learn is not installed."""
    return MissingPackageError(
        f"Training needs scikit-learn, which is not installed ({error}).",
        'Install it with `pip install "virtualbiopsy[train]"`; predicting does not need it.',
    )
