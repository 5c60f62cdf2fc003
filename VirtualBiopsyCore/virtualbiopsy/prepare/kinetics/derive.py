"""Sequences with the maps that a dynamic series gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from ...case.dynamic import DynamicSeries
from ...case.model import DYNAMIC_MAPS, Case, Sequence
from ...errors import (
    ArterialInputError,
    DimensionError,
    DynamicSeriesError,
    GeometryError,
    KineticsError,
    PhaseTimeError,
    RegistrationError,
)
from ...memory import image_bytes, require_memory
from ...progress import Progress, part, silent
from ..limits import breast_limit
from ..model import Kinetics
from . import pharmacokinetic
from .aif import ArterialInput
from .motion import correct_motion, is_aligned, motion_sentence
from .noise import noise_of
from .semiquantitative import FORMULAS as SIMPLE
from .semiquantitative import LATE, TIMED, Signals, semiquantitative
from .semiquantitative import UNITS as SIMPLE_UNITS
from .timing import Timing, check_signals, choose_phases

ROLES = (*DYNAMIC_MAPS, "curvetype")
"""Roles of the maps that can be computed."""
FORMULAS = {**SIMPLE, **pharmacokinetic.FORMULAS}
_HELD = 8
"""Images of 8 bytes a voxel that are held beside the maps, and as many again by a fit."""
UNITS = {**SIMPLE_UNITS, **pharmacokinetic.UNITS}


@dataclass(frozen=True, eq=False)
class Derived:
    """A case with the maps that were computed.

    Attributes
    ----------
    case : with one sequence more for every map; the same object if there is none.
    left_out : why a map that was asked for could not be computed, by role, one sentence or two.
    steps : provenance, one sentence each.
    """

    case: Case
    left_out: Mapping[str, str]
    steps: tuple[str, ...]


def derive_maps(
    case: Case,
    kinetics: Kinetics,
    roles: Collection[str],
    progress: Progress = silent,
    *,
    arterial: ArterialInput | None = None,
) -> Derived:
    """Compute the maps among `roles` that the case lacks from its dynamic series.

    A sequence that the case already has for a role (a map of the scanner) stays. Roles that are no maps of a
    dynamic series are ignored. What cannot be computed is left out with the reason; a series that cannot be
    used at all leaves everything out. Maps are float32 on the grid of the phases. Pharmacokinetic models are
    fitted in what enhances inside the breast; elsewhere, and where a fit fails, their maps are 0. With
    `kinetics.motion` "rigid" the phases are aligned first, and the returned case holds the aligned series.

    Parameters
    ----------
    arterial : the arterial input; None takes what `kinetics.aif` says.

    Raises
    ------
    MemoryLimitError : the maps do not fit into the free memory.
    Cancelled : the progress callback asked to stop.
    """
    wanted = [role for role in dict.fromkeys(roles) if role in ROLES and not case.has(role)]
    if not wanted:
        return Derived(case, {}, ())
    series = case.dynamic
    if series is None:
        return Derived(case, dict.fromkeys(wanted, "The case has no dynamic series."), ())
    try:
        check_signals(series)
        timing = choose_phases(series, kinetics)
    except (DynamicSeriesError, DimensionError) as error:
        return Derived(case, dict.fromkeys(wanted, str(error)), ())
    moved: list[str] = []
    if kinetics.motion == "rigid" and not is_aligned(series):
        try:
            series = correct_motion(series, part(progress, 0.0, 0.6), early_s=kinetics.early_s)
        except RegistrationError as error:
            return Derived(case, dict.fromkeys(wanted, str(error)), timing.steps)
        case, progress = replace(case, dynamic=series), part(progress, 0.6, 1.0)
    if series.motion:
        moved.append(motion_sentence(series.motion))
    shape = series.phases[0].image.GetSize()
    held = len(wanted) + (_HELD if set(wanted) <= set(SIMPLE) else 2 * _HELD)
    require_memory(held * image_bytes(shape), f"{len(wanted)} map(s) of the dynamic series")

    left_out = {role: why for role in wanted if (why := _missing(role, series, timing, kinetics))}
    simple = [role for role in wanted if role in SIMPLE and role not in left_out]
    fitted = [role for role in wanted if role not in SIMPLE and role not in left_out]
    if not simple and not fitted:
        return Derived(case, left_out, timing.steps)
    share = 0.4 if fitted else 1.0
    maps, enhancing, steps = _compare(series, timing, simple, part(progress, 0.0, share))
    steps = [*timing.steps, *moved, *steps]
    if fitted:
        try:
            found, notes = _fit(
                case, series, timing, kinetics, enhancing, arterial, part(progress, share, 1.0)
            )
        except (ArterialInputError, KineticsError, DynamicSeriesError, GeometryError) as error:
            left_out.update(dict.fromkeys(fitted, str(error)))
        else:
            maps.update((role, found[role]) for role in fitted)
            steps.extend(notes)

    added = []
    for role, values in maps.items():
        bad = ~np.isfinite(values)
        if bad.any():
            values = np.where(bad, np.float32(0), values)
            steps.append(f"{role}: {np.count_nonzero(bad)} voxels without a finite value set to 0.")
        if values.min() == values.max():
            why = "nothing enhances" if role in SIMPLE else "no voxel could be fitted"
            left_out[role] = f"The map has the same value ({values.flat[0]:g}) everywhere: {why}."
            continue
        added.append(_sequence(role, values, series, case))
        steps.append(f"{role}: {FORMULAS[role]} ({UNITS[role]}).")
    progress(1.0, "Maps of the dynamic series")
    if not added:
        return Derived(case, left_out, tuple(steps))
    return Derived(replace(case, sequences=(*case.sequences, *added)), left_out, tuple(steps))


def _compare(
    series: DynamicSeries, timing: Timing, roles: Collection[str], progress: Progress
) -> tuple[dict[str, np.ndarray], np.ndarray, list[str]]:
    """Semi-quantitative maps, where anything enhances, and provenance."""
    noise = noise_of(series.phases[timing.precontrast[-1]].image, len(timing.precontrast))
    signals = Signals(
        tuple(sitk.GetArrayViewFromImage(phase.image) for phase in series.phases),
        timing.precontrast,
        timing.early,
        timing.late,
        timing.times_s,
        noise.sd,
        noise.floor,
    )
    found = semiquantitative(signals, roles, progress)
    share = 100 * float(found.enhancing.mean())
    enhance = f"{share:.1f} % of the voxels enhance by more than 3 standard deviations of the noise."
    return dict(found.maps), found.enhancing, [noise.source, enhance]


def _fit(
    case: Case,
    series: DynamicSeries,
    timing: Timing,
    kinetics: Kinetics,
    enhancing: np.ndarray,
    arterial: ArterialInput | None,
    progress: Progress,
) -> tuple[Mapping[str, np.ndarray], list[str]]:
    """Pharmacokinetic maps of what enhances inside the breast, and provenance."""
    progress(0.0, "Finding the breast")
    breast, note = breast_limit(case, series.phases[timing.early].image)
    where = enhancing if breast is None else enhancing & (sitk.GetArrayViewFromImage(breast) != 0)
    found = pharmacokinetic.fit_maps(
        case, series, timing.times_s, where, kinetics, arterial=arterial, progress=part(progress, 0.1, 1.0)
    )
    return found.maps, [note, *found.steps]


def _missing(role: str, series: DynamicSeries, timing: Timing, kinetics: Kinetics) -> str:
    """Why a map cannot be computed, "" if it can."""
    if role in LATE and timing.late is None:
        return "There is no phase after the early one; this map compares an early with a late phase."
    if timing.times_s is None and (role in TIMED or role not in SIMPLE):
        return timing.why_untimed
    if role == "vp" and kinetics.model == "tofts":
        return "The Tofts model has no plasma volume; the extended Tofts model has."
    if role not in SIMPLE:
        try:
            pharmacokinetic.check_protocol(series, timing.times_s, kinetics)
        except (KineticsError, PhaseTimeError) as error:
            return str(error)
    return ""


def _sequence(role: str, values: np.ndarray, series: DynamicSeries, case: Case) -> Sequence:
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(series.phases[0].image)
    taken = {sequence.name for sequence in case.sequences}
    name = f"{role} (computed)"
    number = 2
    while name in taken:
        name, number = f"{role} (computed {number})", number + 1
    return Sequence(
        role=role,
        name=name,
        image=image,
        reason=f"computed from {series.name}: {FORMULAS[role]}",
        unit=UNITS[role],
        frame_of_reference=series.frame_of_reference,
        protocol=series.protocol,
        source=series.source,
    )
