"""Motion between the phases of a dynamic series: measured, and corrected on request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from ...case.arrays import mask_array
from ...case.dynamic import DynamicSeries, PhaseMotion
from ...case.dynamic_series import EARLY_S
from ...case.phase_times import check_series, early_phase, postcontrast_indices
from ...errors import ConstantImageError, PhaseTimeError, RegistrationError
from ...progress import Progress, part, silent
from ..head import head_mask
from ..register import affine, register_rigid
from ..run import run

LEAST_VOXELS = 0.1
"""Phases that are displaced by less than this share of the smallest voxel edge are not resampled."""
SAMPLES = 40_000
"""Voxels that the registration of a phase uses."""


def measure_motion(
    series: DynamicSeries, progress: Progress = silent, *, early_s: float = EARLY_S
) -> DynamicSeries:
    """Return the series with its motion measured, the images unchanged.

    Every phase is registered rigidly to the early phase, on which outlines are drawn, by Mattes mutual
    information (see :func:`virtualbiopsy.prepare.register.register_rigid`), which does not mind that tissue
    brightens. The displacement is the mean over the body in the early phase.

    Parameters
    ----------
    early_s : the early phase is that nearest to so many seconds after the injection; without times the first
        post-contrast phase.

    Raises
    ------
    PhaseCountError, PhaseGeometryError, PrecontrastError : the series cannot be used.
    RegistrationError : a registration failed or is implausible. Cancelled.
    """
    motion, _ = _register(series, early_s, progress)
    return replace(series, motion=motion)


def correct_motion(
    series: DynamicSeries, progress: Progress = silent, *, early_s: float = EARLY_S
) -> DynamicSeries:
    """Return the series with its phases aligned to the early phase, and what was done.

    Outlines that were drawn on the early phase stay where they are.

    Images are interpolated with cubic splines as float32; what lay outside an image repeats its border.
    Phases displaced by less than a tenth of a voxel keep their images. Other flip angles are left
    alone.

    Raises
    ------
    As :func:`measure_motion`.
    """
    motion, transforms = _register(series, early_s, part(progress, 0.0, 0.8))
    phases, told = [], []
    for number, (phase, moved, transform) in enumerate(zip(series.phases, motion, transforms, strict=True)):
        report = part(progress, 0.8 + 0.2 * number / len(motion), 0.8 + 0.2 * (number + 1) / len(motion))
        least = LEAST_VOXELS * min(phase.image.GetSpacing())
        if transform is None or moved.shift_mm < least:
            phases.append(phase)
            told.append(moved)
            continue
        phases.append(replace(phase, image=_moved(phase.image, transform, report)))
        told.append(replace(moved, corrected=True))
    progress(1.0, "Phases aligned")
    return replace(series, phases=tuple(phases), motion=tuple(told))


def is_aligned(series: DynamicSeries) -> bool:
    """Whether motion was measured, and no phase is displaced by more than what is left alone."""
    least = LEAST_VOXELS * min(series.phases[0].image.GetSpacing())
    return bool(series.motion) and all(one.corrected or one.shift_mm < least for one in series.motion)


def motion_sentence(motion: tuple[PhaseMotion, ...]) -> str:
    """What was measured between the phases, one sentence for the provenance; "" if nothing was."""
    if not motion:
        return ""
    worst = max(motion, key=lambda one: one.shift_mm)
    count = sum(one.corrected for one in motion)
    done = f"{count} of {len(motion)} phases were aligned" if count else "no phase was moved"
    return (
        f"Motion between phases: largest in {worst.name}, {worst.shift_mm:.2f} mm and "
        f"{worst.rotation_degrees:.2f}° (mutual information {worst.similarity_before:.3f} before, "
        f"{worst.similarity_after:.3f} after rigid registration); {done}."
    )


def _register(
    series: DynamicSeries, early_s: float, progress: Progress
) -> tuple[tuple[PhaseMotion, ...], tuple[sitk.Transform | None, ...]]:
    """Motion of every phase, and the transforms from the reference phase; None for that phase itself."""
    check_series(series)
    try:
        fixed_index = early_phase(series, early_s)
    except PhaseTimeError:
        fixed_index = postcontrast_indices(series)[0]
    fixed = series.phases[fixed_index].image
    points = _body_points(fixed, series)
    motion: list[PhaseMotion] = []
    transforms: list[sitk.Transform | None] = []
    for number, phase in enumerate(series.phases):
        if number == fixed_index:
            motion.append(PhaseMotion(phase.name, 0.0, 0.0, 0.0, 0.0))
            transforms.append(None)
            continue
        report = part(progress, number / len(series.phases), (number + 1) / len(series.phases))
        found = register_rigid(fixed, phase.image, name=phase.name, samples=SAMPLES, progress=report)
        shift, angle = 0.0, 0.0
        if found.improved:
            shift, angle = _displacement(points, found.transform), found.rotation_deg
        before = found.metric_before
        after = found.metric_after if found.improved else before
        motion.append(PhaseMotion(phase.name, shift, angle, before, after))
        transforms.append(found.transform if found.improved else None)
    return tuple(motion), tuple(transforms)


def _body_points(fixed: sitk.Image, series: DynamicSeries) -> np.ndarray:
    """(n, 3) physical positions of some thousand voxels of the body."""
    try:
        body = mask_array(head_mask(fixed))
    except ConstantImageError:
        raise RegistrationError(
            f"{series.name}: the early phase has the same value everywhere.",
            "Check that the right series was loaded.",
        ) from None
    index = np.argwhere(body)
    index = index[:: max(1, len(index) // 4096)]
    identity = sitk.Transform(3, sitk.sitkIdentity)
    unit = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    homogeneous = np.c_[index[:, ::-1], np.ones(len(index))].T
    return (affine(fixed, identity, unit) @ homogeneous)[:3].T


def _displacement(points: np.ndarray, transform: sitk.Transform) -> float:
    """Mean distance in mm that a linear transform moves these points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.stack([np.array(transform.TransformPoint(axis)) - origin for axis in np.eye(3).tolist()], 1)
    return float(np.linalg.norm(points @ matrix.T + origin - points, axis=1).mean())


def _moved(image: sitk.Image, transform: sitk.Transform, progress: Progress) -> sitk.Image:
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(image)
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkBSpline)
    resampler.SetUseNearestNeighborExtrapolator(True)
    result = run(
        resampler, sitk.Cast(image, sitk.sitkFloat32), progress=progress, message="Aligning the phases"
    )
    # A spline overshoots beside edges; a signal does not become smaller than the smallest of its phase.
    return sitk.Maximum(result, float(sitk.GetArrayViewFromImage(image).min()))
