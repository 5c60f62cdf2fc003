"""Grey levels of one region after discretisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .discretise import discretise_values


@dataclass(frozen=True, eq=False)
class Levels:
    """One discretised region of n voxels.

    Attributes
    ----------
    levels : (n,) int32, 1…Ng. n_levels : Ng. grey : (m,) float64, the levels that occur.
    rank : (n,) int32, 1…m: position of a voxel's level in ``grey``, plus one.
    """

    levels: np.ndarray
    n_levels: int
    grey: np.ndarray
    rank: np.ndarray

    @classmethod
    def of(cls, levels: np.ndarray, n_levels: int) -> Levels:
        """From levels (n,)."""
        present = np.bincount(levels) > 0
        grey = np.flatnonzero(present).astype(np.float64)
        return cls(levels, n_levels, grey, np.cumsum(present, dtype=np.int32)[levels])

    @classmethod
    def of_values(cls, values: np.ndarray, spec: str, profile: str) -> Levels:
        """From intensities (n,); spec, profile and errors as for
        :func:`virtualbiopsy.radiomics.discretise.discretise_values`."""
        return cls.of(*discretise_values(values, spec, profile))
