"""Cases that a plan is trained on: simulated ones, or those of a cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..cohort.dataset import to_dataset
from ..cohort.extract import REPEATS, extract_cohort
from ..cohort.measured import Extraction
from ..cohort.model import Cohort
from ..errors import CohortError
from ..models.recipe import builtin_recipes
from ..models.study import Study
from ..prepare.model import Preparation
from ..progress import Progress, silent
from ..radiomics.keys import is_clinical, is_delta
from .dataset import BINARY, MULTICLASS, Dataset
from .plan import Plan, preparation_of
from .ranges import protocol_ranges
from .repeated import Source, retested, source_of, wants_repeats, without_retest
from .rows import IMAGE
from .stand_in import stand_in_data
from .steps.repeats import Repeated, read_repeats, with_repeats
from .table import FeatureTable


@dataclass(frozen=True, eq=False)
class Cases:
    """What a model is trained on.

    Attributes
    ----------
    data : features and outcome. name : of the cohort, short. simulated : whether any case is simulated.
    positive : what a high probability (or risk) is about.
    preparation : how the images were made comparable.
    images : range of each figure of the images, by role. protocol : range of each acquisition parameter.
    source : where the cases are from, a sentence.
    measured : whether the features were measured by this software, so that it knows how.
    """

    data: Dataset
    name: str
    simulated: bool
    positive: str
    preparation: Preparation
    images: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    protocol: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    source: str = ""
    measured: bool = True


@dataclass(frozen=True, eq=False)
class MeasuredFeatures:
    """What was measured on a cohort.

    Attributes
    ----------
    table : None for a cohort that has features of its own. notes : what could not be measured.
    other_outlines : features on outlines of other readers, or on perturbed ones; None without.
    """

    table: FeatureTable | None
    notes: tuple[str, ...] = ()
    other_outlines: Repeated | None = None


def simulated_cases(plan: Plan, table: FeatureTable) -> Cases:
    """Simulated cases in the place of patients.

    Parameters
    ----------
    table : of :func:`virtualbiopsy.training.stand_in.stand_in_table`.

    Raises
    ------
    TrainingError, UnreadableFileError : as :func:`virtualbiopsy.training.stand_in.stand_in_data`.
    """
    data = stand_in_data(plan, table)
    task = plan.stand_in.task
    return Cases(
        data=data,
        name="simulated",
        simulated=True,
        positive=data.outcome.name,
        preparation=next(recipe.preparation for recipe in builtin_recipes() if recipe.task == task),
        images=table.ranges(IMAGE),
        protocol=protocol_ranges(table),
        source=f"{len(data.cases)} simulated cases of the {task} cohort, computed by virtualbiopsy.simulate; "
        "no patient data. The outline is the simulated truth, not a reader's.",
    )


def cohort_cases(
    plan: Plan,
    study: Study,
    cohort: Cohort,
    table: FeatureTable | None,
    endpoint: str = "",
    notes: Sequence[str] = (),
    other_outlines: Repeated | None = None,
) -> Cases:
    """The cases of a cohort that fulfil the condition of the plan.

    Where a step needs repeated measurements, the data carry those of a retest (examinations with the time
    point "retest", which are no cases of their own), of other readers, or on perturbed outlines.

    Parameters
    ----------
    table : features by case as they were extracted; None for the cohort's own features.
    endpoint : name in the cohort; "" for that of the study, or the only one.
    notes : how the features came about. other_outlines : measurements on these.

    Raises
    ------
    CohortError : the endpoint is not there, of another kind or the same in all cases, a feature of the plan
        is not there, or no case fulfils the condition.
    """
    endpoint = cohort_endpoint(plan, study, cohort, endpoint)
    everything = cohort.features if table is None else table
    cohort, retest = without_retest(cohort)
    repeated, source = other_outlines, source_of(cohort, retest)
    if retest.cases and everything is not None and wants_repeats(plan.method):
        repeated = retested(cohort, retest, everything)
    features = everything
    if retest.cases and everything is not None:
        features = everything.rows(set(everything.cases) - {case.name for case in retest.cases})
    columns: tuple[str, ...] | None = plan.feature_keys()
    own = features is not None and not any(key in features.columns for key in plan.feature_keys())
    if own:
        columns = None  # a plain table has names of its own; its features take the place of the plan's
    if plan.among is not None and columns is not None:
        columns = tuple(dict.fromkeys((*columns, plan.among.column)))
    data = to_dataset(features, cohort, endpoint, columns=columns, notes=notes)
    if repeated is not None and source is not None:
        data = with_repeats(data, repeated, source.words)
        told = f"{len(repeated.cases)} cases were measured repeatedly ({source.words})."
        data = replace(data, provenance=(*data.provenance, told))
    data = _among(plan, data, own)
    _check_outcome(data)
    outcome = data.outcome
    positive = "" if outcome.time is not None else outcome.classes[-1]
    return Cases(
        data=data,
        name=cohort.name,
        simulated=cohort.simulated,
        positive=positive or f"{endpoint}",
        preparation=cohort_preparation(plan, cohort),
        images={} if features is None else features.ranges(IMAGE),
        protocol={} if features is None else protocol_ranges(features),
        source=f"{len(data.cases)} cases of the cohort {cohort.name} ({cohort.layout}).",
        measured=cohort.features is None,
    )


def measured_features(
    plan: Plan,
    cohort: Cohort,
    folder: Path,
    *,
    processes: int = 0,
    scheduler: str = "",
    progress: Progress = silent,
) -> MeasuredFeatures:
    """Measure the features of a plan on the images of a cohort, and say what could not be measured.

    Where a step needs repeated measurements, other outlines (or the retest) are measured, too; `progress`
    says how many. Rows are kept in `folder`; a run that was stopped goes on where it was.

    Raises
    ------
    CohortError, FeatureError, Cancelled : as :func:`virtualbiopsy.cohort.extract.extract_cohort`.
    """
    if cohort.features is not None:
        return MeasuredFeatures(None)
    own, retest = without_retest(cohort)
    source = source_of(own, retest) if wants_repeats(plan.method) else None
    cohort = own if source is None else cohort
    if any(is_delta(key) for key in plan.feature_keys()):
        cohort = cohort.with_earlier()
    keys = tuple(key for key in plan.feature_keys() if not is_clinical(key))
    preparation = cohort_preparation(plan, cohort)
    extraction = Extraction(keys, preparation, plan.roles)
    if source is not None:
        extraction = replace(extraction, readers=source.readers, perturbed=source.perturbed)
    found = extract_cohort(
        cohort,
        extraction,
        folder,
        processes=processes,
        scheduler=scheduler,
        progress=_costing(progress, source),
    )
    failed = tuple(f"{case} could not be measured: {why}" for case, why in found.failed.items())
    tables = [path for path in found.files if path.name == REPEATS]
    return MeasuredFeatures(found.table, failed, read_repeats(tables[0]) if tables else None)


def _costing(progress: Progress, source: Source | None) -> Progress:
    """Progress that says what an ICC step adds to the work."""
    cost = "" if source is None else source.cost
    return (lambda done, text: progress(done, f"{text}; {cost}")) if cost else progress


def cohort_preparation(plan: Plan, cohort: Cohort) -> Preparation:
    """How the images of a cohort are made comparable."""
    return preparation_of(plan, {role for case in cohort.cases for role in case.images})


def cohort_endpoint(plan: Plan, study: Study, cohort: Cohort, endpoint: str = "") -> str:
    """Name of the endpoint in the cohort.

    Raises
    ------
    CohortError : it is not there, or not of the kind that the plan predicts.
    """
    known = cohort.endpoints
    if not endpoint:
        endpoint = next((n for n in known if same_name(n, study.endpoint)), "")
    fitting = [name for name, found in known.items() if fits_outcome(found.kind, plan.outcome)]
    if not endpoint and len(fitting) == 1:
        endpoint = fitting[0]
    if not endpoint:
        raise CohortError(
            f"The cohort {cohort.name} has no endpoint {study.endpoint!r}, and none or several that are "
            f"{plan.outcome}.",
            f"Say which with --endpoint; it has {', '.join(known) or 'none'}.",
        )
    kind = cohort.endpoint(endpoint).kind
    if not fits_outcome(kind, plan.outcome):
        raise CohortError(
            f"The endpoint {endpoint} of the cohort is {kind}; {plan.study_id} wants {plan.outcome}.",
            "Choose another endpoint or another recipe.",
        )
    return endpoint


def fits_outcome(kind: str, wanted: str) -> bool:
    """Whether an endpoint of one kind can be predicted by a plan for another."""
    return kind == wanted or (wanted == MULTICLASS and kind == BINARY)


def _check_outcome(data: Dataset) -> None:
    """Refuse cases from which nothing can be learnt, whatever else is asked for."""
    outcome = data.outcome
    seen = sorted(set(outcome.labels.tolist()))
    if outcome.time is not None and not any(seen):
        raise CohortError(
            f"{outcome.name}: no event was seen in {len(data.cases)} cases.",
            "Nothing can be learnt from censored cases alone; follow them longer.",
        )
    if outcome.time is None and len(seen) < 2:
        raise CohortError(
            f"{outcome.name} is {outcome.classes[seen[0]]!r} in all {len(data.cases)} cases.",
            "Nothing can be learnt from one class; add cases of another.",
        )


def same_name(one: str, other: str) -> bool:
    """Whether two endpoints are called alike: "Ki-67" and "ki67"."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _among(plan: Plan, data: Dataset, own: bool) -> Dataset:
    """The cases that fulfil the condition, without its column unless it is a feature."""
    if plan.among is None or own:
        return data
    condition = plan.among
    values = data.values[:, data.columns.index(condition.column)]
    kept = (values >= condition.at_least) & (values <= condition.at_most)
    if not kept.any():
        raise CohortError(f"No case fulfils the condition: {condition.words}.", "Check the column.")
    told = f"{int((~kept).sum())} cases left out: only those with {condition.words} are used."
    data = replace(data.rows(kept), provenance=(*data.provenance, told))
    return data.features(plan.feature_keys())
