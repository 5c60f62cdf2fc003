"""A plain feature table: one row a case with its features as columns, from any software; no images.

``cohort.toml`` beside it (or :class:`FeatureColumns`) says which columns are what; without it, columns with
the usual names are taken: ID, patient, case, subject for the case; Label, Target, class for the endpoint.
Every other column that holds numbers is a feature, unless it is left out; columns of text are not features.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...case.clinical import CLINICAL
from ...case.model import ROLES
from ...errors import CohortError, UnreadableFileError, VirtualBiopsyError
from ...training.table import FeatureTable
from ..definitions import FILE, Statement, read_statement
from ..endpoints import Definition
from ..model import WARNING, Fault
from ..sheet import Sheet, SheetRow
from ..tables import TextTable, is_table, read_text_table
from ..values import is_unknown, number_of
from . import shared
from .table import NAMES, table_of

META = ("patient", "time_point", "site", "scanner", "split", "date")
_OURS = ("endpoint:", "event:", "time:", "subgroup:")
_CASE = ("patient", "case", "id", "patient_id", "patientid", "subjectid", "subject_id", "subject", "pid")
_ENDPOINT = ("label", "target", "class", "outcome", "endpoint", "y")
_OUTCOME = re.compile(
    r"(^|[^a-z])(surviv\w*|surv|outcome|recurr\w*|relapse|rfs|pfs|dfs|efs|os|death|dead|died|event|"
    r"pcr|rcb|censor\w*|follow ?up|progression)([^a-z]|$)"
)
_OUTLINE = re.compile(r"mask:[^:]+")  # features of shape are called mask:tumour:original:…
_DIAGNOSTICS = re.compile(r"^diagnostics_|^(general_info|unnamed)|(_path|path_)|(^|_)version$", re.IGNORECASE)


@dataclass(frozen=True)
class FeatureColumns:
    """Which columns of a feature table are what.

    Attributes
    ----------
    names : names in the table by ours: patient, time_point, site, scanner, split, date, clinical variables,
        and "subgroup:…".
    endpoints : by name. sheet : of a workbook.
    leave_out : columns (or patterns) that are no features: other outcomes, what was found later, identifiers.
    keep : columns (or patterns) that are features although they are called like an outcome.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, Definition] = field(default_factory=dict)
    sheet: str = ""
    leave_out: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    root = path if path.is_dir() else path.parent
    try:
        statement = read_statement(root / FILE)
    except CohortError:
        return ""
    file = path if path.is_file() and is_table(path) else table_of(root, statement) if path.is_dir() else None
    if file is None or not file.is_file() or statement.paths:
        return ""
    try:
        table = read_text_table(file, sheet=statement.sheet)
    except VirtualBiopsyError:
        return ""
    ours = {theirs: name for name, theirs in statement.columns.items()}
    columns = {ours.get(name, name) for name in table.columns}
    if columns & {"folder", "mask", *ROLES} or any(_OUTLINE.fullmatch(name) for name in columns):
        return ""
    known = {*META, *CLINICAL}
    others = [name for name in columns if name not in known and not name.startswith(_OURS)]
    if any(name.count(":") > 3 for name in others):
        return f"{file.name} has columns that are called like features of VirtualBiopsy."
    if not statement.leave_out and len(others) < 3 and file.name in NAMES:
        return ""
    return f"{file.name} has no columns for images or outlines."


def read(path: Path, columns: FeatureColumns | None = None) -> Sheet:
    """Read a feature table.

    Parameters
    ----------
    columns : which ones are what; None for what ``cohort.toml`` says, else the usual names.

    Raises
    ------
    CohortError, UnreadableFileError : there is no table, or a column that was named is not there.
    """
    root = path if path.is_dir() else path.parent
    statement = read_statement(root / FILE) if columns is None else Statement()
    file = path if path.is_file() else table_of(root, statement)
    if file is None or not file.is_file():
        raise CohortError(f"{root.name} holds no feature table.", f"Name it in {FILE}, or choose the file.")
    if columns is None:
        columns = FeatureColumns(
            statement.columns,
            statement.endpoints,
            statement.sheet,
            statement.leave_out,
            statement.keep,
        )
    table = read_text_table(file, sheet=columns.sheet)
    notes: list[str] = []
    columns = _guessed(table, columns, notes)
    missing = [name for name in _named(columns) if name not in table.columns]
    if missing:
        raise UnreadableFileError(
            f"{file.name} has no column {shared.shown(map(repr, missing))}.",
            f"Columns are {shared.shown(table.columns, 40)}.",
        )
    return _sheet(file, root, table, columns, notes)


