"""From the cells of a table to a cohort, collecting every fault on the way.

Columns of ``cohort.csv``, one row a patient (or a patient at one time point):

====================== ==============================================================================
patient                the patient; the only column that must be there
time_point             name of the examination, where a patient has several
site, scanner, split   split is train, test or empty
date                   of the examination, YYYY-MM-DD or a number of days; kept as days since the first
folder                 a folder that is read as a case: images, DICOM files, masks, clinical.json
t1, t1c, …, dce        file, pattern or DICOM folder of a sequence, by role; for dce the pattern may fit
                       several files, the phases in the order of their names, or files between ";"
dce_times              seconds of the phases between ";"
mask, mask:<region>    file or pattern of an outline
mask_labels            values inside that file that belong to the outline, between ";" (all above 0)
box                    rows, columns and slices of a box in place of an outline: 20:60, 31:80, 5:22
age, sex, …            clinical variables of :mod:`virtualbiopsy.case.clinical`
endpoint:<name>        value of an endpoint
event:<name>           1 where the event was seen, 0 where it was censored, with
time:<name>            the time to it, "time:OS (months)" for another unit than days
subgroup:<name>        for tables of subgroups
====================== ==============================================================================

Patterns have the wildcards \\*, ? and [ ], and {patient} and {time_point}; they start from the folder of the
table. Everything that ``cohort.toml`` says in ``[paths]`` holds for rows whose own cell is empty.
"""

from __future__ import annotations

import difflib
import glob
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..case.clinical import CLINICAL, check_clinical
from ..case.files import is_image_file
from ..case.model import ROLES
from ..errors import ClinicalValueError
from ..training.dataset import SURVIVAL
from .endpoints import Definition, read_endpoint
from .model import OUTLINE, WARNING, Box, Cohort, CohortCase, Fault, MaskFile
from .sheet import Sheet, SheetRow
from .values import day_of, is_unknown, numbers_of

IMAGE_ROLES = tuple(role for role in ROLES if role != "other")
FIXED = (
    "patient",
    "time_point",
    "site",
    "scanner",
    "split",
    "date",
    "folder",
    "dce_times",
    "mask",
    "mask_labels",
    "box",
)
PREFIXES = ("mask:", "endpoint:", "event:", "time:", "subgroup:")
KNOWN = (*FIXED, *IMAGE_ROLES, *CLINICAL)
SPLITS = ("train", "test", "")
_SPLIT_WORDS = {
    "training": "train",
    "testing": "test",
    "external": "test",
    "validation": "test",
    "val": "test",
}
_UNIT = re.compile(r"^(?P<name>.*?)\s*\((?P<unit>days|months|years|weeks)\)$", re.IGNORECASE)


@dataclass
class _Work:
    sheet: Sheet
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, where: str, what: str, hint: str = "", *, column: str = "", kind: str = "fault") -> None:
        self.faults.append(Fault(where, what, hint, kind, column))


def assemble(sheet: Sheet) -> tuple[Cohort, tuple[Fault, ...]]:
    """Make a cohort of what can be read, and list everything that is wrong or strange."""
    work = _Work(sheet, list(sheet.faults), list(sheet.notes))
    _check_columns(work)
    rows = [_named(row, n) for n, row in enumerate(sheet.rows, start=1)]
    cases = [_case(row, work) for row in rows]
    cases = _days(_unique_names(cases, work))
    cells = [(row.where, row.cells) for row in rows]
    endpoints: dict[str, Any] = {}
    for definition in _definitions(sheet):
        read = read_endpoint(definition, cells)
        work.faults.extend(read.faults)
        work.notes.extend(read.notes)
        if read.endpoint is None:
            continue
        name = read.endpoint.name
        endpoints[name] = read.endpoint
        cases = [
            case if label is None else replace(case, labels={**case.labels, name: label})
            for case, label in zip(cases, read.labels, strict=True)
        ]
        if read.times:
            cases = [
                case if time is None else replace(case, times={**case.times, name: time})
                for case, time in zip(cases, read.times, strict=True)
            ]
    if not rows:
        work.fault(sheet.name, "The table holds no patient.", "One row a patient is expected.")
    features = sheet.features
    cohort = Cohort(
        sheet.name,
        sheet.layout,
        tuple(case for case in cases if case.patient),
        endpoints,
        sheet.root,
        features,
        tuple(dict.fromkeys(work.notes)),
        sheet.simulated,
    )
    return cohort, tuple(dict.fromkeys(work.faults))


