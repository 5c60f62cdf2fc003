"""Look at a cohort before anything is computed: its faults, its endpoints, and whether cases are enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import VirtualBiopsyError
from ..progress import Progress, part, silent
from ..radiomics.keys import is_delta
from .form import Form, chosen_recipe, path_of, source
from .outlook import Outlook, outlook

if TYPE_CHECKING:
    from ..cohort.model import Cohort, CohortCase, Endpoint, Fault
    from ..models.study import Study
    from ..training.plan import Plan

FAULT, WARNING = "fault", "warning"
_TOLD = "The card of the model will say so."


@dataclass(frozen=True)
class FaultRow:
    """Something that is wrong or strange.

    kind : "fault" (must be mended first) or "warning". where : row, column or file, "" for all of it.
    what : one sentence. hint : what to do, "" if there is nothing to do.
    """

    kind: str
    where: str
    what: str
    hint: str


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint of the cohort.

    kind : "binary", "multiclass", "ordinal" or "survival". counts : cases of each class, in words.
    missing : cases where it is not known. fits : whether it is of the kind that the recipe predicts.
    chosen : whether it is the one that is used.
    """

    name: str
    kind: str
    counts: str
    missing: int
    fits: bool
    chosen: bool


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes
    ----------
    usable : there is no fault; warnings do not count. layout, reason : how the cohort was read and what
        spoke for that; "" for simulated cases.
    patients : their number. rows : faults first, then warnings, each in the order of the table.
    facts : label and text. endpoints : () for simulated cases.
    outlook : events per candidate predictor, in words. verdict : of it, "enough", "few", "too few", or ""
        where it is known only after the features are measured.
    """

    usable: bool
    layout: str
    reason: str
    patients: int
    rows: tuple[FaultRow, ...]
    facts: tuple[tuple[str, str], ...]
    endpoints: tuple[EndpointRow, ...]
    outlook: str
    verdict: str = ""


def examine(form: Form, progress: Progress = silent) -> Examination:
    """Examine the cohorts of a form as the run will read them; the folder for the results is not looked at.

    Raises
    ------
    FormError : recipe or cohort are not there. CohortError : no layout fits.
    UnreadableFileError and others : a table cannot be read. Cancelled.
    """
    study, plan = chosen_recipe(form)
    path = source(form)
    if path is None:
        return _simulated(form, plan)
    from ..cohort.read import examine_cohort

    share = 0.6 if form.external else 0.95
    found = examine_cohort(path, form.layout, labels=_labels(form), progress=part(progress, 0.0, share))
    cohort, rows = found.cohort, [_row(fault) for fault in found.faults]
    if form.time_point.strip():
        try:
            cohort = cohort.at(form.time_point.strip())
        except VirtualBiopsyError as error:
            rows.append(_error(error, "time point"))
    endpoint, more = _endpoint(form, study, plan, cohort)
    rows += more
    rows += _images(plan, cohort)
    ahead = Outlook("", "")
    if endpoint:
        ahead, more = _enough(form, study, plan, cohort, endpoint)
        rows += more
    for number, text in enumerate(form.external):
        start = share + (0.95 - share) * number / len(form.external)
        rows += _external(text, form, study, plan, part(progress, start, start + 0.35 / len(form.external)))
    rows = sorted(dict.fromkeys(rows), key=lambda row: row.kind != FAULT)
    progress(1.0, f"{len(cohort.cases)} cases examined")
    return Examination(
        usable=not any(row.kind == FAULT for row in rows),
        layout=found.layout,
        reason=found.reason,
        patients=len({case.patient for case in cohort.cases}),
        rows=tuple(rows),
        facts=tuple(_facts(cohort)),
        endpoints=tuple(_endpoint_row(cohort, plan, name, endpoint) for name in cohort.endpoints),
        outlook=ahead.sentence,
        verdict=ahead.verdict,
    )


def _labels(form: Form) -> Path | None:
    return path_of(form.labels) if form.labels.strip() else None


def _simulated(form: Form, plan: Plan) -> Examination:
    return Examination(
        usable=True,
        layout="",
        reason="",
        patients=form.simulated,
        rows=(),
        facts=(
            ("Cases", f"{form.simulated} simulated cases, computed by VirtualBiopsy; no patients"),
            ("Stand-in for the endpoint", plan.stand_in.words),
        ),
        endpoints=(),
        outlook="Simulated cases may be few: the model shows that the recipe runs, and is for nobody.",
    )


def _row(fault: Fault) -> FaultRow:
    where = ", ".join(text for text in (fault.where, fault.column and f"column {fault.column}") if text)
    return FaultRow(fault.kind, where, fault.what, fault.hint)


def _error(error: VirtualBiopsyError, where: str) -> FaultRow:
    return FaultRow(FAULT, where, error.message, error.hint)


def _endpoint(form: Form, study: Study, plan: Plan, cohort: Cohort) -> tuple[str, list[FaultRow]]:
    """Name of the endpoint that the run takes, "" if there is none, and what is wrong with it."""
    from ..cohort.check import check_endpoint
    from ..training.cases import cohort_endpoint, same_name

    try:
        name = cohort_endpoint(plan, study, cohort, form.endpoint.strip())
    except VirtualBiopsyError as error:
        listed = ", ".join(n for n, e in cohort.endpoints.items() if _fits(e, plan)) or "none"
        return "", [FaultRow(FAULT, "endpoint", error.message, f"Endpoints that fit: {listed}.")]
    rows = [_row(fault) for fault in check_endpoint(cohort, name)]
    if not same_name(name, study.endpoint):
        what = f"The endpoint is {name} of the cohort; the recipe is about {study.endpoint}."
        rows.append(
            FaultRow(WARNING, "endpoint", what, "Choose another recipe or endpoint if that is not meant.")
        )
    return name, rows


def _fits(endpoint: Endpoint, plan: Plan) -> bool:
    from ..training.cases import fits_outcome

    return fits_outcome(endpoint.kind, plan.outcome)


def _images(plan: Plan, cohort: Cohort) -> Iterator[FaultRow]:
    """Cases that lack images of the recipe; folders are opened only when features are measured."""
    if cohort.features is not None:
        keys, columns = plan.feature_keys(), cohort.features.columns
        if not set(keys) & set(columns):
            what = f"The table has none of the recipe's features; its own {len(columns)} take their place."
            hint = "A model that can be tried on a case comes only of features that VirtualBiopsy measures."
            yield FaultRow(WARNING, "", what, hint)
    if cohort.features is not None or not cohort.cases:
        return
    lacking = {case.where or case.name: _lacking(plan, case) for case in cohort.cases}
    lacking = {where: roles for where, roles in lacking.items() if roles}
    if len(lacking) == len(cohort.cases):
        roles = ", ".join(dict.fromkeys(role for found in lacking.values() for role in found))
        yield FaultRow(
            FAULT, "", f"No case has all images of the recipe; missing are {roles}.", "Choose another recipe."
        )
        return
    for where, roles in lacking.items():
        what = f"The case has no {', '.join(roles)}, which the recipe needs."
        yield FaultRow(WARNING, where, what, "It will be left out.")
    if any(is_delta(key) for key in plan.feature_keys()):
        later = len(cohort.with_earlier().cases)
        hint = "Give both examinations of each patient, with a time_point, and choose no single one."
        if not later:
            yield FaultRow(FAULT, "", "The recipe needs changes between two examinations.", hint)


def _lacking(plan: Plan, case: CohortCase) -> tuple[str, ...]:
    from ..tasks import TASKS

    if case.folder is not None:
        return ()
    there = set(case.images)
    if "dce" in there:
        there |= set(TASKS[plan.stand_in.task].maps)
    if "dwi" in there:
        there.add("adc")
    return tuple(role for role in plan.roles if role not in there)


def _enough(
    form: Form, study: Study, plan: Plan, cohort: Cohort, endpoint: str
) -> tuple[Outlook, list[FaultRow]]:
    """Whether there are events enough, and what follows from it."""
    from ..training.run import with_changes

    changes = {name: value for name in ("folds", "repeats") if (value := getattr(form, name))}
    try:
        with_changes(plan.method.validation, changes)
        found = outlook(study, plan, cohort, endpoint)
    except VirtualBiopsyError as error:
        return Outlook("", ""), [_error(error, "")]
    if found.verdict == "few":
        return found, [FaultRow(WARNING, "", f"Few events: {found.sentence}", _TOLD)]
    if found.verdict != "too few" or cohort.simulated:
        return found, []
    what = f"Too few events: {found.sentence}"
    if form.few_events:
        return found, [FaultRow(WARNING, "", what, _TOLD)]
    hint = "Add cases, choose a recipe with fewer candidate predictors, or allow few events."
    return found, [FaultRow(FAULT, "", what, hint)]


def _external(text: str, form: Form, study: Study, plan: Plan, progress: Progress) -> list[FaultRow]:
    """Faults of a cohort that the finished model is tested on."""
    from ..cohort.read import examine_cohort

    if not text.strip():
        return []
    path = path_of(text)
    place = f"external {path.name}"
    try:
        found = examine_cohort(path, form.layout, labels=_labels(form), progress=progress)
        cohort = found.cohort.at(form.time_point.strip()) if form.time_point.strip() else found.cohort
    except VirtualBiopsyError as error:
        return [_error(error, place)]
    rows = [_row(fault) for fault in found.faults]
    rows += _endpoint(form, study, plan, cohort)[1]
    rows += _images(plan, cohort)
    return [
        FaultRow(row.kind, f"{place}: {row.where}" if row.where else place, row.what, row.hint)
        for row in rows
    ]


def _facts(cohort: Cohort) -> Iterator[tuple[str, str]]:
    patients = len({case.patient for case in cohort.cases})
    simulated = "; simulated, no patients" if cohort.simulated else ""
    yield "Cohort", cohort.name
    yield "Cases", f"{len(cohort.cases)} of {patients} patients{simulated}"
    for label, name in (("Sites", "site"), ("Scanners", "scanner"), ("Split", "split")):
        counts = Counter(getattr(case, name) for case in cohort.cases if getattr(case, name))
        if counts:
            yield label, _counted(counts)
    if points := cohort.time_points:
        yield "Time points", ", ".join(points)
    if cohort.features is not None:
        yield "Features", f"{len(cohort.features.columns)} columns of a table; no images"
    else:
        roles = Counter(role for case in cohort.cases for role in case.images)
        folders = sum(case.folder is not None for case in cohort.cases)
        if roles:
            yield "Images", _counted(roles)
        if folders:
            yield "Folders", f"{folders}, opened when features are measured"
    for note in cohort.notes:
        yield "Note", note


def _counted(counts: Mapping[str, int], most: int = 12) -> str:
    shown = [f"{count} {name}" for name, count in list(counts.items())[:most]]
    return ", ".join(shown) + (f" and {len(counts) - most} more" if len(counts) > most else "")


def _endpoint_row(cohort: Cohort, plan: Plan, name: str, chosen: str) -> EndpointRow:
    endpoint, known = cohort.endpoint(name), cohort.with_endpoint(name)
    counts = Counter(case.labels[name] for case in known)
    if endpoint.classes:
        told = ", ".join(f"{counts[n]} {word}" for n, word in enumerate(endpoint.classes))
    else:
        told = f"{counts[1]} events, {counts[0]} censored, in {endpoint.unit}"
    missing = len(cohort.cases) - len(known)
    return EndpointRow(name, endpoint.kind, told, missing, _fits(endpoint, plan), name == chosen)
