"""Duke-Breast-Cancer-MRI (TCIA): DICOM folders, boxes around the cancers, one clinical workbook.

``Breast_MRI_001/<study>/<series>/1-001.dcm`` with a series before the contrast agent and three or four after
it, ``Clinical_and_Other_Features.xlsx`` (names of the columns in its second row, their meaning in the third)
and ``Annotation_Boxes.xlsx``. The collection has boxes and no outlines; where a folder ``segmentations`` (as
of MAMA-MIA) or the patient's own folder has an outline, it is used and the box is kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...training.dataset import BINARY, MULTICLASS, SURVIVAL
from ..endpoints import Definition
from ..model import Fault
from ..sheet import Sheet, SheetRow
from ..values import number_of
from . import shared
from .outlines import find_outline

_CASE = r"Breast_MRI_\d+"
_DYNAMIC = r"(dyn|dce|vibrant|vibe|thrive|pass|ph\d)"
_STATIC = r"(?<!dyn )\bt1\b|segmentation|^seg\b"
_YEAR = 365.25
_MAKERS = {"0": "GE MEDICAL SYSTEMS", "1": "MPTronic software", "2": "SIEMENS"}
_MODELS = ("Avanto", "Optima MR450w", "SIGNA EXCITE", "SIGNA HDx", "Signa HDxt", "Skyra", "Trio", "TrioTim")
_LOCAL, _DISTANT = "Days to local recurrence", "Days to distant recurrence"
_FREE = ("Days to last local recurrence free", "Days to last distant recurrence free")
_DEFINITIONS = (
    Definition("HER2", BINARY, "HER2", classes=("HER2-negative", "HER2-positive"),
               values={"0": 0, "1": 1, "2": -1}),
    Definition("ER", BINARY, "ER", classes=("ER-negative", "ER-positive")),
    Definition("PR", BINARY, "PR", classes=("PR-negative", "PR-positive")),
    Definition("subtype", MULTICLASS, "Mol Subtype",
               classes=("luminal-like", "ER/PR-positive, HER2-positive", "HER2", "triple-negative")),
    Definition("pCR", BINARY, "pCR", values={"1": 1, "2": 0, "3": 0, "4": 0, "5": -1},
               classes=("no pathological complete response", "pathological complete response")),
    Definition("RFS", SURVIVAL, "event:RFS", "time:RFS (days)", "days"),
)  # fmt: skip


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    found = shared.folders(path, _CASE, 3) if path.is_dir() else []
    return f"The folder holds {found[0].name}." if found else ""


def read(path: Path) -> Sheet:
    """Read all patients."""
    faults: list[Fault] = []
    patients: dict[str, dict[str, str]] = {}
    outlined = 0
    for folder in shared.folders(path, _CASE, 4):
        name = f"Breast_MRI_{int(folder.name.split('_')[-1]):03d}"
        series = _dynamic_series(folder)
        cells = {"patient": name}
        if series:
            cells["dce"] = ";".join(shared.relative(found, path) for found in series)
        else:
            cells["folder"] = shared.relative(folder, path)
        number = name.split("_")[-1]
        mask = find_outline(path, name, f"duke_{number}")
        if mask is not None:
            cells["mask"] = shared.relative(mask, path)
            outlined += 1
        patients[name] = cells
    notes = [f"Duke-Breast-Cancer-MRI: {len(patients)} patients, {outlined} with an outline."]
    _boxes(path, patients, faults)
    definitions = _clinical(path, patients, faults, notes)
    rows = tuple(SheetRow(name, cells) for name, cells in patients.items())
    return Sheet(path.name, "duke", path, rows, definitions, {}, tuple(faults), tuple(notes))


def _dynamic_series(folder: Path) -> list[Path]:
    """Folders of the dynamic series; [] if the names do not tell."""
    series = [f for study in sorted(folder.iterdir()) if study.is_dir() for f in sorted(study.iterdir())]
    named = []
    for found in series:
        words = re.sub(r"[-_.]+", " ", found.name).lower()
        if found.is_dir() and re.search(_DYNAMIC, words) and not re.search(_STATIC, words):
            named.append(found)
    return sorted(named, key=_number) if len(named) > 1 else []


def _number(folder: Path) -> tuple[float, str]:
    match = re.match(r"\d+(\.\d+)?", folder.name)
    return (float(match[0]) if match else 0.0, folder.name)


def _table(path: Path, pattern: str) -> Path | None:
    found = shared.find_tables(path, pattern) or shared.find_tables(path.parent, pattern)
    return found[0] if found else None


def _boxes(path: Path, patients: dict[str, dict[str, str]], faults: list[Fault]) -> None:
    file = _table(path, r"Annotation_Boxes.*")
    if file is None:
        return
    _, rows = shared.rows_by(file, "Patient ID", faults)
    for name in set(patients) & set(rows):
        row = rows[name]
        ends = [
            f"{row.get(f'Start {what}', '')}:{row.get(f'End {what}', '')}"
            for what in ("Row", "Column", "Slice")
        ]
        patients[name]["box"] = ", ".join(ends)


def _clinical(
    path: Path, patients: dict[str, dict[str, str]], faults: list[Fault], notes: list[str]
) -> dict[str, Definition]:
    file = _table(path, r"Clinical_and_Other_Features.*")
    if file is None:
        return {}
    table, rows = shared.rows_by(file, "Patient ID", faults, header=1)
    rows = {name: row for name, row in rows.items() if re.fullmatch(_CASE, name)}
    shared.without_row(patients, rows, file, faults)
    for name in set(patients) & set(rows):
        patients[name] |= _cells(rows[name])
    notes.append(
        f"Endpoints from {file.name}; borderline HER2 is unknown. Recurrence-free survival from the "
        "diagnosis: first of local and distant recurrence, else the earlier of the last assessments."
    )
    return {d.name: d for d in _DEFINITIONS} if table is not None and rows else {}


def _cells(row: Mapping[str, str]) -> dict[str, str]:
    birth, later = number_of(row.get("Date of Birth (Days)", "")), _starting(row, "Days to MRI")
    age = None if birth is None else (-birth + (later or 0.0)) / _YEAR
    model = number_of(row.get("Manufacturer Model Name", ""))
    named = model is not None and model.is_integer() and 0 <= model < len(_MODELS)
    scanner = (_MAKERS.get(row.get("Manufacturer", ""), ""), _MODELS[int(model)] if named else "")
    menopause = {"0": "pre", "1": "post"}.get(row.get("Menopause (at diagnosis)", ""), "")
    grade = row.get("Nottingham grade", "")
    return {
        "age": "" if age is None else f"{age:.1f}",
        "menopausal_status": menopause,
        "histological_grade": grade if grade in ("1", "2", "3") else "",
        "er_positive": row.get("ER", ""),
        "pr_positive": row.get("PR", ""),
        "scanner": " ".join(part for part in scanner if part),
        **{column: row.get(column, "") for column in ("ER", "PR", "HER2", "Mol Subtype")},
        "pCR": row.get("Pathologic Response to Neoadjuvant Therapy", ""),
        **_recurrence(row),
    }


def _starting(row: Mapping[str, str], start: str) -> float | None:
    return next((number_of(text) for name, text in row.items() if name.startswith(start)), None)


def _recurrence(row: Mapping[str, str]) -> dict[str, str]:
    event = row.get("Recurrence event(s)", "")
    if event == "1":
        times = [_starting(row, _LOCAL), _starting(row, _DISTANT)]
    elif event == "0":
        times = [_starting(row, start) for start in _FREE]
    else:
        times = []
    known = [time for time in times if time is not None and time >= 0]
    if not known:
        return {"event:RFS": "", "time:RFS (days)": ""}
    return {"event:RFS": event, "time:RFS (days)": f"{min(known):g}"}
