"""Trial runs of plans on simulated cases: whether a recipe runs from end to end, and what it gives there.

End to end: from features over all tests to a model file that can be read back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..errors import ModelFormatError, TrainingError
from ..models.radmodel import to_bytes
from ..models.study import find_study
from ..progress import Progress, part, silent
from .cases import simulated_cases
from .dataset import BINARY, SURVIVAL, Dataset
from .method import Validation
from .plan import Plan
from .run import train
from .stand_in import stand_in_keys, stand_in_table
from .table import FeatureTable, read_table, write_table

CASES, SEED = 24, 606
"""Of the page in Docs: few, since most of the time goes into simulating and measuring them."""
QUICK = Validation(folds=5, repeats=1, inner_folds=3, bootstraps=200)
"""One repeat is enough to see that a recipe runs; its figure is not one to rely on."""

_WORDS = {"auc": "AUC", "mean_auc": "mean AUC", "concordance": "concordance"}


@dataclass(frozen=True)
class Trial:
    """What a trial run gave; it says nothing about the endpoint of the study.

    Attributes
    ----------
    study_id : of the study. cases, events : of the simulated cohort. columns : features offered.
    figure : "auc", "mean_auc" or "concordance" of held-out cases. value, low, high : with its 95 % interval;
        NaN where there is none.
    verdict : events per candidate predictor: "enough", "few" or "too few" (then no model is made for others).
    problem : why it could not be run, "" if it could.
    """

    study_id: str
    cases: int
    events: int
    columns: int
    figure: str = ""
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    verdict: str = ""
    problem: str = ""

    @property
    def words(self) -> str:
        """One clause for a table."""
        if self.problem:
            return f"not possible: {self.problem}"
        text = f"{_WORDS[self.figure]} {self.value:.2f} ({self.low:.2f}–{self.high:.2f})"
        return text if self.verdict == "enough" else f"{text}; {self.verdict} events for its predictors"


def trial_tables(
    plans: Mapping[str, Plan],
    folder: Path,
    cases: int = CASES,
    seed: int = SEED,
    progress: Progress = silent,
    *,
    processes: int = 2,
) -> dict[str, FeatureTable]:
    """Feature tables of the simulated cohorts by task, from the folder; those that lack something are made.

    A table is used again if it has as many cases, the same seed and all columns. One that was stopped goes on
    with the cases that are done.

    Raises
    ------
    TemplateMissingError : the anatomical template is not installed. Cancelled.
    """
    tasks = sorted({plan.stand_in.task for plan in plans.values()})
    folder.mkdir(parents=True, exist_ok=True)
    tables = {}
    for number, task in enumerate(tasks):
        chosen = [plan for plan in plans.values() if plan.stand_in.task == task]
        path = folder / f"{task}-trial-features.csv"
        table = read_table(path) if path.is_file() else None
        if table is None or not _fits(table, chosen, cases, seed):
            share = part(progress, number / len(tasks), (number + 1) / len(tasks))
            kept = folder / f"{task}-trial-cases.jsonl"
            table = stand_in_table(chosen, cases, seed, share, processes=processes, kept=kept)
            write_table(table, path)
            kept.unlink(missing_ok=True)
        tables[task] = table
    return tables


def run_trials(
    plans: Mapping[str, Plan], tables: Mapping[str, FeatureTable], progress: Progress = silent
) -> dict[str, Trial]:
    """Run each plan on the table of its stand-in."""
    found = {}
    for number, (study_id, plan) in enumerate(plans.items()):
        progress(number / len(plans), f"Trial run of {study_id}")
        found[study_id] = run_trial(plan, tables[plan.stand_in.task])
    progress(1.0, f"{len(plans)} trial runs")
    return found


def run_trial(plan: Plan, table: FeatureTable, validation: Validation = QUICK) -> Trial:
    """Train the model of a plan on simulated cases, with all tests; what goes wrong is told, not raised."""
    try:
        cases = simulated_cases(plan, table)
    except TrainingError as error:
        return Trial(plan.study_id, 0, 0, len(plan.feature_keys()), problem=error.message)
    data = cases.data
    blank = Trial(plan.study_id, len(data.cases), _events(data), len(data.columns))
    try:
        found = train(find_study(plan.study_id), plan, cases, validation=asdict(validation))
        if found.model is None:
            raise TrainingError(found.why_no_model)
        to_bytes(found.model)
    except (TrainingError, ModelFormatError) as error:
        return replace(blank, problem=error.message)
    name = {BINARY: "auc", SURVIVAL: "concordance"}.get(plan.outcome, "mean_auc")
    figure = found.evaluation.figures[name]
    return replace(
        blank,
        figure=name,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        verdict=found.size.verdict,
        problem="" if math.isfinite(figure.value) else "no part of the cross-validation could be ranked",
    )


def _fits(table: FeatureTable, plans: Sequence[Plan], cases: int, seed: int) -> bool:
    same = any(note.startswith(f"Cohort seed {seed},") for note in table.notes)
    return same and len(table.cases) == cases and set(stand_in_keys(plans)) <= set(table.columns)


def _events(data: Dataset) -> int:
    """Cases of the last class, or with the event."""
    last = max(len(data.outcome.classes) - 1, 1)
    return int((data.outcome.labels == last).sum())
