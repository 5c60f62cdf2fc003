"""Runs, zones and dependences of the voxels of each kernel, for many kernels at once.

Source: IBSI reference manual, sections 3.7 to 3.9 and 3.11. What lies outside the kernel is outside the
region. Arrays are (n, v): n voxels of the kernel, v kernels; 0 means "nothing here".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .kernels import Kernels


@dataclass(frozen=True)
class Runs:
    """Runs along one direction, each at its first voxel.

    Attributes
    ----------
    grey, length : (n, v). counts : (v,) 1 where the direction has a matrix, else 0.
    """

    grey: np.ndarray
    length: np.ndarray
    counts: np.ndarray


def runs(kernels: Kernels, direction: int) -> Runs:
    """Runs along one of the 13 directions."""
    levels = kernels.levels
    length = kernels.inside.astype(np.int16)
    held = length.copy()
    first = kernels.inside.copy()
    for near, far in zip(*(ends[::-1] for ends in kernels.shape.pairs[direction]), strict=True):
        same = levels[near] == levels[far]
        length[near] += length[far] * same * kernels.inside[near]
        first[far] &= ~same
        held[near] += held[far]
    if kernels.profile == "pyradiomics":
        counts = (held.max(axis=0) > 1).astype(np.int64)
        first &= counts > 0
    else:
        counts = np.ones(levels.shape[1], dtype=np.int64)
    return Runs(levels * first, length * first, counts)


def merged_runs(parts: Sequence[Runs]) -> Runs:
    """The runs of several directions as one list."""
    return Runs(
        np.concatenate([part.grey for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.maximum.reduce([part.counts for part in parts]),
    )


def _zone_labels(kernels: Kernels) -> np.ndarray:
    """(n, v) number of the first voxel of each voxel's zone; n outside the region."""
    voxels = kernels.shape.voxels
    own = np.arange(voxels, dtype=np.int16)[:, None]
    label = np.where(kernels.inside, own, np.int16(voxels))
    links = [
        (a, b, (kernels.levels[a] == kernels.levels[b]) & kernels.inside[a])
        for first, second in kernels.shape.pairs
        for a, b in zip(first, second, strict=True)
    ]
    links = sorted((link for link in links if link[2].any()), key=lambda link: (link[0], link[1]))
    order = links
    while True:
        before = label.copy()
        for a, b, same in order:
            low = np.minimum(label[a], label[b])
            np.copyto(label[a], low, where=same)
            np.copyto(label[b], low, where=same)
        if np.array_equal(before, label):
            return label
        order = order[::-1]


def _over_zones(kernels: Kernels, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat numbers of zone and kernel of each voxel, (n·v,), and whether a voxel is its zone's first."""
    columns = label.shape[1]
    return label.astype(np.int64) * columns + np.arange(columns), label == np.arange(len(label))[:, None]


def zones(kernels: Kernels) -> tuple[np.ndarray, np.ndarray]:
    """Grey level and number of voxels of each zone (26-connected), at its first voxel."""
    label = _zone_labels(kernels)
    zone, first = _over_zones(kernels, label)
    size = np.bincount(zone.ravel(), minlength=(len(label) + 1) * label.shape[1])
    return kernels.levels * first, size[: label.size].reshape(label.shape).astype(np.int16) * first


def border_distances(kernels: Kernels) -> np.ndarray:
    """(n, v) city-block distance of each voxel from outside region and kernel; 0 outside."""
    shape = (*kernels.shape.size, -1)
    alive = np.pad(kernels.inside.reshape(shape), ((1, 1), (1, 1), (1, 1), (0, 0)))
    distance = np.zeros(kernels.levels.shape, dtype=np.int16)
    while alive.any():
        distance += alive[1:-1, 1:-1, 1:-1].reshape(distance.shape)
        kept = alive.copy()
        for axis in range(3):
            kept &= np.roll(alive, 1, axis) & np.roll(alive, -1, axis)
        alive = kept
    return distance


def zone_distances(kernels: Kernels) -> tuple[np.ndarray, np.ndarray]:
    """Grey level and smallest distance from the border of each zone, at its first voxel."""
    label = _zone_labels(kernels)
    zone, first = _over_zones(kernels, label)
    nearest = np.full((len(label) + 1) * label.shape[1], np.iinfo(np.int16).max, dtype=np.int16)
    np.minimum.at(nearest, zone.ravel(), border_distances(kernels).ravel())
    return kernels.levels * first, nearest[: label.size].reshape(label.shape) * first


def dependences(kernels: Kernels) -> tuple[np.ndarray, np.ndarray]:
    """Grey level of each voxel, and 1 + the number of its neighbours with the same level."""
    alike = kernels.inside.astype(np.int16)
    for first, second in kernels.shape.pairs:
        for a, b in zip(first, second, strict=True):
            same = (kernels.levels[a] == kernels.levels[b]) & kernels.inside[a]
            alike[a] += same
            alike[b] += same
    return kernels.levels, alike
