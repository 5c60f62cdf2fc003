"""Extract the features of a cohort: in parallel, resumable after a kill at any moment, failures reported."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import CohortError
from ..progress import Progress, silent
from ..training.table import FeatureTable
from .measured import CaseRow, Extraction
from .model import Cohort, CohortCase
from .store import Store, table_of, write_features, write_repeats
from .workers import Done, Results, measure_here, measure_locally, measure_with_dask

_OTHER_VERSION = "The worker runs another version of virtualbiopsy; install the same one everywhere."
CSV, PARQUET, REPEATS = "features.csv", "features.parquet", "repeats.csv"


@dataclass(frozen=True, eq=False)
class Extracted:
    """The features of a cohort.

    Attributes
    ----------
    table : rows in the order of the cohort. provenance : of each row, by case.
    failed : why a case could not be measured, by case.
    kept, measured : how many rows were there already, and how many were made now.
    files : tables that were written; ``repeats.csv`` among them where other outlines were measured.
    """

    table: FeatureTable
    provenance: Mapping[str, Mapping[str, Any]]
    failed: Mapping[str, str] = field(default_factory=dict)
    kept: int = 0
    measured: int = 0
    files: tuple[Path, ...] = ()


def default_processes() -> int:
    """As many worker processes as there are cores for this process."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def extract_cohort(
    cohort: Cohort,
    extraction: Extraction,
    folder: Path | str,
    *,
    processes: int = 0,
    scheduler: str = "",
    parquet: bool = False,
    again: bool = False,
    progress: Progress = silent,
) -> Extracted:
    """Measure all cases of a cohort that have images, and write the table of their features.

    Where the extraction asks for changes, these are the cases that have an earlier examination, see
    :meth:`virtualbiopsy.cohort.model.Cohort.with_earlier`.

    Rows are kept in `folder` as they are made. A case whose row is there, made by the same extraction from
    the same files, is not measured again; so a run that was killed or cancelled goes on where it stopped.

    Parameters
    ----------
    processes : worker processes; 0 for one a core, 1 to work in this process.
    scheduler : address of a dask scheduler instead of worker processes here, "tcp://host:8786".
    parquet : write ``features.parquet`` too.
    again : try cases again that failed before and whose files have not changed.

    Raises
    ------
    CohortError : the cohort has no images, another process works in the folder, every case failed, or the
        scheduler does not answer.
    MissingPackageError : pyarrow or dask is needed and not installed.
    Cancelled : the rows that are done stay.
    """
    used = cohort.with_earlier() if extraction.needs_earlier else cohort
    entries = [case for case in used.cases if case.has_images]
    if not entries:
        lacking = "no patient with two examinations" if extraction.needs_earlier else "no images"
        raise CohortError(f"The cohort {cohort.name} has {lacking}.", "Check its table.")
    store = Store(folder, extraction)
    with store.locked():
        progress(0.0, "Looking for rows that are there already")
        rows = {e.name: row for e in entries if (row := store.row(e)) is not None}
        failed = {} if again else {e.name: w for e in entries if (w := store.failure(e))}
        todo = [e for e in entries if e.name not in rows and e.name not in failed]
        kept = len(rows)
        clock = _Clock(len(entries), len(rows) + len(failed), len(failed))
        by_name = {entry.name: entry for entry in todo}
        with closing(_results(todo, extraction, processes, scheduler, clock, progress)) as results:
            for done in results:
                if done is not None:
                    if done.row is not None and done.row.provenance["extraction"] != extraction.digest:
                        done = Done(done.case, None, _OTHER_VERSION)
                    if done.row is not None:
                        store.put(done.row)
                        rows[done.case] = done.row
                    else:
                        store.put_failure(by_name[done.case], done.why)
                        failed[done.case] = done.why
                    clock.ended(done.row is None)
                progress(*clock.told())
        ordered = [rows[entry.name] for entry in entries if entry.name in rows]
        if not ordered:
            listed = "\n".join(f"  {name}: {why}" for name, why in failed.items())
            raise CohortError(f"No case could be measured:\n{listed}")
        return _written(store, cohort, ordered, failed, kept, parquet)


def _results(
    todo: Sequence[CohortCase],
    extraction: Extraction,
    processes: int,
    scheduler: str,
    clock: _Clock,
    progress: Progress,
) -> Results:
    if scheduler and todo:
        return measure_with_dask(todo, extraction, scheduler)
    count = min(processes or default_processes(), len(todo))
    if count > 1:
        return measure_locally(todo, extraction, count)
    return measure_here(todo, extraction, lambda fraction, message: progress(*clock.told()))


def _written(
    store: Store,
    cohort: Cohort,
    rows: Sequence[CaseRow],
    failed: Mapping[str, str],
    kept: int,
    parquet: bool,
) -> Extracted:
    notes = (
        f"Features of {len(rows)} cases of {cohort.name}, extracted by virtualbiopsy {__version__} "
        f"(extraction {store.extraction.digest}).",
        *(f"Not measured: {name}: {' '.join(why.split())}" for name, why in failed.items()),
    )
    table = table_of(rows, store.extraction.keys, notes)
    provenance = {row.case: row.provenance for row in rows}
    files = [write_features(store.folder / CSV, table, provenance)]
    if parquet:
        files.append(write_features(store.folder / PARQUET, table, provenance))
    if any(row.repeats for row in rows):
        keys = [str(key) for key in store.extraction.repeated_keys]
        files.append(write_repeats(store.folder / REPEATS, rows, keys))
    return Extracted(table, provenance, dict(failed), kept, len(rows) - kept, tuple(files))


class _Clock:
    """How far it is, and how long it will still take."""

    def __init__(self, total: int, before: int, failed: int) -> None:
        self._total, self._before, self._failed = total, before, failed
        self._ended = 0
        self._start = time.monotonic()

    def ended(self, failed: bool) -> None:
        self._ended += 1
        self._failed += failed

    def told(self) -> tuple[float, str]:
        """Fraction of the cohort, and a line for the user."""
        done = self._before + self._ended
        text = f"{done} of {self._total} cases"
        if self._failed:
            text += f", {self._failed} failed"
        if self._ended and done < self._total:
            each = (time.monotonic() - self._start) / self._ended
            text += f", about {remaining(each * (self._total - done))} left"
        return done / self._total, text


def remaining(seconds: float) -> str:
    """A time for people: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
