"""From images and masks to named features.

Order of processing (IBSI): the images arrive prepared; crop to the box of the region, take the intensities
inside it, re-segment, discretise, count the matrices that the keys need, compute the features. The outline
gives shape, the intensity mask that re-segmentation leaves gives everything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np

from ..errors import (
    DimensionError,
    EmptyRegionError,
    FeatureError,
    FlatRegionError,
    GeometryError,
    NonFiniteError,
    RegionTooSmallError,
    VirtualBiopsyError,
)
from ..memory import require_memory
from . import ivh, kernels, local_intensity, morphology, shape2d, statistics
from .definitions import definition
from .diameters import FlatHullError
from .discretise import discretise_values
from .keys import FeatureKey
from .lattice import Lattice
from .levels import Levels
from .resegment import Region, parse_region, resegment
from .texture import Texture
from .vector import FeatureVector

Spacing = tuple[float, float, float]
Responses = Callable[[str, str, str], np.ndarray]
ORIGINAL = "original"

ROUNDING = 1e-14
"""Differences below this share of the image's intensities are rounding, not texture."""

SMALLEST_RANGE = 1e-70
"""The fourth power of smaller differences, of which kurtosis is made, is zero in floating point."""


class _Outline:
    """One mask, cropped to its box."""

    def __init__(self, name: str, mask: np.ndarray, spacing: Spacing) -> None:
        mask = np.asarray(mask)
        if mask.ndim != 3:
            raise DimensionError(f"The mask of the region {name!r} has {mask.ndim} dimensions, not 3.")
        mask = mask.astype(bool, copy=False)
        self.name = name
        self.shape = mask.shape
        self.spacing = spacing
        box = kernels.active().bounding_box(mask)
        if box is None:
            raise EmptyRegionError(f"The region {name!r} holds no voxel.", "Outline the tumour first.")
        self.box = box
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

    def values(self, name: str, image: np.ndarray) -> np.ndarray:
        """(n,) intensities inside the outline."""
        image = np.asarray(image)
        if image.ndim != 3:
            raise DimensionError(f"The image {name!r} has {image.ndim} dimensions, not 3.")
        if image.shape != self.shape:
            raise GeometryError(
                f"The image {name!r} has {image.shape} voxels, the region {self.name!r} {self.shape}.",
                "Prepare both on the same grid.",
            )
        values = image[self.box][self.mask].astype(np.float64)
        bad = np.count_nonzero(~np.isfinite(values))
        if bad:
            raise NonFiniteError(
                f"The image {name!r} is NaN or infinite in {bad} voxels of the region {self.name!r}.",
                "Check the image, or leave these voxels out of the outline.",
            )
        return values


class _IntensityMask:
    """What re-segmentation leaves of an outline in one sequence."""

    def __init__(self, outline: _Outline, region: Region, values: np.ndarray, sequence: str) -> None:
        self.region = region
        self.keep: np.ndarray | None = None
        self.mask = outline.mask
        self.lattice = outline.lattice
        self.shape_of = outline.shape_of
        if region.resegmented:
            keep = resegment(values, region, sequence)
            if not keep.all():
                self._narrow(outline, keep)
        self.voxels = self.lattice.voxels
        self.magnitude = float(np.abs(values).max())

    def _narrow(self, outline: _Outline, keep: np.ndarray) -> None:
        if np.count_nonzero(keep) < 2:
            raise RegionTooSmallError(
                f"Re-segmentation leaves one voxel of the region {str(self.region)!r}; "
                "features need at least two.",
                "Widen the range, or outline a larger region.",
            )
        self.keep = keep
        self.mask = np.zeros_like(outline.mask)
        self.mask[outline.mask] = keep
        self.lattice = Lattice(self.mask, outline=outline.mask)
        shapes: dict[str, morphology.Shape] = {}

        def shape_of(profile: str) -> morphology.Shape:
            if profile not in shapes:
                shapes[profile] = morphology.Shape(self.mask, outline.spacing, profile)
            return shapes[profile]

        self.shape_of = shape_of


