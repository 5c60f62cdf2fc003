"""Events per candidate predictor: whether there are cases enough for what is to be chosen from.

Below 10 a warning, below 5 no model for others (Peduzzi et al. 1996, J Clin Epidemiol 49:1373; Moons et al.
2019, PROBAST, Ann Intern Med 170:W1, signalling question 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ..dataset import Dataset
from ..method import Method, Spec
from .parts import Parts, own_parts

WARN, REFUSE = 10.0, 5.0
BLIND = ("impute", "combat", "scale", "icc", "variance", "correlation")
"""Steps that do not look at the outcome (unless an option says "outcome"): what they leave out never was a
candidate."""


@dataclass(frozen=True)
class SampleSize:
    """Events per candidate predictor.

    Attributes
    ----------
    events : patients of the smaller class (of the smallest, if several); with the event, for survival.
    candidates : predictors among which the outcome may choose; offered : columns before any step.
    per_candidate : events / candidates. verdict : "enough", "few" (below 10) or "too few" (below 5).
    sentence : all of that in words.
    """

    events: int
    candidates: int
    offered: int
    per_candidate: float
    verdict: str
    sentence: str


def sample_size(data: Dataset, method: Method, parts: Parts | None = None, seed: int = 0) -> SampleSize:
    """Count events and candidate predictors.

    Candidates are the columns that are left when the first step comes that looks at the outcome (or the
    estimator): reduction that is blind to the outcome does not count (Harrell 2015, Regression Modeling
    Strategies, section 4.7). The blind steps are fitted on all cases here; nothing of that is used elsewhere.
    """
    parts = parts or own_parts()
    blind = blind_steps(method)
    columns = (
        parts.fit_steps(tuple(blind), data, np.random.default_rng(seed)).columns if blind else data.columns
    )
    events = _events(data)
    candidates = max(len(columns), 1)
    ratio = events / candidates
    verdict = verdict_of(ratio)
    sentence = (
        f"{events} events for {candidates} candidate predictors (of {len(data.columns)} offered): "
        f"{ratio:.1f} events per candidate, {verdict}"
    )
    if verdict != "enough":
        sentence += f"; {WARN:g} or more are asked for"
    return SampleSize(events, candidates, len(data.columns), ratio, verdict, sentence + ".")


def blind_steps(method: Method) -> list[Spec]:
    """The steps before the first one that looks at the outcome."""
    blind = []
    for step in method.steps:
        if step.kind not in BLIND or "outcome" in step.options.values():
            break
        blind.append(step)
    return blind


def verdict_of(per_candidate: float) -> str:
    """ "enough", "few" (below 10) or "too few" (below 5)."""
    return "too few" if per_candidate < REFUSE else "few" if per_candidate < WARN else "enough"


def require_events(size: SampleSize) -> None:
    """Refuse to make a model for others from too few events.

    Raises
    ------
    TrainingError : fewer than five events per candidate predictor.
    """
    if size.verdict == "too few":
        most = int(size.events // REFUSE)
        raise TrainingError(
            f"No model is made: {size.sentence}",
            f"Add cases, or leave at most {most} candidate predictors without looking at the outcome (by "
            "literature, repeatability or correlation).",
        )


def _events(data: Dataset) -> int:
    labels = np.asarray(data.outcome.labels)
    if data.outcome.time is not None:
        return int(np.unique(data.patients[labels > 0]).size)
    numbers = range(max(len(data.outcome.classes), int(labels.max(initial=0)) + 1))
    return min(int(np.unique(data.patients[labels == k]).size) for k in numbers)
