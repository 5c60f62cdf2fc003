"""Arterial input: concentration of the contrast agent in blood plasma over time.

Populations, for a bolus of 0.1 mmol/kg and t = 0 at its arrival:

parker : Parker et al. 2006, Magn Reson Med 56:993, eq. 1 and table 1 (whole blood, mmol/L).
georgiou : Georgiou et al. 2019, Magn Reson Med 81:1844, eq. 1 and table 3 (whole blood), the form of
    Horsfield et al. 2009 with recirculation.
weinmann : Weinmann et al. 1984 as written by Tofts and Kermode 1991, Magn Reson Med 17:357 (plasma).

Whole blood is turned into plasma by division by 1 − haematocrit.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from math import lgamma, log
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArterialInputError, UnreadableFileError
from .signal import concentration_from_signal

POPULATIONS = ("parker", "georgiou", "weinmann")
_STEP_S = 0.25
_NOTHING = 1e-3
_LONGEST_S = 1800.0
_LARGEST_TABLE = 4 * 1024**2


@dataclass(frozen=True, eq=False)
class ArterialInput:
    """Plasma concentration over time, linear between its points and zero before the first.

    Attributes
    ----------
    kind : "parker", "georgiou", "weinmann", "measured" or "table".
    times_s : (n,) strictly increasing; 0 is the injection (populations: the arrival of the bolus).
    plasma : (n,) mmol/L of blood plasma.
    source : where it comes from, one sentence.

    Raises
    ------
    ArterialInputError : fewer than two points, times not increasing, values not finite, or none above
        0.001 mmol/L (a thousandth of what blood holds at any time after a usual dose).
    """

    kind: str
    times_s: np.ndarray
    plasma: np.ndarray
    source: str = ""

    def __post_init__(self) -> None:
        times = np.asarray(self.times_s, dtype=np.float64)
        plasma = np.asarray(self.plasma, dtype=np.float64)
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "plasma", plasma)
        where = f"The arterial input ({self.kind})"
        if times.ndim != 1 or times.shape != plasma.shape or times.size < 2:
            raise ArterialInputError(
                f"{where} has {times.size} times and {plasma.size} values; two or more of each are needed."
            )
        if not (np.isfinite(times).all() and np.isfinite(plasma).all()):
            raise ArterialInputError(
                f"{where} holds values that are not finite.",
                "Choose other voxels of the vessel, or a population arterial input.",
            )
        if not (np.diff(times) > 0).all():
            raise ArterialInputError(f"{where} has times that do not increase.", "Sort the rows by time.")
        if not (plasma > _NOTHING).any():
            raise ArterialInputError(
                f"{where} is zero or negative at all times.",
                "Draw the vessel where it enhances, or choose a population arterial input.",
            )

    def at(self, times_s: ArrayLike) -> np.ndarray:
        """Plasma concentration in mmol/L at these times in s.

        Raises
        ------
        ArterialInputError : a time lies more than a second after the last point.
        """
        times = np.asarray(times_s, dtype=np.float64)
        if times.size and times.max() > self.times_s[-1] + 1.0:
            raise ArterialInputError(
                f"The arterial input ({self.kind}) ends at {self.times_s[-1]:.0f} s, "
                f"the dynamic series at {times.max():.0f} s.",
                "Give an arterial input that covers the whole dynamic series.",
            )
        return np.interp(times, self.times_s, self.plasma, left=0.0)


def parker(times_s: ArrayLike) -> np.ndarray:
    """Whole-blood concentration of Parker's population in mmol/L; 0 before t = 0."""
    t = np.asarray(times_s, dtype=np.float64) / 60.0
    value = np.zeros_like(t)
    for area, centre, width in ((0.809, 0.17046, 0.0563), (0.330, 0.365, 0.132)):
        value += area / (width * np.sqrt(2 * np.pi)) * np.exp(-((t - centre) ** 2) / (2 * width**2))
    late = np.maximum(t, 0.0)
    value += 1.050 * np.exp(-0.1685 * late) / (1.0 + np.exp(-38.078 * (late - 0.483)))
    return np.where(t >= 0, value, 0.0)


def georgiou(times_s: ArrayLike) -> np.ndarray:
    """Whole-blood concentration of Georgiou's population in mmol/L; 0 before t = 0."""
    t = np.asarray(times_s, dtype=np.float64) / 60.0
    alpha, beta, period = 5.26, 0.032, 0.129
    decay = sum(a * np.exp(-m * np.maximum(t, 0.0)) for a, m in ((0.37, 0.11), (0.33, 1.17), (10.06, 16.02)))
    passes = np.zeros_like(t)
    last = int(max(0.0, float(t.max(initial=0.0))) / period)
    for n in range(last + 1):
        since = t - n * period
        shape = (n + 1) * alpha + n
        inside = since > 0
        exponent = shape * np.log(since[inside]) - since[inside] / beta
        passes[inside] += np.exp(exponent - (shape + 1) * log(beta) - lgamma(shape + 1))
    return decay * passes


def weinmann(times_s: ArrayLike, dose: float = 0.1) -> np.ndarray:
    """Plasma concentration of Weinmann's population in mmol/L for `dose` in mmol/kg; 0 before t = 0."""
    t = np.asarray(times_s, dtype=np.float64) / 60.0
    late = np.maximum(t, 0.0)
    return np.where(t >= 0, dose * (3.99 * np.exp(-0.144 * late) + 4.78 * np.exp(-0.0111 * late)), 0.0)


