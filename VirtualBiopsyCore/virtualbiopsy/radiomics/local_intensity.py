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
    values = np.pad(window, margins)
    known = np.pad(np.ones(window.shape), margins)
    size = inside.shape
    total, count = np.zeros(size), np.zeros(size)
    for dk in range(-near[0], near[0] + 1):
        for dj in range(-near[1], near[1] + 1):
            left = RADIUS**2 - (dk * spacing[0]) ** 2 - (dj * spacing[1]) ** 2
            if left < 0:
                continue
            half = int(math.sqrt(left) / spacing[2] + 1e-9)
            rows = (slice(near[0] + dk, near[0] + dk + size[0]), slice(near[1] + dj, near[1] + dj + size[1]))
            for di in range(-half, half + 1):
                columns = slice(near[2] + di, near[2] + di + size[2])
                total += values[(*rows, columns)]
                count += known[(*rows, columns)]
    return total[inside] / count[inside]


def _local(values: np.ndarray, means: np.ndarray) -> float:
    """Of several voxels with the highest intensity the one with the highest peak counts."""
    return float(means[values == values.max()].max())


FEATURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "local_intensity_peak": _local,
    "global_intensity_peak": lambda values, means: float(means.max()),
}
"""By name: a function of the intensities (n,) of a region and of the means around its voxels."""
