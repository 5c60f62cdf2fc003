"""Semi-quantitative maps of a dynamic series: how much, how fast and how long tissue enhances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ...progress import Progress, silent

FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        "pe": "100·(S_early − S_pre)/S_pre",
        "ser": "(S_early − S_pre)/(S_late − S_pre), limited to 0…3",
        "washin": "PE_early/t_early",
        "washout": "(PE_late − PE_early)/(t_late − t_early), negative where contrast agent washes out",
        "ttp": "centre of the phase with the largest enhancement after the injection",
        "maxslope": "largest (PE_n+1 − PE_n)/(t_n+1 − t_n), from S_pre at the injection on",
        "curvetype": "(S_late − S_early)/S_early: above 10 % persistent (1), within plateau (2), below −10 % "
        "wash-out (3); 0 without enhancement",
    }
)
"""The formulas by role: S signal, PE = 100·(S − S_pre)/S_pre, t after the injection (minutes in slopes)."""

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "pe": "%",
        "ser": "1",
        "washin": "%/min",
        "washout": "%/min",
        "ttp": "s",
        "maxslope": "%/min",
        "curvetype": "1",
    }
)
TIMED = frozenset({"washin", "washout", "ttp", "maxslope"})
"""Maps that need the times of the phases."""
LATE = frozenset({"ser", "washout", "curvetype"})
"""Maps that need a late phase."""
SER_LIMIT = 3.0
"""Largest ratio, as in the vendor's maps; where the late phase does not enhance at all it is this."""
PLATEAU = 0.10
"""Change from the early to the late signal up to which a curve is a plateau (ACR BI-RADS MRI, 2013)."""
PERSISTENT, PLATEAU_TYPE, WASHOUT = 1, 2, 3
ENHANCING_SDS = 3.0
_ROUNDING = 1e-4


@dataclass(frozen=True, eq=False)
class Signals:
    """Phases of one grid and what is known about them.

    Attributes
    ----------
    phases : signal (k, j, i) of every phase, any numeric type.
    precontrast : indices of the phases before the contrast agent. early, late : indices; late may be None.
    times_s : centre of every phase in seconds after the injection, ascending; None if times are not known.
    noise_sd, floor : in units of the signal, see :class:`virtualbiopsy.prepare.kinetics.noise.Noise`.
    """

    phases: Sequence[np.ndarray]
    precontrast: tuple[int, ...]
    early: int
    late: int | None
    times_s: tuple[float, ...] | None
    noise_sd: float = 0.0
    floor: float = 0.0


@dataclass(frozen=True, eq=False)
class SemiQuantitative:
    """Maps by role, float32 (k, j, i), and where they mean something.

    Attributes
    ----------
    maps : see :data:`FORMULAS`; 0 where a map is not defined.
    usable : bool, where the pre-contrast signal reaches the floor; everywhere else all maps are 0.
    enhancing : bool, where the early or the late phase lies 3 standard deviations of the difference above the
        pre-contrast signal; elsewhere ser, ttp and curvetype are 0.
    """

    maps: Mapping[str, np.ndarray]
    usable: np.ndarray
    enhancing: np.ndarray


