"""Intravoxel incoherent motion: diffusion and perfusion apart, from many b-values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ...case.diffusion import DiffusionSeries
from ...errors import DiffusionSeriesError
from ...progress import Progress, silent
from ..kinetics.search import smooth_maximum
from .series import diffusion_signals, map_image, weighted_line

HIGH_B = 200.0
"""From this b-value on (s/mm²) perfusion has died away and the signal is that of diffusion alone."""
FAST_RANGE = (3e-3, 0.1)
"""Where the pseudo-diffusion coefficient is sought, mm²/s."""
_NODES = 40
_ADC_LARGEST = 6e-3


@dataclass(frozen=True, eq=False)
class IvimFit:
    """IVIM maps, float32 images, 0 where nothing was fitted.

    Attributes
    ----------
    diffusion, pseudo_diffusion : 10⁻⁶ mm²/s. fraction : perfusion fraction, 0…1.
    fitted, failed : voxels of the tissue. steps : provenance, one sentence each.
    """

    diffusion: sitk.Image
    pseudo_diffusion: sitk.Image
    fraction: sitk.Image
    fitted: int
    failed: int
    steps: tuple[str, ...]


def fit_ivim(series: DiffusionSeries, *, progress: Progress = silent) -> IvimFit:
    """Fit S/S(0) = f·exp(−b·D*) + (1 − f)·exp(−b·D) in two steps.

    First D and the share 1 − f that belongs to it from b ≥ 200 s/mm² by weighted least squares of the
    logarithm, then D* by least squares from all b-values with D and f kept (Le Bihan et al., Radiology
    168:497, 1988; segmented fit as in Sigmund et al., Magn Reson Med 65:1437, 2011). D* of a voxel without
    perfusion has no meaning and is 0 where f is.

    Raises
    ------
    DiffusionSeriesError : no image at b = 0, fewer than two b-values from 200 s/mm² on, or fewer than two
        between; and as :func:`virtualbiopsy.prepare.diffusion.series.diffusion_signals`. Cancelled.
    """
    b_known = [b for b in series.b_values if b is not None]
    low, high = [b for b in b_known if 0 < b < HIGH_B], [b for b in b_known if b >= HIGH_B]
    if 0.0 not in b_known or len(low) < 2 or len(high) < 2:
        raise DiffusionSeriesError(
            f"IVIM needs b = 0, two b-values below and two from {HIGH_B:g} s/mm² on; {series.name} has "
            f"{', '.join(f'{b:g}' for b in b_known)}.",
            "Use the mono-exponential ADC of this series.",
        )
    progress(0.0, "Separating diffusion and perfusion")
    data = diffusion_signals(series)
    b = data.b_values[:, None]
    weight = np.where(data.usable & (b >= HIGH_B), data.signals, 0.0) ** 2
    log = np.log(np.where(data.usable, data.signals, 1.0))
    intercept, slow = weighted_line(b, log, weight)
    start = data.signals[0]
    share = np.exp(np.clip(intercept, -50.0, 50.0)) / start
    fraction = np.clip(1.0 - share, 0.0, 1.0)
    good = ((weight > 0).sum(axis=0) > 1) & (slow > 0) & (slow <= _ADC_LARGEST) & (share <= 1.2)
    slow = np.where(good, slow, 0.0)

    rest = np.where(data.usable, data.signals / start - (1 - fraction) * np.exp(-b * slow), 0.0)
    fast = _fastest(b, rest, fraction, data.usable, progress)
    fast = np.where(fraction > 0, fast, 0.0)
    failed = int(np.count_nonzero(~good))
    grid = series.images[0]

    def image(values: np.ndarray) -> sitk.Image:
        return map_image(np.where(good, values, 0.0), data.tissue, grid)

    progress(1.0, "Diffusion and perfusion")
    steps = (
        f"ivim: D and f from b ≥ {HIGH_B:g} s/mm², then D* from all; {data.source}",
        f"ivim: {good.size - failed} voxels fitted, {failed} failed and set to 0.",
    )
    return IvimFit(image(slow * 1e6), image(fast * 1e6), image(fraction), good.size - failed, failed, steps)


def _fastest(
    b: np.ndarray, rest: np.ndarray, fraction: np.ndarray, usable: np.ndarray, progress: Progress
) -> np.ndarray:
    """D* of least squares: the best of a logarithmic grid, then golden sections beside it."""

    def misfit(coefficient: np.ndarray) -> np.ndarray:
        return ((np.where(usable, fraction * np.exp(-b * coefficient), 0.0) - rest) ** 2).sum(axis=0)

    nodes = np.geomspace(*FAST_RANGE, _NODES)
    best, least = np.zeros(fraction.size, dtype=int), np.full(fraction.size, np.inf)
    for number, node in enumerate(nodes):
        progress(0.2 + 0.5 * number / _NODES, "Separating diffusion and perfusion")
        value = misfit(np.full(fraction.size, node))
        better = value < least
        best[better], least[better] = number, value[better]
    left, right = nodes[np.maximum(best - 1, 0)], nodes[np.minimum(best + 1, _NODES - 1)]
    progress(0.7, "Separating diffusion and perfusion")
    return smooth_maximum(lambda coefficient: -misfit(coefficient), left, right)
