"""Maps of the intensity statistics and of the intensity histogram.

Source: as :mod:`virtualbiopsy.radiomics.statistics` and :mod:`virtualbiopsy.radiomics.histogram`. In a kernel
whose voxels share one value skewness and kurtosis are undefined in profile "ibsi" and 0 in "pyradiomics".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np

from ..kernels import choose
from .counting import appearances, entropy_sum, square_sum
from .kernels import Kernels

_fast = choose.register("virtualbiopsy.radiomics.maps.compiled")


class Samples:
    """Values of v kernels, sorted, with what the statistics share.

    Parameters
    ----------
    values : (n, v) float64, NaN outside the region; each kernel holds at least one value.
    profile : "ibsi" or "pyradiomics". voxel_volume : mm³.
    """

    def __init__(self, values: np.ndarray, profile: str, voxel_volume: float = 1.0) -> None:
        self.profile = profile
        self.voxel_volume = voxel_volume
        self.sorted = np.sort(np.ascontiguousarray(values.T), axis=1)
        self.n = np.count_nonzero(~np.isnan(values), axis=0)
        self.outside = np.isnan(self.sorted)
        self.filled = np.where(self.outside, 0.0, self.sorted)

    def mean_of(self, values: np.ndarray) -> np.ndarray:
        """(v,) mean over the voxels of each kernel; `values` (v, n) are 0 outside."""
        return values.sum(axis=1) / self.n

    @cached_property
    def mean(self) -> np.ndarray:
        return self.mean_of(self.filled)

    @cached_property
    def deviations(self) -> np.ndarray:
        found = self.filled - self.mean[:, None]
        found[self.outside] = 0.0
        return found

    @cached_property
    def square(self) -> np.ndarray:
        return self.deviations * self.deviations

    @cached_property
    def variance(self) -> np.ndarray:
        return np.where(self.range > 0, self.mean_of(self.square), 0.0)

    @cached_property
    def minimum(self) -> np.ndarray:
        return self.sorted[:, 0]

    @cached_property
    def maximum(self) -> np.ndarray:
        return np.take_along_axis(self.sorted, self.n[:, None] - 1, axis=1)[:, 0]

    @cached_property
    def range(self) -> np.ndarray:
        return self.maximum - self.minimum

    def percentile(self, percent: int) -> np.ndarray:
        """Linear between order statistics, rounded as in numpy."""
        if percent not in self._percentiles:
            place = (self.n - 1) * (percent / 100)
            below = np.floor(place).astype(np.int64)
            above = np.minimum(below + 1, self.n - 1)
            low = np.take_along_axis(self.sorted, below[:, None], axis=1)[:, 0]
            high = np.take_along_axis(self.sorted, above[:, None], axis=1)[:, 0]
            share = place - below
            step = high - low
            found = np.where(share < 0.5, low + step * share, high - step * (1 - share))
            self._percentiles[percent] = found
        return self._percentiles[percent]

    @cached_property
    def _percentiles(self) -> dict[int, np.ndarray]:
        return {}

    @cached_property
    def energy(self) -> np.ndarray:
        return np.einsum("vn,vn->v", self.filled, self.filled)

    def standardised(self, power: int) -> np.ndarray:
        """Third or fourth standardised moment; where the kernel is flat NaN, or pyradiomics' 0."""
        flat = self.variance <= 0
        moment = self.mean_of(self.square * (self.deviations if power == 3 else self.square))
        found = moment / np.where(flat, 1.0, self.variance) ** (power / 2)
        found[flat] = 0.0 if self.profile == "pyradiomics" else np.nan
        return found

    def distance_from(self, centre: np.ndarray) -> np.ndarray:
        """Mean absolute deviation from (v,) centres."""
        gaps = np.abs(self.filled - centre[:, None])
        gaps[self.outside] = 0.0
        return self.mean_of(gaps)

    @cached_property
    def robust_deviation(self) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            kept = self.sorted >= self.percentile(10)[:, None]
            kept &= self.sorted <= self.percentile(90)[:, None]
        count = np.count_nonzero(kept, axis=1)
        some = np.maximum(count, 1)
        mean = (self.filled * kept).sum(axis=1) / some
        found = (np.abs(self.filled - mean[:, None]) * kept).sum(axis=1) / some
        found[count == 0] = np.nan
        return found


def _quartile_dispersion(s: Samples) -> np.ndarray:
    low, high = s.percentile(25), s.percentile(75)
    return _ratio(high - low, high + low)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0)