def _guessed(table: TextTable, columns: FeatureColumns, notes: list[str]) -> FeatureColumns:
    """With the usual names where nothing was said."""
    lower = {name.lower(): name for name in reversed(table.columns)}
    names, endpoints = dict(columns.names), dict(columns.endpoints)
    if "patient" not in names and (found := next((lower[n] for n in _CASE if n in lower), None)):
        names["patient"] = found
        notes.append(f"Patients from the column {found}.")
    if not endpoints and (found := next((lower[n] for n in _ENDPOINT if n in lower), None)):
        endpoints[found] = Definition(found, column=found)
        notes.append(f"The endpoint from the column {found}.")
    return FeatureColumns(names, endpoints, columns.sheet, columns.leave_out, columns.keep)


def _named(columns: FeatureColumns) -> list[str]:
    """Columns of the table that were named, each once."""
    found = list(columns.names.values())
    for definition in columns.endpoints.values():
        found.append(definition.value_column)
        if definition.kind == "survival":
            found.append(definition.time_column)
    return list(dict.fromkeys(found))


def _sheet(file: Path, root: Path, table: TextTable, columns: FeatureColumns, notes: list[str]) -> Sheet:
    used = set(_named(columns))
    own = [n for n in table.columns if n in (*META, *CLINICAL) or n.startswith(_OURS)]
    used.update(own)
    left, text, features, faults = [], [], [], []
    cells_of = {name: [row.get(name, "") for _, row in table.rows] for name in table.columns}
    for name in table.columns:
        if name in used:
            continue
        if _DIAGNOSTICS.search(name) or _fits(name, columns.leave_out):
            left.append(name)
            continue
        cells = [cell for cell in cells_of[name] if not is_unknown(cell)]
        numbers = sum(number_of(cell) is not None for cell in cells)
        if cells and numbers and _OUTCOME.search(_plain(name)) and not _fits(name, columns.keep):
            what = "The column is called like an outcome; as a feature it would leak."
            hint = "Name it as an endpoint or in leave_out, or in keep if it was known before."
            faults.append(Fault(file.name, what, hint, column=name))
        elif numbers == len(cells) and cells:
            features.append(name)
        elif 2 * numbers > len(cells):
            wrong = [
                (number, row[name])
                for number, row in table.rows
                if not is_unknown(row.get(name, "")) and number_of(row[name]) is None
            ]
            for number, cell in wrong[:5]:
                what = f"{cell!r} is not a number."
                faults.append(
                    Fault(f"row {number}", what, "Correct it, or leave the column out.", column=name)
                )
        else:
            text.append(name)
    if left:
        notes.append(f"Columns left out: {shared.shown(left, 30)}.")
    if text:
        what = f"Columns of text (or empty) are no features: {shared.shown(text, 12)}."
        faults.append(Fault(file.name, what, "", WARNING))
    if not features:
        faults.append(Fault(file.name, "The table has no column of features.", "Check leave_out."))
    notes.append(f"{len(features)} features and {len(table.rows)} rows from {file.name}.")
    rows = tuple(
        SheetRow(f"row {number}", _cells(row, n, columns, own))
        for n, (number, row) in enumerate(table.rows, start=1)
    )
    values = np.array([[_value(cells_of[name][n]) for name in features] for n in range(len(rows))])
    names = tuple(_case_names(rows))
    known = FeatureTable(names, tuple(features), values.reshape(len(rows), len(features)), tuple(notes))
    definitions = columns.endpoints
    title = root.name if file.name in NAMES else file.name.split(".")[0]
    return Sheet(title, "features", root, rows, definitions, {}, tuple(faults), tuple(notes), known)


def _cells(
    row: Mapping[str, str], number: int, columns: FeatureColumns, own: Sequence[str]
) -> dict[str, str]:
    cells = {name: row.get(name, "") for name in own}
    for definition in columns.endpoints.values():
        for column in (definition.value_column, definition.time_column):
            if column in row:
                cells[column] = row[column]
    cells |= {ours: row.get(theirs, "") for ours, theirs in columns.names.items()}
    cells.setdefault("patient", f"row {number}")
    return cells


def _case_names(rows: Sequence[SheetRow]) -> list[str]:
    """The names that the cases will have, see :mod:`virtualbiopsy.cohort.assemble`."""
    patients = [row.cells["patient"].strip() for row in rows]
    several = {patient for patient, count in Counter(patients).items() if count > 1}
    points = [row.cells.get("time_point", "").strip() for row in rows]
    return [f"{p} {t}".strip() if p in several else p for p, t in zip(patients, points, strict=True)]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _plain(name: str) -> str:
    """Words between blanks, in lower case."""
    spaced = re.sub(r"([a-z])([A-Z])|([A-Z])(?=[A-Z][a-z])", r"\1\3 \2", name)
    return re.sub(r"[_\-.\s]+", " ", spaced).lower()


def _value(cell: str) -> float:
    found = None if is_unknown(cell) else number_of(cell)
    return np.nan if found is None else found
