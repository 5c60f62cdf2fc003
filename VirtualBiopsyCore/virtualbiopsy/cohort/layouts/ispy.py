"""I-SPY 1 and I-SPY 2 (TCIA): one folder a patient, in it one DICOM study an examination.

I-SPY 1: ``ISPY1_1001/<date>-…/<series>/``, workbook ``I-SPY 1 All Patient Clinical and Outcome Data.xlsx``
with the sheets "TCIA Patient Clinical Subset" and "TCIA Outcomes Subset". The examinations are numbered
in the order of their folders (which begin with the date of de-identification), MRI1 before treatment.

I-SPY 2: ``ISPY2-100899/<date>-…ISPY2MRIT0…/<series>/`` and ``ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx``; T0
is the examination before treatment.

The segmentation objects of both collections are volumes of interest and of function, not outlines of the
cancer: outlines are taken from a folder ``segmentations``, ``STV`` or ``masks`` (as of
ISPY1-Tumor-SEG-Radiomics or MAMA-MIA) and belong to the first examination.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ...training.dataset import BINARY, SURVIVAL
from ..endpoints import Definition
from ..model import Fault
from ..sheet import Sheet, SheetRow
from ..values import is_unknown
from . import shared
from .outlines import find_outline

_CASE_1, _CASE_2 = r"ISPY1[_-]\d+", r"ISPY2-\d+|ACRIN-6698-\d+"
_CLINICAL, _OUTCOMES = "TCIA Patient Clinical Subset", "TCIA Outcomes Subset"
_TABLE_1, _TABLE_2 = r"I-?SPY.?1.*Clinical.*\.xlsx$", r"ISPY2-Imaging-Cohort.*\.(xlsx|csv)$"
_PCR = ("no pathological complete response", "pathological complete response")
_DATE = re.compile(r"^(\d{2})-(\d{2})-(\d{4})")
_DEFINITIONS_1 = (
    Definition("pCR", BINARY, "PCR", classes=_PCR),
    Definition("HER2", BINARY, "Her2MostPos", classes=("HER2-negative", "HER2-positive")),
    Definition(
        "ER", BINARY, "ERpos", values={"0": 0, "1": 1, "2": -1}, classes=("ER-negative", "ER-positive")
    ),
    Definition(
        "PR", BINARY, "PgRpos", values={"0": 0, "1": 1, "2": -1}, classes=("PR-negative", "PR-positive")
    ),
    Definition("RFS", SURVIVAL, "rfs_ind", "RFS", "days"),
)
_DEFINITIONS_2 = (
    Definition("pCR", BINARY, "pCR", classes=_PCR),
    Definition("HER2", BINARY, "HER2", classes=("HER2-negative", "HER2-positive")),
    Definition("HR", BINARY, "HR", classes=("HR-negative", "HR-positive")),
)


def recognise_1(path: Path) -> str:
    """What speaks for I-SPY 1, "" if nothing does."""
    return _recognise(path, _CASE_1)


def recognise_2(path: Path) -> str:
    """What speaks for I-SPY 2, "" if nothing does."""
    return _recognise(path, _CASE_2)


def _recognise(path: Path, pattern: str) -> str:
    found = shared.folders(path, pattern, 3) if path.is_dir() else []
    return f"The folder holds {found[0].name}." if found else ""


def read_1(path: Path) -> Sheet:
    """Read all examinations of I-SPY 1."""
    faults: list[Fault] = []
    examinations = _examinations(path, _CASE_1, _in_order, "MRI1")
    notes = [_told("I-SPY 1", examinations)]
    file = _table(path, _TABLE_1)
    definitions: dict[str, Definition] = {}
    if file is not None:
        _, clinical = shared.rows_by(file, "SUBJECTID", faults, sheet=_CLINICAL)
        _, outcomes = shared.rows_by(file, "SUBJECTID", faults, sheet=_OUTCOMES)
        rows = {name: {**row, **outcomes.get(name, {})} for name, row in clinical.items()}
        _join(examinations, rows, lambda patient: patient[6:], _clinical_1, file, faults)
        definitions = {d.name: d for d in _DEFINITIONS_1} if rows else {}
        notes.append(f"Endpoints from {file.name}; recurrence-free survival in days.")
    return _sheet(path, "ispy1", examinations, definitions, faults, notes)


def read_2(path: Path) -> Sheet:
    """Read all examinations of I-SPY 2."""
    faults: list[Fault] = []
    examinations = _examinations(path, _CASE_2, _by_name, "T0")
    notes = [_told("I-SPY 2", examinations)]
    file = _table(path, _TABLE_2)
    definitions: dict[str, Definition] = {}
    if file is not None:
        table, rows = shared.rows_by(file, "Patient_ID", faults)
        _join(examinations, rows, lambda patient: patient.split("-")[-1], _clinical_2, file, faults)
        columns = table.columns if table is not None else ()
        definitions = {d.name: d for d in _DEFINITIONS_2 if d.value_column in columns}
        notes.append(f"Endpoints from {file.name}.")
    return _sheet(path, "ispy2", examinations, definitions, faults, notes)


def _sheet(
    path: Path,
    layout: str,
    examinations: list[dict[str, str]],
    definitions: Mapping[str, Definition],
    faults: list[Fault],
    notes: list[str],
) -> Sheet:
    rows = tuple(SheetRow(cells["folder"] or cells["patient"], cells) for cells in examinations)
    return Sheet(path.name, layout, path, rows, definitions, {}, tuple(faults), tuple(notes))


def _told(name: str, examinations: list[dict[str, str]]) -> str:
    patients = len({cells["patient"] for cells in examinations})
    outlined = sum("mask" in cells for cells in examinations)
    return f"{name}: {patients} patients, {len(examinations)} examinations, {outlined} with an outline."


def _table(path: Path, pattern: str) -> Path | None:
    found = shared.find_tables(path, pattern) or shared.find_tables(path.parent, pattern)
    return found[0] if found else None


def _examinations(
    root: Path, pattern: str, points: Callable[[list[Path]], dict[Path, str]], first: str
) -> list[dict[str, str]]:
    """Cells of every study, in the order of patients and time points."""
    found: list[dict[str, str]] = []
    for folder in shared.folders(root, pattern, 4):
        studies = [f for f in sorted(folder.iterdir()) if f.is_dir() and not f.name.startswith(".")]
        patient = folder.name.upper()
        mask = find_outline(root, folder.name)
        for study, point in sorted(points(studies).items(), key=lambda item: item[1]):
            cells = {"patient": patient, "time_point": point, "folder": shared.relative(study, root)}
            if mask is not None and point == first:
                cells["mask"] = shared.relative(mask, root)
            found.append(cells)
    return found


def _in_order(studies: list[Path]) -> dict[Path, str]:
    def day(study: Path) -> tuple[str, str]:
        match = _DATE.match(study.name)
        return ("".join(match.group(3, 1, 2)) if match else "", study.name)

    return {study: f"MRI{n}" for n, study in enumerate(sorted(studies, key=day), start=1)}


def _by_name(studies: list[Path]) -> dict[Path, str]:
    """T0 … T3 from the names of the studies, else their order."""
    named = {
        study: re.search(r"MRI[_ -]?T([0-3])(?!\d)|(?<![A-Z0-9])T([0-3])(?!\d)", study.name)
        for study in studies
    }
    if all(named.values()):
        return {study: f"T{match[1] or match[2]}" for study, match in named.items()}
    return {study: point.replace("MRI", "study ") for study, point in _in_order(studies).items()}


def _join(
    examinations: list[dict[str, str]],
    rows: Mapping[str, Mapping[str, str]],
    number: Callable[[str], str],
    cells_of: Callable[[Mapping[str, str]], dict[str, str]],
    file: Path,
    faults: list[Fault],
) -> None:
    shared.without_row(dict.fromkeys(number(c["patient"]) for c in examinations), rows, file, faults)
    for cells in examinations:
        row = rows.get(number(cells["patient"]))
        if row is not None:
            cells |= cells_of(row)


def _clinical_1(row: Mapping[str, str]) -> dict[str, str]:
    columns = {name for d in _DEFINITIONS_1 for name in (d.value_column, d.time_column) if ":" not in name}
    flags = {"er_positive": row.get("ERpos", ""), "pr_positive": row.get("PgRpos", "")}
    return {
        "age": row.get("age", ""),
        **{name: text if text in ("0", "1") else "" for name, text in flags.items()},
        **{name: row.get(name, "") for name in columns},
        "subgroup:receptors": row.get("HR_HER2_STATUS", ""),
    }


def _clinical_2(row: Mapping[str, str]) -> dict[str, str]:
    arm = next((text for name, text in row.items() if name.lower().startswith("arm")), "")
    age = next((text for name, text in row.items() if name.lower().startswith("age")), "")
    menopause = next((text for name, text in row.items() if "menopaus" in name.lower()), "")
    match = re.match(r"(pre|peri|post)", menopause.lower())
    return {
        "age": "" if is_unknown(age) else age,
        "menopausal_status": match[1] if match else "",
        **{d.value_column: row.get(d.value_column, "") for d in _DEFINITIONS_2},
        "subgroup:arm": arm,
    }
