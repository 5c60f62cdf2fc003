"""The apparent diffusion coefficient from two or more b-values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from ...case.diffusion import DiffusionSeries
from ...case.model import Case, Sequence
from ...errors import DiffusionSeriesError, DimensionError, GeometryError
from ...memory import image_bytes, require_memory
from ...progress import Progress, silent
from ..units import ADC_UNIT
from .series import check_diffusion, diffusion_signals, map_image, weighted_line

ADC_RANGE = (0.0, 6000.0)
"""Coefficients outside, in 10⁻⁶ mm²/s, are noise: free water at 37 °C has 3000."""
_PASSES = 3
_TO_UNIT = 1e6


@dataclass(frozen=True, eq=False)
class AdcFit:
    """An ADC map.

    Attributes
    ----------
    adc : 10⁻⁶ mm²/s, 0 where nothing was fitted. s0 : signal at b = 0 of the model. Both float32 images.
    fitted, failed : voxels of the tissue. steps : provenance, one sentence each.
    """

    adc: sitk.Image
    s0: sitk.Image
    fitted: int
    failed: int
    steps: tuple[str, ...]


def fit_adc(series: DiffusionSeries, *, lowest_b: float = 0.0, progress: Progress = silent) -> AdcFit:
    """Fit S = S0·exp(−b·ADC) in every voxel of tissue.

    The logarithm of the signal is fitted by least squares weighted with the square of the signal that the
    fit before gives (Salvador et al., Hum Brain Mapp 24:144, 2005; Veraart et al., NeuroImage 81:335, 2013);
    with two b-values that is ln(S1/S2)/(b2 − b1). A signal below 3 standard deviations of the noise, and
    those at higher b in the same voxel, are not used; voxels where fewer than two remain, or with a
    coefficient outside 0…6000, count as failed.

    Parameters
    ----------
    lowest_b : b-values below are not used, for example 100 s/mm² to leave perfusion out.

    Raises
    ------
    DiffusionSeriesError, DimensionError, GeometryError : see
        :func:`virtualbiopsy.prepare.diffusion.series.diffusion_signals`; too few b-values from `lowest_b` on.
    MemoryLimitError. Cancelled.
    """
    check_diffusion(series)
    kept = [n for n, b in enumerate(series.b_values) if b >= lowest_b]
    if len(kept) < 2:
        raise DiffusionSeriesError(
            f"{series.name} has fewer than two b-values from {lowest_b:g} s/mm² on.",
            "Choose a lower limit of the b-values.",
        )
    if len(kept) < len(series.b_values):
        series = replace(
            series,
            b_values=tuple(series.b_values[n] for n in kept),
            images=tuple(series.images[n] for n in kept),
            averaged=tuple(series.averaged[n] for n in kept) if series.averaged else (),
        )
    size = series.images[0].GetSize()
    require_memory((4 * len(kept) + 4) * image_bytes(size), "An ADC map")
    progress(0.0, "Computing the ADC map")
    data = diffusion_signals(series)
    progress(0.4, "Computing the ADC map")
    log = np.log(np.where(data.usable, data.signals, 1.0))
    weight = np.where(data.usable, data.signals, 0.0) ** 2
    b = data.b_values[:, None] / _TO_UNIT
    for number in range(_PASSES if len(kept) > 2 else 1):
        intercept, slope = weighted_line(b, log, weight)
        predicted = np.exp(np.clip(intercept - slope * b, -50.0, 50.0))
        weight = np.where(data.usable, predicted, 0.0) ** 2
        progress(0.4 + 0.5 * (number + 1) / _PASSES, "Computing the ADC map")
    good = (data.usable.sum(axis=0) > 1) & (slope > ADC_RANGE[0]) & (slope <= ADC_RANGE[1])
    failed = int(np.count_nonzero(~good))
    grid = series.images[0]
    steps = (
        f"adc: S = S0·exp(−b·ADC), weighted least squares, {data.source}",
        f"adc: {good.size - failed} voxels fitted, {failed} failed (noise, or a signal that does not fall "
        "with b) and set to 0.",
    )
    progress(1.0, "ADC map")
    return AdcFit(
        map_image(np.where(good, slope, 0.0), data.tissue, grid),
        map_image(np.where(good, np.exp(np.clip(intercept, -50.0, 50.0)), 0.0), data.tissue, grid),
        good.size - failed,
        failed,
        steps,
    )


def with_adc(case: Case, progress: Progress = silent) -> tuple[Case, str, tuple[str, ...]]:
    """Return the case with an ADC map from its diffusion series, why there is none, and what was done.

    A case that has a map (of the scanner), or no diffusion series, comes back as it is, with "" for the
    reason. The map of the scanner is converted to 10⁻⁶ mm²/s when images are prepared, see
    :func:`virtualbiopsy.prepare.units.convert_adc`.

    Raises
    ------
    MemoryLimitError : the map does not fit into the free memory. Cancelled.
    """
    series = case.diffusion
    if series is None or case.has("adc"):
        return case, "", ()
    try:
        fit = fit_adc(series, progress=progress)
    except (DiffusionSeriesError, DimensionError, GeometryError) as error:
        return case, str(error), ()
    if not fit.fitted:
        return case, f"An ADC could be fitted in no voxel of {series.name}.", fit.steps
    name, taken = "adc (computed)", {s.name for s in case.sequences}
    while name in taken:
        name += "'"
    listed = ", ".join(f"{b:g}" for b in series.b_values)
    sequence = Sequence(
        "adc",
        name,
        fit.adc,
        f"computed from {series.name}, b = {listed} s/mm², mono-exponential",
        ADC_UNIT,
        series.frame_of_reference,
        series.protocol,
        series.source,
    )
    return replace(case, sequences=(*case.sequences, sequence)), "", fit.steps
