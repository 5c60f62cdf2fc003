"""Shape of a region under edit."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from ..mesh import surface_of_cubes
from ..morphology import Shape
from ..resegment import Region
from .texture import LiveLattice
from .window import Edit, Window

_CORNERS = np.array([(k, j, i) for k in (0, 1) for j in (0, 1) for i in (0, 1)], dtype=np.int64)
"""(8, 3) corners (k, j, i) of a cube; corner b is bit b of its number, as in mesh.cube_numbers."""


class LiveOutline:
    """What the full extraction knows of an outline, for a region under edit."""

    def __init__(self, window: Window, spacing: tuple[float, float, float]) -> None:
        self._window = window
        self._spacing = spacing
        self._cubes: _Cubes | None = None
        self._moments: _Moments | None = None
        self._crossings: _Crossings | None = None

    def follow(self, edit: Edit) -> None:
        """Take over an edit of the window."""
        for table in (self._cubes, self._moments, self._crossings):
            if table is not None:
                table.follow(edit)

    def now(self, name: str) -> _Now:
        """The outline as it is now; to be used until the next edit."""
        return _Now(name, self._window, self._spacing, self)

    def cubes(self) -> tuple[np.ndarray, np.ndarray]:
        """As the first parameters of :func:`virtualbiopsy.radiomics.mesh.surface_of_cubes`."""
        if self._cubes is None:
            self._cubes = _Cubes(self._window)
        count = self._cubes.count.copy()
        count[[0, 255]] = 0
        # The full path counts from one voxel before the bounding box.
        positions = self._cubes.positions - (self._window.first - 1)[:, None] * self._cubes.count
        positions[:, [0, 255]] = 0
        return count, positions.T

    def vertices(self) -> np.ndarray:
        """As :func:`virtualbiopsy.radiomics.mesh.vertices` of the mask cropped to its box, in that order."""
        if self._crossings is None:
            self._crossings = _Crossings(self._window)
        return self._crossings.points()

    def covariance(self) -> tuple[int, np.ndarray]:
        """Number of voxels n, and n² times the population covariance (3, 3) of their indices, exact."""
        if self._moments is None:
            self._moments = _Moments(self._window)
        return self._moments.covariance()


class _Cubes:
    """How often each cube of the surface occurs, and where."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._corners = _CORNERS @ window.strides
        self.count = np.zeros(256, dtype=np.int64)
        self.positions = np.zeros((3, 256), dtype=np.int64)
        self._add(window.distinct((window.inside - self._corners[:, None]).ravel()), 1)

    def _add(self, at: np.ndarray, sign: int, before: bool = False) -> None:
        corners = at + self._corners[:, None]
        inside = self._window.filled[corners]
        if before:
            inside = inside ^ self._window.touched[corners]
        number = np.bitwise_or.reduce(inside << np.arange(8, dtype=np.uint8)[:, None], axis=0)
        self.count += sign * np.bincount(number, minlength=256)
        for axis, index in enumerate(self._window.indices(at).T):
            # Sums of whole numbers below 2^53 are exact as floats.
            self.positions[axis] += sign * np.bincount(number, index, 256).astype(np.int64)

    def follow(self, edit: Edit) -> None:
        near = self._window.distinct((edit.moved - self._corners[:, None]).ravel())
        self._add(near, -1, before=True)
        self._add(near, 1)


