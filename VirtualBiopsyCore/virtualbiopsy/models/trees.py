"""Decision trees as plain arrays, walked for all rows at once.

Several trees lie one behind another. A leaf has feature −1. Children have larger numbers than their parent,
which is checked on loading, so that a walk always ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def tree_problem(arrays: Mapping[str, np.ndarray], n_features: int) -> str:
    """Return what makes these trees unusable, or "" if nothing does.

    `arrays` holds tree_start (trees + 1), feature, left, right (nodes), int64, and threshold, value (nodes),
    float64; left and right are node numbers in the concatenated arrays.
    """
    start, feature = arrays["tree_start"], arrays["feature"]
    left, right = arrays["left"], arrays["right"]
    nodes = len(feature)
    if len(start) < 2 or start[0] != 0 or start[-1] != nodes or np.any(np.diff(start) < 1):
        return "tree_start does not divide the nodes into trees"
    if np.any(feature < -1) or np.any(feature >= n_features):
        return f"a node asks for a feature outside 0…{n_features - 1}"
    inner = feature >= 0
    number = np.arange(nodes)
    end = np.repeat(start[1:], np.diff(start))
    for name, child in (("left", left), ("right", right)):
        bad = inner & ((child <= number) | (child >= end))
        if bad.any():
            return f"node {int(np.flatnonzero(bad)[0])} has a {name} child outside its own tree"
    children = np.concatenate([left[inner], right[inner]])
    if len(np.unique(children)) < len(children):
        return "a node is the child of two nodes, or twice the child of one"
    return ""


def leaf_nodes(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the number of the leaf that each row reaches in each tree.

    Parameters
    ----------
    rows : (n, p). Compared as single precision, which is how scikit-learn's trees and XGBoost compare.

    Returns
    -------
    (trees, n) int64, node numbers in the concatenated arrays.
    """
    rows = rows.astype(np.float32)
    feature, threshold = arrays["feature"], arrays["threshold"]
    left, right = arrays["left"], arrays["right"]
    n = len(rows)
    everyone = np.arange(n)
    out = np.empty((len(arrays["tree_start"]) - 1, n), dtype=np.int64)
    for tree, root in enumerate(arrays["tree_start"][:-1]):
        node = np.full(n, root)
        active = everyone
        while active.size:
            at = node[active]
            inner = feature[at] >= 0
            if not inner.all():
                active, at = active[inner], at[inner]
            down = rows[active, feature[at]] <= threshold[at]
            node[active] = np.where(down, left[at], right[at])
        out[tree] = node
    return out


def leaf_values(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the value of the leaf that each row (n, p) reaches in each tree, (trees, n) float64."""
    return arrays["value"][leaf_nodes(arrays, rows)]


def joined(trees: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Put trees one behind another; each holds feature, threshold, left, right and value of its own nodes."""
    start = np.concatenate([[0], np.cumsum([len(tree["feature"]) for tree in trees])]).astype(np.int64)
    out: dict[str, np.ndarray] = {"tree_start": start}
    for name in ("feature", "threshold", "left", "right", "value"):
        parts = [
            np.where(tree[name] < 0, -1, tree[name] + offset) if name in ("left", "right") else tree[name]
            for tree, offset in zip(trees, start, strict=False)
        ]
        out[name] = np.concatenate(parts)
    return out
