"""From a case to images on one grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import SimpleITK as sitk

from ..case.arrays import mask_array
from ..case.model import DYNAMIC_MAPS, Case, Sequence
from ..errors import ConstantImageError, DimensionError, EmptyRegionError, GeometryError
from ..memory import image_bytes, require_memory
from ..progress import Progress, part, silent
from .bias import correct_bias
from .finite import clean_background
from .geometry import empty_grid, grid_size, same_grid, settled
from .head import brain_mask, head_mask
from .limits import BREAST, breast_limit
from .model import Preparation, PreparedCase
from .normalise import zscore
from .register import affine, register_rigid
from .resample import INTERPOLATORS, resample_image, resample_mask
from .units import RATES, convert_adc, convert_rate

CATEGORICAL = frozenset({"curvetype"})
"""Roles whose values are names of classes; they are never interpolated."""
QUANTITATIVE = frozenset({"adc", "t1map", "aptw", "perfusion", *DYNAMIC_MAPS}) | CATEGORICAL
"""Roles whose values mean something by themselves; they are never normalised."""
MISPLACED_ALLOWED = 0.01
"""An outline of which a larger share lies outside the common grid is refused."""
ENOUGH_TISSUE = 1000
"""Voxels of a mask from which the mean and the standard deviation of an image are taken."""
UNCOVERED_ALLOWED = 0.01
"""A sequence that misses a larger share of the outline than this is left out; see :func:`uncovered`."""


def prepare_case(
    case: Case, settings: Preparation, *, progress: Progress = silent, register_same_frame: bool = False
) -> PreparedCase:
    """Bring all sequences that have a role into the space of the reference, with comparable intensities.

    Order: units, bias field, normalisation, registration, interpolation. Sequences with the role "other"
    are left out. A sequence is registered if its frame of reference differs from the reference's or, where
    one of them is unknown, if the grids differ; in the same frame of reference positions are trusted unless
    `register_same_frame` is set.

    Raises
    ------
    MissingSequenceError : the case lacks the reference.
    NonFiniteError, ConstantImageError, UnitError, DimensionError : a sequence cannot be used.
    RegistrationError : a registration failed or is implausible.
    MemoryLimitError : the common grid does not fit into the free memory; nothing was allocated.
    Cancelled : the progress callback asked to stop.
    """
    _check_settings(settings)
    used = [s for s in case.sequences if s.role not in ("other", settings.reference)]
    chosen = [replace(s, image=settled(s.image)) for s in (case.sequence(settings.reference), *used)]
    reference = chosen[0]
    progress(0.0, "Preparing the images")
    steps: list[str] = []
    images: dict[str, sitk.Image] = {}
    transforms: dict[str, sitk.Transform] = {}
    covered: dict[str, sitk.Image] = {}

    size = grid_size(reference.image, settings.spacing)
    # The finished images and two at work.
    require_memory((len(chosen) + 2) * image_bytes(tuple(size)), f"A common grid of {_times(size)} voxels")
    grid = empty_grid(reference.image, settings.spacing)
    steps.append(_grid_sentence(reference, grid, settings))
    fixed: sitk.Image | None = None
    breast: sitk.Image | None = None
    limits: dict[str, sitk.Image] = {}
    if settings.reference == "dce" or settings.normalise == "zscore_breast":
        progress(0.0, "Finding the breast")
        breast, note = breast_limit(case, reference.image)
        steps.append(note)
        if breast is not None:
            limits[BREAST] = resample_mask(breast, grid, settings.mask_interpolator)
    for number, sequence in enumerate(chosen):
        report = part(progress, number / len(chosen), (number + 1) / len(chosen))
        role = sequence.role
        native, notes = _comparable(sequence, settings, breast, part(report, 0.0, 0.4))
        steps.extend(notes)
        if fixed is None:
            fixed = native
        transform, note = _position(
            sequence, native, reference, fixed, settings, register_same_frame, part(report, 0.4, 0.7)
        )
        if note:
            steps.append(note)
        how = "nearest" if role in CATEGORICAL else settings.interpolator
        images[role] = resample_image(
            native,
            grid,
            transform,
            how,
            fill=_background(native),
            progress=part(report, 0.7, 1.0),
            message=f"Resampling {role}",
        )
        if not same_grid(native, grid):
            steps.append(f"{role}: interpolated on the common grid ({how}).")
        transforms[role] = transform
        cover = _coverage(grid, transform, native)
        if cover is not None:
            covered[role] = cover
            share = float(sitk.GetArrayViewFromImage(cover).mean())
            steps.append(f"{role}: covers {100 * share:.0f} % of the common grid; background elsewhere.")
    progress(1.0, "Images prepared")
    return PreparedCase(images, grid, transforms, tuple(steps), settings, covered, limits)


def prepare_mask(mask: sitk.Image, prepared: PreparedCase) -> sitk.Image:
    """Return the mask as uint8 on the prepared grid.

    The mask may lie on any grid in the space of the reference; it is interpolated by the rule of the
    settings ("linear": partial volume at least 0.5, "nearest").

    Raises
    ------
    DimensionError : the mask is not 3D.
    EmptyRegionError : it holds no voxel, or none is left on the prepared grid.
    GeometryError : more than 1 % of it lies outside the prepared grid.
    """
    inside = mask_array(mask)
    if not inside.any():
        raise EmptyRegionError("The region holds no voxel.", "Outline the tumour first.")
    if not same_grid(mask, prepared.grid):
        check_inside(share_outside(mask, inside, prepared.grid), prepared.settings.reference)
    result = resample_mask(mask, prepared.grid, prepared.settings.mask_interpolator)
    if not sitk.GetArrayViewFromImage(result).any():
        raise EmptyRegionError(
            "The region is thinner than the voxels of the common grid; no voxel is left of it.",
            "Outline a larger region or use a finer spacing.",
        )
    return result


def check_inside(outside: float, reference: str) -> None:
    """Refuse a region of which too large a share (0…1) lies outside the prepared grid.

    Raises
    ------
    GeometryError : more than 1 %.
    """
    if outside > MISPLACED_ALLOWED:
        raise GeometryError(
            f"{100 * outside:.0f} % of the region lies outside the reference image ({reference}).",
            "The region was probably drawn on another examination or in another frame of reference.",
        )


def uncovered(mask: sitk.Image, prepared: PreparedCase) -> Mapping[str, float]:
    """Share (0…1) of a region that lies outside the field of view of a sequence, for each role with any.

    Parameters
    ----------
    mask : region on the prepared grid, as :func:`prepare_mask` returns it.
    """
    return uncovered_shares(mask_array(mask), prepared)


def uncovered_shares(inside: np.ndarray, prepared: PreparedCase) -> Mapping[str, float]:
    """The same for a region given as a bool array (k, j, i) of the prepared grid."""
    shares = {
        role: 1.0 - float((sitk.GetArrayViewFromImage(cover)[inside] != 0).mean())
        for role, cover in prepared.covered.items()
    }
    return {role: share for role, share in shares.items() if share > 0}


def _check_settings(settings: Preparation) -> None:
    if settings.interpolator not in INTERPOLATORS:
        raise ValueError(f"unknown interpolator {settings.interpolator!r}")
    if settings.mask_interpolator not in ("nearest", "linear"):
        raise ValueError(f"unknown mask interpolator {settings.mask_interpolator!r}")
    if settings.normalise not in ("none", "zscore_head", "zscore_brain", "zscore_breast"):
        raise ValueError(f"unknown normalisation {settings.normalise!r}")
    if settings.spacing is not None and not all(s > 0 for s in settings.spacing):
        raise ValueError(f"spacing must be positive, not {settings.spacing}")


def _grid_sentence(reference: Sequence, grid: sitk.Image, settings: Preparation) -> str:
    spacing = "×".join(f"{s:g}" for s in grid.GetSpacing())
    whose = "own grid" if settings.spacing is None else "common grid"
    return f"{reference.role}: reference; {whose} of {_times(grid.GetSize())} voxels of {spacing} mm."


def _times(size: Iterable[int]) -> str:
    return "×".join(str(n) for n in size)


def _comparable(
    sequence: Sequence, settings: Preparation, breast: sitk.Image | None, progress: Progress
) -> tuple[sitk.Image, list[str]]:
    """Finite values in canonical units, corrected and normalised, on the sequence's own grid."""
    role, image, steps = sequence.role, sequence.image, []
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise DimensionError(
            f"The {role} sequence is not a three-dimensional image with one value per voxel."
        )
    progress(0.0, f"Checking {role}")
    image, note = clean_background(image, role)
    if note:
        steps.append(note)
    values = sitk.GetArrayViewFromImage(image)
    if values.min() == values.max():
        raise ConstantImageError(
            f"The {role} sequence has the same value everywhere.",
            "Check that the right series was loaded, or give it the role other.",
        )
    if role == "adc":
        image, note = convert_adc(image, sequence.unit)
        steps.append(note)
    if role in RATES:
        image, note = convert_rate(image, role, sequence.unit)
        steps.extend([note] if note else [])
    if role in QUANTITATIVE:
        progress(1.0, f"Checked {role}")
        return image, steps
    if settings.bias_correction:
        image, note = correct_bias(image, head_mask(image), progress=part(progress, 0.1, 0.8))
        steps.append(f"{role}: {note}")
    if settings.normalise != "none":
        progress(0.8, f"Normalising {role}")
        where, mask = _normalising_mask(image, settings.normalise.removeprefix("zscore_"), breast)
        image, mean, sd = zscore(image, mask, role)
        steps.append(f"{role}: z-score inside the {where}, mean {mean:.6g}, standard deviation {sd:.6g}.")
    progress(1.0, f"Checked {role}")
    return image, steps


