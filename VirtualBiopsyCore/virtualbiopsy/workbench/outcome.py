"""What a run gave, as rows for a screen; of a run that just ended, or one that is opened again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnreadableFileError
from ..models.library import why_not_tried

if TYPE_CHECKING:
    from ..training.run import Trained

FIRST = (
    "auc",
    "mean_auc",
    "concordance",
    "calibration_slope",
    "calibration_intercept",
    "brier",
    "scaled_brier",
    "ici",
    "sensitivity",
    "specificity",
)
"""Figures that are shown first, in this order; all others follow."""


@dataclass(frozen=True)
class FigureRow:
    """One figure of one test.

    test : on which cases. figure : in words. value, low, high : with the 95 % interval, NaN where unknown.
    text : value and interval in words. cases, events : that were tested; events are cases of the positive
    class or with the event, 0 for several classes.
    """

    test: str
    figure: str
    value: float
    low: float
    high: float
    text: str
    cases: int
    events: int


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes
    ----------
    folder : of the results. recipe : id of the study.
    model : path of the .radmodel, "" where none was made or it is not there any more; `why_no_model` tells.
    model_id, title, endpoint, positive : of the model.
    task : disease of the study. tried_on : whether the house has cases of that disease to try the model on;
        `why_not_tried` says why not, "" if it can be tried.
    simulated : whether it was trained on simulated cases. data : on what, one line.
    rows : every figure of every test, the model's own validation first.
    warnings : to be shown first: simulated cases, few events, leaks, parts that were left out.
    report, card, clear : paths of the reports, "" where they are not there.
    published : figures of the publication, of another model, external beside internal; "" for none.
    """

    folder: str
    recipe: str
    model: str
    why_no_model: str
    model_id: str
    title: str
    endpoint: str
    positive: str
    task: str
    tried_on: bool
    why_not_tried: str
    simulated: bool
    data: str
    rows: tuple[FigureRow, ...]
    warnings: tuple[str, ...]
    report: str
    card: str
    clear: str
    published: str


def outcome_of(trained: Trained, files: Sequence[Path]) -> Outcome:
    """The outcome of a run.

    Parameters
    ----------
    files : as :func:`virtualbiopsy.training.job.run_job` returned them.
    """
    from ..training.results import results_document

    folder = next(path.parent for path in files if path.name == "report.html")
    return _outcome(results_document(trained), folder)


def read_outcome(folder: Path | str) -> Outcome:
    """Open the results of an earlier run.

    Raises
    ------
    UnreadableFileError : the folder does not hold the results of a run that ended, or they are damaged.
    """
    from ..training.results import FORMAT, FORMAT_VERSION, RESULTS

    folder = Path(folder)
    path = folder / RESULTS
    if not path.is_file():
        raise UnreadableFileError(
            f"{folder} holds no results: there is no {RESULTS}.",
            "Choose the folder of a run that ended; one that was stopped goes on when it is started again.",
        )
    damaged = f"{path} cannot be read"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError(f"it does not say {FORMAT}")
        if document.get("format_version") != FORMAT_VERSION:
            raise ValueError("it is of another version of VirtualBiopsy")
        return _outcome(document, folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableFileError(f"{damaged} ({error}).", "Run the recipe again.") from error


def _outcome(document: Mapping[str, Any], folder: Path) -> Outcome:
    texts = {name: _text(document, name) for name in _TEXTS}
    model = _there(folder, texts["model"]) if texts["model"] else ""
    gone = f"{texts['model']} is not in the folder any more." if texts["model"] and not model else ""
    why_no_model = texts["why_no_model"] or gone
    return Outcome(
        folder=str(folder),
        recipe=texts["recipe"],
        model=model,
        why_no_model=why_no_model,
        model_id=texts["model_id"],
        title=texts["title"],
        endpoint=texts["endpoint"],
        positive=texts["positive"],
        task=texts["task"],
        tried_on=bool(model) and not why_not_tried(texts["task"]),
        why_not_tried=why_no_model or why_not_tried(texts["task"]),
        simulated=document["simulated"] is not False,
        data=texts["data"],
        rows=tuple(row for test in document["tests"] for row in _rows(test)),
        warnings=tuple(str(warning) for warning in document["warnings"]),
        report=_there(folder, "report.html"),
        card=_there(folder, "card.md"),
        clear=_there(folder, "CLEAR.md"),
        published=texts["published"],
    )


_TEXTS = (
    "recipe",
    "model",
    "why_no_model",
    "model_id",
    "title",
    "endpoint",
    "positive",
    "task",
    "data",
    "published",
)


def _there(folder: Path, name: str) -> str:
    """The path of a file in the folder, "" if it is not there; names with folders are refused."""
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no name of a file")
    path = folder / name
    return str(path) if path.is_file() else ""


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not text")
    return value


def _rows(test: Mapping[str, Any]) -> Iterable[FigureRow]:
    from ..training.reports.names import figure_name, interval_words

    figures = test["figures"]
    names = [*(name for name in FIRST if name in figures), *(name for name in figures if name not in FIRST)]
    for name in names:
        figure = {key: float(value) for key, value in figures[name].items()}
        yield FigureRow(
            test=_text(test, "name"),
            figure=figure_name(name),
            value=figure["value"],
            low=figure.get("low", math.nan),
            high=figure.get("high", math.nan),
            text=interval_words(figure),
            cases=int(test["cases"]),
            events=int(test["events"]),
        )
