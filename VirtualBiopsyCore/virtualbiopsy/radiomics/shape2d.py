"""Shape of a region that lies in one slice, as pyradiomics measures it with ``force2D``.

The outline joins the midpoints between inside and outside pixels (marching squares); inside pixels that touch
only diagonally are apart. It is never built: each square of 2 × 2 pixel centres adds its share of the area
and its part of the outline according to which of its corners are inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from .diameters import line_ends, longest


class FlatShape:
    """Geometry of a mask in one slice.

    Parameters
    ----------
    mask : (j, i) bool with at least two pixels. spacing : (dj, di) in mm.
    """

    def __init__(self, mask: np.ndarray, spacing: tuple[float, float]) -> None:
        self.mask = np.pad(np.asarray(mask, dtype=bool), 1)
        self.spacing = spacing

    @cached_property
    def pixel_surface(self) -> float:
        return float(np.count_nonzero(self.mask)) * math.prod(self.spacing)

    @cached_property
    def _squares(self) -> tuple[float, float]:
        """Area and length of the outline."""
        m = self.mask
        first, second, third, fourth = m[:-1, :-1], m[:-1, 1:], m[1:, 1:], m[1:, :-1]
        inside = first.astype(np.int8) + second + third + fourth
        one, two, three, four = (np.count_nonzero(inside == n) for n in (1, 2, 3, 4))
        diagonal = np.count_nonzero((inside == 2) & (first == third))
        along_i = np.count_nonzero((inside == 2) & (first == second))
        along_j = two - diagonal - along_i
        dj, di = self.spacing
        corner = math.hypot(dj, di) / 2
        area = one / 8 + (two - diagonal) / 2 + diagonal / 4 + three * 7 / 8 + four
        return area * dj * di, (one + three + 2 * diagonal) * corner + along_i * di + along_j * dj

    @property
    def surface(self) -> float:
        return self._squares[0]

    @property
    def perimeter(self) -> float:
        return self._squares[1]

    @cached_property
    def diameter(self) -> float:
        points = []
        for axis in range(2):
            found = np.argwhere(np.diff(self.mask, axis=axis)).astype(np.float64)
            found[:, axis] += 0.5
            points.append(found)
        return longest(line_ends(np.concatenate(points), 1) * self.spacing)

    @cached_property
    def axes(self) -> np.ndarray:
        """Lengths of the major and the minor axis in mm: 4 √ of the eigenvalues of the covariance."""
        coordinates = np.argwhere(self.mask) * np.asarray(self.spacing)
        values = np.linalg.eigvalsh(np.cov(coordinates, rowvar=False, bias=True))[::-1]
        return 4 * np.sqrt(np.where(values > 1e-12 * values[0], values, 0.0))


def _roundness(shape: FlatShape) -> float:
    return 2 * math.sqrt(math.pi * shape.surface) / shape.perimeter


FEATURES: dict[str, Callable[[FlatShape], float]] = {
    "mesh_surface": lambda s: s.surface,
    "pixel_surface": lambda s: s.pixel_surface,
    "perimeter": lambda s: s.perimeter,
    "perimeter_to_surface_ratio": lambda s: s.perimeter / s.surface,
    "sphericity": _roundness,
    "spherical_disproportion": lambda s: 1 / _roundness(s),
    "maximum_diameter": lambda s: s.diameter,
    "major_axis_length": lambda s: float(s.axes[0]),
    "minor_axis_length": lambda s: float(s.axes[1]),
    "elongation": lambda s: float(s.axes[1] / s.axes[0]),
}
"""By name: a function of :class:`FlatShape`."""
