"""Everything that is said about a tested method, in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ..dataset import BINARY, SURVIVAL, Dataset
from ..survival.calibration import CalibrationAt, calibration_at
from .criterion import criterion
from .curves import CalibrationCurve, Confusion, RocCurve, calibration_curve, confusion, roc_curve
from .decision import DecisionCurve, decision_curve
from .delong import DeLong, delong
from .figures import Figure, figures
from .resampling import patient_weights
from .run import HeldOut
from .splits import strata
from .subgroups import Subgroup, subgroup_table


@dataclass(frozen=True)
class PartLine:
    """One test part: its name, cases, events, how well its cases are ranked (NaN where that cannot be said),
    and what is wrong with it.
    """

    name: str
    cases: int
    events: int
    ranking: float
    faults: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the held-out cases show.

    Attributes
    ----------
    kind : of the outcome. cases, patients, events : that were tested (events: cases of the last class, or
        with the event).
    figures : see :func:`virtualbiopsy.training.validation.figures.figures`.
    parts : every test part on its own; those that cannot be ranked are here with their fault and are in no
        mean. ranked_parts : how many can.
    roc, calibration, decision : for two classes, else None. confusion : None for survival.
    by_horizon : groups of predicted risk against Kaplan–Meier at the horizon, first repeat; None for
        others than survival, and where nobody was followed until then.
    delong : interval of the AUC where one model scored every case, else None.
    subgroups : table. chosen : by column the share of the models that used it. faults : of parts, in words.
    """

    kind: str
    cases: int
    patients: int
    events: int
    figures: Mapping[str, Figure]
    parts: tuple[PartLine, ...]
    ranked_parts: int
    roc: RocCurve | None
    calibration: CalibrationCurve | None
    decision: DecisionCurve | None
    confusion: Confusion | None
    delong: DeLong | None
    subgroups: tuple[Subgroup, ...]
    chosen: Mapping[str, float]
    faults: tuple[str, ...]
    by_horizon: CalibrationAt | None = None


def evaluate(held_out: HeldOut, data: Dataset, bootstraps: int = 2000, seed: int = 7) -> Evaluation:
    """Evaluate held-out scores.

    Bootstrap intervals resample patients and hold the models fixed.
    """
    drawn = patient_weights(data.patients, strata(data.outcome), bootstraps, seed)
    binary = data.outcome.kind == BINARY
    scores = held_out.scores()
    tested = np.isfinite(scores.reshape(*scores.shape[:2], -1)).all(axis=2).any(axis=0)
    last = 1 if data.outcome.kind == SURVIVAL else len(data.outcome.classes) - 1
    parts = part_lines(held_out)
    return Evaluation(
        kind=data.outcome.kind,
        cases=int(tested.sum()),
        patients=int(np.unique(data.patients[tested]).size),
        events=int((data.outcome.labels[tested] == last).sum()),
        figures=figures(held_out, drawn),
        parts=parts,
        ranked_parts=sum(np.isfinite(p.ranking) for p in parts),
        roc=roc_curve(held_out, drawn) if binary else None,
        calibration=calibration_curve(held_out, drawn) if binary else None,
        decision=decision_curve(data.outcome.labels, held_out.probability(), drawn) if binary else None,
        confusion=None if data.outcome.kind == SURVIVAL else confusion(held_out),
        delong=_delong(held_out) if binary else None,
        subgroups=subgroup_table(held_out, data, drawn),
        chosen=held_out.chosen(),
        faults=held_out.faults(),
        by_horizon=_by_horizon(held_out),
    )


def part_lines(held_out: HeldOut) -> tuple[PartLine, ...]:
    """Each test part on its own."""
    last = 1 if held_out.outcome.kind == SURVIVAL else len(held_out.outcome.classes) - 1
    found = []
    for p in held_out.parts:
        outcome = held_out.outcome.rows(p.split.test)
        ranking = float("nan")
        if p.scores is not None:
            ranking = criterion(outcome, p.scores, np.zeros(len(p.scores), dtype=int))
        events = int((outcome.labels == last).sum())
        found.append(PartLine(p.split.name, p.split.test.size, events, ranking, p.faults))
    return tuple(found)


def _by_horizon(held_out: HeldOut) -> CalibrationAt | None:
    risk = held_out.risks()[0]
    known = np.isfinite(risk)
    if not known.any():
        return None
    outcome = held_out.outcome.rows(known)
    try:
        return calibration_at(outcome.time, outcome.labels, risk[known], held_out.horizon)
    except TrainingError:
        return None


def _delong(held_out: HeldOut) -> DeLong | None:
    if len(held_out.parts) != 1 or held_out.parts[0].scores is None:
        return None
    part = held_out.parts[0]
    try:
        return delong(held_out.outcome.labels[part.split.test] > 0, part.scores)
    except TrainingError:
        return None
