"""Rows of features on disk, one file a case, so that an extraction can be killed and resumed at any moment.

::

    <folder>/
      extraction.json       what is extracted
      rows/<case>.json      values and provenance of a finished case; appears whole or not at all
      failed/<case>.json    why a case could not be measured
      repeats.csv           measurements on other outlines, where they were asked for
      features.csv          (and .parquet) all rows, the provenance of each in its last column
      lock                  held while an extraction runs
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ..errors import CohortError, MissingPackageError, UnreadableFileError
from ..locks import working_in
from ..report.files import check_writable
from ..training.table import FeatureTable
from .measured import DIGITS, CaseRow, Extraction, files_of, fingerprint
from .model import CohortCase

PROVENANCE = "provenance"
"""Name of the last column: JSON text."""
_NOTES = b"notes"


class Store:
    """The folder of one extraction.

    Parameters
    ----------
    folder : made if it is not there. extraction : what the rows in it must have been made with.

    Raises
    ------
    UnreadableFileError : nothing can be written there.
    """

    def __init__(self, folder: Path | str, extraction: Extraction) -> None:
        self.folder, self.extraction = Path(folder), extraction
        for name in ("rows", "failed"):
            check_writable(self.folder / name)
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def put(self, row: CaseRow) -> None:
        """Keep a row; an earlier failure of the case is forgotten."""
        content = {
            "case": row.case,
            "values": row.values,
            "provenance": row.provenance,
            "repeats": row.repeats,
        }
        _write(self.folder / "rows" / _file(row.case), content)
        (self.folder / "failed" / _file(row.case)).unlink(missing_ok=True)

    def put_failure(self, entry: CohortCase, why: str) -> None:
        """Keep why a case could not be measured; a row of it that no longer holds is removed."""
        _write(
            self.folder / "failed" / _file(entry.name), {"case": entry.name, "why": why, **self._of(entry)}
        )
        (self.folder / "rows" / _file(entry.name)).unlink(missing_ok=True)

    def row(self, entry: CohortCase) -> CaseRow | None:
        """The row of a case; None if there is none, or if the extraction or the case's files have changed."""
        content = _read(self.folder / "rows" / _file(entry.name))
        if content is None or content.get("case") != entry.name:
            return None
        if not self._holds(content["provenance"], entry):
            return None
        return CaseRow(entry.name, content["values"], content["provenance"], content.get("repeats", {}))

    def failure(self, entry: CohortCase) -> str:
        """Why a case could not be measured; "" if nothing is known, or something has changed since."""
        content = _read(self.folder / "failed" / _file(entry.name))
        return str(content["why"]) if content is not None and self._holds(content, entry) else ""

    def _of(self, entry: CohortCase) -> dict[str, Any]:
        """What a row or a failure follows from."""
        return {
            "extraction": self.extraction.digest,
            "files": files_of(entry),
            "entry": fingerprint(entry),
        }

    def _holds(self, kept: Mapping[str, Any], entry: CohortCase) -> bool:
        return all(kept.get(name) == value for name, value in self._of(entry).items())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, without what a killed run left half written; the lock ends with the process,
        however that ends.

        Raises
        ------
        CohortError : another process holds it.
        """
        refused = CohortError(
            f"Another extraction is running in {self.folder.name}.",
            "Wait until it has ended, or choose another folder.",
        )
        with working_in(self.folder, refused):
            for scratch in self.folder.glob("**/*.part"):
                scratch.unlink(missing_ok=True)
            about = {**asdict(self.extraction), "digest": self.extraction.digest}
            _write(self.folder / "extraction.json", about)
            yield


def table_of(rows: Sequence[CaseRow], keys: Sequence[str], notes: Sequence[str] = ()) -> FeatureTable:
    """A table of rows: the keys first, then by name what else they hold; NaN where a case has none."""
    extra = sorted({name for row in rows for name in row.values} - set(keys))
    columns = (*keys, *extra)
    values = np.array([[row.values.get(name, np.nan) for name in columns] for row in rows], dtype=float)
    names = tuple(row.case for row in rows)
    return FeatureTable(names, columns, values.reshape(len(rows), len(columns)), tuple(notes))


def write_repeats(path: Path, rows: Sequence[CaseRow], keys: Sequence[str]) -> Path:
    """Write the measurements on other outlines, one row each, as
    :func:`virtualbiopsy.training.steps.repeats.read_repeats` reads them, whole or not at all."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["case", "patient", "measurement", *keys])
    for row in rows:
        for name, values in row.repeats.items():
            cells = (f"{values[key]:.{DIGITS}g}" if key in values else "" for key in keys)
            writer.writerow([row.case, row.provenance.get("patient", row.case), name, *cells])
    scratch = path.with_name(path.name + ".part")
    scratch.write_text(stream.getvalue(), encoding="utf-8", newline="\n")
    os.replace(scratch, path)
    return path