def population_input(name: str, *, haematocrit: float = 0.42) -> ArterialInput:
    """A population arterial input, every 0.25 s for half an hour, t = 0 at the arrival of the bolus.

    Raises
    ------
    ArterialInputError : the population is unknown, or the haematocrit not in 0…1.
    """
    check_haematocrit(haematocrit)
    times = np.arange(0.0, _LONGEST_S + _STEP_S, _STEP_S)
    if name == "weinmann":
        return ArterialInput(name, times, weinmann(times), "Weinmann 1984, Tofts and Kermode 1991; plasma.")
    if name not in POPULATIONS:
        raise ArterialInputError(
            f"There is no population arterial input called {name!r}.",
            f"Choose {', '.join(POPULATIONS)}, or measure one.",
        )
    blood, paper = (parker, "Parker 2006") if name == "parker" else (georgiou, "Georgiou 2019")
    source = f"{paper}; whole blood, divided by 1 − haematocrit ({haematocrit:g})."
    return ArterialInput(name, times, blood(times) / (1.0 - haematocrit), source)


def measured_input(
    series: ArrayLike,
    mask: ArrayLike,
    times_s: ArrayLike,
    precontrast: ArrayLike,
    *,
    tr_ms: float,
    flip_degrees: float,
    relaxivity: float,
    blood_t1_ms: float = 1440.0,
    haematocrit: float = 0.42,
) -> ArterialInput:
    """The arterial input of a vessel that was drawn in the dynamic series itself.

    The signal is averaged over the mask before it is converted. Inflow and partial volume are not corrected.

    Parameters
    ----------
    series : (phase, k, j, i). mask : (k, j, i), the vessel. times_s : (phase,) as for the fit.
    precontrast : (phase,) flags of the phases before the contrast agent.

    Raises
    ------
    ArterialInputError : the mask is empty, no phase is pre-contrast, the signal cannot be converted, or the
        concentration is zero or negative at all times.
    KineticsError : repetition time, flip angle or relaxivity are unusable.
    """
    check_haematocrit(haematocrit)
    inside = np.asarray(mask) > 0
    before = np.asarray(precontrast, dtype=bool)
    if not inside.any():
        raise ArterialInputError(
            "The outline of the vessel for the arterial input holds no voxel.", "Draw it in an artery."
        )
    if not before.any():
        raise ArterialInputError(
            "No phase is marked as pre-contrast; an arterial input cannot be measured without one.",
            "Mark the phases before the contrast agent, or choose a population arterial input.",
        )
    curve = np.array([np.asarray(phase)[inside].mean(dtype=np.float64) for phase in series])
    blood = concentration_from_signal(
        curve,
        curve[before].mean(),
        blood_t1_ms,
        tr_ms=tr_ms,
        flip_degrees=flip_degrees,
        relaxivity=relaxivity,
    )
    if not np.isfinite(blood).all():
        raise ArterialInputError(
            f"The signal of the vessel fits no concentration in {np.sum(~np.isfinite(blood))} of "
            f"{blood.size} phases (saturation, or a wrong flip angle or T1 of blood).",
            "Draw another vessel, or choose a population arterial input.",
        )
    source = (
        f"Measured in {int(inside.sum())} voxels with T1 of blood {blood_t1_ms:g} ms and "
        f"haematocrit {haematocrit:g}."
    )
    return ArterialInput("measured", np.asarray(times_s), blood / (1.0 - haematocrit), source)


def read_input_table(path: str | Path, *, haematocrit: float = 0.42) -> ArterialInput:
    """The arterial input of a CSV table with a header.

    Columns: the time as ``time_s`` or ``time_min``, and the concentration in mmol/L as ``plasma`` or
    ``blood`` (divided by 1 − haematocrit). Others are ignored.

    Raises
    ------
    UnreadableFileError : the file is missing, too large, not text, or lacks a column.
    ArterialInputError : a cell is not a number, or the values are unusable (see :class:`ArterialInput`).
    """
    check_haematocrit(haematocrit)
    path = Path(path)
    hint = "Write a CSV table with the columns time_s (or time_min) and plasma (or blood), in mmol/L."
    try:
        if path.stat().st_size > _LARGEST_TABLE:
            raise UnreadableFileError(f"{path.name} is too large for a table of an arterial input.", hint)
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFileError(f"{path.name} cannot be read as a table: {error}.", hint) from error
    names = {(name or "").strip().lower(): name for name in (rows[0] if rows else {})}
    time = next((name for name in ("time_s", "time_min") if name in names), None)
    value = next((name for name in ("plasma", "blood") if name in names), None)
    if time is None or value is None:
        raise UnreadableFileError(f"{path.name} has no column for the time or for the concentration.", hint)
    try:
        table = np.array([[float(row[names[time]]), float(row[names[value]])] for row in rows])
    except (TypeError, ValueError) as error:
        raise ArterialInputError(f"{path.name} holds a cell that is not a number: {error}.", hint) from error
    times, values = table.T * np.array([[60.0 if time == "time_min" else 1.0], [1.0]])
    if value == "blood":
        values = values / (1.0 - haematocrit)
    return ArterialInput("table", times, values, f"Table {path.name}, column {value}.")


def check_haematocrit(haematocrit: float) -> None:
    """Raise an ArterialInputError unless the haematocrit is in 0 ≤ h < 1."""
    if not 0.0 <= haematocrit < 1.0:
        raise ArterialInputError(f"The haematocrit is {haematocrit:g}; it must lie between 0 and 1.")
