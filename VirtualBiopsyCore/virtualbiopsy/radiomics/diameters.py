"""Largest distances between the vertices of the mesh of a mask.

Source: IBSI reference manual, section 3.1.11 (maximum 3D diameter L0JK); pyradiomics' diameters in a slice,
column and row.

Distances are searched by projections. Among directions of which every other one is at most an angle φ away,
the pair at the largest distance D spans at least D cos φ along one. So with any distance L that was found
already, only points that lie L cos φ from the other end along some direction can belong to that pair.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

PLANE_DIRECTIONS = 16
_PLANE_COSINE = math.cos(math.pi / 2 / PLANE_DIRECTIONS) * (1 - 1e-9)
"""The two points at the largest distance span at least this share of it along one of the directions."""

ALL_PAIRS = 1000
"""Up to so many points all pairs are compared."""

_FEW = 120
"""Up to so many, a table of all distances takes no longer than the products that show which is longest."""


class FlatHullError(ArithmeticError):
    """The points lie in one plane and have no hull in space."""


def convex_hull(points: np.ndarray) -> ConvexHull:
    """Hull of points (n, d).

    Raises
    ------
    FlatHullError : the points lie in one plane (d = 3) or on one line.
    """
    # Here, since scipy.spatial takes some 40 MB of memory that most regions do not need.
    from scipy.spatial import ConvexHull, QhullError

    try:
        return ConvexHull(points)
    except QhullError as error:
        raise FlatHullError("The points lie in one plane.") from error


_ROWS = 100
"""Rows of a product of matrices at a time."""


def line_ends(points: np.ndarray, axis: int) -> np.ndarray:
    """Keep the first and last point of each line along ``axis``: the others lie between them."""
    others = [n for n in range(points.shape[1]) if n != axis]
    order = np.lexsort((points[:, axis], *(points[:, n] for n in others)))
    points = points[order]
    change = (np.diff(points[:, others], axis=0) != 0).any(axis=1)
    return points[np.concatenate(([True], change)) | np.concatenate((change, [True]))]


@cache
def _plane_directions(count: int) -> np.ndarray:
    """(count, 2) unit vectors of a half-turn; for 4, every second one is along an axis."""
    angles = np.arange(count) * (math.pi / count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@cache
def _space_directions(half: int) -> np.ndarray:
    """(d, 3) unit vectors of a half-space: to the grid points on the surface of a cube from -half to half."""
    grid = itertools.product(np.arange(-half, half + 1.0), repeat=3)
    found = np.array([d for d in grid if max(map(abs, d)) == half and d > (0, 0, 0)])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


_COSINE = 2 / math.sqrt(4.5) * (1 - 1e-9)
"""No direction is farther from one to the grid points with half = 2 than the middle of a square on a face of
the cube from its corners."""


def _candidates(points: np.ndarray) -> np.ndarray:
    """Points (n, 3) of which two may be the farthest apart.

    A first long distance comes from the ends along a few directions. The two points are at least that far
    apart, so each is as far from any centre as that distance less the farthest point's.
    """
    along = _space_directions(1) @ points.T
    one, other = points[along.argmin(axis=1)], points[along.argmax(axis=1)]
    square = ((one - other) ** 2).sum(axis=1)
    longest = int(square.argmax())
    gap = points - (one[longest] + other[longest]) / 2
    radius = np.sqrt(np.einsum("na,na->n", gap, gap))
    points = points[radius >= (math.sqrt(square[longest]) - radius.max()) * (1 - 1e-9)]
    along = _space_directions(2) @ points.T
    low, high = along.min(axis=1), along.max(axis=1)
    ends = points[along.argmax(axis=1)] - points[along.argmin(axis=1)]
    reach = math.sqrt((ends * ends).sum(axis=1).max()) * _COSINE
    return points[((along >= (low + reach)[:, None]) | (along <= (high - reach)[:, None])).any(axis=0)]


def longest(points: np.ndarray) -> float:
    """Longest distance between two of the points (n, d), d = 2 or 3; 0 for a single point."""
    if len(points) > ALL_PAIRS and points.shape[1] == 3:
        points = _candidates(points)
    if len(points) > ALL_PAIRS:
        with contextlib.suppress(FlatHullError):
            points = points[convex_hull(points).vertices]
    return _widest(points)


def _widest(points: np.ndarray, group: np.ndarray | None = None) -> float:
    """Longest of all distances between points (n, d), of the same group (n,) if there are groups."""
    if len(points) > _FEW and group is None:
        return _longest_by_products(points)
    square = np.zeros((len(points), len(points)))
    for column in points.T:
        gap = column[:, None] - column
        gap *= gap
        square += gap
    if group is not None:
        square *= group[:, None] == group
    return math.sqrt(square.max(initial=0.0))


def _longest_by_products(points: np.ndarray) -> float:
    """Longest distance between points (n, d): |a|² + |b|² - 2 ab says which pair it is."""
    points = points - points.mean(axis=0)
    square = np.einsum("na,na->n", points, points)[:, None]
    one = np.ones_like(square)
    left, right = np.hstack([-2 * points, square, one]), np.hstack([points, one, square]).T
    best = 0.0
    for start in range(0, len(points), _ROWS):
        table = left[start : start + _ROWS] @ right[:, start:]
        row, column = divmod(int(table.argmax()), table.shape[1])
        gap = points[start + row] - points[start + column]
        best = max(best, float(gap @ gap))
    return math.sqrt(best)


def maximum_planar_diameter(vertices: np.ndarray, spacing: tuple[float, float, float], axis: int) -> float:
    """Largest distance in mm between two vertices that share their coordinate along ``axis``.

    axis 0: within an axial slice (k fixed), 1: a column (j fixed), 2: a row (i fixed).
    """
    first, second = (n for n in range(3) if n != axis)
    place = np.rint(2 * vertices[:, axis]).astype(np.int16)
    order = np.argsort(place, kind="stable")
    place = place[order]
    columns = (vertices[:, n].take(order) * spacing[n] for n in (first, second))
    points = np.stack(tuple(columns))
    starts = np.concatenate(([0], np.flatnonzero(place[1:] != place[:-1]) + 1))
    sizes = np.diff(starts, append=len(place))
    along = _plane_directions(4) @ points
    low, high = np.minimum.reduceat(along, starts, axis=1), np.maximum.reduceat(along, starts, axis=1)
    best = float((high - low).max())
    gap = along[::2] - np.repeat((low[::2] + high[::2]) / 2, sizes, axis=1)
    gap *= gap
    radius = np.sqrt(gap[0] + gap[1])
    reach = best * (1 - 1e-9) - np.maximum.reduceat(radius, starts)
    kept = np.flatnonzero(radius >= np.repeat(reach, sizes))
    points, place = points[:, kept], place[kept]
    if len(place) <= _FEW:
        return _widest(points.T, place)
    starts = np.concatenate(([0], np.flatnonzero(place[1:] != place[:-1]) + 1))
    stops = np.append(starts[1:], len(place))
    along = _plane_directions(PLANE_DIRECTIONS) @ points
    low, high = np.minimum.reduceat(along, starts, axis=1), np.maximum.reduceat(along, starts, axis=1)
    width = (high - low).max(axis=0)
    best = max(best, float(width.max()))
    for n in np.argsort(-width):
        if width[n] < best * _PLANE_COSINE:
            break
        best = max(best, longest(points[:, starts[n] : stops[n]].T))
    return best
