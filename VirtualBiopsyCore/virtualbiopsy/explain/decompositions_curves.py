"""How features of the intensity-volume curve and of intensity peaks split.

* the share of the voxels at or above an intensity, and the area under the curve of such shares: each voxel's
  own part of the count;
* the intensity that a share of the voxels reaches: the voxels that realise it, as for percentiles;
* intensity peaks, means over a ball around one voxel: that voxel, although the ball reaches beyond it.

Source of the features: IBSI reference manual, sections 3.2 and 3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..radiomics.ivh import SLACK, IntensityVolume
from .decompositions_values import realising

CurveSplit = Callable[[IntensityVolume, float], np.ndarray]
PeakSplit = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def _reached(c: IntensityVolume) -> np.ndarray:
    """(n,) number of intensities of the scale that each voxel reaches."""
    return np.searchsorted(c.scale - SLACK * c.step, c.values, side="right")


def _above(c: IntensityVolume, part: float) -> np.ndarray:
    place = int(np.searchsorted(c.fraction, part - 1e-12))
    return (_reached(c) > place) / c.values.size


def _area(c: IntensityVolume) -> np.ndarray:
    reached = _reached(c)
    steps = np.minimum(reached, c.bins - 1) + np.maximum(reached - 1, 0)
    return steps / (2.0 * (c.bins - 1) * c.values.size)


def _difference(c: IntensityVolume, value: float) -> np.ndarray:
    high, low = (_reaching(c, part) for part in (0.1, 0.9))
    return realising(c.values, high) - realising(c.values, low)


def _reaching(c: IntensityVolume, part: float) -> float:
    below = np.flatnonzero(c.share <= part + 1e-12)
    return float(c.scale[below[0]] if len(below) else c.scale[-1] + c.step)


#: Of a curve and the feature's value: shares (n,).
CURVES: Mapping[str, CurveSplit] = {
    "volume_at_intensity_fraction_10": lambda c, value: _above(c, 0.1),
    "volume_at_intensity_fraction_90": lambda c, value: _above(c, 0.9),
    "volume_fraction_difference_between_intensity_fractions": lambda c, value: (
        _above(c, 0.1) - _above(c, 0.9)
    ),
    "intensity_at_volume_fraction_10": lambda c, value: realising(c.values, value),
    "intensity_at_volume_fraction_90": lambda c, value: realising(c.values, value),
    "intensity_difference_between_volume_fractions": _difference,
    "area_under_curve": lambda c, value: _area(c),
}


def _local(values: np.ndarray, means: np.ndarray, value: float) -> np.ndarray:
    found = np.zeros(values.size)
    highest = np.flatnonzero(values == values.max())
    found[highest] = realising(means[highest], value)
    return found


#: Of the intensities, the means over balls around them (n,), and the feature's value: shares (n,).
PEAKS: Mapping[str, PeakSplit] = {
    "local_intensity_peak": _local,
    "global_intensity_peak": lambda values, means, value: realising(means, value),
}
