"""Train the model of a plan: test it on held-out cases, look for leaks, fit it on all, say everything.

The order is that of a study: events per candidate first, then held-out scores, then what could make them look
better than they are, and only then the fit on all cases. Nothing of the last is used for the figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import RESEARCH_USE_ONLY, __version__
from ..errors import ExistingFileError, FeatureError, TrainingError
from ..models.document import MAX_TEXT, MODEL_ID
from ..models.radmodel import SUFFIX, RadModel, save_radmodel
from ..models.study import Study
from ..progress import Progress, part, silent
from ..radiomics.definitions import describe
from ..report.files import write_files
from .cases import Cases, same_name
from .dataset import BINARY, SURVIVAL, Dataset
from .export import About, to_radmodel
from .held_out import HELD_OUT, held_out_text
from .method import Method, Validation
from .plan import PREPARING, Plan
from .reports.adapt import HELD_FIXED, record_of
from .reports.card import study_card
from .reports.linear import MOST_VARIABLES, drawn_nomogram
from .reports.record import (
    EXTERNAL,
    INTERNAL,
    Data,
    Design,
    Processing,
    Segmentation,
    Sharing,
    StudyRecord,
)
from .reports.statement import Stated
from .reports.write import write_reports
from .results import RESULTS, results_text
from .survival.nomogram import model_nomogram
from .validation.compare import Comparison, column_sets, compare
from .validation.evaluate import Evaluation, evaluate
from .validation.external import check_apart, hold_out
from .validation.fitting import FittedMethod, fit_method
from .validation.guards import find_leaks
from .validation.leak import Leak
from .validation.run import HeldOut, validate
from .validation.sample_size import SampleSize, require_events, sample_size
from .validation.splits import make_splits
from .validation.store import PartStore, run_digest

SMALL = {"folds": 3, "repeats": 2, "inner_folds": 3, "bootstraps": 200}
"""Validation of a trial run."""

VERSION = "1.0.0"

_NOT_MEASURED = (
    "The features were read from a table: how they were measured is not known here; that those of a new case "
    "are like them must be shown first."
)
_INSIDE = "No external validation."


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run has given.

    Attributes
    ----------
    study, plan, cases : what was run, on what. method : with the validation that was used.
    size : events per candidate predictor. held_out, evaluation : scores of held-out cases, and their figures.
    leaks : what could make the figures look better than the model is; () if nothing was found.
    fitted : the method on all cases.
    model : None where the features have no keys, so that no case can be measured for it; `why_no_model` says
        so.
    record : everything for the reports. warnings : to be shown first.
    """

    study: Study
    plan: Plan
    cases: Cases
    method: Method
    size: SampleSize
    held_out: HeldOut
    evaluation: Evaluation
    leaks: tuple[Leak, ...]
    fitted: FittedMethod
    model: RadModel | None
    why_no_model: str
    record: StudyRecord
    warnings: tuple[str, ...]


