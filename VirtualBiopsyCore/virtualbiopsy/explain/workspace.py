"""Voxels of the regions as the ledger needs them: values, grey levels, neighbours; each found once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import EmptyRegionError, FeatureError, GeometryError
from ..radiomics.discretise import discretise
from ..radiomics.glcm import DIRECTIONS, GlcmTerms

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Neighbouring voxels of one region, all 13 directions one behind another.

    Attributes
    ----------
    first, second : (n,) numbers of the two voxels among the region's voxels (order of np.flatnonzero).
    direction : (n,) row of DIRECTIONS.
    """

    first: np.ndarray
    second: np.ndarray
    direction: np.ndarray


@dataclass(frozen=True, eq=False)
class CodedPairs:
    """Co-occurrence matrices of one texture, and the cell of each pair in them.

    Attributes
    ----------
    pairs : the neighbours.
    terms : the normalised matrices (d, Ng, Ng), only those that hold pairs.
    cell : (n,) index of each pair's cell in a flattened (d, Ng, Ng) table.
    share : (d,) weight of one pair of each matrix in the aggregated feature: 1 / (pairs in it · d).
    """

    pairs: Pairs
    terms: GlcmTerms
    cell: np.ndarray
    share: np.ndarray


class Workspace:
    """One case's images and regions; may be shared by the explanations of several models.

    Parameters
    ----------
    images : float arrays (k, j, i) by role. masks : bool arrays of the same shape by region.

    Raises
    ------
    GeometryError : shapes differ.
    """

    def __init__(self, images: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> None:
        shapes = {np.shape(array) for array in (*images.values(), *masks.values())}
        if len(shapes) > 1:
            listed = ", ".join(map(str, sorted(shapes)))
            raise GeometryError(
                f"Images and regions have different shapes ({listed}).", "Bring them onto one grid."
            )
        self.images, self.masks = images, masks
        self._found: dict[Hashable, Any] = {}

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]

    def box(self, region: str) -> Box:
        """Smallest box around a region.

        Raises
        ------
        FeatureError : there is no such region. EmptyRegionError : it holds no voxel.
        """
        return self._once(("box", region), lambda: self._box(region))

    def inside(self, region: str) -> np.ndarray:
        """The region's mask in its box."""
        box = self.box(region)
        return self._once(("inside", region), lambda: np.asarray(self.masks[region][box], dtype=bool))

    def count(self, region: str) -> int:
        return self._once(("count", region), lambda: int(np.count_nonzero(self.inside(region))))

    def values(self, role: str, region: str) -> np.ndarray:
        """Float64 values of the region's voxels (n,)."""

        def make() -> np.ndarray:
            inside = self.inside(region)
            return np.asarray(self.images[role][self.box(region)], dtype=np.float64)[inside]

        return self._once(("values", role, region), make)

    def levels(self, role: str, region: str, spec: str, profile: str) -> tuple[np.ndarray, int]:
        """Grey levels 1…Ng of the region's voxels (n,), and Ng."""
        return self._once(
            ("levels", role, region, spec, profile),
            lambda: discretise(self.values(role, region), None, spec, profile),
        )

    def pairs(self, region: str) -> Pairs:
        return self._once(("pairs", region), lambda: _pairs(self.inside(region)))

    def coded_pairs(self, role: str, region: str, spec: str, profile: str, merged: bool) -> CodedPairs | None:
        """Co-occurrence of one texture; None if no voxel has a neighbour."""

        def make() -> CodedPairs | None:
            levels, highest = self.levels(role, region, spec, profile)
            return _coded(self.pairs(region), levels, highest, profile, merged)

        return self._once(("glcm", role, region, spec, profile, merged), make)

    def _box(self, region: str) -> Box:
        if region not in self.masks:
            raise FeatureError(f"The region {region!r} was not given to the explanation.")
        inside = np.asarray(self.masks[region], dtype=bool)
        box = []
        for axis in range(3):
            along = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
            if not along.size:
                raise EmptyRegionError(f"The region {region!r} holds no voxel.", "Outline the tumour first.")
            box.append(slice(int(along[0]), int(along[-1]) + 1))
        return box[0], box[1], box[2]


def _pairs(inside: np.ndarray) -> Pairs:
    padded = np.pad(inside, 1)
    position = np.flatnonzero(padded)
    number = np.full(padded.size, -1, dtype=np.int32)
    number[position] = np.arange(position.size)
    steps = DIRECTIONS @ (np.array(padded.strides) // padded.itemsize)
    neighbour = number[position[None, :] + steps[:, None]]
    held = neighbour >= 0
    found = np.flatnonzero(held)
    direction = np.repeat(np.arange(len(steps)), held.sum(axis=1))
    return Pairs(found - direction * position.size, neighbour.ravel()[found].astype(np.intp), direction)


def _coded(pairs: Pairs, levels: np.ndarray, highest: int, profile: str, merged: bool) -> CodedPairs | None:
    if not pairs.first.size:
        return None
    if merged:
        matrix, matrices = np.zeros_like(pairs.direction), 1
    else:
        held = np.bincount(pairs.direction) > 0
        matrix, matrices = (np.cumsum(held) - 1)[pairs.direction], int(held.sum())
    level = levels.astype(np.intp) - 1
    cell = (matrix * highest + level[pairs.first]) * highest + level[pairs.second]
    counts = np.bincount(cell, minlength=matrices * highest**2).reshape(matrices, highest, highest)
    number = np.bincount(matrix, minlength=matrices)
    terms = GlcmTerms((counts + counts.transpose(0, 2, 1)).astype(np.float64), profile, n_levels=highest)
    return CodedPairs(pairs, terms, cell, 1.0 / (number * matrices))
