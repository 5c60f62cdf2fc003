"""Voxels of the regions as the ledger needs them: values, grey levels, matrices; each found once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ..errors import EmptyRegionError, FeatureError, GeometryError, NonFiniteError
from ..radiomics import kernels
from ..radiomics.aggregation import parse_aggregation
from ..radiomics.discretise import discretise_values
from ..radiomics.extract import ORIGINAL, Filtered, Responses
from ..radiomics.ivh import IntensityVolume
from ..radiomics.keys import FeatureKey
from ..radiomics.lattice import Lattice
from ..radiomics.levels import Levels
from ..radiomics.local_intensity import ball_means
from ..radiomics.resegment import parse_region, resegment
from .coded import (
    CodedElements,
    CodedPairs,
    CodedTones,
    code_dependences,
    code_pairs,
    code_runs,
    code_tones,
    code_zones,
    find_pairs,
    find_zones,
)

if TYPE_CHECKING:
    from ..measure import Measured, Measuring

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Place:
    """Where the voxels of one region lie; if it is re-segmented, those that are left in one sequence.

    Attributes
    ----------
    box : around the outline, slices (k, j, i) of the arrays. inside : bool of the box's shape.
    lattice : neighbours. lower : where bins of fixed width start in the image itself, or None.
    """

    box: Box
    inside: np.ndarray
    lattice: Lattice
    lower: float | None = None

    @property
    def voxels(self) -> int:
        return self.lattice.voxels


@dataclass(frozen=True, eq=False)
class Surround:
    """What lies around the arrays: the whole prepared images by role, and the arrays' box in them."""

    images: Mapping[str, np.ndarray]
    box: Box