def _normalising_mask(image: sitk.Image, where: str, breast: sitk.Image | None) -> tuple[str, sitk.Image]:
    """Where the z-score is taken, as a word and as a mask of the image.

    The breast is that of the reference, at the positions in the headers; the body if the sequence does not
    show it.
    """
    if where == "brain":
        return where, brain_mask(image)
    if where == "breast":
        mask = None if breast is None else resample_mask(breast, image, "nearest")
        if mask is not None and np.count_nonzero(sitk.GetArrayViewFromImage(mask)) >= ENOUGH_TISSUE:
            return where, mask
        return "body, for want of the breast", head_mask(image)
    return where, head_mask(image)


def _position(
    sequence: Sequence,
    native: sitk.Image,
    reference: Sequence,
    fixed: sitk.Image,
    settings: Preparation,
    register_same_frame: bool,
    progress: Progress,
) -> tuple[sitk.Transform, str]:
    """Transform from the common space to the sequence, and what was done about it ("" for nothing)."""
    identity = sitk.Transform(3, sitk.sitkIdentity)
    if sequence is reference:
        return identity, ""
    frames = (reference.frame_of_reference, sequence.frame_of_reference)
    known = all(frames)
    apart = frames[0] != frames[1] if known else not same_grid(reference.image, sequence.image)
    role = sequence.role
    if not apart and not (known and register_same_frame):
        return identity, f"{role}: same frame of reference, not registered." if known else ""
    if not settings.register:
        why = "another frame of reference" if known else "another grid"
        return identity, f"{role}: warning: {why}, but registration is switched off; header positions used."
    result = register_rigid(fixed, native, name=role, progress=progress)
    return result.transform, f"{role}: {result.sentence()}"


