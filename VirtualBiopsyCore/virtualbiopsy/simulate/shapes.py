"""Distance fields of simple bodies on a grid, computed only around each body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


def smooth_min(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """Return the smaller of two distance fields, rounded over `radius` mm where they meet."""
    blend = np.clip(0.5 + 0.5 * (b - a) / radius, 0, 1)
    return b + (a - b) * blend - radius * blend * (1 - blend)


@dataclass(frozen=True, eq=False)
class Body:
    """Distance field of a body on the part of the grid around it; far away outside."""

    box: tuple[slice, slice, slice]
    distance: np.ndarray

    def __add__(self, other: float | np.ndarray) -> Body:
        """Add a number or a field on the box: positive shrinks the body."""
        return Body(self.box, self.distance + other)

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Body:
        return Body(self.box, function(self.distance))


class Shapes:
    """Distance fields of simple bodies; coordinates RAS, x taken as the distance from the midline."""

    margin = 8.0

    def __init__(self, axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        z, y, x = axes
        self.z = z.astype(np.float32)[:, None, None]
        self.y = -y.astype(np.float32)[None, :, None]
        self.signed_x = -x.astype(np.float32)[None, None, :]
        self.x = np.abs(self.signed_x)

    def _box(self, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice, slice]:
        """Slices of the grid around RAS bounds (x, y, z) of a mirrored body."""
        low, high = np.asarray(low) - self.margin, np.asarray(high) + self.margin
        reach = max(abs(low[0]), abs(high[0]))
        box = []
        for values, a, b in (
            (self.z.ravel(), low[2], high[2]),
            (-self.y.ravel(), -high[1], -low[1]),
            (-self.signed_x.ravel(), -reach, reach),
        ):
            first, last = np.searchsorted(values, (a, b))
            box.append(slice(int(first), int(max(last, first + 1))))
        return tuple(box)

    def _local(
        self, box: tuple[slice, slice, slice]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        k, j, i = box
        return self.x[:, :, i], self.y[:, j], self.z[k], self.signed_x[:, :, i]

    def ellipsoid(self, centre: Sequence[float], radii: Sequence[float], tilt: float = 0.0) -> Body:
        """Approximate distance to an ellipsoid; centre, radii (x, y, z), `tilt` degrees about x."""
        reach = np.array(radii) if not tilt else np.array([radii[0], max(radii), max(radii)])
        box = self._box(np.array(centre) - reach, np.array(centre) + reach)
        x, y, z, _ = self._local(box)
        dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
        if tilt:
            c, s = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
            dy, dz = c * dy + s * dz, -s * dy + c * dz
        norm = np.sqrt((dx / radii[0]) ** 2 + (dy / radii[1]) ** 2 + (dz / radii[2]) ** 2)
        return Body(box, ((norm - 1) * min(radii)).astype(np.float32))

    def tube(self, points: Sequence[Sequence[float]], radii: float | Sequence[float]) -> Body:
        """Distance to a chain of round cones through `points` (x, y, z)."""
        points = [np.asarray(p, dtype=np.float32) for p in points]
        widths = np.broadcast_to(np.asarray(radii, dtype=np.float32), (len(points),))
        r = float(widths.max())
        box = self._box(np.min(points, axis=0) - r, np.max(points, axis=0) + r)
        x, y, z, _ = self._local(box)
        return Body(box, tube_distance((x, y, z), points, widths))


def tube_distance(
    coordinates: Sequence[np.ndarray], points: Sequence[np.ndarray], radii: Sequence[float]
) -> np.ndarray:
    """Return the distance, float32, to a chain of round cones.

    Parameters
    ----------
    coordinates : three arrays that broadcast against each other. points : (n, 3) in the same order, n ≥ 2.
    radii : (n,).
    """
    x, y, z = coordinates
    points = [np.asarray(p, dtype=np.float32) for p in points]
    radii = np.asarray(radii, dtype=np.float32)
    best: np.ndarray | None = None
    for a, b, ra, rb in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        d = b - a
        length = float(d @ d)
        t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1] + (z - a[2]) * d[2]) / length, 0, 1)
        gap = np.sqrt((x - a[0] - t * d[0]) ** 2 + (y - a[1] - t * d[1]) ** 2 + (z - a[2] - t * d[2]) ** 2)
        gap -= ra + (rb - ra) * t
        best = gap if best is None else np.minimum(best, gap)
    return best.astype(np.float32)
