"""One training run as a value, the same for command line, desktop and browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..cohort.read import read_cohort
from ..errors import TrainingError
from ..locks import working_in
from ..models.study import Study, find_study
from ..progress import Progress, part, silent
from ..report.files import check_writable
from .cases import Cases, cohort_cases, measured_features, simulated_cases
from .needs import check_packages
from .plan import Plan, plan_of
from .repeated import at_time_point
from .reports.statement import Stated, read_stated
from .run import Trained, check_folder, train, write_run
from .trial import SEED, trial_tables

LEAST_SIMULATED = 8
PARTS = "validation.jsonl"
"""File in the folder of results that keeps parts of the validation."""


@dataclass(frozen=True)
class Job:
    """What is asked for.

    Attributes
    ----------
    recipe : id of a study that can be run. out : folder for model, reports and scores.
    cohort : folder or table of labelled cases; None for simulated ones.
    simulated : number of simulated cases, 0 with a cohort. seed : of them.
    layout, labels, endpoint, time_point : of the cohort; "" and None to guess, for none, or for all.
    external : cohorts on which the finished model is tested.
    features : folder that keeps extracted features; None for `out`.
    processes : for extraction, 0 for one a core. scheduler : address of a dask scheduler, "" for none.
    validation : fields that differ from the recipe's.
    compare : clinical, radiomic and combined models, too. statement : file with what only people know.
    few_events : go on below five events per candidate predictor.
    model_id : "" for one from recipe and cohort. overwrite : replace results that are there.
    """

    recipe: str
    out: Path
    cohort: Path | None = None
    simulated: int = 0
    seed: int = SEED
    layout: str = ""
    labels: Path | None = None
    endpoint: str = ""
    time_point: str = ""
    external: tuple[Path, ...] = ()
    features: Path | None = None
    processes: int = 0
    scheduler: str = ""
    validation: Mapping[str, Any] = field(default_factory=dict)
    compare: bool = False
    statement: Path | None = None
    few_events: bool = False
    model_id: str = ""
    overwrite: bool = False

    @property
    def kept(self) -> Path:
        """Folder that keeps extracted features."""
        return self.out if self.features is None else self.features


def run_job(job: Job, progress: Progress = silent) -> tuple[Trained, list[Path]]:
    """Run it, and return the result and the files, the model first.

    A run that was cancelled or killed goes on where it was when the same job is run again.

    Raises
    ------
    TrainingError : the recipe is not run, the cases are too few or cannot be used, or another run works in
        the folder.
    MissingPackageError : scikit-learn or XGBoost is needed and not installed.
    CohortError : the cohort has faults; all of them are listed.
    ExistingFileError : results are there and must not be replaced.
    Cancelled, and others of the parts.
    """
    study, plan = runnable(job.recipe)
    check_packages(plan)
    check_folder(job.out, job.overwrite)
    check_writable(job.out)
    stated = Stated() if job.statement is None else read_stated(job.statement)
    cases = _cases(study, plan, job, part(progress, 0.0, 0.5))
    external = {}
    for number, path in enumerate(job.external):
        folder = job.kept / f"features-external-{number + 1}"
        found = _of_cohort(study, plan, path, folder, job, part(progress, 0.5, 0.6))
        external[f"external: {found.name}"] = found
    job.out.mkdir(parents=True, exist_ok=True)
    refused = TrainingError(
        f"Another run is writing into {job.out.name}.", "Wait until it has ended, or choose another folder."
    )
    with working_in(job.out, refused):
        trained = train(
            study,
            plan,
            cases,
            part(progress, 0.6, 0.97),
            validation=job.validation,
            few_events=job.few_events,
            model_id=job.model_id,
            parts=job.out / PARTS,
            external=external,
            comparison=job.compare,
            stated=stated,
        )
        return trained, write_run(job.out, trained, part(progress, 0.97, 1.0), job.overwrite)


def runnable(recipe: str) -> tuple[Study, Plan]:
    """The study and its plan.

    Raises
    ------
    TrainingError : it is not run. ModelFormatError : there is no such study.
    """
    study = find_study(recipe)
    plan = plan_of(study)
    if plan is None:
        raise TrainingError(
            f"{study.study_id} is not run: {study.why_not}", "`virtualbiopsy recipes` lists what is."
        )
    return study, plan


def _cases(study: Study, plan: Plan, job: Job, progress: Progress) -> Cases:
    if (job.cohort is None) == (job.simulated == 0):
        raise TrainingError("A run wants either a cohort or a number of simulated cases.")
    if job.cohort is not None:
        return _of_cohort(study, plan, job.cohort, job.kept / "features", job, progress)
    if job.simulated < LEAST_SIMULATED:
        raise TrainingError(
            f"{job.simulated} simulated cases are too few; there must be {LEAST_SIMULATED}.",
            "Ask for 30 or more.",
        )
    tables = trial_tables(
        {study.study_id: plan}, job.kept, job.simulated, job.seed, progress, processes=job.processes or 2
    )
    return simulated_cases(plan, tables[plan.stand_in.task])


def _of_cohort(study: Study, plan: Plan, path: Path, folder: Path, job: Job, progress: Progress) -> Cases:
    cohort = read_cohort(path, job.layout, labels=job.labels, progress=part(progress, 0.0, 0.1))
    if job.time_point:
        cohort = at_time_point(cohort, job.time_point)
    found = measured_features(
        plan,
        cohort,
        folder,
        processes=job.processes,
        scheduler=job.scheduler,
        progress=part(progress, 0.1, 1.0),
    )
    return cohort_cases(
        plan,
        study,
        cohort,
        found.table,
        job.endpoint,
        notes=found.notes,
        other_outlines=found.other_outlines,
    )
