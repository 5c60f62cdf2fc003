"""What every model of a diffusion series needs: its images as curves over b, without noise."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import SimpleITK as sitk

from ...case.diffusion import DiffusionSeries
from ...errors import DiffusionSeriesError, DimensionError, GeometryError
from ..geometry import same_grid
from ..kinetics.noise import noise_of

FLOOR_SDS = 3.0
"""Signals below so many standard deviations of the noise are not used: Rician bias (Gudbjartsson 1995)."""
TISSUE_SHARE = 0.05
"""Voxels whose signal at the lowest b lies below this share of the 99th percentile are background."""
RISING_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class DiffusionSignals:
    """Signals of a diffusion series in tissue.

    Attributes
    ----------
    b_values : (n,) s/mm², ascending. signals : (n, voxels) float64.
    usable : (n, voxels) bool, above the floor at this and all lower b-values.
    tissue : bool (k, j, i), which voxels these are. floors : (n,) signals. source : provenance, one sentence.
    """

    b_values: np.ndarray
    signals: np.ndarray
    usable: np.ndarray
    tissue: np.ndarray
    floors: np.ndarray
    source: str


def check_diffusion(series: DiffusionSeries) -> None:
    """Check b-values and geometry.

    Raises
    ------
    DiffusionSeriesError : b-values are missing, not finite, negative, equal, or fewer than two; or
        their number is not that of the images.
    DimensionError : an image is not 3D with one value per voxel. GeometryError : images lie on other grids.
    """
    hint = "Load images with at least two different b-values, or the ADC map of the scanner."
    if len(series.b_values) != len(series.images):
        raise DiffusionSeriesError(
            f"{series.name} has {len(series.images)} images but {len(series.b_values)} b-values.", hint
        )
    missing = [n + 1 for n, b in enumerate(series.b_values) if b is None or not isfinite(b)]
    if missing:
        raise DiffusionSeriesError(
            f"{series.name} does not tell the b-value of image {', '.join(map(str, missing))}.", hint
        )
    if any(b < 0 for b in series.b_values):
        raise DiffusionSeriesError(f"{series.name} has the b-value {min(series.b_values):g} s/mm².", hint)
    if len(series.b_values) < 2:
        raise DiffusionSeriesError(f"{series.name} has one b-value only.", hint)
    repeated = {b for b in series.b_values if list(series.b_values).count(b) > 1}
    if repeated:
        raise DiffusionSeriesError(f"{series.name} has b = {min(repeated):g} s/mm² more than once.", hint)
    for image in series.images:
        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise DimensionError(f"{series.name} holds an image that is not 3D with one value per voxel.")
        if not same_grid(image, series.images[0]):
            raise GeometryError(
                f"The images of {series.name} lie on different grids.", "Resample them to one grid first."
            )


def diffusion_signals(series: DiffusionSeries) -> DiffusionSignals:
    """Take the signals of tissue out of a series and find which of them rise above the noise.

    The noise is estimated in the air around the image of the highest b (see
    :func:`virtualbiopsy.prepare.kinetics.noise.noise_of`); averages of several images have less of it.

    Raises
    ------
    As :func:`check_diffusion`; DiffusionSeriesError too if the signal rises with b in most of the tissue:
        the images are swapped, or one of them is an ADC map.
    """
    check_diffusion(series)
    order = np.argsort(series.b_values)
    b_values = np.array(series.b_values, dtype=np.float64)[order]
    arrays = [np.nan_to_num(sitk.GetArrayFromImage(series.images[n]).astype(np.float64)) for n in order]
    averaged = np.array(series.averaged or (1,) * len(order), dtype=np.float64)[order]
    sd = noise_of(series.images[order[-1]]).sd
    floors = FLOOR_SDS * sd * np.sqrt(averaged[-1] / averaged)
    tissue = arrays[0] > max(TISSUE_SHARE * float(np.percentile(arrays[0], 99)), floors[0], 0.0)
    if not tissue.any():
        raise DiffusionSeriesError(f"{series.name} holds no signal above the noise.", "Check the images.")
    signals = np.stack([array[tissue] for array in arrays])
    rising = float((signals[-1] > signals[0]).mean())
    if rising > RISING_SHARE:
        raise DiffusionSeriesError(
            f"In {100 * rising:.0f} % of the tissue of {series.name} the signal rises from "
            f"b = {b_values[0]:g} to {b_values[-1]:g} s/mm².",
            "The images are swapped, or one of them is an ADC map: give it the role adc.",
        )
    usable = np.logical_and.accumulate((signals > floors[:, None]) & (signals > 0), axis=0)
    listed = ", ".join(f"{b:g}" for b in b_values)
    source = (
        f"b = {listed} s/mm²; noise {sd:.4g} at the highest, signals below {FLOOR_SDS:g} standard deviations "
        "of it are not used."
    )
    return DiffusionSignals(b_values, signals, usable, tissue, floors, source)


def map_image(values: np.ndarray, tissue: np.ndarray, like: sitk.Image) -> sitk.Image:
    """float32 image with these values in the tissue and 0 elsewhere."""
    volume = np.zeros(tissue.shape, dtype=np.float32)
    volume[tissue] = values
    image = sitk.GetImageFromArray(volume)
    image.CopyInformation(like)
    return image


def weighted_line(b: np.ndarray, log: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and negative slope of weighted lines through (b, log), one for each column."""
    total = weight.sum(axis=0)
    total = np.where(total > 0, total, 1.0)
    mean_b, mean_log = (weight * b).sum(axis=0) / total, (weight * log).sum(axis=0) / total
    spread = (weight * (b - mean_b) ** 2).sum(axis=0)
    slope = -(weight * (b - mean_b) * (log - mean_log)).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return mean_log + slope * mean_b, slope
