"""Coordinates and size of the simulated chest: prone, breasts hanging, axial slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Field of view in mm: from, to along x (right to left), y (front to back), z (down to up); LPS.
#: The origin lies on the mid-line, at the front of the rib cage, at the height of the nipples.
FIELD_OF_VIEW = ((-172.0, 172.0), (-114.0, 64.0), (-52.0, 52.0))


@dataclass(frozen=True)
class Frame:
    """One woman's chest.

    Attributes
    ----------
    half_width, half_depth : outer semi-axes of the rib cage, mm.
    pectoral_mm, fat_mm : thickness of the pectoral muscle, and of the fat in front of the sternum.
    base : (2,) radii of the breast at its base (x, z) before the sides differ.
    length : how far the breast reaches in front of the rib cage.
    apart : distance of the breast's axis from the mid-line. side_scale : size of the left and right breast.
    nipple_shift : (2, 2) offset of the nipple (x outwards, z) for left and right.
    """

    half_width: float
    half_depth: float
    pectoral_mm: float
    fat_mm: float
    base: tuple[float, float]
    length: float
    apart: float
    side_scale: tuple[float, float]
    nipple_shift: tuple[tuple[float, float], tuple[float, float]]

    def scale(self, side: int) -> float:
        return self.side_scale[0 if side > 0 else 1]

    def nipple(self, side: int) -> np.ndarray:
        """Position (z, y, x) of the nipple of the left (1) or right (-1) breast."""
        out, up = self.nipple_shift[0 if side > 0 else 1]
        return np.array([up, 12.0 - self.length * self.scale(side), side * (self.apart + 8.0 + out)])


def draw_frame(rng: np.random.Generator) -> Frame:
    """Draw a chest."""
    size = float(np.clip(1 + 0.05 * rng.standard_normal(), 0.9, 1.1))
    volume = float(np.clip(1 + 0.12 * rng.standard_normal(), 0.78, 1.2))
    base = 72.0 * (0.5 + 0.5 * volume)
    sides = 1 + 0.03 * rng.standard_normal(2)
    shift = rng.normal(0, (3.0, 4.0), (2, 2))
    return Frame(
        142.0 * size,
        92.0 * size,
        float(np.clip(10 + 2.2 * rng.standard_normal(), 6, 15)),
        float(np.clip(8 + 3 * rng.standard_normal(), 4, 15)),
        (base, base * float(rng.uniform(0.95, 1.1))),
        96.0 * volume,
        float(np.clip(80 * size + 2 * rng.standard_normal(), 72, 88)),
        (float(sides[0]), float(sides[1])),
        tuple((float(a), float(b)) for a, b in shift),
    )


def scan_axes(grid: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxel positions (z, y, x) of a grid with spacing (dk, dj, di) that fills the field of view."""
    axes = []
    for (low, high), step in zip(FIELD_OF_VIEW[::-1], grid, strict=True):
        count = int((high - low) / step)
        axes.append(low + (high - low - (count - 1) * step) / 2 + step * np.arange(count))
    return tuple(axes)
