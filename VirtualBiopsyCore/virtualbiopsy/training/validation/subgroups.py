"""Figures by subgroup: sex, age, grade, site, scanner."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..dataset import Dataset
from .figures import Figure, figures
from .run import HeldOut

FEWEST = 10
"""Patients of each class (or with the event) below which no figure is given."""
MOST_VALUES = 8


@dataclass(frozen=True)
class Subgroup:
    """One line of a table of subgroups.

    Attributes
    ----------
    variable, value : "sex", "female". cases, patients : of it. events : cases of the last class, or with the
        event.
    figures : by name, as :func:`figures`; {} where there are too few. note : why there are none, else "".
    """

    variable: str
    value: str
    cases: int
    patients: int
    events: int
    figures: dict[str, Figure]
    note: str = ""


def subgroup_table(held_out: HeldOut, data: Dataset, drawn: np.ndarray) -> tuple[Subgroup, ...]:
    """Figures of held-out cases by value of each variable, site and scanner among them."""
    variables = dict(data.subgroups)
    variables.update(
        (name, v) for name, v in (("site", data.site), ("scanner", data.scanner)) if v is not None
    )
    lines = []
    for variable, values in variables.items():
        for value, member in members(np.asarray(values)).items():
            lines.append(_line(held_out, data, drawn, variable, value, member))
    return tuple(lines)


def members(values: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of each known value; numbers with more than eight values are halved at their median."""
    if values.dtype.kind in "fiu" and np.unique(values[np.isfinite(values)]).size > MOST_VALUES:
        middle = float(np.nanmedian(values))
        return {f"≤ {middle:g}": values <= middle, f"> {middle:g}": values > middle}
    if values.dtype.kind == "f":
        known = np.unique(values[np.isfinite(values)])
        return {f"{value:g}": values == value for value in known.tolist()}
    return {str(value): values == value for value in np.unique(values) if str(value)}


def restricted(held_out: HeldOut, member: np.ndarray) -> HeldOut:
    """The held-out scores of some cases only (bool mask over all); the others count as not tested."""
    parts = []
    for p in held_out.parts:
        inside = member[p.split.test]
        split = type(p.split)(p.split.name, p.split.repeat, p.split.train, p.split.test[inside])
        scores, risks = (None if a is None else a[inside] for a in (p.scores, p.risks))
        parts.append(replace(p, split=split, scores=scores, risks=risks))
    return replace(held_out, parts=tuple(parts))


def _line(
    held_out: HeldOut, data: Dataset, drawn: np.ndarray, variable: str, value: str, member: np.ndarray
) -> Subgroup:
    labels = data.outcome.labels[member]
    of_patient = data.patients[member]
    wanted = (1,) if data.outcome.time is not None else range(len(data.outcome.classes))
    fewest = min(np.unique(of_patient[labels == k]).size for k in wanted)
    last = 1 if data.outcome.time is not None else len(data.outcome.classes) - 1
    counts = (int(member.sum()), int(np.unique(of_patient).size), int((labels == last).sum()))
    if fewest < FEWEST:
        what = "with the event" if data.outcome.time is not None else "of a class"
        return Subgroup(variable, value, *counts, {}, f"only {fewest} patients {what}")
    return Subgroup(variable, value, *counts, figures(restricted(held_out, member), drawn))
