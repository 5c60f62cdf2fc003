"""Texture of one discretised region: the matrices that its features need, each made once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

import numpy as np

from . import glcm, histogram, kernels, ngtdm, sizes
from .aggregation import Aggregation, parse_aggregation
from .definitions import SIZE_ROLES
from .keys import FeatureKey
from .lattice import Lattice, measure
from .levels import Levels
from .zones import count_table, nearest, per_zone


class Texture:
    """One region of one image with one discretisation and profile; the matrices are made when asked for.

    Parameters
    ----------
    lattice : the region, not planar; shared by all its images.
    values : (n,) intensities in the order of ``np.flatnonzero(lattice.mask)``.
    spec, profile : as for :func:`virtualbiopsy.radiomics.discretise.discretise_values`.
    spacing : (dk, dj, di) in mm, for weights.
    cells : the discretised region, if that was done before; values and spec are then not used.
    """

    def __init__(
        self,
        lattice: Lattice,
        values: np.ndarray | None,
        spec: str,
        profile: str,
        *,
        spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
        cells: Levels | None = None,
    ) -> None:
        self.lattice = lattice
        self.profile = profile
        self.spacing = spacing
        self.cells = Levels.of_values(values, spec, profile) if cells is None else cells
        self._found: dict[Hashable, Any] = {}

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]

    def _lattice(self, planar: bool) -> Lattice:
        return self.lattice.in_slices if planar else self.lattice

    @cached_property
    def histogram(self) -> histogram.Histogram:
        return histogram.Histogram(self.cells.levels, self.cells.n_levels, self.profile)

    def _pairs(self, planar: bool, distance: int, norm: str) -> np.ndarray:
        return self._once(
            ("pairs", planar, distance, norm),
            lambda: kernels.active().pair_counts(
                self._lattice(planar), self.cells.rank, len(self.cells.grey), distance, norm
            ),
        )

    def glcm_tables(self, aggregation: str) -> glcm.GlcmTables | None:
        """Tables of the matrices that an aggregation averages over; None if none holds a pair."""
        return self._once(("glcm", aggregation), lambda: self._glcm_tables(parse_aggregation(aggregation)))

    def _glcm_tables(self, a: Aggregation) -> glcm.GlcmTables | None:
        counts = self._pairs(a.planar, a.distance, a.norm)
        if a.base.startswith("2.5d"):
            counts = counts.sum(axis=0, keepdims=True)
        if a.merged:
            offsets = self._lattice(a.planar).offsets(a.distance, a.norm) * self.spacing
            weights = [1.0 if a.weight == "none" else math.exp(-(measure(d, a.weight) ** 2)) for d in offsets]
            counts = np.tensordot(counts, weights, (1, 0))
        counts = counts.reshape(-1, *counts.shape[-2:])
        filled = counts.any(axis=(1, 2))
        if not filled.any():
            return None
        counts = counts if filled.all() else counts[filled]
        return kernels.active().glcm_tables(counts, self.cells.grey, self.profile, self.cells.n_levels)

    def size_matrix(self, family: str, aggregation: str) -> sizes.SizeMatrix | None:
        """Run-length, size-zone, distance-zone or dependence matrices; None if there is none."""
        make = self._runs if family == "glrlm" else self._sized
        return self._once((family, aggregation), lambda: make(parse_aggregation(aggregation), family))

    def _runs(self, a: Aggregation, family: str) -> sizes.SizeMatrix | None:
        lattice = self._lattice(a.planar)
        counts = self._once(
            (family, a.planar),
            lambda: kernels.active().run_counts(lattice, self.cells.rank, len(self.cells.grey)),
        )
        directions = lattice.directions * self.spacing
        voxels = lattice.per_slice[:, None] * np.ones(len(directions))
        if self.profile == "pyradiomics":
            counts, voxels = counts[:, lattice.lined_up], voxels[:, lattice.lined_up]
            directions = directions[lattice.lined_up]
        if not counts.size:
            return None
        if a.base.startswith("2.5d"):
            counts, voxels = counts.sum(axis=0, keepdims=True), voxels.sum(axis=0, keepdims=True)
        if a.merged:
            weights = [1.0 if a.weight == "none" else measure(d, a.weight) for d in directions]
            counts, voxels = np.tensordot(counts, weights, (1, 0)), voxels @ weights
        counts = counts.reshape(-1, *counts.shape[-2:])
        size = np.arange(1.0, counts.shape[2] + 1)
        return sizes.SizeMatrix(counts, self.cells.grey, size, voxels.ravel(), self.profile)

    def _zones(self, planar: bool) -> np.ndarray:
        return self._once(
            ("zones", planar),
            lambda: kernels.active().zone_labels(self._lattice(planar), self.cells.rank),
        )

    def _sized(self, a: Aggregation, family: str) -> sizes.SizeMatrix:
        lattice, rank = self._lattice(a.planar), self.cells.rank
        by_slice = a.base == "2d"
        group = lattice.slice_of if by_slice else None
        if family == "ngldm":
            level = rank if a.alpha == 0 else self.cells.levels
            size = 1 + kernels.active().alike_counts(lattice, level, a.alpha, a.distance, a.norm)
        else:
            label = self._zones(a.planar)
            rank = per_zone(label, rank)
            group = per_zone(label, group) if by_slice else None
            size = np.bincount(label) if family == "glszm" else nearest(label, lattice.depth)
        groups = lattice.slices if by_slice else 1
        counts, size = count_table(rank, len(self.cells.grey), size, group, groups)
        voxels = lattice.per_slice if by_slice else lattice.voxels
        return sizes.SizeMatrix(counts, self.cells.grey, size, voxels, self.profile)

    def tone_differences(self, aggregation: str) -> list[ngtdm.ToneDifferences]:
        """The neighbourhood grey-tone difference matrices that an aggregation averages over."""
        return self._once(("ngtdm", aggregation), lambda: self._tones(parse_aggregation(aggregation)))

    def _tones(self, a: Aggregation) -> list[ngtdm.ToneDifferences]:
        lattice = self._lattice(a.planar)
        grey = self.cells.levels.astype(np.float64)
        count, total = kernels.active().tone_sums(lattice, grey, a.distance, a.norm)
        by_slice = a.base == "2d"
        group = lattice.slice_of if by_slice else np.zeros_like(lattice.slice_of)
        groups = lattice.slices if by_slice else 1
        return ngtdm.tone_differences(self.cells, count, total, self.profile, group, groups)

    def feature(self, key: FeatureKey) -> float:
        """Value of a key of a texture family; NaN where undefined."""
        if key.family == "histogram":
            return histogram.FEATURES[key.name](self.histogram)
        if key.family == "ngtdm":
            values = [ngtdm.FEATURES[key.name](t) for t in self.tone_differences(key.aggregation)]
            return float(np.mean(values)) if values else math.nan
        if key.family == "glcm":
            matrices = self.glcm_tables(key.aggregation)
            feature = glcm.FEATURES[key.name]
        else:
            matrices = self.size_matrix(key.family, key.aggregation)
            feature = sizes.FEATURES[SIZE_ROLES[key.family][key.name]]
        return math.nan if matrices is None else float(feature(matrices).mean())
