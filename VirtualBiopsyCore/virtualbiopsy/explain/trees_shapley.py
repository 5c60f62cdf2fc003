"""Exact interventional Shapley and nested Owen values of a sum of decision trees, for any number of features.

For a case x and a background row z a leaf is reached by the coalitions that hold all features A of its path
that only x satisfies and none of the features B that only z satisfies (Lundberg et al. 2020, "interventional"
TreeExplainer; Laberge & Pequignot 2022). Such a game has closed values: with a other members of A and b of B,
a feature of A decides with probability a! b! / (a + b + 1)!. With groups the probability is a product over
the levels, of the groups beside the feature's own; it is zero if one of these holds members of A and of B.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..progress import Progress, silent
from .hierarchy import Hierarchy

_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class Leaves:
    """Leaves as boxes: low < x[feature] ≤ high for each feature of their paths.

    Attributes
    ----------
    node : (L,) number of the leaf among the nodes.
    feature, low, high : (L, D), each feature once; rows are filled up with boxes that hold everything.
    """

    node: np.ndarray
    feature: np.ndarray
    low: np.ndarray
    high: np.ndarray


def leaves_of(arrays: Mapping[str, np.ndarray]) -> Leaves:
    """The leaves of all trees in the arrays of a classifier (see models.trees)."""
    feature, threshold = arrays["feature"].tolist(), arrays["threshold"].tolist()
    left, right = arrays["left"].tolist(), arrays["right"].tolist()
    found = []
    stack = [(root, {}) for root in arrays["tree_start"][:-1].tolist()]
    while stack:
        node, box = stack.pop()
        j = feature[node]
        if j < 0:
            found.append((node, box))
            continue
        low, high = box.get(j, (-math.inf, math.inf))
        stack.append((left[node], {**box, j: (low, min(high, threshold[node]))}))
        stack.append((right[node], {**box, j: (max(low, threshold[node]), high)}))
    shape = len(found), max(1, max(len(box) for _, box in found))
    features, low, high = np.zeros(shape, dtype=int), np.full(shape, -math.inf), np.full(shape, math.inf)
    for row, (_, box) in enumerate(found):
        for place, (j, (lowest, highest)) in enumerate(box.items()):
            features[row, place], low[row, place], high[row, place] = j, lowest, highest
    return Leaves(np.array([node for node, _ in found]), features, low, high)


def tree_values(
    arrays: Mapping[str, np.ndarray],
    values: np.ndarray,
    row: np.ndarray,
    background: np.ndarray,
    hierarchy: Hierarchy,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the values (p,) of the game v(S) = mean over z of Σ over trees of values[leaf of (x_S, z)].

    Parameters
    ----------
    arrays : the trees. values : (nodes,) what each leaf adds to the sum.
    row, background : (p,) and (n, p), scaled as the trees expect; compared as single precision.
    """
    leaves = leaves_of(arrays)
    x = row.astype(np.float32).astype(float)[leaves.feature]
    by_case = (leaves.low < x) & (x <= leaves.high)
    weight = _weights(leaves.feature.shape[1])
    phi = np.zeros(len(row))
    step = max(1, _CELLS_AT_ONCE // leaves.feature.size)
    for start in range(0, len(background), step):
        progress(start / len(background), "Explaining: trees")
        z = background[start : start + step].astype(np.float32).astype(float)[:, leaves.feature]
        by_row = (leaves.low < z) & (z <= leaves.high)
        leaf = np.nonzero((by_case | by_row).all(axis=2))[1]
        by_row = by_row[(by_case | by_row).all(axis=2)]
        size = max(1, _CELLS_AT_ONCE // leaves.feature.shape[1] ** 2)
        for part in range(0, len(leaf), size):
            at = leaf[part : part + size]
            only_case, only_row = (
                by_case[at] & ~by_row[part : part + size],
                by_row[part : part + size] & ~by_case[at],
            )
            share = _shares(leaves.feature[at], only_case, only_row, hierarchy, weight)
            share *= values[leaves.node[at], None]
            phi += np.bincount(leaves.feature[at].ravel(), share.ravel(), minlength=len(phi))
    return phi / len(background)


def _shares(
    feature: np.ndarray, inside: np.ndarray, outside: np.ndarray, hierarchy: Hierarchy, weight: np.ndarray
) -> np.ndarray:
    """Values (r, D) of the games "all of `inside` and none of `outside`" on the features (r, D)."""
    share = inside.astype(float) - outside
    earlier = np.tri(feature.shape[1], k=-1, dtype=bool)
    above = np.ones((len(feature), feature.shape[1], feature.shape[1]), dtype=bool)
    for group in hierarchy.levels:
        number = group[feature]
        same = number[:, :, None] == number[:, None, :]
        beside = above & ~same
        counts = []
        for members in (inside, outside):
            first = members & ~(same & earlier & members[:, None, :]).any(axis=2)
            counts.append((beside & first[:, None, :]).sum(axis=2))
        torn = inside & (same & outside[:, None, :]).any(axis=2)
        share *= weight[counts[0], counts[1]] * ~(beside & torn[:, None, :]).any(axis=2)
        above = same
    return share


def _weights(size: int) -> np.ndarray:
    """a! b! / (a + b + 1)! for a, b up to `size`."""
    return np.array(
        [[1.0 / ((a + b + 1) * math.comb(a + b, a)) for b in range(size + 1)] for a in range(size + 1)]
    )
