"""Features that run-length, size-zone, distance-zone and dependence matrices share.

Source: IBSI reference manual, sections 3.7 to 3.9 and 3.11: the same sums over grey level i and size j
(length of a run, voxels of a zone, distance of a zone from the border, or number of dependent neighbours).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from .glcm import EPS
from .logarithms import count_logarithms


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
        self,
        counts: np.ndarray,
        grey: np.ndarray,
        size: np.ndarray,
        voxels: np.ndarray | float,
        profile: str,
    ) -> None:
        self.counts = counts
        self.grey = grey
        self.size = size
        self.voxels = voxels
        self.profile = profile

    @cached_property
    def by_grey(self) -> np.ndarray:
        """(d, m) sums of the rows."""
        return self.counts.sum(axis=2)

    @cached_property
    def by_size(self) -> np.ndarray:
        """(d, s) sums of the columns."""
        return self.counts.sum(axis=1)

    @cached_property
    def total(self) -> np.ndarray:
        """(d,) sums of the matrices."""
        return self.by_grey.sum(axis=1)

    @cached_property
    def joint(self) -> np.ndarray:
        """(d, 3, 3) Σ cᵢⱼ iᵃ jᵇ / Σ c for the powers a, b = 0, 2, -2."""
        grey, size = self.grey**2, self.size**2
        left = np.stack([np.ones_like(grey), grey, 1 / grey])
        right = np.stack([np.ones_like(size), size, 1 / size])
        return left @ (self.counts @ right.T) / self.total[:, None, None]

    @cached_property
    def square_grey(self) -> np.ndarray:
        """(d,) Σᵢ (Σⱼ cᵢⱼ)²."""
        return np.einsum("di,di->d", self.by_grey, self.by_grey)

    @cached_property
    def square_size(self) -> np.ndarray:
        """(d,) Σⱼ (Σᵢ cᵢⱼ)²."""
        return np.einsum("dj,dj->d", self.by_size, self.by_size)

    def variance(self, counts: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(d,) variance of the values ``at`` (x,) with the weights ``counts`` (d, x)."""
        deviation = at - (counts @ at / self.total)[:, None]
        deviation *= deviation
        return np.einsum("dx,dx->d", counts, deviation) / self.total

    def energy(self) -> np.ndarray:
        flat = self.counts.reshape(len(self.counts), -1)
        return np.einsum("dx,dx->d", flat, flat) / self.total**2

    def entropy(self) -> np.ndarray:
        """−Σ p log₂ p; pyradiomics adds ε to p in the logarithm: ε / ln 2 for each cell that is not empty."""
        logarithms, filled = count_logarithms(self.counts)
        found = np.log2(self.total) - logarithms / self.total
        return found - filled * (EPS / math.log(2)) if self.profile == "pyradiomics" else found


FEATURES: dict[str, Callable[[SizeMatrix], np.ndarray]] = {
    "small": lambda m: m.joint[:, 0, 2],
    "large": lambda m: m.joint[:, 0, 1],
    "low_grey": lambda m: m.joint[:, 2, 0],
    "high_grey": lambda m: m.joint[:, 1, 0],
    "small_low_grey": lambda m: m.joint[:, 2, 2],
    "small_high_grey": lambda m: m.joint[:, 1, 2],
    "large_low_grey": lambda m: m.joint[:, 2, 1],
    "large_high_grey": lambda m: m.joint[:, 1, 1],
    "grey_non_uniformity": lambda m: m.square_grey / m.total,
    "grey_non_uniformity_normalised": lambda m: m.square_grey / m.total**2,
    "size_non_uniformity": lambda m: m.square_size / m.total,
    "size_non_uniformity_normalised": lambda m: m.square_size / m.total**2,
    "percentage": lambda m: m.total / m.voxels,
    "grey_variance": lambda m: m.variance(m.by_grey, m.grey),
    "size_variance": lambda m: m.variance(m.by_size, m.size),
    "entropy": SizeMatrix.entropy,
    "energy": SizeMatrix.energy,
}
"""By role: a function of :class:`SizeMatrix` that gives one value per matrix, shape (d,)."""