def _named(row: SheetRow, number: int) -> SheetRow:
    """The row with its patient in the place that messages name."""
    patient = row.cells.get("patient", "").strip()
    where = row.where or f"row {number}"
    point = row.cells.get("time_point", "").strip()
    told = " ".join(part for part in (patient, point) if part)
    return SheetRow(f"{where} ({told})" if told else where, row.cells)


def _check_columns(work: _Work) -> None:
    columns = work.sheet.columns
    used = set()
    for definition in work.sheet.definitions.values():
        used |= {definition.value_column, definition.time_column}
        for column in (definition.value_column, definition.time_column):
            needed = column == definition.value_column or definition.kind == SURVIVAL
            if columns and needed and column not in columns:
                what = f"The endpoint {definition.name} is read from a column that is not there."
                work.fault(work.sheet.name, what, f"Columns are {', '.join(columns)}.", column=column)
    if columns and "patient" not in columns:
        hint = f"Name the column of the patients 'patient'; there are {', '.join(columns[:20])}."
        work.fault(work.sheet.name, "The table has no column 'patient'.", hint)
    unused = []
    for column in columns:
        if column in KNOWN or column in used or column.startswith(PREFIXES):
            continue
        near = difflib.get_close_matches(column.lower(), [*KNOWN, *PREFIXES], n=1, cutoff=0.8)
        if near:
            work.fault(
                work.sheet.name,
                "The table has an unknown column.",
                f"Did you mean {near[0]}?",
                column=column,
            )
        else:
            unused.append(column)
    if unused:
        listed = ", ".join(unused[:12]) + (f" and {len(unused) - 12} more" if len(unused) > 12 else "")
        work.fault(work.sheet.name, f"Columns that are not used: {listed}.", kind=WARNING)


def _definitions(sheet: Sheet) -> list[Definition]:
    """Those that were stated, then those that columns name."""
    found = dict(sheet.definitions)
    stated = {d.value_column for d in found.values()} | {d.time_column for d in found.values()}
    for column in sheet.columns:
        prefix, colon, name = column.partition(":")
        if not colon or column in stated:
            continue
        if prefix == "endpoint" and name not in found:
            found[name] = Definition(name)
        elif prefix in ("event", "time"):
            match = _UNIT.match(name) if prefix == "time" else None
            bare, unit = (match["name"], match["unit"].lower()) if match else (name, "days")
            known = found.get(bare, Definition(bare, SURVIVAL))
            if known.kind == SURVIVAL and prefix == "time":
                known = replace(known, time=column, unit=unit)
            found[bare] = known
    return list(found.values())


