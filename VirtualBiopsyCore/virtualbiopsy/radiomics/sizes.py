"""Features that run-length, size-zone, distance-zone and dependence matrices share.

Source: IBSI reference manual, sections 3.7 to 3.9 and 3.11: the same sums over grey level i and size j
(length of a run, voxels of a zone, distance of a zone from the border, or number of dependent neighbours).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from .glcm import EPS


class SizeMatrix:
    """Counts by grey level and size.

    Parameters
    ----------
    counts : (d, m, s) float64, one matrix per direction (d = 1 where there are none).
    grey : (m,) grey levels of the rows. size : (s,) sizes of the columns.
    voxels : voxels per matrix, (d,) or one number for all, for the percentage.
    profile : "pyradiomics" puts the machine epsilon into the logarithm.
    """

    def __init__(
        self, counts: np.ndarray, grey: np.ndarray, size: np.ndarray, voxels: np.ndarray | float, profile: str
    ) -> None:
        self.counts = counts
        self.grey = grey
        self.size = size
        self.voxels = voxels
        self.profile = profile
        self.by_grey = counts.sum(axis=2)
        self.by_size = counts.sum(axis=1)
        self.total = self.by_size.sum(axis=1)

    @cached_property
    def p(self) -> np.ndarray:
        return self.counts / self.total[:, None, None]

    def joint(self, grey_power: int, size_power: int) -> np.ndarray:
        """Σ cᵢⱼ iᵃ jᵇ / Σ c."""
        return (self.counts @ self.size**size_power) @ self.grey**grey_power / self.total

    def variance(self, counts: np.ndarray, at: np.ndarray) -> np.ndarray:
        p = counts / self.total[:, None]
        mean = p @ at
        return (p * (at - mean[:, None]) ** 2).sum(axis=1)

    def entropy(self) -> np.ndarray:
        if self.profile == "pyradiomics":
            logarithm = np.log2(self.p + EPS)
        else:
            logarithm = np.log2(self.p, out=np.zeros_like(self.p), where=self.p > 0)
        return -(self.p * logarithm).sum(axis=(1, 2))


FEATURES: dict[str, Callable[[SizeMatrix], np.ndarray]] = {
    "small": lambda m: m.joint(0, -2),
    "large": lambda m: m.joint(0, 2),
    "low_grey": lambda m: m.joint(-2, 0),
    "high_grey": lambda m: m.joint(2, 0),
    "small_low_grey": lambda m: m.joint(-2, -2),
    "small_high_grey": lambda m: m.joint(2, -2),
    "large_low_grey": lambda m: m.joint(-2, 2),
    "large_high_grey": lambda m: m.joint(2, 2),
    "grey_non_uniformity": lambda m: (m.by_grey**2).sum(axis=1) / m.total,
    "grey_non_uniformity_normalised": lambda m: (m.by_grey**2).sum(axis=1) / m.total**2,
    "size_non_uniformity": lambda m: (m.by_size**2).sum(axis=1) / m.total,
    "size_non_uniformity_normalised": lambda m: (m.by_size**2).sum(axis=1) / m.total**2,
    "percentage": lambda m: m.total / m.voxels,
    "grey_variance": lambda m: m.variance(m.by_grey, m.grey),
    "size_variance": lambda m: m.variance(m.by_size, m.size),
    "entropy": SizeMatrix.entropy,
    "energy": lambda m: (m.p**2).sum(axis=(1, 2)),
}
"""By role: a function of :class:`SizeMatrix` that gives one value per matrix, shape (d,)."""
