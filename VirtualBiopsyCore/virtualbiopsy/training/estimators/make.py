"""From a recipe's words to an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...errors import TrainingError
from ..dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL, Outcome
from ..method import Estimator, Spec
from . import boosted, learned, ordered, timed
from .options import Options

#: For each kind the outcomes that it serves, its options with defaults, and what makes it.
KINDS: Mapping[str, tuple[tuple[str, ...], Mapping[str, object], Callable[[Options, Outcome], Estimator]]] = {
    **{
        name: (
            (BINARY,) if name in learned.TWO_CLASSES_ONLY else (BINARY, MULTICLASS),
            defaults,
            learned.SkLearned,
        )
        for name, defaults in learned.DEFAULTS.items()
    },
    "xgboost": ((BINARY, MULTICLASS), boosted.DEFAULTS, boosted.XGBoost),
    "proportional_odds": ((ORDINAL,), ordered.DEFAULTS, ordered.ProportionalOdds),
    **{name: ((SURVIVAL,), defaults, made) for name, (defaults, made) in timed.KINDS.items()},
}


def kinds_for(outcome: str) -> tuple[str, ...]:
    """Names of the kinds that serve an outcome ("binary", "multiclass", "ordinal", "survival")."""
    return tuple(name for name, (served, _, _) in KINDS.items() if outcome in served)


def make_estimator(spec: Spec, outcome: Outcome) -> Estimator:
    """The estimator that a method names, for an outcome.

    Its ``fit(values (n, p), data, rng)`` gives a :class:`.fitted.Fitted`.

    Raises
    ------
    TrainingError : the kind or one of its options is unknown, or it does not serve this outcome.
    """
    if spec.kind not in KINDS:
        raise TrainingError(
            f"There is no estimator {spec.kind!r}.",
            f"For this outcome: {', '.join(kinds_for(outcome.kind))}.",
        )
    served, defaults, made = KINDS[spec.kind]
    if outcome.kind not in served:
        raise TrainingError(
            f"The estimator {spec.kind!r} is not for a {outcome.kind} outcome ({outcome.name}).",
            f"For this outcome: {', '.join(kinds_for(outcome.kind))}.",
        )
    return made(Options(spec.kind, spec.options, defaults), outcome)
