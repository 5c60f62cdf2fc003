"""Intensity histogram of a region after discretisation.

Source: IBSI reference manual, section 3.4 (ZVCW).
Profile "pyradiomics": the machine epsilon is added in the logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from . import statistics
from .glcm import EPS
from .statistics import Values


class Histogram(Values):
    """Grey levels (n,) of one region, 1…n_levels."""

    def __init__(self, levels: np.ndarray, n_levels: int, profile: str) -> None:
        super().__init__(levels, profile)
        self.counts = np.bincount(levels, minlength=n_levels + 1)[1:]

    @cached_property
    def p(self) -> np.ndarray:
        return self.counts[self.counts > 0] / len(self.x)

    @cached_property
    def gradient(self) -> np.ndarray:
        """Change of the counts per level: one-sided at the ends, central inside; empty for a single level."""
        return np.gradient(self.counts.astype(float)) if len(self.counts) > 1 else np.zeros(0)


def _mode(h: Histogram) -> float:
    tied = np.flatnonzero(h.counts == h.counts.max()) + 1
    return float(tied[np.argmin(np.abs(tied - h.mean))])


def _entropy(h: Histogram) -> float:
    return -float((h.p * np.log2(h.p + EPS if h.profile == "pyradiomics" else h.p)).sum())


def _steepest(h: Histogram, pick: Callable, level: bool) -> float:
    if not len(h.gradient):
        return math.nan
    at = int(pick(h.gradient))
    return float(at + 1) if level else float(h.gradient[at])


FEATURES: dict[str, Callable[[Histogram], float]] = {
    **{
        name: f
        for name, f in statistics.FEATURES.items()
        if name not in ("energy", "total_energy", "root_mean_square")
    },
    "mode": _mode,
    "entropy": _entropy,
    "uniformity": lambda h: float(h.p @ h.p),
    "maximum_gradient": lambda h: _steepest(h, np.argmax, False),
    "maximum_gradient_level": lambda h: _steepest(h, np.argmax, True),
    "minimum_gradient": lambda h: _steepest(h, np.argmin, False),
    "minimum_gradient_level": lambda h: _steepest(h, np.argmin, True),
}
"""By name: a function of :class:`Histogram`; NaN where undefined."""
