"""The anatomy of one person: how the template head lies and bulges in the scanner of one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import Lattice
from .head import Head


@dataclass(frozen=True, eq=False)
class Pose:
    """Map from the scanner grid to the template.

    Attributes
    ----------
    axes : positions (z, y, x) of the voxels of the scanner grid, mm, centred like the template.
    linear : 3x3 matrix (z, y, x) of the affine part, template = linear @ scanner + shift + deformation.
    index : float32 (3, k, j, i), fractional template voxel (z, y, x) for each voxel of the scanner grid.
    """

    axes: tuple[np.ndarray, np.ndarray, np.ndarray]
    linear: np.ndarray
    index: np.ndarray
    template_axes: tuple[np.ndarray, np.ndarray, np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(len(a) for a in self.axes)

    def points(self, flat: np.ndarray) -> np.ndarray:
        """Return (3, n) template voxel coordinates of voxels given by their flat indices."""
        return self.index.reshape(3, -1)[:, flat]

    def box(self, box: tuple[slice, slice, slice]) -> np.ndarray:
        """Return (3, …) template voxel coordinates of a box of the scanner grid."""
        return self.index[(slice(None), *box)]

    def locate(self, position: Sequence[float]) -> np.ndarray:
        """Return the scanner position (z, y, x) in mm whose template position is nearest to `position`."""
        target = [p - axis[0] for p, axis in zip(position, self.template_axes, strict=True)]
        step = 3
        gap = sum((self.index[a][::step, ::step, ::step] - target[a]) ** 2 for a in range(3))
        at = np.unravel_index(int(np.argmin(gap)), gap.shape)
        return np.array([axis[step * i] for axis, i in zip(self.axes, at, strict=True)])


def sample(volume: np.ndarray, points: np.ndarray, outside: float = 0.0) -> np.ndarray:
    """Sample a template map (linear) at template voxel coordinates; `outside` beyond its box."""
    return ndimage.map_coordinates(volume, points, order=1, mode="constant", cval=outside, output=np.float32)


def lookup(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the value of a template map at the nearest voxel; 0 beyond its box."""
    where = np.rint(points).astype(np.int32)
    valid = np.ones(where.shape[1:], dtype=bool)
    for axis, size in enumerate(mask.shape):
        valid &= (where[axis] >= 0) & (where[axis] < size)
        np.clip(where[axis], 0, size - 1, out=where[axis])
    return mask[where[0], where[1], where[2]] & valid


def scanner_axes(spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxel positions (z, y, x) of the contrast-enhanced T1 grid: the box that holds most heads."""
    low, high = (-86.0, -112.0, -93.0), (101.0, 125.0, 93.0)
    axes = []
    for a, b, d in zip(low, high, spacing, strict=True):
        count = int(round((b - a) / d)) + 1
        axes.append(a + d * np.arange(count))
    return tuple(axes)


def draw_pose(head: Head, axes: Sequence[np.ndarray], rng: np.random.Generator, ventricle_mm: float) -> Pose:
    """Draw head size, position, rotation, smooth deformation and the width of the ventricles.

    Parameters
    ----------
    ventricle_mm : by how many mm the ventricular walls lie further out than in the template.
    """
    angles = np.deg2rad(rng.normal(0, (2.5, 2.0, 4.5)))
    cz, sz = np.cos(angles[0]), np.sin(angles[0])
    cy, sy = np.cos(angles[1]), np.sin(angles[1])
    cx, sx = np.cos(angles[2]), np.sin(angles[2])
    # (z, y, x): about z turns y and x, about y turns z and x, about x (nodding) turns z and y.
    about_z = np.array([[1, 0, 0], [0, cz, -sz], [0, sz, cz]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_x = np.array([[cx, -sx, 0], [sx, cx, 0], [0, 0, 1]])
    size = 1 / (1 + 0.025 * rng.standard_normal() + rng.normal(0, (0.02, 0.022, 0.02)))
    linear = np.diag(size) @ about_z @ about_y @ about_x
    shift = rng.normal(0, (3.0, 2.5, 1.5))
    index = np.empty((3, *[len(a) for a in axes]), dtype=np.float32)
    lattice, fine = Lattice(axes, 38.0), Lattice(axes, 17.0)
    medium = Lattice(axes, 8.0)
    swelling = _ventricle_push(head, medium, linear, shift, ventricle_mm)
    offsets = [a[0] for a in head.axes]
    for row in range(3):
        part = [linear[row, c] * np.asarray(axes[c]) for c in range(3)]
        field = lattice.upsample(rng.standard_normal(lattice.shape, dtype=np.float32) * 3.6)
        field += fine.upsample(rng.standard_normal(fine.shape, dtype=np.float32) * 1.9)
        field += medium.upsample(swelling[row])
        field += part[0].astype(np.float32)[:, None, None]
        field += part[1].astype(np.float32)[None, :, None]
        field += (part[2] + shift[row] - offsets[row]).astype(np.float32)[None, None, :]
        index[row] = field
    return Pose(tuple(axes), linear, index, head.axes)


def _ventricle_push(
    head: Head, lattice: Lattice, linear: np.ndarray, shift: np.ndarray, mm: float
) -> np.ndarray:
    """Lattice coefficients (3, …) of a displacement that moves the ventricular walls outwards by `mm`."""
    knots = np.stack(np.meshgrid(*lattice.knots, indexing="ij"))
    points = np.tensordot(linear, knots, axes=1) + shift[:, None, None, None]
    index = np.stack([p - axis[0] for p, axis in zip(points, head.axes, strict=True)])
    blurred = ndimage.zoom(head.ventricles, 0.25, order=1)
    scale = (np.array(blurred.shape) - 1) / (np.array(head.ventricles.shape) - 1)
    coarse = index * scale[:, None, None, None]
    distance = ndimage.map_coordinates(blurred, coarse, order=1, mode="nearest")
    decay = mm * np.exp(-np.clip(distance, 0, None) / 14.0) * (distance < 60)
    gradient = np.gradient(ndimage.gaussian_filter(blurred, 0.7))
    out = []
    for component in gradient:
        slope = ndimage.map_coordinates(component, coarse, order=1, mode="nearest") / 4.0
        out.append((-decay * slope).astype(np.float32))
    return np.stack(out)
