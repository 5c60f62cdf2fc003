"""BraTS challenges: one folder a case, sequences and labels by the end of the file name.

From 2023 on (GLI, MEN, MET, …): ``BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1c.nii.gz`` with t1n, t1c, t2w,
t2f, seg; labels 1 non-enhancing or necrotic core, 2 oedema (FLAIR hyperintensity), 3 enhancing tumour, 4
resection cavity (GLI 2024). The last three digits count the examinations of a patient.

Up to 2021: ``BraTS19_…_1/BraTS19_…_1_t1ce.nii.gz`` with t1, t1ce, t2, flair, seg; labels 1, 2, 4 (enhancing).

The outline "tumour" is the core (necrotic, non-enhancing and enhancing), "oedema" the label 2. Survival comes
from ``survival_info.csv`` or ``survival_data.csv``; challenges without such a table bring no endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...training.dataset import SURVIVAL
from ..endpoints import Definition
from ..model import Fault
from ..sheet import Sheet, SheetRow
from ..values import number_of
from . import shared

_FOLDER = r"BraTS(-[A-Z]+-|\d{2,4}_).*"
_NEW = re.compile(r"(?P<patient>BraTS-(?P<kind>[A-Z]+)-.+)-(?P<point>\d{3})", re.IGNORECASE)
_SUFFIXES = (".nii.gz", ".nii")
_ROLES = {
    "t1": ("-t1n", "_t1"),
    "t1c": ("-t1c", "_t1ce", "_t1c"),
    "t2": ("-t2w", "_t2"),
    "flair": ("-t2f", "_flair"),
}
_CORE = {True: "1;3", False: "1;4"}
_OEDEMA = "2"
_ID = re.compile(r"(brats.*id|subject|case|id)$", re.IGNORECASE)


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    if not path.is_dir():
        return ""
    found = next(_cases(path, 3), None)
    return f"The folder holds {found.name}." if found else ""


def read(path: Path) -> Sheet:
    """Read all cases below a folder."""
    faults: list[Fault] = []
    cells_by_case: dict[str, dict[str, str]] = {}
    for folder in _cases(path, shared.DEEP):
        cells_by_case[folder.name] = _cells(folder, path)
    kinds = sorted({cells["subgroup:challenge"] for cells in cells_by_case.values()})
    notes = [
        f"{len(cells_by_case)} cases of BraTS ({', '.join(kinds)}); the tumour is the core without oedema."
    ]
    definitions = _survival(path, cells_by_case, faults, notes)
    rows = tuple(SheetRow(name, cells) for name, cells in cells_by_case.items())
    return Sheet(path.name, "brats", path, rows, definitions, {}, tuple(faults), tuple(notes))


def _cases(path: Path, depth: int) -> Iterator[Path]:
    """Folders that are called like a case and hold one of its sequences."""
    if re.fullmatch(_FOLDER, path.name, re.IGNORECASE) and any(_image(path, role) for role in _ROLES):
        yield path
    elif depth > 0:
        for inner in sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))):
            yield from _cases(inner, depth - 1)


def _cells(folder: Path, root: Path) -> dict[str, str]:
    match = _NEW.fullmatch(folder.name)
    cells = {
        "patient": match["patient"] if match else folder.name,
        "time_point": match["point"] if match else "",
        "subgroup:challenge": match["kind"].upper() if match else re.split(r"[_-]", folder.name)[0],
    }
    for role in _ROLES:
        cells[role] = shared.relative(_image(folder, role), root)
    mask = _with_suffix(folder, "-seg", "_seg")
    if mask is not None:
        cells["mask"] = shared.relative(mask, root)
        cells["mask_labels"] = _CORE[match is not None]
        cells["mask:oedema"] = f"{cells['mask']}#{_OEDEMA}"
    return cells


def _image(folder: Path, role: str) -> Path | None:
    return _with_suffix(folder, *_ROLES[role])


def _with_suffix(folder: Path, *ends: str) -> Path | None:
    return shared.first_file(folder, *(f"{folder.name}{end}{s}" for end in ends for s in _SUFFIXES))


def _survival(
    root: Path, cases: dict[str, dict[str, str]], faults: list[Fault], notes: list[str]
) -> dict[str, Definition]:
    """Survival, age and extent of resection from the table of the challenge."""
    tables = shared.find_tables(root, r"survival.*\.csv$")
    if not tables:
        return {}
    table, _ = shared.rows_by(tables[0], "", [], key=str)
    column = next((name for name in table.columns if _ID.search(name)), "") if table else ""
    _, rows = shared.rows_by(tables[0], column, faults)
    shared.without_row(cases, rows, tables[0], faults)
    for name in set(cases) & set(rows):
        found = {key.lower().replace(" ", "_"): text for key, text in rows[name].items()}
        text = found.get("survival_days", found.get("survival", ""))
        censored = re.fullmatch(r"ALIVE \((\d+) days later\)", text, re.IGNORECASE)
        days = number_of(censored[1] if censored else text)
        cases[name] |= {
            "age": found.get("age", ""),
            "event:OS": "" if days is None else "0" if censored else "1",
            "time:OS (days)": "" if days is None else f"{days:g}",
            "subgroup:resection": found.get("extent_of_resection", found.get("resectionstatus", "")),
        }
    notes.append(f"Overall survival from {tables[0].name}; cases that are alive are censored there.")
    return {"OS": Definition("OS", SURVIVAL, "event:OS", "time:OS (days)", "days")}