def _case(row: SheetRow, work: _Work) -> CohortCase:
    cells = {name: text.strip() for name, text in row.cells.items()}
    patient = "" if is_unknown(cells.get("patient", "")) else cells["patient"]
    if not patient and "patient" in cells:
        work.fault(row.where, "The patient is empty.", "Give every row a patient.", column="patient")
    point = cells.get("time_point", "")
    folder = _folder(row.where, _cell(cells, "folder", work), work)
    images = {
        role: files
        for role in IMAGE_ROLES
        if (text := _cell(cells, role, work)) and (files := _files(row.where, role, text, work))
    }
    split = cells.get("split", "").lower()
    split = "" if is_unknown(split) else _SPLIT_WORDS.get(split, split)
    if split not in SPLITS:
        work.fault(row.where, f"{split!r} is neither train nor test.", column="split")
        split = ""
    acquired = None
    if not is_unknown(date := cells.get("date", "")):
        acquired = day_of(date)
        if acquired is None:
            hint = "Write dates as YYYY-MM-DD, or days as a number."
            work.fault(row.where, f"{date!r} is no date.", hint, column="date")
    return CohortCase(
        name=patient,
        patient=patient,
        images=images,
        masks=_masks(row.where, cells, work),
        folder=folder,
        box=_box(row.where, cells.get("box", ""), work),
        phase_times=_times(row.where, cells.get("dce_times", ""), images, work),
        clinical=_clinical(row.where, cells, work),
        site=_known(cells, "site"),
        scanner=_known(cells, "scanner"),
        time_point="" if is_unknown(point) else point,
        split=split,
        acquired=acquired,
        subgroups={
            name.partition(":")[2]: text
            for name, text in cells.items()
            if name.startswith("subgroup:") and not is_unknown(text)
        },
        where=row.where,
    )


def _known(cells: Mapping[str, str], name: str) -> str:
    text = cells.get(name, "")
    return "" if is_unknown(text) else text


def _cell(cells: Mapping[str, str], column: str, work: _Work) -> str:
    """The cell, or the pattern that holds where it is empty, with the patient filled in."""
    own = _known(cells, column)
    text = own or work.sheet.patterns.get(column, "")
    if not text:
        return ""
    for name in ("patient", "time_point"):
        value = cells.get(name, "")
        text = text.replace(f"{{{name}}}", value if own else glob.escape(value))
    return text


def _found(where: str, column: str, text: str, work: _Work) -> list[Path]:
    """Files and folders that a cell names, sorted; a fault if there are none."""
    found: list[Path] = []
    for part in (part.strip() for part in text.split(";")):
        if not part:
            continue
        given = Path(part)
        path = given if given.is_absolute() else work.sheet.root / given
        if path.exists():
            found.append(path)
            continue
        if re.search(r"[*?\[]", part):
            base = "" if given.is_absolute() else str(work.sheet.root)
            pattern = part if given.is_absolute() else str(Path(glob.escape(base)) / part)
            fitting = sorted(Path(p) for p in glob.glob(pattern, recursive=True))
            if fitting:
                found.extend(_without_sidecars(fitting))
                continue
            work.fault(where, f"No file fits {part}.", "Check the pattern.", column=column)
        else:
            work.fault(where, f"There is no file {part}.", "Check its name.", column=column)
    return found


def _without_sidecars(paths: Sequence[Path]) -> list[Path]:
    """Images and folders where there are some; what else fits stays only if nothing else does."""
    images = [path for path in paths if path.is_dir() or is_image_file(path)]
    return images or list(paths)


def _files(where: str, role: str, text: str, work: _Work) -> tuple[Path, ...]:
    found = _found(where, role, text, work)
    if len(found) > 1 and role != "dce":
        listed = ", ".join(path.name for path in found[:6])
        work.fault(where, f"{len(found)} files fit: {listed}.", "Make the pattern narrower.", column=role)
        return ()
    return tuple(found)


def _folder(where: str, text: str, work: _Work) -> Path | None:
    if not text:
        return None
    found = _found(where, "folder", text, work)
    folders = [path for path in found if path.is_dir() or path.suffix.lower() == ".zip"]
    if len(folders) == 1:
        return folders[0]
    if len(folders) > 1:
        what = f"{len(folders)} folders fit {text}."
        work.fault(where, what, "Make the pattern narrower.", column="folder")
    elif found:
        work.fault(where, f"{found[0].name} is not a folder.", column="folder")
    return None


