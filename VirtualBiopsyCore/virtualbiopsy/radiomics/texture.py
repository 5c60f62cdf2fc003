"""Texture of one discretised region: the matrices that its features need, each made once."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from . import glcm, histogram, ngtdm, sizes
from .definitions import SIZE_ROLES
from .keys import FeatureKey
from .neighbourhood import Neighbourhood
from .runs import lined_up, run_lengths
from .zones import border_distance, count_table, zone_labels


class Texture:
    """One region of one image with one discretisation and profile; the matrices are made when asked for.

    Parameters
    ----------
    mask : (k, j, i) bool, cropped to its box. values : (n,) intensities in the order of np.flatnonzero(mask).
    spec, profile : as for :func:`virtualbiopsy.radiomics.discretise.discretise_values`.
    """

    def __init__(self, mask: np.ndarray, values: np.ndarray, spec: str, profile: str) -> None:
        self.mask = mask
        self.profile = profile
        self.cells = Neighbourhood(mask, values, spec, profile)

    @cached_property
    def depth(self) -> np.ndarray:
        """(n,) distance of each voxel from the border."""
        return border_distance(self.mask)[self.mask]

    @cached_property
    def histogram(self) -> histogram.Histogram:
        return histogram.Histogram(self.cells.levels, self.cells.n_levels, self.profile)

    @cached_property
    def _pairs(self) -> np.ndarray:
        half = len(glcm.DIRECTIONS)
        return glcm.pair_counts(self.cells.rank, self.cells.neighbours[:half], len(self.cells.grey))

    @cached_property
    def _terms(self) -> dict[str, glcm.GlcmTerms]:
        return {}

    def glcm(self, name: str, aggregation: str) -> float:
        if aggregation not in self._terms:
            counts = self._pairs
            if aggregation == "3d_merged":
                counts = counts.sum(axis=0, keepdims=True)
            counts = counts[counts.any(axis=(1, 2))]
            if not len(counts):
                return math.nan
            self._terms[aggregation] = glcm.GlcmTerms(
                counts, self.profile, self.cells.grey, self.cells.n_levels
            )
        return float(glcm.FEATURES[name](self._terms[aggregation]).mean())

    @cached_property
    def _runs(self) -> np.ndarray:
        counts = run_lengths(self.cells)
        if self.profile == "pyradiomics":
            counts = counts[lined_up(self.cells)]
        return counts

    @cached_property
    def _zones(self) -> tuple[np.ndarray, np.ndarray]:
        return zone_labels(self.cells)

    @cached_property
    def _matrices(self) -> dict[tuple[str, str], sizes.SizeMatrix | None]:
        return {}

    def _size_matrix(self, family: str, aggregation: str) -> sizes.SizeMatrix | None:
        levels, voxels = len(self.cells.grey), len(self.cells.rank)
        if family == "glrlm":
            counts = self._runs
            if not len(counts):
                return None
            if aggregation == "3d_merged":
                voxels *= len(counts)
                counts = counts.sum(axis=0, keepdims=True)
            size = np.arange(1.0, counts.shape[2] + 1)
        elif family == "glszm":
            label, rank = self._zones
            counts, size = count_table(rank, levels, np.bincount(label))
        elif family == "gldzm":
            label, rank = self._zones
            distance = np.full(len(rank), np.iinfo(np.int64).max)
            np.minimum.at(distance, label, self.depth)
            counts, size = count_table(rank, levels, distance)
        else:
            alike = 1 + np.count_nonzero(self.cells.same, axis=0)
            counts, size = count_table(self.cells.rank, levels, alike)
        return sizes.SizeMatrix(counts, self.cells.grey, size, voxels, self.profile)

    def size_feature(self, family: str, name: str, aggregation: str) -> float:
        if (family, aggregation) not in self._matrices:
            self._matrices[family, aggregation] = self._size_matrix(family, aggregation)
        matrix = self._matrices[family, aggregation]
        if matrix is None:
            return math.nan
        return float(sizes.FEATURES[SIZE_ROLES[family][name]](matrix).mean())

    @cached_property
    def _tones(self) -> ngtdm.ToneDifferences | None:
        return ngtdm.tone_differences(self.cells)

    def feature(self, key: FeatureKey) -> float:
        if key.family == "histogram":
            return histogram.FEATURES[key.name](self.histogram)
        if key.family == "glcm":
            return self.glcm(key.name, key.aggregation)
        if key.family == "ngtdm":
            return math.nan if self._tones is None else ngtdm.FEATURES[key.name](self._tones)
        return self.size_feature(key.family, key.name, key.aggregation)