def train(
    study: Study,
    plan: Plan,
    cases: Cases,
    progress: Progress = silent,
    *,
    validation: Mapping[str, Any] | None = None,
    few_events: bool = False,
    model_id: str = "",
    parts: Path | None = None,
    external: Mapping[str, Cases] | None = None,
    comparison: bool = False,
    stated: Stated | None = None,
) -> Trained:
    """Run a plan.

    Parameters
    ----------
    validation : fields of :class:`.method.Validation` that differ from the plan's, :data:`SMALL` say.
    few_events : go on with fewer than five events per candidate predictor; the reports say so. Simulated
        cases may always be few, since such a model is for nobody.
    model_id : of the model; "" for one from study and cohort.
    parts : file that keeps the parts of the validation, so that a run that was stopped goes on.
    external : by name cases from elsewhere, on which the finished model is tested, too.
    comparison : compare clinical, radiomic and combined models where there are both kinds of columns.
    stated : what only people know, for the reports.

    Raises
    ------
    TrainingError : too few events, or the method cannot be fitted. MissingPackageError, Cancelled.
    """
    if model_id and not MODEL_ID.fullmatch(model_id):
        raise TrainingError(
            f"The model cannot be called {model_id[:80]!r}.",
            "Use lower-case letters, digits, dots and hyphens, at most 64.",
        )
    cases, lacking = _without_unknown(cases)
    data = cases.data
    method = replace(plan.method, validation=with_changes(plan.method.validation, validation or {}))
    seed = method.validation.seed
    for name, others in (external or {}).items():
        check_apart(data, others.data, name)
    progress(0.0, "Counting events")
    size = sample_size(data, method)
    if not (cases.simulated or few_events):
        require_events(size)
    held_out = _validated(method, data, parts, part(progress, 0.02, 0.70))
    progress(0.70, "Computing figures")
    found = evaluate(held_out, data, method.validation.bootstraps, seed)
    progress(0.80, "Looking for leaks")
    leaks = find_leaks(method, data, held_out)
    progress(0.85, "Fitting on all cases")
    fitted = fit_method(method, data, np.random.default_rng([seed, 3]))
    tests, kinds = {_test_name(method.validation): found}, {}
    for name, others in (external or {}).items():
        tested = hold_out(fitted, others.data.features(data.columns), data, name)
        tests[name] = evaluate(tested, others.data, method.validation.bootstraps, seed)
        kinds[name] = kind_of_test(data, others.data)
    compared = _compared(method, data, part(progress, 0.86, 0.92)) if comparison else None
    apart = (*lacking, *_unused_split(data, method))
    warnings = (*_warnings(study, cases, size, leaks, found), *apart)
    other = (said,) if (said := other_endpoint(study, cases)) else ()
    progress(0.92, "Making the model")
    stated = stated or Stated()
    design = stated.over("design", _design(study, plan, cases, tuple(kinds), lacking))
    record = record_of(
        design,
        data,
        method,
        tests,
        fitted=fitted,
        held_out=held_out,
        comparison=compared,
        size=size,
        leaks=leaks,
        kinds=kinds,
        about=stated.over("data", Data(source=cases.source, retest=_repeated(data, "test-retest"))),
        segmentation=stated.over("segmentation", _segmentation(cases)),
        processing=stated.over("processing", _processing(plan, cases)),
        sharing=stated.over("sharing", Sharing()),
        answers=stated.answers,
        provenance=(*_provenance(study, cases), *apart),
        measured=cases.measured,
    )
    record = replace(record, warnings=(*other, *apart, *record.warnings))
    model, why = None, _why_no_model(fitted.columns)
    if not why:
        about = _about(study, plan, cases, method, tests, held_out, design, model_id)
        model = to_radmodel(fitted, data, about)
        record = replace(record, design=replace(record.design, limits=model.limits))
        record = _with_nomogram(record, model)
        model = replace(model, card=study_card(record, model))
    progress(1.0, "Trained")
    return Trained(
        study, plan, cases, method, size, held_out, found, leaks, fitted, model, why, record, warnings
    )


def _validated(method: Method, data: Dataset, file: Path | None, progress: Progress) -> HeldOut:
    if file is None:
        return validate(method, data, progress)
    splits = make_splits(data, method.validation)
    file.parent.mkdir(parents=True, exist_ok=True)
    store = PartStore(file, run_digest(method, data, splits), splits)
    return validate(method, data, progress, splits=splits, known=store.known, keep=store.keep)


def _compared(method: Method, data: Dataset, progress: Progress) -> Comparison | None:
    """Clinical, radiomic and combined models; None without both kinds of columns. Few clinical variables need
    no selection."""
    if len(column_sets(data.columns)) < 3:
        return None
    plain = tuple(step for step in method.steps if step.kind in PREPARING)
    dropped = {step.kind for step in method.steps} - {step.kind for step in plain}
    grid = {name: v for name, v in method.grid.items() if name.split(".")[0] not in dropped}
    clinical = replace(method, steps=plain, grid=grid)
    return compare(method, data, progress=progress, methods={"clinical": clinical})


