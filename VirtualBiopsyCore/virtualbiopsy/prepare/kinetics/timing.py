"""Which phases of a dynamic series maps compare, and when they were acquired."""

from __future__ import annotations

from dataclasses import dataclass

from ...case.dynamic import DynamicSeries
from ...case.phase_times import (
    check_series,
    early_phase,
    effective_times,
    late_phase,
    postcontrast_indices,
    precontrast_indices,
)
from ...errors import DimensionError, PhaseCountError, PhaseTimeError, PrecontrastError
from ..model import Kinetics


@dataclass(frozen=True)
class Timing:
    """Which phases the maps compare.

    Attributes
    ----------
    precontrast : indices. early, late : indices; late is None with one post-contrast phase.
    times_s : centre of every phase, seconds after the injection; None if the times are not usable.
    why_untimed : why not. steps : what was chosen, one sentence each.
    """

    precontrast: tuple[int, ...]
    early: int
    late: int | None
    times_s: tuple[float, ...] | None
    why_untimed: str
    steps: tuple[str, ...]


def check_signals(series: DynamicSeries) -> None:
    """Check what every map needs.

    Raises
    ------
    PhaseCountError, PhaseGeometryError, PrecontrastError : see
        :func:`virtualbiopsy.case.phase_times.check_series`.
    DimensionError : a phase is not a 3D image with one value per voxel.
    """
    for phase in series.phases:
        if phase.image.GetDimension() != 3 or phase.image.GetNumberOfComponentsPerPixel() != 1:
            raise DimensionError(
                f"{series.name}: {phase.name} is not a three-dimensional image with one value per voxel.",
                "Load one volume for each phase.",
            )
    check_series(series)


def choose_phases(series: DynamicSeries, kinetics: Kinetics) -> Timing:
    """Choose the phases that maps compare.

    With usable times the early and the late phase are those nearest to `kinetics.early_s` and
    `kinetics.late_s`. Without, they are the first and the last post-contrast phase.

    Raises
    ------
    PrecontrastError : no phase is pre-contrast, or all are.
    """
    pre, post = precontrast_indices(series), postcontrast_indices(series)
    if not pre or not post:
        raise PrecontrastError(f"{series.name} has no phase before or none after the contrast agent.")
    names = [phase.name for phase in series.phases]
    baseline = f"S_pre: {names[pre[0]]}." if len(pre) == 1 else f"S_pre: mean of {len(pre)} phases."
    try:
        times = effective_times(series)
        if times[post[0]] <= 0:
            raise PhaseTimeError(
                f"{series.name}: the centre of {names[post[0]]}, marked as post-contrast, lies "
                f"{-times[post[0]]:.3g} s before the injection.",
                "Check which phases are pre-contrast and when the contrast agent was given.",
            )
    except PhaseTimeError as error:
        late = post[-1] if len(post) > 1 else None
        chosen = f"Early phase: {names[post[0]]}, the first after the contrast agent"
        chosen += "." if late is None else f"; late phase: {names[late]}, the last."
        return Timing(pre, post[0], late, None, str(error), (baseline, chosen))
    early = early_phase(series, kinetics.early_s)
    steps = [baseline, _choice("Early", names[early], times[early], kinetics.early_s)]
    try:
        late = late_phase(series, kinetics.late_s, kinetics.early_s)
        steps.append(_choice("Late", names[late], times[late], kinetics.late_s))
    except PhaseCountError:
        late = None
    if series.injection_source:
        steps.append(f"Injection: {series.injection_source}")
    return Timing(pre, early, late, times, "", tuple(steps))


def _choice(which: str, name: str, centre: float, asked: float) -> str:
    return f"{which} phase: {name}, centre {centre:.0f} s after the injection (nearest to {asked:g} s)."
