"""Times of the phases of a dynamic series: relative to the injection, early and late phase, checks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import SimpleITK as sitk

from ..errors import PhaseCountError, PhaseGeometryError, PhaseTimeError, PrecontrastError
from .dynamic import DynamicSeries, Phase
from .geometry import same_grid

INJECTION_ASSUMED = "Assumed at the start of the first post-contrast phase; the data do not give it."
USERS_CHOICE = "Chosen by the user."


@dataclass(frozen=True)
class PhaseRow:
    """One line of the table of phases.

    Attributes
    ----------
    name : of the phase. start_s : seconds after the first phase began. effective_s : centre of the phase,
        seconds after the injection; negative before it. interval_s : seconds since the phase before began.
        time_source : where the time came from. precontrast : whether it counts as pre-contrast. Unknown times
        are None.
    """

    name: str
    start_s: float | None
    effective_s: float | None
    interval_s: float | None
    time_source: str
    precontrast: bool


def check_series(series: DynamicSeries) -> None:
    """Check what every use of a dynamic series needs.

    Raises
    ------
    PhaseCountError : fewer than two phases.
    PhaseGeometryError : phases differ in size, spacing, origin or direction.
    PrecontrastError : no phase is pre-contrast, or all are.
    """
    check_images(series.name, series.phases)
    before = [phase.precontrast for phase in series.phases]
    if not any(before):
        raise PrecontrastError(
            f"{series.name} has no pre-contrast phase.", "Mark the phases before the contrast agent."
        )
    if all(before):
        raise PrecontrastError(
            f"{series.name} has no post-contrast phase: all are marked as pre-contrast.",
            "Mark only the phases before the contrast agent.",
        )


def check_images(name: str, phases: Sequence[Phase]) -> None:
    """Check the images of a series that is called `name`.

    Raises
    ------
    PhaseCountError : fewer than two phases.
    PhaseGeometryError : phases differ in size, spacing, origin or direction.
    """
    if len(phases) < 2:
        raise PhaseCountError(
            f"{name} has one phase only; a dynamic series needs at least one before and one after the "
            "contrast agent.",
            "Load the other phases too.",
        )
    first = phases[0]
    for phase in phases[1:]:
        if first.image.GetSize() != phase.image.GetSize():
            raise PhaseGeometryError(
                f"{name}: {phase.name} has {_size(phase.image)} voxels, {first.name} has "
                f"{_size(first.image)}.",
                "Export all phases with the same matrix and slices.",
            )
        if not same_grid(first.image, phase.image):
            raise PhaseGeometryError(
                f"{name}: {phase.name} lies on another grid than {first.name} (origin, spacing or "
                "direction).",
                "Resample the phases to one grid first.",
            )


def check_times(series: DynamicSeries) -> None:
    """Check that every phase has a time and that times ascend.

    Raises
    ------
    PhaseTimeError : times are missing, not finite, equal or unsorted.
    """
    hint = "Enter the times of the phases."
    starts = [phase.start_s for phase in series.phases]
    missing = [
        phase.name
        for phase, start in zip(series.phases, starts, strict=True)
        if start is None or not isfinite(start)
    ]
    if missing:
        raise PhaseTimeError(f"{series.name} does not tell the time of {', '.join(missing)}.", hint)
    for before, after in zip(series.phases, series.phases[1:], strict=False):
        if after.start_s == before.start_s:
            raise PhaseTimeError(
                f"{series.name}: {before.name} and {after.name} have the same time ({after.start_s:g} s).",
                hint,
            )
        if after.start_s < before.start_s:
            raise PhaseTimeError(
                f"{series.name}: {after.name} ({after.start_s:g} s) is listed after {before.name} "
                f"({before.start_s:g} s); the times are not sorted.",
                hint,
            )


def precontrast_indices(series: DynamicSeries) -> tuple[int, ...]:
    """Indices of the pre-contrast phases."""
    return tuple(n for n, phase in enumerate(series.phases) if phase.precontrast)


def postcontrast_indices(series: DynamicSeries) -> tuple[int, ...]:
    """Indices of the other phases."""
    return tuple(n for n, phase in enumerate(series.phases) if not phase.precontrast)


def injection(series: DynamicSeries) -> float:
    """When the agent was given, seconds after the first phase began; unless the series says so, the start of
    the first post-contrast phase.

    Raises
    ------
    PhaseTimeError, PrecontrastError : neither is known.
    """
    if series.injection_s is not None:
        return float(series.injection_s)
    after = postcontrast_indices(series)
    if not after:
        raise PrecontrastError(f"{series.name} has no post-contrast phase.", "Mark the pre-contrast phases.")
    start = series.phases[after[0]].start_s
    if start is None:
        raise PhaseTimeError(
            f"{series.name} does not tell the time of {series.phases[after[0]].name}.",
            "Enter the times of the phases.",
        )
    return float(start)


def effective_times(series: DynamicSeries) -> tuple[float, ...]:
    """Centre of every phase, seconds after the injection: start + duration/2 - injection.

    With an unknown duration it is the start. The centre of k-space decides the contrast; it is taken to be
    acquired in the middle, as the vendor's "effective time" of UCSF breast studies does.

    Raises
    ------
    PhaseTimeError : times are missing, equal or unsorted.
    PrecontrastError : no post-contrast phase.
    """
    check_times(series)
    zero = injection(series) - (series.duration_s or 0.0) / 2
    return tuple(float(phase.start_s) - zero for phase in series.phases)


def early_phase(series: DynamicSeries, early_s: float) -> int:
    """Index of the post-contrast phase whose effective time is nearest to `early_s`; the earlier of two.

    Raises
    ------
    PhaseTimeError, PrecontrastError : as :func:`effective_times`.
    """
    return _nearest(series, early_s, -1)


def late_phase(series: DynamicSeries, late_s: float, early_s: float = 120.0) -> int:
    """Index of the phase after the early one whose effective time is nearest to `late_s`; infinity: the last.

    Raises
    ------
    PhaseCountError : there is only one post-contrast phase at or after the early one.
    PhaseTimeError, PrecontrastError : as :func:`effective_times`.
    """
    return _nearest(series, late_s, early_phase(series, early_s))


def with_precontrast(
    series: DynamicSeries, names: Collection[str], reason: str = USERS_CHOICE
) -> DynamicSeries:
    """The series with these phases, and no others, as pre-contrast; assumed times follow.

    Raises
    ------
    ValueError : a name that no phase has.
    PrecontrastError : no phase, or every phase.
    """
    unknown = set(names) - {phase.name for phase in series.phases}
    if unknown:
        raise ValueError(f"there is no phase called {', '.join(sorted(unknown))}")
    phases = tuple(replace(phase, precontrast=phase.name in names) for phase in series.phases)
    assumed = series.injection_s is None or series.injection_source == INJECTION_ASSUMED
    changed = replace(series, phases=phases, precontrast_reason=reason)
    check_series(changed)
    if assumed:
        changed = with_assumed_injection(changed)
    return changed


def with_assumed_injection(series: DynamicSeries) -> DynamicSeries:
    """The series with the injection at the start of its first post-contrast phase, if that is known."""
    after = postcontrast_indices(series)
    start = series.phases[after[0]].start_s if after and len(after) < len(series.phases) else None
    return replace(series, injection_s=start, injection_source=INJECTION_ASSUMED if start is not None else "")


def phase_rows(series: DynamicSeries) -> tuple[PhaseRow, ...]:
    """The table of phases; what is not known is None, nothing is raised."""
    try:
        effective: tuple[float | None, ...] = effective_times(series)
    except (PhaseTimeError, PrecontrastError):
        effective = (None,) * len(series.phases)
    rows = []
    before = None
    for phase, centre in zip(series.phases, effective, strict=True):
        known = before is not None and phase.start_s is not None
        rows.append(
            PhaseRow(
                phase.name,
                phase.start_s,
                centre,
                phase.start_s - before if known else None,
                phase.time_source,
                phase.precontrast,
            )
        )
        before = phase.start_s
    return tuple(rows)


def _nearest(series: DynamicSeries, wanted: float, after: int) -> int:
    times = effective_times(series)
    candidates = [n for n in postcontrast_indices(series) if n > after]
    if not candidates:
        if after >= 0:
            raise PhaseCountError(
                f"{series.name} has no phase after {series.phases[after].name}; a late phase needs two "
                "post-contrast phases.",
                "Load the later phases too.",
            )
        raise PrecontrastError(f"{series.name} has no post-contrast phase.", "Mark the pre-contrast phases.")
    if wanted == float("inf"):
        return candidates[-1]
    return min(candidates, key=lambda n: (abs(times[n] - wanted), n))


def _size(image: sitk.Image) -> str:
    return "×".join(map(str, image.GetSize()))
