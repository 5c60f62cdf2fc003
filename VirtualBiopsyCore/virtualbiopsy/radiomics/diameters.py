"""Largest distances between the vertices of the mesh of a mask.

Source: IBSI reference manual, section 3.1.11 (maximum 3D diameter L0JK); pyradiomics' diameters in a slice,
column and row.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist


def _extremes(points: np.ndarray, axis: int) -> np.ndarray:
    """Keep the first and last point of each line along ``axis``: the others lie between them."""
    others = [n for n in range(points.shape[1]) if n != axis]
    order = np.lexsort((points[:, axis], *(points[:, n] for n in others)))
    points = points[order]
    change = (np.diff(points[:, others], axis=0) != 0).any(axis=1)
    return points[np.concatenate(([True], change)) | np.concatenate((change, [True]))]


def hull_points(points: np.ndarray) -> np.ndarray:
    """Candidates for the ends of the longest distance: corners of the convex hull, or all if it is flat."""
    if len(points) > 32:
        try:
            return points[ConvexHull(points).vertices]
        except QhullError:
            pass
    return points


def longest(points: np.ndarray) -> float:
    """Longest distance between two of the points (n, d); 0 for a single point."""
    ends = hull_points(points)
    return float(pdist(ends).max()) if len(ends) > 1 else 0.0


def maximum_diameter(vertices: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """Largest distance in mm between two vertices (n, 3) given in voxels, spacing (dk, dj, di)."""
    return longest(_extremes(vertices, 2) * np.asarray(spacing, dtype=float))


def maximum_planar_diameter(vertices: np.ndarray, spacing: tuple[float, float, float], axis: int) -> float:
    """Largest distance in mm between two vertices that share their coordinate along ``axis``.

    axis 0: within an axial slice (k fixed), 1: a column (j fixed), 2: a row (i fixed).
    """
    others = [n for n in range(3) if n != axis]
    order = np.argsort(vertices[:, axis], kind="stable")
    plane = vertices[order, axis]
    points = vertices[order][:, others] * np.asarray(spacing, dtype=float)[others]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(plane)) + 1))
    low = np.minimum.reduceat(points, starts)
    high = np.maximum.reduceat(points, starts)
    bounds = np.linalg.norm(high - low, axis=1)
    stops = np.append(starts[1:], len(points))
    best = 0.0
    for n in np.argsort(-bounds):
        if bounds[n] <= best:
            break
        best = max(best, longest(_extremes(points[starts[n] : stops[n]], 1)))
    return best
