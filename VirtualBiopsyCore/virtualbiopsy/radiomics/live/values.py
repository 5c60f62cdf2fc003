"""Intensities of a region under edit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ..statistics import Values, quantiles
from .window import Edit, Window


class SortedValues:
    """The intensities of one image in a region in ascending order, which follow its edits."""

    def __init__(self, window: Window, image: np.ndarray) -> None:
        self._image = image
        self.values = np.sort(image[window.on_grid])

    def follow(self, edit: Edit) -> None:
        values = self._image[edit.on_grid]
        gone = np.sort(values[~edit.added])
        # Of equal intensities each takes the next place.
        place = np.searchsorted(self.values, gone)
        place += np.arange(len(gone)) - np.searchsorted(gone, gone)
        self.values = np.delete(self.values, place)
        new = np.sort(values[edit.added])
        self.values = np.insert(self.values, np.searchsorted(self.values, new), new)


class LiveValues(Values):
    """Statistics of intensities (n,), whose order statistics come from the sorted ones, made when needed."""

    def __init__(
        self, values: np.ndarray, ordered: Callable[[], np.ndarray], profile: str, voxel_volume: float
    ) -> None:
        super().__init__(values, profile, voxel_volume)
        # What the kernels know at once holds order statistics, which cost the most.
        self.known = {}
        self._ordered = ordered

    @cached_property
    def percentiles(self) -> tuple[float, float, float, float, float]:
        ordered = self._ordered()
        return quantiles(lambda rank: float(ordered[rank]), self.count)
