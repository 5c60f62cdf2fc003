"""Read a cohort from a folder or a table, with all its faults at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import CohortError, UnreadableFileError, VirtualBiopsyError
from ..progress import Progress, part, silent
from .assemble import assemble
from .check import check_cohort
from .endpoints import Definition
from .layouts.registry import LAYOUTS, guess_layout
from .model import FAULT, WARNING, Cohort, Fault, raise_faults
from .sheet import Sheet, SheetRow
from .tables import read_text_table, write_text_table


@dataclass(frozen=True, eq=False)
class Examined:
    """A cohort with everything that is wrong or strange about it.

    Attributes
    ----------
    cohort : what could be read. layout, reason : how it was read, and what spoke for that.
    faults : faults and warnings, each once, in the order of the table.
    """

    cohort: Cohort
    layout: str
    reason: str
    faults: tuple[Fault, ...]

    @property
    def usable(self) -> bool:
        """Whether there is no fault; warnings do not count."""
        return not any(fault.kind == FAULT for fault in self.faults)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(str(fault) for fault in self.faults if fault.kind == WARNING)


def examine_cohort(
    path: Path | str,
    layout: str = "",
    *,
    labels: Path | str | None = None,
    endpoints: Mapping[str, Definition] | None = None,
    roles: Collection[str] = (),
    endpoint: str = "",
    deep: bool = True,
    progress: Progress = silent,
) -> Examined:
    """Read a cohort and list its faults; it does not raise for what is wrong with its rows and files.

    Parameters
    ----------
    path : folder, or table. layout : key of LAYOUTS; "" to guess it.
    labels : table with a column ``case`` or ``patient`` whose other columns are added, for collections whose
        endpoints lie elsewhere.
    endpoints : definitions beside those of ``cohort.toml``.
    roles, endpoint, deep : as for :func:`virtualbiopsy.cohort.check.check_cohort`.

    Raises
    ------
    CohortError : there is nothing there, no layout fits, or the endpoint is unknown.
    UnreadableFileError and others : the table itself cannot be read. Cancelled.
    """
    path = Path(path)
    if not path.exists():
        raise CohortError(f"There is no folder or table {path.name}.", "Check its name.")
    if layout and layout not in LAYOUTS:
        raise CohortError(f"There is no layout {layout!r}.", f"Layouts are {', '.join(LAYOUTS)}.")
    reason = "chosen by the user"
    if not layout:
        layout, reason = guess_layout(path)
    if not layout:
        listed = "; ".join(entry.title for entry in LAYOUTS.values())
        raise CohortError(
            f"{path.name} has none of the known layouts.", f"Known are: {listed}. Or write a cohort.csv."
        )
    progress(0.0, f"Reading {path.name}")
    sheet = LAYOUTS[layout].read(path)
    if labels is not None:
        sheet = with_labels(sheet, Path(labels))
    if endpoints:
        sheet = replace(sheet, definitions={**sheet.definitions, **endpoints})
    cohort, faults = assemble(sheet)
    if endpoint and endpoint not in cohort.endpoints and any(f.kind == FAULT for f in faults):
        endpoint = ""  # why it cannot be used is among the faults
    more = check_cohort(cohort, roles=roles, endpoint=endpoint, deep=deep, progress=part(progress, 0.1, 1.0))
    return Examined(cohort, layout, reason, tuple(dict.fromkeys((*faults, *more))))


def read_cohort(path: Path | str, layout: str = "", **options) -> Cohort:
    """Read a cohort that has no faults; options as for :func:`examine_cohort`.

    Raises
    ------
    CohortError : it has faults; the message lists all of them.
    As :func:`examine_cohort`.
    """
    examined = examine_cohort(path, layout, **options)
    raise_faults(examined.faults)
    notes = (*examined.cohort.notes, *examined.warnings)
    return replace(examined.cohort, notes=notes)


def with_labels(sheet: Sheet, path: Path) -> Sheet:
    """The sheet with the columns of another table, joined by ``case`` (patient and time point) or
    ``patient``; cells that are there already are kept unless they are empty.

    Raises
    ------
    UnreadableFileError and others : as :func:`virtualbiopsy.cohort.tables.read_text_table`, or the table has
        neither column.
    """
    table = read_text_table(path)
    key = next((name for name in ("case", "patient") if name in table.columns), None)
    if key is None:
        raise UnreadableFileError(
            f"{path.name} has neither a column 'case' nor 'patient'.",
            f"Columns are {', '.join(table.columns[:20])}.",
        )
    known: dict[str, Mapping[str, str]] = {}
    faults = list(sheet.faults)
    for number, cells in table.rows:
        if cells[key] in known:
            faults.append(Fault(f"{path.name} row {number}", f"{cells[key]} is there twice.", column=key))
        known[cells[key]] = cells
    used: set[str] = set()
    rows = []
    for row in sheet.rows:
        patient, point = row.cells.get("patient", ""), row.cells.get("time_point", "")
        names = [f"{patient} {point}".strip(), f"{patient}-{point}", patient] if key == "case" else [patient]
        name = next((name for name in names if name in known), "")
        used.add(name)
        added = {column: text for column, text in known.get(name, {}).items() if column != key}
        rows.append(
            SheetRow(row.where, {**added, **{c: t for c, t in row.cells.items() if t or c not in added}})
        )
    lacking = (
        [row.where for row in sheet.rows if not {row.cells.get("patient", "")} & used]
        if key == "patient"
        else []
    )
    strangers = [name for name in known if name not in used]
    if strangers:
        what = f"{path.name} has {len(strangers)} rows without a case: {', '.join(strangers[:8])}."
        faults.append(Fault("", what, "They are left out.", WARNING))
    if lacking:
        what = f"{path.name} has no row for {len(lacking)} cases: {', '.join(lacking[:8])}."
        faults.append(Fault("", what, "Their endpoints are unknown.", WARNING))
    notes = (*sheet.notes, f"Columns {', '.join(c for c in table.columns if c != key)} from {path.name}.")
    return replace(sheet, rows=tuple(rows), faults=tuple(faults), notes=notes)


def write_sheet(sheet: Sheet, path: Path | str) -> Path:
    """Write any layout as a ``cohort.csv`` that can be edited; nothing is overwritten.

    Raises
    ------
    VirtualBiopsyError : the file exists.
    """
    target = Path(path)
    if target.exists():
        raise VirtualBiopsyError(f"{target.name} exists.", "Choose another name.")
    write_text_table(target, sheet.columns, (row.cells for row in sheet.rows))
    return target