def _background(image: sitk.Image) -> float:
    """Value for points outside the field of view: the smallest of the image."""
    return float(sitk.GetArrayViewFromImage(image).min())


def _coverage(grid: sitk.Image, transform: sitk.Transform, image: sitk.Image) -> sitk.Image | None:
    """uint8 mask of the grid points that fall into the image; None if all do."""
    matrix = affine(grid, transform, image)
    size = np.array(image.GetSize())[:, None]
    corners = np.array(list(product(*((0, n - 1) for n in grid.GetSize())))).T
    mapped = matrix[:3, :3] @ corners + matrix[:3, 3:]
    if ((mapped >= -0.5 - 1e-6) & (mapped <= size - 0.5 + 1e-6)).all():
        return None
    ones = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    ones.CopyInformation(image)
    return sitk.Resample(ones, grid, transform, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)


def share_outside(mask: sitk.Image, inside: np.ndarray, grid: sitk.Image) -> float:
    """Share of the mask's voxel centres that lie outside the grid's voxels."""
    index = np.argwhere(inside)[:, ::-1]
    mapped = affine(mask, sitk.Transform(3, sitk.sitkIdentity), grid) @ np.c_[index, np.ones(len(index))].T
    size = np.array(grid.GetSize())[:, None]
    return float(1.0 - ((mapped[:3] >= -0.5 - 1e-6) & (mapped[:3] <= size - 0.5 + 1e-6)).all(axis=0).mean())
