"""Pharmacokinetic maps of a dynamic series: what they need, where they are fitted, what failures become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk

from ...case.arrays import mask_array
from ...case.dynamic import DynamicSeries
from ...case.model import Case
from ...errors import ArterialInputError, KineticsError, PhaseTimeError
from ...progress import Progress, part, silent
from ..geometry import same_grid
from ..model import Kinetics
from ..resample import resample_image, resample_mask
from .aif import ArterialInput, measured_input
from .fit import KineticFit, fit_volume
from .t1map import t1_map

FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        "ktrans": "transfer constant of the Tofts model",
        "kep": "Ktrans/ve",
        "ve": "extravascular extracellular volume fraction of the Tofts model",
        "vp": "plasma volume fraction of the extended Tofts model",
    }
)
UNITS: Mapping[str, str] = MappingProxyType({"ktrans": "1/min", "kep": "1/min", "ve": "1", "vp": "1"})
VESSEL = "artery"
"""Region of the case in which a measured arterial input is taken."""
FIRST_MINUTES_S = 120.0


@dataclass(frozen=True, eq=False)
class Fitted:
    """Maps by role, float32 (k, j, i), 0 where nothing was fitted; the fit itself; provenance."""

    maps: Mapping[str, np.ndarray]
    fit: KineticFit
    steps: tuple[str, ...]


def check_protocol(
    series: DynamicSeries, times_s: tuple[float, ...], kinetics: Kinetics
) -> tuple[float, float]:
    """Repetition time (ms) and flip angle (degrees) of a series that is fast enough for a fit.

    Parameters
    ----------
    times_s : centre of every phase, seconds after the injection.

    Raises
    ------
    PhaseTimeError : phases lie farther apart than allowed in the first two minutes after the injection.
    KineticsError : repetition time or flip angle are not known.
    """
    after = [max(time, 0.0) for time in times_s if time < FIRST_MINUTES_S]
    after += [time for time in times_s if time >= FIRST_MINUTES_S][:1]
    longest = max((b - a for a, b in zip(after, after[1:], strict=False)), default=float("inf"))
    if longest > kinetics.longest_interval_s:
        raise PhaseTimeError(
            f"In the first two minutes after the injection phases lie up to {longest:.0f} s apart; a Tofts "
            f"fit needs {kinetics.longest_interval_s:g} s or less.",
            "Use the semi-quantitative maps of this series.",
        )
    found = {name: _number(series.protocol.get(name)) for name in ("RepetitionTime", "FlipAngle")}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise KineticsError(
            f"{series.name} does not tell its {' and '.join(missing)}; the signal cannot be converted to a "
            "concentration.",
            "Load the series with its protocol (DICOM, or a JSON file beside it).",
        )
    return found["RepetitionTime"], found["FlipAngle"]


def fit_maps(
    case: Case,
    series: DynamicSeries,
    times_s: tuple[float, ...],
    where: np.ndarray,
    kinetics: Kinetics,
    *,
    arterial: ArterialInput | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Fit the model of `kinetics` in the voxels `where` (k, j, i).

    T1 before contrast agent comes from a sequence with the role "t1map" (ms), else from images with other
    flip angles, else it is assumed. A measured arterial input is taken in the region :data:`VESSEL` of the
    case. Voxels whose fit failed are 0 in every map and counted in the provenance.

    Raises
    ------
    PhaseTimeError, KineticsError : see :func:`check_protocol`, and where the fit fails everywhere.
    ArterialInputError : the input is missing, zero, negative or too short.
    Cancelled.
    """
    tr_ms, flip = check_protocol(series, times_s, kinetics)
    count = int(np.count_nonzero(where))
    if not count:
        raise KineticsError("Nothing enhances inside the breast; there is nothing to fit.")
    signals = [sitk.GetArrayViewFromImage(phase.image) for phase in series.phases]
    before = [phase.precontrast for phase in series.phases]
    if arterial is None and kinetics.aif == "measured":
        arterial = _vessel(case, series, signals, times_s, before, tr_ms, flip, kinetics)
    t1, note = _t1(case, series, where, tr_ms, kinetics, part(progress, 0.0, 0.1))
    fit = fit_volume(
        signals,
        times_s,
        where,
        before,
        tr_ms=tr_ms,
        flip_degrees=flip,
        settings=kinetics,
        t1_ms=t1,
        arterial=arterial,
        progress=part(progress, 0.1, 1.0),
    )
    maps = {role: np.nan_to_num(values).astype(np.float32) for role, values in fit.maps.items()}
    failed = int(np.count_nonzero(fit.failed))
    residual = float(np.nanmedian(fit.residual))
    closing = f"kinetics: {failed} of {count} voxels failed and are 0; median residual {residual:.3g} mmol/L."
    return Fitted(maps, fit, (*([note] if note else []), *fit.steps, closing))


def _vessel(case, series, signals, times_s, before, tr_ms, flip, kinetics) -> ArterialInput:
    if VESSEL not in case.regions:
        raise ArterialInputError(
            f"A measured arterial input needs the outline of a vessel; the case has no region {VESSEL!r}.",
            "Outline an artery, or choose a population arterial input.",
        )
    return measured_input(
        signals,
        mask_array(resample_mask(case.regions[VESSEL], series.phases[0].image, "nearest")),
        times_s,
        before,
        tr_ms=tr_ms,
        flip_degrees=flip,
        relaxivity=kinetics.relaxivity,
        blood_t1_ms=kinetics.blood_t1_ms,
        haematocrit=kinetics.haematocrit,
    )


def _t1(
    case: Case,
    series: DynamicSeries,
    where: np.ndarray,
    tr_ms: float,
    kinetics: Kinetics,
    progress: Progress,
) -> tuple[np.ndarray | None, str]:
    """T1 (k, j, i) in ms and where it came from; None to assume the one of the settings."""
    grid = series.phases[0].image
    if case.has("t1map"):
        sequence = case.sequence("t1map")
        image = resample_image(sequence.image, grid, sitk.Transform(3, sitk.sitkIdentity), "linear")
        found, source = sitk.GetArrayFromImage(image), f"the sequence {sequence.name}"
    else:
        angles = {angle: i for angle, i in sorted(series.flip_angles.items()) if same_grid(i, grid)}
        if len(angles) < 2:
            return None, ""
        fit = t1_map(
            [sitk.GetArrayViewFromImage(image) for image in angles.values()],
            list(angles),
            tr_ms,
            mask=where,
            progress=progress,
        )
        found, source = fit.t1_ms, f"flip angles {', '.join(f'{angle:g}°' for angle in angles)}"
    usable = np.isfinite(found) & (found > 0)
    lacking = int(np.count_nonzero(where & ~usable))
    note = f"kinetics: T1 from {source}"
    note += f"; {kinetics.t1_ms:g} ms assumed in {lacking} voxels without one." if lacking else "."
    return np.where(usable, found, kinetics.t1_ms), note


def _number(text: str | None) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) and value > 0 else None
