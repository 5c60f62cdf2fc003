"""Texture matrices by plain loops over voxels, for the tests of the kernels; slow and literal."""

from __future__ import annotations

import itertools
import math

import numpy as np

Voxel = tuple[int, int, int]


def length(offset: Voxel, norm: str) -> float:
    sizes = [abs(part) for part in offset]
    return {"chebyshev": max(sizes), "manhattan": sum(sizes), "euclidean": math.hypot(*sizes)}[norm]


def offsets(distance: int, norm: str, planar: bool, up_to: bool = False) -> list[Voxel]:
    """One of each opposite pair: the first part that is not zero is positive."""
    found = []
    for offset in itertools.product(range(-distance, distance + 1), repeat=3):
        if offset <= (0, 0, 0) or (planar and offset[0] != 0):
            continue
        shell = math.ceil(length(offset, norm))
        if shell == distance or (up_to and shell <= distance):
            found.append(offset)
    return found


class Loops:
    """One region: `level` by voxel, from a mask and ranks (n,); planar neighbours stay in the slice."""

    def __init__(self, mask: np.ndarray, rank: np.ndarray, planar: bool) -> None:
        self.voxels = [tuple(int(part) for part in voxel) for voxel in np.argwhere(mask)]
        self.level = dict(zip(self.voxels, rank.tolist(), strict=True))
        self.planar = planar
        slices = sorted({voxel[0] for voxel in self.voxels})
        self.groups = len(slices) if planar else 1
        self.group = {voxel: slices.index(voxel[0]) if planar else 0 for voxel in self.voxels}

    def pairs(self, m: int, distance: int, norm: str) -> np.ndarray:
        steps = offsets(distance, norm, self.planar)
        table = np.zeros((self.groups, len(steps), m, m))
        for voxel in self.voxels:
            for d, step in enumerate(steps):
                other = self.level.get(_plus(voxel, step))
                if other is not None:
                    own = self.level[voxel]
                    table[self.group[voxel], d, own - 1, other - 1] += 1
                    table[self.group[voxel], d, other - 1, own - 1] += 1
        return table

    def runs(self, m: int) -> dict[tuple[int, int, int, int], int]:
        """Counts by group, direction, level and length."""
        found: dict[tuple[int, int, int, int], int] = {}
        for d, step in enumerate(offsets(1, "chebyshev", self.planar)):
            for voxel in self.voxels:
                own = self.level[voxel]
                if self.level.get(_plus(voxel, step, -1)) == own:
                    continue
                size = 1
                while self.level.get(_plus(voxel, step, size)) == own:
                    size += 1
                key = (self.group[voxel], d, own, size)
                found[key] = found.get(key, 0) + 1
        return found

    def neighbours(self, voxel: Voxel, distance: int, norm: str) -> list[int]:
        steps = offsets(distance, norm, self.planar, up_to=True)
        places = [_plus(voxel, step, sign) for step in steps for sign in (1, -1)]
        return [self.level[place] for place in places if place in self.level]

    def zones(self) -> list[set[Voxel]]:
        left, found = set(self.voxels), []
        steps = offsets(1, "chebyshev", self.planar)
        while left:
            start = left.pop()
            zone, front = {start}, [start]
            while front:
                voxel = front.pop()
                for place in (_plus(voxel, step, sign) for step in steps for sign in (1, -1)):
                    if place in left and self.level[place] == self.level[start]:
                        left.remove(place)
                        zone.add(place)
                        front.append(place)
            found.append(zone)
        return found

    def depth(self, voxel: Voxel) -> int:
        """Fewest steps along the axes that lead out of the region."""
        seen, front, steps = {voxel}, [voxel], 0
        axes = [(0, 1, 0), (0, 0, 1)] if self.planar else [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
        while True:
            steps += 1
            following = []
            for place in (_plus(at, axis, sign) for at in front for axis in axes for sign in (1, -1)):
                if place not in self.level:
                    return steps
                if place not in seen:
                    seen.add(place)
                    following.append(place)
            front = following


def _plus(voxel: Voxel, step: Voxel, times: int = 1) -> Voxel:
    return tuple(a + times * b for a, b in zip(voxel, step, strict=True))
