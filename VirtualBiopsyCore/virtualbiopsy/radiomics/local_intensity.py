"""Intensity peaks: means over a ball of 1 cm³.

Source: IBSI reference manual, section 3.2 (9ST6): local intensity peak VJGA, global intensity peak 0F91.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

RADIUS = (3 / (4 * math.pi)) ** (1 / 3) * 10
"""Of the ball, in mm."""

Box = tuple[slice, slice, slice]


def reach(spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Voxels (k, j, i) around a region on which its peaks depend."""
    k, j, i = (int(RADIUS / step + 1e-9) for step in spacing)
    return k, j, i


def ball_means(
    image: np.ndarray, box: Box, inside: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Mean of the voxels whose centre is within RADIUS of each voxel of a region, the region or not.

    Parameters
    ----------
    image : (k, j, i); what lies beyond its border does not count. box : of the region, in the image.
    inside : bool of the box's shape. spacing : (dk, dj, di) in mm.

    Returns
    -------
    (n,) means in the order of ``np.flatnonzero(inside)``; NaN or infinite where such a voxel is in the ball.
    """
    near = reach(spacing)
    start = [max(0, b.start - r) for b, r in zip(box, near, strict=True)]
    stop = [min(n, b.stop + r) for b, r, n in zip(box, near, image.shape, strict=True)]
    window = image[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))].astype(np.float64)
    margins = [
        (r - (b.start - a), r - (z - b.stop)) for b, r, a, z in zip(box, near, start, stop, strict=True)
    ]
    total = _ball_sums(np.pad(window, margins), inside.shape, near, spacing)
    if any(map(any, margins)):
        count = _ball_sums(np.pad(np.ones(window.shape), margins), inside.shape, near, spacing)[inside]
    else:
        count = sum((2 * half + 1) * len(rows) for half, rows in _rows(near, spacing).items())
    return total[inside] / count


def _rows(
    near: tuple[int, int, int], spacing: tuple[float, float, float]
) -> dict[int, list[tuple[int, int]]]:
    """The ball as rows along i: for each half length in voxels, the places (dk, dj) of the rows."""
    found: dict[int, list[tuple[int, int]]] = {}
    for dk in range(-near[0], near[0] + 1):
        for dj in range(-near[1], near[1] + 1):
            left = RADIUS**2 - (dk * spacing[0]) ** 2 - (dj * spacing[1]) ** 2
            if left >= 0:
                found.setdefault(int(math.sqrt(left) / spacing[2] + 1e-9), []).append((dk, dj))
    return found


def _ball_sums(
    values: np.ndarray,
    shape: tuple[int, ...],
    near: tuple[int, int, int],
    spacing: tuple[float, float, float],
) -> np.ndarray:
    """Sums over the ball around each voxel of a box of this shape; `values` has a margin of `near` voxels."""
    rows = _rows(near, spacing)
    total = np.zeros(shape)
    middle, width = near[2], shape[2]
    along = values[:, :, middle : middle + width].copy()
    for half in range(max(rows) + 1):
        if half:
            along += values[:, :, middle - half : middle - half + width]
            along += values[:, :, middle + half : middle + half + width]
        for dk, dj in rows.get(half, ()):
            k, j = near[0] + dk, near[1] + dj
            total += along[k : k + shape[0], j : j + shape[1]]
    return total


def _local(values: np.ndarray, means: np.ndarray) -> float:
    """Of several voxels with the highest intensity the one with the highest peak counts."""
    return float(means[values == values.max()].max())


FEATURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "local_intensity_peak": _local,
    "global_intensity_peak": lambda values, means: float(means.max()),
}
"""By name: a function of the intensities (n,) of a region and of the means around its voxels."""