def with_changes(validation: Validation, changes: Mapping[str, Any]) -> Validation:
    """A validation with some fields changed.

    Raises
    ------
    TrainingError : a field is unknown, or a number is too small.
    """
    least = {"folds": 2, "repeats": 1, "inner_folds": 2, "bootstraps": 20}
    for name, value in changes.items():
        if name not in Validation.__dataclass_fields__:
            raise TrainingError(f"A validation has no {name!r}.")
        if name in least and value < least[name]:
            raise TrainingError(f"{name} is {value}; it is at least {least[name]}.")
    return replace(validation, **changes)


def check_folder(out: Path, overwrite: bool = False) -> None:
    """Refuse a folder that holds the results of another run.

    Raises
    ------
    ExistingFileError : there is a model, a report or a table of scores.
    """
    if overwrite or not out.exists():
        return
    there = [*out.glob("*" + SUFFIX), *(out / name for name in ("report.html", HELD_OUT))]
    if found := [path for path in there if path.exists()]:
        raise ExistingFileError(
            f"{found[0]} exists already.", "Choose another folder, or allow overwriting with --overwrite."
        )


def write_run(
    out: Path, trained: Trained, progress: Progress = silent, overwrite: bool = False
) -> list[Path]:
    """Write model, reports, table of held-out scores and results; return their paths, the model first.

    Raises
    ------
    ExistingFileError, UnreadableFileError, ModelFormatError, Cancelled.
    """
    check_folder(out, overwrite)
    out.mkdir(parents=True, exist_ok=True)
    written = list(write_reports(out, trained.record, trained.model, part(progress, 0.0, 0.9)))
    written += write_files(out, {HELD_OUT: held_out_text(trained.held_out, trained.cases)}, True)
    if trained.model is not None:
        path = out / (trained.model.model_id + SUFFIX)
        save_radmodel(trained.model, path)
        written.insert(0, path)
    written += write_files(out, {RESULTS: results_text(trained)}, True)
    progress(1.0, "Written")
    return written


def model_name(study: Study, cases: Cases) -> str:
    """An id from study and cohort, "m11-simulated"."""
    plain = re.sub(r"[^a-z0-9]+", "-", cases.name.lower()).strip("-")
    return f"{study.study_id.lower()}-{plain or 'cohort'}"[:64].rstrip("-")


def _about(
    study: Study,
    plan: Plan,
    cases: Cases,
    method: Method,
    tests: Mapping[str, Evaluation],
    held_out: HeldOut,
    design: Design,
    model_id: str,
) -> About:
    found = next(iter(tests.values()))
    elsewhere = [f"{name} ({other.cases} cases)" for name, other in list(tests.items())[1:]]
    metrics = {
        name: _figure(figure.value, figure.low, figure.high)
        for name, figure in found.figures.items()
        if np.isfinite(figure.value)
    }
    metrics["cases"] = {"value": float(found.cases)}
    if found.kind in (BINARY, SURVIVAL):
        metrics["positive_cases"] = {"value": float(found.events)}
    scheme = _test_name(method.validation)
    return About(
        model_id=model_id or model_name(study, cases),
        title=design.title,
        version=VERSION,
        endpoint=endpoint_name(study, cases),
        positive=cases.positive,
        simulated=cases.simulated,
        preparation=cases.preparation,
        metrics=metrics,
        validation=f"{'Simulated cases: ' if cases.simulated else ''}{scheme[0].upper()}{scheme[1:]}; all "
        "that looks at data was fitted inside every training part. Intervals are 95 % bootstrap over "
        f"patients ({method.validation.bootstraps} resamples), {HELD_FIXED}. "
        + (f"Tested on other cases, see the card: {', '.join(elsewhere)}." if elsewhere else _INSIDE),
        protocol_ranges=cases.protocol,
        data_statement=_statement((cases.source, *cases.data.provenance)),
        intended_use=design.intended_use,
        limits=design.limits,
        licence=design.licence,
        recipe=study.study_id,
        engine=f"Features by VirtualBiopsy {__version__}.",
        conformal_scores=conformal(held_out),
        image_statistics=cases.images,
        published=f"Published for another model: {design.published}" if design.published else "",
        task=study.task,
    )