class Extraction:
    """What the keys of one call share; everything is made when asked for, once, failures included.

    Parameters
    ----------
    images, masks, spacing, responses : as for :func:`extract`.
    keys : all that will be asked for, so that filtered images that belong together are made together.

    Raises
    ------
    GeometryError : the spacing is not three positive numbers.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        masks: Mapping[str, np.ndarray],
        spacing: Sequence[float],
        responses: Responses | None = None,
        keys: Sequence[FeatureKey] = (),
    ) -> None:
        self.images = images
        self.masks = masks
        self.spacing = tuple(float(step) for step in spacing)
        if len(self.spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in self.spacing):
            raise GeometryError(f"The voxel spacing {self.spacing} is not three positive numbers in mm.")
        self.responses = responses
        self.filtered = Filtered(images, self.spacing, keys)
        self.outlines: dict[str, _Outline] = {}
        self.inner: dict[tuple[str, str], _IntensityMask] = {}
        self.textures: dict[tuple[str, str, str, str, str], Texture] = {}
        self._found: dict[Hashable, object] = {}
        self._seen: tuple[_Outline | None, object, np.ndarray | None] = (None, None, None)

    def _once(self, key: Hashable, make: Callable[[], object]) -> object:
        if key not in self._found:
            try:
                self._found[key] = make()
            except VirtualBiopsyError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, VirtualBiopsyError):
            raise found
        return found

    def outline(self, name: str) -> _Outline:
        if name not in self.outlines:
            if name not in self.masks:
                raise FeatureError(
                    f"There is no region {name!r}.", f"Known: {', '.join(self.masks) or 'none'}."
                )
            self.outlines[name] = _Outline(name, self.masks[name], self.spacing)
        return self.outlines[name]

    def intensity_mask(self, sequence: str, region: str) -> _IntensityMask:
        """The mask comes from the image itself, for its filtered images too."""
        index = (sequence, region)
        if index not in self.inner:
            parsed = parse_region(region)
            outline = self.outline(parsed.name)
            image = self.images[sequence]
            values = outline.values(sequence, image)
            self._seen = (outline, image, values)
            self.inner[index] = _IntensityMask(outline, parsed, values, sequence)
        return self.inner[index]

    def image(self, key: FeatureKey) -> np.ndarray:
        """(k, j, i) the image of a key, filtered or not."""
        if key.image == ORIGINAL:
            return self.images[key.sequence]
        index = ("response", key.sequence, key.image, key.profile)
        if self.responses is None:
            return self._once(index, lambda: self.filtered.response(key))
        return self._once(index, lambda: self.responses(key.sequence, key.image, key.profile))

    def values(self, key: FeatureKey) -> np.ndarray:
        """(n,) intensities inside the intensity mask."""
        profile = None if key.image == ORIGINAL else key.profile
        return self._once(("values", key.sequence, key.region, key.image, profile), lambda: self._values(key))

    def _values(self, key: FeatureKey) -> np.ndarray:
        inner = self.intensity_mask(key.sequence, key.region)
        name = key.sequence if key.image == ORIGINAL else f"{key.sequence} {key.image}"
        outline, image = self.outline(inner.region.name), self.image(key)
        if self._seen[0] is outline and self._seen[1] is image:
            values = self._seen[2]
        else:
            values = outline.values(name, image)
        values = values if inner.keep is None else values[inner.keep]
        low, high = float(values.min()), float(values.max())
        if high - low <= max(ROUNDING * max(-low, high, inner.magnitude), SMALLEST_RANGE):
            raise FlatRegionError(
                f"All voxels of the region {key.region!r} have the value {values[0]:g} in {name!r}.",
                "Check the outline and the image.",
            )
        return values

    def texture(self, key: FeatureKey) -> Texture:
        """Matrices of a key's image, region, discretisation and profile."""
        index = (key.sequence, key.region, key.image, key.discretisation, key.profile)
        if index not in self.textures:
            self._once(("texture", *index), lambda: self._texture(key, index))
        return self.textures[index]

    def _texture(self, key: FeatureKey, index: tuple[str, str, str, str, str]) -> None:
        inner = self.intensity_mask(key.sequence, key.region)
        lower = inner.region.lower_bound if key.image == ORIGINAL else None
        levels = discretise_values(self.values(key), key.discretisation, key.profile, lower)
        cells = Levels.of(*levels)
        self.textures[index] = Texture(
            inner.lattice, None, key.discretisation, key.profile, spacing=self.spacing, cells=cells
        )

    def _curve(self, key: FeatureKey) -> ivh.IntensityVolume | None:
        region = self.intensity_mask(key.sequence, key.region).region
        bounds = (region.low, region.high) if key.image == ORIGINAL else ()
        try:
            return ivh.IntensityVolume(self.values(key), key.discretisation, *bounds)
        except ValueError:
            return None

    def _ball_means(self, key: FeatureKey) -> np.ndarray:
        inner = self.intensity_mask(key.sequence, key.region)
        box = self.outline(inner.region.name).box
        return local_intensity.ball_means(np.asarray(self.image(key)), box, inner.mask, self.spacing)

    def value(self, key: FeatureKey) -> float:
        """Value of a key, NaN where undefined."""
        family = key.family
        if family == "morphology":
            shape = self.outline(parse_region(key.region).name).shape_of(key.profile)
            if key.name in morphology.FEATURES:
                return morphology.FEATURES[key.name](shape)
            values = self.values(key)
            inner = self.intensity_mask(key.sequence, key.region).shape_of(key.profile)
            return morphology.INTENSITY_FEATURES[key.name](shape, inner, values)
        if family == "shape2d":
            outline = self.outline(key.region)
            if outline.mask.shape[0] > 1:
                return math.nan
            flat = self._once(
                ("flat", key.region), lambda: shape2d.FlatShape(outline.mask[0], outline.spacing[1:])
            )
            return shape2d.FEATURES[key.name](flat)
        if family == "statistics":
            index = ("statistics", key.sequence, key.region, key.image, key.profile)
            volume = math.prod(self.spacing)
            moments = self._once(index, lambda: statistics.Values(self.values(key), key.profile, volume))
            return statistics.FEATURES[key.name](moments)
        if family == "ivh":
            index = ("ivh", key.sequence, key.region, key.image, key.discretisation)
            curve = self._once(index, lambda: self._curve(key))
            return math.nan if curve is None else ivh.FEATURES[key.name](curve)
        if family == "local_intensity":
            index = ("ball", key.sequence, key.region, key.image)
            means = self._once(index, lambda: self._ball_means(key))
            return local_intensity.FEATURES[key.name](self.values(key), means)
        return self.texture(key).feature(key)


