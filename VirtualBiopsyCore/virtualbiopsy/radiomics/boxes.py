"""The smallest box, however turned, and the smallest ellipsoid around a set of points.

Source of the definitions: IBSI reference manual, section 3.1 (volume and area density of the oriented minimum
bounding box ZH1A, IQYR; of the minimum volume enclosing ellipsoid SWZ1, BRI8), without reference values.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from .diameters import convex_hull

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

_ORIENTATIONS = 2000
_STARTS = 8
_REFINED = 2
_TURNS = np.array([turn for turn in itertools.product((-1, 0, 1), repeat=3) if any(turn)])


def smallest_box(hull: ConvexHull) -> np.ndarray:
    """Edges (3,) in descending order of the oriented bounding box of smallest volume.

    The smallest box has a face in common with the hull, or two or more adjacent faces that hold an edge of it
    (O'Rourke, Int J Comput Inf Sci 1985;14:183). Boxes of the first kind are all tried, by rotating calipers
    in the plane of each facet. Those of the second kind are searched from orientations evenly spread around
    the axes of the smallest ellipsoid, which turn with the points; the best of them are refined by turning
    them, and by calipers about each of their axes.
    """
    points = hull.points[hull.vertices]
    spread = _own_axes(points) @ _orientations()
    volumes = np.concatenate([_volumes(points, few) for few in np.array_split(spread, 20)])
    found = [_turned_in(points, spread[n], 0.1, 0.01) for n in np.argsort(volumes, kind="stable")[:_STARTS]]
    found.sort(key=lambda axes: _volume(points, axes))
    candidates = [_flush(hull, points)]
    candidates += [_settled(points, _turned_in(points, axes, 0.01, 1e-7)) for axes in found[:_REFINED]]
    best = min(candidates, key=lambda axes: _volume(points, axes))
    return np.sort(np.ptp(points @ best, axis=0))[::-1]


@cache
def _orientations() -> np.ndarray:
    """(s, 3, 3) rotation matrices spread over all orientations, the same in every call.

    Source: Alexa, Super-Fibonacci spirals, CVPR 2022 (points on the unit quaternions).
    """
    n = np.arange(_ORIENTATIONS) + 0.5
    first, second = np.sqrt(n / _ORIENTATIONS), np.sqrt(1 - n / _ORIENTATIONS)
    alpha, beta = 2 * np.pi * n / np.sqrt(2), 2 * np.pi * n / 1.533751168755204288118041
    quaternions = np.stack(
        [first * np.sin(alpha), first * np.cos(alpha), second * np.sin(beta), second * np.cos(beta)], axis=1
    )
    return Rotation.from_quat(quaternions).as_matrix()


def _own_axes(points: np.ndarray) -> np.ndarray:
    """Axes (3, 3), in columns, of the smallest ellipsoid, each pointing to where the points reach further."""
    centre, _, axes = _ellipsoid(points)
    along = (points - centre) @ axes
    return axes * np.where(along.max(axis=0) >= -along.min(axis=0), 1.0, -1.0)


def _volumes(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(s,) volumes of the boxes along the axes (s, 3, 3), in columns."""
    return np.prod(np.ptp(points @ axes, axis=1), axis=1)


def _volume(points: np.ndarray, axes: np.ndarray) -> float:
    return float(np.prod(np.ptp(points @ axes, axis=0)))


def _turned(points: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Axes (3, 3), in columns, of the smallest box with two faces across this unit normal."""
    helper = np.eye(3)[np.argmin(np.abs(normal))]
    u = np.cross(normal, helper)
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    flat = points @ np.stack([u, v], axis=1)
    outline = flat[convex_hull(flat).vertices]
    edges = np.roll(outline, -1, axis=0) - outline
    edges /= np.linalg.norm(edges, axis=1)[:, None]
    across = np.stack([-edges[:, 1], edges[:, 0]], axis=1)
    areas = np.ptp(outline @ edges.T, axis=0) * np.ptp(outline @ across.T, axis=0)
    a, b = edges[np.argmin(areas)]
    return np.stack([normal, a * u + b * v, a * v - b * u], axis=1)


def _flush(hull: ConvexHull, points: np.ndarray) -> np.ndarray:
    """Axes of the smallest box with a face in common with the hull."""
    normals = hull.equations[:, :3]
    leading = normals[np.arange(len(normals)), np.abs(normals).argmax(axis=1)]
    normals = normals * np.sign(leading)[:, None]
    _, kept = np.unique(normals.round(9), axis=0, return_index=True)
    corners = hull.points[hull.simplices]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(crossed, axis=1) / 2
    best, least = np.eye(3), _volume(points, np.eye(3))
    # No box is smaller than the shadow of the hull times its height.
    shadows = np.array([areas @ np.abs(hull.equations[:, :3] @ normals[n]) / 2 for n in kept])
    bounds = shadows * np.ptp(points @ normals[kept].T, axis=0)
    for n in np.argsort(bounds, kind="stable"):
        if bounds[n] >= least:
            break
        axes = _turned(points, normals[kept[n]])
        volume = _volume(points, axes)
        if volume < least:
            best, least = axes, volume
    return best


def _turned_in(points: np.ndarray, axes: np.ndarray, angle: float, last: float) -> np.ndarray:
    """Turn the axes by ever smaller angles, in radians, as long as the box becomes smaller."""
    least = _volume(points, axes)
    while angle > last:
        turned = axes @ Rotation.from_rotvec(angle * _TURNS).as_matrix()
        volumes = _volumes(points, turned)
        best = int(volumes.argmin())
        if volumes[best] < least:
            axes, least = turned[best], volumes[best]
        else:
            angle *= 0.6
    return axes


def _settled(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Turn the axes about each of them by calipers, as long as the box becomes smaller."""
    least = _volume(points, axes)
    improved = True
    while improved:
        improved = False
        for number in range(3):
            turned = _turned(points, axes[:, number])
            size = _volume(points, turned)
            if size < least * (1 - 1e-12):
                axes, least, improved = turned, size, True
                break
    return axes


def smallest_ellipsoid(points: np.ndarray, tolerance: float = 1e-11) -> np.ndarray:
    """Semi-axes (3,) in descending order of the ellipsoid of smallest volume around points (n, 3).

    Khachiyan's algorithm with away steps, on the few points that matter: those outside the ellipsoid of the
    present ones are added until there are none. All points are inside; the volume exceeds the smallest one
    by less than 1.5 · tolerance.
    Source: Todd and Yıldırım, Discrete Appl Math 2007;155:1731.

    Raises
    ------
    numpy.linalg.LinAlgError : the points lie in one plane.
    """
    return _ellipsoid(points, tolerance)[1]


def _ellipsoid(points: np.ndarray, tolerance: float = 1e-11) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre (3,), semi-axes (3,) in descending order and their directions (3, 3), in columns."""
    middle, scale = points.mean(axis=0), float(np.ptp(points, axis=0).max())
    scaled = (points - middle) / scale
    lifted = np.column_stack([scaled, np.ones(len(points))])
    chosen = _spread(scaled)
    weight = np.full(len(chosen), 1 / len(chosen))
    while True:
        weight = _weights(lifted[chosen], weight, tolerance / 2)
        moments = lifted[chosen].T @ (weight[:, None] * lifted[chosen])
        distance = np.einsum("na,ab,nb->n", lifted, np.linalg.inv(moments), lifted)
        distance[chosen] = 0
        outside = np.flatnonzero(distance > 4 * (1 + tolerance))
        if not len(outside):
            break
        kept = weight > 0
        added = outside[np.argsort(-distance[outside], kind="stable")[:20]]
        chosen = np.concatenate([chosen[kept], added])
        weight = np.concatenate([weight[kept], np.zeros(len(added))])
    centre = moments[:3, 3]
    shape = np.linalg.inv(moments[:3, :3] - np.outer(centre, centre)) / 3
    offsets = scaled - centre
    reach = np.einsum("na,ab,nb->n", offsets, shape, offsets).max()
    values, axes = np.linalg.eigh(shape)
    return centre * scale + middle, np.sqrt(reach / values) * scale, axes


def _spread(points: np.ndarray) -> np.ndarray:
    """Numbers of points far apart, enough of them not to lie in one plane if that can be."""
    turns = np.vstack([np.eye(3), [(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)]])
    along = points @ turns.T
    found = np.unique(np.concatenate([along.argmin(axis=0), along.argmax(axis=0)]))
    return found if np.linalg.matrix_rank(points[found] - points[found[0]]) == 3 else np.arange(len(points))


def _weights(lifted: np.ndarray, weight: np.ndarray, tolerance: float) -> np.ndarray:
    """Weights (n,) of the points whose moments make the smallest ellipsoid around them.

    Each round moves weight to or from the worst point (Khachiyan), then takes a Newton step on those that
    have weight, as long as that enlarges the determinant of the moments, which is largest at the solution.
    """
    size = lifted.shape[1]
    for _ in range(10_000):
        distance = np.diag(_products(lifted, weight))
        furthest = int(distance.argmax())
        nearest = int(np.where(weight > 0, distance, np.inf).argmin())
        above, below = distance[furthest] / size - 1, 1 - distance[nearest] / size
        if max(above, below) <= tolerance:
            break
        number = furthest if above >= below else nearest
        step = (distance[number] - size) / (size * (distance[number] - 1))
        emptied = -weight[number] / (1 - weight[number])
        step = max(step, emptied)
        weight = weight * (1 - step)
        weight[number] = 0.0 if step == emptied else weight[number] + step
        weight = _newton(lifted, weight)
    return weight


def _products(lifted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return lifted @ np.linalg.inv(lifted.T @ (weight[:, None] * lifted)) @ lifted.T


def _newton(lifted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """One step towards equal distances of the points with weight; the same weights if it does not help."""
    used = np.flatnonzero(weight)
    points = lifted[used]
    products = _products(points, weight[used])
    change = np.linalg.lstsq(products**2, np.diag(products) - lifted.shape[1], rcond=1e-12)[0]
    shrinking = change < 0
    limits = -weight[used][shrinking] / change[shrinking]
    share = min(1.0, float(limits.min(initial=np.inf)))
    moved = weight[used] + share * change
    if share < 1:
        moved[np.flatnonzero(shrinking)[limits.argmin()]] = 0.0
    moved = np.maximum(moved, 0) / np.maximum(moved, 0).sum()
    before, after = (np.linalg.slogdet(points.T @ (w[:, None] * points))[1] for w in (weight[used], moved))
    if not after > before:
        return weight
    result = np.zeros_like(weight)
    result[used] = moved
    return result