def _statement(sentences: Sequence[str]) -> str:
    """As many of the sentences as a model file holds; the card has all of them."""
    kept, left = [], MAX_TEXT - 100
    for number, sentence in enumerate(sentences):
        left -= len(sentence) + 1
        if left < 0:
            kept.append(f"{len(sentences) - number} more notes are in the card.")
            break
        kept.append(sentence)
    return " ".join(kept)


def conformal(held_out: HeldOut) -> tuple[np.ndarray, np.ndarray] | tuple[()]:
    """Log-odds and labels of held-out cases of two classes, from the first repeat: one model's score each."""
    if held_out.outcome.kind != BINARY:
        return ()
    scores, labels = held_out.scores()[0], held_out.outcome.labels
    known = np.isfinite(scores)
    if np.unique(labels[known]).size < 2:
        return ()
    return scores[known], labels[known].astype(np.uint8)


def _with_nomogram(record: StudyRecord, model: RadModel) -> StudyRecord:
    """The record with the nomogram of a linear survival model of few features."""
    if model.survival is None or len(model.feature_keys) > MOST_VARIABLES:
        return record
    try:
        return replace(record, nomogram=drawn_nomogram(model_nomogram(model), model.positive))
    except TrainingError:  # not linear, or without weights
        return record


def _figure(value: float, low: float, high: float) -> dict[str, float]:
    known = np.isfinite(low) and np.isfinite(high)
    return {"value": value, "low": low, "high": high} if known else {"value": value}


def _why_no_model(columns: Sequence[str]) -> str:
    """Why no case can be measured for a model with these columns; "" if it can."""
    for column in columns:
        try:
            describe(column)
        except FeatureError:
            return (
                f"No .radmodel: the column {column!r} is not a feature that VirtualBiopsy measures, so that "
                "no case could be given to the model."
            )
    return ""


def kind_of_test(data: Dataset, others: Dataset) -> str:
    """ "external" for cases from elsewhere, "internal" where they share a known site with the training."""
    if data.site is None or others.site is None:
        return EXTERNAL
    return INTERNAL if {*data.site} & {*others.site} - {""} else EXTERNAL


def endpoint_name(study: Study, cases: Cases) -> str:
    """That of the study; of the cohort where that is another one."""
    return cases.data.outcome.name if other_endpoint(study, cases) else study.endpoint


def other_endpoint(study: Study, cases: Cases) -> str:
    """What to say where a cohort has another endpoint than the study; "" where it is the same."""
    name = cases.data.outcome.name
    if cases.simulated or same_name(name, study.endpoint):
        return ""
    return f"The endpoint is {name} of the cohort; the study is about {study.endpoint}."


def _warnings(
    study: Study, cases: Cases, size: SampleSize, leaks: Sequence[Leak], found: Evaluation
) -> tuple[str, ...]:
    few = [] if size.verdict == "enough" else [size.sentence]
    trial = ["Trained on simulated cases: the figures say nothing about patients."] if cases.simulated else []
    other = [said] if (said := other_endpoint(study, cases)) else []
    return (*trial, *other, *few, *(f"{leak.name}: {leak.sentence}" for leak in leaks), *found.faults)


def _without_unknown(cases: Cases) -> tuple[Cases, tuple[str, ...]]:
    """The cases without columns that are known for none of them, and a sentence that names these.

    Raises
    ------
    TrainingError : no column is left.
    """
    data = cases.data
    known = np.isfinite(data.values).any(axis=0)
    if known.all():
        return cases, ()
    if not known.any():
        raise TrainingError("None of the features is known for any case.", "Check the table of the cohort.")
    lacking = [column for column, there in zip(data.columns, known, strict=True) if not there]
    kept = [column for column, there in zip(data.columns, known, strict=True) if there]
    more = f" and {len(lacking) - 8} more" if len(lacking) > 8 else ""
    told = f"Known for no case, so that the model does without: {', '.join(lacking[:8])}{more}."
    return replace(cases, data=data.features(kept)), (told,)


def _unused_split(data: Dataset, method: Method) -> tuple[str, ...]:
    """A sentence if the cohort says which cases are for testing and the validation goes its own way."""
    if method.validation.scheme == "split" or data.split is None or "test" not in data.split:
        return ()
    held_back = int((data.split == "test").sum())
    return (
        f"The cohort marks {held_back} cases as test; this validation does not keep them apart. "
        "Validation by the given split (--scheme split) does.",
    )


