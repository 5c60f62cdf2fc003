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
from .statistics import Values, quantiles


class Histogram(Values):
    """Grey levels (n,) of one region, 1…n_levels: `x` are the levels that occur, `counts` (Ng,) how often."""

    def __init__(self, levels: np.ndarray, n_levels: int, profile: str) -> None:
        self._count(np.bincount(levels, minlength=n_levels + 1)[1:], profile)

    @classmethod
    def of_counts(cls, counts: np.ndarray, profile: str) -> Histogram:
        """From the counts (Ng,) of the levels 1…Ng."""
        made = cls.__new__(cls)
        made._count(counts, profile)
        return made

    def _count(self, counts: np.ndarray, profile: str) -> None:
        self.counts = counts
        self.profile = profile
        self.known = {}
        present = np.flatnonzero(counts)
        self.x = present + 1.0
        self.often = counts[present]
        self.count = int(self.often.sum())

    def average(self, terms: np.ndarray, kept: np.ndarray | slice = slice(None)) -> float:
        often = self.often[kept]
        return float(often @ terms) / float(np.add.reduce(often))

    @cached_property
    def percentiles(self) -> tuple[float, float, float, float, float]:
        up_to = np.cumsum(self.often)
        return quantiles(lambda rank: float(self.x[np.searchsorted(up_to, rank, side="right")]), self.count)

    @cached_property
    def p(self) -> np.ndarray:
        return self.often / self.count

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
