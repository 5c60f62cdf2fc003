"""Tissue shares of the healthy chest on a scanner grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..fields import fractal_noise, open_axes, radial_noise, ramp, smooth_noise
from ..shapes import smooth_min
from .biology import BreastBiology
from .chest import paint_chest
from .frame import Frame
from .layers import Layers
from .vessels import paint_vessels


@dataclass(frozen=True, eq=False)
class Body:
    """The healthy chest.

    Attributes
    ----------
    shape : of the grid (k, j, i).
    voxels : flat indices of the voxels that hold something.
    names, shares : tissue names, and their float32 (tissues, voxels) shares.
    skin_depth : distance to the skin, positive inside, mm; float32 (k, j, i).
    wall_depth : distance in front of the pectoral muscle, positive towards the breast, mm.
    breast : bool (k, j, i), both breasts without skin and without chest wall.
    gland : float32 (k, j, i) share of fibroglandular tissue.
    """

    shape: tuple[int, int, int]
    voxels: np.ndarray
    names: tuple[str, ...]
    shares: np.ndarray
    skin_depth: np.ndarray
    wall_depth: np.ndarray
    breast: np.ndarray
    gland: np.ndarray


def ellipse_distance(u: np.ndarray, v: np.ndarray, a: float, b: float) -> np.ndarray:
    """Distance to an ellipse with semi-axes a, b to first order; u, v from its centre, mm."""
    q = np.sqrt((u / a) ** 2 + (v / b) ** 2) + 1e-6
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2) / q + 1e-6
    return ((q - 1) / slope).astype(np.float32)


def _dome(frame: Frame, side: int, axes: Sequence[np.ndarray]) -> np.ndarray:
    """Distance to the hanging breast of one side, to first order."""
    z, y, x = open_axes(axes)
    scale = frame.scale(side)
    nipple = frame.nipple(side)
    rx, rz, length = frame.base[0] * scale, frame.base[1] * scale, frame.length * scale
    forward = (12.0 - y) / length
    lean = np.clip(forward, 0, 1) ** 1.3
    u = (x - side * frame.apart - lean * (nipple[2] - side * frame.apart)) / rx
    w = (z - 4.0 * (1 - lean) - lean * nipple[0]) / rz
    power = 2.35
    v = np.abs(forward)
    q = np.sqrt(u**2 + w**2 + v**power) + 1e-4
    slope = np.sqrt((u / rx) ** 2 + (w / rz) ** 2 + (power / 2 * v ** (power - 1) / length) ** 2) / q + 1e-4
    return (q - 1) / slope


def build_body(
    frame: Frame, biology: BreastBiology, axes: Sequence[np.ndarray], rng: np.random.Generator
) -> Body:
    """Assemble the tissue shares of the chest without lesion."""
    shape = tuple(len(a) for a in axes)
    z, y, x = open_axes(axes)
    for_skin, for_chest, for_gland, for_fat, for_vessels = rng.spawn(5)

    # Rib cage (outer surface), narrower upwards; everything in front of it is measured from it.
    centre = frame.half_depth
    cage2d = ellipse_distance(x, y - centre, frame.half_width, frame.half_depth)
    cage = cage2d + np.float32(0.05) * z + 1.2 * smooth_noise(axes, 40.0, for_skin)
    lateral = np.clip((np.abs(x) - 16) / 22, 0, 1) * np.clip((150 - np.abs(x)) / 40, 0, 1)
    # The pectoral muscle ends below and is thick towards the armpit.
    thickness = frame.pectoral_mm * lateral * np.clip(0.75 + 0.006 * (z + 0.35 * np.abs(x)), 0.15, 1.6)
    wall = cage - thickness
    trunk = cage2d - (frame.fat_mm + 3.0) - 16.0 * np.clip((np.abs(x) - 60) / 70, 0, 1)
    body = trunk
    for side in (1, -1):
        body = smooth_min(body, _dome(frame, side, axes), 15.0)
    body = body + 1.6 * smooth_noise(axes, 45.0, for_skin)
    for side in (1, -1):
        tip = frame.nipple(side)
        ball = np.sqrt((x - tip[2]) ** 2 + (y - tip[1] - 1.0) ** 2 + (z - tip[0]) ** 2) - 5.2
        body = smooth_min(body, ball, 4.0)
    depth = -body

    layers = Layers(ramp(body, 1.0))
    areola = np.full(shape, np.inf, dtype=np.float32)
    for side in (1, -1):
        tip = frame.nipple(side)
        areola = np.minimum(areola, np.sqrt((x - tip[2]) ** 2 + (y - tip[1]) ** 2 + (z - tip[0]) ** 2))
    nipple = ramp(areola - 6.0, 2.0) * 0.9
    layers.put("nipple", nipple)
    skin_mm = 1.7 + 1.0 * np.clip(1.4 - areola / 18, 0, 1)
    layers.put("skin", ramp(depth - skin_mm, 1.0))
    paint_chest(layers, frame, axes, cage, wall, depth, for_chest)
    breast_side = wall > 0
    paint_vessels(layers, frame, biology, axes, depth, wall, for_vessels)
    gland, active = _gland(frame, biology, axes, depth, wall, for_gland)
    layers.put("active_gland", gland * active)
    layers.put("gland", gland)
    septa = _septa(axes, depth, wall, for_fat) * breast_side
    layers.put("septum", septa)
    layers.rest("fat")
    mass = layers.inside
    voxels = np.flatnonzero(mass > 1e-3)
    names = tuple(layers.shares)
    shares = np.stack([layers.shares[name].ravel()[voxels] for name in names])
    reach = np.minimum(*[np.abs(x - side * frame.apart) for side in (1, -1)]) - frame.base[0] * 1.12
    breast = (depth > 1.5) & (wall > 1.0) & (reach < 0) & (y < 0.30 * frame.half_depth)
    return Body(
        shape,
        voxels,
        names,
        shares,
        depth,
        wall,
        breast,
        layers.shares["gland"] + layers.shares["active_gland"],
    )


def _gland(
    frame: Frame,
    biology: BreastBiology,
    axes: Sequence[np.ndarray],
    depth: np.ndarray,
    wall: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Share of fibroglandular tissue: a cone from the nipple, in lobes and strands; and how active it is."""
    z, y, x = open_axes(axes)
    gland = np.zeros(depth.shape, dtype=np.float32)
    coarse = fractal_noise(axes, 26.0, rng, 2, 0.75)
    fine = fractal_noise(axes, 7.5, rng, 2, 0.8)
    patchy = 0.6 * smooth_noise(axes, 15.0, rng) + 0.8 * smooth_noise(axes, 5.5, rng)
    active = np.clip(0.25 + 0.22 * biology.background + 0.22 * patchy, 0.0, 1.0)
    # Fat between the lobules, in thin sheets.
    lace = np.clip(1.15 - 4.5 * np.abs(smooth_noise(axes, 8.5, rng)), 0, 1)
    for side in (1, -1):
        nipple = frame.nipple(side)
        middle = int(np.searchsorted(axes[2], 0.0))
        part = np.s_[:, :, middle:] if side > 0 else np.s_[:, :, :middle]
        px = x[:, :, middle:] if side > 0 else x[:, :, :middle]
        back = np.clip((y - nipple[1]) / (frame.length * frame.scale(side)), 0, 1.3)
        axis_x = nipple[2] + (side * (frame.apart + 4.0) - nipple[2]) * back
        # More gland in the upper outer quarter.
        du = (px - axis_x) * side
        dw = z - nipple[0] - 3.0 * back
        away = np.sqrt((du / np.where(du > 0, 1.2, 0.95)) ** 2 + (dw / np.where(dw > 0, 1.1, 0.9)) ** 2)
        width = 47.0 * frame.scale(side) * np.sqrt(np.clip(back * 1.45, 0, 1)) + 3.0
        points = np.stack(np.broadcast_arrays(z - nipple[0], y - nipple[1] + 6.0, px - nipple[2]))
        strands = radial_noise(points, rng, stretch=9.0, reach=0.085)
        envelope = np.minimum(np.minimum(depth[part] - 7, 0.8 * (wall[part] - 5)) / 5, (width - away) / 14)
        envelope = np.minimum(envelope, (1.06 - back) / 0.12)
        stalk = np.clip(1 - away / (2.5 + 26 * back), 0, 1) * np.clip(1.3 - 2.6 * back, 0, 1)
        texture = 0.4 * coarse[part] + 1.15 * strands + 0.7 * fine[part] + 0.7 * biology.density
        value = texture + 2.4 * stalk + 1.25 * np.clip(envelope, -4, 0.9) - 1.0
        gland[part] = np.clip(0.2 + value / 0.9, 0, 1) * (depth[part] > 2.0)
    gland *= 1 - 0.4 * lace
    return gland, active.astype(np.float32)


def _septa(
    axes: Sequence[np.ndarray], depth: np.ndarray, wall: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Cooper's ligaments: thin curved sheets through the fat between gland and skin."""
    total = np.zeros(depth.shape, dtype=np.float32)
    for step, width, strength in ((16.0, 0.55, 0.75), (10.0, 0.4, 0.5)):
        sheet = np.abs(smooth_noise(axes, step, rng)) * (step * 0.55)
        patchy = np.clip(0.5 + 0.7 * smooth_noise(axes, 20.0, rng), 0, 1)
        total = np.maximum(total, strength * np.clip(1.0 + width - sheet, 0, 1) * patchy)
    return total * np.clip((depth - 1.0) / 2, 0, 1)