def _test_name(validation: Validation) -> str:
    v = validation
    names = {
        "repeated_cv": (f"{v.repeats} times repeated " if v.repeats > 1 else "")
        + f"{v.folds}-fold cross-validation grouped by patient",
        "leave_one_site_out": "leave-one-site-out validation",
        "temporal": f"temporal validation on the latest {100 * v.test_share:.0f} % of the patients",
        "split": "validation on the test cases of the cohort",
    }
    return names.get(v.scheme, v.scheme)


def _design(
    study: Study, plan: Plan, cases: Cases, elsewhere: Sequence[str] = (), lacking: Sequence[str] = ()
) -> Design:
    simulated = cases.simulated
    among = f" Only cases with {plan.among.words}." if plan.among is not None else ""
    title = f"{study.title}: trial run (simulated)" if simulated else f"{study.title}: {cases.name}"
    published = "; ".join(figure.words for figure in study.figures)
    stands = f" The label is a stand-in ({plan.stand_in.words})" if simulated else ""
    return Design(
        title=title,
        endpoint=endpoint_name(study, cases),
        positive="" if cases.data.outcome.kind == SURVIVAL else cases.positive,
        simulated=simulated,
        recipe=study.study_id,
        reference=study.reference,
        published=f"{study.reference}: {published}." if published else "",
        objective=f"Train and test a model of the same kind as {study.study_id} ({study.study}).",
        rationale="A model of a kind that was published, on other cases; it repeats no study.",
        population=cases.source + among,
        intended_use=(
            "To show that the recipe runs and to test software."
            if simulated
            else "Research on the cohort it was trained on."
        )
        + f" {RESEARCH_USE_ONLY}. Not to be used for decisions about a patient.",
        limits=(
            "The model knows simulated tumours only; for a real tumour its answer has no known relation to "
            f"{study.endpoint}.{stands}"
            if simulated
            else f"Tested on {', '.join(elsewhere)}; nothing is known about others."
            if elsewhere
            else "Tested inside its own cohort; without external validation nothing is known about other "
            "scanners, outlines and patients."
        )
        + ("" if cases.measured else f" {_NOT_MEASURED}")
        + "".join(f" Otherwise than stated: {sentence}" for sentence in (*plan.departs, *lacking)),
        licence="Apache-2.0" if simulated else "",
        readiness=1 if simulated else None,
    )


def _segmentation(cases: Cases) -> Segmentation:
    if cases.simulated:
        return Segmentation(used=True, method="automatic", rule="The simulated truth, not a reader's.")
    source = "" if cases.data.repeats is None else cases.data.repeats.source
    return Segmentation(repeated="" if source == "test-retest" else _repeated(cases.data, source))


def _repeated(data: Dataset, source: str) -> str:
    """How many cases were measured again in this way; "" if none."""
    if data.repeats is None or data.repeats.source != source:
        return ""
    count = int(np.isfinite(data.repeats.values).any(axis=2).all(axis=1).sum())
    return f"{count} cases measured again ({source}), for intraclass correlation"


def _processing(plan: Plan, cases: Cases) -> Processing:
    if not cases.measured:
        return Processing()
    p = cases.preparation
    grid = (
        "the reference's own grid" if p.spacing is None else " × ".join(f"{s:g}" for s in p.spacing) + " mm"
    )
    return Processing(
        steps=(
            f"Brought into the space of {p.reference}"
            + (", rigidly registered." if p.register and len(plan.roles) > 1 else "."),
            f"Intensities: {p.normalise}." + (" N4 bias correction." if p.bias_correction else ""),
        ),
        resampling=f"{grid}, {p.interpolator} for images, {p.mask_interpolator} for masks.",
        sequences=plan.roles,
    )


def _provenance(study: Study, cases: Cases) -> tuple[str, ...]:
    return (
        f"Recipe {study.study_id} of VirtualBiopsy {__version__}.",
        *cases.data.provenance,
    )