STATISTICS: dict[str, Callable[[Samples], np.ndarray]] = {
    "mean": lambda s: s.mean,
    "variance": lambda s: s.variance,
    "skewness": lambda s: s.standardised(3),
    "kurtosis": lambda s: s.standardised(4) - (0 if s.profile == "pyradiomics" else 3),
    "median": lambda s: s.percentile(50),
    "minimum": lambda s: s.minimum,
    "percentile_10": lambda s: s.percentile(10),
    "percentile_90": lambda s: s.percentile(90),
    "maximum": lambda s: s.maximum,
    "interquartile_range": lambda s: s.percentile(75) - s.percentile(25),
    "range": lambda s: s.range,
    "mean_absolute_deviation": lambda s: s.distance_from(s.mean),
    "robust_mean_absolute_deviation": lambda s: s.robust_deviation,
    "median_absolute_deviation": lambda s: s.distance_from(s.percentile(50)),
    "coefficient_of_variation": lambda s: _ratio(np.sqrt(s.variance), s.mean),
    "quartile_coefficient_of_dispersion": _quartile_dispersion,
    "energy": lambda s: s.energy,
    "total_energy": lambda s: s.energy * s.voxel_volume,
    "root_mean_square": lambda s: np.sqrt(s.energy / s.n),
}
"""By name: a function of :class:`Samples` that gives one value per kernel, shape (v,)."""


class LevelSamples(Samples):
    """Grey levels of v kernels; bins are the levels 1…Ng of the whole region."""

    def __init__(self, kernels: Kernels) -> None:
        super().__init__(np.where(kernels.inside, kernels.levels.astype(np.float64), np.nan), kernels.profile)
        self.levels = kernels.levels
        self.n_levels = kernels.n_levels

    @cached_property
    def counts(self) -> np.ndarray:
        """(v, Ng) voxels of each level."""
        kernel = np.arange(self.levels.shape[1]) * (self.n_levels + 1)
        table = np.bincount((self.levels + kernel).ravel(), minlength=len(kernel) * (self.n_levels + 1))
        return table.reshape(len(kernel), -1)[:, 1:]

    @cached_property
    def turn(self) -> np.ndarray:
        return appearances(self.levels)[1]

    @cached_property
    def entropy(self) -> np.ndarray:
        return np.log2(self.n) - entropy_sum(self.turn) / self.n

    @cached_property
    def uniformity(self) -> np.ndarray:
        return square_sum(self.turn) / self.n.astype(np.float64) ** 2

    @cached_property
    def mode(self) -> np.ndarray:
        tied = self.counts == self.counts.max(axis=1, keepdims=True)
        distance = np.abs(np.arange(1.0, self.n_levels + 1) - self.mean[:, None])
        return np.argmin(np.where(tied, distance, np.inf), axis=1) + 1.0

    def steepest(self, pick: Callable, level: bool) -> np.ndarray:
        if self.n_levels < 2:
            return np.full(len(self.n), np.nan)
        gradient = np.gradient(self.counts.astype(np.float64), axis=1)
        at = pick(gradient, axis=1)
        return at + 1.0 if level else np.take_along_axis(gradient, at[:, None], axis=1)[:, 0]


HISTOGRAM: dict[str, Callable[[LevelSamples], np.ndarray]] = {
    **{
        name: f
        for name, f in STATISTICS.items()
        if name not in ("energy", "total_energy", "root_mean_square")
    },
    "mode": lambda s: s.mode,
    "entropy": lambda s: s.entropy,
    "uniformity": lambda s: s.uniformity,
    "maximum_gradient": lambda s: s.steepest(np.argmax, False),
    "maximum_gradient_level": lambda s: s.steepest(np.argmax, True),
    "minimum_gradient": lambda s: s.steepest(np.argmin, False),
    "minimum_gradient_level": lambda s: s.steepest(np.argmin, True),
}
"""By name: a function of :class:`LevelSamples` that gives one value per kernel, shape (v,)."""


def statistics(kernels: Kernels, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Intensity statistics (v,) by name."""
    batch, fast = kernels.batch, _fast()
    if fast is not None:
        columns = fast.statistics(
            kernels.field,
            batch.positions,
            batch.steps,
            kernels.voxel_volume,
            kernels.profile == "pyradiomics",
        )
        return {name: columns[:, fast.STATISTICS.index(name)] for name in names}
    samples = Samples(kernels.values, kernels.profile, kernels.voxel_volume)
    return {name: STATISTICS[name](samples) for name in names}


def histogram(kernels: Kernels, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Features (v,) of the histogram of grey levels by name."""
    names, batch, fast = list(names), kernels.batch, _fast()
    if fast is not None and set(names) <= set(fast.HISTOGRAM):
        columns = fast.histogram(
            kernels.field.view(np.uint16), batch.positions, batch.steps, kernels.n_levels
        )
        return {name: columns[:, fast.HISTOGRAM.index(name)] for name in names}
    samples = LevelSamples(kernels)
    return {name: HISTOGRAM[name](samples) for name in names}
