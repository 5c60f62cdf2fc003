"""Splitting a region into compact parts of about the same size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from ...errors import EmptyRegionError, FeatureError, GeometryError

ROUNDS = 20


def supervoxels(mask: np.ndarray, spacing: Sequence[float], count: int, seed: int = 0) -> np.ndarray:
    """Compact parts of a region: k-means of the positions of its voxels, in mm (Lloyd's algorithm).

    The first centres are spread by farthest-point sampling from a voxel drawn with `seed`, so the same mask,
    spacing, count and seed always give the same parts. A part need not be connected where the region is not
    convex.

    Parameters
    ----------
    mask : (k, j, i), non-zero in the region. spacing : (dk, dj, di) in mm. count : number of parts.
    seed : of the first centre.

    Returns
    -------
    (k, j, i) int32: 0 outside, 1…count inside, numbered in the order of their first voxels; fewer parts if
    the region holds fewer voxels than `count`.

    Raises
    ------
    EmptyRegionError, FeatureError, GeometryError
    """
    mask = np.asarray(mask).astype(bool, copy=False)
    if count < 1:
        raise FeatureError(f"A region cannot be split into {count} parts.", "Ask for at least one.")
    if mask.ndim != 3 or len(spacing) != 3 or min(spacing) <= 0:
        raise GeometryError("Splitting a region needs a 3D mask and three positive spacings in mm.")
    places = np.argwhere(mask) * np.asarray(spacing, dtype=np.float64)
    if not len(places):
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    count = min(count, len(places))
    start = int(np.random.default_rng(seed).integers(len(places)))
    part = nearest_means(places, spread(places, count, start))
    labels = np.zeros(mask.shape, dtype=np.int32)
    labels[mask] = in_order(part)
    return labels


def nearest_means(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Lloyd's algorithm from given centres, at most :data:`ROUNDS` rounds.

    Parameters
    ----------
    points : (n, d). centres : (c, d).

    Returns
    -------
    (n,) the number 0…c-1 of each point's centre; a centre may be left without points.
    """
    centres = np.array(centres, dtype=np.float64)
    count = len(centres)
    part = cKDTree(centres).query(points)[1]
    for _ in range(ROUNDS):
        size = np.bincount(part, minlength=count)
        sums = np.stack([np.bincount(part, weights=axis, minlength=count) for axis in points.T], axis=1)
        held = size > 0
        centres[held] = sums[held] / size[held, None]
        moved = cKDTree(centres).query(points)[1]
        if np.array_equal(moved, part):
            break
        part = moved
    return part


def in_order(part: np.ndarray) -> np.ndarray:
    """Numbers (n,) from 1, int32, without gaps, in the order in which they first occur."""
    _, first, part = np.unique(part, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int32)
    order[np.argsort(first)] = np.arange(1, len(first) + 1)
    return order[part.ravel()]


def spread(places: np.ndarray, count: int, start: int) -> np.ndarray:
    """Farthest-point sampling; of several farthest points the first."""
    chosen = [start]
    nearest = ((places - places[start]) ** 2).sum(axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(nearest)))
        np.minimum(nearest, ((places - places[chosen[-1]]) ** 2).sum(axis=1), out=nearest)
    return places[chosen]
