"""T1 before contrast agent from spoiled gradient echoes with several flip angles.

linear : S / sin α = E1 · S / tan α + S0 (1 − E1), a straight line through the points of the flip angles (Fram
    et al. 1987, Magn Reson Imaging 5:201; Deoni et al. 2003, Magn Reson Med 49:515).
nonlinear : least squares of the signal itself, without the uneven weights of the linear form. Given T1 the
    signal is linear in S0, so it is a search along T1 alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import GeometryError, KineticsError
from ...progress import Progress, silent
from .search import smooth_maximum
from .signal import check_sequence, spoiled_signal

METHODS = ("nonlinear", "linear")
T1_RANGE_MS = (10.0, 10_000.0)
_NODES = 64
_CHUNK = 16_384


@dataclass(frozen=True, eq=False)
class T1Fit:
    """T1 and S0 maps, each (k, j, i).

    Attributes
    ----------
    t1_ms : ms; s0 : unit of the signal; residual : root mean square of the residuals of the signal. NaN
        outside the mask and where the fit failed (a signal that is not positive, or T1 at its bound).
    fitted, failed : number of voxels of the mask.
    steps : provenance, one sentence.
    """

    t1_ms: np.ndarray
    s0: np.ndarray
    residual: np.ndarray
    fitted: int
    failed: int
    steps: tuple[str, ...] = ()


def t1_map(
    images: Sequence[np.ndarray] | np.ndarray,
    flip_degrees: ArrayLike,
    tr_ms: ArrayLike,
    *,
    mask: np.ndarray | None = None,
    method: str = "nonlinear",
    b1: np.ndarray | None = None,
    progress: Progress = silent,
) -> T1Fit:
    """Fit T1 and S0 in every voxel of a mask.

    Parameters
    ----------
    images : signal at each flip angle, each (k, j, i). flip_degrees : (angles,), at least two different ones.
    tr_ms : repetition time, one or (angles,); the linear method wants one.
    mask : (k, j, i), where to fit; None for everywhere. method : one of :data:`METHODS`.
    b1 : (k, j, i) actual over nominal flip angle; None takes the nominal ones.

    Raises
    ------
    KineticsError : unknown method, fewer than two different flip angles, unusable TR or angles, an empty
        mask, or a fit that fails in every voxel.
    GeometryError : sizes differ. Cancelled : through `progress`.
    """
    flips = np.asarray(flip_degrees, dtype=np.float64)
    check_sequence(tr_ms, flips)
    repetition = np.broadcast_to(np.asarray(tr_ms, dtype=np.float64), flips.shape)
    _check(images, flips, repetition, method)
    shape = np.shape(images[0])
    inside = np.ones(shape, dtype=bool) if mask is None else np.asarray(mask) > 0
    if any(np.shape(a) != shape for a in (*images, inside, *(() if b1 is None else (b1,)))):
        raise GeometryError("The images for the T1 map have different sizes.")
    if not inside.any():
        raise KineticsError("The mask of the T1 map holds no voxel.", "Outline a region first.")
    signal = np.array([np.asarray(image)[inside] for image in images], dtype=np.float64)
    scale = np.ones(signal.shape[1]) if b1 is None else np.asarray(b1, dtype=np.float64)[inside]
    t1, s0 = np.full((2, signal.shape[1]), np.nan)
    usable = np.flatnonzero((np.isfinite(signal) & (signal > 0)).all(axis=0) & (scale > 0))
    solve = _nonlinear if method == "nonlinear" else _linear
    for start in range(0, len(usable), _CHUNK):
        progress(start / len(usable), "Fitting the T1 map")
        part = usable[start : start + _CHUNK]
        t1[part], s0[part] = solve(signal[:, part], flips[:, None] * scale[part], repetition)
    low, high = T1_RANGE_MS
    good = (t1 > 1.001 * low) & (t1 < 0.999 * high)
    t1[~good] = s0[~good] = np.nan
    if not good.any():
        raise KineticsError(
            f"The T1 fit failed in all {good.size} voxels.", "Check the flip angles and the repetition time."
        )
    model = spoiled_signal(1e3 / t1, tr_ms=repetition[:, None], flip_degrees=flips[:, None] * scale, s0=s0)
    residual = np.sqrt(((signal - model) ** 2).mean(axis=0))
    fitted, failed = int(good.sum()), int((~good).sum())
    angles = ", ".join(f"{angle:g}°" for angle in flips)
    step = (
        f"T1 map: {method} fit of {angles}, {'B1 corrected' if b1 is not None else 'nominal flip angles'}, "
        f"T1 {low:g}–{high:g} ms: fitted in {fitted}, failed in {failed}."
    )
    maps = []
    for values in (t1, s0, residual):
        volume = np.full(shape, np.nan)
        volume[inside] = values
        maps.append(volume)
    return T1Fit(*maps, fitted, failed, (step,))


def _check(
    images: Sequence[np.ndarray] | np.ndarray, flips: np.ndarray, repetition: np.ndarray, method: str
) -> None:
    if method not in METHODS:
        raise KineticsError(f"There is no T1 fit called {method!r}.", f"Choose {' or '.join(METHODS)}.")
    if flips.shape != (len(images),):
        raise KineticsError(f"{flips.size} flip angles were given for {len(images)} images.")
    if len(np.unique(flips)) < 2:
        raise KineticsError(
            "A T1 map needs images with two or more different flip angles.",
            "Add the missing series, or use an assumed T1.",
        )
    if method == "linear" and np.ptp(repetition) > 0:
        raise KineticsError(
            "The linear T1 fit needs the same repetition time for all flip angles.", "Use the nonlinear fit."
        )


def _linear(signal: np.ndarray, flips: np.ndarray, repetition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """T1 in ms and S0 of (angles, n) by a straight line; NaN where its slope is not in 0…1."""
    alpha = np.deg2rad(flips)
    x, y = signal / np.tan(alpha), signal / np.sin(alpha)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = ((x - mean_x) * (y - mean_y)).sum(axis=0) / ((x - mean_x) ** 2).sum(axis=0)
        e1 = np.where((slope > 0) & (slope < 1), slope, np.nan)
        return -repetition[0] / np.log(e1), (mean_y - e1 * mean_x) / (1.0 - e1)


def _nonlinear(
    signal: np.ndarray, flips: np.ndarray, repetition: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """T1 in ms and S0 of (angles, n) by least squares of the signal."""

    def sums(log_t1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        unit = spoiled_signal(1e3 * np.exp(-log_t1), tr_ms=repetition[:, None], flip_degrees=flips)
        return np.einsum("an,an->n", unit, signal), np.einsum("an,an->n", unit, unit)

    def explained(log_t1: np.ndarray) -> np.ndarray:
        product, square = sums(log_t1)
        return product * product / square

    nodes = np.linspace(*np.log(T1_RANGE_MS), _NODES)
    count = signal.shape[1]
    best, most = np.full(count, nodes[0]), np.full(count, -np.inf)
    for node in nodes:
        gain = explained(np.full(count, node))
        better = gain > most
        best[better], most[better] = node, gain[better]
    reach = nodes[1] - nodes[0]
    log_t1 = smooth_maximum(
        explained, np.maximum(best - reach, nodes[0]), np.minimum(best + reach, nodes[-1])
    )
    product, square = sums(log_t1)
    return np.exp(log_t1), product / square
