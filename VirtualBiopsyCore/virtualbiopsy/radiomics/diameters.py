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

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

PLANE_DIRECTIONS = (4, 16)
"""Directions in a half-turn, first few, then more for what is left."""
ALL_PAIRS = 400
"""Up to so many points all pairs are compared."""

_FEW = 120
"""Up to so many, a table of all distances is faster than scipy's list of them."""


def line_ends(points: np.ndarray, axis: int) -> np.ndarray:
    """Keep the first and last point of each line along ``axis``: the others lie between them."""
    others = [n for n in range(points.shape[1]) if n != axis]
    order = np.lexsort((points[:, axis], *(points[:, n] for n in others)))
    points = points[order]
    change = (np.diff(points[:, others], axis=0) != 0).any(axis=1)
    return points[np.concatenate(([True], change)) | np.concatenate((change, [True]))]


@cache
def _plane_directions(count: int) -> tuple[np.ndarray, float]:
    """(count, 2) unit vectors of a half-turn, and the smallest cosine to the nearest."""
    angles = np.arange(count) * (math.pi / count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1), math.cos(math.pi / 2 / count) * (1 - 1e-9)


@cache
def _space_directions() -> tuple[np.ndarray, float]:
    """(49, 3) unit vectors of a half-space, and a lower bound of the cosine to the nearest.

    They point to the surface of a cube of 5 × 5 × 5 grid points. No direction is farther from one than the
    middle of a square on a face from its corners, arccos(2 / √4.5) = 19.5°.
    """
    grid = itertools.product((-2.0, -1.0, 0.0, 1.0, 2.0), repeat=3)
    half = np.array([d for d in grid if max(map(abs, d)) == 2 and d > (0, 0, 0)])
    return half / np.linalg.norm(half, axis=1, keepdims=True), 2 / math.sqrt(4.5)


def _far_corner(points: np.ndarray) -> np.ndarray:
    """(n,) distance of each point from the farthest corner of the box around all."""
    low, high = points.min(axis=0), points.max(axis=0)
    gap = np.abs(points - (low + high) / 2) + (high - low) / 2
    return np.sqrt(np.einsum("na,na->n", gap, gap))


def _candidates(points: np.ndarray) -> np.ndarray:
    """Points (n, 3) of which two may be the farthest apart."""
    directions, cosine = _space_directions()
    ends = points[_far_corner(points).argsort()[-64:]]
    points = points[_far_corner(points) >= _widest(ends) * (1 - 1e-9)]
    along = directions @ points.T
    low, high = along.min(axis=1), along.max(axis=1)
    ends = points[along.argmax(axis=1)] - points[along.argmin(axis=1)]
    reach = math.sqrt((ends * ends).sum(axis=1).max()) * cosine * (1 - 1e-9)
    return points[((along >= (low + reach)[:, None]) | (along <= (high - reach)[:, None])).any(axis=0)]


def longest(points: np.ndarray) -> float:
    """Longest distance between two of the points (n, d), d = 2 or 3; 0 for a single point."""
    if len(points) > ALL_PAIRS and points.shape[1] == 3:
        points = _candidates(points)
    if len(points) > ALL_PAIRS:
        with contextlib.suppress(QhullError):
            points = points[ConvexHull(points).vertices]
    return _widest(points)


def _widest(points: np.ndarray) -> float:
    """Longest of all distances between points (n, d)."""
    if len(points) > _FEW:
        return float(pdist(points).max())
    square = np.zeros((len(points), len(points)))
    for column in points.T:
        gap = column[:, None] - column
        gap *= gap
        square += gap
    return math.sqrt(square.max(initial=0.0))


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
    for count in PLANE_DIRECTIONS if len(place) > ALL_PAIRS else PLANE_DIRECTIONS[-1:]:
        directions, cosine = _plane_directions(count)
        along = directions @ points
        low = np.minimum.reduceat(along, starts, axis=1)
        high = np.maximum.reduceat(along, starts, axis=1)
        width = (high - low).max(axis=0)
        best = float(width.max())
        wide = width >= best * cosine
        reach = best * cosine
        far = along >= np.repeat(low + reach, sizes, axis=1)
        far |= along <= np.repeat(high - reach, sizes, axis=1)
        kept = far.any(axis=0)
        kept &= np.repeat(wide, sizes)
        sizes = np.add.reduceat(kept, starts, dtype=np.int64)[wide]
        points, width = points[:, kept], width[wide]
        starts = np.cumsum(sizes) - sizes
    for n in np.argsort(-width):
        if width[n] < best * cosine:
            break
        best = max(best, longest(points[:, starts[n] : starts[n] + sizes[n]].T))
    return best
