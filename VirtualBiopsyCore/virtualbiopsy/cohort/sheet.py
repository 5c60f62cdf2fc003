"""What every layout is brought to: rows with the columns of ``cohort.csv``, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..training.table import FeatureTable
from .endpoints import Definition
from .model import Fault


@dataclass(frozen=True)
class SheetRow:
    """One row: its place for messages ("row 7") and its cells by column, as text."""

    where: str
    cells: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A cohort as text.

    Attributes
    ----------
    name, layout, root : as in :class:`virtualbiopsy.cohort.model.Cohort`.
    rows : with the columns of ``cohort.csv``, see :mod:`virtualbiopsy.cohort.assemble`.
    definitions : of endpoints, by name; endpoints without one are understood from their values.
    patterns : for cells that are empty or columns that are missing, by column.
    faults : what was noticed while the layout was read. notes : as in the cohort.
    features : of a plain feature table, its rows named as the cases. simulated : as in the cohort.
    """

    name: str
    layout: str
    root: Path
    rows: tuple[SheetRow, ...]
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    features: FeatureTable | None = None
    simulated: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for row in self.rows for name in row.cells))
