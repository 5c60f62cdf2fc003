"""Voxel-wise maps: one value of a feature for the kernel around each voxel of a region."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import DimensionError, EmptyRegionError, FeatureError, GeometryError, NonFiniteError
from ...memory import require_memory
from ...progress import Progress, silent
from ..discretise import discretise_values
from ..keys import FeatureKey
from ..lattice import DIRECTIONS
from . import cooccurrence, intensity, sizes, tones
from .kernels import Batch, Kernels
from .request import Group, groups
from .shape import KernelShape, kernel_shape

KERNELS = ("masked", "full")

BATCH_VOXELS = 110_000
"""Voxels of all kernels of a batch together: about 4 000 kernels of radius 1; a batch takes some 30 MB."""


def feature_maps(
    image: np.ndarray,
    mask: np.ndarray,
    spacing: Sequence[float],
    features: Iterable[FeatureKey | str | tuple[str, str]],
    *,
    radius: int | tuple[int, int, int] | None = None,
    radius_mm: float | None = None,
    kernel: str = "masked",
    discretisation: str = "fbn32",
    profile: str = "ibsi",
    aggregation: str = "3d_average",
    progress: Progress = silent,
    threads: int | None = None,
) -> dict[str, np.ndarray]:
    """Maps of local features, as pyradiomics' voxel-based extraction makes them.

    The grey levels are those of the whole region; for each voxel of the region the matrices are counted in
    the kernel around it, a box cut off at the border of the image. Nothing outside the kernel counts:
    neighbours lie inside, runs and zones end at its border. Ng, where a feature has it, is the region's.

    Parameters
    ----------
    image : (k, j, i) real numbers. mask : (k, j, i), non-zero in the region. spacing : (dk, dj, di) in mm.
    features : feature keys, (family, name), "family:name", or "family" for all of it; see
        :func:`virtualbiopsy.radiomics.maps.request.groups`.
    radius : of the kernel in voxels, one number or (rk, rj, ri); 1 if neither this nor radius_mm is given.
    radius_mm : in mm: as many whole voxels along each axis as fit into it.
    kernel : "masked": only voxels of the region count. "full": all voxels of the kernel count; grey levels
        are then those of the box around the region, enlarged by the radius.
    discretisation, profile, aggregation : for features that are not given as keys. The aggregation, of GLCM
        and GLRLM, is "3d_average" or "3d_merged".
    progress : called after each batch of voxels; it cancels by raising.
    threads : how many batches at once; by default one for each of at most four processors.

    Returns
    -------
    By name of the feature (the key, or "family:name"): (k, j, i) float64, NaN outside the region and where
    the feature is undefined. It is undefined where a matrix is empty: GLCM in a kernel without neighbours,
    NGTDM and GLRLM as their profile has it. Where pyradiomics writes its initial value into a map because the
    feature failed somewhere (maximal correlation in a kernel with an empty direction), the value here is that
    of the directions that hold pairs.

    Raises
    ------
    FeatureError : unknown feature, or one that a neighbourhood does not have; radius or kernel unusable.
    DimensionError, GeometryError, EmptyRegionError, NonFiniteError : image, mask or spacing unusable.
    FlatRegionError : fixed bin number in a region with a single value.
    MemoryLimitError : the maps do not fit into the free memory.
    """
    spacing = _checked_spacing(spacing)
    image, mask = _checked(image, mask)
    wanted = groups(features, discretisation, profile, aggregation)
    if radius is None and radius_mm is None:
        radius = 1
    shape = kernel_shape(spacing, radius, radius_mm)
    if kernel not in KERNELS:
        raise FeatureError(f"Unknown kernel {kernel!r}.", f"Use {' or '.join(KERNELS)}.")
    work = _Maps(image, mask, spacing, shape, kernel)
    count = sum(len(group.names) for group in wanted)
    require_memory(count * (8 * image.size + 8 * work.voxels), f"{count} maps")
    found = work.run(wanted, progress, threads)
    maps = {}
    for label, values in found.items():
        maps[label] = np.full(image.shape, np.nan)
        maps[label][work.mask_box][work.centres] = values
    return maps


def _checked_spacing(spacing: Sequence[float]) -> tuple[float, float, float]:
    spacing = tuple(float(step) for step in spacing)
    if len(spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing):
        raise GeometryError(f"The voxel spacing {spacing} is not three positive numbers in mm.")
    return spacing


def _checked(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    image, mask = np.asarray(image), np.asarray(mask).astype(bool, copy=False)
    if image.ndim != 3 or mask.ndim != 3:
        raise DimensionError(f"Image and mask have {image.ndim} and {mask.ndim} dimensions, not 3.")
    if image.shape != mask.shape:
        raise GeometryError(
            f"The image has {image.shape} voxels, the mask {mask.shape}.", "Prepare both on the same grid."
        )
    if not mask.any():
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    return image, mask


class _Maps:
    """One image and region with one kernel."""

    def __init__(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        spacing: tuple[float, float, float],
        shape: KernelShape,
        kernel: str,
    ) -> None:
        self.shape = shape
        self.voxel_volume = math.prod(spacing)
        grown = shape.radius if kernel == "full" else (0, 0, 0)
        self.mask_box = tuple(_span(mask, axis, reach) for axis, reach in zip(range(3), grown, strict=True))
        self.centres = mask[self.mask_box]
        self.region = np.ones_like(self.centres) if kernel == "full" else self.centres
        self.values = image[self.mask_box][self.region].astype(np.float64)
        if not np.isfinite(self.values).all():
            where = "the region" if kernel == "masked" else "the box around the region"
            raise NonFiniteError(f"The image holds NaN or infinite values inside {where}.")
        self.voxels = int(np.count_nonzero(self.centres))
        margins = tuple((reach, reach) for reach in shape.radius)
        self._padded = np.pad(self.region, margins)
        _, rows, columns = self._padded.shape
        self._strides = np.array((rows * columns, columns, 1))
        self._steps = shape.offsets @ self._strides
        self._positions = np.flatnonzero(np.pad(self.centres, margins))
        self._levels: dict[tuple[str, str], tuple[np.ndarray, int]] = {}

    def _field(self, values: np.ndarray, outside: float, kind: type) -> np.ndarray:
        """Values of the region's voxels in the flattened box with the kernel's margin."""
        field = np.full(self._padded.size, outside, dtype=kind)
        field[self._padded.ravel()] = values
        return field

    def levels(self, group: Group) -> tuple[np.ndarray, int]:
        key = (group.discretisation, group.profile)
        if key not in self._levels:
            levels, n_levels = discretise_values(self.values, *key)
            self._levels[key] = (self._field(levels, 0, np.int16), int(n_levels))
        return self._levels[key]

    def occupied(self) -> np.ndarray:
        """(13,) bool: the directions within the kernel in which voxels of the region are neighbours."""
        flat, inside = self._padded.ravel(), np.flatnonzero(self._padded)
        return np.array(
            [
                bool((np.abs(step) <= self.shape.radius).all() and flat[inside + step @ self._strides].any())
                for step in DIRECTIONS
            ]
        )

    def run(self, wanted: Sequence[Group], progress: Progress, threads: int | None) -> dict[str, np.ndarray]:
        """Values (voxels,) of each map by its name."""
        found = {label: np.empty(self.voxels) for group in wanted for label in group.names.values()}
        occupied = self.occupied()
        sources = [self._sources(group) for group in wanted]
        batch = max(16, BATCH_VOXELS // self.shape.voxels)
        starts = range(0, self.voxels, batch)

        def compute(start: int) -> None:
            part = slice(start, min(start + batch, self.voxels))
            where = Batch(self.shape, self._positions[part], self._steps, occupied)
            for group, (field, n_levels) in zip(wanted, sources, strict=True):
                kernels = Kernels(where, field, n_levels, group.profile, self.voxel_volume)
                with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                    values = _family(group)(kernels)
                for name, label in group.names.items():
                    found[label][part] = values[name]

        _in_threads(compute, starts, threads, progress)
        progress(1.0, "Maps")
        return found

    def _sources(self, group: Group) -> tuple[np.ndarray, int]:
        if group.family != "statistics":
            return self.levels(group)
        if ("none", "") not in self._levels:
            self._levels["none", ""] = (self._field(self.values, np.nan, np.float64), 0)
        return self._levels["none", ""]


def _span(mask: np.ndarray, axis: int, grown: int) -> slice:
    used = np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != axis)))
    return slice(max(int(used[0]) - grown, 0), min(int(used[-1]) + 1 + grown, mask.shape[axis]))


def _family(group: Group) -> Callable[[Kernels], dict[str, np.ndarray]]:
    names = tuple(group.names)
    if group.family == "statistics":
        return lambda kernels: intensity.statistics(kernels, names)
    if group.family == "histogram":
        return lambda kernels: intensity.histogram(kernels, names)
    if group.family == "glcm":
        return lambda kernels: cooccurrence.features(kernels, names, group.aggregation)
    if group.family == "ngtdm":
        return lambda kernels: tones.features(kernels, names)
    return lambda kernels: sizes.features(kernels, group.family, names, group.aggregation)


def _in_threads(
    compute: Callable[[int], None], starts: range, threads: int | None, progress: Progress
) -> None:
    count = min(4, os.cpu_count() or 1) if threads is None else max(1, threads)
    done = 0
    if count == 1 or len(starts) == 1:
        for start in starts:
            progress(done / len(starts), "Maps")
            compute(start)
            done += 1
        return
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(compute, start) for start in starts]
        try:
            for future in waiting:
                progress(done / len(starts), "Maps")
                future.result()
                done += 1
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
