"""Shapley and nested Owen values of any game: by its coalitions, or by a sample of orders.

The nested Owen value of a player is its mean change of the game over all orders in which the members of a
group follow one another, the groups of a group too, and so on (Owen 1977; Winter 1989, levels structure). The
values of a group's members add up to the value of the group. Without groups it is the Shapley value.
"""

from __future__ import annotations

import math

import numpy as np

from ..progress import Progress, silent
from .coalition_game import Worth, distinct, paired
from .hierarchy import Hierarchy


def coalition_count(hierarchy: Hierarchy) -> int:
    """Number of coalitions that some order of the hierarchy passes through; 2^m without groups."""

    def within(members: np.ndarray, depth: int) -> int:
        if depth == len(hierarchy.levels):
            return 2
        groups = hierarchy.levels[depth, members]
        found = [within(members[groups == group], depth + 1) for group in np.unique(groups)]
        return 2 ** len(found) + 2 ** (len(found) - 1) * sum(count - 2 for count in found)

    return within(np.arange(hierarchy.size), 0) if hierarchy.size else 1


def enumerated(worth: Worth, hierarchy: Hierarchy, progress: Progress = silent) -> np.ndarray:
    """Return the exact values (m,); every coalition that matters is asked for once."""
    m = hierarchy.size
    if not m:
        return np.zeros(0)
    coalitions, chances = zip(*(_before(hierarchy, player) for player in range(m)), strict=True)
    after = [np.where(np.arange(m) == player, True, sets) for player, sets in enumerate(coalitions)]
    found, _ = distinct(worth, np.concatenate([*coalitions, *after]), progress)
    change = found[len(found) // 2 :] - found[: len(found) // 2]
    ends = np.cumsum([len(chance) for chance in chances])[:-1]
    return np.array([a @ b for a, b in zip(chances, np.split(change, ends), strict=True)])


def sampled(
    worth: Worth, hierarchy: Hierarchy, pairs: int, seed: int = 0, progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates (m,) from random orders and their reverses, and the standard errors (m,).

    The estimates are unbiased and their sum is exact, as the changes along each order add up; the error falls
    as 1/√pairs (Castro et al. 2009; antithetic pairs: Mitchell et al. 2022, section 4.1).

    Raises
    ------
    ValueError : fewer than two pairs. Cancelled
    """
    if pairs < 2:
        raise ValueError(f"{pairs} pairs of orders; the error needs two or more")
    rng = np.random.default_rng(seed)
    m = hierarchy.size
    gains = np.empty((2 * pairs, m))
    for pair in range(pairs):
        progress(pair / pairs, "Explaining: orders of features")
        order = np.lexsort([rng.random(group.max() + 1)[group] for group in hierarchy.levels[::-1]])
        for number, sequence in enumerate((order, order[::-1])):
            place = np.argsort(sequence)
            gains[2 * pair + number, sequence] = np.diff(worth(place < np.arange(m + 1)[:, None], silent))
    return paired(gains)


def _before(hierarchy: Hierarchy, player: int) -> tuple[np.ndarray, np.ndarray]:
    """Coalitions (s, m) that a player can meet, and the probability of each.

    At each level any k of the n sibling groups are complete, with probability k! (n − k)! / (n + 1)!.
    """
    sets, weights = np.zeros((1, hierarchy.size), dtype=bool), np.ones(1)
    for units in hierarchy.siblings(player):
        n = len(units)
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        unions = (bits @ units.astype(int)).astype(bool)
        chance = np.array([1.0 / ((n + 1) * math.comb(n, k)) for k in range(n + 1)])[bits.sum(axis=1)]
        sets = (sets[:, None] | unions).reshape(-1, hierarchy.size)
        weights = (weights[:, None] * chance).ravel()
    return sets, weights
