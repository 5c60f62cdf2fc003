"""The command ``virtualbiopsy recalibrate``: a model for one site, from its own labelled cases."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import RESEARCH_USE_ONLY
from .errors import CohortError, ExistingFileError, TrainingError

if TYPE_CHECKING:
    from .cohort.tables import TextTable
    from .models.radmodel import RadModel
    from .training.recalibrate import Recalibration

_YES = frozenset({"1", "1.0", "yes", "true", "positive", "event"})
_NO = frozenset({"0", "0.0", "no", "false", "negative", "censored"})


def register(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("recalibrate", help="fit a model's probabilities to a site's own cases")
    parser.add_argument("model", help="id of a bundled or installed model, or a .radmodel file")
    parser.add_argument(
        "features", type=Path, help="table of features, as `virtualbiopsy cohort extract` makes"
    )
    parser.add_argument("--label", required=True, help="column with 1 for the model's positive class, else 0")
    parser.add_argument("--time", default="", help="column with the follow-up time, for survival models")
    parser.add_argument("--labels", type=Path, help="table with the labels, if they are in another file")
    parser.add_argument("--case", default="case", help="column with the name of the case, in both tables")
    parser.add_argument("--site", default="", help="name of the site, for title and card")
    parser.add_argument("--change", choices=("auto", "intercept", "line"), default="auto")
    parser.add_argument("--out", type=Path, required=True, help="the new .radmodel file")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from .cohort.tables import read_text_table
    from .models.library import find_model
    from .models.radmodel import save_radmodel

    if options.out.exists():
        raise ExistingFileError(f"{options.out} is there already.", "Choose another name.")
    model = find_model(options.model)
    features = read_text_table(options.features)
    labels = features if options.labels is None else read_text_table(options.labels)
    found = recalibrated(
        model,
        features,
        labels,
        options.label,
        time=options.time,
        case=options.case,
        site=options.site,
        change=options.change,
    )
    print(RESEARCH_USE_ONLY)
    print("\n".join(found.told))
    for name, before in found.before.items():
        print(f"  {name}: {before:.3f} before, {found.after[name]:.3f} after (each case by the others)")
    if found.changed == "none":
        print("No file was written.")
        return
    print(f"{options.out}: {save_radmodel(found.model, options.out).model_id}")


def recalibrated(
    model: RadModel,
    features: TextTable,
    labels: TextTable,
    label: str,
    *,
    time: str = "",
    case: str = "case",
    site: str = "",
    change: str = "auto",
) -> Recalibration:
    """Recalibrate a model on tables as text; cases without a label are left out.

    Raises
    ------
    CohortError : a column is missing, a case is twice, or cells are no numbers or labels; all of it at once.
    TrainingError : as :func:`virtualbiopsy.training.recalibrate.recalibrate`.
    """
    from .training.recalibrate import recalibrate, recalibrate_survival

    if bool(time) != (model.survival is not None):
        raise TrainingError(
            f"{model.model_id} is {'' if model.survival else 'not '}a survival model.",
            "Name the column of the follow-up times with --time, for survival models only.",
        )
    faults: list[str] = []
    wanted = (label, time) if time else (label,)
    measured = _by_case(features, case, wanted if labels is features else (), faults)
    known = measured if labels is features else _by_case(labels, case, wanted, faults)
    absent = [key for key in model.feature_keys if key not in features.columns]
    if len(absent) == len(model.feature_keys):
        faults.append(f"{features.name} has none of the features of {model.model_id}.")
    if faults:
        raise _error(faults)
    names = [name for name in measured if known.get(name, {}).get(label, "")]
    rows = np.full((len(names), len(model.feature_keys)), np.nan)
    y, follow_up = np.zeros(len(names)), np.zeros(len(names))
    for i, name in enumerate(names):
        for j, key in enumerate(model.feature_keys):
            rows[i, j] = _number(measured[name].get(key, ""), f"{name}, {key}", faults)
        y[i] = _label(known[name][label], f"{name}, {label}", faults)
        if time:
            follow_up[i] = _number(known[name][time], f"{name}, {time}", faults)
    if faults:
        raise _error(faults)
    if model.survival is not None:
        return recalibrate_survival(model, rows, follow_up, y, site=site, change=change)
    return recalibrate(model, rows, y, site=site, change=change)


def _by_case(
    table: TextTable, case: str, wanted: tuple[str, ...], faults: list[str]
) -> dict[str, Mapping[str, str]]:
    absent = [name for name in (case, *wanted) if name not in table.columns]
    if absent:
        hint = " Name that of the cases with --case." if case in absent else ""
        faults.append(f"{table.name} has no column {', '.join(map(repr, absent))}.{hint}")
        return {}
    found: dict[str, Mapping[str, str]] = {}
    for line, cells in table.rows:
        name = cells[case]
        if name in found:
            faults.append(f"{table.name}, line {line}: the case {name} is there twice.")
        found[name] = cells
    return found


def _number(text: str, where: str, faults: list[str]) -> float:
    if text == "" or text.lower() in ("nan", "na"):
        return float("nan")
    try:
        return float(text)
    except ValueError:
        faults.append(f"{where}: {text[:20]!r} is not a number.")
        return float("nan")


def _label(text: str, where: str, faults: list[str]) -> float:
    if text.lower() not in _YES | _NO:
        faults.append(f"{where}: {text[:20]!r} is neither 1 nor 0.")
    return float(text.lower() in _YES)


def _error(faults: list[str]) -> CohortError:
    return CohortError("\n".join(faults), "Correct the tables; nothing was changed.")
