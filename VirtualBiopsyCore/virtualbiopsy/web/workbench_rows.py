"""Values of the workbench as rows and words for the page, and what was typed as a form."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..cohort.extract import remaining
from ..cohort.layouts.registry import LAYOUTS
from ..errors import FormError
from ..models.radmodel import RadModel
from ..workbench.examine import Examination
from ..workbench.form import Form
from ..workbench.outcome import Outcome
from ..workbench.recipes import RecipeRow
from .present import performance

INSTALL = 'Install it with `pip install "virtualbiopsy[train]"` and start VirtualBiopsy again.'
ABOUT = ("recipe", "cohort", "layout", "labels", "endpoint", "time_point", "folds", "repeats", "few")
NEEDED = {"sklearn": "scikit-learn"}
SIMULATED = "simulated"
FILES = ("report", "card", "clear")
"""Of an outcome, that the page may ask for."""

LEAST_TIME, LEAST_PART, JUMP = 4.0, 0.01, 0.04


class Clock:
    """Adds the time that is left to the messages of a long run, as far as it can be known.

    Judged by the pace since the last jump: what an earlier run has left is passed over at once, and says
    nothing about the rest.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._start = self._last = 0.0
        self._since = now()

    def told(self, fraction: float, message: str) -> str:
        now = self._now()
        if fraction - self._last >= JUMP or fraction < self._last:
            self._start, self._since = fraction, now
        self._last = fraction
        done, spent = fraction - self._start, now - self._since
        if " left" in message or done < LEAST_PART or spent < LEAST_TIME or fraction >= 1.0:
            return message
        return f"{message}; about {remaining(spent / done * (1.0 - fraction))} left"


# Recipes -----------------------------------------------------------------------------------------


def recipe_list(found: Iterable[RecipeRow]) -> list[dict[str, Any]]:
    return [
        {
            "recipe": row.recipe,
            "title": row.title,
            "disease": row.disease,
            "endpoint": row.endpoint,
            "modality": row.modality,
            "state": row.state,
            "why_not": row.why_not,
            "reference": row.reference,
            "published": row.published,
            "sequences": ", ".join(row.sequences),
            "runnable": row.runnable,
            "words": " ".join(
                (row.recipe, row.title, row.disease, row.endpoint, row.modality, *row.sequences)
            ).lower(),
        }
        for row in found
    ]


def fact_rows(facts: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"id": n, "label": label, "value": value} for n, (label, value) in enumerate(facts)]


def missing_packages() -> str:
    """Names of the packages that training lacks here; "" if none."""
    return ", ".join(name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None)


def suggested_folder(recipe: str) -> str:
    return str(Path.home() / f"virtualbiopsy-{recipe.lower()}") if recipe else ""


# Cases -------------------------------------------------------------------------------------------


def layout_items() -> list[dict[str, str]]:
    known = [{"title": layout.title, "value": layout.name} for layout in LAYOUTS.values()]
    return [{"title": "guess it", "value": ""}, *known]


def about(state: Any) -> str:
    """What an examination is about; the page forms the same text."""
    parts = [getattr(state, f"bench_{name}") for name in ABOUT]
    return "|".join(str(text or "") for text in (*parts, *state.bench_external))


def form_of(state: Any) -> Form:
    """The form that was typed.

    Raises
    ------
    FormError : a number is none.
    """
    common = {
        "recipe": _text(state.bench_recipe),
        "statement": _text(state.bench_statement),
        "out": _text(state.bench_out),
        "folds": _number("folds", state.bench_folds),
        "repeats": _number("repeats", state.bench_repeats),
        "compare": bool(state.bench_compare),
        "overwrite": bool(state.bench_overwrite),
    }
    if state.bench_source == SIMULATED:
        return Form(simulated=_number("simulated", state.bench_simulated), **common)
    return Form(
        cohort=_text(state.bench_cohort),
        layout=_text(state.bench_layout),
        labels=_text(state.bench_labels),
        endpoint=_text(state.bench_endpoint),
        time_point=_text(state.bench_time_point),
        external=tuple(state.bench_external),
        few_events=bool(state.bench_few),
        **common,
    )


