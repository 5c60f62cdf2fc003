"""Random survival forest: trees grown by the log-rank statistic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import TrainingError
from ...models.trees import joined, leaf_values
from .likelihood import checked


@dataclass(frozen=True, eq=False)
class SurvivalForest:
    """A fitted forest.

    Attributes
    ----------
    arrays : trees as :mod:`virtualbiopsy.models.trees` walks them; the value of a node is its mortality, the
        sum over the event times of the training data of its Nelson–Aalen cumulative hazard.
    out_of_bag : (n,) mean mortality of each training case over the trees that were grown without it; NaN for
        a case that every tree has seen.
    importance : (p,) sum of the log-rank statistics of the splits on each feature, as shares.
    """

    arrays: Mapping[str, np.ndarray]
    out_of_bag: np.ndarray
    importance: np.ndarray

    def mortality(self, rows: np.ndarray) -> np.ndarray:
        """Expected number of events (n,) of rows (n, p), if all cases were like this one."""
        return leaf_values(self.arrays, rows).mean(axis=0)


def fit_survival_forest(
    rows: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    rng: np.random.Generator,
    *,
    n_trees: int = 200,
    min_leaf: int = 10,
    max_features: int | None = None,
    patients: np.ndarray | None = None,
    bootstrap: bool = True,
) -> SurvivalForest:
    """Grow a random survival forest (Ishwaran et al. 2008, Ann Appl Stat 2:841).

    Each tree sees a bootstrap sample of the patients, each node tries `max_features` features drawn anew
    (rounded-up root of p without), every cut between two different values that leaves `min_leaf` cases on
    either side, and takes the one with the largest log-rank statistic.

    Parameters
    ----------
    rows : (n, p) without gaps; compared in single precision. patients : (n,) drawn together; every case on
        its own without.

    Raises
    ------
    TrainingError : no event or no follow-up.
    """
    time, event = checked(time, event)
    if not event.any():
        raise TrainingError("No event was seen in these cases.", "Survival needs events; add follow-up.")
    rows = np.asarray(rows, dtype=np.float32).astype(np.float64)
    n, p = rows.shape
    features = min(p, max_features or int(np.ceil(np.sqrt(p))))
    which = np.unique(np.arange(n) if patients is None else patients, return_inverse=True)[1]
    members = [np.flatnonzero(which == number) for number in range(which.max() + 1)]
    times = np.unique(time[event > 0])
    found, total, counted = [], np.zeros(n), np.zeros(n)
    importance = np.zeros(p)
    for _ in range(n_trees):
        drawn = np.arange(n)
        if bootstrap:
            drawn = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        tree = _Tree(rows[drawn], time[drawn], event[drawn], times, min_leaf, features, rng, importance)
        arrays = tree.arrays()
        found.append(arrays)
        outside = np.setdiff1d(np.arange(n), drawn)
        if outside.size:
            total[outside] += leaf_values(joined([arrays]), rows[outside])[0]
            counted[outside] += 1
    with np.errstate(invalid="ignore"):
        out_of_bag = np.where(counted > 0, total / counted, np.nan)
    whole = importance.sum()
    return SurvivalForest(joined(found), out_of_bag, importance / whole if whole > 0 else importance)


class _Tree:
    """One tree, grown depth first, so that children have larger numbers than their parent."""

    def __init__(
        self,
        rows: np.ndarray,
        time: np.ndarray,
        event: np.ndarray,
        times: np.ndarray,
        min_leaf: int,
        features: int,
        rng: np.random.Generator,
        importance: np.ndarray,
    ) -> None:
        self._rows, self._time, self._event, self._times = rows, time, event, times
        self._min_leaf, self._features, self._rng = min_leaf, features, rng
        self._importance = importance
        self._nodes: list[list[float]] = []
        self._grow(np.arange(len(rows)))

    def arrays(self) -> dict[str, np.ndarray]:
        feature, threshold, left, right, value = np.array(self._nodes).T
        return {
            "feature": feature.astype(np.int64),
            "threshold": threshold.copy(),
            "left": left.astype(np.int64),
            "right": right.astype(np.int64),
            "value": value.copy(),
        }

    def _grow(self, cases: np.ndarray) -> int:
        number = len(self._nodes)
        self._nodes.append([-1, 0.0, -1, -1, self._mortality(cases)])
        split = self._split(cases)
        if split is not None:
            feature, threshold, gain = split
            self._importance[feature] += gain
            below = self._rows[cases, feature] <= threshold
            left, right = self._grow(cases[below]), self._grow(cases[~below])
            self._nodes[number][:4] = [feature, threshold, left, right]
        return number

    def _mortality(self, cases: np.ndarray) -> float:
        """Sum over all event times of the node's Nelson–Aalen estimate; a step counts for all later ones."""
        mine, seen = self._time[cases], self._event[cases] > 0
        steps, deaths = np.unique(mine[seen], return_counts=True)
        at_risk = cases.size - np.searchsorted(np.sort(mine), steps, side="left")
        later = self._times.size - np.searchsorted(self._times, steps, side="left")
        return float((deaths / at_risk * later).sum())

    def _split(self, cases: np.ndarray) -> tuple[int, float, float] | None:
        n, smallest = cases.size, self._min_leaf
        time, event = self._time[cases], self._event[cases]
        if n < 2 * smallest or not event.any():
            return None
        steps = np.unique(time[event > 0])
        there = (time[:, None] >= steps).astype(np.float64)
        at_risk = there.sum(axis=0)
        deaths = ((time[:, None] == steps) * event[:, None]).sum(axis=0)
        surplus = event - there @ (deaths / at_risk)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = deaths * (at_risk - deaths) / (at_risk**2 * (at_risk - 1))
        factor[at_risk <= 1] = 0.0
        best: tuple[float, int, float] | None = None
        tried = 0
        for feature in self._rng.permutation(self._rows.shape[1]):
            if tried == self._features:
                break
            values = self._rows[cases, feature]
            order = np.argsort(values, kind="stable")
            ordered = values[order]
            if ordered[0] == ordered[-1]:
                continue
            tried += 1
            ends = np.flatnonzero(ordered[1:] > ordered[:-1])
            ends = ends[(ends + 1 >= smallest) & (n - ends - 1 >= smallest)]
            if not ends.size:
                continue
            left = np.cumsum(there[order], axis=0)[ends]
            variance = left @ (factor * at_risk) - (left**2) @ factor
            apart = np.cumsum(surplus[order])[ends]
            with np.errstate(divide="ignore", invalid="ignore"):
                statistic = np.where(variance > 1e-12, apart**2 / variance, 0.0)
            top = int(np.argmax(statistic))
            if statistic[top] > 0 and (best is None or statistic[top] > best[0]):
                at = ends[top]
                best = float(statistic[top]), int(feature), float((ordered[at] + ordered[at + 1]) / 2)
        return None if best is None else (best[1], best[2], best[0])
