"""What is measured on the images of a case, so that they can be compared with those a model has learnt from.

Everything is measured on a coarse copy of the prepared images (about 4 mm), in the organ of the task (the
brain, or the breasts), by figures that do not depend on scale and offset of the intensities. What does not
depend on the outline is measured once for a preparation (:class:`CaseImages`); the outline adds to it
(:func:`image_facts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..case.arrays import bounding_box, mask_array, spacing_kji
from ..case.model import DYNAMIC_MAPS, Case, Sequence
from ..case.tags import number
from ..prepare.model import PreparedCase
from ..prepare.prepare import CATEGORICAL, QUANTITATIVE
from ..prepare.register import affine
from ..tasks import organ_of
from .dynamic import phase_timing
from .mirror import mirror_similarity
from .model import ImageFacts, Reason

COARSE_MM = 4.0

SNR = "snr"
ASYMMETRY = "asymmetry"
SPREAD = "spread"
DEPTH_CORRELATION = "depth_correlation"
REFERENCE_CORRELATION = "reference_correlation"
T2_CORRELATION = "t2_correlation"
MIRROR = "mirror_similarity"
STRIPPED = "stripped"
BRAIN_MEDIAN = "brain_median"
LOW_SHARE = "low_share"
HIGH_SHARE = "high_share"
ASYMMETRY_AROUND = "asymmetry_around_outline"
OUTLINE_CONTRAST = "outline_contrast"
OUTLINE_OUTSIDE = "outline_outside_head"
OUTLINE_OUTSIDE_ORGAN = "outline_outside_organ"
OUTLINE_MEDIAN = "outline_median"
ORGAN_HIGH = "organ_95th_percentile"

FIGURES: Mapping[str, str] = MappingProxyType(
    {
        SNR: "median signal of the brain over the noise",
        ASYMMETRY: "asymmetry of the brain's intensities: positive where fluid is bright (T2, ADC), −1…1",
        SPREAD: "quartile range over the 5–95 % range of the brain's intensities",
        DEPTH_CORRELATION: "rank correlation of intensity and depth in the brain: positive where white "
        "matter is bright",
        REFERENCE_CORRELATION: "rank correlation with the reference in the brain",
        T2_CORRELATION: "rank correlation with T2 in brain tissue, fluid left out",
        MIRROR: "mutual information with the reference after exchanging left and right, over that before",
        STRIPPED: "1 if scalp and skull have been removed, else 0",
        BRAIN_MEDIAN: "median over the brain (quantitative maps)",
        LOW_SHARE: "5th percentile over the median of the brain (quantitative maps)",
        HIGH_SHARE: "95th percentile over the median of the brain (quantitative maps)",
        ASYMMETRY_AROUND: "the asymmetry without the outline: a large enhancing tumour is no bright fluid",
        OUTLINE_CONTRAST: "median inside the outline minus that of the brain, over the brain's 5–95 % range",
        OUTLINE_OUTSIDE: "share of the outline that lies in air",
        OUTLINE_OUTSIDE_ORGAN: "share of the outline that lies outside the breasts",
        OUTLINE_MEDIAN: "median inside the outline (ADC, percent enhancement)",
        ORGAN_HIGH: "95th percentile over the breasts (ADC)",
    }
)

# Numeric header values that are compared; times in ms, T, degrees, mm, s/mm².
HEADER = (
    "MagneticFieldStrength",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "SliceThickness",
    "DiffusionBValue",
    "NumberOfTemporalPositions",
)
PIXEL, SLICES, TILT = "PixelSpacing", "SpacingBetweenSlices", "SliceTilt"
"""Measured on the image: the larger pixel edge (mm), the distance of slices (mm), and the angle (degrees)
between the normal of the slices and superior–inferior, for images with clearly thicker slices only."""

STRIPPED_ML = 2100.0
"""A smaller content surrounded by one constant value is a brain without its head; whole heads, even cut at
the skull base, are larger, brains smaller than 1900 mL."""

SCALP_MM, RIND_MM, UPPER_MM, DEEP_MM = 18.0, 4.0, 105.0, 40.0
"""The brain is looked for this deep under the skin (under the border of a stripped image), and in the upper
part of the head. Depths beyond the last one count as equal."""

_FLUID = 0.7
_CROSS = ndimage.generate_binary_structure(3, 1)


@dataclass(frozen=True, eq=False)
class _Coarse:
    """The prepared images at about 4 mm.

    Attributes
    ----------
    arrays : by role, float32 (k, j, i). covered : by role, bool, where the sequence covers only a part.
    grid : image with their geometry. spacing : (dk, dj, di) mm.
    head : bool (k, j, i), the head or body.
    brain : bool (k, j, i), the organ: the brain as far as it can be told by its place alone, or the breasts.
    depth : mm under the border of the head, float32 (k, j, i).
    """

    arrays: Mapping[str, np.ndarray]
    covered: Mapping[str, np.ndarray]
    grid: sitk.Image
    spacing: tuple[float, float, float]
    head: np.ndarray
    brain: np.ndarray
    depth: np.ndarray


class CaseImages:
    """The images of a prepared case, measured once.

    Parameters
    ----------
    case : the case that was prepared; sequences with the role "other" are left out.
    prepared : its images on the common grid.

    Attributes
    ----------
    facts : what holds whatever the outline; without findings.
    organ : "brain" or "breast", by the reference of the preparation.

    In the breast only asymmetry, spread, correlation with the reference and noise are measured: the other
    figures rest on how a brain is built. Maps from the dynamic series have no figures and no protocol of
    their own; the times of the series stand in the protocol of the reference.
    """

    def __init__(self, case: Case, prepared: PreparedCase) -> None:
        self.case = case
        self.prepared = prepared
        self.reference = prepared.settings.reference
        used = {s.role: s for s in case.sequences if s.role in prepared.images}
        self._sequences = used
        self.organ = organ_of(self.reference)
        in_brain = self.organ == "brain"
        stripped = {role: in_brain and is_stripped(s.image) for role, s in used.items()}
        self.coarse = _coarse(prepared, used[self.reference].image, stripped[self.reference], self.organ)
        protocol = {role: measured_protocol(s) for role, s in used.items() if not self._is_map(role)}
        figures: dict[str, dict[str, float]] = {}
        for role, sequence in used.items():
            if self._is_map(role):
                figures[role] = {}
                continue
            figures[role] = {**self._intensities(role), SNR: self._snr(sequence)}
            if in_brain and role not in QUANTITATIVE:
                figures[role][STRIPPED] = float(stripped[role])
        if in_brain:
            for role, similarity in mirror_similarity(
                self.coarse.arrays, self.reference, self.coarse.head, self.coarse.brain
            ).items():
                figures[role][MIRROR] = similarity
        else:
            protocol[self.reference] |= phase_timing(case, prepared.settings.kinetics)
        self.facts = ImageFacts(
            protocol=protocol,
            figures={
                role: {name: value for name, value in row.items() if math.isfinite(value)}
                for role, row in figures.items()
            },
        )

    @cached_property
    def findings(self) -> tuple[Reason, ...]:
        """Faults of a breast examination that hold whatever the outline."""
        from .breast import examination_findings

        return () if self.organ == "brain" else examination_findings(self.case)

    def outline(self, mask: sitk.Image) -> dict[str, dict[str, float]]:
        """Figures of an outline (any grid in the space of the reference) by role, as in :data:`FIGURES`."""
        inside = self.inside(mask)
        found: dict[str, dict[str, float]] = {}
        if not inside.any():
            return found
        coarse = self.coarse
        rest = coarse.brain & ~ndimage.binary_dilation(inside, _CROSS, iterations=2)
        for role, array in coarse.arrays.items():
            there = coarse.covered.get(role)
            own, other = (part if there is None else part & there for part in (inside, rest))
            if self.organ != "brain" and role in ("adc", "pe") and own.any():
                found[role] = {OUTLINE_MEDIAN: float(np.nanmedian(array[own]))}
            if self._is_map(role):
                continue
            if other.sum() < 100 or not own.any():
                continue
            low, median, high = np.percentile(array[other], (5, 50, 95))
            if high > low:
                contrast = float((np.median(array[own]) - median) / (high - low))
                found.setdefault(role, {})[OUTLINE_CONTRAST] = contrast
                found[role][ASYMMETRY_AROUND] = float((high + low - 2 * median) / (high - low))
        own = found.setdefault(self.reference, {})
        own[OUTLINE_OUTSIDE] = 1.0 - float(coarse.head[inside].mean())
        if self.organ != "brain":
            near = ndimage.binary_dilation(coarse.brain, _CROSS)
            own[OUTLINE_OUTSIDE_ORGAN] = 1.0 - float(near[inside].mean())
        return found

    def inside(self, mask: sitk.Image) -> np.ndarray:
        """The coarse voxels (bool, (k, j, i)) that hold most of the mask's voxels; at least one if it lies on
        the grid at all."""
        inside = mask_array(mask)
        shape = self.coarse.head.shape
        counts = np.zeros(shape)
        if inside.any():
            box = bounding_box(inside)
            index = (np.argwhere(inside[box]) + [side.start for side in box])[:, ::-1]
            matrix = affine(mask, sitk.Transform(3, sitk.sitkIdentity), self.coarse.grid)
            at = np.rint(index @ matrix[:3, :3].T + matrix[:3, 3]).astype(int)[:, ::-1]
            at = at[((at >= 0) & (at < shape)).all(axis=1)]
            flat = np.ravel_multi_index(tuple(at.T), shape)
            counts = np.bincount(flat, minlength=counts.size).reshape(shape)
        if not counts.any():
            return counts > 0
        full = math.prod(self.coarse.spacing) / math.prod(mask.GetSpacing())
        return counts >= min(0.5 * full, counts.max())

    def _intensities(self, role: str) -> dict[str, float]:
        coarse = self.coarse
        array, brain = coarse.arrays[role], self._brain(role)
        values = array[brain]
        if values.size < 200:
            return {}
        low, first, median, third, high = np.percentile(values, (5, 25, 50, 75, 95))
        if not high > low:
            return {}
        found = {
            ASYMMETRY: float((high + low - 2 * median) / (high - low)),
            SPREAD: float((third - first) / (high - low)),
        }
        ranks = _ranks(values)
        if self.organ == "brain":
            found[DEPTH_CORRELATION] = _correlation(ranks, coarse.depth[brain].astype(np.float64))
        if role != self.reference:
            found[REFERENCE_CORRELATION] = _correlation(ranks, _ranks(coarse.arrays[self.reference][brain]))
        if self.organ != "brain":
            return found | ({ORGAN_HIGH: float(high)} if role == "adc" else {})
        if role != "t2" and "t2" in coarse.arrays:
            t2 = coarse.arrays["t2"][brain]
            tissue = t2 < np.quantile(t2, _FLUID)
            if role in coarse.covered or "t2" in coarse.covered:
                tissue &= self._brain("t2")[brain]
            if tissue.sum() > 200:
                found[T2_CORRELATION] = _correlation(ranks[tissue], _ranks(t2[tissue]))
        if role in QUANTITATIVE and median > 0:
            found |= {
                BRAIN_MEDIAN: float(median),
                LOW_SHARE: float(low / median),
                HIGH_SHARE: float(high / median),
            }
        return found

    def _is_map(self, role: str) -> bool:
        """Whether a role is a map computed from the dynamic series (of a task with such a series)."""
        return self.organ != "brain" and role in (*DYNAMIC_MAPS, *CATEGORICAL)

    def _brain(self, role: str) -> np.ndarray:
        there = self.coarse.covered.get(role)
        return self.coarse.brain if there is None else self.coarse.brain & there

    def _snr(self, sequence: Sequence) -> float:
        """Signal over noise on the sequence's own grid, in a few of its slices."""
        values = sitk.GetArrayViewFromImage(sequence.image)
        axis = int(np.argmax(spacing_kji(sequence.image)))
        n = values.shape[axis]
        at = np.unique(np.linspace(0.35 * n, 0.65 * n, min(6, n)).astype(int))
        slices = np.moveaxis(values, axis, 0)[at].astype(np.float32)
        return signal_to_noise(slices)


