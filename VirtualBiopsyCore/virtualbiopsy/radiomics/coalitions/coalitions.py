"""Features of many unions of the parts of one region."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import (
    DimensionError,
    EmptyRegionError,
    FeatureError,
    FlatRegionError,
    GeometryError,
    NonFiniteError,
    RegionError,
)
from ...progress import Progress, part, silent
from ..definitions import definition
from ..discretise import discretise_values
from ..extract import extract
from ..keys import FeatureKey
from ..lattice import Lattice
from ..levels import Levels
from ..resegment import parse_region
from ..texture import Texture
from .level_tables import LevelTables
from .order import OrderTables, Unions, statistics_of

LEVELS = ("own", "frozen")
BATCH = 512
"""Unions between two calls of the progress callback."""

RECOUNT_UP_TO = 3
"""So few unions that share their range of intensities are extracted one by one; more share tables."""

KEPT_TABLES = 32

_ADDITIVE = ("3d_average", "3d_merged")
Responses = Callable[[str, str, str], np.ndarray]


@dataclass(frozen=True)
class _Group:
    """Keys that share their tables. rows : column of the answer by key."""

    kind: str
    keys: tuple[FeatureKey, ...]
    columns: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        return [key.name for key in self.keys]


class Coalitions:
    """Evaluates unions of the parts of a region, each as if it were outlined.

    Intensity statistics, histogram and GLCM features come from tables that are made once and added up: exact,
    thousands of unions per second. All other families (run lengths, zones, NGTDM, NGLDM, shape, …), regions
    with re-segmentation and aggregations other than "3d_average" and "3d_merged" of the GLCM are recounted
    union by union: :attr:`recounted`.

    Parameters
    ----------
    images : (k, j, i) arrays by sequence. labels : (k, j, i) integers on the same grid: 0 outside the region,
        1…K its parts. spacing : (dk, dj, di) in mm.
    keys : features, of one region (its name stands for the union).
    levels : "own": grey levels as :func:`virtualbiopsy.radiomics.extract.extract` gives them to the union
        alone. "frozen": those of the whole region, as is its number of levels.
    responses : for keys of filtered images, as for extract; None filters the images here.

    Attributes
    ----------
    keys : the parsed keys. parts : K. recounted : the keys that are recounted, as text.

    Raises
    ------
    FeatureError, GeometryError, DimensionError, EmptyRegionError, NonFiniteError, FlatRegionError : as
    extract
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        labels: np.ndarray,
        spacing: Sequence[float],
        keys: Sequence[FeatureKey | str],
        *,
        levels: str = "own",
        responses: Responses | None = None,
    ) -> None:
        if levels not in LEVELS:
            raise FeatureError(f"Unknown choice of levels {levels!r}.", f"Use {' or '.join(LEVELS)}.")
        self.own = levels == "own"
        self.spacing = tuple(float(step) for step in spacing)
        if len(self.spacing) != 3 or not all(math.isfinite(s) and s > 0 for s in self.spacing):
            raise GeometryError(f"The voxel spacing {self.spacing} is not three positive numbers in mm.")
        self.keys = tuple(FeatureKey.parse(key) if isinstance(key, str) else key for key in keys)
        for key in self.keys:
            definition(key)
        if len({parse_region(key.region).name for key in self.keys}) > 1:
            raise FeatureError("The keys name several regions; a union stands for one.")
        self._take_labels(labels)
        self._whole = dict(images)
        self._images = {name: self._cropped(name, image) for name, image in images.items()}
        self._whole_responses = responses or _filtered(images, self.spacing, self.keys)
        self._responses = _cropped_responses(self._whole_responses, self._box)
        self._values: dict[tuple[str, str, str], np.ndarray] = {}
        self._orders: dict[tuple[str, str], OrderTables] = {}
        self._tables: dict[tuple, LevelTables] = {}
        self._discretised: dict[tuple, tuple[np.ndarray, int]] = {}
        self._shifts: dict[tuple, bool] = {}
        self._groups = self._sorted_keys(images)
        self.recounted = tuple(
            str(key) for group in self._groups if group.kind == "recount" for key in group.keys
        )

    def _take_labels(self, labels: np.ndarray) -> None:
        labels = np.asarray(labels)
        if labels.ndim != 3:
            raise DimensionError(f"The labels have {labels.ndim} dimensions, not 3.")
        if not np.issubdtype(labels.dtype, np.integer) or labels.min(initial=0) < 0:
            raise FeatureError("The labels must be whole numbers from 0.")
        if not labels.any():
            raise EmptyRegionError("The labels hold no part of a region.", "Outline the tumour first.")
        self.shape = labels.shape
        where = np.nonzero(labels)
        self._box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in where)
        self._labels = labels[self._box]
        mask = self._labels > 0
        self._lattice = Lattice(mask)
        self._parts = self._labels[mask].astype(np.int64) - 1
        self.parts = int(self._parts.max()) + 1
        self._sizes = np.bincount(self._parts, minlength=self.parts)

    def _cropped(self, name: str, image: np.ndarray) -> np.ndarray:
        image = np.asarray(image)
        if image.ndim != 3:
            raise DimensionError(f"The image {name!r} has {image.ndim} dimensions, not 3.")
        if image.shape != self.shape:
            raise GeometryError(
                f"The image {name!r} has {image.shape} voxels, the labels {self.shape}.",
                "Prepare both on the same grid.",
            )
        return image[self._box]

    def _sorted_keys(self, images: Mapping[str, np.ndarray]) -> list[_Group]:
        found: dict[tuple, list[int]] = {}
        for column, key in enumerate(self.keys):
            source = (key.sequence, key.image)
            if definition(key).needs_image and key.sequence not in images:
                continue
            resegmented = parse_region(key.region).resegmented
            if key.family == "statistics" and not resegmented:
                index = ("statistics", *source, key.profile)
            elif key.family == "histogram" and not resegmented:
                index = ("histogram", *source, key.discretisation, key.profile)
            elif key.family == "glcm" and key.aggregation in _ADDITIVE and not resegmented:
                index = ("glcm", *source, key.discretisation, key.profile, key.aggregation)
            else:
                index = ("recount", *source)
            found.setdefault(index, []).append(column)
        return [
            _Group(index[0], tuple(self.keys[c] for c in columns), tuple(columns))
            for index, columns in found.items()
        ]

    def evaluate(self, chosen: np.ndarray, progress: Progress = silent) -> np.ndarray:
        """Features of unions.

        Parameters
        ----------
        chosen : (C, K) bool: the parts of each union.

        Returns
        -------
        (C, F) float64 in the order of the keys. NaN where extract would not give a value: an undefined
        feature, a sequence that is not there; and where it would raise because of the union: no voxel (the
        empty coalition), one voxel, or a single intensity.

        Raises
        ------
        FeatureError : `chosen` has another shape.
        """
        chosen = np.asarray(chosen)
        if chosen.ndim != 2 or chosen.shape[1] != self.parts:
            raise FeatureError(f"Coalitions of shape {chosen.shape} do not choose among {self.parts} parts.")
        chosen = chosen.astype(bool, copy=False)
        found = np.full((len(chosen), len(self.keys)), np.nan)
        usable = np.flatnonzero(chosen @ self._sizes > 1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for number, group in enumerate(self._groups):
                rows = usable if group.kind == "recount" else usable[self._varied(chosen[usable], group)]
                share = part(progress, number / len(self._groups), (number + 1) / len(self._groups))
                found[np.ix_(rows, group.columns)] = self._evaluate(group, chosen[rows], share)
        found[~np.isfinite(found)] = np.nan
        return found

    def _source(self, group: _Group) -> tuple[str, str, str]:
        return group.keys[0].sequence, group.keys[0].image, group.keys[0].profile

    def values(self, sequence: str, image: str, profile: str = "ibsi") -> np.ndarray:
        """(n,) intensities inside the region."""
        index = (sequence, image, "" if image == "original" else profile)
        if index not in self._values:
            array = (
                self._images[sequence] if image == "original" else self._responses(sequence, image, profile)
            )
            values = np.asarray(array)[self._labels > 0].astype(np.float64)
            if not np.isfinite(values).all():
                raise NonFiniteError(f"The image {sequence!r} is NaN or infinite inside the region.")
            if values.min() == values.max():
                raise FlatRegionError(f"All voxels of the region have the same value in {sequence!r}.")
            self._values[index] = values
        return self._values[index]

    def _order(self, group: _Group) -> OrderTables:
        source = self._source(group)
        if source not in self._orders:
            self._orders[source] = OrderTables(self.values(*source), self._parts, self.parts)
        return self._orders[source]

    def _range(self, chosen: np.ndarray, group: _Group) -> tuple[np.ndarray, np.ndarray]:
        order = self._order(group)
        low = np.where(chosen, order.lowest, np.inf).min(axis=1, initial=np.inf)
        return low, np.where(chosen, order.highest, -np.inf).max(axis=1, initial=-np.inf)

    def _varied(self, chosen: np.ndarray, group: _Group) -> np.ndarray:
        low, high = self._range(chosen, group)
        return low < high

    def _evaluate(self, group: _Group, chosen: np.ndarray, progress: Progress) -> np.ndarray:
        if group.kind == "recount":
            return self._recount(group.keys, chosen, progress)
        if group.kind == "statistics":
            order, volume = self._order(group), math.prod(self.spacing)
            profile = group.keys[0].profile
            return _in_batches(
                lambda some: statistics_of(Unions(order, some, profile, volume), group.names),
                chosen,
                progress,
            )
        if self.own and not self._shifts_exactly(group):
            return self._by_range(group, chosen, progress)
        levels, n_levels = self._levels(group)
        key = group.keys[0]
        index = (*self._source(group), key.discretisation, key.profile)
        tables = self._level_tables(index, levels, n_levels, self.own, key.profile)
        return self._from_tables(tables, group, chosen, progress)

    @staticmethod
    def _from_tables(
        tables: LevelTables, group: _Group, chosen: np.ndarray, progress: Progress
    ) -> np.ndarray:
        if group.kind == "histogram":
            return _in_batches(lambda some: tables.histogram_features(some, group.names), chosen, progress)
        merged = group.keys[0].aggregation == "3d_merged"
        return _in_batches(lambda some: tables.glcm(some, group.names, merged), chosen, progress)

    def _level_tables(
        self, index: tuple, levels: np.ndarray, n_levels: int, own: bool, profile: str
    ) -> LevelTables:
        if index not in self._tables:
            while len(self._tables) >= KEPT_TABLES:
                del self._tables[next(iter(self._tables))]
            self._tables[index] = LevelTables(
                self._lattice, levels, self._parts, self.parts, n_levels, own, profile
            )
        return self._tables[index]

    def _levels(self, group: _Group) -> tuple[np.ndarray, int]:
        """The grey levels of the whole region."""
        key = group.keys[0]
        index = (*self._source(group), key.discretisation, key.profile)
        if index not in self._discretised:
            self._discretised[index] = discretise_values(
                self.values(*self._source(group)), key.discretisation, key.profile
            )
        return self._discretised[index]

    def _shifts_exactly(self, group: _Group) -> bool:
        """Whether the levels of any union are those of the region less a whole number.

        They are for bins of fixed width that start at a multiple of it (profile "pyradiomics"), unless its
        multiples are rounded differently. The lowest value of a union is that of one of its parts.
        """
        key, source = group.keys[0], self._source(group)
        index = (*source, key.discretisation, key.profile)
        if index not in self._shifts:
            exact = key.profile == "pyradiomics" and key.discretisation.startswith("fbw")
            if exact:
                values, (levels, _) = self.values(*source), self._levels(group)
                for low in np.unique(self._order(group).lowest[self._sizes > 0]):
                    above = values >= low
                    own, _ = discretise_values(values[above], key.discretisation, key.profile)
                    shifts = levels[above] - own
                    exact = exact and bool((shifts == shifts[0]).all())
            self._shifts[index] = exact
        return self._shifts[index]

    def _by_range(self, group: _Group, chosen: np.ndarray, progress: Progress) -> np.ndarray:
        """Unions with the same lowest and highest value have the same levels."""
        key, source = group.keys[0], self._source(group)
        values = self.values(*source)
        ranges, member = np.unique(np.stack(self._range(chosen, group), axis=1), axis=0, return_inverse=True)
        found = np.empty((len(chosen), len(group.keys)))
        for number, (low, high) in enumerate(ranges):
            share = part(progress, number / len(ranges), (number + 1) / len(ranges))
            rows = np.flatnonzero(member.ravel() == number)
            if len(rows) <= RECOUNT_UP_TO:
                found[rows] = self._recount(group.keys, chosen[rows], share)
                continue
            index = (*source, key.discretisation, key.profile, low, high)
            if index not in self._tables:
                inside = (values >= low) & (values <= high)
                levels = np.zeros(len(values), dtype=np.int32)
                levels[inside], n_levels = discretise_values(values[inside], key.discretisation, key.profile)
            else:
                levels, n_levels = self._tables[index].levels, self._tables[index].n_levels
            tables = self._level_tables(index, levels, n_levels, False, key.profile)
            found[rows] = self._from_tables(tables, group, chosen[rows], share)
        return found

    def _recount(self, keys: Sequence[FeatureKey], chosen: np.ndarray, progress: Progress) -> np.ndarray:
        found = np.full((len(chosen), len(keys)), np.nan)
        for row, parts in enumerate(chosen):
            progress(row / len(chosen), "Coalitions")
            union = np.append(False, parts)[self._labels]
            fixed = [] if self.own else [n for n, key in enumerate(keys) if _frozen(key)]
            rest = [n for n in range(len(keys)) if n not in set(fixed)]
            if fixed:
                found[row, fixed] = self._frozen(union, [keys[n] for n in fixed])
            if rest:
                found[row, rest] = self._extract(union, [keys[n] for n in rest])
        return found

    def _extract(self, union: np.ndarray, keys: Sequence[FeatureKey]) -> list[float]:
        """Values by extraction; intensity peaks look at voxels outside the region as well."""
        name = parse_region(keys[0].region).name
        peaks = [key for key in keys if key.family == "local_intensity"]
        rest = [key for key in keys if key.family != "local_intensity"]
        values: dict[str, float] = {}
        try:
            if rest:
                found = extract(self._images, {name: union}, self.spacing, rest, self._responses)
                values.update(found.values)
            if peaks:
                mask = np.zeros(self.shape, dtype=bool)
                mask[self._box] = union
                found = extract(self._whole, {name: mask}, self.spacing, peaks, self._whole_responses)
                values.update(found.values)
        except RegionError:
            return [math.nan] * len(keys)
        return [values.get(str(key), math.nan) for key in keys]

    def _frozen(self, union: np.ndarray, keys: Sequence[FeatureKey]) -> list[float]:
        """Texture of a union with the levels of the whole region."""
        mask = self._labels > 0
        values = self.values(keys[0].sequence, keys[0].image, keys[0].profile)[union[mask]]
        if values.min() == values.max():
            return [math.nan] * len(keys)
        box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(union))
        lattice = Lattice(union[box])
        textures: dict[tuple[str, str], Texture] = {}
        found = []
        for key in keys:
            index = (key.discretisation, key.profile)
            if index not in textures:
                levels, n_levels = self._levels(_Group("recount", (key,), (0,)))
                cells = Levels.of(levels[union[mask]], n_levels)
                textures[index] = Texture(lattice, None, *index, spacing=self.spacing, cells=cells)
            found.append(textures[index].feature(key))
        return found