def extract(
    images: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
    spacing: Sequence[float],
    keys: Sequence[FeatureKey | str],
    responses: Responses | None = None,
) -> FeatureVector:
    """Compute the features that the keys name.

    Parameters
    ----------
    images : (k, j, i) arrays by sequence, prepared, all on the grid of the masks.
    masks : (k, j, i) bool arrays by region, as outlined; re-segmentation is in the keys.
    spacing : (dk, dj, di) in mm.
    keys : what to compute; only the matrices that these need are counted.
    responses : called with sequence, image type and profile of each filtered image that the keys name, gives
        its (k, j, i) array on the same grid; None filters the images here.

    Returns
    -------
    FeatureVector : finite values only. A single feature that is undefined here, all features of a sequence
        that is not in ``images``, and those of a filtered image that is constant, not finite or has too many
        grey levels inside the region, are in ``missing`` with the reason.

    Raises
    ------
    FeatureError : a key is unknown or contradicts itself, or there would be too many grey levels.
    GeometryError, DimensionError : image, mask or spacing do not fit.
    EmptyRegionError, RegionTooSmallError : the region, or what re-segmentation leaves of it, has no voxel, or
        one.
    NonFiniteError, FlatRegionError : the image is NaN or infinite, or constant, inside the region.
    """
    parsed = [FeatureKey.parse(key) if isinstance(key, str) else key for key in keys]
    return compute(Extraction(images, masks, spacing, responses, parsed), parsed)


