"""Rigid registration of two sequences of one patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import RegistrationError
from ..progress import Progress, part, silent
from .geometry import centre
from .head import head_mask
from .run import one_thread, run

MAX_ROTATION_DEG = 45.0
MAX_TRANSLATION_MM = 80.0
MIN_OVERLAP = 0.25

_WORKING_MM = 1.5
_LEVELS_MM = ((8.0, 4.0), (4.0, 2.0), (2.5, 1.0))  # voxel edge, smoothing sigma
_MARGIN_MM = 10.0
_BINS = 32
_ITERATIONS = 150
_SAMPLES = 120_000
_SEED = 1


@dataclass(frozen=True, eq=False)
class Registration:
    """Result of a rigid registration.

    Attributes
    ----------
    transform : rigid transform from physical points of the fixed to those of the moving image (LPS mm).
    metric_before, metric_after : Mattes mutual information (nats, larger is better) at the positions stated
        in the headers and at the result.
    translation_mm : displacement of the centre of the fixed image.
    rotation_deg : angle of rotation.
    overlap : fraction of the fixed head that falls into the moving image.
    improved : whether the result is better than the positions in the headers; if not, they were kept.
    """

    transform: sitk.Transform
    metric_before: float
    metric_after: float
    translation_mm: float
    rotation_deg: float
    overlap: float
    improved: bool

    def sentence(self) -> str:
        figures = (
            f"mutual information {self.metric_before:.3f} before and {self.metric_after:.3f} after, "
            f"translation {self.translation_mm:.1f} mm, rotation {self.rotation_deg:.1f}°, "
            f"{100 * self.overlap:.0f} % of the body covered"
        )
        if self.improved:
            return f"rigid registration (Mattes mutual information): {figures}."
        return (
            f"rigid registration found nothing better than the header positions, which are kept ({figures})."
        )


def register_rigid(
    fixed: sitk.Image,
    moving: sitk.Image,
    *,
    name: str = "sequence",
    samples: int = _SAMPLES,
    progress: Progress = silent,
) -> Registration:
    """Find the rigid transform that maps points of `fixed` onto points of `moving`.

    Mattes mutual information (IEEE TMI 22:120, 2003; 32 bins) in the fixed head and 10 mm around it,
    regular-step gradient descent at 8, 4 and 2.5 mm. It starts from the positions in the headers or, where
    the images hardly overlap or it fits clearly better, with the centres of the heads aligned. One thread:
    the same images give the same numbers.

    Parameters
    ----------
    samples : voxels of a level that the metric is computed from, at most; fewer are faster, and enough where
        both images show the same thing.

    Raises
    ------
    RegistrationError : the result is implausible (rotation > 45°, translation > 80 mm beyond the start,
        less than a quarter of the body covered).
    Cancelled : the progress callback asked to stop.
    """
    with one_thread():
        return _register(fixed, moving, name, samples, progress)


def _register(
    fixed: sitk.Image, moving: sitk.Image, name: str, samples: int, progress: Progress
) -> Registration:
    message = f"Registering {name}"
    progress(0.0, message)
    fixed_small, moving_small = _working_copy(fixed), _working_copy(moving)
    head = head_mask(fixed_small)
    around = _widened(head)
    progress(0.05, message)
    pyramid = [(_coarse(fixed_small, *mm), _coarse(moving_small, *mm)) for mm in _LEVELS_MM]
    scored = pyramid[1]

    start = _shifted(fixed, np.zeros(3))
    before = _score(*scored, around, start, samples)
    header_overlap = _overlap(head, moving, start)
    aligned = _shifted(fixed, _mass_centre(head_mask(moving_small)) - _mass_centre(head))
    if header_overlap < MIN_OVERLAP or _score(*scored, around, aligned, samples) > 1.25 * before + 0.05:
        start = aligned
    progress(0.1, message)

    transform = start
    for level, (small, small_moving) in enumerate(pyramid):
        # Each level has about eight times the voxels of the one before.
        bounds = (0.1, 0.2, 0.4, 0.95)
        report = part(progress, bounds[level], bounds[level + 1])
        step = 2.0 if level == 0 else 1.0
        transform = _optimise(small, small_moving, around, transform, step, name, samples, report)

    after = _score(*scored, around, transform, samples)
    improved = after >= before or header_overlap < MIN_OVERLAP
    beyond = float(np.linalg.norm(np.subtract(transform.GetTranslation(), start.GetTranslation())))
    if not improved:
        transform, beyond = _shifted(fixed, np.zeros(3)), 0.0
    overlap = _overlap(head, moving, transform)
    rotation = _angle(transform)
    shift = float(np.linalg.norm(transform.GetTranslation()))
    if rotation > MAX_ROTATION_DEG or beyond > MAX_TRANSLATION_MM or overlap < MIN_OVERLAP:
        raise RegistrationError(
            f"The registration of {name} ended with an implausible position: rotation {rotation:.0f}°, "
            f"translation {shift:.0f} mm, {100 * overlap:.0f} % of the body covered.",
            "Check that both sequences show the same part of the body, or register them beforehand.",
        )
    progress(1.0, message)
    return Registration(transform, before, after, shift, rotation, overlap, bool(improved))


def _working_copy(image: sitk.Image) -> sitk.Image:
    """float32 copy averaged to voxels of at most 1.5 mm; bright outliers are clipped."""
    factors = [max(1, int(_WORKING_MM / s + 1e-6)) for s in image.GetSpacing()]
    small = sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), factors)
    array = sitk.GetArrayFromImage(small)
    low = float(array.min())
    content = array[array > low]
    if not content.size:
        raise RegistrationError("An image with one value everywhere cannot be registered.")
    result = sitk.GetImageFromArray(np.clip(array, low, np.percentile(content, 99.5)))
    result.CopyInformation(small)
    return result


def _widened(head: sitk.Image) -> sitk.Image:
    """The head and the air around it: the outline of the head is what fixes the position best."""
    distance = sitk.SignedMaurerDistanceMap(
        head, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    return sitk.Cast(distance <= _MARGIN_MM, sitk.sitkUInt8)


def _shifted(fixed: sitk.Image, shift: np.ndarray) -> sitk.Euler3DTransform:
    """Translation, with the centre of rotation in the middle of the fixed image."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre(fixed).tolist())
    transform.SetTranslation(np.asarray(shift, dtype=float).tolist())
    return transform


