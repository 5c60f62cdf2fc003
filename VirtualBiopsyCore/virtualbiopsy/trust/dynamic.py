"""What is known about the times of a dynamic series, and faults of its phases that need no model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

from ..case.dynamic import DynamicSeries
from ..case.model import Case
from ..case.phase_times import (
    early_phase,
    effective_times,
    late_phase,
    postcontrast_indices,
    precontrast_indices,
)
from ..case.precontrast import LEAST_RISE, enhancing_curve, find_precontrast
from ..errors import DynamicSeriesError
from ..prepare.model import Kinetics
from .model import Reason

PHASES, EARLY, LATE, INTERVAL = (
    "NumberOfTemporalPositions",
    "EarlyPhaseTime",
    "LatePhaseTime",
    "PhaseInterval",
)
"""Number of phases; centre of the early and of the late phase in seconds after the injection; the shortest
distance of two post-contrast phases in seconds."""

EXCHANGED = 1.5
"""Contrast agent comes faster than it leaves: tissue gains several times more from the first phase on than
from the last phase back; the reverse tells phases in the wrong order."""


def phase_timing(case: Case, kinetics: Kinetics | None) -> dict[str, float]:
    """Times of the dynamic series by name, as far as they are known; {} without a series."""
    series = case.dynamic
    if series is None:
        return {}
    settings = kinetics or Kinetics()
    found = {PHASES: float(len(series.phases))}
    try:
        times = effective_times(series)
        found[EARLY] = times[early_phase(series, settings.early_s)]
        found[LATE] = times[late_phase(series, settings.late_s, settings.early_s)]
    except DynamicSeriesError:
        pass
    starts = [series.phases[n].start_s for n in postcontrast_indices(series)]
    if len(starts) > 1 and None not in starts:
        found[INTERVAL] = float(np.diff(starts).min())
    return found


def phase_findings(case: Case) -> Iterator[Reason]:
    """Phases in a wrong order, or marked otherwise than the signal says (codes "swapped_phases",
    "precontrast_marks", "phase_times")."""
    series = case.dynamic
    if series is None or len(series.phases) < 2:
        return
    yield from _order(series)
    try:
        effective_times(series)
    except DynamicSeriesError as error:
        text = f"{error.message} Maps of the dynamic series that need times are missing."
        yield Reason("amber", "phase_times", text, "dce")


def _order(series: DynamicSeries) -> Iterator[Reason]:
    images = [phase.image for phase in series.phases]
    marked = len(precontrast_indices(series))
    forward, backward = _rise(images), _rise(images[::-1])
    if backward > LEAST_RISE and backward > EXCHANGED * forward:
        text = (
            f"From the last phase of {series.name} to the first, tissue gains {100 * backward:.0f} % of "
            f"signal, the other way {100 * forward:.0f} %: the phases are in the wrong order."
        )
        yield Reason("red", "swapped_phases", text, "dce")
        return
    found, _ = find_precontrast(images)
    if 0 < marked <= found:
        return  # the agent may need a phase from the injection to the tissue
    if found == 0:
        text = f"No tissue of {series.name} enhances: no contrast agent, or phases of another kind."
        yield Reason("amber", "no_enhancement", text, "dce")
        return
    say = f"the first {found} phases are" if found > 1 else "phase 1 is"
    what = f"the first {marked}" if marked > 1 else ("phase 1" if marked else "none")
    light = "amber" if marked else "red"
    text = f"By the signal of {series.name} {say} pre-contrast; marked: {what}."
    yield Reason(light, "precontrast_marks", text, "dce")


def _rise(images: list[sitk.Image]) -> float:
    """By how much the tissue that enhances most does so, from the first of some images on; 0 if unknown."""
    curve = enhancing_curve(images)
    return 0.0 if curve is None else float(curve.max() / curve[0] - 1.0)
