"""What the last edit moved: the difference of two explanations by the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..models.prediction import Prediction
from .model import Contribution, Explanation


@dataclass(frozen=True)
class DeltaTerm:
    """Part of one feature in the change of the log-odds.

    Attributes
    ----------
    phi : change of its contribution, log-odds.
    before, after : value of the feature.
    """

    key: str
    phi: float
    before: float
    after: float


@dataclass(frozen=True)
class Delta:
    """What an edit did to the answer of one model.

    ``log_odds_after − log_odds_before = Σ phi of terms``, as both explanations start from the same baseline.
    With a calibrator that is not affine the terms add up to the change of the uncalibrated score
    (`sums_to`).

    Attributes
    ----------
    log_odds : change that the terms add up to. before, after : probability.
    terms : largest first; features that did not move are left out.
    """

    model_id: str
    log_odds: float
    before: float
    after: float
    terms: tuple[DeltaTerm, ...]
    sums_to: str = "log-odds"


def delta(
    old: Explanation, new: Explanation, old_prediction: Prediction, new_prediction: Prediction
) -> Delta | None:
    """The change from one explanation to the next; None if they are of different models or baselines."""
    if old.model_id != new.model_id or old.baseline != new.baseline:
        return None
    was: Mapping[str, Contribution] = {c.key: c for c in old.contributions}
    if set(was) != {c.key for c in new.contributions}:
        return None
    terms = [
        DeltaTerm(c.key, c.phi - was[c.key].phi, was[c.key].value, c.value)
        for c in new.contributions
        if c.phi != was[c.key].phi
    ]
    return Delta(
        model_id=new.model_id,
        log_odds=new.log_odds - old.log_odds,
        before=old_prediction.probability,
        after=new_prediction.probability,
        terms=tuple(sorted(terms, key=lambda term: (-abs(term.phi), term.key))),
        sums_to=new.sums_to,
    )


def deltas(
    old: tuple[Sequence[Explanation], Sequence[Prediction]],
    new: tuple[Sequence[Explanation], Sequence[Prediction]],
) -> tuple[Delta, ...]:
    """The changes of all models that answered before and after, in the order of the new answers."""
    before = {
        explanation.model_id: (explanation, prediction) for explanation, prediction in zip(*old, strict=True)
    }
    found = []
    for explanation, prediction in zip(*new, strict=True):
        if explanation.model_id in before:
            was, answered = before[explanation.model_id]
            change = delta(was, explanation, answered, prediction)
            if change is not None:
                found.append(change)
    return tuple(found)
