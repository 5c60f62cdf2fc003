"""Clinical, radiomic and combined models on the same splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ...errors import TrainingError
from ...progress import Progress, part, silent
from ..dataset import BINARY, Dataset
from ..method import Method
from .delong import DeLongTest, delong_test
from .evaluate import Evaluation, evaluate
from .figures import Figure, spreads
from .parts import Parts
from .resampling import interval, patient_weights
from .run import HeldOut, validate
from .splits import make_splits, strata

CLINICAL = "clinical:"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One set of columns: its name, columns, held-out scores and what they show."""

    name: str
    columns: tuple[str, ...]
    held_out: HeldOut
    evaluation: Evaluation


@dataclass(frozen=True)
class Difference:
    """Two candidates on the same cases.

    Attributes
    ----------
    first, second : names. figures : by name first − second, with the paired bootstrap interval.
    delong : test of the AUCs of the mean held-out scores, over all cases; None unless two classes.
    p_holm : its p, corrected for the number of pairs (Holm 1979, Scand J Stat 6:65); NaN without.
    note : what keeps the p from being taken at its word; "" if nothing does.
    """

    first: str
    second: str
    figures: Mapping[str, Figure]
    delong: DeLongTest | None
    p_holm: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Candidates and all their pairs. `left_out` : parts that not every candidate could be fitted in; the
    differences do without them.
    """

    candidates: tuple[Candidate, ...]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]


def column_sets(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns as "clinical", "radiomic" and "combined"; only what there is."""
    clinical = tuple(c for c in columns if c.startswith(CLINICAL))
    radiomic = tuple(c for c in columns if not c.startswith(CLINICAL))
    if not clinical or not radiomic:
        return {"clinical" if clinical else "radiomic": clinical or radiomic}
    return {"clinical": clinical, "radiomic": radiomic, "combined": tuple(columns)}


def compare(
    method: Method,
    data: Dataset,
    sets: Mapping[str, Sequence[str]] | None = None,
    progress: Progress = silent,
    *,
    methods: Mapping[str, Method] | None = None,
    parts: Parts | None = None,
) -> Comparison:
    """Validate each set of columns on the splits of `method` and compare them in pairs.

    Parameters
    ----------
    sets : columns by name; without, :func:`column_sets`. methods : another method for some of them (clinical
        variables need no selection); its validation is not looked at.

    Raises
    ------
    TrainingError : a set cannot be fitted at all.
    """
    sets = dict(sets) if sets is not None else column_sets(data.columns)
    splits, settings = make_splits(data, method.validation), method.validation
    found = []
    for number, (name, columns) in enumerate(sets.items()):
        inner = part(progress, number / len(sets), (number + 1) / len(sets))
        own = replace((methods or {}).get(name, method), validation=settings)
        chosen = data.features(columns)
        held_out = validate(own, chosen, inner, parts=parts, splits=splits)
        shown = evaluate(held_out, chosen, settings.bootstraps, settings.seed)
        found.append(Candidate(name, tuple(columns), held_out, shown))
    differences, left_out = pairwise(found, data, settings.bootstraps, settings.seed)
    return Comparison(tuple(found), differences, left_out)


def pairwise(
    candidates: Sequence[Candidate], data: Dataset, bootstraps: int, seed: int
) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """All differences, and the names of the parts that they do without."""
    drawn = patient_weights(data.patients, strata(data.outcome), bootstraps, seed)
    every = [all(c.held_out.parts[i].scores is not None for c in candidates) for i in _range(candidates)]
    left_out = tuple(candidates[0].held_out.parts[i].split.name for i in _range(candidates) if not every[i])
    common = [_only(c.held_out, every) for c in candidates]
    values = [spreads(h, drawn) for h in common]
    found = []
    for i, j in combinations(range(len(candidates)), 2):
        figures = {}
        for name in values[i]:
            gain = values[i][name][0] - values[j][name][0]
            figures[name] = Figure(float(gain[0]), *interval(gain[1:]), *values[i][name][1:])
        test = _delong(common[i], common[j])
        first, second = candidates[i], candidates[j]
        note = _at_chance(first, second) if test is not None else ""
        found.append(Difference(first.name, second.name, figures, test, float("nan"), note))
    corrected = holm([d.delong.p if d.delong else float("nan") for d in found])
    return tuple(replace(d, p_holm=p) for d, p in zip(found, corrected, strict=True)), left_out


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction; NaN stays and is not counted."""
    known = [i for i in range(len(p)) if not np.isnan(p[i])]
    corrected, highest = list(p), 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p[i])):
        highest = max(highest, min(p[i] * (len(known) - rank), 1.0))
        corrected[i] = highest
    return corrected


def _at_chance(*candidates: Candidate) -> str:
    """What to say where one of them does not rank better than chance.

    What a training part holds too much of is lacking in its test part, so that pooled held-out scores without
    signal lie below one half, and DeLong's test takes that for a difference.
    """
    told = []
    for candidate in candidates:
        auc = candidate.evaluation.figures["auc"]
        if not (auc.value > 0.5 and auc.low > 0.5):
            told.append(f"{candidate.name} (AUC {auc.value:.2f}, 95 % CI {auc.low:.2f} to {auc.high:.2f})")
    if not told:
        return ""
    return (
        f"Not better than chance: {' and '.join(told)}. In a cross-validation the scores of such a model "
        "fall below one half by themselves, so that a small p is no evidence of a difference."
    )


def _range(candidates: Sequence[Candidate]) -> range:
    return range(len(candidates[0].held_out.parts)) if candidates else range(0)


def _only(held_out: HeldOut, kept: Sequence[bool]) -> HeldOut:
    """The same with some parts emptied."""
    parts = (p if k else replace(p, scores=None) for p, k in zip(held_out.parts, kept, strict=True))
    return replace(held_out, parts=tuple(parts))


def _delong(first: HeldOut, second: HeldOut) -> DeLongTest | None:
    if first.outcome.kind != BINARY:
        return None
    a, b = first.scores(), second.scores()
    tested = (np.isfinite(a) & np.isfinite(b)).all(axis=0)
    positive = first.outcome.labels[tested] > 0
    try:
        return delong_test(positive, a[:, tested].mean(axis=0), b[:, tested].mean(axis=0))
    except TrainingError:
        return None
