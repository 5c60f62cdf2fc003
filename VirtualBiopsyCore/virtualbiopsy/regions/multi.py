"""Regions that follow from one outline: rings, enhancing parts, habitats, the other breast."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from ..case.arrays import bounding_box, mask_image, spacing_kji
from ..errors import (
    EmptyRegionError,
    ImageError,
    MissingSequenceError,
    OutsideBreastError,
    RegionError,
    RegionTooSmallError,
)
from .contralateral import Mirror, contralateral
from .derive import holds_outline, limited_ring, near_surface, region_mask, ring_width
from .habitats import MAPS, habitats

ENHANCING_PERCENT = 70.0
"""Percent enhancement from which a voxel counts as enhancing unless the name says otherwise: the usual
threshold of functional tumour volumes (Hylton et al., Radiology 263:663, 2012)."""

LEAST_VOXELS = 20
"""A part of the outline with fewer voxels is not measured."""

_ENHANCING = re.compile(r"(non)?enhancing(\d+)?")
_HABITAT = re.compile(r"habitat([1-9])(?:of([2-9]))?((?:_[a-z0-9]+)*)")
CONTRALATERAL = "contralateral"


@dataclass(frozen=True, eq=False)
class Setting:
    """What regions follow from besides the outline.

    Attributes
    ----------
    grid : image with the geometry of the outline and of the arrays.
    images : prepared images by role, (k, j, i).
    limit : (k, j, i) bool, what rings and the contralateral region may not leave; None for no limit.
    mirror : onto the other breast, or why there is none.
    near : gives what lies within a ring's width of the outline, as :func:`.derive.near_surface` does.
    """

    grid: sitk.Image
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    limit: np.ndarray | None = None
    mirror: Mirror | str = "the case has no breast mask"
    near: Callable[[np.ndarray, float, tuple[float, float, float]], np.ndarray] = near_surface


def optional(name: str) -> bool:
    """Whether a region may be absent without the outline being unusable: parts of it, the other breast."""
    return name == CONTRALATERAL or bool(_ENHANCING.fullmatch(name) or _HABITAT.fullmatch(name))


def region_masks(
    names: Iterable[str], tumour: np.ndarray, setting: Setting
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Masks (k, j, i) of regions by name, and why optional ones are absent.

    "tumour", "largest_slice", "ring5" and "with_ring5" are those of
    :func:`virtualbiopsy.regions.derive.region_mask`, rings within the limit.

    "enhancing", "nonenhancing" : voxels of the outline with a percent enhancement (map pe) of at least, or
    less than, 70 %; "enhancing50", "nonenhancing50" for another threshold.

    "habitat1", "habitat2", … : parts of the outline that look alike in pe, ser and adc, ascending in pe, as
    many as the criterion of :func:`virtualbiopsy.regions.habitats.habitats` chooses; "habitat1of3" of three;
    "habitat1of3_ktrans_adc" made of other maps, ascending in the first.

    "contralateral" : the outline mirrored into the other breast.

    Raises
    ------
    EmptyRegionError : the outline, or a ring, holds no voxel.
    OutsideBreastError : the outline lies outside the limit altogether.
    RegionError : there is no region of that name.
    """
    found = {"tumour": np.array(tumour, dtype=bool)}
    absent: dict[str, str] = {}
    if setting.limit is not None and found["tumour"].any() and not (found["tumour"] & setting.limit).any():
        raise OutsideBreastError(
            "The outline lies outside the breast.",
            "Outline the lesion inside the breast; check that outline and images belong together.",
        )
    divided: dict[tuple, np.ndarray | str] = {}
    for name in dict.fromkeys(names):
        if name in found:
            continue
        width = ring_width(name)
        if width > 0:
            bounding_box(found["tumour"])
            near = setting.near(found["tumour"], width, spacing_kji(setting.grid))
            around = limited_ring(near, width, setting.limit)
            found[name] = around | found["tumour"] if holds_outline(name) else np.array(around)
            continue
        if not optional(name):
            image = mask_image(found["tumour"], setting.grid)
            found[name] = sitk.GetArrayFromImage(region_mask(name, image)) > 0
            continue
        try:
            mask = _optional_mask(name, found["tumour"], setting, divided)
        except (RegionError, ImageError, MissingSequenceError) as error:
            absent[name] = error.message
            continue
        voxels = int(np.count_nonzero(mask))
        if voxels < LEAST_VOXELS:
            absent[name] = f"the region {name} holds {voxels} voxels, fewer than {LEAST_VOXELS}"
        else:
            found[name] = mask
    return found, absent


def mirrored_box(
    box: tuple[slice, slice, slice], grid: sitk.Image, mirror: Mirror
) -> tuple[slice, slice, slice] | None:
    """Box (k, j, i) of a grid that holds the mirror image of another box; None where that lies outside."""
    corners = [
        tuple(float(side.stop - 1 if bit >> n & 1 else side.start) for n, side in enumerate(reversed(box)))
        for bit in range(8)
    ]
    points = [grid.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners]
    middle = tuple(float(x) for x in np.mean(points, axis=0))
    # The way there is the way back from the other side.
    there = mirror.transform("right" if mirror.side(middle) == "left" else "left")
    index = np.array([grid.TransformPhysicalPointToContinuousIndex(there.TransformPoint(p)) for p in points])
    size = np.array(grid.GetSize())
    start = np.clip(np.floor(index.min(axis=0)) - 1, 0, size).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 2, 0, size).astype(int)
    if (stop <= start).any():
        return None
    i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return k, j, i


def _optional_mask(name: str, tumour: np.ndarray, setting: Setting, divided: dict) -> np.ndarray:
    if name == CONTRALATERAL:
        if isinstance(setting.mirror, str):
            raise RegionError(setting.mirror)
        within = None if setting.limit is None else mask_image(setting.limit, setting.grid)
        mirrored = contralateral(mask_image(tumour, setting.grid), setting.mirror, within)
        return sitk.GetArrayFromImage(mirrored) > 0
    match = _ENHANCING.fullmatch(name)
    if match:
        return _enhancing(tumour, setting, float(match[2] or ENHANCING_PERCENT), not match[1])
    match = _HABITAT.fullmatch(name)
    assert match is not None
    number, count = int(match[1]), int(match[2]) if match[2] else None
    maps = tuple(match[3].split("_")[1:]) or MAPS
    if (count, maps) not in divided:
        try:
            divided[count, maps] = habitats(setting.images, tumour, maps, count).labels
        except (RegionError, ImageError, MissingSequenceError) as error:
            divided[count, maps] = error.message
    labels = divided[count, maps]
    if isinstance(labels, str):
        raise RegionError(labels)
    mask = labels == number
    if not mask.any():
        raise EmptyRegionError(f"the lesion has fewer than {number} habitats")
    return mask


def _enhancing(tumour: np.ndarray, setting: Setting, percent: float, above: bool) -> np.ndarray:
    if "pe" not in setting.images:
        raise MissingSequenceError("there is no map of percent enhancement (pe)")
    image = np.asarray(setting.images["pe"])
    if image.shape != tumour.shape:
        raise RegionTooSmallError("the map of percent enhancement is on another grid")
    bright = image >= percent
    return tumour & (bright if above else ~bright)
