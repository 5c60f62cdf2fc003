"""Voxels of one region and which of them are neighbours: what all images of the region share."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

DIRECTIONS = np.array(
    [
        (0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1),
        (1, -1, -1), (1, -1, 0), (1, -1, 1), (1, 0, -1), (1, 0, 0), (1, 0, 1),
        (1, 1, -1), (1, 1, 0), (1, 1, 1),
    ]
)  # fmt: skip
"""(13, 3) unit steps (dk, dj, di), one of each opposite pair; the first four stay within a slice."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Voxels of the region in the order in which lines along each of d directions pass through them.

    Attributes
    ----------
    voxel : (d, n) int32 numbers of the voxels (order of np.flatnonzero(mask)).
    last : (e,) positions in the flattened ``voxel`` after which the stretch ends: the next voxel there is no
        neighbour.
    pairs : (d,) number of neighbouring pairs along each direction.
    """

    voxel: np.ndarray
    last: np.ndarray
    pairs: np.ndarray


@dataclass(frozen=True, eq=False)
class Pairs:
    """Neighbours at given offsets: voxel ``first[p]`` plus ``offset[p]`` is voxel ``second[p]``.

    Attributes
    ----------
    first, second : (p,) numbers of the voxels. offset : (p,) row of the table of offsets.
    """

    first: np.ndarray
    second: np.ndarray
    offset: np.ndarray


class Lattice:
    """One region.

    Parameters
    ----------
    mask : (k, j, i) bool, cropped to its box. planar : neighbours lie in the same slice (constant k), and
        every slice is a group of its own. outline : bool of the same shape that holds the mask, from whose
        border depth is measured; None for the mask itself.

    Attributes
    ----------
    voxels : n. inside : (n,) int64 positions of the voxels in the flattened box with one voxel of margin,
        ascending. shape : of that box. steps : (3,) its strides in voxels.
    slice_of : (n,) group of each voxel, 0…slices-1; all 0 unless planar. slices : number of groups; slices
        without voxels are not counted.
    memory : what kernels keep here, by their own keys.
    """

    def __init__(self, mask: np.ndarray, planar: bool = False, outline: np.ndarray | None = None) -> None:
        self.mask = np.ascontiguousarray(mask, dtype=bool)
        self.planar = planar
        self.outline = self.mask if outline is None else outline
        self.shape = tuple(size + 2 for size in self.mask.shape)
        self.steps = np.array((self.shape[1] * self.shape[2], self.shape[2], 1))
        self.inside = np.flatnonzero(np.pad(self.mask, 1))
        self.voxels = len(self.inside)
        self._grids = {1: (self.shape, self.inside)}
        self._pairs: dict[tuple[int, str, bool], Pairs] = {}
        self._counts: dict[tuple[int, str], np.ndarray] = {}
        self.memory: dict[str, Any] = {}

    @cached_property
    def slice_of(self) -> np.ndarray:
        if not self.planar:
            return np.zeros(self.voxels, dtype=np.int64)
        k = self.inside // self.steps[0]
        return np.cumsum(np.diff(k, prepend=k[:1]) > 0)

    @cached_property
    def slices(self) -> int:
        return int(self.slice_of[-1]) + 1

    @cached_property
    def per_slice(self) -> np.ndarray:
        """(slices,) voxels of each group."""
        return np.bincount(self.slice_of)

    @cached_property
    def in_slices(self) -> Lattice:
        """The same region with neighbours in the same slice only."""
        return self if self.planar else Lattice(self.mask, planar=True, outline=self.outline)

    @property
    def directions(self) -> np.ndarray:
        """(d, 3) the unit steps that lines follow: all of DIRECTIONS, or the four within a slice."""
        return DIRECTIONS[:4] if self.planar else DIRECTIONS

    def offsets(self, distance: int = 1, norm: str = "chebyshev", up_to: bool = False) -> np.ndarray:
        """Offsets (d, 3) at a distance in voxels, one of each opposite pair, in the order of DIRECTIONS.

        Those whose norm, rounded up, is the distance: for "chebyshev" and "manhattan" exactly the distance.
        With ``up_to`` the shorter ones as well.
        """
        reach = range(-distance, distance + 1)
        found = []
        for offset in itertools.product([0] if self.planar else range(distance + 1), reach, reach):
            if offset > (0, 0, 0):
                length = math.ceil(measure(offset, norm))
                if length == distance or (up_to and length < distance):
                    found.append(offset)
        return np.array(found).reshape(-1, 3)

    def grid(self, margin: int) -> tuple[tuple[int, int, int], np.ndarray]:
        """As `shape` and `inside`, with so many voxels of margin around the box."""
        if margin not in self._grids:
            padded = np.pad(self.mask, margin)
            self._grids[margin] = padded.shape, np.flatnonzero(padded)
        return self._grids[margin]

    @cached_property
    def lines(self) -> Lines:
        """Lines along :attr:`directions`.

        Along a direction the positions in the flattened box with margin are an arithmetic progression: sorted
        by the remainder of the division by its step they go along the lines, and the margin parts these.
        """
        wide = self.inside[-1] > np.iinfo(np.int32).max
        position = self.inside if wide else self.inside.astype(np.int32)
        steps = (self.directions @ self.steps).tolist()
        voxel = np.empty((len(steps), self.voxels), dtype=np.int32)
        last = np.ones(voxel.shape, dtype=bool)
        for row, ends, step in zip(voxel, last, steps, strict=True):
            line = position - position // step * step
            order = np.argsort(line.astype(np.min_scalar_type(step)), kind="stable")
            row[:] = order
            place = position.take(order)
            np.not_equal(place[1:] - place[:-1], step, out=ends[:-1])
        return Lines(voxel, np.flatnonzero(last), self.voxels - np.count_nonzero(last, axis=1))

    @cached_property
    def lined_up(self) -> np.ndarray:
        """Whether any line along each of :attr:`directions`, (d,) bool, holds two or more voxels."""
        from . import kernels

        found = kernels.active().paired_directions(self)
        if found.all():
            return found
        voxels = np.argwhere(self.mask)
        for number in np.flatnonzero(~found):
            step = self.directions[number]
            axis = int(np.flatnonzero(step)[0])
            lines = voxels - (voxels[:, axis] * step[axis])[:, None] * step
            found[number] = len(np.unique(lines, axis=0)) < len(lines)
        return found

    def pairs(self, distance: int = 1, norm: str = "chebyshev", up_to: bool = False) -> Pairs:
        """All pairs of voxels at ``offsets(distance, norm, up_to)``, each once."""
        key = (distance, norm, up_to)
        if key not in self._pairs:
            shape = [size + 2 * distance for size in self.mask.shape]
            number = np.full(shape, -1, dtype=np.int64)
            number[(slice(distance, -distance),) * 3][self.mask] = np.arange(self.voxels)
            number = number.ravel()
            inside = np.flatnonzero(number >= 0)
            steps = self.offsets(*key) @ np.array((shape[1] * shape[2], shape[2], 1))
            found = [number[inside + step] for step in steps]
            first = [np.flatnonzero(second >= 0) for second in found]
            self._pairs[key] = Pairs(
                np.concatenate([*first, np.zeros(0, dtype=np.int64)]),
                np.concatenate([*(s[f] for s, f in zip(found, first, strict=True)), number[:0]]),
                np.repeat(np.arange(len(found)), [len(f) for f in first]),
            )
        return self._pairs[key]

    def neighbour_counts(self, distance: int = 1, norm: str = "chebyshev") -> np.ndarray:
        """(n,) number of neighbours up to a distance."""
        key = (distance, norm)
        if key not in self._counts:
            if key == (1, "chebyshev"):
                count = self.box_sums(np.ones(self.voxels, dtype=np.int8)).astype(np.int64)
            else:
                pairs = self.pairs(distance, norm, True)
                count = np.bincount(pairs.first, minlength=self.voxels)
                count += np.bincount(pairs.second, minlength=self.voxels)
            self._counts[key] = count
        return self._counts[key]

    def box_sums(self, values: np.ndarray) -> np.ndarray:
        """(n,) sums of values (n,) over the neighbours at Chebyshev distance 1, of the type of the values."""
        box = np.zeros(math.prod(self.shape), dtype=values.dtype)
        box[self.inside] = values
        box = box.reshape(self.shape)
        sums = box[:, :, :-2] + box[:, :, 1:-1]
        sums += box[:, :, 2:]
        sums, part = sums[:, :-2] + sums[:, 1:-1], sums[:, 2:]
        sums += part
        if self.planar:
            sums = sums[1:-1]
        else:
            sums, part = sums[:-2] + sums[1:-1], sums[2:]
            sums += part
        return sums.ravel().take(np.flatnonzero(self.mask)) - values

    @cached_property
    def depth(self) -> np.ndarray:
        """(n,) city-block distance of each voxel from outside the outline, 1 at its border.

        In a planar lattice the distance within the slice.
        """
        from scipy import ndimage

        padded = np.pad(self.outline, 1)
        if self.planar:
            cross = ndimage.generate_binary_structure(3, 1)
            cross[[0, 2]] = False
            found = np.stack([ndimage.distance_transform_cdt(plane, metric="taxicab") for plane in padded])
        else:
            found = ndimage.distance_transform_cdt(padded, metric="taxicab")
        return found.ravel()[self.inside]


def measure(offset: tuple[float, float, float], norm: str) -> float:
    """Length of an offset by "chebyshev", "manhattan" or "euclidean" norm."""
    sizes = [abs(float(part)) for part in offset]
    if norm == "chebyshev":
        return max(sizes)
    return sum(sizes) if norm == "manhattan" else math.sqrt(sum(size * size for size in sizes))
