"""Intensity statistics of many unions of parts at once.

Counts, sums and central moments are additive over the parts (the moments by the parallel-axis theorem). Order
statistics, and sums over the voxels below a value, come from the sorted values of the region in blocks: the
members of whole blocks are counted by part, those of the one block that matters voxel by voxel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from ..kernels import choose

BLOCK = 64
"""Sorted values per block."""

PERCENTS = (10, 25, 50, 75, 90)

_fast = choose.register("virtualbiopsy.radiomics.coalitions.compiled")


class OrderTables:
    """Values of one region by part.

    Parameters
    ----------
    values : (n,) float64. parts : (n,) 0…K-1. count : K.
    """

    def __init__(self, values: np.ndarray, parts: np.ndarray, count: int) -> None:
        order = np.argsort(values, kind="stable")
        self.count = count
        self.sorted = values[order]
        self.owner = parts[order]
        self.centre = float(values.mean())
        self.sizes = np.bincount(parts, minlength=count).astype(np.float64)
        size = np.maximum(self.sizes, 1.0)
        self.totals = np.bincount(parts, weights=values, minlength=count)
        self.means = self.totals / size
        deviation = values - self.means[parts]
        self.powers = [
            np.bincount(parts, weights=deviation**power, minlength=count) for power in (1, 2, 3, 4)
        ]
        self.energies = np.bincount(parts, weights=values * values, minlength=count)
        self.lowest = np.full(count, np.inf)
        self.highest = np.full(count, -np.inf)
        np.minimum.at(self.lowest, parts, values)
        np.maximum.at(self.highest, parts, values)
        self._fill_blocks()

    def _fill_blocks(self) -> None:
        n, self.blocks = len(self.sorted), -(-len(self.sorted) // BLOCK)
        self.block_owner = np.full((self.blocks, BLOCK), self.count)
        self.block_owner.ravel()[:n] = self.owner
        self.block_values = np.zeros((self.blocks, BLOCK))
        self.block_values.ravel()[:n] = self.sorted - self.centre
        codes = np.arange(n) // BLOCK * self.count + self.owner
        shape, size = (self.blocks, self.count), self.blocks * self.count
        counts = np.bincount(codes, minlength=size).reshape(shape)
        weights = self.sorted - self.centre
        sums = np.bincount(codes, weights=weights, minlength=size).reshape(shape)
        self.before = np.concatenate((np.zeros((1, self.count)), np.cumsum(counts, axis=0)))
        self.sums = np.concatenate((np.zeros((1, self.count)), np.cumsum(sums, axis=0)))

    @cached_property
    def by_part(self) -> np.ndarray:
        """(K, 10) size, mean, sums of powers 1 to 4 of the deviations, energy, minimum, maximum, sum."""
        columns = (
            self.sizes,
            self.means,
            *self.powers,
            self.energies,
            self.lowest,
            self.highest,
            self.totals,
        )
        return np.stack(columns, axis=1)


class Unions:
    """What the statistics of c unions share; arrays are (c,).

    Parameters
    ----------
    tables : of the region. chosen : (K, c) 1.0 where a union has a part, else 0.0; each union has a voxel.
    profile : "ibsi" or "pyradiomics". voxel_volume : mm³.
    """

    def __init__(
        self, tables: OrderTables, chosen: np.ndarray, profile: str, voxel_volume: float = 1.0
    ) -> None:
        self.tables = tables
        self.chosen = chosen
        self.profile = profile
        self.voxel_volume = voxel_volume
        self.n = tables.sizes @ chosen
        self.mean = tables.totals @ chosen / self.n

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Second, third and fourth central moment."""
        t = self.tables
        size, (first, second, third, fourth) = t.sizes[:, None], (power[:, None] for power in t.powers)
        gap = t.means[:, None] - self.mean
        square = gap * gap
        parts = (
            second + 2 * gap * first + size * square,
            third + gap * (3 * second + 3 * gap * first + size * square),
            fourth + gap * (4 * third + gap * (6 * second + 4 * gap * first + size * square)),
        )
        return tuple((part * self.chosen).sum(axis=0) / self.n for part in parts)

    @cached_property
    def variance(self) -> np.ndarray:
        return self.moments[0]

    @cached_property
    def minimum(self) -> np.ndarray:
        return np.where(self.chosen > 0, self.tables.lowest[:, None], np.inf).min(axis=0)

    @cached_property
    def maximum(self) -> np.ndarray:
        return np.where(self.chosen > 0, self.tables.highest[:, None], -np.inf).max(axis=0)

    @cached_property
    def energy(self) -> np.ndarray:
        return self.tables.energies @ self.chosen

    @cached_property
    def _member(self) -> np.ndarray:
        """(c, K + 1) bool; the last stands for the padding of the last block."""
        return np.pad(self.chosen.T > 0, ((0, 0), (0, 1)))

    @cached_property
    def _counts(self) -> np.ndarray:
        """(blocks + 1, c) members before each block."""
        return self.tables.before @ self.chosen

    @cached_property
    def _sums(self) -> np.ndarray:
        """(blocks + 1, c) sums of their values, from the region's mean."""
        return self.tables.sums @ self.chosen

    @cached_property
    def _percentiles(self) -> dict[int, np.ndarray]:
        shares = np.array(PERCENTS)[:, None] / 100
        place = (self.n - 1) * shares
        below = np.floor(place)
        above = np.minimum(below + 1, self.n - 1)
        low, high = np.split(self._ranked(np.concatenate((below, above))), 2)
        share, step = place - below, high - low
        found = np.where(share < 0.5, low + step * share, high - step * (1 - share))
        return dict(zip(PERCENTS, found, strict=True))

    def percentile(self, percent: int) -> np.ndarray:
        """Linear between order statistics, rounded as in numpy."""
        return self._percentiles[percent]

    def _ranked(self, rank: np.ndarray) -> np.ndarray:
        """Order statistics (q, c) of ranks (q, c) from 0."""
        t = self.tables
        block = (self._counts[1:, None, :] <= rank).sum(axis=0)
        rest = rank - np.take_along_axis(self._counts, block, axis=0)
        found = np.empty(rank.shape)
        unions = np.arange(rank.shape[1])
        for row in range(len(rank)):
            inside = self._member[unions[:, None], t.block_owner[block[row]]]
            upto = np.cumsum(inside, axis=1, dtype=np.int16)
            at = (upto <= rest[row][:, None]).sum(axis=1)
            found[row] = t.sorted[block[row] * BLOCK + at]
        return found

    def _below(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number (c,) of members before places (c,) in the sorted values, and sum of their values."""
        t = self.tables
        block = np.minimum(place // BLOCK, t.blocks - 1)
        unions = np.arange(len(place))
        inside = self._member[unions[:, None], t.block_owner[block]]
        inside &= np.arange(BLOCK) < (place - block * BLOCK)[:, None]
        count = self._counts[block, unions] + inside.sum(axis=1)
        total = self._sums[block, unions] + np.einsum("cb,cb->c", inside, t.block_values[block])
        return count, total

    def _upto(self, value: np.ndarray, side: str = "right") -> tuple[np.ndarray, np.ndarray]:
        return self._below(np.searchsorted(self.tables.sorted, value, side=side))

    def _distance(self, centre: np.ndarray, low: tuple, high: tuple) -> np.ndarray:
        """Sum of distances from centres (c,) of the members between two cuts (count, sum) each."""
        middle = self._upto(centre)
        shifted = centre - self.tables.centre
        under = shifted * (middle[0] - low[0]) - (middle[1] - low[1])
        over = (high[1] - middle[1]) - shifted * (high[0] - middle[0])
        return under + over

    def distance_from(self, centre: np.ndarray) -> np.ndarray:
        """Mean absolute deviation from centres (c,)."""
        none = (np.zeros_like(self.n), np.zeros_like(self.n))
        return self._distance(centre, none, (self._counts[-1], self._sums[-1])) / self.n

    @cached_property
    def robust_deviation(self) -> np.ndarray:
        low, high = self._upto(self.percentile(10), "left"), self._upto(self.percentile(90))
        count = high[0] - low[0]
        some = np.maximum(count, 1)
        mean = (high[1] - low[1]) / some + self.tables.centre
        return np.where(count > 0, self._distance(mean, low, high) / some, np.nan)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0)


FEATURES: dict[str, Callable[[Unions], np.ndarray]] = {
    "mean": lambda u: u.mean,
    "variance": lambda u: u.variance,
    "skewness": lambda u: u.moments[1] / u.variance**1.5,
    "kurtosis": lambda u: u.moments[2] / u.variance**2 - (0 if u.profile == "pyradiomics" else 3),
    "median": lambda u: u.percentile(50),
    "minimum": lambda u: u.minimum,
    "percentile_10": lambda u: u.percentile(10),
    "percentile_90": lambda u: u.percentile(90),
    "maximum": lambda u: u.maximum,
    "interquartile_range": lambda u: u.percentile(75) - u.percentile(25),
    "range": lambda u: u.maximum - u.minimum,
    "mean_absolute_deviation": lambda u: u.distance_from(u.mean),
    "robust_mean_absolute_deviation": lambda u: u.robust_deviation,
    "median_absolute_deviation": lambda u: u.distance_from(u.percentile(50)),
    "coefficient_of_variation": lambda u: _ratio(np.sqrt(u.variance), u.mean),
    "quartile_coefficient_of_dispersion": lambda u: _ratio(
        u.percentile(75) - u.percentile(25), u.percentile(75) + u.percentile(25)
    ),
    "energy": lambda u: u.energy,
    "total_energy": lambda u: u.energy * u.voxel_volume,
    "root_mean_square": lambda u: np.sqrt(u.energy / u.n),
}
"""By name, as :data:`virtualbiopsy.radiomics.statistics.FEATURES`: one value per union, shape (c,)."""


def statistics_of(unions: Unions, names: Sequence[str]) -> np.ndarray:
    """Statistics (len(names), c)."""
    fast, t = _fast(), unions.tables
    if fast is None:
        return np.stack([FEATURES[name](unions) for name in names])
    columns = fast.statistics(
        t.sorted,
        t.owner,
        t.before,
        t.sums,
        t.by_part,
        t.centre,
        np.ascontiguousarray(unions.chosen.T, dtype=np.int64),
        unions.voxel_volume,
        unions.profile == "pyradiomics",
    )
    return columns[:, [fast.STATISTICS.index(name) for name in names]].T
