"""Cubic B-spline on a grid parallel to that of the image, as matrix products along the three axes.

The numbers are those of ITK's BSplineInterpolateImageFunction but for the order of rounding: its recursive
decomposition (Unser, IEEE Trans Signal Process 1993;41:821), started within 1e-10 and mirrored at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..radiomics.products import along

POLE = math.sqrt(3) - 2
_HORIZON = math.ceil(math.log(1e-10) / math.log(-POLE))


@lru_cache(maxsize=16)
def _decomposition(samples: int) -> np.ndarray:
    """(n, n) the matrix that takes samples to coefficients of the spline."""
    values = np.eye(samples)
    if samples == 1:
        return values
    values *= (1 - POLE) * (1 - 1 / POLE)
    if samples > _HORIZON:
        values[0] = POLE ** np.arange(_HORIZON) @ values[:_HORIZON]
    else:
        powers = POLE ** np.arange(samples)
        mirrored = POLE ** (2 * samples - 2 - np.arange(samples))
        powers[1:-1] += mirrored[1:-1]
        values[0] = powers @ values / (1 - POLE ** (2 * samples - 2))
    for n in range(1, samples):
        values[n] += POLE * values[n - 1]
    values[-1] = POLE / (POLE * POLE - 1) * (POLE * values[-2] + values[-1])
    for n in range(samples - 2, -1, -1):
        values[n] = POLE * (values[n + 1] - values[n])
    return values


def _evaluation(at: np.ndarray, samples: int) -> np.ndarray:
    """(m, n) the matrix that takes samples to values at continuous indices (m,)."""
    base = np.floor(at).astype(np.int64)
    t = at - base
    w3 = t**3 / 6
    w0 = 1 / 6 + t * (t - 1) / 2 - w3
    w2 = t + w0 - 2 * w3
    places = base[:, None] + np.arange(-1, 3)
    if samples == 1:
        places[:] = 0
    else:
        period = 2 * (samples - 1)
        places = np.abs((places + samples - 1) % period - (samples - 1))
    coefficients = _decomposition(samples)
    found = np.zeros((len(at), samples))
    for weight, place in zip((w0, 1 - w0 - w2 - w3, w2, w3), places.T, strict=True):
        found += weight[:, None] * coefficients[place]
    return found


def within(at: np.ndarray, samples: int) -> np.ndarray:
    """Which of the continuous indices (m,) are at most half a voxel outside n samples."""
    return np.flatnonzero((at >= -0.5) & (at < samples - 0.5))


def spline_on_grid(image: np.ndarray, at: Sequence[np.ndarray]) -> np.ndarray:
    """Values of the cubic B-spline through an image, zero beyond half a voxel outside it.

    Parameters
    ----------
    image : (k, j, i) numbers. at : continuous indices along k, j and i.

    Returns
    -------
    (len(at[0]), len(at[1]), len(at[2])) float64.
    """
    found = np.ascontiguousarray(image, dtype=np.float64)
    for axis in (2, 1, 0):
        places, samples = np.asarray(at[axis], dtype=np.float64), image.shape[axis]
        reached = within(places, samples)
        matrix = np.zeros((len(places), samples))
        matrix[reached] = _evaluation(places[reached], samples)
        found = along(found, matrix, axis)
    return found
