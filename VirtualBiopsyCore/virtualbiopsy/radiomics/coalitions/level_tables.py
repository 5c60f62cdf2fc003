"""One discretised region by part: histogram and co-occurrence features of many unions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from ..glcm import EPS
from ..kernels import choose
from ..lattice import Lattice
from .order import FEATURES as STATISTICS
from .order import OrderTables, Unions
from .pair_features import PairBatch, pair_features
from .pairs import PairTables

BATCH_BYTES = 8 << 20
"""Largest array of one batch of unions."""

_fast = choose.register("virtualbiopsy.radiomics.coalitions.compiled")


class LevelTables:
    """Tables of one assignment of grey levels.

    Parameters
    ----------
    lattice : the region. levels : (n,) 1…n_levels, 0 for voxels in no union that is asked for.
    parts : (n,) 0…K-1. count : K. n_levels : Ng of unions whose levels stay as they are.
    own : the levels of a union start at its own lowest one, and its Ng is its highest.
    profile : "ibsi" or "pyradiomics".
    """

    def __init__(
        self,
        lattice: Lattice,
        levels: np.ndarray,
        parts: np.ndarray,
        count: int,
        n_levels: int,
        own: bool,
        profile: str,
    ) -> None:
        self.lattice = lattice
        self.levels = levels
        self.parts = parts
        self.count = count
        self.n_levels = n_levels
        self.own = own
        self.profile = profile
        self._pairs: dict[bool, PairTables] = {}
        top = int(levels.max(initial=0)) + 1
        held = (
            np.bincount(parts.astype(np.int64) * top + levels, minlength=count * top).reshape(count, top) > 0
        )
        held[:, 0] = False
        has = held.any(axis=1)
        self.lowest = np.where(has, held.argmax(axis=1), np.iinfo(np.int64).max)
        self.highest = np.where(has, top - 1 - held[:, ::-1].argmax(axis=1), 0)

    def pairs(self, merged: bool) -> PairTables:
        if merged not in self._pairs:
            neighbours = self.lattice.pairs(1, "chebyshev")
            self._pairs[merged] = PairTables.of(self.levels, self.parts, neighbours, merged)
        return self._pairs[merged]

    @cached_property
    def order(self) -> OrderTables:
        used = self.levels > 0
        return OrderTables(self.levels[used].astype(np.float64), self.parts[used], self.count)

    @cached_property
    def histogram(self) -> np.ndarray:
        """(highest level, K) voxels of each level and part."""
        used = self.levels > 0
        high = int(self.levels.max())
        codes = (self.levels[used].astype(np.int64) - 1) * self.count + self.parts[used]
        table = np.bincount(codes, minlength=high * self.count).reshape(high, self.count)
        return table.astype(np.float64)

    def _reach(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest level (c,) of each union."""
        held = chosen > 0
        low = np.where(held, self.lowest[:, None], np.iinfo(np.int64).max).min(axis=0)
        return low, np.where(held, self.highest[:, None], 0).max(axis=0)

    def _frame(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What to subtract (c,) from the levels of each union, and its Ng (c,)."""
        if not self.own:
            count = chosen.shape[1]
            return np.zeros(count), np.full(count, float(self.n_levels))
        low, high = self._reach(chosen)
        return (low - 1).astype(np.float64), (high - low + 1).astype(np.float64)

    def glcm(self, chosen: np.ndarray, names: Sequence[str], merged: bool) -> np.ndarray:
        """(len(names), c); chosen (K, c) is 1.0 where a union has a part, else 0.0."""
        tables, fast = self.pairs(merged), _fast()
        if fast is None:
            return self._glcm_in_numpy(tables, chosen, names)
        slow = [name for name in names if name not in fast.GLCM]
        found = np.empty((len(names), chosen.shape[1]))
        if slow:
            found[[names.index(name) for name in slow]] = self._glcm_in_numpy(tables, chosen, slow)
        columns = fast.glcm(
            *tables.by_table,
            tables.start,
            tables.low,
            tables.high,
            tables.n_levels,
            tables.logs,
            np.ascontiguousarray(chosen.T, dtype=np.int64),
            *self._frame(chosen),
            self.profile == "pyradiomics",
        )
        for row, name in enumerate(names):
            if name in fast.GLCM:
                found[row] = columns[:, fast.GLCM.index(name)]
        return found

    def _glcm_in_numpy(self, tables: PairTables, chosen: np.ndarray, names: Sequence[str]) -> np.ndarray:
        widest = len(tables.low) + tables.directions * (4 * tables.n_levels + 1)
        batch = max(16, BATCH_BYTES // (8 * max(widest, len(tables.first), 1)))
        found = np.empty((len(names), chosen.shape[1]))
        for start in range(0, chosen.shape[1], batch):
            part = slice(start, start + batch)
            mine = np.ascontiguousarray(chosen[:, part])
            low, high = self._reach(mine)
            unions = PairBatch(tables, tables.counts(mine), *self._frame(mine), low == high, self.profile)
            found[:, part] = pair_features(unions, names)
        return found

    def histogram_features(self, chosen: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(len(names), c)."""
        unions = LevelUnions(self, chosen, *self._frame(chosen))
        return np.stack([HISTOGRAM[name](unions) for name in names])


class LevelUnions:
    """Histograms of c unions. shift, n_levels : (c,) as from the tables."""

    def __init__(
        self, tables: LevelTables, chosen: np.ndarray, shift: np.ndarray, n_levels: np.ndarray
    ) -> None:
        self.shift = shift
        self.n_levels = n_levels
        self.profile = tables.profile
        self.counts = tables.histogram @ chosen
        self.plain = Unions(tables.order, chosen, tables.profile)

    @cached_property
    def p(self) -> np.ndarray:
        """(levels, c)."""
        return self.counts / self.plain.n

    @property
    def entropy(self) -> np.ndarray:
        shown = self.p + EPS if self.profile == "pyradiomics" else np.where(self.p > 0, self.p, 1.0)
        return -(self.p * np.log2(shown)).sum(axis=0)

    @property
    def mode(self) -> np.ndarray:
        tied = self.counts == self.counts.max(axis=0)
        distance = np.abs(np.arange(1.0, len(self.counts) + 1)[:, None] - self.plain.mean)
        return np.argmin(np.where(tied, distance, np.inf), axis=0) + 1.0 - self.shift

    @cached_property
    def gradient(self) -> np.ndarray:
        """Change (levels, c) of the counts: one-sided at level 1 and Ng of each union; NaN beyond."""
        levels, unions = self.counts.shape
        high = (self.shift + self.n_levels).astype(np.int64)
        padded = np.zeros((max(levels, int(high.max())) + 2, unions))
        padded[1 : levels + 1] = self.counts
        found = (padded[2:] - padded[:-2]) / 2
        place = np.arange(len(found))[:, None]
        first, last = place == self.shift, place == high - 1
        found = np.where(first, padded[2:] - padded[1:-1], found)
        found = np.where(last, padded[1:-1] - padded[:-2], found)
        found[(place < self.shift) | (place > high - 1)] = np.nan
        found[:, self.n_levels < 2] = np.nan
        return found

    def steepest(self, sign: float, level: bool) -> np.ndarray:
        gradient = np.where(np.isnan(self.gradient), -np.inf, sign * self.gradient)
        at = np.argmax(gradient, axis=0)
        found = at + 1.0 - self.shift if level else sign * gradient[at, np.arange(len(at))]
        return np.where(self.n_levels < 2, np.nan, found)


def _moved(name: str) -> Callable[[LevelUnions], np.ndarray]:
    """A statistic that moves with the levels."""
    return lambda u: STATISTICS[name](u.plain) - u.shift


def _variation(u: LevelUnions) -> np.ndarray:
    return np.sqrt(u.plain.variance) / (u.plain.mean - u.shift)


def _dispersion(u: LevelUnions) -> np.ndarray:
    low, high = u.plain.percentile(25), u.plain.percentile(75)
    return (high - low) / (high + low - 2 * u.shift)


def _still(name: str) -> Callable[[LevelUnions], np.ndarray]:
    return lambda u: STATISTICS[name](u.plain)


HISTOGRAM: dict[str, Callable[[LevelUnions], np.ndarray]] = {
    **{
        name: _moved(name)
        for name in ("mean", "median", "minimum", "percentile_10", "percentile_90", "maximum")
    },
    **{
        name: _still(name)
        for name in (
            "variance",
            "skewness",
            "kurtosis",
            "interquartile_range",
            "range",
            "mean_absolute_deviation",
            "robust_mean_absolute_deviation",
            "median_absolute_deviation",
        )
    },
    "coefficient_of_variation": _variation,
    "quartile_coefficient_of_dispersion": _dispersion,
    "mode": lambda u: u.mode,
    "entropy": lambda u: u.entropy,
    "uniformity": lambda u: (u.p * u.p).sum(axis=0),
    "maximum_gradient": lambda u: u.steepest(1.0, False),
    "maximum_gradient_level": lambda u: u.steepest(1.0, True),
    "minimum_gradient": lambda u: u.steepest(-1.0, False),
    "minimum_gradient_level": lambda u: u.steepest(-1.0, True),
}
"""By name, as :data:`virtualbiopsy.radiomics.histogram.FEATURES`: one value per union, shape (c,)."""
