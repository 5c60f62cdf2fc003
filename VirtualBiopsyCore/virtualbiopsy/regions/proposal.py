"""A lesion proposed from one click on a map of contrast enhancement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..case.arrays import bounding_box, grow_box, mask_array, mask_image, spacing_kji
from ..errors import DimensionError, GeometryError, RegionError
from ..prepare.geometry import same_grid
from ..progress import Progress, silent

REACH_MM = 60.0
"""The proposal ends so far from the click, in each direction."""

SEED_MM = 4.0
"""The enhancement of the lesion is looked for within this distance of the click."""

LOWEST_PERCENT = 30.0
"""Enhancement below this is never taken for a lesion."""

LEAST_CONTRAST = 1.5
"""The lesion must enhance so many times as much as the tissue around it."""

LEAK_SHARE = 0.15
"""A lesion's lower quartile lies at least so far above the threshold, on the way to the lesion's level."""

THIN_MM = 1.5
"""What is thinner than twice this and hangs on the lesion (vessels, skin) is cut off."""


GAP_MM = 2.0
"""A dark core is filled even if gaps in its rim are up to twice as wide."""

SMALL_HOLE_MM2 = 100.0
"""Holes of this area that a slice as acquired encloses are filled, whatever the slices beside it show."""

_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Proposal:
    """A lesion as found; to be corrected by whoever clicked.

    Attributes
    ----------
    mask : uint8, 1 inside, on the grid of the map.
    threshold : enhancement (%) from which a voxel counts. level : that of the lesion around the click.
    background : enhancement (%) of the tissue around it.
    volume_ml : of the mask. components : separate parts above the threshold within reach; one of them, the
        one that was clicked, is proposed.
    touches_limit : whether the mask ends where it may not grow further: `REACH_MM` from the click, the end of
        the image or of the breast's back.
    note : one sentence for the user.
    """

    mask: sitk.Image
    threshold: float
    level: float
    background: float
    volume_ml: float
    components: int
    touches_limit: bool
    note: str


def propose(
    pe: sitk.Image,
    point_lps: Sequence[float],
    breast: sitk.Image | None = None,
    progress: Progress = silent,
    *,
    threshold: float | None = None,
) -> Proposal:
    """Propose the lesion that enhances at a point.

    The lesion's level is the 90th percentile of the enhancement within `SEED_MM` of the click, the background
    the median of the tissue that does not enhance as much within reach. Voxels above the middle between the
    two (where the surface of a blurred uniform lesion lies) are taken, those connected with the click are
    kept, thin parts are cut off and holes (necrosis) filled. Where a quarter of what was found hardly
    enhances more than the threshold, that is enhancing tissue around the lesion, and its enhancement becomes
    the background. The map is smoothed by a median of three voxels along each axis but those with spacings
    above 1.5 times the smallest.

    Parameters
    ----------
    pe : percent enhancement of the early phase, %.
    point_lps : the click, mm.
    breast : mask that the lesion may not leave, on the grid of the map; None for no limit.
    threshold : enhancement (%) to use instead of the middle, for example 70 as in functional tumour volumes.

    Raises
    ------
    GeometryError : the point lies outside the map or the breast, or the breast is on another grid.
    RegionError : nothing enhances at the point.
    DimensionError : the map is not a 3D scalar image.
    Cancelled : by the progress callback.
    """
    progress(0.0, "Looking for the lesion")
    if pe.GetDimension() != 3 or pe.GetNumberOfComponentsPerPixel() != 1:
        raise DimensionError("The enhancement map is not a three-dimensional image with one value per voxel.")
    seed = _voxel(pe, point_lps)
    spacing = np.array(spacing_kji(pe))
    box = _box_around(seed, spacing, REACH_MM, pe.GetSize()[::-1])
    at = tuple(s - b.start for s, b in zip(seed, box, strict=True))
    values = np.nan_to_num(np.asarray(sitk.GetArrayViewFromImage(pe)[box], dtype=np.float32))
    allowed = _allowed(breast, pe, box, at)
    smooth = ndimage.median_filter(values, size=_window(spacing), mode="nearest")
    progress(0.3, "Looking for the lesion")

    distance = _distances(values.shape, at, spacing)
    near = allowed & (distance <= max(SEED_MM, 1.01 * float(spacing.max())))
    level = float(np.percentile(smooth[near], 90))
    quiet = allowed & (smooth < 0.5 * level)
    background = max(0.0, float(np.median(smooth[quiet]))) if quiet.any() else 0.0
    if level < LOWEST_PERCENT or level < LEAST_CONTRAST * background:
        raise RegionError(
            f"Nothing enhances here: {level:.0f} % within {SEED_MM:g} mm of the click, "
            f"{background:.0f} % in the tissue around.",
            "Click into the enhancing part of the lesion, or outline it by hand.",
        )
    first = np.where(near, distance, np.inf)
    if threshold is not None:
        part, parts = _grown(smooth, allowed, first, threshold)
        chosen = threshold
    else:
        for _ in range(_ROUNDS):
            chosen = max(LOWEST_PERCENT, 0.5 * (level + background))
            part, parts = _grown(smooth, allowed, first, chosen)
            weak = float(np.percentile(smooth[part], 25))
            if weak - chosen >= LEAK_SHARE * (level - chosen):
                break
            background = weak
    progress(0.6, "Cutting off vessels")
    part = _without_threads(part, first, spacing)
    part = _filled(part, spacing) & allowed
    progress(0.9, "Cutting off vessels")

    whole = np.zeros(pe.GetSize()[::-1], dtype=bool)
    whole[box] = part
    mask = mask_image(whole, pe)
    touches = _touches(part)
    volume = float(np.count_nonzero(part)) * float(np.prod(spacing)) / 1000.0
    progress(1.0, "Lesion proposed")
    return Proposal(
        mask=mask,
        threshold=float(chosen),
        level=level,
        background=background,
        volume_ml=volume,
        components=parts,
        touches_limit=touches,
        note=_sentence(chosen, level, background, volume, touches),
    )


def _grown(
    smooth: np.ndarray, allowed: np.ndarray, first: np.ndarray, threshold: float
) -> tuple[np.ndarray, int]:
    """What is above the threshold and connected with the click, and the number of separate parts.

    `first` : distance from the click where the lesion may begin, infinite elsewhere.
    """
    bright = allowed & (smooth >= threshold)
    start = np.where(bright, first, np.inf)
    at = np.unravel_index(int(np.argmin(start)), start.shape)
    if not np.isfinite(start[at]):
        raise RegionError(
            f"Nothing within {SEED_MM:g} mm of the click enhances by {threshold:.0f} % or more.",
            "Lower the threshold, or click into the enhancing part of the lesion.",
        )
    labels, count = ndimage.label(bright)
    return labels == labels[at], int(count)


def _voxel(image: sitk.Image, point: Sequence[float]) -> tuple[int, int, int]:
    """Index (k, j, i) of the voxel that holds a point."""
    index = image.TransformPhysicalPointToIndex([float(x) for x in point])
    if any(not 0 <= i < n for i, n in zip(index, image.GetSize(), strict=True)):
        raise GeometryError("The click lies outside the enhancement map.", "Click into the breast.")
    i, j, k = index
    return k, j, i


def _box_around(
    seed: tuple[int, int, int], spacing: np.ndarray, reach: float, shape: Sequence[int]
) -> tuple[slice, ...]:
    point = tuple(slice(s, s + 1) for s in seed)
    return grow_box(point, tuple(shape), tuple(int(np.ceil(reach / s)) for s in spacing))


def _window(spacing: np.ndarray) -> tuple[int, ...]:
    """Voxels of the median: none across thick slices, which would take the ends of small lesions away."""
    return tuple(3 if step <= 1.5 * spacing.min() else 1 for step in spacing)


def _allowed(
    breast: sitk.Image | None, pe: sitk.Image, box: tuple[slice, ...], at: tuple[int, ...]
) -> np.ndarray:
    if breast is None:
        return np.ones([b.stop - b.start for b in box], dtype=bool)
    if not same_grid(breast, pe):
        raise GeometryError("The breast mask is on another grid than the enhancement map.")
    allowed = np.array(mask_array(breast)[box])
    if not allowed[at]:
        raise GeometryError(
            "The click lies outside the breast.", "Click into the breast, or outline the lesion by hand."
        )
    return allowed


def _distances(shape: Sequence[int], at: tuple[int, ...], spacing: np.ndarray) -> np.ndarray:
    """Distance of each voxel from one of them, mm."""
    axes = [((np.arange(n) - a) * s) ** 2 for n, a, s in zip(shape, at, spacing, strict=True)]
    return np.sqrt(axes[0][:, None, None] + axes[1][:, None] + axes[2])


def _without_threads(part: np.ndarray, first: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The part without what an opening by a ball of `THIN_MM` removes; itself where nothing would be left."""
    box = grow_box(bounding_box(part), part.shape, (1, 1, 1))
    inside = np.pad(part[box], 1)
    depth = ndimage.distance_transform_edt(inside, sampling=spacing)
    core = depth > THIN_MM
    labels, count = ndimage.label(core, structure=np.ones((3, 3, 3)))
    if count == 0:
        return part
    seeds = np.where(labels > 0, np.pad(first[box], 1, constant_values=np.inf), np.inf)
    if np.isfinite(seeds.min()):
        chosen = labels[np.unravel_index(int(np.argmin(seeds)), seeds.shape)]
    else:
        chosen = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    grown = ndimage.distance_transform_edt(labels != chosen, sampling=spacing) <= THIN_MM + float(
        spacing.max()
    )
    result = np.zeros_like(part)
    result[box] = (grown & inside)[1:-1, 1:-1, 1:-1]
    return result


