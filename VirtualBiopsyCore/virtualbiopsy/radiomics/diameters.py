"""Largest distances between the vertices of the mesh of a mask.

Source: IBSI reference manual, section 3.1.11 (maximum 3D diameter L0JK); pyradiomics' diameters in a slice,
column and row.
"""

from __future__ import annotations

import contextlib

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist


def line_ends(points: np.ndarray, axis: int) -> np.ndarray:
    """Keep the first and last point of each line along ``axis``: the others lie between them."""
    others = [n for n in range(points.shape[1]) if n != axis]
    order = np.lexsort((points[:, axis], *(points[:, n] for n in others)))
    points = points[order]
    change = (np.diff(points[:, others], axis=0) != 0).any(axis=1)
    return points[np.concatenate(([True], change)) | np.concatenate((change, [True]))]


def longest(points: np.ndarray) -> float:
    """Longest distance between two of the points (n, d); 0 for a single point."""
    if len(points) > 32:
        with contextlib.suppress(QhullError):
            points = points[ConvexHull(points).vertices]
    return float(pdist(points).max()) if len(points) > 1 else 0.0


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
        best = max(best, longest(line_ends(points[starts[n] : stops[n]], 1)))
    return best
