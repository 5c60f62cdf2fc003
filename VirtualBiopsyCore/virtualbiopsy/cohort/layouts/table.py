"""The plain layout: ``cohort.csv`` (or .xlsx), beside it folders and, if needed, ``cohort.toml``."""

from __future__ import annotations

from pathlib import Path

from ...errors import CohortError, UnreadableFileError
from ..definitions import FILE, Statement, read_statement
from ..sheet import Sheet, SheetRow
from ..tables import is_table, read_text_table

NAMES = ("cohort.csv", "cohort.xlsx", "cohort.tsv")


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    if path.is_file() and is_table(path):
        return f"{path.name} is a table."
    found = table_of(path, Statement()) if path.is_dir() else None
    if found is not None:
        return f"The folder holds {found.name}."
    return f"The folder holds {FILE}." if (path / FILE).is_file() else ""


def read(path: Path) -> Sheet:
    """Read the table, with what ``cohort.toml`` says.

    Raises
    ------
    CohortError : there is no table, or ``cohort.toml`` is not valid.
    UnreadableFileError and others : as :func:`virtualbiopsy.cohort.tables.read_text_table`.
    """
    root = path if path.is_dir() else path.parent
    statement = read_statement(root / FILE)
    file = path if path.is_file() else table_of(root, statement)
    if file is None or not file.is_file():
        raise CohortError(
            f"{root.name} holds no table {statement.table or 'cohort.csv'}.",
            "Write one row a patient; Docs/cohorts.md lists the columns.",
        )
    table = read_text_table(file, sheet=statement.sheet)
    missing = sorted(name for name in statement.columns.values() if name not in table.columns)
    if missing:
        raise UnreadableFileError(
            f"{file.name} has no column {', '.join(map(repr, missing))}, which {FILE} names.",
            f"Columns are {', '.join(table.columns)}.",
        )
    ours = {theirs: name for name, theirs in statement.columns.items()}
    rows = tuple(
        SheetRow(f"row {number}", {ours.get(column, column): cell for column, cell in cells.items()})
        for number, cells in table.rows
    )
    name = statement.name or (root.name if file.name in NAMES else file.stem)
    return Sheet(name, "table", root, rows, statement.endpoints, statement.paths)


def table_of(root: Path, statement: Statement) -> Path | None:
    """The table of a folder, None if there is none."""
    names = (statement.table,) if statement.table else NAMES
    return next((root / name for name in names if (root / name).is_file()), None)
