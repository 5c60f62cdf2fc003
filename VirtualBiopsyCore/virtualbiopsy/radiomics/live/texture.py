"""Texture of a region under edit: the features of the full path from matrices that follow."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..aggregation import Aggregation
from ..histogram import Histogram
from ..lattice import DIRECTIONS, Lattice
from ..levels import Levels
from ..ngtdm import ToneDifferences
from ..texture import Texture
from ..zones import count_table
from .levels import LiveLevels
from .window import Window

_PLAIN = Aggregation("3d")


class LiveLattice:
    """Lattice of a region under edit; what does not follow comes from a real one, made when asked for."""

    planar = False
    slices = 1
    directions = DIRECTIONS

    def __init__(self, window: Window) -> None:
        self._window = window

    def __getattr__(self, name: str) -> Any:
        return getattr(self._window.lattice, name)

    @property
    def voxels(self) -> int:
        return self._window.voxels

    @property
    def per_slice(self) -> np.ndarray:
        return np.array([self._window.voxels])

    @property
    def lined_up(self) -> np.ndarray:
        found = self._window.adjacent() > 0
        return found if found.all() else self._window.lattice.lined_up

    def offsets(self, distance: int = 1, norm: str = "chebyshev", up_to: bool = False) -> np.ndarray:
        if (distance, norm) == (1, "chebyshev"):
            return DIRECTIONS
        return Lattice.offsets(self, distance, norm, up_to)


class LiveCells:
    """As :class:`virtualbiopsy.radiomics.levels.Levels`, made when asked for."""

    def __init__(self, live: LiveLevels) -> None:
        self._live = live

    @cached_property
    def grey(self) -> np.ndarray:
        return self._live.present + 1.0

    @cached_property
    def n_levels(self) -> int:
        return int(self._live.present[-1]) + 1

    @cached_property
    def levels(self) -> np.ndarray:
        return self._live.levels

    @cached_property
    def rank(self) -> np.ndarray:
        return Levels.of(self.levels, self.n_levels).rank


class LiveTexture(Texture):
    """One image in a region under edit. Matrices without a table that follows are counted in full."""

    def __init__(
        self, window: Window, live: LiveLevels, profile: str, spacing: tuple[float, float, float]
    ) -> None:
        super().__init__(LiveLattice(window), None, "", profile, spacing=spacing, cells=LiveCells(live))
        self._live = live

    def pair_counts(self, planar: bool, distance: int, norm: str) -> np.ndarray:
        if planar or (distance, norm) != (1, "chebyshev"):
            return super().pair_counts(planar, distance, norm)
        return self._live.pairs()[None]

    def run_counts(self, planar: bool) -> np.ndarray:
        return super().run_counts(planar) if planar else self._live.runs()[None]

    @cached_property
    def histogram(self) -> Histogram:
        return Histogram.of_counts(self._live.histogram[: self.cells.n_levels], self.profile)

    def size_counts(self, family: str, a: Aggregation) -> tuple[np.ndarray, np.ndarray]:
        if a != _PLAIN:
            return super().size_counts(family, a)
        if family == "ngldm":
            return self._live.alike()
        if family == "glszm":
            level, size = self._live.zones()
        else:
            level, size = self._live.zones_by_depth(self.lattice.depth)
        rank = np.cumsum(self._live.histogram > 0)
        return count_table(rank[level - 1], len(self.cells.grey), size)

    def tone_differences(self, a: Aggregation) -> list[ToneDifferences]:
        if a != _PLAIN:
            return super().tone_differences(a)
        voxels, sums = self._live.tones()
        if self.profile == "pyradiomics":
            voxels = self._live.histogram[self._live.present]
        kept = voxels > 0
        if not kept.any():
            return []
        whole = int(voxels.sum())
        return [ToneDifferences(self.cells.grey[kept], voxels[kept] / whole, sums[kept], whole)]
