"""What lies behind the breasts: muscles, ribs, sternum, lungs, heart, great vessels, liver."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..fields import fractal_noise, open_axes, ramp, smooth_noise
from .frame import Frame
from .layers import Layers

#: Bodies of the mediastinum: tissue, centre (x, y, z), radii; the chambers lie in the muscle.
_HEART = (
    ("blood", (22, 47, -22), (30, 15, 34)),
    ("blood", (52, 72, -26), (21, 17, 30)),
    ("blood", (-14, 60, -8), (20, 17, 26)),
    ("heart", (30, 60, -20), (54, 35, 50)),
)
_VESSELS = (
    ("blood", (-12, 46, 38), (15, 14, 60)),
    ("blood", (14, 52, 46), (16, 13, 20)),
    ("vein", (-36, 58, 42), (10, 9, 60)),
)


def _ellipsoid(
    axes: Sequence[np.ndarray], centre: Sequence[float], radii: Sequence[float]
) -> tuple[tuple[slice, slice, slice], np.ndarray]:
    box = tuple(
        slice(*(int(n) for n in np.searchsorted(axis, (c - r - 14, c + r + 14))))
        for axis, c, r in zip(axes, centre[::-1], radii[::-1], strict=True)
    )
    scaled = [
        (axis[part] - c) / r for axis, part, c, r in zip(axes, box, centre[::-1], radii[::-1], strict=True)
    ]
    q = np.sqrt(sum(part**2 for part in open_axes(scaled)))
    return box, (q - 1) * min(radii)


def paint_chest(
    layers: Layers,
    frame: Frame,
    axes: Sequence[np.ndarray],
    cage: np.ndarray,
    wall: np.ndarray,
    depth: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Lay the chest wall and what it holds.

    Parameters
    ----------
    cage, wall : distance to the rib cage and to the front of the pectoral muscle, negative behind, mm.
    """
    z, y, x = open_axes(axes)
    for_bone, for_muscle, for_heart = rng.spawn(3)
    inner = cage + 11.0
    inside = ramp(inner, 1.5)
    # Sternum, a flat bone in front; ribs, slanting rings; cartilage near the sternum has no marrow.
    plate = np.sqrt((x / 19.0) ** 2 + ((cage + 6.5) / 5.5) ** 2)
    layers.put("bone", ramp((plate - 1) * 5.5, 1.2) * ramp(np.clip(plate - 0.78, None, 1) * -5.5, 1.2))
    layers.put("marrow", ramp((plate - 0.8) * 5.5, 1.2))
    slant = z + 0.42 * np.abs(x) - 0.25 * y
    phase = (slant + 2.0 * smooth_noise(axes, 50.0, for_bone)) % 29.0 - 14.5
    rib = np.sqrt((phase / 6.2) ** 2 + ((cage + 6.0) / 4.0) ** 2)
    near = np.abs(x) > 22
    shell = ramp((rib - 1) * 4.0, 1.2) * near
    core = ramp((rib - 0.62) * 4.0, 1.2) * near
    layers.put("marrow", core)
    layers.put("bone", shell * np.where(np.abs(x) > 55, 1.0, 0.35))
    # Mediastinum: heart in its fat, great vessels.
    for tissue, centre, radii in (*_VESSELS, *_HEART):
        shifted = tuple(c + s for c, s in zip(centre, for_heart.normal(0, 2.0, 3), strict=True))
        box, distance = _ellipsoid(axes, shifted, radii)
        wobble = smooth_noise([a[s] for a, s in zip(axes, box, strict=True)], 18.0, for_heart) * 2.2
        layers.put(tissue, ramp(distance + wobble, 3.0) * inside[box], box)
    for centre, radii in (((31, 61, -18), (61, 41, 58)), ((-2, 48, 40), (42, 30, 60))):
        box, distance = _ellipsoid(axes, centre, radii)
        uneven = 4.0 * smooth_noise([a[s] for a, s in zip(axes, box, strict=True)], 20.0, for_heart)
        layers.put("fat", ramp(distance + uneven, 4.0) * inside[box], box)
    box, distance = _ellipsoid(axes, (-72, 82, -92), (78, 66, 56))
    layers.put("liver", ramp(distance, 2.0) * inside[box], box)
    lung_vessels = np.clip((fractal_noise(axes, 5.5, for_heart, 2, 0.8) - 1.9) / 0.6, 0, 0.3)
    layers.put("blood", lung_vessels * inside)
    layers.put("lung", inside)
    # Muscle between and on the ribs, with fat between its bundles.
    bundles = smooth_noise(axes, (5.0, 3.2, 18.0), for_muscle)
    seams = np.clip((np.abs(bundles) - 1.55) / 0.5, 0, 0.8)
    muscle = ramp(wall, 1.2)
    gap = ramp(np.abs(cage + 0.4) - 0.7, 1.2) * 0.6 * (np.abs(x) > 30)
    layers.put("fat", gap * muscle)
    layers.put("muscle", muscle * (1 - seams))
    layers.put("fat", muscle)
    # Side of the trunk: serratus and latissimus.
    flank = np.clip((np.abs(x) - 118) / 14, 0, 1) * np.clip((y - 28) / 16, 0, 1)
    sheet = ramp(np.abs(depth - 17) - 4.5 - 1.5 * bundles, 1.5)
    layers.put("muscle", flank * sheet * 0.95)
