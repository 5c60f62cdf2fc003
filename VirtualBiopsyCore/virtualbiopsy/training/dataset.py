"""What a model is trained from: features, outcome, and what validation must know about each case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import TrainingError

BINARY, MULTICLASS, ORDINAL, SURVIVAL = "binary", "multiclass", "ordinal", "survival"


@dataclass(frozen=True, eq=False)
class Outcome:
    """The endpoint of every case.

    Attributes
    ----------
    kind : "binary", "multiclass", "ordinal" or "survival".
    name : of the endpoint, for example "Ki-67".
    classes : names of the classes, class 0 first ("Ki-67 < 5 %", "Ki-67 ≥ 5 %"); () for survival.
    labels : (n,) int class numbers; for survival 1 where the event was seen, 0 where it was censored.
    time : (n,) time to event or censoring, in `unit`; None unless survival.
    unit : of the time, "days" or "months"; "" unless survival.
    """

    kind: str
    name: str
    classes: tuple[str, ...]
    labels: np.ndarray
    time: np.ndarray | None = None
    unit: str = ""

    def rows(self, chosen: np.ndarray) -> Outcome:
        """The outcome of some cases (indices or bool mask)."""
        return replace(
            self, labels=self.labels[chosen], time=None if self.time is None else self.time[chosen]
        )


@dataclass(frozen=True, eq=False)
class Repeats:
    """The same features measured again on the same cases, for intraclass correlation.

    Attributes
    ----------
    source : "test-retest", "two readers" or "perturbed outlines", for what is told.
    values : (n, k, p) float64, k measurements of each case, NaN where one was not made; raw, as extracted.
    """

    source: str
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Cases with features and outcome.

    Attributes
    ----------
    cases : names of the rows, unique.
    patients : (n,) str; rows of one patient never lie on both sides of a split.
    columns : feature keys (radiomic, ``clinical:``, ``delta:``) or, for a plain table, its own names.
    values : (n, p) float64, NaN where unknown.
    outcome : of every row.
    site, scanner : (n,) str, "" where unknown; None if not known.
    acquired : (n,) float64, days since an arbitrary day, for temporal splits; None if not known.
    split : (n,) str, "train", "test" or ""; None without.
    subgroups : by name (sex, grade, …) one value per row, for tables of subgroups.
    provenance : how features and labels came about, one sentence per step.
    repeats : repeated measurements of these cases, in the same order and columns; None without.
    """

    cases: tuple[str, ...]
    patients: np.ndarray
    columns: tuple[str, ...]
    values: np.ndarray
    outcome: Outcome
    site: np.ndarray | None = None
    scanner: np.ndarray | None = None
    acquired: np.ndarray | None = None
    split: np.ndarray | None = None
    subgroups: Mapping[str, np.ndarray] = field(default_factory=dict)
    provenance: tuple[str, ...] = ()
    repeats: Repeats | None = None

    def rows(self, chosen: np.ndarray) -> Dataset:
        """Some cases (indices or bool mask), everything else alike."""
        index = np.arange(len(self.cases))[chosen]

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[index]

        return replace(
            self,
            cases=tuple(self.cases[i] for i in index),
            patients=self.patients[index],
            values=self.values[index],
            outcome=self.outcome.rows(index),
            site=part(self.site),
            scanner=part(self.scanner),
            acquired=part(self.acquired),
            split=part(self.split),
            subgroups={name: values[index] for name, values in self.subgroups.items()},
            repeats=self.repeats and replace(self.repeats, values=self.repeats.values[index]),
        )

    def features(self, names: Sequence[str]) -> Dataset:
        """The same cases with some columns, in the given order.

        Raises
        ------
        TrainingError : a column is not there.
        """
        if tuple(names) == self.columns:
            return self
        number = {name: j for j, name in enumerate(self.columns)}
        absent = [name for name in names if name not in number]
        if absent:
            raise TrainingError(f"{len(absent)} columns are missing, the first is {absent[0]}.")
        at = [number[name] for name in names]
        repeats = self.repeats and replace(self.repeats, values=self.repeats.values[:, :, at])
        return replace(self, columns=tuple(names), values=self.values[:, at], repeats=repeats)