def _filled(part: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The part with its holes, also those that gaps of up to twice `GAP_MM` open to the outside.

    A hole is what is enclosed in three dimensions, in slices of two directions, or, up to `SMALL_HOLE_MM2`,
    in a slice as acquired (across the axis with the widest spacing).
    """
    reach = tuple(int(np.ceil(GAP_MM / s)) + 1 for s in spacing)
    box = grow_box(bounding_box(part), part.shape, reach)
    inside = np.ascontiguousarray(part[box])
    closed = ndimage.distance_transform_edt(~inside, sampling=spacing) <= GAP_MM
    closed = ndimage.distance_transform_edt(np.pad(closed, 1, mode="edge"), sampling=spacing) > GAP_MM
    closed = closed[1:-1, 1:-1, 1:-1] | inside
    votes = np.zeros(inside.shape, dtype=np.uint8)
    for axis in range(3):
        for n in range(inside.shape[axis]):
            at = (slice(None),) * axis + (n,)
            votes[at] += ndimage.binary_fill_holes(closed[at])
    acquired = int(np.argmax(spacing))
    least = SMALL_HOLE_MM2 / float(np.prod(np.delete(spacing, acquired)))
    for n in range(inside.shape[acquired]):
        at = (slice(None),) * acquired + (n,)
        labels, count = ndimage.label(ndimage.binary_fill_holes(closed[at]) & ~closed[at])
        if count:
            small = np.bincount(labels.ravel()) <= least
            small[0] = False
            votes[at] += 2 * small[labels].astype(np.uint8)
    holes = (ndimage.binary_fill_holes(closed) | (votes >= 2)) & ~closed
    # The rim that the closing laid around a hole belongs to it.
    near = ndimage.distance_transform_edt(~holes, sampling=spacing) <= GAP_MM if holes.any() else holes
    result = np.zeros_like(part)
    result[box] = ndimage.binary_fill_holes(inside | holes | (near & closed))
    return result


def _touches(part: np.ndarray) -> bool:
    return any(b.start == 0 or b.stop == n for b, n in zip(bounding_box(part), part.shape, strict=True))


def _sentence(threshold: float, level: float, background: float, volume: float, touches: bool) -> str:
    text = (
        f"Proposed {volume:.1f} mL that enhance by {threshold:.0f} % or more "
        f"(lesion {level:.0f} %, tissue around {background:.0f} %)."
    )
    if touches:
        text += " It ends where the search ends; check for leakage."
    return text