def _in_batches(
    evaluate: Callable[[np.ndarray], np.ndarray], chosen: np.ndarray, progress: Progress
) -> np.ndarray:
    """Features (c, names) of ``evaluate``, called with members (K, batch) as numbers."""
    found = []
    for start in range(0, len(chosen), BATCH):
        progress(start / len(chosen), "Coalitions")
        members = np.ascontiguousarray(chosen[start : start + BATCH].T, dtype=np.float64)
        found.append(evaluate(members).T)
    return np.concatenate(found) if found else np.empty((0, 1))


def _frozen(key: FeatureKey) -> bool:
    """Whether a key has grey levels that can be frozen."""
    texture = ("histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
    return key.family in texture and not parse_region(key.region).resegmented


def _cropped_responses(responses: Responses, box: tuple[slice, slice, slice]) -> Responses:
    """Responses inside the box of the region, each made once."""
    found: dict[tuple[str, str, str], np.ndarray] = {}

    def make(*which: str) -> np.ndarray:
        if which not in found:
            found[which] = np.asarray(responses(*which))[box]
        return found[which]

    return make


def _filtered(
    images: Mapping[str, np.ndarray], spacing: tuple[float, float, float], keys: Sequence[FeatureKey]
) -> Responses:
    from ..images import ImageCache, whole
    from ..plan import plan

    cache = ImageCache(images, spacing)

    def make(sequence: str, image: str, profile: str) -> np.ndarray:
        wanted = plan(keys).responses[sequence, profile]
        return cache.responses(sequence, wanted, whole(np.shape(images[sequence])), profile)[image]

    return make
