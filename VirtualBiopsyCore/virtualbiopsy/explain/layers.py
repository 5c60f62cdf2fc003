"""Shares of log-odds collected per sequence, and the images that they become."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .workspace import Box, Place


class Layers:
    """One layer per sequence, all on the grid of the arrays; what lies beyond their border may be added, too.

    Shares of the same region are added up before they are put into place.
    """

    def __init__(self) -> None:
        self._voxels: dict[str, dict[int, tuple[Place, np.ndarray]]] = {}
        self._blocks: dict[str, list[tuple[tuple[int, int, int], np.ndarray]]] = {}

    def add(self, role: str, place: Place, voxels: np.ndarray) -> None:
        """Log-odds (n,) of a region's voxels."""
        places = self._voxels.setdefault(role, {})
        known = places.get(id(place))
        places[id(place)] = (place, voxels if known is None else known[1] + voxels)

    def add_block(self, role: str, start: tuple[int, int, int], block: np.ndarray) -> None:
        """Log-odds (k, j, i) of a box that begins at an index, which may lie outside the arrays."""
        self._blocks.setdefault(role, []).append((start, block))

    def images(self, grid: sitk.Image) -> tuple[dict[str, sitk.Image], sitk.Image | None]:
        """Image by role and their sum, float64, on the smallest box of the grid that holds all of them.

        Without any shares: no image and None.
        """
        boxes = [place.box for places in self._voxels.values() for place, _ in places.values()]
        boxes += [_box(*block) for blocks in self._blocks.values() for block in blocks]
        if not boxes:
            return {}, None
        start = [min(box[axis].start for box in boxes) for axis in range(3)]
        shape = [max(box[axis].stop for box in boxes) - start[axis] for axis in range(3)]
        arrays = {}
        for role in sorted({*self._voxels, *self._blocks}):
            array = arrays[role] = np.zeros(shape)
            for place, voxels in self._voxels.get(role, {}).values():
                array[_moved(place.box, start)][place.inside] += voxels
            for first, block in self._blocks.get(role, []):
                array[_moved(_box(first, block), start)] += block
        origin = grid.TransformContinuousIndexToPhysicalPoint([float(s) for s in reversed(start)])

        def image(array: np.ndarray) -> sitk.Image:
            made = sitk.GetImageFromArray(array)
            made.SetSpacing(grid.GetSpacing())
            made.SetDirection(grid.GetDirection())
            made.SetOrigin(origin)
            return made

        return {role: image(array) for role, array in arrays.items()}, image(sum(arrays.values()))

    def image_like(self, like: sitk.Image, grid: sitk.Image) -> sitk.Image:
        """Sum of all layers, float64, on an image that holds them; `grid` is that of the arrays."""
        first = grid.TransformPhysicalPointToContinuousIndex(like.GetOrigin())
        start = [round(at) for at in reversed(first)]
        array = np.zeros(like.GetSize()[::-1])
        for places in self._voxels.values():
            for place, voxels in places.values():
                array[_moved(place.box, start)][place.inside] += voxels
        for blocks in self._blocks.values():
            for block in blocks:
                array[_moved(_box(*block), start)] += block[1]
        made = sitk.GetImageFromArray(array)
        made.CopyInformation(like)
        return made


def _box(start: tuple[int, int, int], block: np.ndarray) -> Box:
    k, j, i = (slice(a, a + n) for a, n in zip(start, block.shape, strict=True))
    return k, j, i


def _moved(box: Box, start: list[int]) -> Box:
    k, j, i = (slice(s.start - a, s.stop - a) for s, a in zip(box, start, strict=True))
    return k, j, i
