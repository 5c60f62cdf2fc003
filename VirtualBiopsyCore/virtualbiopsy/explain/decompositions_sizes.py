"""How features of run-length, size-zone, distance-zone and dependence matrices split.

Each is the mean of a function h(i, j) over the elements of the matrix: runs, zones, or voxels with their
dependence; i is the grey level and j the length, size, distance or number of dependent neighbours. The value
of a run or zone goes to its voxels in equal parts.

* emphases: h is a product of powers of i and j;
* non-uniformities and energy, sums of squared counts: h is the count (or share) of the element's own row,
  column or cell, as the uniformity of a histogram;
* variances: h is the squared distance from the mean over the elements; entropy: h = −log₂ p(i, j);
* percentage, a ratio of counts: each element counts the same, 1 / voxels.

Source of the features: IBSI reference manual, sections 3.7 to 3.9 and 3.11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..radiomics.glcm import EPS
from ..radiomics.sizes import SizeMatrix

SizeTable = Callable[[SizeMatrix], np.ndarray]


def _emphasis(grey_power: int, size_power: int) -> SizeTable:
    return lambda m: m.grey[:, None] ** grey_power * m.size[None, :] ** size_power


def _whole(total: np.ndarray) -> np.ndarray:
    return total[:, None, None]


def _distance(counts: np.ndarray, at: np.ndarray, total: np.ndarray) -> np.ndarray:
    """(d, x) squared distances of the values ``at`` (x,) from their means with the weights (d, x)."""
    return (at - (counts @ at / total)[:, None]) ** 2


def _entropy(m: SizeMatrix) -> np.ndarray:
    p = m.counts / _whole(m.total)
    if m.profile == "pyradiomics":
        return -np.log2(p + EPS)
    return -np.log2(p, out=np.zeros_like(p), where=p > 0)


#: By role as in :data:`virtualbiopsy.radiomics.sizes.FEATURES`: h, of a shape that fits (d, m, s).
SIZES: Mapping[str, SizeTable] = {
    "small": _emphasis(0, -2),
    "large": _emphasis(0, 2),
    "low_grey": _emphasis(-2, 0),
    "high_grey": _emphasis(2, 0),
    "small_low_grey": _emphasis(-2, -2),
    "small_high_grey": _emphasis(2, -2),
    "large_low_grey": _emphasis(-2, 2),
    "large_high_grey": _emphasis(2, 2),
    "grey_non_uniformity": lambda m: m.by_grey[:, :, None],
    "grey_non_uniformity_normalised": lambda m: m.by_grey[:, :, None] / _whole(m.total),
    "size_non_uniformity": lambda m: m.by_size[:, None, :],
    "size_non_uniformity_normalised": lambda m: m.by_size[:, None, :] / _whole(m.total),
    "percentage": lambda m: _whole(m.total / m.voxels),
    "grey_variance": lambda m: _distance(m.by_grey, m.grey, m.total)[:, :, None],
    "size_variance": lambda m: _distance(m.by_size, m.size, m.total)[:, None, :],
    "entropy": _entropy,
    "energy": lambda m: m.counts / _whole(m.total),
}
