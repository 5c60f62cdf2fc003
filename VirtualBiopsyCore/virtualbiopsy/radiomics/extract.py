"""From images and masks to named features.

Order of processing (IBSI): the images arrive prepared; crop to the box of the region, take the intensities
inside it, discretise, count the matrices that the keys need, compute the features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial import QhullError

from ..errors import (
    DimensionError,
    EmptyRegionError,
    FeatureError,
    FlatRegionError,
    GeometryError,
    NonFiniteError,
    RegionTooSmallError,
)
from . import morphology, statistics
from .definitions import definition
from .keys import FeatureKey
from .lattice import Lattice
from .texture import Texture
from .vector import FeatureVector

Spacing = tuple[float, float, float]


class _Region:
    """One mask, cropped to its box."""

    def __init__(self, name: str, mask: np.ndarray, spacing: Spacing) -> None:
        mask = np.asarray(mask)
        if mask.ndim != 3:
            raise DimensionError(f"The mask of the region {name!r} has {mask.ndim} dimensions, not 3.")
        mask = mask.astype(bool, copy=False)
        self.name = name
        self.shape = mask.shape
        self.spacing = spacing
        spans = []
        for axis in range(3):
            used = np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != axis)))
            if not len(used):
                raise EmptyRegionError(f"The region {name!r} holds no voxel.", "Outline the tumour first.")
            spans.append(slice(int(used[0]), int(used[-1]) + 1))
        self.box = tuple(spans)
        self.mask = np.ascontiguousarray(mask[self.box])
        self.voxels = int(np.count_nonzero(self.mask))
        if self.voxels < 2:
            raise RegionTooSmallError(
                f"The region {name!r} holds one voxel; features need at least two.",
                "Outline a larger region.",
            )
        self.lattice = Lattice(self.mask)
        self._shapes: dict[str, morphology.Shape] = {}

    def shape_of(self, profile: str) -> morphology.Shape:
        if profile not in self._shapes:
            self._shapes[profile] = morphology.Shape(self.mask, self.spacing, profile)
        return self._shapes[profile]

    def values(self, sequence: str, image: np.ndarray) -> np.ndarray:
        image = np.asarray(image)
        if image.ndim != 3:
            raise DimensionError(f"The image {sequence!r} has {image.ndim} dimensions, not 3.")
        if image.shape != self.shape:
            raise GeometryError(
                f"The image {sequence!r} has {image.shape} voxels, the region {self.name!r} {self.shape}.",
                "Prepare both on the same grid.",
            )
        values = image[self.box][self.mask].astype(np.float64)
        bad = np.count_nonzero(~np.isfinite(values))
        if bad:
            raise NonFiniteError(
                f"The image {sequence!r} is NaN or infinite in {bad} voxels of the region {self.name!r}.",
                "Check the image, or leave these voxels out of the outline.",
            )
        if values.min() == values.max():
            raise FlatRegionError(
                f"All voxels of the region {self.name!r} have the value {values[0]:g} in {sequence!r}.",
                "Check the outline and the image.",
            )
        return values


class _Extraction:
    """What the keys of one call share."""

    def __init__(
        self, images: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray], spacing: Spacing
    ) -> None:
        self.images = images
        self.masks = masks
        self.spacing = spacing
        self.regions: dict[str, _Region] = {}
        self.intensities: dict[tuple[str, str], np.ndarray] = {}
        self.statistics: dict[tuple[str, str, str], statistics.Values] = {}
        self.textures: dict[tuple[str, str, str, str], Texture] = {}

    def region(self, name: str) -> _Region:
        if name not in self.regions:
            if name not in self.masks:
                raise FeatureError(
                    f"There is no region {name!r}.", f"Known: {', '.join(self.masks) or 'none'}."
                )
            self.regions[name] = _Region(name, self.masks[name], self.spacing)
        return self.regions[name]

    def values(self, key: FeatureKey) -> np.ndarray:
        index = (key.sequence, key.region)
        if index not in self.intensities:
            self.intensities[index] = self.region(key.region).values(key.sequence, self.images[key.sequence])
        return self.intensities[index]

    def texture(self, key: FeatureKey) -> Texture:
        index = (key.sequence, key.region, key.discretisation, key.profile)
        if index not in self.textures:
            lattice = self.region(key.region).lattice
            self.textures[index] = Texture(lattice, self.values(key), *index[2:], spacing=self.spacing)
        return self.textures[index]

    def value(self, key: FeatureKey) -> float:
        region = self.region(key.region)
        if key.family == "morphology":
            shape = region.shape_of(key.profile)
            if key.name in morphology.FEATURES:
                return morphology.FEATURES[key.name](shape)
            return morphology.INTENSITY_FEATURES[key.name](shape, self.values(key))
        if key.family == "statistics":
            index = (key.sequence, key.region, key.profile)
            if index not in self.statistics:
                volume = math.prod(self.spacing)
                self.statistics[index] = statistics.Values(self.values(key), key.profile, volume)
            return statistics.FEATURES[key.name](self.statistics[index])
        return self.texture(key).feature(key)


def extract(
    images: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
    spacing: Sequence[float],
    keys: Sequence[FeatureKey | str],
) -> FeatureVector:
    """Compute the features that the keys name.

    Parameters
    ----------
    images : (k, j, i) arrays by sequence, prepared, all on the grid of the masks.
    masks : (k, j, i) bool arrays by region.
    spacing : (dk, dj, di) in mm.
    keys : what to compute; only the matrices that these need are counted.

    Returns
    -------
    FeatureVector : finite values only. A single feature that is undefined here, and all features of a
        sequence that is not in ``images``, are in ``missing`` with the reason.

    Raises
    ------
    FeatureError : a key is unknown or contradicts itself, or there would be too many grey levels.
    GeometryError, DimensionError : image, mask or spacing do not fit.
    EmptyRegionError, RegionTooSmallError : the region has no voxel, or one.
    NonFiniteError, FlatRegionError : the image is NaN or infinite, or constant, inside the region.
    """
    spacing = tuple(float(step) for step in spacing)
    if len(spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing):
        raise GeometryError(f"The voxel spacing {spacing} is not three positive numbers in mm.")
    parsed = [FeatureKey.parse(key) if isinstance(key, str) else key for key in keys]
    work = _Extraction(images, masks, spacing)
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for key in parsed:
        found = definition(key)
        if found.needs_image and key.sequence not in images:
            missing[str(key)] = f"The case has no {key.sequence}."
            continue
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value = _guarded(work, key)
        if value is not None and math.isfinite(value):
            values[str(key)] = value
        else:
            missing[str(key)] = f"{found.label} is undefined in the region {key.region!r}."
    bins = {
        f"{sequence}:{region}:{spec}": len(texture.cells.grey)
        for (sequence, region, spec, _), texture in work.textures.items()
    }
    return FeatureVector(values, missing, bins, _provenance(work, parsed))


def _guarded(work: _Extraction, key: FeatureKey) -> float | None:
    try:
        return float(work.value(key))
    except (ZeroDivisionError, QhullError):
        return None


def _provenance(work: _Extraction, keys: Sequence[FeatureKey]) -> tuple[str, ...]:
    voxel = " × ".join(f"{step:g}" for step in work.spacing)
    steps = [
        f"Region {region.name}: {region.voxels} voxels of {voxel} mm (k, j, i), cropped to its box; "
        "the same mask serves shape and intensities, no re-segmentation."
        for region in work.regions.values()
    ]
    for (sequence, region, spec, profile), texture in work.textures.items():
        found = len(texture.cells.grey)
        steps.append(f"Discretised {sequence} in {region}: {spec} ({profile}), {found} grey levels found.")
    families = sorted({key.family for key in keys})
    if families:
        steps.append(f"Features: {', '.join(families)}; 3D, distance 1, original image.")
    return tuple(steps)
