"""Features of outlines that are being edited; equal to a full extraction after every edit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from ...errors import VirtualBiopsyError
from .. import statistics
from ..extract import (
    ORIGINAL,
    ROUNDING,
    SMALLEST_RANGE,
    Extraction,
    Filtered,
    Responses,
    compute,
)
from ..keys import FeatureKey
from ..resegment import parse_region
from ..vector import FeatureVector
from .levels import LiveLevels, Unusual
from .outline import LiveInner, LiveOutline
from .texture import LiveTexture
from .values import LiveValues, SortedValues
from .window import Window


class LiveExtraction:
    """Extracts the features of regions again and again, at the cost of what changed.

    Every update gives what :func:`virtualbiopsy.radiomics.extract.extract` gives for the same masks: the same
    values (counts exactly, features within 1e-12), missing features, bins and provenance, and the same
    errors. Results depend on the masks only, not on the edits that led to them. Not for several threads at
    once.

    Parameters
    ----------
    images, spacing, responses : as for extract(); images and responses must stay what they are. Every
        filtered image is asked for once and kept.
    keys : the features of every update; only what these need is kept.

    Raises
    ------
    GeometryError : the spacing is not three positive numbers.
    FeatureError : a key is not one.

    What does not follow is computed in full at every update: matrices within slices, with a distance, norm or
    alpha other than the default, regions with re-segmentation, distances from the border (GLDZM), local
    intensity, the intensity-volume histogram, and of the shape all but surface, volume, axes and the box
    along the grid. Everything is counted anew where that is the cheaper way (more than a tenth of the voxels
    changed), where a region grows out of its window by more than 8 voxels, and, for one image, where the
    bins move: its smallest intensity changed, or with a fixed number of bins its largest one.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        spacing: Sequence[float],
        keys: Sequence[FeatureKey | str],
        responses: Responses | None = None,
    ) -> None:
        self._images = images
        self._spacing = Extraction(images, {}, spacing).spacing
        self._keys = [FeatureKey.parse(key) if isinstance(key, str) else key for key in keys]
        self._responses = responses
        self._filtered = Filtered(images, self._spacing, self._keys)
        self._pictures: dict[tuple[str, ...], _Picture | None] = {}
        self._regions: dict[str, LiveRegion] = {}

    def update(self, masks: Mapping[str, np.ndarray]) -> FeatureVector:
        """Features of the regions as they are now.

        Parameters
        ----------
        masks : (k, j, i) bool arrays by region, on the grid of the images; they are copied where they
            changed.

        Raises
        ------
        As extract(); the next update is as right as any.
        """
        try:
            for name, mask in masks.items():
                self._follow(name, mask)
            return compute(_Work(self, masks), self._keys)
        except BaseException:
            self._regions.clear()
            raise

    def _follow(self, name: str, mask: np.ndarray) -> None:
        mask = np.asarray(mask)
        region = self._regions.pop(name, None)
        if mask.dtype != bool or mask.ndim != 3:
            return
        if region is not None and region.window.mask.shape == mask.shape and region.follow(mask):
            self._regions[name] = region
        elif np.count_nonzero(mask) > 1:
            self._regions[name] = LiveRegion(Window(mask), self._spacing)

    def picture(self, key: FeatureKey, work: Extraction) -> _Picture | None:
        """The image of a key; None if it is not one that can be followed."""
        index = (key.sequence, key.image)
        if key.image != ORIGINAL:
            index += (key.profile,)
        if index not in self._pictures:
            self._pictures[index] = _Picture.of(work.source(key))
        return self._pictures[index]


