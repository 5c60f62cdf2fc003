"""Time–intensity curves of a region or of one voxel of a dynamic series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..case.arrays import bounding_box, mask_array
from ..case.dynamic import DynamicSeries
from ..case.geometry import same_grid
from ..case.phase_times import check_series, effective_times, precontrast_indices
from ..errors import GeometryError


@dataclass(frozen=True)
class Curve:
    """Signal over time; all tuples have one entry per phase, in the order of acquisition.

    Attributes
    ----------
    name : what was measured, for a legend. phases : names of the phases.
    times_s : centre of each phase, seconds after the injection.
    mean, sd : signal of the voxels, in the images' arbitrary units; sd (population) is 0 for one voxel.
    baseline : mean signal of the pre-contrast phases.
    enhancement, enhancement_sd : 100·(mean - baseline)/baseline and 100·sd/baseline, percent; None where the
        baseline is not above zero (air).
    precontrast : whether the phase counts as pre-contrast.
    voxels : how many were averaged.
    """

    name: str
    phases: tuple[str, ...]
    times_s: tuple[float, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    baseline: float
    enhancement: tuple[float, ...] | None
    enhancement_sd: tuple[float, ...] | None
    precontrast: tuple[bool, ...]
    voxels: int


def curve_of(series: DynamicSeries, mask: sitk.Image, name: str = "region") -> Curve:
    """Curve of the mean signal inside a mask.

    Parameters
    ----------
    mask : binary image in the space of the series; on another grid than the phases it is interpolated by
        nearest neighbour.

    Raises
    ------
    EmptyRegionError : the mask holds no voxel of the series.
    PhaseCountError, PhaseGeometryError, PhaseTimeError, PrecontrastError : the series cannot be used.
    """
    check_series(series)
    reference = series.phases[0].image
    if not same_grid(mask, reference):
        mask = sitk.Resample(
            mask, reference, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0.0
        )
    inside = mask_array(mask)
    box = bounding_box(inside)
    part = np.array(inside[box])
    values = np.stack(
        [
            np.asarray(sitk.GetArrayViewFromImage(phase.image)[box][part], dtype=np.float64)
            for phase in series.phases
        ]
    )
    return _curve(series, values, name)


def curve_at(series: DynamicSeries, point_lps: Sequence[float], name: str = "voxel") -> Curve:
    """Curve of the voxel that holds a point (LPS, mm).

    Raises
    ------
    GeometryError : the point lies outside the series.
    PhaseCountError, PhaseGeometryError, PhaseTimeError, PrecontrastError : the series cannot be used.
    """
    check_series(series)
    reference = series.phases[0].image
    index = reference.TransformPhysicalPointToIndex([float(x) for x in point_lps])
    if any(not 0 <= i < n for i, n in zip(index, reference.GetSize(), strict=True)):
        raise GeometryError("The point lies outside the dynamic series.", "Choose a point inside the image.")
    values = np.array([[float(phase.image.GetPixel(index))] for phase in series.phases])
    return _curve(series, values, name)


def _curve(series: DynamicSeries, values: np.ndarray, name: str) -> Curve:
    """From signals (phases, voxels)."""
    times = effective_times(series)
    mean, sd = values.mean(axis=1), values.std(axis=1)
    baseline = float(mean[list(precontrast_indices(series))].mean())
    known = baseline > 0
    return Curve(
        name=name,
        phases=tuple(phase.name for phase in series.phases),
        times_s=times,
        mean=tuple(map(float, mean)),
        sd=tuple(map(float, sd)),
        baseline=baseline,
        enhancement=tuple(map(float, 100 * (mean - baseline) / baseline)) if known else None,
        enhancement_sd=tuple(map(float, 100 * sd / baseline)) if known else None,
        precontrast=tuple(phase.precontrast for phase in series.phases),
        voxels=int(values.shape[1]),
    )
