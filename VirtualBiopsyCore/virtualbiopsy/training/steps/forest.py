"""Keep the columns that a random forest splits on most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dataset import SURVIVAL, Dataset, Outcome
from .base import KEEP, Selection, best, complete, may_go, needs_sklearn, select, varied
from .nullmodel import martingale_residuals


@dataclass(frozen=True)
class ForestImportance:
    """Which columns are kept.

    Attributes
    ----------
    k : how many; 0 for those above the mean importance.
    trees : of the forest. max_depth : of a tree, None for no limit. min_leaf : cases in a leaf.
    keep : beginnings of names that always stay and are not given to the forest.
    """

    k: int = 10
    trees: int = 300
    max_depth: int | None = None
    min_leaf: int = 1
    keep: tuple[str, ...] = KEEP

    def fit(self, data: Dataset, rng: np.random.Generator) -> Selection:
        """Fit on training data; classes weigh alike. Importance is the mean decrease of impurity.

        For survival the forest is one of regression trees on the martingale residuals of the null model
        (Therneau, Grambsch & Fleming, Biometrika 1990;77:147).

        Raises
        ------
        TrainingError : gaps or a constant outcome.
        """
        candidates = may_go(data, self.keep)
        values = complete(data, candidates, "forest_importance")
        outcome = varied(data.outcome, "forest_importance")
        forest, target = self._forest(outcome, int(rng.integers(2**31)))
        importance = forest.fit(values, target).feature_importances_
        chosen = best(importance, self.k) if self.k else importance > importance.mean()
        return select(data, candidates, chosen, importance, f"by the importance in {self.trees} trees")

    def _forest(self, outcome: Outcome, seed: int) -> tuple[Any, np.ndarray]:
        try:
            from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        except ImportError as error:
            raise needs_sklearn(error) from error
        common = {
            "n_estimators": self.trees,
            "max_depth": self.max_depth,
            "min_samples_leaf": self.min_leaf,
            "max_features": "sqrt",
            "random_state": seed,
        }
        if outcome.kind == SURVIVAL:
            return RandomForestRegressor(**common), martingale_residuals(outcome.time, outcome.labels)
        return RandomForestClassifier(class_weight="balanced_subsample", **common), outcome.labels