def _mass_centre(mask: sitk.Image) -> np.ndarray:
    inside = sitk.GetArrayViewFromImage(mask) != 0
    index = [
        float(np.average(np.arange(n), weights=inside.sum(axis=tuple(a for a in range(3) if a != axis))))
        for axis, n in enumerate(inside.shape)
    ]
    return np.array(mask.TransformContinuousIndexToPhysicalPoint(index[::-1]))


def _coarse(image: sitk.Image, mm: float, sigma: float) -> sitk.Image:
    """Smoothed copy with voxels of about `mm`, at least eight along each axis."""
    if min(image.GetSize()) >= 4:
        image = sitk.SmoothingRecursiveGaussian(image, [max(sigma, 0.3 * s) for s in image.GetSpacing()])
    sizes = zip(image.GetSpacing(), image.GetSize(), strict=True)
    return sitk.BinShrink(image, [max(1, min(round(mm / s), n // 8)) for s, n in sizes])


def _method(mask: sitk.Image, like: sitk.Image, samples: int) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
    method.SetMetricFixedMask(sitk.Resample(mask, like, sitk.Transform(), sitk.sitkNearestNeighbor))
    method.SetInterpolator(sitk.sitkLinear)
    if like.GetNumberOfPixels() > samples:
        # Random points converge better than a coarse regular grid, which aliases with thick slices.
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(samples / like.GetNumberOfPixels(), _SEED)
    return method


def _score(
    fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image, transform: sitk.Transform, samples: int
) -> float:
    """Mutual information at a position; 0 where the images do not overlap."""
    method = _method(mask, fixed, samples)
    method.SetInitialTransform(transform)
    try:
        return -float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return 0.0


def _optimise(fixed, moving, mask, start, step, name, samples, progress) -> sitk.Euler3DTransform:
    method = _method(mask, fixed, samples)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step,
        minStep=0.001,
        numberOfIterations=_ITERATIONS,
        relaxationFactor=0.85,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    transform = sitk.Euler3DTransform(start)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        run(
            method,
            fixed,
            moving,
            progress=progress,
            message=f"Registering {name}",
            event=sitk.sitkIterationEvent,
            fraction=lambda: method.GetOptimizerIteration() / _ITERATIONS,
        )
    except RuntimeError as error:
        raise RegistrationError(
            f"The registration of {name} failed: the images do not overlap enough.",
            "Check that both sequences show the same part of the body.",
        ) from error
    return transform


def _overlap(fixed_mask: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> float:
    """Fraction of the fixed head whose voxels fall into the moving image."""
    inside = np.argwhere(sitk.GetArrayViewFromImage(fixed_mask)[::4, ::4, ::4] != 0)[:, ::-1] * 4
    if not len(inside):
        inside = np.argwhere(sitk.GetArrayViewFromImage(fixed_mask) != 0)[:, ::-1]
    points = affine(fixed_mask, transform, moving) @ np.c_[inside, np.ones(len(inside))].T
    size = np.array(moving.GetSize())[:, None]
    return float(((points[:3] >= -0.5) & (points[:3] <= size - 0.5)).all(axis=0).mean())


def affine(source: sitk.Image, transform: sitk.Transform, target: sitk.Image) -> np.ndarray:
    """(4, 4) matrix from indices (i, j, k, 1) of `source` through a linear transform to those of `target`."""

    def image_matrix(image: sitk.Image) -> np.ndarray:
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
        matrix[:3, 3] = image.GetOrigin()
        return matrix

    moved = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    for axis in range(3):
        moved[:3, axis] = np.array(transform.TransformPoint(np.eye(3)[axis].tolist())) - origin
    moved[:3, 3] = origin
    return np.linalg.inv(image_matrix(target)) @ moved @ image_matrix(source)


def _angle(transform: sitk.Euler3DTransform) -> float:
    matrix = np.reshape(transform.GetMatrix(), (3, 3))
    return math.degrees(math.acos(float(np.clip((np.trace(matrix) - 1) / 2, -1, 1))))