def _masks(where: str, cells: Mapping[str, str], work: _Work) -> dict[str, MaskFile]:
    masks: dict[str, MaskFile] = {}
    labels = numbers_of(cells.get("mask_labels", "") or work.sheet.patterns.get("mask_labels", ""))
    if labels is None or any(value < 1 or not value.is_integer() for value in labels):
        work.fault(where, "Labels of a mask are whole numbers from 1.", column="mask_labels")
        labels = ()
    names = ["mask", *(n for n in {**cells, **work.sheet.patterns} if n.startswith("mask:"))]
    for column in names:
        text = _cell(cells, column, work)
        own: tuple[float, ...] = labels if column == "mask" else ()
        if match := re.search(r"#([\d;, ]+)$", text):
            text, own = text[: match.start()], numbers_of(match[1]) or ()
        if not text:
            continue
        found = _found(where, column, text, work)
        if len(found) > 1:
            listed = ", ".join(path.name for path in found[:6])
            work.fault(where, f"{len(found)} files fit: {listed}.", "Make it narrower.", column=column)
        elif found:
            region = column.partition(":")[2] or OUTLINE
            masks[region] = MaskFile(found[0], tuple(int(value) for value in own))
    return masks


def _box(where: str, text: str, work: _Work) -> Box | None:
    if is_unknown(text):
        return None
    parts = re.fullmatch(r"\s*(\d+):(\d+)\s*[,;]\s*(\d+):(\d+)\s*[,;]\s*(\d+):(\d+)\s*", text)
    values = [int(value) for value in parts.groups()] if parts else []
    pairs = list(zip(values[::2], values[1::2], strict=True))
    if not pairs or any(not 1 <= first <= last for first, last in pairs):
        hint = "Write rows, columns and slices as 20:60, 31:80, 5:22, counted from 1."
        work.fault(where, f"{text!r} is no box.", hint, column="box")
        return None
    return Box(*pairs)


def _times(where: str, text: str, images: Mapping[str, tuple[Path, ...]], work: _Work) -> tuple[float, ...]:
    if is_unknown(text):
        return ()
    values = numbers_of(text)
    files = len(images.get("dce", ()))
    if values is None or list(values) != sorted(set(values)):
        hint = "Write ascending seconds between ';'."
        work.fault(where, f"{text!r} are no times of phases.", hint, column="dce_times")
        return ()
    if files > 1 and len(values) != files:
        work.fault(where, f"There are {len(values)} times for {files} phases.", column="dce_times")
        return ()
    return values


def _clinical(where: str, cells: Mapping[str, str], work: _Work) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in CLINICAL:
        if is_unknown(cells.get(name, "")):
            continue
        try:
            values |= check_clinical({name: _whole(cells[name])})
        except ClinicalValueError as error:
            work.fault(where, error.message, error.hint, column=name)
    return values


def _whole(text: str) -> str:
    """A whole number without the decimals that tables of floats give it."""
    return re.sub(r"^(\d+)\.0+$", r"\1", text)


def _unique_names(cases: Iterable[CohortCase], work: _Work) -> list[CohortCase]:
    """Names by patient, with the time point where a patient has several; the same twice is a fault."""
    cases = list(cases)
    counts = Counter(case.patient for case in cases)
    several = {patient for patient, count in counts.items() if count > 1 and patient}
    named: dict[str, CohortCase] = {}
    result = []
    for case in cases:
        name = f"{case.patient} {case.time_point}".strip() if case.patient in several else case.patient
        if case.patient and name in named:
            what = f"{name} is there twice, first in {named[name].where}."
            hint = "Tell examinations of one patient apart by time_point."
            work.fault(case.where, what, hint, column="patient")
        case = replace(case, name=name)
        named.setdefault(name, case)
        result.append(case)
    return result


def _days(cases: Sequence[CohortCase]) -> list[CohortCase]:
    """Dates as days since the first one; nothing else of them is kept."""
    known = [case.acquired for case in cases if case.acquired is not None]
    first = min(known, default=0.0)
    return [c if c.acquired is None else replace(c, acquired=c.acquired - first) for c in cases]
