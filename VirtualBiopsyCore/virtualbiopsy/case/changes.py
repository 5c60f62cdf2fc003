"""What changed between two masks, found fast."""

from __future__ import annotations

import numpy as np

Box = tuple[slice, slice, slice]


def changed_box(old: np.ndarray, new: np.ndarray, within: Box | None = None) -> Box | None:
    """Smallest box (k, j, i) that holds all voxels in which two arrays differ; None if they are equal.

    Parameters
    ----------
    old, new : arrays of one shape with one byte per voxel (bool, uint8).
    within : box outside which they are known to be equal.
    """
    corner = (0, 0, 0)
    if within is not None:
        corner = tuple(side.start for side in within)
        old, new = old[within], new[within]
    elif old.flags.c_contiguous and new.flags.c_contiguous and old.size >= 4096:
        span = _changed_span(old, new)
        if span is None:
            return None
        row, plane = old.shape[2], old.shape[1] * old.shape[2]
        first, last = span[0] // plane, span[1] // plane
        low, high = (span[0] // row, span[1] // row) if first == last else (0, old.shape[1] - 1)
        low, high = low % old.shape[1], high % old.shape[1]
        corner = (first, low, 0)
        near = (slice(first, last + 1), slice(low, high + 1))
        old, new = old[near], new[near]
    differs = old != new
    spans = []
    for axis, start in enumerate(corner):
        hit = np.flatnonzero(differs.any(axis=tuple(other for other in range(3) if other != axis)))
        if not len(hit):
            return None
        spans.append(slice(start + int(hit[0]), start + int(hit[-1]) + 1))
    return tuple(spans)


def _changed_span(old: np.ndarray, new: np.ndarray) -> tuple[int, int] | None:
    """First and last byte, rounded outward to words of eight, in which two contiguous arrays differ."""
    old, new = old.reshape(-1).view(np.uint8), new.reshape(-1).view(np.uint8)
    whole = len(old) // 8 * 8
    words = np.flatnonzero(old[:whole].view(np.uint64) != new[:whole].view(np.uint64))
    tail = bool((old[whole:] != new[whole:]).any())
    if not len(words) and not tail:
        return None
    first = int(words[0]) * 8 if len(words) else whole
    last = len(old) - 1 if tail else int(words[-1]) * 8 + 7
    return first, last


def join_boxes(first: Box | None, second: Box | None) -> Box | None:
    """Smallest box that holds two; None is the empty one."""
    if first is None or second is None:
        return first or second
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True)
    )


class Extent:
    """Bounding box of the true voxels of a mask that is edited, from their number in every plane."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._planes = [np.zeros(n, dtype=np.int64) for n in shape]

    def change(self, box: Box, before: np.ndarray, after: np.ndarray) -> None:
        """Tell that the voxels in a box went from `before` to `after` (bool, shape of the box)."""
        change = after.view(np.int8) - before.view(np.int8)
        for axis, (planes, side) in enumerate(zip(self._planes, box, strict=True)):
            others = tuple(other for other in range(len(self._planes)) if other != axis)
            planes[side] += change.sum(axis=others, dtype=np.int64)

    @property
    def voxels(self) -> int:
        return int(self._planes[0].sum())

    @property
    def box(self) -> Box | None:
        """None if no voxel is true."""
        spans = []
        for planes in self._planes:
            used = np.flatnonzero(planes)
            if not len(used):
                return None
            spans.append(slice(int(used[0]), int(used[-1]) + 1))
        return tuple(spans)
