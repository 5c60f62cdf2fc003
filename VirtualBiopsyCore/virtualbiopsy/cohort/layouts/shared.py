"""What the layouts of public collections have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ...errors import VirtualBiopsyError
from ..model import WARNING, Fault
from ..tables import TextTable, is_table, read_text_table

DEEP = 6
"""How far below the chosen folder the files of a collection are looked for."""


def find_tables(root: Path, pattern: str) -> list[Path]:
    """Tables whose names match (ignoring case), nearest and then last by name first: newest version."""
    found = [
        path
        for path in walk(root, 3)
        if path.is_file() and is_table(path) and re.search(pattern, path.name, re.IGNORECASE)
    ]
    found.sort(key=lambda path: path.name, reverse=True)
    return sorted(found, key=lambda path: len(path.parts))


def walk(root: Path, depth: int) -> Iterable[Path]:
    """Files and folders below `root`, at most `depth` levels; hidden ones and folders of DICOM slices are
    not entered."""
    if depth < 1 or not root.is_dir():
        return
    for path in sorted(root.iterdir()):
        if path.name.startswith((".", "__")):
            continue
        yield path
        if path.is_dir():
            yield from walk(path, depth - 1)


def folders(root: Path, pattern: str, depth: int = DEEP) -> list[Path]:
    """Folders whose names match from start to end, `root` among them; those inside one are not looked at."""
    if re.fullmatch(pattern, root.name, re.IGNORECASE):
        return [root]
    if depth < 1 or not root.is_dir():
        return []
    found: list[Path] = []
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.name.startswith((".", "__")):
            found += folders(path, pattern, depth - 1)
    return found


def rows_by(
    path: Path, column: str, faults: list[Fault], *, sheet: str = "", header: int = 0, key: Callable = str
) -> tuple[TextTable | None, dict[str, Mapping[str, str]]]:
    """The rows of a table by one of its columns; what goes wrong becomes a fault."""
    try:
        table = read_text_table(path, sheet=sheet, header=header)
    except VirtualBiopsyError as error:
        faults.append(Fault(path.name, error.message, error.hint))
        return None, {}
    if column not in table.columns:
        what = f"The table has no column {column!r}."
        faults.append(Fault(path.name, what, f"Columns are {', '.join(table.columns[:30])}."))
        return table, {}
    rows: dict[str, Mapping[str, str]] = {}
    for number, cells in table.rows:
        name = key(cells.get(column, ""))
        if name and name in rows:
            faults.append(Fault(f"{path.name} row {number}", f"{name} is there twice.", column=column))
        elif name:
            rows[name] = cells
    return table, rows


def without_row(cases: Iterable[str], rows: Mapping[str, object], path: Path, faults: list[Fault]) -> None:
    """Say which cases a table does not know, and how many of its rows have no images."""
    names = list(cases)
    lacking = [name for name in names if name not in rows]
    if lacking and rows:
        what = f"{path.name} has no row for {len(lacking)} cases: {shown(lacking)}."
        faults.append(Fault("", what, "Their endpoints are unknown.", WARNING))
    extra = [name for name in rows if name not in set(names)]
    if extra:
        what = f"{path.name} has {len(extra)} rows without images: {shown(extra)}."
        faults.append(Fault("", what, "They are left out.", WARNING))


def shown(names: Iterable[str], most: int = 8) -> str:
    """A list for a message."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def relative(path: Path | None, root: Path) -> str:
    """A path as a cell, from the folder of the cohort where it lies inside."""
    if path is None:
        return ""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def first_file(folder: Path, *names: str) -> Path | None:
    """The first of these files that is there."""
    return next((folder / name for name in names if (folder / name).is_file()), None)
