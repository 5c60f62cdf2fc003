"""The cohort: one entry a patient and time point, with files, clinical values and endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CohortError
from ..training.dataset import SURVIVAL, Outcome
from ..training.table import FeatureTable

FAULT, WARNING = "fault", "warning"
OUTLINE = "tumour"
"""Name of the region that is measured."""


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with a cohort.

    Attributes
    ----------
    where : "row 7 (P-012)", the name of a file, or "" for the cohort as a whole.
    what : what is wrong, one sentence. hint : what to do about it, one sentence.
    kind : "fault" (the cohort cannot be used like this) or "warning".
    column : of the table, "" if it is about none.
    """

    where: str
    what: str
    hint: str = ""
    kind: str = FAULT
    column: str = ""

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.where, self.column and f"column {self.column}") if part)
        return " ".join(part for part in (place and f"{place}:", self.what, self.hint) if part)


def raise_faults(faults: Iterable[Fault]) -> None:
    """Raise one error that lists all faults, if there are any; warnings are left out.

    Raises
    ------
    CohortError
    """
    found = [fault for fault in faults if fault.kind == FAULT]
    if found:
        count = f"{len(found)} faults" if len(found) > 1 else "one fault"
        lines = [f"  {n}. {fault}" for n, fault in enumerate(found, start=1)]
        raise CohortError("\n".join([f"The cohort has {count}:", *lines]))


@dataclass(frozen=True)
class Endpoint:
    """What is to be predicted.

    Attributes
    ----------
    name : "HER2". kind : as in :mod:`virtualbiopsy.training.dataset`.
    classes : names of the classes, class 0 first; () for survival.
    unit : of the time, "days" or "months"; "" unless survival.
    column : where it came from.
    """

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    unit: str = ""
    column: str = ""


@dataclass(frozen=True)
class MaskFile:
    """A file with outlines.

    Attributes
    ----------
    path : image file. labels : values that belong to the region; () for all above 0.
    """

    path: Path
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Box:
    """A box of voxels in place of an outline: first and last index, counted from 1, both inside.

    Rows are along j, columns along i, slices along k of the reference image.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    slices: tuple[int, int]


@dataclass(frozen=True, eq=False)
class CohortCase:
    """One patient at one time point.

    Attributes
    ----------
    name : unique in the cohort: the patient, with the time point where there are several.
    patient : cases of one patient never lie on both sides of a split.
    images : files (or folders with DICOM files) by role; several only for "dce", the phases in their order.
    masks : outlines by name of the region.
    folder : a folder that is read as a case; its sequences stand behind `images`.
    box : in place of an outline, None without.
    phase_times : seconds after the first phase, one for each file of "dce"; () if the files say it.
    clinical : canonical values, see :mod:`virtualbiopsy.case.clinical`.
    labels : class number by endpoint, for survival 1 where the event was seen; unknown ones are absent.
    times : time by survival endpoint.
    site, scanner, time_point, split : "" where unknown; split is "train", "test" or "".
    acquired : days since the first examination of the cohort, None if unknown.
    subgroups : values by name, for tables of subgroups.
    where : the row that it came from, for messages.
    earlier : the examination that changes are measured from; None without.
    """

    name: str
    patient: str
    images: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    masks: Mapping[str, MaskFile] = field(default_factory=dict)
    folder: Path | None = None
    box: Box | None = None
    phase_times: tuple[float, ...] = ()
    clinical: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    site: str = ""
    scanner: str = ""
    time_point: str = ""
    split: str = ""
    acquired: float | None = None
    subgroups: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    earlier: CohortCase | None = None

    @property
    def has_images(self) -> bool:
        return bool(self.images) or self.folder is not None


@dataclass(frozen=True, eq=False)
class Cohort:
    """Patients of one study.

    Attributes
    ----------
    name : of the folder or table. layout : how it was read, "table", "brats", ….
    cases : in the order of the table. endpoints : by name.
    root : folder that relative paths start from.
    features : of a plain feature table, None for cohorts with images.
    notes : how the table was understood, one sentence each, for provenance.
    simulated : whether the cases are simulated and no patients.
    """

    name: str
    layout: str
    cases: tuple[CohortCase, ...]
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    root: Path = Path()
    features: FeatureTable | None = None
    notes: tuple[str, ...] = ()
    simulated: bool = False

    def endpoint(self, name: str) -> Endpoint:
        """Return one endpoint.

        Raises
        ------
        CohortError : there is none of that name.
        """
        if name not in self.endpoints:
            known = ", ".join(self.endpoints) or "none"
            raise CohortError(f"The cohort has no endpoint {name!r}.", f"It has: {known}.")
        return self.endpoints[name]

    def with_endpoint(self, name: str) -> tuple[CohortCase, ...]:
        """The cases whose endpoint is known."""
        survival = self.endpoint(name).kind == SURVIVAL
        return tuple(c for c in self.cases if name in c.labels and (not survival or name in c.times))

    def outcome(self, name: str, cases: Iterable[CohortCase] | None = None) -> Outcome:
        """The endpoint of some cases (default: all where it is known), in their order.

        Raises
        ------
        CohortError : there is no such endpoint, or it is not known for one of the cases.
        """
        endpoint = self.endpoint(name)
        chosen = self.with_endpoint(name) if cases is None else tuple(cases)
        unknown = [case.name for case in chosen if name not in case.labels]
        if unknown:
            raise CohortError(f"{name} is not known for {', '.join(unknown)}.", "Leave these cases out.")
        labels = np.array([case.labels[name] for case in chosen], dtype=int)
        time = None
        if endpoint.kind == SURVIVAL:
            time = np.array([case.times[name] for case in chosen], dtype=float)
        return Outcome(endpoint.kind, name, endpoint.classes, labels, time, endpoint.unit)

    @property
    def time_points(self) -> tuple[str, ...]:
        """Names of the examinations, in the order in which they first come."""
        return tuple(dict.fromkeys(case.time_point for case in self.cases if case.time_point))

    def at(self, time_point: str) -> Cohort:
        """The cohort with one examination of each patient.

        Raises
        ------
        CohortError : no case has this time point.
        """
        found = tuple(case for case in self.cases if case.time_point == time_point)
        if not found:
            known = ", ".join(self.time_points) or "none"
            raise CohortError(f"No case has the time point {time_point!r}.", f"There are: {known}.")
        return self.chosen(case.name for case in found)

    def with_earlier(self) -> Cohort:
        """The cases that have an earlier examination of the same patient, each with the first of them.

        Examinations stand in the order of their dates where these are known, else of the table. Cases that
        were given theirs already keep it.
        """
        found = []
        for case in self.cases:
            if case.earlier is not None:
                found.append(case)
                continue
            before = [c for c in self.cases if c.patient == case.patient and _before(c, case, self.cases)]
            if before:
                first = next(c for c in before if not any(_before(o, c, self.cases) for o in before))
                found.append(replace(case, earlier=first))
        return replace(self, cases=tuple(found))

    def chosen(self, names: Iterable[str]) -> Cohort:
        """The cohort with some cases and their features only, in its own order."""
        wanted = set(names)
        features = None if self.features is None else self.features.rows(wanted)
        return replace(self, cases=tuple(c for c in self.cases if c.name in wanted), features=features)


def _before(one: CohortCase, other: CohortCase, order: tuple[CohortCase, ...]) -> bool:
    if one.acquired is not None and other.acquired is not None:
        return one.acquired < other.acquired
    return order.index(one) < order.index(other)