def write_features(path: Path, table: FeatureTable, provenance: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a table with the provenance of each row, as CSV or (by the suffix) Parquet, whole or not at all.

    Raises
    ------
    MissingPackageError : pyarrow is needed and not installed.
    """
    texts = [json.dumps(provenance.get(case, {}), sort_keys=True, ensure_ascii=False) for case in table.cases]
    scratch = path.with_name(path.name + ".part")
    if path.suffix.lower() == ".parquet":
        _write_parquet(scratch, table, texts)
    else:
        stream = io.StringIO()
        stream.writelines(f"# {note}\n" for note in table.notes)
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", *table.columns, PROVENANCE])
        for case, row, text in zip(table.cases, table.values, texts, strict=True):
            writer.writerow([case, *("" if np.isnan(v) else f"{v:.{DIGITS}g}" for v in row), text])
        scratch.write_text(stream.getvalue(), encoding="utf-8", newline="\n")
    os.replace(scratch, path)
    return path


def read_features(path: Path | str) -> tuple[FeatureTable, dict[str, dict[str, Any]]]:
    """Read a table of features and the provenance of its rows by case.

    Raises
    ------
    UnreadableFileError : the file is missing, damaged, or not such a table.
    MissingPackageError : pyarrow is needed and not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f"There is no table {path.name}.", "Extract the features first.")
    try:
        if path.suffix.lower() == ".parquet":
            table, texts = _read_parquet(path)
        else:
            table, texts = _read_csv(path)
        provenance = {case: json.loads(text or "{}") for case, text in zip(table.cases, texts, strict=True)}
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise UnreadableFileError(f"{path.name} is not a table of features ({error}).") from error
    return table, provenance


def _read_csv(path: Path) -> tuple[FeatureTable, list[str]]:
    csv.field_size_limit(2**27)
    text = path.read_text(encoding="utf-8")
    notes = []
    start = 0
    for line in text.splitlines(keepends=True):
        if not line.startswith("#"):
            break
        notes.append(line[1:].strip())
        start += len(line)
    rows = list(csv.reader(io.StringIO(text[start:])))
    header, body = rows[0], [row for row in rows[1:] if row]
    if header[0] != "case" or header[-1] != PROVENANCE:
        raise ValueError(f"its columns are not case, …, {PROVENANCE}")
    values = np.array([[float(v) if v else np.nan for v in row[1:-1]] for row in body], dtype=float)
    names = tuple(row[0] for row in body)
    columns = tuple(header[1:-1])
    table = FeatureTable(names, columns, values.reshape(len(names), len(columns)), tuple(notes))
    return table, [row[-1] for row in body]


def _arrow(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            "Parquet files need pyarrow, which is not installed.",
            "Use CSV, or install virtualbiopsy[cohort].",
        ) from error


def _write_parquet(path: Path, table: FeatureTable, texts: Sequence[str]) -> None:
    arrow, parquet = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    columns: dict[str, Any] = {"case": arrow.array(table.cases, arrow.string())}
    for name, values in zip(table.columns, table.values.T, strict=True):
        columns[name] = arrow.array(values, arrow.float64(), mask=np.isnan(values))
    columns[PROVENANCE] = arrow.array(texts, arrow.string())
    notes = {_NOTES: json.dumps(list(table.notes)).encode()}
    parquet.write_table(arrow.table(columns).replace_schema_metadata(notes), str(path), compression="zstd")


def _read_parquet(path: Path) -> tuple[FeatureTable, list[str]]:
    parquet = _arrow("pyarrow.parquet")
    found = parquet.read_table(str(path))
    names = found.column_names
    if not names or names[0] != "case" or names[-1] != PROVENANCE:
        raise ValueError(f"its columns are not case, …, {PROVENANCE}")
    columns = [found.column(n).to_numpy(zero_copy_only=False) for n in names[1:-1]]
    cases = tuple(found.column("case").to_pylist())
    values = np.array(columns, dtype=float).T.reshape(len(cases), len(columns))
    notes = tuple(json.loads((found.schema.metadata or {}).get(_NOTES, b"[]")))
    return FeatureTable(cases, tuple(names[1:-1]), values, notes), found.column(PROVENANCE).to_pylist()


def _file(case: str) -> str:
    """A file name that is the case's own on every system."""
    short = quote(case, safe=" +=@")[:80]
    return f"{short}.{hashlib.sha256(case.encode()).hexdigest()[:8]}.json"


def _write(path: Path, content: Any) -> None:
    """Write a file whole or not at all, whatever happens in between."""
    scratch = path.with_name(path.name + ".part")
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
