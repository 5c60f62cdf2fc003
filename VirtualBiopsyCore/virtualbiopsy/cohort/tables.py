"""Tables as text: CSV with any usual separator (also gzipped) and Excel workbooks."""

from __future__ import annotations

import csv
import datetime
import gzip
import importlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MissingPackageError, OversizedFileError, UnreadableFileError

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".xlsx")
MAX_BYTES = 512 * 2**20
_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class TextTable:
    """A table as it stands in a file.

    Attributes
    ----------
    name : of the file. columns : stripped; unnamed ones are "" and left out of the rows.
    rows : line or row number in the file, and the cells by column, stripped.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]


def is_table(path: Path) -> bool:
    """Whether the name ends like that of a table that is read here."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(("~", "."))


def read_text_table(path: Path | str, *, sheet: str = "", header: int = 0) -> TextTable:
    """Read a table; empty rows and, in text files, lines that begin with # are left out.

    Parameters
    ----------
    sheet : of a workbook, the first one if "".
    header : how many rows come before the one with the names of the columns.

    Raises
    ------
    UnreadableFileError : missing, damaged, without columns, a column twice, or rows of another length.
    OversizedFileError : larger than 512 MB. MissingPackageError : openpyxl is needed and not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f"There is no table {path.name}.", "Check its name.")
    if path.stat().st_size > MAX_BYTES:
        raise OversizedFileError(f"{path.name} is larger than {MAX_BYTES >> 20} MB.", "Divide it.")
    workbook = path.suffix.lower() in (".xlsx", ".xlsm")
    lines = _workbook_rows(path, sheet) if workbook else _text_rows(path)
    filled = [(number, cells) for number, cells in lines if any(cells)]
    if len(filled) <= header:
        raise UnreadableFileError(f"{path.name} has no row with names of columns.", "Check the file.")
    columns = [" ".join(name.split()) for name in filled[header][1]]
    while columns and not columns[-1]:
        columns.pop()
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice and not header:
        raise UnreadableFileError(f"{path.name} has the column {twice[0]!r} twice.", "Rename one of them.")
    rows = []
    for number, cells in filled[header + 1 :]:
        if any(cells[len(columns) :]):
            first = filled[header][0]
            if not header and ("" in columns or 2 * len(columns) <= sum(map(bool, cells))):
                raise UnreadableFileError(
                    f"{path.name}: row {first} names {len(columns)} columns, and row {number} has more: it "
                    "seems to be a title, or merged cells above the names of the columns.",
                    "Remove what stands above the row with the names.",
                )
            raise UnreadableFileError(
                f"{path.name}: row {number} has more cells than there are columns.",
                "Put cells that hold the separator into quotes.",
            )
        row: dict[str, str] = {}
        for name, cell in zip(columns, cells, strict=False):
            if name:
                row.setdefault(name, cell)
        rows.append((number, row))
    return TextTable(path.name, tuple(dict.fromkeys(name for name in columns if name)), tuple(rows))


def sheet_names(path: Path) -> tuple[str, ...]:
    """Names of the sheets of a workbook.

    Raises
    ------
    As :func:`read_text_table`.
    """
    return tuple(_workbook(path).sheetnames)


def write_text_table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file with these columns."""
    names = list(columns)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    path.write_text(stream.getvalue(), encoding="utf-8")


def _text_rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise UnreadableFileError(f"{path.name} cannot be read ({error}).", "Check the file.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.reader(io.StringIO(text), delimiter=_separator(kept[:5]))
    found = []
    try:
        for cells in reader:
            if cells and not cells[0].startswith("#"):
                found.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise UnreadableFileError(f"{path.name} is not a table ({error}).", "Check the file.") from error
    return found


def _separator(lines: Sequence[str]) -> str:
    """The one that divides all lines into equally many cells; names of features may hold the others."""

    def fits(separator: str) -> tuple[bool, int]:
        counts = [len(cells) for cells in csv.reader(lines, delimiter=separator)]
        first = counts[0] if counts else 0
        return first > 1 and len(set(counts)) == 1, first

    try:
        return max(_SEPARATORS, key=fits)
    except csv.Error:
        return max(_SEPARATORS, key=lines[0].count)


def _workbook(path: Path) -> Any:
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError as error:
        raise MissingPackageError(
            f"{path.name} is an Excel workbook, and openpyxl is not installed.",
            "Save the table as CSV, or install virtualbiopsy[cohort].",
        ) from error
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever a damaged archive leads to
        raise UnreadableFileError(
            f"{path.name} cannot be read as a workbook ({error}).", "Save it again as .xlsx or CSV."
        ) from error


def _workbook_rows(path: Path, sheet: str) -> list[tuple[int, list[str]]]:
    book = _workbook(path)
    try:
        if sheet and sheet not in book.sheetnames:
            raise UnreadableFileError(
                f"{path.name} has no sheet {sheet!r}.", f"It has {', '.join(book.sheetnames)}."
            )
        found = book[sheet] if sheet else book.worksheets[0]
        return [(n, [_text(cell) for cell in row]) for n, row in enumerate(found.values, start=1)]
    finally:
        book.close()


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, (datetime.datetime, datetime.date)):
        return cell.strftime("%Y-%m-%d")
    return str(cell).strip()
