"""Feature tables: one row per case, features and labels by column, as CSV."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import UnreadableFileError

DIGITS = 9
"""Significant digits that are kept, so that a table gives the same models wherever it is read."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """A cohort as numbers.

    Attributes
    ----------
    cases : names of the rows.
    columns : names of the columns: labels, protocol figures and feature keys.
    values : (cases, columns) float64, NaN where unknown.
    notes : comment lines at the head of the file.
    """

    cases: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> np.ndarray:
        """Return one column (cases,).

        Raises
        ------
        UnreadableFileError : if there is none of that name.
        """
        if name not in self.columns:
            raise UnreadableFileError(
                f"The feature table has no column {name!r}.",
                "Make the table again with `virtualbiopsy train-demo`.",
            )
        return self.values[:, self.columns.index(name)]

    def rows(self, names: Collection[str]) -> FeatureTable:
        """The table with some cases only, in its own order."""
        kept = [n for n, name in enumerate(self.cases) if name in names]
        return replace(self, cases=tuple(self.cases[n] for n in kept), values=self.values[kept])

    def ranges(self, prefix: str) -> dict[str, dict[str, tuple[float, float]]]:
        """Lowest and highest value of the columns "<prefix><role>:<name>", by role and name, without gaps."""
        found: dict[str, dict[str, tuple[float, float]]] = {}
        for column, values in zip(self.columns, self.values.T, strict=True):
            known = values[~np.isnan(values)]
            if column.startswith(prefix) and known.size:
                role, name = column[len(prefix) :].split(":")
                found.setdefault(role, {})[name] = (float(known.min()), float(known.max()))
        return found

    def matrix(self, names: Sequence[str]) -> np.ndarray:
        """Return several columns as (cases, names)."""
        return np.stack([self.column(name) for name in names], axis=1)


def table_text(table: FeatureTable) -> str:
    """Return the table as CSV with :data:`DIGITS` significant digits."""
    stream = io.StringIO()
    for note in table.notes:
        stream.write(f"# {note}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["case", *table.columns])
    for case, row in zip(table.cases, table.values, strict=True):
        writer.writerow([case, *("" if np.isnan(v) else f"{v:.{DIGITS}g}" for v in row)])
    return stream.getvalue()


def write_table(table: FeatureTable, path: Path) -> None:
    """Write the table whole or not at all."""
    scratch = path.with_name(path.name + ".part")
    scratch.write_text(table_text(table), encoding="utf-8")
    os.replace(scratch, path)


def parse_table(text: str, where: str = "the table") -> FeatureTable:
    """Read what :func:`table_text` wrote.

    Raises
    ------
    UnreadableFileError : it is not such a table.
    """
    lines = text.splitlines()
    notes = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    rows = list(csv.reader(line for line in lines if line and not line.startswith("#")))
    try:
        header, body = rows[0], rows[1:]
        if header[0] != "case" or not body or len(set(header)) != len(header):
            raise ValueError("no column 'case', no rows, or a column twice")
        values = np.array([[float(v) if v else np.nan for v in row[1:]] for row in body])
        if values.shape != (len(body), len(header) - 1) or np.isinf(values).any():
            raise ValueError("rows of different length, or an infinite number")
    except (ValueError, IndexError) as error:
        raise UnreadableFileError(f"{where} is not a feature table ({error}).", "Check the file.") from error
    return FeatureTable(tuple(row[0] for row in body), tuple(header[1:]), values, notes)


def read_table(path: Path) -> FeatureTable:
    """Read a feature table.

    Raises
    ------
    UnreadableFileError : the file is missing or not a feature table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"{path} cannot be read ({error}).", "Check the file.") from error
    return parse_table(text, path.name)
