"""Kernels compiled by numba, with the functions of :mod:`virtualbiopsy.radiomics.kernels.plain`.

This module only brings the arguments into the form in which the compiled functions take them. Counts are
equal to the plain ones, everything else within rounding. Use it through
:func:`virtualbiopsy.radiomics.kernels.choose.active`, which sees to it that the functions are compiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from ..eigen import NEGLIGIBLE, shrunk
from ..glcm import GlcmTables
from ..lattice import Lattice
from ..ngtdm import COARSENESS_LIMIT, ToneDifferences
from ..sizes import SizeMatrix
from . import (
    compiled_counts,
    compiled_glcm,
    compiled_links,
    compiled_shape,
    compiled_sizes,
    compiled_values,
)

__all__ = [
    "alike_counts",
    "averages",
    "bounding_box",
    "covariance",
    "cube_counts",
    "diameters",
    "glcm_tables",
    "levels_between",
    "linked_matrices",
    "moments",
    "pair_counts",
    "paired_directions",
    "run_counts",
    "second_eigenvalues",
    "tone_matrix",
    "tone_sums",
    "zone_labels",
]


def _field(lattice: Lattice, number: np.ndarray, kind: type = np.uint16, margin: int = 1) -> np.ndarray:
    shape, inside = lattice.grid(margin)
    size = shape[0] * shape[1] * shape[2]
    if kind is np.uint16 and number.dtype == np.int32:
        return compiled_counts.rank_field(size, inside, np.ascontiguousarray(number))
    field = np.zeros(size, dtype=kind)
    field[inside] = number
    return field


def _steps(lattice: Lattice, distance: int, norm: str, up_to: bool) -> np.ndarray:
    if distance == 1 and norm == "chebyshev":
        return lattice.directions @ lattice.steps
    shape, _ = lattice.grid(distance)
    steps = lattice.offsets(distance, norm, up_to) @ np.array((shape[1] * shape[2], shape[2], 1))
    return np.ascontiguousarray(steps, dtype=np.int64)


def pair_counts(
    lattice: Lattice, rank: np.ndarray, m: int, distance: int = 1, norm: str = "chebyshev"
) -> np.ndarray:
    steps = _steps(lattice, distance, norm, False)
    field = _field(lattice, rank, margin=distance)
    inside = lattice.grid(distance)[1]
    return compiled_counts.pair_counts(field, inside, steps, lattice.slice_of, lattice.slices, m)


def run_counts(lattice: Lattice, rank: np.ndarray, m: int) -> np.ndarray:
    steps = lattice.directions @ lattice.steps
    field, longest = _field(lattice, rank), max(lattice.mask.shape)
    return compiled_counts.run_counts(
        field, lattice.inside, steps, lattice.slice_of, lattice.slices, m, longest
    )


def zone_labels(lattice: Lattice, rank: np.ndarray) -> np.ndarray:
    steps = lattice.directions @ lattice.steps
    return compiled_counts.zone_labels(_field(lattice, rank), lattice.inside, steps)


def alike_counts(
    lattice: Lattice, level: np.ndarray, alpha: int = 0, distance: int = 1, norm: str = "chebyshev"
) -> np.ndarray:
    field = _field(lattice, level, margin=distance)
    steps = _steps(lattice, distance, norm, True)
    return compiled_counts.alike_counts(field, lattice.grid(distance)[1], steps, alpha)


def tone_sums(
    lattice: Lattice, grey: np.ndarray, distance: int = 1, norm: str = "chebyshev"
) -> tuple[np.ndarray, np.ndarray]:
    inside, steps = lattice.grid(distance)[1], _steps(lattice, distance, norm, True)
    count = compiled_counts.neighbour_counts(_field(lattice, True, bool, distance), inside, steps)
    return count, compiled_counts.tone_sums(_field(lattice, grey, np.float64, distance), inside, steps)


class Linked:
    """As :class:`~virtualbiopsy.radiomics.kernels.plain.LinkedMatrices`, each made when asked for."""

    def __init__(self, lattice: Lattice, rank: np.ndarray, grey: np.ndarray) -> None:
        self._steps = lattice.directions @ lattice.steps
        self._inside = lattice.inside
        self._longest = max(lattice.mask.shape)
        self._grey = grey
        self._field = _field(lattice, rank)

    @cached_property
    def _bits(self) -> tuple[np.ndarray, np.ndarray]:
        return compiled_links.same_neighbours(self._field, self._inside, self._steps)

    @cached_property
    def runs(self) -> np.ndarray:
        levels = len(self._grey)
        return compiled_links.runs(self._field, self._inside, self._steps, *self._bits, levels, self._longest)

    @cached_property
    def _zones(self) -> tuple[np.ndarray, int]:
        return compiled_links.zones(self._inside, self._steps, self._bits[1])

    @property
    def zones(self) -> np.ndarray:
        return self._zones[0]

    @cached_property
    def zone_sizes(self) -> tuple[np.ndarray, np.ndarray]:
        return compiled_links.zone_sizes(self._field, self._inside, *self._zones, len(self._grey))

    @cached_property
    def alike(self) -> tuple[np.ndarray, np.ndarray]:
        return compiled_links.alike(self._field, self._inside, *self._bits, len(self._grey))

    @cached_property
    def tones(self) -> tuple[np.ndarray, np.ndarray]:
        return compiled_links.tone_sums(self._field, self._inside, self._steps, self._grey)


def linked_matrices(lattice: Lattice, rank: np.ndarray, grey: np.ndarray) -> Linked:
    return Linked(lattice, rank, grey)


def glcm_tables(
    counts: np.ndarray, grey: np.ndarray, profile: str, n_levels: int | None = None
) -> GlcmTables:
    counts = np.ascontiguousarray(counts, dtype=np.float64)
    marginal, p_sum, p_diff, scalars = compiled_glcm.tables(counts, grey, profile == "pyradiomics")
    maximum, energy, entropy, product, crossing = scalars.T
    return GlcmTables(
        profile=profile,
        n_levels=int(grey[-1]) if n_levels is None else int(n_levels),
        grey=grey,
        marginal=marginal,
        p_sum=p_sum,
        p_diff=p_diff,
        maximum=maximum,
        energy=energy,
        entropy=entropy,
        product=product,
        crossing=crossing if profile == "pyradiomics" else None,
        counts=counts,
        eigenvalues=second_eigenvalues,
    )


def second_eigenvalues(counts: np.ndarray, epsilon: float = 0.0) -> np.ndarray:
    counts = np.ascontiguousarray(counts, dtype=np.float64)
    values, spread = compiled_glcm.second_eigenvalues(counts)
    found = np.abs(values)
    if epsilon:
        felt = np.flatnonzero(epsilon * spread > NEGLIGIBLE * found**3)
        if len(felt):
            found[felt] = shrunk(counts[felt], values[felt], epsilon)
    return found


def averages(matrices: GlcmTables | SizeMatrix | Sequence[ToneDifferences]) -> Mapping[str, float]:
    if isinstance(matrices, GlcmTables):
        return _glcm_averages(matrices)
    if isinstance(matrices, SizeMatrix):
        return _size_averages(matrices)
    found = [
        compiled_sizes.tone_features(t.grey, t.p, t.s, float(t.voxels), COARSENESS_LIMIT) for t in matrices
    ]
    mean = found[0] if len(found) == 1 else np.mean(found, axis=0)
    return dict(zip(compiled_sizes.TONE_NAMES, mean.tolist(), strict=True))


def _glcm_averages(t: GlcmTables) -> dict[str, float]:
    crossing = np.zeros_like(t.maximum) if t.crossing is None else t.crossing
    found = compiled_glcm.averages(
        np.ascontiguousarray(t.marginal),
        np.ascontiguousarray(t.p_sum),
        np.ascontiguousarray(t.p_diff),
        np.stack((t.maximum, t.energy, t.entropy, t.product, crossing), axis=1),
        t.grey,
        t.n_levels,
        t.profile == "pyradiomics",
    )
    return dict(zip(compiled_glcm.NAMES, found.tolist(), strict=True))


def _size_averages(m: SizeMatrix) -> dict[str, float]:
    counts = np.ascontiguousarray(m.counts)
    voxels = np.full(len(counts), m.voxels, dtype=np.float64)
    found = compiled_sizes.averages(counts, m.grey, m.size, voxels, m.profile == "pyradiomics")
    return dict(zip(compiled_sizes.NAMES, found.tolist(), strict=True))


def moments(values: np.ndarray) -> Mapping[str, float]:
    found = compiled_values.moments(np.ascontiguousarray(values, dtype=np.float64))
    return dict(zip(compiled_values.NAMES, found.tolist(), strict=True))


def levels_between(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    values = np.ascontiguousarray(values, dtype=np.float64)
    width = float(edges[-1] - edges[0]) / max(len(edges) - 1, 1)
    return compiled_values.levels_between(values, edges, float(edges[0]), width)


def bounding_box(mask: np.ndarray) -> tuple[slice, slice, slice] | None:
    k0, k1, j0, j1, i0, i1 = compiled_shape.bounding_box(np.ascontiguousarray(mask)).tolist()
    return None if k0 < 0 else (slice(k0, k1 + 1), slice(j0, j1 + 1), slice(i0, i1 + 1))


def cube_counts(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return compiled_shape.cube_counts(np.ascontiguousarray(mask, dtype=bool))


def diameters(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    return compiled_shape.diameters(np.ascontiguousarray(mask, dtype=bool), np.asarray(spacing, dtype=float))


def covariance(mask: np.ndarray) -> np.ndarray:
    n, k, j, i, kk, jj, ii, kj, ki, ji = compiled_shape.moments(
        np.ascontiguousarray(mask, dtype=bool)
    ).tolist()
    first = (k, j, i)
    second = ((kk, kj, ki), (kj, jj, ji), (ki, ji, ii))
    return np.array([[(n * second[a][b] - first[a] * first[b]) / n**2 for b in range(3)] for a in range(3)])


def paired_directions(lattice: Lattice) -> np.ndarray:
    steps = lattice.directions @ lattice.steps
    return compiled_counts.paired_directions(np.pad(lattice.mask, 1).ravel(), lattice.inside, steps)


def tone_matrix(
    rank: np.ndarray, grey: np.ndarray, count: np.ndarray, total: np.ndarray, lone: bool
) -> tuple[np.ndarray, np.ndarray]:
    rank = np.ascontiguousarray(rank, dtype=np.int32)
    count = np.ascontiguousarray(count, dtype=np.int64)
    return compiled_sizes.tone_matrix(rank, grey, count, np.ascontiguousarray(total, dtype=np.float64), lone)