def semiquantitative(
    signals: Signals, roles: Collection[str], progress: Progress = silent
) -> SemiQuantitative:
    """Compute the maps of :data:`FORMULAS` that are asked for.

    S_pre is the mean of the pre-contrast phases. A voxel whose S_pre lies below the floor gets 0 in every
    map. Only two phases are needed for pe, three for maps of :data:`LATE`.

    Raises
    ------
    ValueError : an unknown role, or one that needs times or a late phase where there are none.
    Cancelled : the progress callback asked to stop.
    """
    roles = tuple(dict.fromkeys(roles))
    _check(signals, roles)
    progress(0.0, "Mean of the pre-contrast phases")
    pre = np.zeros(signals.phases[0].shape)
    for index in signals.precontrast:
        pre += signals.phases[index]
    pre /= len(signals.precontrast)
    usable = (pre >= signals.floor) & (pre > 0)
    base = np.where(usable, pre, 1.0)

    def enhancement(index: int) -> np.ndarray:
        """PE of a phase, %."""
        result = np.subtract(signals.phases[index], pre)
        result *= 100.0
        result /= base
        result[~usable] = 0.0
        return result

    progress(0.1, "Early enhancement")
    early = enhancement(signals.early)
    late = None if signals.late is None else enhancement(signals.late)
    least = ENHANCING_SDS * signals.noise_sd * np.sqrt(1 + 1 / len(signals.precontrast))
    largest = early if late is None else np.maximum(early, late)
    enhancing = usable & (largest * base > 100.0 * least) & (largest > _ROUNDING)

    maps: dict[str, np.ndarray] = {}
    if "pe" in roles:
        maps["pe"] = early
    if "ser" in roles:
        maps["ser"] = _ratio(early, late, enhancing)
    if "curvetype" in roles:
        maps["curvetype"] = curve_types(early, late, enhancing)
    if "washin" in roles:
        maps["washin"] = early * (60.0 / signals.times_s[signals.early])
    if "washout" in roles:
        maps["washout"] = (late - early) * (
            60.0 / (signals.times_s[signals.late] - signals.times_s[signals.early])
        )
    if {"ttp", "maxslope"} & set(roles):
        peak, slope = _course(signals, enhancement, progress)
        if "ttp" in roles:
            maps["ttp"] = np.where(enhancing, peak, 0.0)
        if "maxslope" in roles:
            maps["maxslope"] = slope
    progress(1.0, "Semi-quantitative maps")
    return SemiQuantitative(
        {role: np.asarray(maps[role], dtype=np.float32) for role in roles}, usable, enhancing
    )


def curve_types(early: np.ndarray, late: np.ndarray, enhancing: np.ndarray) -> np.ndarray:
    """Type of the curve after the early phase, uint8: 0 none, 1 persistent, 2 plateau, 3 wash-out.

    Parameters
    ----------
    early, late : percent enhancement. enhancing : where there is a curve at all.

    The change is that of the signal, (S_late − S_early)/S_early, which the ±10 % of ACR BI-RADS (5th edition,
    2013, MRI, kinetic curve assessment) refer to.
    """
    change = (late - early) / np.where(enhancing, 100.0 + early, 1.0)
    kind = np.where(change > PLATEAU, PERSISTENT, np.where(change < -PLATEAU, WASHOUT, PLATEAU_TYPE))
    return np.where(enhancing, kind, 0).astype(np.uint8)


def _ratio(early: np.ndarray, late: np.ndarray, enhancing: np.ndarray) -> np.ndarray:
    gone = late <= 0
    ratio = np.where(gone, SER_LIMIT, early / np.where(gone, 1.0, late))
    return np.where(enhancing, np.clip(ratio, 0.0, SER_LIMIT), 0.0)


def _course(signals: Signals, enhancement, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Time of the largest enhancement (s) and steepest rise (%/min) over the post-contrast phases."""
    post = [n for n in range(len(signals.phases)) if n not in signals.precontrast]
    before, time = 0.0, 0.0
    highest = peak = slope = None
    for done, index in enumerate(post):
        progress(0.2 + 0.8 * done / len(post), f"Time course, phase {index + 1} of {len(signals.phases)}")
        value, now = enhancement(index), signals.times_s[index]
        rise = (value - before) * (60.0 / (now - time))
        if highest is None:
            highest, peak, slope = value.copy(), np.full(value.shape, now), rise
        else:
            higher = value > highest
            peak[higher] = now
            np.maximum(highest, value, out=highest)
            np.maximum(slope, rise, out=slope)
        before, time = value, now
    return peak, slope


def _check(signals: Signals, roles: Sequence[str]) -> None:
    unknown = set(roles) - set(FORMULAS)
    if unknown:
        raise ValueError(f"no semi-quantitative map: {', '.join(sorted(unknown))}")
    if signals.late is None and LATE & set(roles):
        raise ValueError(f"no late phase for {', '.join(sorted(LATE & set(roles)))}")
    if signals.times_s is None and TIMED & set(roles):
        raise ValueError(f"no times for {', '.join(sorted(TIMED & set(roles)))}")
