"""MAMA-MIA (Synapse syn60868042): breast DCE-MRI of four collections with outlines by experts.

``images/DUKE_001/duke_001_0000.nii.gz`` (0000 before the contrast agent, then the phases),
``segmentations/expert/duke_001.nii.gz``, ``clinical_and_imaging_info.xlsx`` (one row a patient) and
``train_test_splits.csv`` with the columns train_split and test_split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ...errors import VirtualBiopsyError
from ...training.dataset import BINARY, MULTICLASS, SURVIVAL
from ..endpoints import Definition
from ..model import WARNING, Fault
from ..sheet import Sheet, SheetRow
from ..tables import read_text_table
from ..values import is_unknown, number_of, numbers_of
from . import shared

_INFO = "clinical_and_imaging_info.xlsx"
_SPLITS = "train_test_splits.csv"
_GRADES = {"low": "1", "intermediate": "2", "high": "3"}
_FLAGS = {"er_positive": "er", "pr_positive": "pr"}
_SUBTYPES = ("luminal", "luminal_a", "luminal_b", "her2_enriched", "her2_pure", "triple_negative")
_BINARY = {
    "pCR": ("pcr", "no pathological complete response", "pathological complete response"),
    "HER2": ("her2", "HER2-negative", "HER2-positive"),
    "ER": ("er", "ER-negative", "ER-positive"),
    "PR": ("pr", "PR-negative", "PR-positive"),
    "HR": ("hr", "HR-negative", "HR-positive"),
}


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    base = _base(path)
    return f"The folder holds images and segmentations/{_outlines(base).name} of MAMA-MIA." if base else ""


def read(path: Path) -> Sheet:
    """Read all patients."""
    faults: list[Fault] = []
    base = _base(path) or path
    outlines = _outlines(base)
    cells_by_patient = {}
    for folder in sorted(f for f in (base / "images").iterdir() if f.is_dir() and f.name[0] != "."):
        name = folder.name.lower()
        phases = sorted(
            p
            for p in folder.iterdir()
            if re.fullmatch(rf"{re.escape(name)}_\d{{4}}\.nii(\.gz)?", p.name.lower())
        )
        mask = shared.first_file(
            outlines, *(f"{n}{s}" for n in (name, folder.name) for s in (".nii.gz", ".nii"))
        )
        cells_by_patient[folder.name.upper()] = {
            "patient": folder.name.upper(),
            "dce": ";".join(shared.relative(p, path) for p in phases),
            "mask": shared.relative(mask, path),
            "subgroup:collection": name.split("_")[0],
        }
        _phase_times(base, name, len(phases), cells_by_patient[folder.name.upper()])
    notes = [f"MAMA-MIA: {len(cells_by_patient)} patients, outlines from segmentations/{outlines.name}."]
    definitions = {}
    if (base / _INFO).is_file():
        definitions = _clinical(base / _INFO, cells_by_patient, faults)
        notes.append(f"Endpoints from {_INFO}.")
    if (base / _SPLITS).is_file():
        _split(base / _SPLITS, cells_by_patient, faults)
    rows = tuple(SheetRow(name, cells) for name, cells in cells_by_patient.items())
    return Sheet(path.name, "mamamia", path, rows, definitions, {}, tuple(faults), tuple(notes))


def _base(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    for folder in (path, *sorted(p for p in path.iterdir() if p.is_dir())):
        if (folder / "images").is_dir() and (_outlines(folder).is_dir() or (folder / _INFO).is_file()):
            return folder
    return None


def _outlines(base: Path) -> Path:
    expert = base / "segmentations" / "expert"
    return expert if expert.is_dir() else base / "segmentations" / "automatic"


def _phase_times(base: Path, name: str, count: int, cells: dict[str, str]) -> None:
    """Times of the phases from the patient's own file, where it has one with as many times as phases."""
    path = base / "patient_info_files" / f"{name}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        text = str(content["imaging_data"]["acquisition_times"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    _put_times(text, count, cells)


def _put_times(text: str, count: int, cells: dict[str, str]) -> None:
    values = numbers_of(text)
    if values and len(values) == count and list(values) == sorted(set(values)):
        cells["dce_times"] = ";".join(f"{value - values[0]:g}" for value in values)


def _clinical(path: Path, patients: dict[str, dict[str, str]], faults: list[Fault]) -> dict[str, Definition]:
    found: list[Fault] = []
    table, rows = shared.rows_by(path, "patient_id", found, sheet="dataset_info", key=str.upper)
    if table is None:
        table, rows = shared.rows_by(path, "patient_id", faults, key=str.upper)
    else:
        faults.extend(found)
    if table is None:
        return {}
    shared.without_row(patients, rows, path, faults)
    for name in set(patients) & set(rows):
        row, cells = rows[name], patients[name]
        grade = row.get("nottingham_grade", "").lower()
        menopause = row.get("menopause", "").lower()
        cells |= {
            "age": row.get("age", ""),
            "menopausal_status": menopause if re.match(r"(pre|peri|post)", menopause) else "",
            "histological_grade": _GRADES.get(grade, grade),
            **{ours: row.get(theirs, "") for ours, theirs in _FLAGS.items()},
            **{column: row.get(column, "") for column, _, _ in _BINARY.values()},
            "tumor_subtype": row.get("tumor_subtype", "").lower().replace(" ", "_"),
            "site": row.get("site", ""),
            "scanner": " ".join(
                t for t in (row.get("manufacturer", ""), row.get("scanner_model", "")) if not is_unknown(t)
            ),
            "subgroup:field strength": row.get("field_strength", ""),
            **_recurrence(row),
        }
        if "dce_times" not in cells:
            _put_times(row.get("acquisition_times", ""), cells["dce"].count(";") + 1, cells)
    definitions = {
        name: Definition(name, BINARY, column, classes=(negative, positive))
        for name, (column, negative, positive) in _BINARY.items()
        if column in table.columns
    }
    if "tumor_subtype" in table.columns:
        there = [s for s in _SUBTYPES if any(c.get("tumor_subtype") == s for c in patients.values())]
        definitions["subtype"] = Definition("subtype", MULTICLASS, "tumor_subtype", classes=tuple(there))
    if "days_to_follow_up" in table.columns:
        definitions["RFS"] = Definition("RFS", SURVIVAL, "event:RFS", "time:RFS (days)", "days")
    return definitions


def _recurrence(row: Mapping[str, str]) -> dict[str, str]:
    """Recurrence-free survival: the first of recurrence, metastasis and death, else the last follow-up."""
    columns = ("days_to_recurrence", "days_to_metastasis", "days_to_death")
    events = [v for name in columns if (v := number_of(row.get(name, ""))) is not None]
    follow = number_of(row.get("days_to_follow_up", ""))
    if events:
        return {"event:RFS": "1", "time:RFS (days)": f"{min(events):g}"}
    if follow is not None:
        return {"event:RFS": "0", "time:RFS (days)": f"{follow:g}"}
    return {"event:RFS": "", "time:RFS (days)": ""}


def _split(path: Path, patients: dict[str, dict[str, str]], faults: list[Fault]) -> None:
    try:
        table = read_text_table(path)
    except VirtualBiopsyError as error:
        faults.append(Fault(path.name, error.message, error.hint))
        return
    unknown = []
    for _, row in table.rows:
        for side in ("train", "test"):
            name = row.get(f"{side}_split", "").upper()
            if name in patients:
                patients[name]["split"] = side
            elif name:
                unknown.append(name)
    if unknown:
        what = f"{path.name} names {len(unknown)} patients without images: {shared.shown(unknown)}."
        faults.append(Fault("", what, "They are left out.", WARNING))
