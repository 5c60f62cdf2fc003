"""Grey levels of one region and of the 26 neighbours of each voxel, which all texture matrices share."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .discretise import discretise_values
from .glcm import DIRECTIONS

STEPS = np.concatenate([DIRECTIONS, -DIRECTIONS])
"""(26, 3) steps (dk, dj, di): the 13 directions, then their opposites in the same order."""


class Neighbourhood:
    """One discretised region.

    Parameters
    ----------
    mask : (k, j, i) bool, cropped to its box.
    values : (n,) intensities in the order of ``np.flatnonzero(mask)``.
    spec, profile : as for :func:`virtualbiopsy.radiomics.discretise.discretise_values`.

    Attributes
    ----------
    levels : (n,) int32, 1…Ng. n_levels : Ng. grey : (m,) float64, the levels that occur.
    rank : (n,) int32, 1…m: position of a voxel's level in ``grey``, plus one.
    """

    def __init__(self, mask: np.ndarray, values: np.ndarray, spec: str, profile: str) -> None:
        self.mask = mask
        self.profile = profile
        self.levels, self.n_levels = discretise_values(values, spec, profile)
        present = np.bincount(self.levels) > 0
        self.grey = np.flatnonzero(present).astype(np.float64)
        self.rank = np.cumsum(present, dtype=np.int32)[self.levels]

    @cached_property
    def inside(self) -> np.ndarray:
        """(n,) positions of the voxels in the flattened box with one voxel of margin."""
        return np.flatnonzero(np.pad(self.mask, 1))

    @cached_property
    def steps(self) -> np.ndarray:
        """(26,) STEPS as differences of such positions."""
        _, rows, columns = (size + 2 for size in self.mask.shape)
        return STEPS @ np.array((rows * columns, columns, 1))

    @cached_property
    def field(self) -> np.ndarray:
        """Flattened box with margin: rank inside the region, 0 outside."""
        field = np.zeros(int(np.prod([size + 2 for size in self.mask.shape])), dtype=np.int32)
        field[self.inside] = self.rank
        return field

    @cached_property
    def neighbours(self) -> np.ndarray:
        """(26, n) int32 ranks of the neighbours, 0 outside the region."""
        table = np.empty((len(STEPS), len(self.inside)), dtype=np.int32)
        for row, step in zip(table, self.steps, strict=True):
            np.take(self.field, self.inside + step, out=row)
        return table

    @cached_property
    def same(self) -> np.ndarray:
        """(26, n) bool: the neighbour is in the region and has the same level."""
        return self.neighbours == self.rank
