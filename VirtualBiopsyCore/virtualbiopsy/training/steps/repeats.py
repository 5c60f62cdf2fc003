"""Repeated measurements: from rows of a table, one row per measurement, to one array per case."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import TrainingError, UnreadableFileError
from ..dataset import Dataset, Repeats

CASE, MEASUREMENT, PATIENT = "case", "measurement", "patient"


@dataclass(frozen=True, eq=False)
class Repeated:
    """Cases that were measured several times.

    Attributes
    ----------
    cases, patients : (n,) names. measurements : (k,) names ("test", "retest"; "reader A", "reader B").
    columns : of the features. values : (n, k, p), NaN where a measurement was not made.
    """

    cases: tuple[str, ...]
    patients: np.ndarray
    measurements: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray

    def of_data(self, data: Dataset) -> Repeated:
        """Those whose case or patient is in the data."""
        at = np.isin(self.patients, data.patients.astype(str)) | np.isin(self.cases, data.cases)
        cases = tuple(name for name, there in zip(self.cases, at, strict=True) if there)
        return replace(self, cases=cases, patients=self.patients[at], values=self.values[at])


def repeats_from_rows(
    cases: Sequence[str],
    measurements: Sequence[str],
    columns: Sequence[str],
    values: np.ndarray,
    patients: Sequence[str] | None = None,
) -> Repeated:
    """Gather rows, one per measurement of a case, in any order.

    Parameters
    ----------
    cases, measurements : (m,) names of what was measured, and of which measurement a row is.
    values : (m, p). patients : (m,), the cases themselves if None.

    Raises
    ------
    TrainingError : a case has two rows of the same measurement, or there is one measurement only.
    """
    names, first, row = np.unique(np.asarray(cases, dtype=str), return_index=True, return_inverse=True)
    kinds, kind = np.unique(np.asarray(measurements, dtype=str), return_inverse=True)
    if kinds.size < 2:
        raise TrainingError("There is one measurement of each case only; agreement needs two or more.")
    slots = row * kinds.size + kind
    twice = np.flatnonzero(np.bincount(slots) > 1)
    if twice.size:
        case, which = divmod(int(twice[0]), kinds.size)
        raise TrainingError(f'The case {names[case]} has more than one row of "{kinds[which]}".')
    gathered = np.full((names.size, kinds.size, len(columns)), np.nan)
    gathered[row, kind] = values
    owners = names if patients is None else np.asarray(patients, dtype=str)[first]
    return Repeated(tuple(names.tolist()), owners, tuple(kinds.tolist()), tuple(columns), gathered)


def read_repeats(path: Path) -> Repeated:
    """Read a CSV table with the columns "case", "measurement", optionally "patient", and features.

    Raises
    ------
    UnreadableFileError : the file is absent, or no table.
    TrainingError : a column is missing, a value is no number, or as :func:`repeats_from_rows`.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFileError(f"The table {path} cannot be read ({error}).") from error
    names = list(rows[0]) if rows else []
    absent = [name for name in (CASE, MEASUREMENT) if name not in names]
    if absent:
        raise TrainingError(f"The table {Path(path).name} lacks the column {absent[0]}.")
    columns = [name for name in names if name not in (CASE, MEASUREMENT, PATIENT)]
    values = np.array(
        [[_number(row[name], name, n) for name in columns] for n, row in enumerate(rows, start=2)]
    )
    patients = [row[PATIENT] for row in rows] if PATIENT in names else None
    return repeats_from_rows(
        [row[CASE] for row in rows], [row[MEASUREMENT] for row in rows], columns, values, patients
    )


def with_repeats(data: Dataset, repeated: Repeated, source: str) -> Dataset:
    """The data with the repeated measurements of its cases; cases and columns without any have NaN."""
    values = np.full((len(data.cases), len(repeated.measurements), len(data.columns)), np.nan)
    row = {name: i for i, name in enumerate(repeated.cases)}
    column = {name: j for j, name in enumerate(repeated.columns)}
    pairs = [(j, column[name]) for j, name in enumerate(data.columns) if name in column]
    own, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    for i, case in enumerate(data.cases):
        if case in row:
            values[i][:, own] = repeated.values[row[case]][:, theirs]
    return replace(data, repeats=Repeats(source, values))


def _number(text: str | None, column: str, line: int) -> float:
    if text is None or text.strip() in ("", "nan", "NaN", "NA"):
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise TrainingError(f'Line {line}, column {column}: "{text}" is not a number.') from None
