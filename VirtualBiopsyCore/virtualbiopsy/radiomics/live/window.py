"""The region under edit: a window of the grid around it, and what an edit changes in it."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...case.changes import Box, Extent, changed_box
from ..lattice import DIRECTIONS, Lattice

SLACK = 8
"""Voxels by which the region may grow on each side before everything is counted anew."""

LARGEST_EDIT = 0.1
"""Share of the region's voxels from which a full count is the cheaper way."""

STEPS = np.concatenate([DIRECTIONS, -DIRECTIONS]).astype(np.int64)
"""(26, 3) steps (dk, dj, di): the 13 directions, then their opposites in the same order."""


class Window:
    """The voxels of one region as they are now.

    Positions are those in the flattened window: the region's box with a margin on all sides, so that
    neighbours of the region's voxels are always positions as well.

    Parameters
    ----------
    mask : (k, j, i) bool on the whole grid, with at least one voxel.

    Attributes
    ----------
    size : positions in the window. steps : (26,) int64, STEPS as differences of positions; the first 13 are
        positive.
    corner : (3,) indices on the grid of the window's first voxel; may be negative. strides : (3,) int64.
    filled : (size,) uint8, 1 inside the region. touched : (size,) uint8, 1 where the last edit changed it.
    marks : (size,) uint16 zeros, for scratch.
    """

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = np.array(mask, dtype=bool)
        self._extent = Extent(self.mask.shape)
        whole = tuple(slice(0, n) for n in self.mask.shape)
        self._extent.change(whole, np.zeros_like(self.mask), self.mask)
        box = self._extent.box
        self.corner = np.array([side.start - SLACK - 1 for side in box], dtype=np.int64)
        self._shape = np.array([side.stop - side.start + 2 * SLACK + 2 for side in box])
        self.strides = np.array((self._shape[1] * self._shape[2], self._shape[2], 1), dtype=np.int64)
        self.steps = STEPS @ self.strides
        self.size = int(np.prod(self._shape))
        self.filled = np.zeros(self.size, dtype=np.uint8)
        self.touched = np.zeros(self.size, dtype=np.uint8)
        self.marks = np.zeros(self.size, dtype=np.uint16)
        self._mark = np.zeros(self.size, dtype=np.int32)
        at = np.argwhere(self.mask[box]) + [side.start for side in box]
        self.inside, self.on_grid = self._positions(at)
        self.filled[self.inside] = 1
        self._edit: Edit | None = None
        self._lattice: Lattice | None = None
        self._adjacent: np.ndarray | None = None

    def _positions(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, rows, columns = self.mask.shape
        return (at - self.corner) @ self.strides, at @ np.array((rows * columns, columns, 1), dtype=np.int64)

    @property
    def voxels(self) -> int:
        return len(self.inside)

    @property
    def box(self) -> Box | None:
        """Bounding box of the region on the grid."""
        return self._extent.box

    @property
    def first(self) -> np.ndarray:
        """(3,) indices (k, j, i) in the window of the first voxel of the region's bounding box."""
        return np.array([side.start for side in self.box]) - self.corner

    @property
    def lattice(self) -> Lattice:
        """The region as it is now, for full counts; its voxels are in the order of ``inside``."""
        if self._lattice is None:
            self._lattice = Lattice(self.mask[self.box])
        return self._lattice

    def adjacent(self) -> np.ndarray:
        """(13,) number of neighbours inside the region in each direction."""
        if self._adjacent is None:
            half = self.steps[: len(DIRECTIONS)]
            self._adjacent = np.array([np.count_nonzero(self.filled[self.inside + step]) for step in half])
        return self._adjacent

    def indices(self, positions: np.ndarray) -> np.ndarray:
        """(n, 3) indices (k, j, i) in the window."""
        return np.stack(np.unravel_index(positions, self._shape), axis=1)

    def follow(self, mask: np.ndarray, within: Box | None = None) -> Edit | None:
        """Take the region as it is now; return what changed, or None if that is better counted anew.

        After None the window is as it was.

        Parameters
        ----------
        mask : on the same grid. within : box outside which it is known to be as before.
        """
        box = changed_box(self.mask, mask, within)
        if box is None:
            at = np.zeros((0, 3), dtype=np.int64)
        else:
            before, after = self.mask[box], mask[box]
            at = np.argwhere(before != after)
            at += [side.start for side in box]
        if len(at) > LARGEST_EDIT * self.voxels:
            return None
        added = mask[tuple(at.T)] if len(at) else np.zeros(0, dtype=bool)
        fresh = at[added] - self.corner
        if len(fresh) and ((fresh < 1).any() or (fresh > self._shape - 2).any()):
            return None
        if self._edit is not None:
            self.touched[self._edit.moved] = 0
        if len(at):
            self._extent.change(box, before, after)
            before[...] = after
            self._lattice = None
        moved, on_grid = self._positions(at)
        self.filled[moved] = added
        self.touched[moved] = 1
        self._splice(moved, on_grid, added)
        self._edit = Edit(self, at, moved, on_grid, added)
        if self._adjacent is not None and len(at):
            was, now = (np.bincount(part[0], minlength=len(DIRECTIONS)) for part in self._edit.pairs)
            self._adjacent = self._adjacent + now - was
        return self._edit

    def _splice(self, moved: np.ndarray, on_grid: np.ndarray, added: np.ndarray) -> None:
        place = np.searchsorted(self.inside, moved)
        self.inside = spliced(self.inside, place, moved, added)
        self.on_grid = spliced(self.on_grid, place, on_grid, added)

    def distinct(self, positions: np.ndarray) -> np.ndarray:
        """Each of the positions once."""
        numbers = np.arange(len(positions), dtype=np.int32)
        self._mark[positions] = numbers
        return positions[self._mark[positions] == numbers]


_FEW = 400
"""Up to so many changes an array is put together from what lies between them."""


def spliced(array: np.ndarray, place: np.ndarray, values: np.ndarray, added: np.ndarray) -> np.ndarray:
    """An array (n,) after changes in ascending order.

    Parameters
    ----------
    place : (c,) index in the array of what is taken out, or before which something is put in.
    values : (c,) what is put in. added : (c,) bool, put in or else taken out.
    """
    if len(place) > _FEW:
        gone = place[~added]
        kept = np.delete(array, gone)
        return np.insert(kept, place[added] - np.searchsorted(gone, place[added]), values[added])
    pieces, last = [], 0
    for number, (at, new) in enumerate(zip(place.tolist(), added.tolist(), strict=True)):
        pieces.append(array[last:at])
        if new:
            pieces.append(values[number : number + 1])
        last = at if new else at + 1
    return np.concatenate([*pieces, array[last:]])


class Edit:
    """What one edit changed; "was" stands for the region before it, "now" for the region after it.

    Attributes
    ----------
    at : (c, 3) indices on the grid of the changed voxels. moved : (c,) their positions, ascending.
    on_grid : (c,) their positions on the flattened grid. added : (c,) bool, else removed.
    """

    def __init__(
        self, window: Window, at: np.ndarray, moved: np.ndarray, on_grid: np.ndarray, added: np.ndarray
    ) -> None:
        self.window = window
        self.at = at
        self.moved = moved
        self.on_grid = on_grid
        self.added = added

    def _split(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which positions were, and are now, inside (bool)."""
        now = self.window.filled[positions]
        return (now ^ self.window.touched[positions]).view(bool), now.view(bool)

    @cached_property
    def around(self) -> np.ndarray:
        """(26, c) positions of the neighbours of the changed voxels."""
        return self.moved + self.window.steps[:, None]

    @cached_property
    def near(self) -> tuple[np.ndarray, np.ndarray]:
        """Changed voxels and their neighbours, each once: those that were inside, those that are now."""
        near = self.window.distinct(np.concatenate([self.moved, self.around.ravel()]))
        was, now = self._split(near)
        return near[was], near[now]

    @cached_property
    def near_around(self) -> tuple[np.ndarray, np.ndarray]:
        """(26, v) positions of the neighbours of both parts of `near`."""
        return tuple(part + self.window.steps[:, None] for part in self.near)

    @cached_property
    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """(v,) int64 number of neighbours that were, and are now, inside, of both parts of `near`."""
        was = self.window.filled[self.near_around[0]] ^ self.window.touched[self.near_around[0]]
        now = self.window.filled[self.near_around[1]]
        return was.sum(axis=0, dtype=np.int64), now.sum(axis=0, dtype=np.int64)

    @cached_property
    def pairs(self) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]:
        """Neighbours of which at least one changed, each pair once: those inside before, those inside now.

        Each a tuple of direction (p,) 0…12, and positions of both voxels (p,).
        """
        half = len(DIRECTIONS)
        back = self.window.touched[self.around[half:]] == 0
        direction, which = np.nonzero(back)
        ahead = np.repeat(np.arange(half, dtype=np.int64), len(self.moved))
        direction = np.concatenate([ahead, direction])
        first = np.concatenate([np.tile(self.moved, half), self.around[half:][back]])
        second = np.concatenate([self.around[:half].ravel(), self.moved[which]])
        one, other = self._split(first), self._split(second)
        kept = [a & b for a, b in zip(one, other, strict=True)]
        return tuple((direction[k], first[k], second[k]) for k in kept)

    @cached_property
    def on_lines(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Changed voxels and their neighbours along each direction: those inside before, those inside now.

        Each a tuple of direction (p,) and position (p,).
        """
        half = len(DIRECTIONS)
        rows = np.stack([np.broadcast_to(self.moved, (half, len(self.moved))), *self._halves()], axis=1)
        direction = np.repeat(np.arange(half, dtype=np.int64), rows[0].size)
        position = rows.ravel()
        return tuple((direction[kept], position[kept]) for kept in self._split(position))

    def _halves(self) -> tuple[np.ndarray, np.ndarray]:
        half = len(DIRECTIONS)
        return self.around[:half], self.around[half:]
