"""Intensity-volume histogram: which share of a region reaches which intensity.

Source: IBSI reference manual, section 3.5 (P88C).

What the intensities are decides the discretisation of the key: "none" for whole numbers in calibrated units
(HU), taken as they are; "fbw2.5" for other calibrated units, where each voxel takes the centre of its bin;
"fbn1000" for arbitrary units, where the intensities are bin numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from ..errors import FeatureError
from .discretise import discretise_values, parse_discretisation

MAX_BINS = 1 << 20
"""More bins than this are refused. No matrix is made of them, so many more are allowed than for texture."""

SLACK = 1e-9
"""So many steps below an intensity of the scale still count as reaching it."""


class IntensityVolume:
    """Curve of one region.

    Parameters
    ----------
    values : (n,) finite intensities. spec : "none", "fbw2.5", "fbn1000", …
    low, high : bounds of the re-segmentation range, which are the ends of the intensity range where they are
        finite; otherwise the range is that of the values.

    Attributes
    ----------
    values : (n,) intensities on the scale of the curve, in the order given. x : the same, sorted.
    step : distance of two intensities of that scale.
    first, last : its ends. bins : how many intensities it has.

    Raises
    ------
    ValueError : "none" with values that are not whole numbers.
    FlatRegionError, FeatureError : as for :func:`virtualbiopsy.radiomics.discretise.discretise_values`.
    """

    def __init__(self, values: np.ndarray, spec: str, low: float = -math.inf, high: float = math.inf) -> None:
        low = low if math.isfinite(low) else float(values.min())
        high = high if math.isfinite(high) else float(values.max())
        if spec == "none":
            if not (values == np.rint(values)).all():
                raise ValueError("not whole numbers")
            self.step, self.first, self.last = 1.0, math.ceil(low), math.floor(high)
            x = values
        elif parse_discretisation(spec).kind == "fbn":
            levels, bins = discretise_values(values, spec, "ibsi")
            self.step, self.first, self.last = 1.0, 1.0, float(bins)
            x = levels.astype(np.float64)
        else:
            levels, _ = discretise_values(values, spec, "ibsi", low, MAX_BINS)
            self.step = parse_discretisation(spec).value
            bins = max(math.ceil((high - low) / self.step), int(levels.max()))
            x = low + (levels - 0.5) * self.step
            self.first, self.last = low + 0.5 * self.step, low + (bins - 0.5) * self.step
        self.bins = round((self.last - self.first) / self.step) + 1
        if self.bins > MAX_BINS:
            raise FeatureError(
                f"The intensity-volume histogram would have {self.bins} bins (at most {MAX_BINS}).",
                "Use a fixed bin number or a larger bin width, and check the unit of the image.",
            )
        self.values = x
        self.x = np.sort(x)

    @cached_property
    def scale(self) -> np.ndarray:
        """Intensities at which the curve has a value."""
        return self.first + self.step * np.arange(self.bins)

    @cached_property
    def share(self) -> np.ndarray:
        """Share of the voxels at or above each intensity of the scale."""
        return 1 - np.searchsorted(self.x, self.scale - SLACK * self.step) / len(self.x)

    @cached_property
    def fraction(self) -> np.ndarray:
        """The scale as a share of the intensity range, 0 to 1."""
        return (self.scale - self.first) / (self.last - self.first)


def _volume_at(curve: IntensityVolume, part: float) -> float:
    if curve.last <= curve.first:
        return math.nan
    return float(curve.share[np.searchsorted(curve.fraction, part - 1e-12)])


def _intensity_at(curve: IntensityVolume, part: float) -> float:
    """Lowest intensity of the scale that at most this share of the voxels reaches.

    One step above the scale if more voxels than that have the highest intensity.
    """
    below = np.flatnonzero(curve.share <= part + 1e-12)
    return float(curve.scale[below[0]] if len(below) else curve.scale[-1] + curve.step)


def _area(curve: IntensityVolume) -> float:
    if curve.last <= curve.first:
        return math.nan
    return float((curve.share[:-1] + curve.share[1:]).sum() / 2 / (curve.bins - 1))


FEATURES: dict[str, Callable[[IntensityVolume], float]] = {
    "volume_at_intensity_fraction_10": lambda c: _volume_at(c, 0.1),
    "volume_at_intensity_fraction_90": lambda c: _volume_at(c, 0.9),
    "intensity_at_volume_fraction_10": lambda c: _intensity_at(c, 0.1),
    "intensity_at_volume_fraction_90": lambda c: _intensity_at(c, 0.9),
    "volume_fraction_difference_between_intensity_fractions": lambda c: (
        _volume_at(c, 0.1) - _volume_at(c, 0.9)
    ),
    "intensity_difference_between_volume_fractions": lambda c: _intensity_at(c, 0.1) - _intensity_at(c, 0.9),
    "area_under_curve": _area,
}
"""By name: a function of :class:`IntensityVolume`; NaN where undefined."""
