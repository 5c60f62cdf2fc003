"""Building a dynamic series from images with times: order, pre-contrast phases, duration, injection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import SimpleITK as sitk

from ..errors import DynamicSeriesError, PhaseTimeError
from .acquired import chosen_times, given_times, why_no_times
from .dynamic import DynamicSeries, Phase
from .model import Case
from .model import Sequence as CaseSequence
from .phase_times import (
    check_images,
    check_times,
    early_phase,
    effective_times,
    postcontrast_indices,
    precontrast_indices,
    with_assumed_injection,
)
from .precontrast import find_precontrast

EARLY_S = 120.0
_LONGER = 1.02


@dataclass(frozen=True, eq=False)
class TimedImage:
    """One image that may be a phase.

    Attributes
    ----------
    image : 3D scalar image.
    times : seconds by the source that tells them, on any clock; {} if nothing does.
    precontrast : what its name says, None if it says nothing.
    number : the number of the phase that the data state, 0 if they do not.
    duration_s : acquisition time, None if it is not known.
    told_by : what says whether it is pre-contrast, one sentence; "": its name.
    """

    image: sitk.Image
    times: Mapping[str, float] = field(default_factory=dict)
    precontrast: bool | None = None
    number: int = 0
    duration_s: float | None = None
    told_by: str = ""


def build_series(
    name: str,
    images: Sequence[TimedImage],
    *,
    protocol: Mapping[str, str] | None = None,
    frame_of_reference: str | None = None,
    source: str = "",
    injection: tuple[float, str] | None = None,
    flip_angles: Mapping[float, sitk.Image] | None = None,
) -> tuple[DynamicSeries, list[str]]:
    """Make a dynamic series: sort by time, find the pre-contrast phases, the duration and the injection.

    Parameters
    ----------
    images : in the order that is to hold where nothing tells the times.
    injection : seconds on the clock of the images' times, and where it came from, one sentence.

    Returns
    -------
    the series and what the user should know, one sentence each. Without times its phases have none; without
    pre-contrast phase none is marked.

    Raises
    ------
    PhaseCountError : fewer than two images.
    PhaseGeometryError : the images do not share a grid.
    """
    notes: list[str] = []
    if len(images) < 2:
        check_images(name, [Phase("phase 1", image.image, None) for image in images])
    images, where, starts, first = _ordered(name, images, notes)
    phases = tuple(
        Phase(f"phase {n}", image.image, start, where)
        for n, (image, start) in enumerate(zip(images, starts, strict=True), start=1)
    )
    check_images(name, phases)
    series = DynamicSeries(
        name,
        phases,
        protocol=dict(protocol or {}),
        frame_of_reference=frame_of_reference,
        source=source,
        flip_angles=dict(flip_angles or {}),
    )
    if where:
        try:
            check_times(series)
        except PhaseTimeError as error:
            notes.append(str(error))
    told = [image.precontrast for image in images]
    if any(told) and not all(told):
        count = len(told) - list(reversed(told)).index(True)
        reason = images[0].told_by or "The names of the images say which phases are pre-contrast."
        series = _marked(series, count, reason)
    else:
        series = _marked(series, *find_precontrast([phase.image for phase in phases]))
    if not precontrast_indices(series):
        notes.append(f"{name}: {_lower(series.precontrast_reason)}; mark the pre-contrast phases.")
    series = with_duration(series, {image.duration_s for image in images})
    if injection is not None and where and _plausible(injection[0] - first, starts):
        return replace(series, injection_s=injection[0] - first, injection_source=injection[1]), notes
    return with_assumed_injection(series), notes


def _ordered(
    name: str, images: Sequence[TimedImage], notes: list[str]
) -> tuple[Sequence[TimedImage], str, list[float | None], float]:
    """Images in the order of their times, the source, seconds after the first, and the first on its clock.

    A table that was given with the images is taken as it is; its errors are noted and stay for the checks.
    """
    given = given_times([image.times for image in images])
    if given is not None:
        where, seconds = given
        return images, where, [round(value - seconds[0], 4) for value in seconds], seconds[0]
    chosen = chosen_times([image.times for image in images])
    if chosen is None:
        reason = why_no_times([image.times for image in images])
        notes.append(f"{name}: {reason}; the phases are in the order of the files. Enter their times.")
        return images, "", [None] * len(images), 0.0
    where, seconds = chosen
    order = sorted(range(len(images)), key=lambda n: seconds[n])
    images = [images[n] for n in order]
    numbers = [image.number for image in images]
    if all(numbers) and numbers != sorted(numbers):
        notes.append(f"{name}: the numbers of the phases contradict {where}; they are sorted by time.")
    first = seconds[order[0]]
    return images, where, [round(seconds[n] - first, 4) for n in order], first


def with_found_precontrast(series: DynamicSeries) -> DynamicSeries:
    """The series with the pre-contrast phases found from the signal, the duration from the times where it is
    not known, and the injection assumed where it is not known.

    Raises
    ------
    PhaseCountError, PhaseGeometryError : as :func:`build_series`.
    """
    check_images(series.name, series.phases)
    found = _marked(series, *find_precontrast([phase.image for phase in series.phases]))
    if found.duration_s is None:
        found = with_duration(found)
    return with_assumed_injection(found) if found.injection_s is None else found


def with_duration(series: DynamicSeries, stated: set[float | None] = frozenset()) -> DynamicSeries:
    """The series with the acquisition time of one phase: what the data state, else the smallest distance of
    post-contrast phases (they follow each other without a pause; before the injection there may be one).

    A stated time that is longer than the distance of two phases is that of the whole series and not used.
    """
    known = [phase.start_s for phase in series.phases if phase.start_s is not None]
    longest = float(np.diff(known).min()) * _LONGER if len(known) > 1 else float("inf")
    if len(stated) == 1 and (value := next(iter(stated))) and value <= longest:
        return replace(series, duration_s=float(value), duration_source="The data state it.")
    for indices, which in (
        (postcontrast_indices(series), "post-contrast"),
        (precontrast_indices(series), "pre-contrast"),
    ):
        starts = [series.phases[n].start_s for n in indices]
        if len(starts) < 2 or None in starts:
            continue
        shortest = float(np.diff(starts).min())
        if shortest > 0:
            source = f"The smallest distance of two {which} phases; they are taken to follow without a pause."
            return replace(series, duration_s=round(shortest, 4), duration_source=source)
    return replace(series, duration_s=None, duration_source="")


def early_sequence(series: DynamicSeries, early_s: float = EARLY_S) -> CaseSequence:
    """The early phase as the sequence with the role "dce"; without times the first post-contrast phase."""
    count = len(series.phases)
    try:
        index = early_phase(series, early_s)
        centre = effective_times(series)[index]
        why = f"its centre, {centre:.0f} s after the injection, is nearest to {early_s:g} s"
    except DynamicSeriesError:
        after = postcontrast_indices(series)
        marked = 0 < len(after) < count
        index = after[0] if marked else min(1, count - 1)
        why = "the first post-contrast phase; not all times are known" if marked else "the second phase"
    phase = series.phases[index]
    reason = f"Phase {index + 1} of {count} of the dynamic series {series.name}: {why}."
    return CaseSequence(
        "dce",
        f"{series.name} {phase.name}",
        phase.image,
        reason,
        None,
        series.frame_of_reference,
        {**series.protocol, "NumberOfTemporalPositions": str(count)},
        series.source,
    )


def with_dynamic(case: Case, series: DynamicSeries | None, early_s: float = EARLY_S) -> Case:
    """The case with this dynamic series; its early phase, under its own name, has the role "dce".

    The sequence that had the role is replaced in its place if it was a phase of the old series, else it
    becomes "other". Missing times and marks are no error here, see :func:`.phase_times.check_series`.
    """
    old = {id(phase.image) for phase in case.dynamic.phases} if case.dynamic else set()
    phases = [n for n, s in enumerate(case.sequences) if s.role == "dce" and id(s.image) in old]
    kept = [s for n, s in enumerate(case.sequences) if n not in phases]
    if series is None:
        return replace(case, sequences=tuple(kept), dynamic=None)
    early = early_sequence(series, early_s)
    kept = [
        replace(s, role="other", reason=f"{early.name} has the role dce.") if s.role == "dce" else s
        for s in kept
    ]
    taken, name, n = {s.name for s in kept}, early.name, 2
    while early.name in taken:
        early, n = replace(early, name=f"{name} [{n}]"), n + 1
    kept.insert(phases[0] if phases else 0, early)
    return replace(case, sequences=tuple(kept), dynamic=series)


def _marked(series: DynamicSeries, count: int, reason: str) -> DynamicSeries:
    phases = tuple(replace(phase, precontrast=n < count) for n, phase in enumerate(series.phases))
    return replace(series, phases=phases, precontrast_reason=reason)


def _plausible(injection: float, starts: Sequence[float | None]) -> bool:
    """Whether it lies within an hour before the first and the last phase."""
    return -3600.0 < injection < max(s for s in starts if s is not None)


def _lower(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")