def form_state(form: Form) -> dict[str, Any]:
    """State variables of the page for a form, as it was typed for an earlier run; {} for an empty one."""
    if not form.recipe:
        return {}
    names = ("recipe", "cohort", "layout", "labels", "endpoint", "time_point", "statement", "out", "compare")
    found = {f"bench_{name}": getattr(form, name) for name in names}
    numbers = {f"bench_{name}": str(getattr(form, name) or "") for name in ("folds", "repeats")}
    source = {"bench_source": SIMULATED, "bench_simulated": form.simulated} if form.simulated else {}
    return {**found, **numbers, **source, "bench_external": list(form.external), "bench_few": form.few_events}


def _text(value: Any) -> str:
    return str(value or "").strip()


def _number(field: str, value: Any) -> int:
    """A whole number; 0 for an empty field."""
    text = str(value if value is not None else "").strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise FormError(field, f"{field.capitalize()}: {text!r} is not a whole number.", "Give a number.")
    return int(text)


def examination_rows(found: Examination, about: str) -> dict[str, Any]:
    faults = [
        {"id": n, "kind": row.kind, "where": row.where, "what": row.what, "hint": row.hint}
        for n, row in enumerate(found.rows)
    ]
    return {
        "of": about,
        "usable": found.usable,
        "layout": found.layout,
        "reason": found.reason.rstrip("."),
        "patients": found.patients,
        "faults": faults,
        "facts": fact_rows(found.facts),
        "endpoints": [
            {
                "title": row.name,
                "value": row.name,
                "subtitle": "; ".join(
                    text
                    for text in (
                        row.kind,
                        row.counts,
                        f"{row.missing} unknown" if row.missing else "",
                        "" if row.fits else "not what the recipe predicts",
                        "used" if row.chosen else "",
                    )
                    if text
                ),
            }
            for row in found.endpoints
        ],
        "outlook": found.outlook,
        "verdict": found.verdict,
    }


# Outcome -----------------------------------------------------------------------------------------


def outcome_rows(outcome: Outcome) -> dict[str, Any]:
    tests = {row.test: row for row in outcome.rows}
    return {
        "model": outcome.model,
        "why_no_model": outcome.why_no_model,
        "why_not_tried": outcome.why_not_tried,
        "model_id": outcome.model_id,
        "title": outcome.title,
        "endpoint": outcome.endpoint,
        "positive": outcome.positive,
        "task": outcome.task,
        "tried_on": outcome.tried_on,
        "simulated": outcome.simulated,
        "data": outcome.data,
        "tests": [
            {
                "name": test,
                "cases": f"{first.cases} {'simulated ' if outcome.simulated and not n else ''}cases"
                + (f", {first.events} of them positive" if first.events else ""),
                "rows": [
                    {"id": m, "figure": row.figure, "text": row.text}
                    for m, row in enumerate(outcome.rows)
                    if row.test == test
                ],
            }
            for n, (test, first) in enumerate(tests.items())
        ],
        "warnings": list(outcome.warnings),
        "published": outcome.published,
        "folder": outcome.folder,
        "files": [name for name in FILES if getattr(outcome, name)],
    }


def model_rows(models: Iterable[RadModel], origins: dict[str, str]) -> list[dict[str, Any]]:
    """Models that the user installed or tries."""
    return [
        {
            "id": model.model_id,
            "title": model.title,
            "version": model.version,
            "positive": model.positive,
            "task": model.task,
            "recipe": model.recipe,
            "simulated": model.simulated,
            "data": model.data_statement,
            "performance": performance(model),
            "origin": origins.get(model.model_id, ""),
        }
        for model in models
    ]
