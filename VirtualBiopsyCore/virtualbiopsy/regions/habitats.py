"""Habitats: parts of a lesion that look alike in several maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import FlatRegionError, MissingSequenceError, NonFiniteError, RegionTooSmallError

MAPS = ("pe", "ser", "adc")
"""Maps that habitats are made of unless others are asked for."""

COUNTS = (2, 3, 4)
"""Numbers of habitats among which the criterion chooses."""

SMALLEST = 50
"""A lesion with fewer voxels is not divided."""

_SEED, _STARTS, _ROUNDS, _SAMPLE = 20240607, 5, 100, 5000


@dataclass(frozen=True, eq=False)
class Habitats:
    """A lesion divided.

    Attributes
    ----------
    labels : (k, j, i) uint8, 0 outside, 1…count inside; ascending mean of the first map.
    count : number of habitats. maps : what they were made of.
    centres : (count, maps) means in the units of the maps. shares : (count,) of the voxels, sum 1.
    scores : Calinski–Harabasz index by number of habitats that was tried.
    note : one sentence for the provenance.
    """

    labels: np.ndarray
    count: int
    maps: tuple[str, ...]
    centres: np.ndarray
    shares: np.ndarray
    scores: Mapping[int, float]
    note: str


def habitats(
    images: Mapping[str, np.ndarray],
    inside: np.ndarray,
    maps: Sequence[str] = MAPS,
    count: int | None = None,
) -> Habitats:
    """Divide a lesion by k-means on standardised maps.

    Each map is brought to mean 0 and standard deviation 1 inside the lesion; k-means (Lloyd's algorithm,
    five k-means++ starts from a fixed seed, the smallest within-cluster sum of squares) gives the habitats.
    Lesions of more than 5000 voxels are divided on an evenly spaced sample and all voxels given to the
    nearest centre. Unless the number is given, that of 2, 3 and 4 with the largest Calinski–Harabasz index
    (variance ratio criterion; Calinski and Harabasz, Commun Stat 3:1, 1974) is taken. The result depends on
    images and outline only.

    Parameters
    ----------
    images : (k, j, i) arrays by role. inside : (k, j, i) bool. maps : roles to use, the first one orders.
    count : number of habitats, None to choose.

    Raises
    ------
    MissingSequenceError : a map is missing. RegionTooSmallError : fewer than 50 voxels.
    FlatRegionError : a map is constant inside, or holds fewer different values than habitats.
    NonFiniteError : a map is NaN or infinite inside.
    """
    maps = tuple(maps)
    absent = [role for role in maps if role not in images]
    if absent:
        raise MissingSequenceError(
            f"Habitats are made of {', '.join(maps)}; the case has no {', '.join(absent)}.",
            "Add the sequence, or make habitats of other maps.",
        )
    voxels = int(np.count_nonzero(inside))
    if voxels < SMALLEST:
        raise RegionTooSmallError(
            f"The lesion has {voxels} voxels; fewer than {SMALLEST} are not divided into habitats."
        )
    values = np.stack([np.asarray(images[role][inside], dtype=np.float64) for role in maps], axis=1)
    if not np.isfinite(values).all():
        raise NonFiniteError("A map is NaN or infinite inside the lesion; it cannot be divided.")
    deviation = values.std(axis=0)
    flat = [role for role, sd in zip(maps, deviation, strict=True) if not sd > 0]
    if flat:
        raise FlatRegionError(f"The map {flat[0]} has the same value everywhere inside the lesion.")
    points = (values - values.mean(axis=0)) / deviation
    sample = points[:: max(1, -(-voxels // _SAMPLE))]

    tried = COUNTS if count is None else (count,)
    different = len(np.unique(sample[: 4 * _SAMPLE], axis=0))
    if different < max(tried):
        raise FlatRegionError(
            f"The lesion holds {different} different values only; it cannot be divided into {max(tried)}."
        )
    found, scores = {}, {}
    for number in tried:
        centres = _k_means(sample, number)
        groups = _nearest(sample, centres)
        found[number] = centres
        scores[number] = calinski_harabasz(sample, groups)
    chosen = max(tried, key=lambda number: (scores[number], -number))
    groups = _nearest(points, found[chosen])
    means = np.stack([values[groups == g].mean(axis=0) for g in range(chosen)])
    order = np.argsort(means[:, 0], kind="stable")
    rank = np.empty(chosen, dtype=np.uint8)
    rank[order] = np.arange(1, chosen + 1)
    labels = np.zeros(inside.shape, dtype=np.uint8)
    labels[inside] = rank[groups]
    shares = np.bincount(rank[groups], minlength=chosen + 1)[1:] / voxels
    why = f"Calinski–Harabasz {scores[chosen]:.0f}, the largest of {len(tried)}" if count is None else "given"
    note = f"{chosen} habitats ({why}) from {', '.join(maps)} by k-means."
    return Habitats(labels, chosen, maps, means[order], shares, scores, note)


def calinski_harabasz(points: np.ndarray, groups: np.ndarray) -> float:
    """Variance ratio: between-group over within-group dispersion, each by its degrees of freedom.

    Parameters
    ----------
    points : (n, m). groups : (n,) numbers of the groups, each with at least one point.
    """
    numbers = np.unique(groups)
    middle = points.mean(axis=0)
    between = within = 0.0
    for number in numbers:
        part = points[groups == number]
        centre = part.mean(axis=0)
        between += len(part) * float(((centre - middle) ** 2).sum())
        within += float(((part - centre) ** 2).sum())
    if within == 0.0:
        return float("inf")
    return between / within * (len(points) - len(numbers)) / (len(numbers) - 1)


def _k_means(points: np.ndarray, count: int) -> np.ndarray:
    """Centres (count, m) with the smallest within-cluster sum of squares of all starts."""
    draw = np.random.default_rng(_SEED)
    best, chosen = np.inf, points[:count]
    for _ in range(_STARTS):
        centres = _start(points, count, draw)
        for _ in range(_ROUNDS):
            groups = _nearest(points, centres)
            moved = _means(points, groups, centres)
            if np.array_equal(moved, centres):
                break
            centres = moved
        spread = float(_squares(points, centres).min(axis=0).sum())
        if spread < best * (1 - 1e-12):
            best, chosen = spread, centres
    return chosen


def _start(points: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    """k-means++ (Arthur and Vassilvitskii, SODA 2007): next centres by squared distance from the last."""
    centres = [points[draw.integers(len(points))]]
    for _ in range(count - 1):
        weight = np.cumsum(_squares(points, np.array(centres)).min(axis=0))
        centres.append(points[min(int(np.searchsorted(weight, draw.random() * weight[-1])), len(points) - 1)])
    return np.array(centres)


def _means(points: np.ndarray, groups: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Means of the groups; an empty group keeps its centre."""
    sizes = np.bincount(groups, minlength=len(centres))
    sums = np.stack([np.bincount(groups, column, len(centres)) for column in points.T], axis=1)
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(count, n) squared distances."""
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres])


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n,) number of the nearest centre: |p - c|² without the |p|² that all centres share."""
    return ((centres**2).sum(axis=1)[:, None] - 2.0 * (centres @ points.T)).argmin(axis=0)
