"""Vessels, lymph nodes and cysts of the chest wall and the breasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..fields import open_axes, ramp
from ..shapes import tube_distance
from .biology import BreastBiology
from .frame import Frame
from .layers import Layers


def put_tube(
    layers: Layers,
    axes: Sequence[np.ndarray],
    name: str,
    points: np.ndarray,
    radii: np.ndarray,
    share: float = 1.0,
) -> None:
    """Lay a tube through `points` (n, 3) (z, y, x) with `radii` (n,); thin tubes fill voxels in part."""
    box, axs = [], []
    for axis, values in zip(axes, points.T, strict=True):
        low, high = np.searchsorted(axis, (values.min() - 4, values.max() + 4))
        if low >= high:
            return
        box.append(slice(int(low), int(high)))
        axs.append(axis[low:high])
    z, y, x = open_axes(axs)
    # Averaged over the slice, or thin vessels that run obliquely would look beaded.
    third = float(axes[0][1] - axes[0][0]) / 3
    inside = sum(ramp(tube_distance((z + dz, y, x), points, radii), 1.2) for dz in (-third, 0.0, third)) / 3
    layers.put(name, inside * np.float32(share), tuple(box))


def _walk(
    start: np.ndarray, direction: np.ndarray, length: float, rng: np.random.Generator, wiggle: float = 0.25
) -> np.ndarray:
    step, points = 4.0, [start]
    direction = direction / np.linalg.norm(direction)
    turn = np.zeros(3)
    for _ in range(max(int(length / step), 1)):
        turn = 0.75 * turn + 0.4 * wiggle * rng.standard_normal(3)
        direction = direction + turn
        direction /= np.linalg.norm(direction)
        points.append(points[-1] + step * direction)
    return np.array(points)


def paint_vessels(
    layers: Layers,
    frame: Frame,
    biology: BreastBiology,
    axes: Sequence[np.ndarray],
    depth: np.ndarray,
    wall: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Internal mammary vessels, veins of the breasts (more on the side of the cancer), nodes, cysts."""
    low, high = axes[0][0] - 10, axes[0][-1] + 10
    for side in (1, -1):
        for offset, radius, tissue in ((20.0, 1.3, "blood"), (24.0, 1.5, "vein")):
            z = np.arange(low, high, 12.0)
            points = np.stack(
                [
                    z,
                    9.5 + 0.5 * rng.standard_normal(len(z)),
                    side * (offset + 0.6 * rng.standard_normal(len(z))),
                ],
                1,
            )
            put_tube(layers, axes, tissue, points, np.full(len(z), radius))
        nipple = frame.nipple(side)
        own = side == biology.side
        # Branches from the inner and the outer side of the base towards the nipple.
        many = int(rng.poisson(4.0 + (2.5 + 1.5 * biology.properties["vessels"] if own else 0.0)))
        for _ in range(max(many, 2)):
            outer = rng.random() < 0.6
            x = side * (frame.apart + (1 if outer else -1) * frame.base[0] * rng.uniform(0.5, 0.8))
            start = np.array([rng.uniform(-35, 35), rng.uniform(-22, -4), x])
            aim = nipple + np.array([rng.normal(0, 18), rng.uniform(12, 30), rng.normal(0, 14)])
            points = _walk(start, aim - start, rng.uniform(35, 85), rng, 0.28)
            radii = np.linspace(rng.uniform(1.0, 1.5), 0.5, len(points))
            put_tube(layers, axes, "vein", points, radii)
        for _ in range(int(rng.integers(2, 5))):
            centre = np.array([rng.uniform(10, 55), rng.uniform(10, 38), side * rng.uniform(122, 146)])
            _node(layers, axes, centre, float(rng.uniform(3.0, 5.5)), rng)
        if rng.random() < 0.35:
            direction = rng.standard_normal(3) * (14, 10, 14)
            centre = nipple + np.array([0, 42, 0]) + direction
            radius = float(rng.uniform(2.5, 6.5))
            put_tube(
                layers, axes, "cyst", np.stack([centre, centre + rng.normal(0, 1.5, 3)]), np.full(2, radius)
            )


def _node(
    layers: Layers, axes: Sequence[np.ndarray], centre: np.ndarray, radius: float, rng: np.random.Generator
) -> None:
    """A bean with a fatty hilum."""
    along = rng.standard_normal(3)
    along *= radius * 0.8 / np.linalg.norm(along)
    ends = np.stack([centre - along, centre + along])
    put_tube(layers, axes, "fat", ends * 0.5 + centre * 0.5, np.full(2, radius * 0.45), 0.85)
    put_tube(layers, axes, "node", ends, np.full(2, radius))
