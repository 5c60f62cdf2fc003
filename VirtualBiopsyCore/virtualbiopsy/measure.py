"""Measuring one outline after another on the prepared images of one case.

What does not change with the outline is kept: the images, the responses of the filters, and a window of the
common grid around the outline in which edits are followed voxel by voxel. The window is made anew when an
outline leaves it. Numbers do not depend on the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import SimpleITK as sitk

from .case.arrays import grow_box
from .case.changes import join_boxes
from .errors import RegionError
from .prepare.limits import BREAST
from .prepare.live_mask import LiveMask, LiveRegion
from .prepare.model import PreparedCase
from .prepare.prepare import UNCOVERED_ALLOWED, uncovered_shares
from .presence import divide_keys
from .progress import Progress, silent
from .radiomics.extract import Responses, extract
from .radiomics.images import MAX_BYTES, Box, ImageCache, holds
from .radiomics.keys import FeatureKey
from .radiomics.live.extraction import LiveExtraction
from .radiomics.local_intensity import RADIUS as PEAK_RADIUS
from .radiomics.plan import plan
from .radiomics.resegment import parse_region
from .radiomics.vector import FeatureVector
from .regions.contralateral import Mirror, mirror_of
from .regions.crop import box_around, crop_grid, crop_prepared
from .regions.derive import ring_width
from .regions.live_ring import LiveRings
from .regions.multi import CONTRALATERAL, Setting, mirrored_box, region_masks

MARGIN_MM = 3.0
"""At least so much around the outline and its rings is kept with it."""

SLACK_MM = 15.0
"""How far an outline may grow before the window is made anew."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One outline and what was measured on it.

    Attributes
    ----------
    grid : image with the geometry of the arrays: the common grid, cut to the outline with a margin.
    box : where that is on the common grid, slices (k, j, i).
    arrays : by role, float64 (k, j, i), read-only; without the sequences that are left out.
    masks : by region, bool (k, j, i) of the same shape; without those that are absent.
    spacing : (dk, dj, di) in mm.
    left_out : why a sequence of the case is not among the arrays, by role.
    vector : the features; those of absent sequences and regions are in `missing`.
    absent : why a region (an enhancing part, a habitat, the other breast) is not there, by name.
    """

    grid: sitk.Image
    box: Box
    arrays: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray]
    spacing: tuple[float, float, float]
    left_out: Mapping[str, str]
    vector: FeatureVector
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The images around a measured outline, for outlines that differ a little from it.

    Attributes
    ----------
    grid : image with the geometry of the arrays. box : where that is on the common grid, slices (k, j, i).
    arrays : by role, float64 (k, j, i), read-only; all sequences of the case.
    covered : by role, bool (k, j, i), what lies inside the field of view; without sequences that cover all.
    tumour : bool (k, j, i), the measured outline.
    responses : filtered images on this box. setting : what regions follow from besides the outline.
    """

    grid: sitk.Image
    box: Box
    arrays: Mapping[str, np.ndarray]
    covered: Mapping[str, np.ndarray]
    tumour: np.ndarray
    responses: Responses
    setting: Setting


@dataclass(eq=False)
class _Window:
    """A part of the common grid around the outline, and what follows the outline in it.

    Its box, the prepared case cut to it, arrays by role; the rings and the extraction that know the last
    outline, and its keys.
    """

    box: Box
    prepared: PreparedCase
    arrays: Mapping[str, np.ndarray]
    outline: LiveMask
    rings: LiveRings = field(default_factory=LiveRings)
    live: LiveExtraction | None = None
    keys: tuple[FeatureKey, ...] = ()