def image_facts(
    case: Case, prepared: PreparedCase, measured: object, mask: sitk.Image, known: CaseImages | None = None
) -> ImageFacts:
    """What is known about the images of a case and the outline drawn on them, with the faults found.

    Parameters
    ----------
    measured : what the outline was measured on; may be None, nothing of it is needed.
    mask : the outline as it was given, any grid in the space of the reference.
    known : what was measured already for this preparation; measured here if None.
    """
    from .identity import findings

    images = CaseImages(case, prepared) if known is None else known
    own = images.outline(mask)
    figures = {role: {**row, **own.get(role, {})} for role, row in images.facts.figures.items()}
    facts = ImageFacts(images.facts.protocol, figures, images.findings)
    return ImageFacts(facts.protocol, figures, findings(case, prepared, facts, mask))


def measured_protocol(sequence: Sequence) -> dict[str, float]:
    """Acquisition parameters of a sequence as numbers: those of its header, and the spacing of its voxels.

    Of several b values the largest counts.
    """
    found = {}
    for keyword in HEADER:
        text = sequence.protocol.get(keyword)
        if keyword == "DiffusionBValue" and text:
            values = [v for v in (number(part) for part in str(text).split("\\")) if v is not None]
            value = max(values, default=None)
        else:
            value = number(text)
        if value is not None:
            found[keyword] = value
    spacing = np.array(sequence.image.GetSpacing())
    direction = np.reshape(sequence.image.GetDirection(), (3, 3))
    slow = int(np.argmax(spacing))
    if spacing[slow] < 1.05 * spacing.min():
        slow = int(np.argmax(np.abs(direction[2])))
    found[PIXEL] = float(np.delete(spacing, slow).max())
    found[SLICES] = float(spacing[slow])
    if spacing[slow] > 1.5 * np.delete(spacing, slow).max():
        found[TILT] = float(np.degrees(np.arccos(min(abs(direction[2, slow]), 1.0))))
    return found


