"""Grey levels and texture matrices of one image in a region under edit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import kernels
from ..discretise import discretise_values, parse_discretisation
from . import choose
from .window import Edit, Window

_DIRECTIONS = 13
_MORE_LEVELS = 4


class Unusual(Exception):
    """The image cannot be followed in this region; the full extraction says why or copes with it."""


class LiveLevels:
    """One image in one region with one discretisation; its matrices are counted once and then follow.

    Parameters
    ----------
    window : the region. image : flattened grid of float64 intensities.
    spec, profile : as for :func:`virtualbiopsy.radiomics.discretise.discretise_values`.

    Attributes
    ----------
    low, high : smallest and largest intensity. side : A, levels for which there is room in the tables.
    field : (size,) int32 level of each position of the window, 0 outside. histogram : (A,) voxels by level.

    Raises
    ------
    Unusual : the image is constant or not finite inside the region.
    VirtualBiopsyError : it cannot be discretised.
    """

    def __init__(self, window: Window, image: np.ndarray, spec: str, profile: str) -> None:
        self.window = window
        self._image = image
        self._spec = spec
        self._profile = profile
        self._scheme = parse_discretisation(spec)
        self._count_anew()

    def _count_anew(self) -> None:
        """Forget everything and discretise the whole region."""
        values = self._image[self.window.on_grid]
        if not np.isfinite(values).all():
            raise Unusual
        self.low, self.high = float(values.min()), float(values.max())
        if self.low == self.high:
            raise Unusual
        levels, highest = discretise_values(values, self._spec, self._profile)
        self.side = highest if self._scheme.kind == "fbn" else highest + _MORE_LEVELS
        self.field = np.zeros(self.window.size, dtype=np.int32)
        self.field[self.window.inside] = levels
        self.histogram = np.bincount(levels, minlength=self.side + 1)[1:]
        self._present: np.ndarray | None = None
        self._tables: dict[str, _Pairs | _Alike | _Tones | _Runs | _Zones] = {}

    @property
    def levels(self) -> np.ndarray:
        """(n,) int32 levels in the order of ``window.inside``."""
        return self.field[self.window.inside]

    @property
    def present(self) -> np.ndarray:
        """(m,) indices, level minus one, of the levels that occur."""
        if self._present is None:
            self._present = np.flatnonzero(self.histogram)
        return self._present

    def follow(self, edit: Edit) -> None:
        """Take over an edit of the window.

        Raises
        ------
        Unusual, VirtualBiopsyError : as on construction; then this object must be given up.
        """
        if not len(edit.moved):
            return
        values = self._image[edit.on_grid]
        if not self._within_bins(values, edit.added):
            self._count_anew()
            return
        probe = np.concatenate([(self.low, self.high), values[edit.added]])
        levels, highest = discretise_values(probe, self._spec, self._profile)
        if highest > self.side:
            self._count_anew()
            return
        before = self.field[edit.moved[~edit.added]]
        after = np.zeros(len(edit.moved), dtype=np.int32)
        after[edit.added] = levels[2:]
        self.histogram += np.bincount(levels[2:], minlength=self.side + 1)[1:]
        self.histogram -= np.bincount(before, minlength=self.side + 1)[1:]
        self._present = None
        for table in self._tables.values():
            table.before(self.field, edit)
        self.field[edit.moved] = after
        self._tables = {name: table for name, table in self._tables.items() if table.after(self.field, edit)}

    def _within_bins(self, values: np.ndarray, added: np.ndarray) -> bool:
        """Follow minimum and maximum; False if the bins are others than before."""
        new, gone = values[added], values[~added]
        if not np.isfinite(new).all():
            raise Unusual
        low, high = self.low, self.high
        if len(gone) and (gone.min() == low or gone.max() == high):
            whole = self._image[self.window.on_grid]
            self.low, self.high = float(whole.min()), float(whole.max())
        elif len(new):
            self.low, self.high = min(low, float(new.min())), max(high, float(new.max()))
        if self.low == self.high:
            raise Unusual
        if self._scheme.kind == "fbn":
            return self.low == low and self.high == high
        return self._start(self.low) == self._start(low)

    def _start(self, low: float) -> float:
        """Where bins of fixed width start, as in discretise_values."""
        return low - low % self._scheme.value if self._profile == "pyradiomics" else low

    def table(self, make: Callable[[LiveLevels], object]) -> object:
        """A table, counted when first asked for."""
        name = make.__name__
        if name not in self._tables:
            self._tables[name] = make(self)
        return self._tables[name]

    def pairs(self) -> np.ndarray:
        """(13, m, m) float64 symmetric co-occurrence counts of the levels that occur."""
        counts, present = self.table(_Pairs).counts, self.present
        if present[-1] == len(present) - 1:
            return np.ascontiguousarray(counts[:, : len(present), : len(present)])
        return np.ascontiguousarray(counts[:, present[:, None], present])

    def runs(self) -> np.ndarray:
        """(13, m, r) float64 runs by level and length 1…r."""
        counts = self.table(_Runs).counts
        longest = int(np.flatnonzero(counts.any(axis=(0, 1)))[-1]) + 1
        return counts[:, self.present, :longest].astype(np.float64)

    def alike(self) -> tuple[np.ndarray, np.ndarray]:
        """(1, m, s) float64 voxels by level and number of dependent voxels, and those numbers (s,)."""
        counts = self.table(_Alike).counts[self.present]
        found = np.flatnonzero(counts.any(axis=0))
        return counts[None][:, :, found].astype(np.float64), found + 1.0

    def tones(self) -> tuple[np.ndarray, np.ndarray]:
        """(m,) int64 voxels that have neighbours and (m,) float64 sums of tone differences, by level."""
        voxels, sums = self.table(_Tones).counts[:, self.present, 1:]
        return voxels.sum(axis=1), (sums / np.arange(1.0, sums.shape[1] + 1)).sum(axis=1)

    def zones(self) -> tuple[np.ndarray, np.ndarray]:
        """(z,) level and (z,) voxels of each zone."""
        zones = self.table(_Zones)
        used = np.flatnonzero(zones.size)
        return zones.level[used], zones.size[used]

    def zones_by_depth(self, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(z,) level of each zone and (z,) smallest depth, from the depth (n,) of each voxel."""
        zones = self.table(_Zones)
        nearest = np.full(len(zones.size), np.iinfo(np.int64).max)
        np.minimum.at(nearest, zones.root[zones.label[self.window.inside]], depth)
        used = np.flatnonzero(zones.size)
        return zones.level[used], nearest[used]