class Measuring:
    """The outlines of one prepared case, measured with the same feature keys.

    Parameters
    ----------
    prepared : images on the common grid.
    keys : radiomic features, without clinical variables.
    max_bytes : bound of the memory for filtered images.

    Raises
    ------
    FeatureError : a key is unknown.
    """

    def __init__(
        self, prepared: PreparedCase, keys: Iterable[FeatureKey], max_bytes: int = MAX_BYTES
    ) -> None:
        self.prepared = prepared
        self.plan = plan(keys)
        self.spacing = prepared.grid.GetSpacing()[::-1]
        self._arrays = {role: sitk.GetArrayViewFromImage(image) for role, image in prepared.images.items()}
        self._responses = ImageCache(self._arrays, self.spacing, max_bytes)
        rings = max((ring_width(region) for region in self.regions), default=0.0)
        peaks = any(key.family == "local_intensity" for key in self.plan.keys)
        self._margin = rings + max(MARGIN_MM, PEAK_RADIUS if peaks else 0.0)
        self._window: _Window | None = None
        limit = prepared.limits.get(BREAST)
        self._limit = None if limit is None else sitk.GetArrayViewFromImage(limit) != 0
        self._covered = {
            role: sitk.GetArrayViewFromImage(cover) != 0 for role, cover in prepared.covered.items()
        }
        self._mirror = _mirror(limit) if CONTRALATERAL in self.regions else ""

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that the keys name, the tumour among them."""
        return tuple(sorted({"tumour", *(parse_region(key.region).name for key in self.plan.keys)}))

    def measure(self, mask: sitk.Image, progress: Progress = silent) -> Measured:
        """Measure an outline.

        Parameters
        ----------
        mask : binary image in the space of the reference, any grid.

        Raises
        ------
        EmptyRegionError, RegionTooSmallError, FlatRegionError, NonFiniteError : the outline cannot be used.
        GeometryError : the outline does not lie on the images.
        """
        window = self._window_around(mask)
        region = window.outline.update(mask)
        left_out = {
            role: f"{100 * share:.0f} % of the outline lies outside the field of view of the {role} sequence"
            for role, share in uncovered_shares(region.inside, window.prepared).items()
            if share > UNCOVERED_ALLOWED
        }
        reach = [math.ceil((self._margin) / step) for step in self.spacing]
        box = self._both_sides(
            grow_box(region.extent, region.inside.shape, tuple(reach)), window.prepared.grid
        )
        grid = crop_grid(window.prepared.grid, box)
        place = _moved(box, window.box)
        arrays = {role: array[box] for role, array in window.arrays.items() if role not in left_out}
        setting = replace(
            self._setting(grid, place, arrays),
            near=lambda _, mm, spacing: window.rings.near(region.inside, mm, spacing)[box],
        )
        masks, absent = region_masks(self.regions, region.inside[box], setting)
        progress(0.5, "Extracting features")
        vector = self._follow(window, region, box, masks, left_out, absent)
        return Measured(grid, place, arrays, masks, self.spacing, left_out, vector, absent)

    def vector(self, measured: Measured, masks: Mapping[str, np.ndarray]) -> FeatureVector:
        """Features of masks (by region, bool) on the grid of a measured outline."""
        present, missing = divide_keys(
            self.plan.keys,
            measured.arrays,
            masks,
            measured.left_out,
            measured.absent,
            self._covered_in(measured.box),
        )
        vector = extract(measured.arrays, masks, self.spacing, present, self._responder(measured.box))
        return replace(vector, missing={**vector.missing, **missing})

    @property
    def images(self) -> Mapping[str, np.ndarray]:
        """The prepared images by role, float64 (k, j, i) on the common grid, read-only."""
        return self._arrays

    def around(self, measured: Measured, reach: float) -> Surroundings:
        """The images in a box `reach` mm wider on each side than a measured outline's, within the image.

        What follows the outline in this object is left as it is.
        """
        shape = self.prepared.grid.GetSize()[::-1]
        box = grow_box(measured.box, shape, tuple(math.ceil(reach / step) for step in self.spacing))
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(measured.box, box, strict=True)
        )
        tumour = np.zeros([side.stop - side.start for side in box], dtype=bool)
        tumour[inner] = measured.masks["tumour"]
        # Filtered images are asked for on a box that holds the window, which would lose its own otherwise.
        outer = box if self._window is None else join_boxes(self._window.box, box)
        part = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, outer, strict=True))
        respond = self._responder(outer)
        grid = crop_grid(self.prepared.grid, box)
        arrays = {role: array[box] for role, array in self._arrays.items()}
        return Surroundings(
            grid=grid,
            box=box,
            arrays=arrays,
            covered=self._covered_in(box),
            tumour=tumour,
            responses=lambda sequence, image, profile: respond(sequence, image, profile)[part],
            setting=self._setting(grid, box, arrays),
        )

    def responses(self, measured: Measured) -> Responses:
        """Filtered images of a measured outline, as :func:`extract` asks for them."""
        return self._responder(measured.box)

    def _follow(
        self,
        window: _Window,
        region: LiveRegion,
        box: Box,
        masks: Mapping[str, np.ndarray],
        left_out: Mapping[str, str],
        absent: Mapping[str, str],
    ) -> FeatureVector:
        """Features of the outline in the window, from what changed since the last one."""
        arrays = {role: array[box] for role, array in window.arrays.items()}
        present, missing = divide_keys(
            self.plan.keys, arrays, masks, left_out, absent, self._covered_in(_moved(box, window.box))
        )
        if window.live is None or window.keys != present:
            window.keys = present
            window.live = LiveExtraction(window.arrays, self.spacing, present, self._responder(window.box))
        placed = {"tumour": region.inside}
        for name, mask in masks.items():
            if name not in placed:
                placed[name] = np.zeros(region.inside.shape, dtype=bool)
                placed[name][box] = mask
        vector = window.live.update(placed)
        return replace(vector, missing={**vector.missing, **missing})

    def _setting(self, grid: sitk.Image, box: Box, arrays: Mapping[str, np.ndarray]) -> Setting:
        """What regions on a box of the common grid follow from."""
        return Setting(grid, arrays, None if self._limit is None else self._limit[box], self._mirror)

    def _covered_in(self, box: Box) -> dict[str, np.ndarray]:
        return {role: cover[box] for role, cover in self._covered.items()}

    def _both_sides(self, box: Box, grid: sitk.Image) -> Box:
        """A box that holds its place in the other breast too, where that is asked for."""
        if not isinstance(self._mirror, Mirror):
            return box
        return join_boxes(box, mirrored_box(box, grid, self._mirror))

    def _window_around(self, mask: sitk.Image) -> _Window:
        grid = self.prepared.grid
        wanted = self._both_sides(box_around(self.prepared, mask, self._margin), grid)
        if self._window is None or not holds(self._window.box, wanted):
            box = self._both_sides(box_around(self.prepared, mask, self._margin + SLACK_MM), grid)
            part = crop_prepared(self.prepared, box)
            arrays = {role: array[box] for role, array in self._arrays.items()}
            for (role, profile), filters in self.plan.responses.items():
                if role in arrays:
                    # A filter that does not fit is met again, and reported, where its features are computed.
                    self._responses.responses(role, filters, box, profile, failed={})
            self._window = _Window(box, part, arrays, LiveMask(part))
        return self._window

    def _responder(self, box: Box) -> Responses:
        """Filtered images on a box of the common grid, for the extraction."""

        def response(sequence: str, image: str, profile: str) -> np.ndarray:
            return self._responses.responses(sequence, (image,), box, profile)[image]

        return response


def _moved(box: Box, outer: Box) -> Box:
    """A box inside another one, in the coordinates of what holds the other."""
    k, j, i = (slice(a.start + b.start, a.stop + b.start) for a, b in zip(box, outer, strict=True))
    return k, j, i


def _mirror(breast: sitk.Image | None) -> Mirror | str:
    """The mirror onto the other breast, or why there is none."""
    if breast is None:
        return Setting.mirror
    try:
        return mirror_of(breast)
    except RegionError as error:
        return error.message
