"""Players in groups within groups: the coalition structure of nested Owen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Groups of m players, from the outermost level to the players themselves.

    Attributes
    ----------
    levels : (depth, m) int; ``levels[d, j]`` numbers the group of player j at depth d. A group lies within
        one group of the level above; at the last level each player is a group of its own.
    """

    levels: np.ndarray

    @property
    def size(self) -> int:
        """Number of players."""
        return self.levels.shape[1]

    def parents(self) -> np.ndarray:
        """(depth, m): the group one level above, 0 for the outermost."""
        return np.concatenate([np.zeros((1, self.size), dtype=self.levels.dtype), self.levels[:-1]])

    def only(self, players: np.ndarray) -> Hierarchy:
        """The hierarchy of some of the players (indices)."""
        return Hierarchy(self.levels[:, players])

    def siblings(self, player: int) -> list[np.ndarray]:
        """By level, masks (groups, m) of the other groups in the group that holds the player."""
        found = []
        for group, parent in zip(self.levels, self.parents(), strict=True):
            others = np.unique(group[(parent == parent[player]) & (group != group[player])])
            found.append(group == others[:, None])
        return found


def flat(size: int) -> Hierarchy:
    """Players without groups; their Owen values are Shapley values."""
    return Hierarchy(np.arange(size)[None])


def hierarchy_of(paths: Sequence[tuple[str, ...]]) -> Hierarchy:
    """The hierarchy of players by the paths of groups above them; paths may differ in length."""
    depth = max((len(path) for path in paths), default=0)
    levels = [np.arange(len(paths))]
    for end in range(depth, 0, -1):
        numbers: dict[tuple, int] = {}
        names = [path[:end] if len(path) >= end else (*path, player) for player, path in enumerate(paths)]
        levels.append(np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=int))
    return Hierarchy(np.stack(levels[::-1]))
