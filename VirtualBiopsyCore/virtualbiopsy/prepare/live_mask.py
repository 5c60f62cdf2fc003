"""The outline on the prepared grid while it is being edited: only what changed is interpolated again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk

from ..case.arrays import mask_array
from ..case.changes import Box, Extent, changed_box, join_boxes
from ..errors import EmptyRegionError
from .model import PreparedCase
from .prepare import check_inside
from .register import affine
from .resample import HALF, TIE, sample_mask

_SLACK = 16
_IDENTITY = sitk.Transform(3, sitk.sitkIdentity)


@dataclass(frozen=True, eq=False)
class LiveRegion:
    """An outline on the prepared grid.

    Attributes
    ----------
    inside : (k, j, i) bool, read-only view of the array that the :class:`LiveMask` changes at its next
        update; copy it to keep it.
    box : smallest box that holds every voxel that changed since the last update that returned; None if
        none did. All voxels count as changed after the first update and when the lattice is a new one.
    extent : bounding box of the region. voxels : number of its voxels.
    """

    inside: np.ndarray
    box: Box | None
    extent: Box
    voxels: int


class LiveMask:
    """Follows an outline on its own voxels and keeps its mask on the grid of a prepared case.

    Every update gives bit for bit the mask that :func:`virtualbiopsy.prepare.prepare.prepare_mask` gives,
    and raises the same errors; after an error the next update is as right as any.

    Parameters
    ----------
    prepared : its grid and the rule of its settings are used.
    """

    def __init__(self, prepared: PreparedCase) -> None:
        self._prepared = prepared
        self._inside = np.zeros(prepared.grid.GetSize()[::-1], dtype=bool)
        self._view = self._inside.view()
        self._view.flags.writeable = False
        self._extent = Extent(self._inside.shape)
        self._lattice: _Lattice | None = None
        self._box: Box | None = None

    def image(self) -> sitk.Image:
        """The present mask as a uint8 image on the prepared grid."""
        image = sitk.GetImageFromArray(self._inside.view(np.uint8))
        image.CopyInformation(self._prepared.grid)
        return image

    def update(self, mask: sitk.Image, box: Box | None = None) -> LiveRegion:
        """Take the outline as it is now.

        Parameters
        ----------
        mask : any grid in the space of the reference; fast while all masks lie on one lattice (they may be
            cropped differently).
        box : box (k, j, i) of the mask's voxels outside which it is known to be as in the last update;
            ignored unless mask and last mask have the same grid.

        Raises
        ------
        DimensionError, EmptyRegionError, GeometryError : as prepare_mask.
        """
        if mask.GetDimension() != 3 or mask.GetNumberOfComponentsPerPixel() != 1:
            mask_array(mask)
        new = self._lattice is None or not self._lattice.holds(mask)
        if new:
            self._lattice = _Lattice(mask, self._prepared.grid)
            self._box = tuple(slice(0, n) for n in self._inside.shape)
            self._write(self._box, np.zeros(self._inside.shape, dtype=bool), grow=False)
        lattice = self._lattice
        changed = lattice.take(mask, None if new else box)
        if changed is not None:
            found = lattice.sampled(changed, self._prepared.settings.mask_interpolator)
            if found is not None:
                self._write(*found)
        if not lattice.voxels:
            raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
        check_inside(lattice.misplaced / lattice.voxels, self._prepared.settings.reference)
        extent = self._extent.box
        if extent is None:
            raise EmptyRegionError(
                "The region is thinner than the voxels of the common grid; no voxel is left of it.",
                "Outline a larger region or use a finer spacing.",
            )
        box, self._box = self._box, None
        return LiveRegion(self._view, box, extent, self._extent.voxels)

    def _write(self, box: Box, values: np.ndarray, *, grow: bool = True) -> None:
        before = self._inside[box]
        self._extent.change(box, before, values)
        near = changed_box(before, values) if grow else None
        if near is not None:
            moved = tuple(slice(a.start + b.start, a.start + b.stop) for a, b in zip(box, near, strict=True))
            self._box = join_boxes(self._box, moved)
        before[...] = values


class _Lattice:
    """The outline on its own lattice, as if this had no end: an array that grows when it has to.

    Indices are (k, j, i) and count from the first voxel of the first mask.
    """

    def __init__(self, mask: sitk.Image, grid: sitk.Image) -> None:
        self._first = sitk.Image(1, 1, 1, sitk.sitkUInt8)
        self._first.SetSpacing(mask.GetSpacing())
        self._first.SetOrigin(mask.GetOrigin())
        self._first.SetDirection(mask.GetDirection())
        self._grid = grid
        self._size = np.array(grid.GetSize()[::-1])
        to_grid = affine(self._first, _IDENTITY, grid)
        self._to_grid = _flipped(to_grid)
        self._to_native = _flipped(np.linalg.inv(to_grid))
        self._corner = np.zeros(3, dtype=np.int64)
        self._native = np.zeros(mask.GetSize()[::-1], dtype=np.uint8)
        self.voxels = 0
        self.misplaced = 0

    def holds(self, mask: sitk.Image) -> bool:
        """Whether a mask lies on this lattice."""
        first = self._first
        if mask.GetDirection() != first.GetDirection() or mask.GetSpacing() != first.GetSpacing():
            return False
        index = np.array(first.TransformPhysicalPointToContinuousIndex(mask.GetOrigin()))
        return bool(np.abs(index - np.round(index)).max() < 1e-7)

    def take(self, mask: sitk.Image, within: Box | None) -> Box | None:
        """Replace the outline; return the box that holds what changed."""
        start = self._first.TransformPhysicalPointToContinuousIndex(mask.GetOrigin())
        start = np.round(start[::-1]).astype(np.int64)
        values = sitk.GetArrayViewFromImage(mask)
        if values.dtype.itemsize == 1:
            values = values.view(np.uint8)
        else:
            values, within = (values != 0).view(np.uint8), None
        if not np.array_equal(start, self._corner) or values.shape != self._native.shape:
            values, within = self._placed(values, start), None
        box = changed_box(self._native, values, within)
        if box is None:
            return None
        before = self._native[box]
        after = (values[box] != 0).view(np.uint8)
        moved = np.argwhere(before != after)
        if not len(moved):
            return None
        low, high = moved.min(axis=0), moved.max(axis=0) + 1
        sign = after[tuple(moved.T)].astype(np.int64) * 2 - 1
        moved += self._corner + [side.start for side in box]
        self.voxels += int(sign.sum())
        self.misplaced += int(sign[self._outside(moved)].sum())
        before[...] = after
        return tuple(
            slice(int(side.start + c + a), int(side.start + c + b))
            for side, c, a, b in zip(box, self._corner, low, high, strict=True)
        )

    def _placed(self, values: np.ndarray, start: np.ndarray) -> np.ndarray:
        """A mask of another extent as an array of the extent that is kept, which grows if it must."""
        content = changed_box(np.broadcast_to(np.uint8(0), values.shape), values)
        if content is None:
            return np.zeros_like(self._native)
        low = start + [side.start for side in content]
        high = start + [side.stop for side in content]
        if (low < self._corner).any() or (high > self._corner + self._native.shape).any():
            corner = np.minimum(low - _SLACK, self._corner)
            shape = np.maximum(high + _SLACK, self._corner + self._native.shape) - corner
            grown = np.zeros(shape, dtype=np.uint8)
            grown[_slices(self._corner - corner, self._native.shape)] = self._native
            self._corner, self._native = corner, grown
        placed = np.zeros_like(self._native)
        placed[_slices(low - self._corner, high - low)] = values[content]
        return placed

    def _outside(self, index: np.ndarray) -> np.ndarray:
        mapped = index @ self._to_grid[:, :3].T + self._to_grid[:, 3]
        return ~((mapped >= -0.5 - 1e-6) & (mapped <= self._size - 0.5 + 1e-6)).all(axis=1)

    def sampled(self, box: Box, rule: str) -> tuple[Box, np.ndarray] | None:
        """The part of the grid that a change in a box can reach, and the mask (bool) there."""
        corners = np.array(list(product(*((side.start - 1.0, float(side.stop)) for side in box))))
        mapped = corners @ self._to_grid[:, :3].T + self._to_grid[:, 3]
        low = np.maximum(np.floor(mapped.min(axis=0) - 1e-6).astype(int), 0)
        high = np.minimum(np.ceil(mapped.max(axis=0) + 1e-6).astype(int) + 1, self._size)
        if (high <= low).any():
            return None
        window = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        scale = np.diag(self._to_native)
        slant = np.abs(self._to_native[:, :3] - np.diag(scale)) @ self._size
        if (slant < 1e-9).all():
            steps = [
                np.arange(side.start, side.stop) * scale[axis] + self._to_native[axis, 3] - self._corner[axis]
                for axis, side in enumerate(window)
            ]
            values = (_nearest if rule == "nearest" else _linear)(self._native, steps)
            return window, values
        return window, self._slanted(window, rule)

    def _slanted(self, window: Box, rule: str) -> np.ndarray:
        corners = np.array(list(product(*((side.start, side.stop - 1.0) for side in window))))
        mapped = corners @ self._to_native[:, :3].T + self._to_native[:, 3] - self._corner
        low = np.clip(np.floor(mapped.min(axis=0)).astype(int) - 1, 0, self._native.shape)
        high = np.clip(np.ceil(mapped.max(axis=0)).astype(int) + 2, 0, self._native.shape)
        if (high <= low).any():
            return np.zeros([side.stop - side.start for side in window], dtype=bool)
        near = sitk.GetImageFromArray(self._native[_slices(low, high - low)])
        near.SetSpacing(self._first.GetSpacing())
        near.SetDirection(self._first.GetDirection())
        first = (low + self._corner)[::-1].astype(float).tolist()
        near.SetOrigin(self._first.TransformContinuousIndexToPhysicalPoint(first))
        size = [side.stop - side.start for side in reversed(window)]
        part = sitk.RegionOfInterest(self._grid, size, [side.start for side in reversed(window)])
        return sitk.GetArrayFromImage(sample_mask(near, part, rule)).view(bool)


def _flipped(matrix: np.ndarray) -> np.ndarray:
    """(3, 4) matrix for indices (k, j, i) of one for (i, j, k)."""
    return np.concatenate([matrix[2::-1, 2::-1], matrix[2::-1, 3:]], axis=1)


def _slices(start: np.ndarray, size: np.ndarray) -> Box:
    return tuple(slice(int(a), int(a + n)) for a, n in zip(start, size, strict=True))


def _linear(native: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    """Partial volume of at least one half at the points of a parallel grid, rounded as in the full path."""
    below = [np.floor(step).astype(np.int64) for step in steps]
    low = [int(b.min()) for b in below]
    near = _cut(native, low, [int(b.max()) + 2 for b in below]).astype(np.float64)
    for axis in (2, 1, 0):
        at = below[axis] - low[axis]
        share = (steps[axis] - below[axis]).reshape([-1 if n == axis else 1 for n in range(3)])
        first = near.take(at, axis)
        near = first + (near.take(at + 1, axis) - first) * share
    return near.astype(np.float32) >= np.float32(HALF)


def _nearest(native: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    at = [np.floor(step + (0.5 + TIE)).astype(np.int64) for step in steps]
    low = [int(a.min()) for a in at]
    near = _cut(native, low, [int(a.max()) + 1 for a in at])
    return near[np.ix_(*(a - start for a, start in zip(at, low, strict=True)))] != 0


def _cut(array: np.ndarray, low: list[int], high: list[int]) -> np.ndarray:
    """The part low…high of an array that is zero beyond its border."""
    if all(a >= 0 and b <= n for a, b, n in zip(low, high, array.shape, strict=True)):
        return array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    part = np.zeros([b - a for a, b in zip(low, high, strict=True)], dtype=array.dtype)
    held = [(max(a, 0), min(b, n)) for a, b, n in zip(low, high, array.shape, strict=True)]
    if all(b > a for a, b in held):
        target = tuple(slice(a - start, b - start) for (a, b), start in zip(held, low, strict=True))
        part[target] = array[tuple(slice(a, b) for a, b in held)]
    return part
