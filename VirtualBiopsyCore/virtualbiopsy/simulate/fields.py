"""Smooth random fields, cheap enough to be drawn by the dozen on a head grid.

A field is a coarse lattice of normal deviates, upsampled by cubic B-splines; because the basis separates, the
upsampling is three small matrix products. Its spectrum is that of the B-spline, its correlation length about
the lattice step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def bspline_matrix(coordinates: np.ndarray, count: int) -> np.ndarray:
    """Return (n, count) weights of a uniform cubic B-spline at lattice `coordinates` (1 = first inner knot).

    Rows sum to one wherever 1 <= coordinate <= count - 2.
    """
    distance = np.abs(np.asarray(coordinates, dtype=np.float64)[:, None] - np.arange(count)[None, :])
    inner = 2 / 3 - distance**2 + distance**3 / 2
    outer = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, inner, outer).astype(np.float32)


class Lattice:
    """A B-spline lattice over a box given by its axes.

    Parameters
    ----------
    axes : three increasing coordinate arrays (z, y, x) in mm, the positions of the voxels of a grid.
    step : lattice step in mm, one number or one for each axis.
    """

    def __init__(self, axes: Sequence[np.ndarray], step: float | Sequence[float]) -> None:
        steps = np.broadcast_to(np.asarray(step, dtype=float), (3,))
        self.knots: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        for axis, size in zip(axes, steps, strict=True):
            count = int(np.ceil((axis[-1] - axis[0]) / size)) + 4
            first = axis[0] - size
            self.knots.append(first + size * np.arange(count))
            self._weights.append(bspline_matrix((axis - first) / size, count))
        self.shape = tuple(len(k) for k in self.knots)

    def upsample(self, coefficients: np.ndarray) -> np.ndarray:
        """Return float32 (k, j, i) values on the grid from lattice coefficients of shape `self.shape`."""
        wz, wy, wx = self._weights
        a = np.asarray(coefficients, dtype=np.float32)
        a = np.tensordot(a, wx, axes=(2, 1))
        a = np.matmul(wy, a)
        return np.tensordot(wz, a, axes=(1, 0))

    def noise(self, rng: np.random.Generator) -> np.ndarray:
        """Return a float32 field with mean 0 and standard deviation about 1."""
        return self.upsample(rng.standard_normal(self.shape, dtype=np.float32) * _UNIT)


# The sum of squared cubic B-spline weights, averaged over positions, is 151/315 for each axis.
_UNIT = np.float32((315 / 151) ** 1.5)


def smooth_noise(
    axes: Sequence[np.ndarray], step: float | Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Return a smooth random field (mean 0, sd about 1) on the grid of `axes`; correlation length `step`."""
    return Lattice(axes, step).noise(rng)


def fractal_noise(
    axes: Sequence[np.ndarray], step: float, rng: np.random.Generator, octaves: int = 3, decay: float = 0.6
) -> np.ndarray:
    """Return a sum of smooth fields with halving steps and amplitudes falling by `decay`, sd about 1."""
    total = np.zeros(tuple(len(a) for a in axes), dtype=np.float32)
    power = 0.0
    for octave in range(octaves):
        amplitude = decay**octave
        total += np.float32(amplitude) * smooth_noise(axes, step / 2**octave, rng)
        power += amplitude**2
    return total / np.float32(np.sqrt(power))


def radial_noise(
    points: np.ndarray, rng: np.random.Generator, *, stretch: float, reach: float = 0.1
) -> np.ndarray:
    """Return noise drawn out along rays from the origin, sd about 1.

    Parameters
    ----------
    points : (3, …) coordinates in mm from where the rays begin.
    stretch, reach : cells per unit of direction, and per mm along the ray.
    """
    r = np.sqrt((points**2).sum(axis=0)) + 1e-3
    noise = ndimage.gaussian_filter(rng.standard_normal((40, 40, 40), dtype=np.float32), 1.0, mode="wrap")
    noise /= noise.std()
    scale = stretch + reach * r
    return ndimage.map_coordinates(
        noise, np.stack([20 + p / r * scale for p in points]), order=1, mode="wrap", output=np.float32
    )


def open_axes(
    axes: Sequence[np.ndarray], origin: Sequence[float] = (0.0, 0.0, 0.0)
) -> tuple[np.ndarray, ...]:
    """Return the coordinates (z, y, x) from `origin` as float32 arrays that broadcast to (k, j, i)."""
    shapes = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
    return tuple(
        (axis - start).astype(np.float32).reshape(shape)
        for axis, start, shape in zip(axes, origin, shapes, strict=True)
    )


def ramp(values: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Return the share of a voxel inside a distance field: 1 inside, 0 outside, linear over `width`."""
    return np.clip(0.5 - values / np.float32(width), 0, 1).astype(np.float32, copy=False)
