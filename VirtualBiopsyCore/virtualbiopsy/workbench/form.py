"""What the user fills in before a run, as plain values, and the run that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExistingFileError, FormError, VirtualBiopsyError

if TYPE_CHECKING:
    from ..models.study import Study
    from ..training.job import Job
    from ..training.plan import Plan

MOST_SIMULATED = 5000


@dataclass(frozen=True)
class Form:
    """What is typed and chosen; the defaults are an empty form.

    Attributes
    ----------
    recipe : id of a study that can be run.
    cohort : path of a folder or table of labelled cases; "" for simulated ones.
    simulated : number of simulated cases, 0 with a cohort.
    layout : key of :data:`virtualbiopsy.cohort.layouts.registry.LAYOUTS`, "" to guess it.
    labels : path of a table with endpoints that lie outside of the cohort, "" for none.
    endpoint : its name in the cohort, "" for that of the study. time_point : "" for all examinations.
    external : paths of cohorts that the finished model is tested on.
    statement : path of a file with what only people know, "" for none.
    out : path of the folder for the results.
    folds, repeats : of the cross-validation, 0 for those of the recipe.
    compare : clinical, radiomic and combined models, too.
    few_events : go on with fewer than five events per candidate predictor.
    overwrite : replace results that are in the folder. processes : for extraction, 0 for one a core.
    """

    recipe: str = ""
    cohort: str = ""
    simulated: int = 0
    layout: str = ""
    labels: str = ""
    endpoint: str = ""
    time_point: str = ""
    external: tuple[str, ...] = ()
    statement: str = ""
    out: str = ""
    folds: int = 0
    repeats: int = 0
    compare: bool = False
    few_events: bool = False
    overwrite: bool = False
    processes: int = 0


def to_job(form: Form) -> Job:
    """The run that a form asks for; cohorts are not opened yet.

    Raises
    ------
    FormError : a field is empty, wrong or contradicts another; it names the field and says what to do.
    """
    from ..training.job import Job
    from ..training.run import check_folder

    chosen_recipe(form)
    cohort = source(form)
    if not form.out.strip():
        raise FormError("out", "There is no folder for the results.", "Choose an empty or a new folder.")
    out = path_of(form.out)
    if out.exists() and not out.is_dir():
        raise FormError("out", f"{out.name} is a file.", "Choose a folder for the results.")
    if cohort is not None and out.resolve() == cohort.resolve():
        raise FormError(
            "out", "Results would lie among the files of the cohort.", "Choose a folder of their own."
        )
    labels = _file(form.labels, "labels", "table of endpoints")
    statement = _file(form.statement, "statement", "statement")
    external = tuple(path_of(text) for text in form.external if text.strip())
    for path in external:
        if not path.exists():
            raise FormError(
                "external", f"There is no folder or table {path}.", "Check the path, or leave it out."
            )
        if cohort is not None and path.resolve() == cohort.resolve():
            raise FormError("external", "A model is not tested on its own cohort.", "Choose another one.")
    validation = {}
    for name, least in (("folds", 2), ("repeats", 1)):
        value = getattr(form, name)
        if value and value < least:
            raise FormError(
                name,
                f"{name.capitalize()}: {value} is too few.",
                f"Give {least} or more, or 0 for the recipe's.",
            )
        if value:
            validation[name] = value
    if form.processes < 0:
        raise FormError("processes", "The number of processes is negative.", "Give 0 for one a core.")
    try:
        check_folder(out, form.overwrite)
    except ExistingFileError as error:
        raise FormError(
            "overwrite", error.message, "Choose another folder, or allow that results are replaced."
        ) from error
    return Job(
        recipe=form.recipe.strip(),
        out=out,
        cohort=cohort,
        simulated=form.simulated,
        layout=form.layout,
        labels=labels,
        endpoint=form.endpoint.strip(),
        time_point=form.time_point.strip(),
        external=external,
        processes=form.processes,
        validation=validation,
        compare=form.compare,
        statement=statement,
        few_events=form.few_events,
        overwrite=form.overwrite,
    )


def chosen_recipe(form: Form) -> tuple[Study, Plan]:
    """The study and its plan.

    Raises
    ------
    FormError : none is chosen, there is none of that id, or it cannot be run.
    """
    from ..training.job import runnable

    if not form.recipe.strip():
        raise FormError("recipe", "No recipe is chosen.", "Choose one that can be run.")
    try:
        return runnable(form.recipe.strip())
    except VirtualBiopsyError as error:
        raise FormError("recipe", error.message, "Choose a recipe that can be run.") from error


def source(form: Form) -> Path | None:
    """Path of the cohort, None for simulated cases.

    Raises
    ------
    FormError : neither or both are given, the path or layout is not there, or the cases are too few.
    """
    from ..cohort.layouts.registry import LAYOUTS
    from ..training.job import LEAST_SIMULATED

    text = form.cohort.strip()
    if text and form.simulated:
        raise FormError(
            "cohort", "A cohort and simulated cases are given.", "Empty the cohort, or set the number to 0."
        )
    if not text:
        if form.simulated == 0:
            raise FormError(
                "cohort",
                "There are no cases.",
                "Choose a folder or table of labelled cases, or simulated ones.",
            )
        if not LEAST_SIMULATED <= form.simulated <= MOST_SIMULATED:
            raise FormError(
                "simulated",
                f"The number of simulated cases is {form.simulated}.",
                f"Ask for {LEAST_SIMULATED} to {MOST_SIMULATED}; 30 or more are sensible.",
            )
        return None
    path = path_of(text)
    if not path.exists():
        raise FormError("cohort", f"There is no folder or table {path}.", "Check the path of the cohort.")
    if form.layout and form.layout not in LAYOUTS:
        raise FormError(
            "layout",
            f"There is no layout {form.layout!r}.",
            f"Layouts are {', '.join(LAYOUTS)}; empty to guess.",
        )
    return path


def path_of(text: str) -> Path:
    """A path as typed or pasted: quotes around it are left out, ``~`` is the home folder."""
    return Path(text.strip().strip("\"'").strip()).expanduser()


def _file(text: str, field: str, what: str) -> Path | None:
    if not text.strip():
        return None
    path = path_of(text)
    if not path.is_file():
        raise FormError(field, f"There is no file {path}.", f"Choose the {what}, or leave it out.")
    return path


def to_document(form: Form) -> dict[str, Any]:
    """The form as values of JSON."""
    found = {field.name: getattr(form, field.name) for field in fields(form)}
    return {**found, "external": list(form.external)}


def from_document(document: object) -> Form:
    """The form of a document; what is missing, unknown or of another kind is as in an empty form.

    A form that an earlier version kept, or that was damaged, is no reason to stop.
    """
    if not isinstance(document, Mapping):
        return Form()
    empty, found = Form(), {}
    for field in fields(Form):
        value, default = document.get(field.name), getattr(empty, field.name)
        if field.name == "external":
            if isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value):
                found["external"] = tuple(value)
        elif type(value) is type(default):
            found[field.name] = value
    return Form(**found)