class _Crossings:
    """Vertices of the surface: where an inside and an outside voxel meet along each axis."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._before = [self._crossed(np.arange(window.size - step), step) for step in window.strides]

    def _crossed(self, at: np.ndarray, step: int) -> np.ndarray:
        """Those of the positions that differ from the position one step on."""
        filled = self._window.filled
        return at[filled[at] != filled[at + step]]

    def follow(self, edit: Edit) -> None:
        for axis, step in enumerate(self._window.strides):
            near = np.union1d(edit.moved, edit.moved - step)
            place = np.searchsorted(self._before[axis], near)
            held = self._before[axis].take(np.minimum(place, len(self._before[axis]) - 1)) == near
            kept = np.delete(self._before[axis], place[held])
            new = self._crossed(near, step)
            self._before[axis] = np.insert(kept, np.searchsorted(kept, new), new)

    def points(self) -> np.ndarray:
        found = []
        for axis, at in enumerate(self._before):
            points = (self._window.indices(at) - self._window.first).astype(np.float64)
            points[:, axis] += 0.5
            found.append(points)
        return np.concatenate(found)


class _Moments:
    """Sums of the indices of the voxels and of their products."""

    def __init__(self, window: Window) -> None:
        self._count = 0
        self._first = np.zeros(3, dtype=np.int64)
        self._second = np.zeros((3, 3), dtype=np.int64)
        at = window.indices(window.inside)
        self._origin = at[0]
        self._shift = window.corner
        self._add(at - self._origin, np.ones(len(at), dtype=np.int64))

    def _add(self, at: np.ndarray, sign: np.ndarray) -> None:
        self._count += int(sign.sum())
        self._first += sign @ at
        self._second += (sign[:, None] * at).T @ at

    def follow(self, edit: Edit) -> None:
        self._add(edit.at - self._shift - self._origin, np.where(edit.added, 1, -1))

    def covariance(self) -> tuple[int, np.ndarray]:
        return self._count, self._count * self._second - np.outer(self._first, self._first)


class LiveShape(Shape):
    """Geometry of a region under edit; what does not follow is computed from the mask."""

    def __init__(self, now: _Now, live: LiveOutline, profile: str) -> None:
        self.spacing = now.spacing
        self.profile = profile
        self.spatial = None
        self._now = now
        self._live = live

    @property
    def mask(self) -> np.ndarray:
        return self._now.mask

    @cached_property
    def surface(self) -> tuple[float, float]:
        return surface_of_cubes(*self._live.cubes(), self.spacing, self.profile)

    @cached_property
    def approximate_volume(self) -> float:
        return float(self._now.voxels) * math.prod(self.spacing)

    @cached_property
    def vertices(self) -> np.ndarray:
        return self._live.vertices()

    @cached_property
    def axes(self) -> np.ndarray:
        count, spread = self._live.covariance()
        divisor = float(count) * (count if self.profile == "pyradiomics" else count - 1)
        values = np.linalg.eigvalsh(spread * np.outer(self.spacing, self.spacing) / divisor)[::-1]
        return 4 * np.sqrt(np.where(values > 1e-12 * values[0], values, 0.0))

    @cached_property
    def box(self) -> np.ndarray:
        return np.array([side.stop - side.start for side in self._now.box]) * np.asarray(self.spacing)


class _Now:
    def __init__(
        self, name: str, window: Window, spacing: tuple[float, float, float], live: LiveOutline
    ) -> None:
        self.name = name
        self._live = live
        self.spacing = spacing
        self.shape = window.mask.shape
        self.lattice = LiveLattice(window)
        self._window = window
        self._shapes: dict[str, Shape] = {}

    @property
    def voxels(self) -> int:
        return self._window.voxels

    @property
    def box(self) -> tuple[slice, ...]:
        return self._window.box

    @cached_property
    def mask(self) -> np.ndarray:
        return np.ascontiguousarray(self._window.mask[self.box])

    def shape_of(self, profile: str) -> Shape:
        if profile not in self._shapes:
            self._shapes[profile] = LiveShape(self, self._live, profile)
        return self._shapes[profile]

    def values(self, name: str, image: np.ndarray) -> np.ndarray:
        return self._full.values(name, image)

    @cached_property
    def _full(self) -> Any:
        from ..extract import _Outline

        return _Outline(self.name, self._window.mask, self.spacing)


class LiveInner:
    """The intensity mask of an outline without re-segmentation."""

    keep = None

    def __init__(self, outline: _Now, region: Region, image: np.ndarray, window: Window) -> None:
        self._image = image
        self._window = window
        self.region = region
        self.lattice = outline.lattice
        self.shape_of = outline.shape_of
        self.voxels = outline.voxels
        self._outline = outline

    @property
    def mask(self) -> np.ndarray:
        return self._outline.mask

    @property
    def magnitude(self) -> float:
        """Largest absolute intensity of the image without filter."""
        return float(np.abs(self._image[self._window.on_grid]).max())
