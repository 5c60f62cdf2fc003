"""What only people know about a study, in a TOML file: read into the parts of a record.

Tables [design], [data], [segmentation], [processing], [sharing] hold fields of the classes of
:mod:`virtualbiopsy.training.reports.record`; [answers."clear:8"] holds `evidence` and, if it does not hold,
`met = false`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...errors import TrainingError, UnreadableFileError
from .clear import ITEMS as CLEAR
from .metrics_score import ITEMS as METRICS
from .record import Data, Design, Finding, Processing, Segmentation, Sharing
from .rqs import KEYS as RQS
from .tripod import KEYS as TRIPOD

_PARTS: Mapping[str, type[Any]] = {
    "design": Design,
    "data": Data,
    "segmentation": Segmentation,
    "processing": Processing,
    "sharing": Sharing,
}
_COUNTED = {"data": {"cases", "patients", "classes", "baseline"}}
"""Fields that are counted, not stated."""
_KINDS = {
    "str": ((str,), "a text"),
    "int | None": ((int,), "a whole number"),
    "bool | None": ((bool,), "true or false"),
    "bool": ((bool,), "true or false"),
    "tuple[str, ...]": ((list,), "a list of texts"),
    "Mapping[str, str]": ((dict,), "a table of texts"),
    "Mapping[str, int]": ((dict,), "a table of whole numbers"),
}
ANSWERS = frozenset(
    {
        *(f"rqs:{key}" for key in RQS),
        *(f"metrics:{item.number}" for item in METRICS),
        *(f"clear:{number}" for number, _, _ in CLEAR),
        *(f"tripod:{key}" for key in TRIPOD),
    }
)


@dataclass(frozen=True)
class Stated:
    """What somebody stated; fields by name for each part, and the answers."""

    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Finding] = field(default_factory=dict)

    def over(self, name: str, part: Any) -> Any:
        """A part of a record with what was stated put over it."""
        return replace(part, **self.parts.get(name, {}))


def read_stated(path: Path) -> Stated:
    """Read the file.

    Raises
    ------
    UnreadableFileError : it is missing or no TOML.
    TrainingError : it holds unknown fields or wrong kinds; all of them are listed.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableFileError(f"{path.name} cannot be read ({error}).", "Check the file.") from error
    wrong: list[str] = []
    parts = {name: _part(name, content.get(name, {}), wrong) for name in _PARTS if name in content}
    answers = _answers(content.get("answers", {}), wrong)
    wrong += [f"[{name}] is unknown" for name in sorted(set(content) - {*_PARTS, "answers"})]
    if wrong:
        raise TrainingError(f"{path.name}: {'; '.join(wrong)}.", f"Tables are {', '.join(_PARTS)}, answers.")
    return Stated(parts, answers)


def _part(name: str, table: Any, wrong: list[str]) -> dict[str, Any]:
    if not isinstance(table, dict):
        wrong.append(f"{name} is no table")
        return {}
    known = {f.name: str(f.type) for f in fields(_PARTS[name]) if f.name not in _COUNTED.get(name, ())}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            wrong.append(f"[{name}] has no field {key!r}")
            continue
        types, words = _KINDS[known[key]]
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        of = int if known[key].endswith("int]") else str
        fits = isinstance(value, types) and all(isinstance(v, of) for v in inner)
        if not fits or (isinstance(value, bool) and bool not in types):
            wrong.append(f"[{name}] {key} is not {words}")
        else:
            found[key] = tuple(value) if isinstance(value, list) else value
    return found


def _answers(table: Any, wrong: list[str]) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for key, entry in table.items() if isinstance(table, dict) else ():
        if key not in ANSWERS:
            wrong.append(
                f"[answers] {key!r} is no item (for example rqs:cost, metrics:5, clear:8, tripod:18a)"
            )
        elif not isinstance(entry, dict) or set(entry) - {"met", "evidence"} or not entry.get("evidence"):
            wrong.append(f"[answers] {key} needs evidence, a text")
        elif not isinstance(entry["evidence"], str) or not isinstance(entry.get("met", True), bool):
            wrong.append(f"[answers] {key}: evidence is a text, met is true or false")
        else:
            found[key] = Finding(entry.get("met", True), entry["evidence"])
    return found
