"""Simulated cohorts, as ``virtualbiopsy simulate`` writes them: folders of cases beside ``cohort.json``.

The endpoints are the truth of ``truth.json``, which a reader of images does not see. Cases with two
examinations have one row for each, "before therapy" (the folder ``earlier``) and "after the first cycle".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...training.dataset import BINARY, ORDINAL
from ..endpoints import Definition
from ..model import Fault
from ..sheet import Sheet, SheetRow
from . import shared

LIST = "cohort.json"
EARLIER, LATER = "before therapy", "after the first cycle"
_TRUTH = {"false": 0, "true": 1}
_DEFINITIONS = (
    Definition("Ki-67", BINARY, "ki67_high", classes=("Ki-67 < 5 %", "Ki-67 ≥ 5 %"), values=_TRUTH),
    Definition("PR", BINARY, "pr_positive", classes=("PR-negative", "PR-positive"), values=_TRUTH),
    Definition("HER2", BINARY, "her2_positive", classes=("HER2-negative", "HER2-positive"), values=_TRUTH),
    Definition("HER2 level", ORDINAL, "her2_class", classes=("HER2-zero", "HER2-low", "HER2-positive"),
               values={"zero": 0, "low": 1, "positive": 2}),
    Definition("pCR", BINARY, "pcr", values=_TRUTH,
               classes=("no pathological complete response", "pathological complete response")),
)  # fmt: skip


def recognise(path: Path) -> str:
    """What speaks for this layout, "" if nothing does."""
    return "cohort.json says that the cases are simulated." if _content(path / LIST).get("simulated") else ""


def read(path: Path) -> Sheet:
    """Read all cases that ``cohort.json`` lists."""
    faults: list[Fault] = []
    rows: list[SheetRow] = []
    content = _content(path / LIST)
    for name in content.get("cases", ()):
        folder = path / str(name)
        truth = _content(folder / "truth.json")
        if not truth:
            faults.append(Fault(str(name), "The case has no truth.json.", "Simulate the cohort again."))
            continue
        cells = {
            "patient": str(name),
            "folder": shared.relative(folder, path),
            "scanner": f"simulated {truth.get('scanner', content.get('scanner', ''))}".strip(),
            **{d.column: _text(truth[d.column]) for d in _DEFINITIONS if d.column in truth},
        }
        if (folder / "earlier").is_dir():
            inner = shared.relative(folder / "earlier", path)
            rows.append(SheetRow(str(name), {**cells, "folder": inner, "time_point": EARLIER}))
            cells["time_point"] = LATER
        rows.append(SheetRow(str(name), cells))
    there = {column for row in rows for column in row.cells}
    definitions = {d.name: d for d in _DEFINITIONS if d.column in there}
    note = f"{len(content.get('cases', ()))} simulated cases, no patients; endpoints from their truth.json."
    return Sheet(
        path.name, "simulated", path, tuple(rows), definitions, {}, tuple(faults), (note,), simulated=True
    )


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
