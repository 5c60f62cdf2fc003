"""Simulated cases in the place of patients: a trial run of a plan, which says nothing about its endpoint."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..errors import TrainingError
from ..models.recipe import builtin_recipes
from ..progress import Progress, part, silent
from ..radiomics.keys import is_clinical, measured_key
from ..tasks import BREAST, MENINGIOMA
from .breast import LABELS as BREAST_LABELS
from .breast import PREVALENCE, BreastRow
from .cohort import LABELS as MENINGIOMA_LABELS
from .cohort import PROTOCOL, CaseRow
from .dataset import BINARY, MULTICLASS, SURVIVAL, Dataset, Outcome
from .plan import Condition, Plan
from .row_store import RowStore
from .rows import Row, row_table
from .table import FeatureTable

GRADE = "clinical:who_grade"
HER2_CLASSES = ("HER2-zero", "HER2-low", "HER2-positive")

MEDIAN_MONTHS, KI67_WEIGHT, GRADE_WEIGHT, FOLLOW_UP = 96.0, 0.8, 0.6, (24.0, 120.0)
"""Times to recurrence of simulated meningiomas: exponential with this median at Ki-67 3.6 % and grade 1; the
log hazard rises by these weights with the logarithm of Ki-67 and with the grade; follow-up is uniform."""


def stand_in_keys(plans: Iterable[Plan]) -> tuple[str, ...]:
    """Features that the simulated cases of these plans must have measured, each once."""
    keys: list[str] = []
    for plan in plans:
        keys += plan.feature_keys(plan.stand_in.instead)
        if plan.stand_in.label in ("survival", "who_grade"):
            keys.append(GRADE)
        if plan.among is not None and is_clinical(plan.among.column):
            keys.append(plan.among.column)
    return tuple(dict.fromkeys(keys))


def stand_in_table(
    plans: Sequence[Plan],
    n: int,
    seed: int,
    progress: Progress = silent,
    *,
    processes: int = 2,
    kept: Path | None = None,
) -> FeatureTable:
    """Simulate `n` cases with all that some plans of one cohort need.

    Parameters
    ----------
    processes : 1 to work in this process.
    kept : file that keeps cases one by one, so that another call goes on after a kill; None for none.

    Raises
    ------
    TrainingError : the plans are not of one simulated cohort.
    TemplateMissingError : the anatomical template is not installed. Cancelled.
    """
    tasks = {plan.stand_in.task for plan in plans}
    if len(tasks) != 1:
        raise TrainingError(f"The plans are of {len(tasks)} simulated cohorts.", "Take those of one.")
    task = tasks.pop()
    keys = stand_in_keys(plans)
    roles = {key.sequence for text in keys if (key := measured_key(text)) is not None}
    preparation = next(recipe.preparation for recipe in builtin_recipes() if recipe.task == task)
    notes = ("Simulated; not patients. For trial runs of recipes.", f"Cohort seed {seed}, {n} cases.")
    if task == BREAST.task_id:
        from ..simulate.breast import COHORT, simulate_breast_cohort

        settings = replace(COHORT, time_points=2, prevalence=PREVALENCE)
        make = BreastRow(keys, preparation)
        rows = _simulated(simulate_breast_cohort, n, seed, progress, settings, make, processes, kept)
        return row_table(rows, [*BREAST_LABELS, *keys], notes)
    from ..simulate.cohort import simulate_cohort
    from ..simulate.meningioma import SimulationSettings

    needed = tuple(role for role in MENINGIOMA.roles if role in roles | {MENINGIOMA.reference})
    settings = SimulationSettings(sequences=needed, motion=0.0)
    make = CaseRow(keys, preparation)
    rows = _simulated(simulate_cohort, n, seed, progress, settings, make, processes, kept)
    return row_table(rows, [*MENINGIOMA_LABELS, *PROTOCOL, *keys], notes)


def _simulated(
    simulate: Any,
    n: int,
    seed: int,
    progress: Progress,
    settings: Any,
    make: Any,
    processes: int,
    kept: Path | None,
) -> list[Row]:
    """The rows of `n` cases in order; those that `kept` holds are not made again."""
    if kept is None:
        return list(simulate(n, seed, progress, settings=settings, apply=make, processes=processes))
    digest = hashlib.sha256(f"{__version__} {seed} {settings!r} {make!r}".encode()).hexdigest()
    store = RowStore(kept, digest)
    start = min(len(store.rows), n)
    rest = part(progress, start / n, 1.0)
    if start < n:
        for row in simulate(
            n - start, seed, rest, settings=settings, apply=make, processes=processes, start=start
        ):
            store.keep(row)
    return store.rows[:n]


def stand_in_data(plan: Plan, table: FeatureTable) -> Dataset:
    """The simulated cases as data of the plan: its own columns, its outcome from the label of the stand-in.

    Columns measured on another image (:attr:`.plan.StandIn.instead`) have the names of the plan.

    Raises
    ------
    TrainingError : no case fulfils the condition of the plan.
    UnreadableFileError : the table lacks a column.
    """
    kept = np.ones(len(table.cases), dtype=bool)
    if plan.among is not None and not plan.stand_in.whole:
        kept = _fulfilled(plan.among, table)
    if not kept.any():
        raise TrainingError("No simulated case fulfils the condition of the plan.", "Simulate more cases.")
    table = replace(
        table,
        cases=tuple(name for name, keep in zip(table.cases, kept, strict=True) if keep),
        values=table.values[kept],
    )
    return Dataset(
        cases=table.cases,
        patients=np.array(table.cases),
        columns=plan.feature_keys(),
        values=table.matrix(plan.feature_keys(plan.stand_in.instead)),
        outcome=_outcome(plan, table),
        provenance=(*table.notes, f"Stand-in for {plan.study_id}: {plan.stand_in.words}"),
    )


def recurrence(cases: Sequence[str], ki67: np.ndarray, grade: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Months (n,) to recurrence or end of follow-up, and whether it was seen; drawn by the cases' names."""
    log_hazard = KI67_WEIGHT * np.log(np.maximum(ki67, 0.2) / 3.6) + GRADE_WEIGHT * (grade - 1.0)
    rate = np.log(2.0) / MEDIAN_MONTHS * np.exp(log_hazard)
    drawn = [np.random.default_rng(zlib.crc32(name.encode())) for name in cases]
    time = np.array([rng.standard_exponential() for rng in drawn]) / rate
    end = np.array([rng.uniform(*FOLLOW_UP) for rng in drawn])
    return np.maximum(np.minimum(time, end), 0.1), time <= end


def _outcome(plan: Plan, table: FeatureTable) -> Outcome:
    label = plan.stand_in.label
    name = f"{plan.positive} (simulated: {label})"
    if plan.outcome == SURVIVAL:
        name = f"simulated {plan.positive}"
        time, seen = recurrence(table.cases, table.column("ki67_percent"), table.column(GRADE))
        return Outcome(SURVIVAL, name, (), seen.astype(int), time, "months")
    values = table.column(GRADE if label == "who_grade" else label)
    if plan.outcome == BINARY:
        positive = values > 0 if plan.stand_in.at_least is None else values >= plan.stand_in.at_least
        return Outcome(BINARY, name, (plan.negative, plan.positive), positive.astype(int))
    classes = HER2_CLASSES if label == "her2_level" else tuple(f"class {n}" for n in np.unique(values))
    numbers = np.searchsorted(np.unique(values), values) if label != "her2_level" else values
    return Outcome(plan.outcome or MULTICLASS, name, classes, numbers.astype(int))


def _fulfilled(condition: Condition, table: FeatureTable) -> np.ndarray:
    values = table.column(condition.column)
    return (values >= condition.at_least) & (values <= condition.at_most)
