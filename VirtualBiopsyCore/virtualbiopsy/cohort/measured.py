"""One case of a cohort to one row of features, by the same steps that a user's case goes through."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from .. import __version__
from ..case.clinical import encode_clinical
from ..case.model import Case
from ..errors import EmptyRegionError, FeatureError, GeometryError, MissingSequenceError, RegionError
from ..measure import Measured, Measuring
from ..models.recipe import Recipe
from ..prepare.diffusion.adc import with_adc
from ..prepare.kinetics.derive import derive_maps
from ..prepare.model import Preparation, PreparedCase
from ..prepare.prepare import prepare_case
from ..progress import Progress, part, silent
from ..radiomics.delta import with_deltas
from ..radiomics.keys import FeatureKey, is_delta, is_radiomic, measured_keys
from ..radiomics.plan import plan
from ..radiomics.vector import FeatureVector
from ..training.rows import image_columns
from .load import load_case
from .model import OUTLINE, CohortCase

NO_EARLIER = "Changes are measured between two examinations of a patient; give both, with a time_point."
DIGITS = 9
"""Significant digits of stored values, as in :mod:`virtualbiopsy.training.table`."""


@dataclass(frozen=True)
class Extraction:
    """What is measured on every case; a value that can be sent to other processes and machines.

    Attributes
    ----------
    keys : feature keys, radiomic and ``clinical:``.
    preparation : how images are made comparable.
    required : roles without which a case fails; features of others are missing then.
    outline : name of the region that is measured, "tumour" or "box".
    images : measure the images and headers too, for the ranges that a model keeps.
    readers : names of regions with the outline of other readers, measured too for their agreement.
    perturbed : so many outlines near the drawn one are measured too, where there is one reader only.

    Raises
    ------
    FeatureError : a key is unknown, or other readers and perturbed outlines are asked for at once.
    """

    keys: tuple[str, ...]
    preparation: Preparation = Preparation()
    required: tuple[str, ...] = ()
    outline: str = OUTLINE
    images: bool = True
    readers: tuple[str, ...] = ()
    perturbed: int = 0

    def __post_init__(self) -> None:
        if self.readers and self.perturbed:
            raise FeatureError(
                "Outlines of other readers and perturbed ones do not belong into one table of repeats.",
                "Choose one of them.",
            )
        plan(measured_keys(self.keys))

    @classmethod
    def of_recipes(cls, recipes: Iterable[Recipe], **options: Any) -> Extraction:
        """What some recipes need together.

        Raises
        ------
        FeatureError : they do not share a preparation, or a key cannot be extracted.
        """
        given = list(recipes)
        if len({recipe.preparation for recipe in given}) != 1:
            raise FeatureError("The recipes do not share a preparation.", "Extract for one at a time.")
        keys = tuple(dict.fromkeys(key for recipe in given for key in recipe.keys))
        common = set.intersection(*(set(recipe.required) for recipe in given))
        required = tuple(role for role in given[0].required if role in common)
        return cls(keys, given[0].preparation, required, **options)

    @property
    def repeated_keys(self) -> tuple[FeatureKey, ...]:
        """The features that are measured again on other outlines: radiomic ones."""
        return tuple(FeatureKey.parse(key) for key in self.keys if is_radiomic(key))

    @property
    def needs_earlier(self) -> bool:
        """Whether a key is about the change from an earlier examination."""
        return any(is_delta(key) for key in self.keys)

    @property
    def roles(self) -> tuple[str, ...]:
        """Sequences that take part, the reference first."""
        named = (key.sequence for key in measured_keys(self.keys))
        return tuple(dict.fromkeys((self.preparation.reference, *self.required, *named)))

    @property
    def digest(self) -> str:
        """Changes with everything that changes a value."""
        content = {**asdict(self), "version": __version__}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class CaseRow:
    """The features of one case, with everything that is needed to make them again.

    Attributes
    ----------
    case : its name. values : finite numbers by column, rounded as they are stored.
    provenance : files (with sizes and times of change), steps with their parameters, grey levels, what is
        missing and why, warnings of the reader, versions, seconds.
    repeats : values on other outlines of the same lesion, by name of the outline.
    """

    case: str
    values: Mapping[str, float]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    repeats: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def measure_case(entry: CohortCase, extraction: Extraction, progress: Progress = silent) -> CaseRow:
    """Read, prepare and measure one case, and its earlier examination where changes are asked for.

    Raises
    ------
    VirtualBiopsyError : why this case cannot be measured, see :func:`virtualbiopsy.cohort.load.load_case`,
        :func:`virtualbiopsy.prepare.prepare.prepare_case` and
        :meth:`virtualbiopsy.measure.Measuring.measure`.
    """
    started = time.perf_counter()
    files = files_of(entry)
    earlier: FeatureVector | None = None
    if extraction.needs_earlier:
        if entry.earlier is None:
            raise MissingSequenceError(f"{entry.name} has no earlier examination.", NO_EARLIER)
        earlier = _measured(entry.earlier, extraction, part(progress, 0.0, 0.5)).vector
        progress = part(progress, 0.5, 1.0)
    found = _measured(entry, extraction, part(progress, 0.0, 0.8))
    repeats = _repeats(found, extraction, part(progress, 0.8, 1.0))
    vector, case = found.vector, found.case
    if earlier is not None:
        vector = with_deltas(replace(vector, earlier=earlier.values), extraction.keys)
    values = {**vector.values, **encode_clinical(case.clinical)}
    values = {key: values[key] for key in extraction.keys if key in values}
    if extraction.images:
        values |= image_columns(case, found.prepared, found.outline)
    progress(1.0, f"{entry.name} measured")
    return CaseRow(
        entry.name,
        {name: rounded(value) for name, value in values.items()},
        {
            "patient": entry.patient,
            "time_point": entry.time_point,
            "earlier": "" if entry.earlier is None else entry.earlier.name,
            "files": files,
            "entry": fingerprint(entry),
            "steps": [*found.steps, *found.prepared.steps, *vector.provenance],
            "bins": dict(vector.bins),
            "missing": dict(vector.missing),
            "left_out": dict(found.left_out),
            "warnings": list(case.warnings),
            "extraction": extraction.digest,
            "versions": {"virtualbiopsy": __version__, "SimpleITK": sitk.Version.VersionString()},
            "seconds": round(time.perf_counter() - started, 3),
        },
        repeats,
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """One examination: read, prepared and measured."""

    case: Case
    outline: sitk.Image
    prepared: PreparedCase
    vector: FeatureVector
    measuring: Measuring
    on: Measured
    steps: tuple[str, ...]
    left_out: Mapping[str, str]


def _measured(entry: CohortCase, extraction: Extraction, progress: Progress) -> _Measured:
    case = load_case(entry, progress=part(progress, 0.0, 0.2))
    outline = case.regions.get(extraction.outline)
    if outline is None:
        known = ", ".join(case.regions) or "none"
        raise EmptyRegionError(
            f"{entry.name} has no outline {extraction.outline!r} (it has {known}).", "Outline the lesion."
        )
    for role in extraction.required:
        if not _derivable(case, role, extraction):
            case.sequence(role)
    case, prepared, steps, left_out = _prepared(case, extraction, part(progress, 0.2, 0.7))
    for role in extraction.required:
        case.sequence(role)
    measuring = Measuring(prepared, measured_keys(extraction.keys))
    on = measuring.measure(outline, part(progress, 0.7, 1.0))
    return _Measured(case, outline, prepared, on.vector, measuring, on, steps, left_out)


def _repeats(found: _Measured, extraction: Extraction, progress: Progress) -> dict[str, dict[str, float]]:
    """The features on other outlines of the same lesion; a reader's that is not there, or cannot be measured,
    is left out."""
    keys = extraction.repeated_keys
    repeats: dict[str, dict[str, float]] = {}
    if extraction.perturbed:
        from ..training.steps.perturbed import perturbed_features

        rows = perturbed_features(found.measuring, found.on, keys, extraction.perturbed, progress=progress)
        for n, row in enumerate(rows, start=1):
            repeats[f"outline {n}"] = _finite(dict(zip(map(str, keys), row, strict=True)))
    if extraction.readers:
        own = {key: found.vector.values[key] for key in map(str, keys) if key in found.vector.values}
        repeats[extraction.outline] = _finite(own)
    for reader in extraction.readers:
        if reader in found.case.regions:
            with suppress(RegionError, GeometryError):
                values = found.measuring.measure(found.case.regions[reader]).vector.values
                repeats[reader] = _finite({key: values[key] for key in map(str, keys) if key in values})
    return repeats


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: rounded(value) for name, value in values.items() if math.isfinite(value)}


def rounded(value: float) -> float:
    """A value with the digits that are stored, the same in every format."""
    return float(f"{float(value):.{DIGITS}g}")


def files_of(entry: CohortCase) -> dict[str, list[list[Any]]]:
    """Files of a case by column, with sizes and times of change."""
    listed: dict[str, list[Path]] = {role: list(paths) for role, paths in entry.images.items()}
    listed |= {f"mask:{name}": [mask.path] for name, mask in entry.masks.items()}
    if entry.folder is not None:
        listed["folder"] = [entry.folder]
    if entry.earlier is not None:
        own = files_of(entry.earlier)
        return {**_all_sized(listed), **{f"earlier:{name}": sizes for name, sizes in own.items()}}
    return _all_sized(listed)


def _all_sized(listed: Mapping[str, list[Path]]) -> dict[str, list[list[Any]]]:
    return {name: [_sized(path) for path in paths] for name, paths in listed.items()}


def fingerprint(entry: CohortCase) -> str:
    """Changes with what the table says of a case and its features depend on."""
    labels = {name: mask.labels for name, mask in entry.masks.items()}
    before = "" if entry.earlier is None else fingerprint(entry.earlier)
    known = (labels, entry.box, entry.phase_times, sorted(entry.clinical.items()), before)
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


def _sized(path: Path) -> list[Any]:
    """Name, size in bytes, and when it was last changed, whole seconds since 1970; of a folder the sum, the
    latest time and the number of files."""
    if path.is_dir():
        inner = [p.stat() for p in path.rglob("*") if p.is_file()]
        latest = max((int(s.st_mtime) for s in inner), default=0)
        return [path.name, sum(s.st_size for s in inner), latest, len(inner)]
    found = path.stat() if path.exists() else None
    return [path.name, found.st_size, int(found.st_mtime)] if found else [path.name, 0, 0]


def _derivable(case: Case, role: str, extraction: Extraction) -> bool:
    """Whether the case may get a sequence with this role from a series that it has."""
    if role == "adc":
        return case.diffusion is not None
    return extraction.preparation.kinetics is not None and case.dynamic is not None


def _prepared(
    case: Case, extraction: Extraction, progress: Progress
) -> tuple[Case, PreparedCase, tuple[str, ...], Mapping[str, str]]:
    """The case with its maps, its images on the common grid, what was done, and maps that are not there."""
    roles = extraction.roles
    left_out: dict[str, str] = {}
    steps: tuple[str, ...] = ()
    if "adc" in roles:
        case, why, steps = with_adc(case, part(progress, 0.0, 0.1))
        left_out |= {"adc": why} if why else {}
    kinetics = extraction.preparation.kinetics
    if kinetics is not None:
        derived = derive_maps(case, kinetics, roles, part(progress, 0.1, 0.5))
        case, steps = derived.case, (*steps, *derived.steps)
        left_out |= derived.left_out
    used = tuple(s for s in case.sequences if s.role in roles)
    if used != case.sequences:
        case = Case(case.name, used, case.regions, case.clinical, case.warnings, case.dynamic, case.diffusion)
    prepared = prepare_case(case, extraction.preparation, progress=part(progress, 0.5, 1.0))
    return case, prepared, steps, left_out