def compute(work: Extraction, keys: Sequence[FeatureKey]) -> FeatureVector:
    """The features of an extraction; result and errors as for :func:`extract`."""
    known = [definition(key) for key in keys]
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for key, found in zip(keys, known, strict=True):
            if found.needs_image and key.sequence not in work.images:
                missing[str(key)] = f"The case has no {key.sequence}."
                continue
            value, why = _guarded(work, key)
            if math.isfinite(value):
                values[str(key)] = value
            else:
                missing[str(key)] = why or f"{found.label} is undefined in the region {key.region!r}."
    bins = {
        ":".join(part for part in index[:4] if part != ORIGINAL): len(texture.cells.grey)
        for index, texture in work.textures.items()
    }
    return FeatureVector(values, missing, bins, _provenance(work, keys))


class Filtered:
    """Filtered images of one extraction, all of a sequence and profile at once."""

    def __init__(
        self, images: Mapping[str, np.ndarray], spacing: Spacing, keys: Sequence[FeatureKey]
    ) -> None:
        self.images = images
        self.spacing = spacing
        self.wanted: dict[tuple[str, bool], dict[str, None]] = {}
        for key in keys:
            if key.image != ORIGINAL:
                self.wanted.setdefault(self._group(key), {})[key.image] = None
        self.found: dict[tuple[str, bool], dict[str, np.ndarray]] = {}
        self.failed: dict[tuple[str, bool], dict[str, VirtualBiopsyError]] = {}

    @staticmethod
    def _group(key: FeatureKey) -> tuple[str, bool]:
        return key.sequence, key.profile == "pyradiomics"

    def response(self, key: FeatureKey) -> np.ndarray:
        """(k, j, i) response of the whole image of a key; a filter that fails leaves the others alone."""
        group = self._group(key)
        found, failed = self.found.setdefault(group, {}), self.failed.setdefault(group, {})
        if key.image not in found and key.image not in failed:
            from .filters.apply import apply_filters, memory_needed

            image = np.asarray(self.images[key.sequence])
            filters = tuple(self.wanted.get(group, {key.image: None}))
            require_memory(memory_needed(image.shape, filters), f"Filtering {key.sequence}")
            found.update(apply_filters(image, self.spacing, filters, parity=group[1], failed=failed))
        if key.image in failed:
            raise failed[key.image]
        return found[key.image]


_HERE_ONLY = (FlatRegionError, NonFiniteError, FeatureError)


def _guarded(work: Extraction, key: FeatureKey) -> tuple[float, str]:
    """Value of a key, NaN where undefined, and why."""
    if key.image != ORIGINAL:
        work.intensity_mask(key.sequence, key.region)
    try:
        return float(work.value(key)), ""
    except (ZeroDivisionError, FlatHullError):
        return math.nan, ""
    except _HERE_ONLY as error:
        if key.image == ORIGINAL:
            raise
        return math.nan, error.message


def _provenance(work: Extraction, keys: Sequence[FeatureKey]) -> tuple[str, ...]:
    voxel = " × ".join(f"{step:g}" for step in work.spacing)
    steps = [
        f"Region {region.name}: {region.voxels} voxels of {voxel} mm (k, j, i), cropped to its box."
        for region in work.outlines.values()
    ]
    for (sequence, region), inner in work.inner.items():
        if inner.region.resegmented:
            left = f"{inner.voxels} of {work.outline(inner.region.name).voxels} voxels"
            steps.append(f"Re-segmented {region} in {sequence}: {left} stay in the intensity mask.")
    if not any(inner.region.resegmented for inner in work.inner.values()):
        steps.append("The same mask serves shape and intensities, no re-segmentation.")
    filtered = sorted({(key.sequence, key.image) for key in keys if key.image != ORIGINAL})
    steps += [f"Filtered {sequence}: {image}." for sequence, image in filtered]
    for (sequence, region, image, spec, profile), texture in work.textures.items():
        name = sequence if image == ORIGINAL else f"{sequence} {image}"
        found = len(texture.cells.grey)
        steps.append(f"Discretised {name} in {region}: {spec} ({profile}), {found} grey levels found.")
    families = sorted({key.family for key in keys})
    if families:
        rules = ", ".join(sorted({key.aggregation for key in keys}))
        steps.append(f"Features: {', '.join(families)}; aggregation {rules}.")
    return tuple(steps)
