"""Filtering along the axes of a part of an image, with the boundary of the whole image.

A voxel's response is the same, bit for bit, whatever part it is computed in: every line is extended by the
rule of the boundary, and the taps are summed in one fixed order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Range = tuple[int, int]
Ranges = tuple[Range, Range, Range]


@dataclass(frozen=True, eq=False)
class Patch:
    """Values of the voxels `ranges` (start, stop for k, j, i) of an image of `shape`."""

    values: np.ndarray
    ranges: Ranges
    shape: tuple[int, int, int]

    def cut(self, ranges: Ranges) -> Patch:
        """The part of this patch that covers `ranges` (a view)."""
        inner = tuple(
            slice(a - start, b - start) for (a, b), (start, _) in zip(ranges, self.ranges, strict=True)
        )
        return Patch(self.values[inner], ranges, self.shape)


def whole(shape: Sequence[int]) -> Ranges:
    """The ranges of an entire image."""
    k, j, i = ((0, int(n)) for n in shape)
    return k, j, i


def source(wanted: Range, radius: int, n: int, boundary: str) -> Range:
    """Voxels of a line of `n` that the voxels `wanted` depend on through a kernel of this radius."""
    start, stop = wanted[0] - radius, wanted[1] + radius
    if boundary == "periodic" and (start < 0 or stop > n):
        return 0, n
    return max(start, 0), min(stop, n)


def sources(wanted: Ranges, radii: Sequence[int], shape: Sequence[int], boundary: str) -> Ranges:
    """:func:`source` of every axis."""
    k, j, i = (source(w, r, n, boundary) for w, r, n in zip(wanted, radii, shape, strict=True))
    return k, j, i


def outside(start: int, stop: int, n: int, boundary: str) -> np.ndarray:
    """Indices in 0 … n-1 that the positions start … stop-1 of the extended line stand for (zero: clipped)."""
    position = np.arange(start, stop)
    if boundary == "mirror":
        position = np.mod(position, 2 * n)
        return np.where(position < n, position, 2 * n - 1 - position)
    if boundary == "periodic":
        return np.mod(position, n)
    return np.clip(position, 0, n - 1)


def extended(patch: Patch, axis: int, wanted: Range, radius: int, boundary: str) -> np.ndarray:
    """The patch with the range `wanted` and `radius` voxels before and after it along one axis."""
    n = patch.shape[axis]
    first = patch.ranges[axis][0]
    start, stop = wanted[0] - radius, wanted[1] + radius
    if start >= 0 and stop <= n:
        return patch.values[(slice(None),) * axis + (slice(start - first, stop - first),)]
    values = np.take(patch.values, outside(start, stop, n, boundary) - first, axis=axis)
    if boundary == "zero":
        values[(slice(None),) * axis + (slice(0, max(0, -start)),)] = 0.0
        values[(slice(None),) * axis + (slice(n - start, None),)] = 0.0
    return values


def convolve(patch: Patch, axis: int, taps: np.ndarray, wanted: Range, boundary: str) -> Patch:
    """Convolve along one axis with an odd number of taps, the middle one on the voxel.

    The patch must cover ``source(wanted, len(taps) // 2, …)`` along that axis.
    """
    # Here, since the filters of the profile pyradiomics need no scipy.
    from scipy import ndimage

    radius = len(taps) // 2
    values = extended(patch, axis, wanted, radius, boundary)
    found = ndimage.correlate1d(values, taps[::-1], axis=axis, mode="constant")
    if radius:
        found = found[(slice(None),) * axis + (slice(radius, -radius),)]
    ranges = list(patch.ranges)
    ranges[axis] = wanted
    return Patch(found, tuple(ranges), patch.shape)


def separable(patch: Patch, taps: Sequence[np.ndarray | None], wanted: Ranges, boundary: str) -> Patch:
    """Convolve along k, j and i; None leaves an axis as it is."""
    for axis, line in enumerate(taps):
        if line is not None:
            patch = convolve(patch, axis, line, wanted[axis], boundary)
    return patch.cut(wanted)


def radii(taps: Sequence[np.ndarray | None]) -> tuple[int, int, int]:
    """Half lengths of the kernels along k, j and i."""
    k, j, i = (0 if line is None else len(line) // 2 for line in taps)
    return k, j, i