class Workspace:
    """One case's images and regions; may be shared by the explanations of several models.

    Parameters
    ----------
    images : float arrays (k, j, i) by role. masks : bool arrays of the same shape by region.
    spacing : (dk, dj, di) in mm, for weighted directions and for filters.
    responses : as for :func:`virtualbiopsy.radiomics.extract.extract`; None filters the images here.
    surround : the images beyond the arrays, for the adjoint of filters; None if there is nothing beyond.
    grid : image with the geometry of the arrays, to look maps of single features up.

    Raises
    ------
    GeometryError : shapes differ.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        masks: Mapping[str, np.ndarray],
        spacing: Sequence[float] = (1.0, 1.0, 1.0),
        responses: Responses | None = None,
        surround: Surround | None = None,
        grid: sitk.Image | None = None,
    ) -> None:
        shapes = {np.shape(array) for array in (*images.values(), *masks.values())}
        if len(shapes) > 1:
            listed = ", ".join(map(str, sorted(shapes)))
            raise GeometryError(
                f"Images and regions have different shapes ({listed}).", "Bring them onto one grid."
            )
        self.images, self.masks = images, masks
        self.spacing = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
        self.responses = responses
        self._surround = surround
        self.grid = grid
        self._filtered = Filtered(images, self.spacing, ())
        self._found: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, measuring: Measuring, measured: Measured) -> Workspace:
        """Of an outline as it was measured, with the filtered images that were measured."""
        return cls(
            measured.arrays,
            measured.masks,
            measured.spacing,
            measuring.responses(measured),
            Surround(measuring.images, measured.box),
            measured.grid,
        )

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` gives, made at the first call with this key."""
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]

    @property
    def surround(self) -> Surround:
        """The whole images, and the box of the arrays in them."""
        if self._surround is not None:
            return self._surround
        shape = next(iter(self.masks.values())).shape
        return Surround(self.images, (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])))

    def place(self, role: str, region: str) -> Place:
        """Where a region lies in a sequence.

        Raises
        ------
        FeatureError : there is no such region. EmptyRegionError : it holds no voxel.
        """
        parsed = parse_region(region)
        outline = self.once(("place", parsed.name), lambda: self._outline(parsed.name))
        if not parsed.resegmented:
            return outline

        def narrowed() -> Place:
            keep = resegment(self._cut(role, self.images[role], outline), parsed, role)
            if keep.all():
                return Place(outline.box, outline.inside, outline.lattice, parsed.lower_bound)
            inside = np.zeros_like(outline.inside)
            inside[outline.inside] = keep
            return Place(outline.box, inside, Lattice(inside, outline=outline.inside), parsed.lower_bound)

        return self.once(("place", role, region), narrowed)

    def image(self, key: FeatureKey) -> np.ndarray:
        """(k, j, i) the image of a key, filtered or not."""
        if key.image == ORIGINAL:
            return self.images[key.sequence]
        if self.responses is None:
            return self._filtered.response(key)
        return self.once(
            ("response", key.sequence, key.image, key.profile),
            lambda: self.responses(key.sequence, key.image, key.profile),
        )

    def values(self, key: FeatureKey) -> np.ndarray:
        """Float64 values of the region's voxels (n,).

        Raises
        ------
        NonFiniteError : one of them is NaN or infinite.
        """
        profile = None if key.image == ORIGINAL else key.profile
        return self.once(
            ("values", key.sequence, key.region, key.image, profile),
            lambda: self._cut(key.sequence, self.image(key), self.place(key.sequence, key.region)),
        )

    def cells(self, key: FeatureKey) -> Levels:
        """Grey levels of the region's voxels."""

        def make() -> Levels:
            lower = self.place(key.sequence, key.region).lower if key.image == ORIGINAL else None
            return Levels.of(*discretise_values(self.values(key), key.discretisation, key.profile, lower))

        return self.once(("cells", *_texture(key)), make)

    def curve(self, key: FeatureKey) -> IntensityVolume | None:
        """Intensity-volume curve; None for values that are not whole numbers where the key takes them so."""
        parsed = parse_region(key.region)
        bounds = (parsed.low, parsed.high) if key.image == ORIGINAL else ()

        def make() -> IntensityVolume | None:
            try:
                return IntensityVolume(self.values(key), key.discretisation, *bounds)
            except ValueError:
                return None

        return self.once(("curve", *_texture(key)), make)

    def ball_means(self, key: FeatureKey) -> np.ndarray:
        """Means (n,) over balls of 1 cm³ around the region's voxels."""
        place = self.place(key.sequence, key.region)
        return self.once(
            ("balls", *_texture(key)),
            lambda: ball_means(np.asarray(self.image(key)), place.box, place.inside, self.spacing),
        )

    def pairs(self, key: FeatureKey) -> CodedPairs | None:
        """Co-occurrence of one texture; None if no voxel has a neighbour."""
        a, place = parse_aggregation(key.aggregation), self.place(key.sequence, key.region)
        lattice = place.lattice.in_slices if a.planar else place.lattice

        def make() -> CodedPairs | None:
            found = self.once(("pairs", id(lattice), a.distance, a.norm), lambda: find_pairs(lattice, a))
            return code_pairs(lattice, found, self.cells(key), a, key.profile, self.spacing)

        return self.once(("coded", "glcm", *_texture(key), key.aggregation), make)

    def elements(self, key: FeatureKey) -> CodedElements | None:
        """Runs, zones or dependences of one texture; None if there are none."""
        a, place = parse_aggregation(key.aggregation), self.place(key.sequence, key.region)
        lattice = place.lattice.in_slices if a.planar else place.lattice

        def make() -> CodedElements | None:
            cells = self.cells(key)
            if key.family == "glrlm":
                return code_runs(lattice, cells, a, key.profile, self.spacing)
            if key.family == "ngldm":
                return code_dependences(lattice, cells, a, key.profile)
            label = self.once(("zones", *_texture(key), a.planar), lambda: find_zones(lattice, cells))
            return code_zones(lattice, cells, label, key.family, a, key.profile)

        return self.once(("coded", key.family, *_texture(key), key.aggregation), make)

    def tones(self, key: FeatureKey) -> CodedTones | None:
        """Tone differences of one texture; None if no voxel counts."""
        a, place = parse_aggregation(key.aggregation), self.place(key.sequence, key.region)
        lattice = place.lattice.in_slices if a.planar else place.lattice
        return self.once(
            ("coded", "ngtdm", *_texture(key), key.aggregation),
            lambda: code_tones(lattice, self.cells(key), a, key.profile),
        )

    def _outline(self, region: str) -> Place:
        if region not in self.masks:
            raise FeatureError(f"The region {region!r} was not given to the explanation.")
        mask = np.asarray(self.masks[region], dtype=bool)
        box = kernels.active().bounding_box(mask)
        if box is None:
            raise EmptyRegionError(f"The region {region!r} holds no voxel.", "Outline the tumour first.")
        lattice = Lattice(mask[box])
        return Place(box, lattice.mask, lattice)

    @staticmethod
    def _cut(role: str, image: np.ndarray, place: Place) -> np.ndarray:
        values = np.asarray(image[place.box], dtype=np.float64)[place.inside]
        if not math.isfinite(float(values.sum())) and not np.isfinite(values).all():
            bad = np.count_nonzero(~np.isfinite(values))
            raise NonFiniteError(
                f"The image {role!r} is NaN or infinite in {bad} voxels of the region.",
                "Check the image, or leave these voxels out of the outline.",
            )
        return values


def _texture(key: FeatureKey) -> tuple[str, ...]:
    return key.sequence, key.region, key.image, key.discretisation, key.profile
