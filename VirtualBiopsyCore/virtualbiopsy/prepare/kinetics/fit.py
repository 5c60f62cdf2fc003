"""Parameter maps of a dynamic series: signal to concentration, then a Tofts model in every voxel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArterialInputError, GeometryError, KineticsError, PrecontrastError
from ...progress import Progress, silent
from ..model import Kinetics
from .aif import POPULATIONS, ArterialInput, population_input
from .curves import (
    CHUNK,
    FAILED,
    FITTED,
    NO_UPTAKE,
    OUTSIDE,
    STATUS,
    Bounds,
    CurveFitter,
    check_bounds,
    check_times,
    fit_table,
    joined,
)
from .signal import concentration_from_signal
from .tofts import WashoutTable

_STRONGEST = 0.1
_SAMPLE = 20_000


@dataclass(frozen=True, eq=False)
class KineticFit:
    """Parameter maps of one dynamic series, each (k, j, i).

    Attributes
    ----------
    model : "tofts" or "extended_tofts".
    ktrans, kep : 1/min. ve, vp : volume fractions; vp is None in the Tofts model.
    residual : root mean square of the residuals, mmol/L.
    status : uint8, key of :data:`virtualbiopsy.prepare.kinetics.curves.STATUS`. Maps are NaN outside the mask
        and where the fit failed; voxels without uptake have Ktrans = ve = kep = 0.
    counts : number of voxels of the mask by text of their status.
    delay_s : arrival of the arterial input after t = 0 that was used.
    arterial : the arterial input. bounds : of the parameters.
    steps : provenance, one sentence each, with the figures.
    """

    model: str
    ktrans: np.ndarray
    kep: np.ndarray
    ve: np.ndarray
    vp: np.ndarray | None
    residual: np.ndarray
    status: np.ndarray
    counts: Mapping[str, int]
    delay_s: float
    arterial: ArterialInput
    bounds: Bounds = field(default_factory=Bounds)
    steps: tuple[str, ...] = ()

    @property
    def failed(self) -> np.ndarray:
        """(k, j, i) bool: voxels of the mask whose fit failed."""
        return np.isin(self.status, FAILED)

    @property
    def maps(self) -> dict[str, np.ndarray]:
        """The parameter maps by role: ktrans, kep, ve and, in the extended model, vp."""
        maps = {"ktrans": self.ktrans, "kep": self.kep, "ve": self.ve}
        return maps if self.vp is None else {**maps, "vp": self.vp}


def fit_volume(
    series: Sequence[np.ndarray] | np.ndarray,
    times_s: ArrayLike,
    mask: np.ndarray,
    precontrast: ArrayLike,
    *,
    tr_ms: float,
    flip_degrees: float,
    settings: Kinetics | None = None,
    t1_ms: float | np.ndarray | None = None,
    arterial: ArterialInput | None = None,
    delay_s: float | None = None,
    bounds: Bounds | None = None,
    progress: Progress = silent,
) -> KineticFit:
    """Fit the model of `settings` in every voxel of a mask.

    Parameters
    ----------
    series : signal of the phases, each (k, j, i), all on one grid.
    times_s : (phases,) effective times (middle of each phase) after the injection.
    mask : (k, j, i), where to fit. precontrast : (phases,) flags; their mean is the baseline.
    tr_ms, flip_degrees : repetition time and flip angle of the series.
    settings : model, arterial input, relaxivity, T1 and haematocrit; the defaults without.
    t1_ms : T1 before contrast agent, a map (k, j, i) or one value; None takes the one of `settings`.
    arterial : the arterial input; None takes the population that `settings` names.
    delay_s : arrival of the arterial input after t = 0; None finds it (see :func:`arrival_delay`) for a
        population, and is 0 for a measured input and for a table.

    Raises
    ------
    PrecontrastError : no phase is marked as pre-contrast, or all are.
    PhaseTimeError : times missing, equal or unsorted. GeometryError : shapes differ.
    ArterialInputError : the input is missing, zero or negative at all phases, or too short.
    KineticsError : the mask is empty, the sequence parameters are unusable, too few phases, or the fit fails
        in every voxel.
    Cancelled : through `progress`.
    """
    settings, bounds = settings or Kinetics(), check_bounds(bounds or Bounds())
    times = check_times(times_s, len(series))
    inside, before = _check_volumes(series, mask, precontrast)
    if arterial is None:
        arterial = _population(settings)
    t1 = settings.t1_ms if t1_ms is None else t1_ms
    t1_inside = np.asarray(t1, dtype=np.float64)
    if t1_inside.ndim:
        if t1_inside.shape != inside.shape:
            raise GeometryError("The T1 map and the dynamic series have different sizes.")
        t1_inside = t1_inside[inside]
    voxels, flat = np.flatnonzero(inside), [np.asarray(phase).reshape(-1) for phase in series]

    def concentration(chosen: np.ndarray) -> np.ndarray:
        signal = np.array([phase[voxels[chosen]] for phase in flat], dtype=np.float64)
        return concentration_from_signal(
            signal,
            signal[before].mean(axis=0),
            t1_inside[chosen] if t1_inside.ndim else t1_inside,
            tr_ms=tr_ms,
            flip_degrees=flip_degrees,
            relaxivity=settings.relaxivity,
        )

    progress(0.0, "Integrating the arterial input")
    table = WashoutTable(arterial, times, delay_s=-30.0, kep_range=bounds.kep)
    how = "as given"
    if delay_s is None and arterial.kind in POPULATIONS:
        some = np.arange(0, len(voxels), 1 + len(voxels) // _SAMPLE)
        delay_s = arrival_delay(
            concentration(some),
            table,
            model=settings.model,
            bounds=bounds,
            earliest_s=float(times[before].max()),
        )
        how = "found by the smallest residual of the mean of the most enhancing tenth of the voxels"
    elif delay_s is None:
        delay_s, how = 0.0, "none, as it comes with its own times"
    fitter, parts = CurveFitter(table.delayed(delay_s), settings.model, bounds), []
    for start in range(0, len(voxels), CHUNK):
        progress(0.1 + 0.9 * start / len(voxels), "Fitting the pharmacokinetic model")
        parts.append(fitter.fit(concentration(np.arange(start, min(start + CHUNK, len(voxels))))))
    found = joined(parts)
    counts = {text: int(np.sum(found.status == code)) for code, text in STATUS.items() if code != OUTSIDE}
    if not np.isin(found.status, (FITTED, NO_UPTAKE)).any():
        raise KineticsError(
            f"The pharmacokinetic fit failed in all {found.status.size} voxels: {_listed(counts)}.",
            "Check T1, flip angle, repetition time, the times and the arterial input.",
        )
    steps = (
        f"kinetics: signal to concentration with TR {tr_ms:g} ms, flip angle {flip_degrees:g}°, relaxivity "
        f"{settings.relaxivity:g} 1/(mmol/L)/s and T1 "
        f"{'from a map' if t1_inside.ndim else f'of {float(t1_inside):g} ms, assumed'}.",
        f"kinetics: arterial input {arterial.kind}, arrival {delay_s:g} s ({how}). {arterial.source}".strip(),
        f"kinetics: {settings.model.replace('_', ' ')} model in {found.status.size} voxels with Ktrans ≤ "
        f"{bounds.ktrans:g} 1/min, ve ≤ {bounds.ve:g}, vp ≤ {bounds.vp:g} and kep {bounds.kep[0]:g}–"
        f"{bounds.kep[1]:g} 1/min: {_listed(counts)}.",
    )
    status = np.zeros(inside.shape, dtype=np.uint8)
    status[inside] = found.status
    maps = {name: _map(getattr(found, name), inside) for name in ("ktrans", "kep", "ve", "vp", "residual")}
    if settings.model == "tofts":
        maps["vp"] = None
    return KineticFit(
        model=settings.model,
        **maps,
        status=status,
        counts=counts,
        delay_s=float(delay_s),
        arterial=arterial,
        bounds=bounds,
        steps=steps,
    )


def arrival_delay(
    concentration: np.ndarray, table: WashoutTable, *, model: str, bounds: Bounds, earliest_s: float = -30.0
) -> float:
    """The arrival of the arterial input in s, to a tenth of a second: where the model fits best.

    The curve that is fitted is the mean of the tenth of the voxels with the highest mean concentration.
    Sought from `earliest_s` (at least −30) to 60 s.

    Parameters
    ----------
    concentration : (phases, n) mmol/L; columns with NaN are left out. table : of the phases.

    Raises
    ------
    KineticsError, ArterialInputError : as :func:`virtualbiopsy.prepare.kinetics.curves.fit_table`.
    """
    usable = concentration[:, np.isfinite(concentration).all(axis=0)]
    if not usable.shape[1]:
        return 0.0
    uptake = usable.mean(axis=0)
    curve = usable[:, uptake >= np.quantile(uptake, 1.0 - _STRONGEST)].mean(axis=1)[:, None]

    def misfit(delay: float) -> float:
        found = fit_table(curve, table.delayed(delay), model=model, bounds=bounds)
        return float(found.residual[0])

    first = max(earliest_s, -30.0)
    # Later than this too few phases would remain for a fit.
    last = max(first, min(60.0, float(table.times_s[-min(5, len(table.times_s))])))
    best, tried = first, {}
    for offsets in (np.arange(0.0, last - first, 2.0), np.arange(-1.5, 1.6, 0.5), np.arange(-0.4, 0.45, 0.1)):
        for delay in (np.round(best + offsets, 1) + 0.0).tolist():
            if first <= delay <= last:
                tried.setdefault(delay, misfit(delay))
        best = min(tried, key=tried.__getitem__, default=first)
    return best


def _population(settings: Kinetics) -> ArterialInput:
    if settings.aif not in POPULATIONS:
        raise ArterialInputError(
            f"The preparation asks for an arterial input that is {settings.aif}, and none was given.",
            "Draw a vessel or choose a table, or choose a population arterial input.",
        )
    return population_input(settings.aif, haematocrit=settings.haematocrit)


def _check_volumes(
    series: Sequence[np.ndarray] | np.ndarray, mask: np.ndarray, precontrast: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """The mask and the flags of the pre-contrast phases as bool arrays."""
    inside, before = np.asarray(mask) > 0, np.asarray(precontrast, dtype=bool)
    if any(np.shape(phase) != inside.shape for phase in series):
        raise GeometryError("The phases and the mask of the pharmacokinetic fit have different sizes.")
    if before.shape != (len(series),):
        raise PrecontrastError(f"{before.size} pre-contrast marks were given for {len(series)} phases.")
    if not before.any() or before.all():
        raise PrecontrastError(
            f"{'All phases are' if before.any() else 'No phase is'} marked as pre-contrast.",
            "Mark the phases that were acquired before the contrast agent arrived.",
        )
    if not inside.any():
        raise KineticsError("The mask of the pharmacokinetic fit holds no voxel.", "Outline a region first.")
    return inside, before


def _map(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    volume = np.full(inside.shape, np.nan)
    volume[inside] = values
    return volume


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{text} in {n}" for text, n in counts.items() if n)
