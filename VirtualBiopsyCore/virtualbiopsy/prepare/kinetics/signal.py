"""Signal of a spoiled gradient echo and concentration of the contrast agent, each from the other.

Steady state of an ideally spoiled gradient echo (Haacke et al. 1999, eq. 18.14; Frahm et al. 1986):

    S = S0 · sin α · (1 − E1) / (1 − cos α · E1),   E1 = exp(−TR · R1)

and a linear relation of relaxation rate and concentration (fast exchange): R1 = 1/T1 + r1 · C.
T2* decay, inflow and errors of the flip angle are neglected. Times are in ms, flip angles in degrees,
relaxivities in 1/(mmol/L)/s, concentrations in mmol/L. All arrays broadcast against each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import KineticsError


def spoiled_signal(
    r1_per_s: ArrayLike, *, tr_ms: ArrayLike, flip_degrees: ArrayLike, s0: ArrayLike = 1.0
) -> np.ndarray:
    """Signal for these longitudinal relaxation rates in 1/s.

    Raises
    ------
    KineticsError : repetition time or flip angle outside what the formula holds for.
    """
    check_sequence(tr_ms, flip_degrees)
    alpha = np.deg2rad(np.asarray(flip_degrees, dtype=np.float64))
    e1 = np.exp(-np.asarray(tr_ms, dtype=np.float64) * 1e-3 * np.asarray(r1_per_s, dtype=np.float64))
    return np.asarray(s0) * np.sin(alpha) * (1.0 - e1) / (1.0 - np.cos(alpha) * e1)


def signal_from_concentration(
    concentration: ArrayLike,
    t1_ms: ArrayLike,
    *,
    tr_ms: float,
    flip_degrees: ArrayLike,
    relaxivity: float,
    s0: ArrayLike = 1.0,
) -> np.ndarray:
    """Signal at this concentration of the contrast agent (mmol/L) in tissue with T1 before contrast agent.

    With concentration (phase, k, j, i) and maps (k, j, i) of T1 and S0 the result is (phase, k, j, i).

    Raises
    ------
    KineticsError : as :func:`spoiled_signal`.
    """
    r10 = 1e3 / np.asarray(t1_ms, dtype=np.float64)
    r1 = r10 + relaxivity * np.asarray(concentration, dtype=np.float64)
    return spoiled_signal(r1, tr_ms=tr_ms, flip_degrees=flip_degrees, s0=s0)


def concentration_from_signal(
    signal: ArrayLike,
    baseline: ArrayLike,
    t1_ms: ArrayLike,
    *,
    tr_ms: float,
    flip_degrees: ArrayLike,
    relaxivity: float,
) -> np.ndarray:
    """Concentration in mmol/L from the signal, relative to the signal before contrast agent.

    Parameters
    ----------
    signal : (phase, …). baseline : (…), mean signal before contrast agent. t1_ms : scalar or (…).

    Returns
    -------
    Shape of `signal`, float64; NaN where no concentration gives that signal (it is not between 0 and
    S0 sin α, or the baseline or T1 is not positive). Slightly negative values come from noise and are kept.

    Raises
    ------
    KineticsError : as :func:`spoiled_signal`, or the relaxivity is not positive.
    """
    check_sequence(tr_ms, flip_degrees)
    if not relaxivity > 0:
        raise KineticsError(f"The relaxivity is {relaxivity:g}; it must be positive, in 1/(mmol/L)/s.")
    cosine = np.cos(np.deg2rad(np.asarray(flip_degrees, dtype=np.float64)))
    tr_s = tr_ms * 1e-3
    baseline = np.asarray(baseline, dtype=np.float64)
    t1_ms = np.asarray(t1_ms, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        r10 = np.where(t1_ms > 0, 1e3 / t1_ms, np.nan)
        e10 = np.exp(-tr_s * r10)
        # S / S0 sin α before contrast agent; the ratio to the baseline gives it afterwards.
        before = (1.0 - e10) / (1.0 - cosine * e10)
        after = np.where(baseline > 0, before / baseline, np.nan) * np.asarray(signal, dtype=np.float64)
        e1 = (1.0 - after) / (1.0 - cosine * after)
        r1 = np.where((after > 0) & (after < 1), -np.log(e1) / tr_s, np.nan)
    return (r1 - r10) / relaxivity


def check_sequence(tr_ms: ArrayLike, flip_degrees: ArrayLike) -> None:
    """Raise a KineticsError unless TR is positive (ms) and the flip angle lies between 0 and 180 degrees."""
    tr, flip = np.asarray(tr_ms, dtype=np.float64), np.asarray(flip_degrees, dtype=np.float64)
    if not np.all(tr > 0):
        raise KineticsError(
            f"The repetition time is {tr_ms} ms; concentrations need a positive one.",
            "Enter the repetition time of the dynamic series in ms.",
        )
    if not np.all((flip > 0) & (flip < 180)):
        raise KineticsError(
            f"The flip angle is {flip_degrees} degrees; concentrations need one between 0 and 180.",
            "Enter the flip angle of the dynamic series in degrees.",
        )
