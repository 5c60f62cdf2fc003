"""What a run gave, as one small JSON file beside model and reports, so that it can be opened again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import RESEARCH_USE_ONLY, __version__
from ..models.radmodel import SUFFIX
from .dataset import SURVIVAL

if TYPE_CHECKING:
    from .run import Trained

RESULTS = "results.json"
FORMAT, FORMAT_VERSION = "virtualbiopsy-run", 1


def results_document(trained: Trained) -> dict[str, Any]:
    """The results as values of JSON: what was trained on what, every test with its figures, and warnings."""
    model, design = trained.model, trained.record.design
    tests = trained.record.tests or ()
    faults = [f"{test.name}: {fault}" for test in tests[1:] for fault in test.faults]
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "notice": RESEARCH_USE_ONLY,
        "virtualbiopsy": __version__,
        "recipe": trained.study.study_id,
        "reference": trained.study.reference,
        "published": design.published,
        "title": design.title if model is None else model.title,
        "endpoint": design.endpoint,
        "positive": trained.cases.positive if model is None else model.positive,
        "task": trained.study.task,
        "simulated": trained.cases.simulated,
        "data": _data(trained),
        "outcome": trained.evaluation.kind,
        "model": "" if model is None else model.model_id + SUFFIX,
        "model_id": "" if model is None else model.model_id,
        "why_no_model": trained.why_no_model,
        "features": len(trained.fitted.columns),
        "tests": [
            {
                "name": test.name,
                "kind": test.kind,
                "cases": test.cases or 0,
                "events": test.positive or 0,
                "figures": {name: dict(figure) for name, figure in test.figures.items()},
            }
            for test in tests
        ],
        "warnings": list(dict.fromkeys((*trained.warnings, *faults))),
    }


def results_text(trained: Trained) -> str:
    """The file; the same run gives the same text."""
    return json.dumps(results_document(trained), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _data(trained: Trained) -> str:
    """What it was trained on, one line."""
    outcome = trained.cases.data.outcome
    if outcome.kind == SURVIVAL:
        seen = int((outcome.labels > 0).sum())
        counts = f"{seen} events, {len(outcome.labels) - seen} censored"
    else:
        found = np.bincount(outcome.labels, minlength=len(outcome.classes))
        counts = ", ".join(f"{n} {name}" for n, name in zip(found, outcome.classes, strict=True))
    return f"{trained.cases.source} {counts}."
