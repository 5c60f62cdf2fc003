"""``cohort.toml`` beside a table: how its endpoints are to be read, and where files lie.

::

    name = "Ki-67 in meningioma"        # optional
    table = "patients.csv"              # "cohort.csv" or "cohort.xlsx" without
    sheet = "patients"                  # of a workbook
    leave_out = ["RFS*", "diagnosis"]   # columns of a feature table that are no features
    keep = ["age_at_event"]             # and those that are, although they are called like an outcome

    [columns]                           # names in the table by ours, where they differ
    patient = "ID"

    [paths]                             # for rows whose own cell is empty
    t1c = "{patient}/*t1c*.nii.gz"
    mask = "{patient}/*seg*.nii.gz"
    mask_labels = "1;3"

    [endpoints."Ki-67"]
    column = "ki67_percent"
    cuts = [5.0]                        # or classes = […] with values = { "text" = class number }
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CohortError
from .endpoints import Definition

FILE = "cohort.toml"
_TOP = {"name", "table", "sheet", "leave_out", "keep", "columns", "paths", "endpoints"}
_ENDPOINT = {"kind", "column", "time", "unit", "classes", "values", "cuts"}
_ADVICE = "Compare it with Docs/cohorts.md."


@dataclass(frozen=True)
class Statement:
    """What ``cohort.toml`` says; empty where it says nothing."""

    name: str = ""
    table: str = ""
    sheet: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, Definition] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


def read_statement(path: Path) -> Statement:
    """Read a ``cohort.toml``; an empty statement if there is no such file.

    Raises
    ------
    CohortError : it cannot be read, or has fields that are unknown or of the wrong kind; all are listed.
    """
    if not path.is_file():
        return Statement()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CohortError(f"{path.name} cannot be read ({error}).", _ADVICE) from error
    wrong = [f"{name} is unknown" for name in sorted(set(content) - _TOP)]
    texts = {name: _text(content, name, wrong) for name in ("name", "table", "sheet")}
    tables = {name: _texts(content, name, wrong) for name in ("columns", "paths")}
    lists = {name: _list(content, name, wrong) for name in ("leave_out", "keep")}
    endpoints = content.get("endpoints", {})
    if not isinstance(endpoints, dict) or not all(isinstance(entry, dict) for entry in endpoints.values()):
        wrong.append("[endpoints] is not a table of tables")
        endpoints = {}
    found = {name: _definition(name, entry, wrong) for name, entry in endpoints.items()}
    if wrong:
        raise CohortError(f"{path.name} is not valid: {'; '.join(wrong)}.", _ADVICE)
    return Statement(**texts, **tables, **lists, endpoints=found)


def _definition(name: str, entry: Mapping[str, Any], wrong: list[str]) -> Definition:
    place = f"endpoints.{name}"
    wrong += [f"{place}.{key} is unknown" for key in sorted(set(entry) - _ENDPOINT)]
    texts = {key: _text(entry, key, wrong, place) for key in ("kind", "column", "time")}
    unit = _text(entry, "unit", wrong, place) or "days"
    classes = entry.get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(c, str) and c for c in classes):
        wrong.append(f"{place}.classes is not a list of texts")
        classes = []
    values = entry.get("values", {})
    if not isinstance(values, dict) or not all(type(v) is int for v in values.values()):
        wrong.append(f"{place}.values is not a table of class numbers")
        values = {}
    cuts = entry.get("cuts", [])
    if not isinstance(cuts, list) or not all(isinstance(c, (int, float)) for c in cuts):
        wrong.append(f"{place}.cuts is not a list of numbers")
        cuts = []
    return Definition(
        name,
        **texts,
        unit=unit,
        classes=tuple(classes),
        values={text.lower(): number for text, number in values.items()},
        cuts=tuple(float(cut) for cut in cuts),
    )


def _text(table: Mapping[str, Any], key: str, wrong: list[str], place: str = "") -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        wrong.append(f"{place and place + '.'}{key} is not text")
        return ""
    return value


def _list(table: Mapping[str, Any], key: str, wrong: list[str]) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        wrong.append(f"{key} is not a list of texts")
        return ()
    return tuple(values)


def _texts(table: Mapping[str, Any], key: str, wrong: list[str]) -> dict[str, str]:
    values = table.get(key, {})
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        wrong.append(f"[{key}] is not a table of texts")
        return {}
    return dict(values)
