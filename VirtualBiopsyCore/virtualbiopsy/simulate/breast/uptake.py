"""Forward model: concentration of contrast agent over time (extended Tofts), voxel by voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...prepare.kinetics.aif import ArterialInput

_STEP_S = 0.5


def tofts_responses(arterial: ArterialInput, kep: Sequence[float], times_s: Sequence[float]) -> np.ndarray:
    """Return the convolution of the arterial input with exp(-kep t), in mmol/l · min.

    Computed by the recursion of a piecewise linear input, which is exact for that input: over a step h with
    values a, b at its ends, y(t+h) = y(t) e + a (1 - e)/k + (b - a)/h (h/k - (1 - e)/k²), e = exp(-k h)
    (Flouri et al., Magn Reson Med 76:998, 2016).

    Parameters
    ----------
    kep : (n,) 1/min, positive.  times_s : (m,) seconds after the injection; before it the response is 0.

    Returns
    -------
    (n, m) float64.
    """
    times = np.asarray(times_s, dtype=float)
    rate = np.asarray(kep, dtype=float) / 60.0
    last = max(float(times.max(initial=0.0)), _STEP_S)
    grid = np.arange(0.0, last + 2 * _STEP_S, _STEP_S)
    plasma = arterial.at(grid)
    h = _STEP_S
    decay = np.exp(-rate * h)
    first = -np.expm1(-rate * h) / rate
    slope = (h - first) / rate / h
    response = np.zeros((len(rate), len(grid)))
    for n in range(1, len(grid)):
        a, b = plasma[n - 1], plasma[n]
        response[:, n] = response[:, n - 1] * decay + a * first + (b - a) * slope
    at = np.clip(times / h, 0, len(grid) - 1.001)
    low = at.astype(int)
    part = at - low
    return (response[:, low] * (1 - part) + response[:, low + 1] * part) / 60.0


def concentration(
    arterial: ArterialInput,
    times_s: Sequence[float],
    ktrans: np.ndarray,
    ve: np.ndarray,
    vp: np.ndarray,
    *,
    delay_s: float = 0.0,
    table: int = 240,
) -> np.ndarray:
    """Return the concentration in tissue, mmol/l: C = vp Cp + Ktrans (Cp * exp(-kep t)), kep = Ktrans/ve.

    Parameters
    ----------
    times_s : (m,) seconds after the injection.
    ktrans, ve, vp : arrays of one shape; ktrans in 1/min.
    table : size of the table of kep (logarithmic, 0.01 to 20 per minute) between which is interpolated.

    Returns
    -------
    (m, *shape) float32.
    """
    times = np.asarray(times_s, dtype=float) - delay_s
    ktrans = np.asarray(ktrans, dtype=float)
    low, high = np.log(0.01), np.log(20.0)
    responses = tofts_responses(arterial, np.exp(np.linspace(low, high, table)), times)
    kep = np.clip(ktrans / np.maximum(ve, 1e-6), 0.01, 20.0)
    at = np.clip((np.log(kep) - low) / (high - low) * (table - 1), 0, table - 1.001)
    index = at.astype(int)
    part = at - index
    plasma = arterial.at(times)
    out = np.empty((len(times), *ktrans.shape), dtype=np.float32)
    for number in range(len(times)):
        row = responses[:, number]
        out[number] = vp * plasma[number] + ktrans * (row[index] * (1 - part) + row[index + 1] * part)
    return out