class _Picture:
    """One image, flattened."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.shape = image.shape
        self.flat = np.ascontiguousarray(image, dtype=np.float64).reshape(-1)
        self.finite = bool(np.isfinite(self.flat).all())
        self.magnitude = float(np.abs(self.flat).max()) if self.finite and self.flat.size else math.inf

    @classmethod
    def of(cls, image: np.ndarray) -> _Picture | None:
        image = np.asarray(image)
        return cls(image) if image.ndim == 3 else None


class LiveRegion:
    """One region with everything that follows its edits."""

    def __init__(self, window: Window, spacing: tuple[float, float, float]) -> None:
        self.window = window
        self.outline = LiveOutline(window, spacing)
        self.levels: dict[tuple[str, ...], LiveLevels] = {}
        self._ordered: dict[_Picture, SortedValues] = {}

    def sorted_values(self, picture: _Picture) -> np.ndarray:
        """(n,) intensities of an image in ascending order."""
        if picture not in self._ordered:
            self._ordered[picture] = SortedValues(self.window, picture.flat)
        return self._ordered[picture].values

    def follow(self, mask: np.ndarray) -> bool:
        """Take over an edit; False if the region is better set up anew."""
        edit = self.window.follow(mask)
        if edit is None or self.window.voxels < 2:
            return False
        if len(edit.moved):
            self.outline.follow(edit)
            for ordered in self._ordered.values():
                ordered.follow(edit)
            for index, levels in list(self.levels.items()):
                try:
                    levels.follow(edit)
                except (Unusual, VirtualBiopsyError):
                    del self.levels[index]
        return True


@cache
def _original(sequence: str, region: str) -> FeatureKey:
    """A key of the image without filter."""
    return FeatureKey(sequence, region, ORIGINAL, "statistics", "mean", "3d", "none", "ibsi")


class _Work(Extraction):
    """One update: the full extraction, with what follows in place of what is made anew."""

    def __init__(self, live: LiveExtraction, masks: Mapping[str, np.ndarray]) -> None:
        super().__init__(live._images, masks, live._spacing, live._responses, ())
        self.filtered = live._filtered
        self._live = live

    def source(self, key: FeatureKey) -> np.ndarray:
        return super().image(key)

    def image(self, key: FeatureKey) -> np.ndarray:
        picture = self._live.picture(key, self)
        return self.source(key) if picture is None else picture.image

    def _picture(self, key: FeatureKey, region: LiveRegion) -> _Picture | None:
        """A key's image if it can be followed in a region."""
        picture = self._live.picture(key, self)
        if picture is None or picture.shape != region.window.mask.shape:
            return None
        return picture

    def _region(self, region: str) -> LiveRegion | None:
        """The region of a key, if it follows and its voxels are those of the outline."""
        parsed = parse_region(region)
        if parsed.resegmented or parsed.name not in self.masks:
            return None
        return self._live._regions.get(parsed.name)

    def outline(self, name: str) -> LiveOutline:
        if name not in self.outlines and name in self._live._regions and name in self.masks:
            self.outlines[name] = self._live._regions[name].outline.now(name)
        return super().outline(name)

    def intensity_mask(self, sequence: str, region: str) -> LiveInner:
        index = (sequence, region)
        if index not in self.inner:
            live = self._region(region)
            picture = live and self._picture(_original(sequence, region), live)
            if picture is None or not picture.finite:
                return super().intensity_mask(sequence, region)
            parsed = parse_region(region)
            values = picture.flat
            self.inner[index] = LiveInner(self.outline(parsed.name), parsed, values, live.window)
        return self.inner[index]

    def _varied(self, key: FeatureKey, low: float, high: float) -> bool:
        """Whether intensities of a key's image differ by more than rounding, for certain."""
        original = self._live.picture(_original(key.sequence, key.region), self)
        largest = max(-low, high, math.inf if original is None else original.magnitude)
        return high - low > max(ROUNDING * largest, SMALLEST_RANGE)

    def _values(self, key: FeatureKey) -> np.ndarray:
        self.intensity_mask(key.sequence, key.region)
        region = self._region(key.region)
        picture = region and self._picture(key, region)
        if picture is not None:
            values = picture.flat[region.window.on_grid]
            low, high = float(values.min()), float(values.max())
            if math.isfinite(low) and math.isfinite(high) and self._varied(key, low, high):
                return values
        return super()._values(key)

    def _texture(self, key: FeatureKey, index: tuple[str, str, str, str, str]) -> None:
        self.intensity_mask(key.sequence, key.region)
        region = self._region(key.region)
        picture = region and self._picture(key, region)
        live = picture and self._levels(key, region, picture, index)
        if live is None or not self._varied(key, live.low, live.high):
            super()._texture(key, index)
        else:
            self.textures[index] = LiveTexture(region.window, live, key.profile, self.spacing)

    def _levels(
        self, key: FeatureKey, region: LiveRegion, picture: _Picture, index: tuple[str, ...]
    ) -> LiveLevels | None:
        if index not in region.levels:
            try:
                found = LiveLevels(region.window, picture.flat, key.discretisation, key.profile)
            except (Unusual, VirtualBiopsyError):
                return None
            region.levels[index] = found
        return region.levels[index]

    def _moments(self, key: FeatureKey) -> statistics.Values:
        values, volume = self.values(key), math.prod(self.spacing)
        region = self._region(key.region)
        picture = region and self._picture(key, region)
        if picture is None:
            return statistics.Values(values, key.profile, volume)
        return LiveValues(values, lambda: region.sorted_values(picture), key.profile, volume)

    def value(self, key: FeatureKey) -> float:
        if key.family == "statistics":
            index = ("statistics", key.sequence, key.region, key.image, key.profile)
            return statistics.FEATURES[key.name](self._once(index, lambda: self._moments(key)))
        return super().value(key)
