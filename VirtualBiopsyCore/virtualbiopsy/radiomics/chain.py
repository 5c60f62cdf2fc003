"""The whole chain of the IBSI: convert, interpolate, round, re-segment, discretise, compute features.

Source: IBSI reference manual, section 2. Re-segmentation and discretisation are in the keys of the features,
everything before them in :class:`ChainSettings`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from ..errors import DimensionError, EmptyRegionError, FeatureError, GeometryError, NonFiniteError
from ..memory import image_bytes, require_memory
from ..prepare.geometry import empty_grid, grid_size, same_grid, settled
from ..prepare.separable import axis_matrix, interpolate
from ..progress import Progress, silent
from .extract import extract
from .keys import FeatureKey
from .vector import FeatureVector

INTERPOLATORS = ("nearest", "linear", "bspline")
MASK_INTERPOLATORS = ("nearest", "linear")

Positions = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ChainSettings:
    """What happens to images and masks before features are computed.

    Attributes
    ----------
    label : value of the mask's voxels that belong to the region.
    conversion : (sequence, factor, summand) for each sequence whose values are to be converted: value times
        factor plus summand, for example from stored values to HU.
    spacing : of the new voxels, (dk, dj, di) in mm; None along an axis keeps the image's own, so that
        (None, 2, 2) interpolates within the slices. None alone keeps the grid.
    interpolator : one of INTERPOLATORS; "bspline" is cubic.
    mask_interpolator : one of MASK_INTERPOLATORS.
    partial_volume : a voxel of an interpolated mask belongs to the region from this share of its volume on.
    rounded : sequences whose values are rounded to whole numbers after interpolation, as HU are.
    """

    label: int = 1
    conversion: tuple[tuple[str, float, float], ...] = ()
    spacing: tuple[float | None, float | None, float | None] | None = None
    interpolator: str = "linear"
    mask_interpolator: str = "linear"
    partial_volume: float = 0.5
    rounded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.interpolator not in INTERPOLATORS or self.mask_interpolator not in MASK_INTERPOLATORS:
            raise FeatureError(
                f"Unknown interpolator {self.interpolator!r} or {self.mask_interpolator!r}.",
                f"Use {', '.join(INTERPOLATORS)}; for masks {', '.join(MASK_INTERPOLATORS)}.",
            )
        steps = [step for step in self.spacing or () if step is not None]
        if (self.spacing is not None and len(self.spacing) != 3) or not all(
            math.isfinite(step) and step > 0 for step in steps
        ):
            raise GeometryError(f"The spacing {self.spacing} is not three positive numbers in mm, or None.")
        if not 0 < self.partial_volume <= 1:
            raise FeatureError("The partial volume must be above 0 and at most 1.")


@dataclass(frozen=True, eq=False)
class Chained:
    """Images and masks as features are computed from them.

    Attributes
    ----------
    images : (k, j, i) float64 by sequence. masks : (k, j, i) bool by region. spacing : (dk, dj, di) in mm.
    grid : empty image with the geometry of all of them.
    steps : what was done, in order, one sentence each.
    """

    images: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray]
    spacing: tuple[float, float, float]
    grid: sitk.Image
    steps: tuple[str, ...]


def run_chain(
    images: Mapping[str, sitk.Image],
    masks: Mapping[str, sitk.Image],
    keys: Sequence[FeatureKey | str],
    settings: ChainSettings,
    *,
    progress: Progress = silent,
) -> FeatureVector:
    """Features of images and masks as they come from a scanner and a reader.

    Parameters
    ----------
    images : by sequence, masks : by region; all on one grid, in any orientation.
    keys : which features; region and discretisation fields say how to re-segment and discretise.

    Returns
    -------
    FeatureVector, with all steps in the order of processing in its provenance.

    Raises
    ------
    As :func:`prepare_chain` and :func:`virtualbiopsy.radiomics.extract.extract`.
    """
    chained = prepare_chain(images, masks, settings, progress=progress)
    progress(0.6, "Computing features")
    vector = extract(chained.images, chained.masks, chained.spacing, keys)
    progress(1.0, "Computing features")
    return replace(vector, provenance=(*chained.steps, *vector.provenance))


def prepare_chain(
    images: Mapping[str, sitk.Image],
    masks: Mapping[str, sitk.Image],
    settings: ChainSettings,
    *,
    progress: Progress = silent,
) -> Chained:
    """Convert, interpolate and round.

    The new grid is centred on the old one (IBSI, section 2.4, "align grid centres"). Beyond the outer voxel
    centres images keep their outermost values and masks are empty.

    Raises
    ------
    DimensionError : an image or mask does not have three dimensions and one value per voxel.
    GeometryError : an image or mask lies on another grid than the first; differences below a thousandth of a
        voxel are rounding.
    EmptyRegionError : a mask holds no voxel of the label, or none on the new grid.
    NonFiniteError : NaN or infinite voxels, which a spline would carry everywhere.
    MemoryLimitError : the interpolated images do not fit into the free memory.
    Cancelled : the progress callback asked to stop.
    """
    everything = [*images.items(), *masks.items()]
    if not everything:
        raise FeatureError("There is neither an image nor a mask.")
    for name, image in everything:
        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise DimensionError(f"{name!r} is not a three-dimensional image with one value per voxel.")
    first_name, first = everything[0]
    for name, image in everything[1:]:
        if not same_grid(first, image):
            raise GeometryError(
                f"{name!r} does not lie on the grid of {first_name!r}.",
                "Resample one of them, or check that they belong together.",
            )
    source = settled(first)
    old = source.GetSpacing()[::-1]
    wanted = settings.spacing or (None, None, None)
    new = tuple(float(b) if b is not None else a for a, b in zip(old, wanted, strict=True))
    size = tuple(grid_size(source, new[::-1]))
    require_memory(image_bytes(size, 8 * len(images) + len(masks)), "Interpolating the images")
    grid = empty_grid(source, new[::-1])
    changed = not np.allclose(new, old, rtol=1e-9, atol=0)
    positions = _positions(source.GetSize()[::-1], old, size[::-1], new)

    steps = []
    arrays: dict[str, np.ndarray] = {}
    conversion = {name: (factor, summand) for name, factor, summand in settings.conversion}
    for number, (name, image) in enumerate(images.items()):
        progress(0.6 * number / len(images), f"Interpolating {name}")
        values = sitk.GetArrayFromImage(image).astype(np.float64)
        if name in conversion:
            factor, summand = conversion[name]
            values = factor * values + summand
            steps.append(f"Converted {name}: value × {factor:g} + {summand:g}.")
        if changed:
            values = _interpolated(name, values, positions, settings.interpolator)
        arrays[name] = values
    inside = {name: _inside(name, mask, settings.label) for name, mask in masks.items()}
    if changed:
        voxel, count = (" × ".join(f"{n:g}" for n in axis) for axis in (new, size[::-1]))
        steps.append(
            f"Interpolated images ({settings.interpolator}) on {voxel} mm, {count} voxels (k, j, i), "
            "the grid centred on that of the images."
        )
        rule = settings.mask_interpolator
        share = f", from {settings.partial_volume:g} of a voxel's volume on" if rule == "linear" else ""
        steps.append(f"Interpolated masks ({rule}{share}).")
        for name, mask in inside.items():
            inside[name] = _interpolated_mask(name, mask, positions, settings)
    else:
        steps.append("Images and masks keep their grid.")
    for name in settings.rounded:
        if name in arrays:
            np.rint(arrays[name], out=arrays[name])
            steps.append(f"Rounded {name} to whole numbers.")
    progress(0.6, "Interpolating")
    return Chained(arrays, inside, new, grid, tuple(steps))


def _positions(
    count: Sequence[int], old: Sequence[float], new_count: Sequence[int], new: Sequence[float]
) -> Positions:
    """Continuous indices in the old grid of the voxels of the new one, along the three axes."""
    k, j, i = (
        (np.arange(m) - (m - 1) / 2) * (t / s) + (n - 1) / 2
        for n, s, m, t in zip(count, old, new_count, new, strict=True)
    )
    return k, j, i


def _interpolated(name: str, values: np.ndarray, positions: Positions, rule: str) -> np.ndarray:
    if rule == "nearest":
        return values[np.ix_(*(_nearest(at, n) for at, n in zip(positions, values.shape, strict=True)))]
    bad = ~np.isfinite(values)
    if bad.any() and rule == "bspline":
        raise NonFiniteError(
            f"The image {name!r} holds {np.count_nonzero(bad)} NaN or infinite voxels; a spline carries them "
            "everywhere.",
            "Repair the image, or interpolate linearly.",
        )
    if not bad.any():
        return interpolate(values, positions, rule)
    result = interpolate(np.where(bad, 0.0, values), positions, rule)
    result[interpolate(bad, positions, rule) > 1e-12] = np.nan
    return result


def _nearest(at: np.ndarray, count: int) -> np.ndarray:
    return np.clip(np.floor(at + 0.5).astype(np.int64), 0, count - 1)


def _inside(name: str, mask: sitk.Image, label: int) -> np.ndarray:
    values = sitk.GetArrayViewFromImage(mask)
    inside = np.asarray(values == label)
    if not inside.any():
        found = ", ".join(f"{value:g}" for value in np.unique(values)[:8] if value != 0)
        raise EmptyRegionError(
            f"The mask {name!r} holds no voxel with the label {label}.",
            f"Its labels are {found}." if found else "It holds no voxel at all.",
        )
    return inside


def _interpolated_mask(
    name: str, inside: np.ndarray, positions: Positions, settings: ChainSettings
) -> np.ndarray:
    """Only the neighbourhood of the mask is computed."""
    result = np.zeros([len(at) for at in positions], dtype=bool)
    part, rows, windows = inside, [], []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(n for n in range(3) if n != axis)))
        low, high = int(used[0]), int(used[-1])
        near = np.flatnonzero((positions[axis] > low - 1) & (positions[axis] < high + 1))
        if not len(near):
            near = np.zeros(1, dtype=np.int64)
        rows.append(positions[axis][near] - low)
        windows.append(slice(int(near[0]), int(near[-1]) + 1))
        part = part[(slice(None),) * axis + (slice(low, high + 1),)]
    if settings.mask_interpolator == "nearest":
        padded = np.pad(part, 1)
        found = padded[np.ix_(*(_nearest(at + 1, n) for at, n in zip(rows, padded.shape, strict=True)))]
    else:
        share = np.pad(part, 1).astype(np.float64)
        for axis in range(3):
            matrix = axis_matrix(share.shape[axis], rows[axis] + 1, "linear")
            share = np.moveaxis(np.tensordot(matrix, share, (1, axis)), 0, axis)
        found = share >= settings.partial_volume - 1e-9
    result[tuple(windows)] = found
    if not result.any():
        raise EmptyRegionError(
            f"The mask {name!r} holds no voxel after interpolation.",
            "Use a finer spacing, or a mask that is not thinner than a voxel.",
        )
    return result