class _Pairs:
    def __init__(self, live: LiveLevels) -> None:
        found = kernels.active().pair_counts(live.window.lattice, live.levels, live.side)
        self.counts = np.ascontiguousarray(found[0])

    def before(self, field: np.ndarray, edit: Edit) -> None:
        choose.loops().add_pairs(self.counts, field, *edit.pairs[0], -1)

    def after(self, field: np.ndarray, edit: Edit) -> bool:
        choose.loops().add_pairs(self.counts, field, *edit.pairs[1], 1)
        return True


class _Alike:
    def __init__(self, live: LiveLevels) -> None:
        levels = live.levels
        alike = kernels.active().alike_counts(live.window.lattice, levels)
        codes = (levels - 1) * 27 + alike
        self.counts = np.bincount(codes, minlength=live.side * 27).reshape(live.side, 27)
        self.steps = live.window.steps

    def before(self, field: np.ndarray, edit: Edit) -> None:
        choose.loops().add_alike(self.counts, field, edit.near[0], self.steps, -1)

    def after(self, field: np.ndarray, edit: Edit) -> bool:
        choose.loops().add_alike(self.counts, field, edit.near[1], self.steps, 1)
        return True


class _Tones:
    def __init__(self, live: LiveLevels) -> None:
        levels = live.levels.astype(np.int64)
        count, total = kernels.active().tone_sums(live.window.lattice, levels.astype(np.float64))
        count = np.asarray(count, dtype=np.int64)
        difference = np.abs(levels * count - np.rint(total).astype(np.int64))
        codes = (levels - 1) * 27 + count
        size = live.side * 27
        # Sums of whole numbers below 2^53 are exact as floats.
        sums = np.bincount(codes, difference, size).astype(np.int64)
        self.counts = np.stack([np.bincount(codes, minlength=size), sums]).reshape(2, live.side, 27)
        self.steps = live.window.steps

    def before(self, field: np.ndarray, edit: Edit) -> None:
        near, neighbours = edit.near[0], edit.neighbours[0]
        choose.loops().add_tones(self.counts, field, near, self.steps, neighbours, -1)

    def after(self, field: np.ndarray, edit: Edit) -> bool:
        near, neighbours = edit.near[1], edit.neighbours[1]
        choose.loops().add_tones(self.counts, field, near, self.steps, neighbours, 1)
        return True


class _Runs:
    def __init__(self, live: LiveLevels) -> None:
        found = kernels.active().run_counts(live.window.lattice, live.levels, live.side)[0]
        longer = max(8, found.shape[2])
        self.counts = np.zeros((_DIRECTIONS, live.side, found.shape[2] + longer), dtype=np.int64)
        self.counts[:, :, : found.shape[2]] = found
        self.steps = live.window.steps

    def before(self, field: np.ndarray, edit: Edit) -> None:
        choose.loops().add_runs(self.counts, field, *edit.on_lines[0], self.steps, edit.window.marks, -1)

    def after(self, field: np.ndarray, edit: Edit) -> bool:
        return choose.loops().add_runs(
            self.counts, field, *edit.on_lines[1], self.steps, edit.window.marks, 1
        )


class _Zones:
    def __init__(self, live: LiveLevels) -> None:
        window = live.window
        found = kernels.active().zone_labels(window.lattice, live.levels) + 1
        used = int(found.max()) + 1
        self.label = np.zeros(window.size, dtype=np.int32)
        self.label[window.inside] = found
        self.size = np.zeros(2 * used + 1024, dtype=np.int64)
        self.level = np.zeros(len(self.size), dtype=np.int32)
        self.root = np.arange(len(self.size), dtype=np.int32)
        self.size[:used] = np.bincount(found)
        self.level[found] = live.levels
        self._next = used
        self._owner = np.zeros(window.size, dtype=np.int32)

    def before(self, field: np.ndarray, edit: Edit) -> None:
        pass

    def after(self, field: np.ndarray, edit: Edit) -> bool:
        self._next = choose.loops().settle(
            field,
            self.label,
            self.root,
            self.size,
            self.level,
            edit.near[1],
            edit.moved,
            edit.added,
            edit.window.steps,
            self._next,
            self._owner,
        )
        return self._next >= 0
