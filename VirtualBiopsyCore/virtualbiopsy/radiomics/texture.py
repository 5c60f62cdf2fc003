"""Texture of one discretised region: the matrices that its features need, each made once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

import numpy as np

from ..memory import require_memory
from . import glcm, histogram, kernels, ngtdm, sizes
from .aggregation import Aggregation, parse_aggregation
from .definitions import SIZE_ROLES
from .kernels.plain import LinkedMatrices
from .keys import FeatureKey
from .lattice import Lattice, measure
from .levels import Levels
from .zones import count_table, nearest, per_zone

_PLAIN = Aggregation("3d")
_LARGE = 1 << 24
"""From so many numbers on, it is worth asking whether they fit into memory."""


def _check_memory(numbers: int, what: str) -> None:
    if numbers > _LARGE:
        require_memory(8 * numbers, what)


class Texture:
    """One region of one image with one discretisation and profile; the matrices are made when asked for.

    Features come from :attr:`histogram`, :meth:`pair_counts`, :meth:`run_counts`, :meth:`size_counts` and
    :meth:`tone_differences` only; a class that keeps these up to date in another way overrides them.

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
        self._entries: dict[tuple[str, str], tuple[Any, dict[str, float]]] = {}

    def _once(self, key: Hashable, make: Callable[..., Any], *arguments: Any) -> Any:
        found = self._found.get(key)
        if found is None and key not in self._found:
            found = self._found[key] = make(*arguments)
        return found

    def in_plane(self, planar: bool) -> Lattice:
        """The lattice of a planar aggregation, or of one in 3D."""
        return self.lattice.in_slices if planar else self.lattice

    @cached_property
    def histogram(self) -> histogram.Histogram:
        return histogram.Histogram(self.cells.levels, self.cells.n_levels, self.profile)

    def pair_counts(self, planar: bool, distance: int, norm: str) -> np.ndarray:
        """(groups, d, m, m) symmetric; groups are the slices if planar, else one; d as lattice.offsets."""
        lattice, levels = self.in_plane(planar), len(self.cells.grey)
        matrices = lattice.slices * len(lattice.offsets(distance, norm))
        _check_memory(4 * matrices * levels**2, "Co-occurrence matrices")
        return kernels.active().pair_counts(lattice, self.cells.rank, levels, distance, norm)

    @cached_property
    def _linked(self) -> LinkedMatrices | None:
        """All matrices of the 26-neighbourhood but the pairs, where the kernels make them in one go."""
        return kernels.active().linked_matrices(self.lattice, self.cells.rank, self.cells.grey)

    def run_counts(self, planar: bool) -> np.ndarray:
        """(groups, d, m, r) runs by direction, level and length 1…r."""
        if not planar and self._linked is not None:
            return self._linked.runs
        lattice, levels = self.in_plane(planar), len(self.cells.grey)
        matrices = lattice.slices * len(lattice.directions)
        _check_memory(3 * matrices * levels * max(lattice.mask.shape), "Run-length matrices")
        return kernels.active().run_counts(lattice, self.cells.rank, levels)

    def size_counts(self, family: str, a: Aggregation) -> tuple[np.ndarray, np.ndarray]:
        """Counts (groups, m, s) by level and size, and those sizes (s,), for "glszm", "gldzm" or "ngldm".

        Groups are the slices for the aggregation "2d", else one.
        """
        linked = self._linked if a == _PLAIN else None
        if linked is not None and family != "gldzm":
            return linked.zone_sizes if family == "glszm" else linked.alike
        lattice, rank, levels = self.in_plane(a.planar), self.cells.rank, len(self.cells.grey)
        group = lattice.slice_of if a.base == "2d" else None
        if family == "ngldm":
            level = rank if a.alpha == 0 else self.cells.levels
            size = 1 + kernels.active().alike_counts(lattice, level, a.alpha, a.distance, a.norm)
        else:
            if linked is None:
                label = self._once(("zones", a.planar), kernels.active().zone_labels, lattice, rank)
            else:
                label = linked.zones
            rank = per_zone(label, rank)
            group = None if group is None else per_zone(label, group)
            size = np.bincount(label) if family == "glszm" else nearest(label, lattice.depth)
        return count_table(rank, levels, size, group, 1 if group is None else lattice.slices)

    def tone_differences(self, a: Aggregation) -> list[ngtdm.ToneDifferences]:
        """The neighbourhood grey-tone difference matrices that an aggregation averages over."""
        lattice = self.in_plane(a.planar)
        if a == _PLAIN and self._linked is not None:
            count, total = self._linked.tones
        else:
            grey = self.cells.levels.astype(np.float64)
            count, total = kernels.active().tone_sums(lattice, grey, a.distance, a.norm)
        group, groups = (lattice.slice_of, lattice.slices) if a.base == "2d" else (None, 1)
        return ngtdm.tone_differences(self.cells, count, total, self.profile, group, groups)

    def glcm_tables(self, aggregation: str) -> glcm.GlcmTables | None:
        """Tables of the matrices that an aggregation averages over; None if none holds a pair."""
        return self._once(("glcm", aggregation), self._glcm_tables, aggregation)

    def _glcm_tables(self, aggregation: str) -> glcm.GlcmTables | None:
        a = parse_aggregation(aggregation)
        key = (a.planar, a.distance, a.norm)
        counts = self._once(("pairs", *key), self.pair_counts, *key)
        if a.base.startswith("2.5d"):
            counts = counts.sum(axis=0, keepdims=True)
        if a.merged:
            offsets = self.in_plane(a.planar).offsets(a.distance, a.norm) * self.spacing
            weights = [1.0 if a.weight == "none" else math.exp(-(measure(d, a.weight) ** 2)) for d in offsets]
            counts = np.tensordot(counts, weights, (1, 0))
        counts = counts.reshape(-1, *counts.shape[-2:])
        filled = counts.any(axis=(1, 2))
        if not filled.all():
            counts = counts[filled]
        if not len(counts):
            return None
        return kernels.active().glcm_tables(counts, self.cells.grey, self.profile, self.cells.n_levels)

    def size_matrix(self, family: str, aggregation: str) -> sizes.SizeMatrix | None:
        """Run-length, size-zone, distance-zone or dependence matrices; None if there is none."""
        make = self._runs if family == "glrlm" else self._sizes
        return self._once((family, aggregation), make, family, parse_aggregation(aggregation))

    def _runs(self, family: str, a: Aggregation) -> sizes.SizeMatrix | None:
        lattice = self.in_plane(a.planar)
        counts = self._once((family, a.planar), self.run_counts, a.planar)
        directions = lattice.directions * self.spacing
        voxels = lattice.per_slice[:, None] * np.ones(len(directions))
        if self.profile == "pyradiomics" and not lattice.lined_up.all():
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

    def _sizes(self, family: str, a: Aggregation) -> sizes.SizeMatrix:
        counts, size = self.size_counts(family, a)
        voxels = self.in_plane(a.planar).per_slice if a.base == "2d" else self.lattice.voxels
        return sizes.SizeMatrix(counts, self.cells.grey, size, voxels, self.profile)

    def feature(self, key: FeatureKey) -> float:
        """Value of a key of a texture family; NaN where undefined."""
        family, name = key.family, key.name
        if family == "histogram":
            return histogram.FEATURES[name](self.histogram)
        place = (family, key.aggregation)
        entry = self._entries.get(place)
        if entry is None:
            entry = self._entries[place] = self._entry(*place)
        matrices, known = entry
        if not matrices:
            return math.nan
        if family in SIZE_ROLES:
            name = SIZE_ROLES[family][name]
        if name not in known:
            known[name] = self._averaged(family, name, matrices)
        return known[name]

    def _entry(self, family: str, aggregation: str) -> tuple[Any, dict[str, float]]:
        """Matrices that an aggregation averages over, and the averages that the kernels know at once."""
        if family == "ngtdm":
            matrices = self.tone_differences(parse_aggregation(aggregation))
        elif family == "glcm":
            matrices = self.glcm_tables(aggregation)
        else:
            matrices = self.size_matrix(family, aggregation)
        return matrices, dict(kernels.active().averages(matrices)) if matrices else {}

    @staticmethod
    def _averaged(family: str, name: str, matrices: Any) -> float:
        if family == "ngtdm":
            found = [ngtdm.FEATURES[name](matrix) for matrix in matrices]
            return sum(found) / len(found)
        found = (glcm if family == "glcm" else sizes).FEATURES[name](matrices)
        return float(np.add.reduce(found)) / len(found)