def is_stripped(image: sitk.Image) -> bool:
    """Whether scalp and skull have been removed: a content of a brain's size in a constant surround."""
    values = sitk.GetArrayViewFromImage(image)
    spacing = spacing_kji(image)
    step = tuple(max(1, round(COARSE_MM / s)) for s in spacing)
    points = np.asarray(values[tuple(slice(s // 2, None, s) for s in step)])
    border = np.concatenate([points[:, 0].ravel(), points[:, -1].ravel(), points[:, :, 0].ravel()])
    found, count = np.unique(border, return_counts=True)
    surround = points == found[int(np.argmax(count))]
    if count.max() < 0.9 * border.size or surround.mean() < 0.15:
        return False
    volume = float((~surround).sum()) * math.prod(s * n for s, n in zip(spacing, step, strict=True)) / 1000.0
    return volume < STRIPPED_ML


def signal_to_noise(slices: np.ndarray) -> float:
    """Median signal over the standard deviation of the noise in slices (n, j, i).

    The noise is taken from the Laplacian difference of Immerkær (Comput Vis Image Underst 1996;64:300) in
    blocks of 8 × 8 pixels, of which the quiet tenth counts, inside the brighter part of the slices: it needs
    no air around the head. Noise of smoothed or interpolated images is underestimated; such images stand out
    by that. The ratio is a quarter too high for white noise, in every image alike. NaN if nothing can be
    measured.
    """
    n, rows, columns = slices.shape
    if rows < 18 or columns < 18:
        return math.nan
    along = slices[:, :-2] - 2 * slices[:, 1:-1] + slices[:, 2:]
    both = along[:, :, :-2] - 2 * along[:, :, 1:-1] + along[:, :, 2:]
    j, i = (rows - 2) // 8, (columns - 2) // 8
    shape = (n, j, 8, i, 8)
    blocks = np.abs(both[:, : 8 * j, : 8 * i]).reshape(shape).mean(axis=(2, 4))
    centre = slices[:, 1 : 1 + 8 * j, 1 : 1 + 8 * i].reshape(shape)
    level, lowest = centre.mean(axis=(2, 4)), centre.min(axis=(2, 4))
    bright = np.percentile(level, 99)
    inside = (level > 0.25 * bright) & (lowest > 0.05 * bright)
    if inside.sum() < 20:
        return math.nan
    # E|d| of the difference is 6 sqrt(2/pi) times the noise.
    noise = float(np.percentile(blocks[inside], 10)) * math.sqrt(math.pi / 2) / 6.0
    return float(np.median(level[inside])) / noise if noise > 0 else math.nan


def _coarse(prepared: PreparedCase, native: sitk.Image, stripped: bool, organ: str) -> _Coarse:
    spacing = spacing_kji(prepared.grid)
    step = tuple(max(1, round(COARSE_MM / s)) for s in spacing)
    first = tuple((s - 1) // 2 for s in step)
    where = _places(tuple(prepared.grid.GetSize()[::-1]), first, step, (0, 0, 0))
    reference = prepared.settings.reference
    arrays = {
        role: _sampled(sitk.GetArrayViewFromImage(i), first, step) for role, i in prepared.images.items()
    }
    covered = {
        role: sitk.GetArrayViewFromImage(cover)[where] != 0 for role, cover in prepared.covered.items()
    }
    grid = sitk.GetImageFromArray(arrays[reference])
    grid.SetSpacing([s * n for s, n in zip(spacing[::-1], step[::-1], strict=True)])
    grid.SetDirection(prepared.grid.GetDirection())
    # Between the two samples of each axis.
    half = [a + (0.5 if s > 1 else 0.0) for a, s in zip(first, step, strict=True)]
    grid.SetOrigin(prepared.grid.TransformContinuousIndexToPhysicalPoint([float(a) for a in half[::-1]]))
    wide = spacing_kji(grid)
    if stripped:
        background = sitk.GetArrayViewFromImage(native)[0, 0, 0]
        content = sitk.Cast(sitk.NotEqual(native, float(background)), sitk.sitkUInt8)
        content = sitk.Resample(content, grid, sitk.Transform(), sitk.sitkNearestNeighbor)
        head = spanned(sitk.GetArrayFromImage(content) != 0)
    else:
        head = _head(arrays[reference])
    depth = ndimage.distance_transform_edt(np.pad(head, 1), sampling=wide)[1:-1, 1:-1, 1:-1]
    if organ != "brain":
        limit = prepared.limits.get(organ)
        brain = head if limit is None else sitk.GetArrayViewFromImage(limit)[where] != 0
        # Suppressed fat is as dark as air.
        head = head | brain
    elif stripped:
        brain = depth > RIND_MM
    else:
        brain = (depth > SCALP_MM) & _upper(head, grid)
    return _Coarse(arrays, covered, grid, wide, head, brain, np.minimum(depth, DEEP_MM).astype(np.float32))


def _head(array: np.ndarray) -> np.ndarray:
    """What lies above the lower of two Otsu thresholds, its largest part, filled (:func:`spanned`)."""
    bright = np.minimum(array, np.percentile(array, 99))
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.SetNumberOfHistogramBins(128)
    otsu.Execute(sitk.GetImageFromArray(bright))
    labels, count = ndimage.label(ndimage.binary_opening(bright > otsu.GetThresholds()[0], _CROSS))
    if count == 0:
        return array > np.median(array)
    return spanned(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))


def spanned(inside: np.ndarray) -> np.ndarray:
    """The voxels that have some of a mask on both sides along every axis: dark hollows belong to the head."""
    found = np.ones(inside.shape, dtype=bool)
    for axis in range(inside.ndim):
        forward = np.logical_or.accumulate(inside, axis=axis)
        back = np.flip(np.logical_or.accumulate(np.flip(inside, axis), axis=axis), axis)
        found &= forward & back
    return found


def _upper(head: np.ndarray, grid: sitk.Image) -> np.ndarray:
    """The part of the grid that lies less than :data:`UPPER_MM` below the top of the head, bool (k, j, i)."""
    direction = np.reshape(grid.GetDirection(), (3, 3))
    spacing = grid.GetSpacing()
    height = np.zeros(head.shape)
    for axis in range(3):
        shape = [1, 1, 1]
        shape[2 - axis] = head.shape[2 - axis]
        height = height + direction[2, axis] * spacing[axis] * np.arange(shape[2 - axis]).reshape(shape)
    return height > height[head].max() - UPPER_MM if head.any() else head


def _sampled(array: np.ndarray, first: tuple[int, ...], step: tuple[int, ...]) -> np.ndarray:
    """Mean of two neighbouring samples along each axis, float32: less noise for little reading."""
    total = np.float32(0)
    pairs = [(0, 1) if s > 1 else (0,) for s in step]
    for offset in product(*pairs):
        at = _places(array.shape, first, step, offset)
        total = total + array[at].astype(np.float32)
    return total / np.float32(math.prod(len(p) for p in pairs))


def _places(
    shape: tuple[int, ...], first: tuple[int, ...], step: tuple[int, ...], offset: tuple[int, ...]
) -> tuple[slice, ...]:
    """Every step-th voxel from first + offset, as many as there are with offset 1."""
    found = []
    for n, a, s, d in zip(shape, first, step, offset, strict=True):
        count = (n - a - 1 - (s > 1)) // s + 1
        found.append(slice(a + d, a + d + (count - 1) * s + 1, s))
    return tuple(found)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks 0…n − 1; ties are broken by position, which does not matter for measured values."""
    ranks = np.empty(values.size, dtype=np.float64)
    ranks[np.argsort(values)] = np.arange(values.size)
    return ranks


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    # Not by the matrix product, which wakes threads that take longer than the sum.
    scale = math.sqrt(float((x * x).sum()) * float((y * y).sum())) if x.size > 1 else 0.0
    return float((x * y).sum()) / scale if scale > 0 else math.nan
