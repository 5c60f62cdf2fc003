"""UPENN-GBM (TCIA, NIfTI files): structural images in folders, outlines beside them, one clinical table.

``images_structural/UPENN-GBM-00001_11/UPENN-GBM-00001_11_T1GD.nii.gz`` (T1, T1GD, T2, FLAIR), outlines in
``images_segm/…_segm.nii.gz`` (corrected by hand) or ``automated_segm/…_automated_approx_segm.nii.gz``; labels
1, 2, 4 as in BraTS. ``_11`` is the examination before surgery, ``_21`` a later one.
``UPENN-GBM_clinical_info_v2.1.csv`` has one row an examination.
"""

from __future__ import annotations

from pathlib import Path

from ...training.dataset import BINARY, SURVIVAL
from ..endpoints import Definition
from ..model import Fault
from ..sheet import Sheet, SheetRow
from ..values import is_unknown
from . import shared

_CASE = r"UPENN-GBM-\d+_\d+"
_IMAGES = {"t1": "T1", "t1c": "T1GD", "t2": "T2", "flair": "FLAIR"}
_POINTS = {"11": "before surgery", "21": "follow-up"}
_TIME = ("Survival_from_surgery_days_UPDATED", "Survival_from_surgery_days")
_DEFINITIONS = (
    Definition("IDH", BINARY, "IDH1", classes=("IDH-wildtype", "IDH-mutant"),
               values={"wildtype": 0, "mutated": 1, "nos/nec": -1, "nos": -1, "nec": -1}),
    Definition("MGMT", BINARY, "MGMT", classes=("MGMT unmethylated", "MGMT methylated"),
               values={"unmethylated": 0, "methylated": 1, "indeterminate": -1}),
    Definition("OS", SURVIVAL, "event:OS", "time:OS (days)", "days"),
)  # fmt: skip


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    found = _structural(path) if path.is_dir() else None
    return f"The folder holds {found.name} with UPENN-GBM cases." if found else ""


def read(path: Path) -> Sheet:
    """Read all examinations."""
    faults: list[Fault] = []
    structural = _structural(path)
    cells_by_case = {}
    automatic = 0
    for folder in shared.folders(structural, _CASE, 1) if structural else ():
        mask, by_hand = _outline(structural.parent, folder.name)
        automatic += mask is not None and not by_hand
        patient, point = folder.name.rsplit("_", 1)
        cells_by_case[folder.name] = {
            "patient": patient,
            "time_point": _POINTS.get(point, point),
            **{
                role: shared.relative(shared.first_file(folder, f"{folder.name}_{name}.nii.gz"), path)
                for role, name in _IMAGES.items()
            },
            "mask": shared.relative(mask, path),
            "mask_labels": "1;4",
            "mask:oedema": f"{shared.relative(mask, path)}#2" if mask else "",
            "subgroup:outline": "" if mask is None else "by hand" if by_hand else "automatic",
        }
    notes = [f"UPENN-GBM: {len(cells_by_case)} examinations, {automatic} with an automatic outline."]
    tables = shared.find_tables(path, r"UPENN-GBM_clinical_info.*\.csv$")
    tables = tables or shared.find_tables(path.parent, r"UPENN-GBM_clinical_info.*\.csv$")
    if tables:
        _, rows = shared.rows_by(tables[0], "ID", faults)
        shared.without_row(cells_by_case, rows, tables[0], faults)
        for name in set(cells_by_case) & set(rows):
            cells_by_case[name] |= _clinical(rows[name])
        notes.append(f"Endpoints from {tables[0].name}.")
    rows = tuple(SheetRow(name, cells) for name, cells in cells_by_case.items())
    definitions = {d.name: d for d in _DEFINITIONS} if tables else {}
    return Sheet(path.name, "upenn", path, rows, definitions, {}, tuple(faults), tuple(notes))


def _clinical(row: dict[str, str]) -> dict[str, str]:
    status = row.get("Survival_Status", "").strip().lower()
    days = next((row[name] for name in _TIME if not is_unknown(row.get(name, ""))), "")
    event = "1" if status.startswith("deceased") else "0" if status.startswith("alive") else ""
    known = bool(event and days)
    return {
        "age": row.get("Age_at_scan_years", "").lstrip(">< "),
        "sex": row.get("Gender", ""),
        "IDH1": row.get("IDH1", ""),
        "MGMT": row.get("MGMT", ""),
        "event:OS": event if known else "",
        "time:OS (days)": days if known else "",
        "subgroup:gross total resection": row.get("GTR_over90percent", ""),
    }


def _structural(path: Path) -> Path | None:
    for folder in shared.folders(path, "images_structural", 4):
        if shared.folders(folder, _CASE, 1):
            return folder
    return None


def _outline(base: Path, name: str) -> tuple[Path | None, bool]:
    by_hand = shared.first_file(base / "images_segm", f"{name}_segm.nii.gz")
    if by_hand is not None:
        return by_hand, True
    return shared.first_file(base / "automated_segm", f"{name}_automated_approx_segm.nii.gz"), False
