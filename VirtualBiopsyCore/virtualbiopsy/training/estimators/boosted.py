"""XGBoost, kept as numbers.

XGBoost holds rows, thresholds and leaf values in single precision, goes left where x < threshold, and adds
the leaf values up in single precision. Here the same leaves are reached (x < t is x ≤ the single-precision
number before t), their values are the same numbers, and they are added up in double precision, so that
explanations balance. The result differs from the library's by what single precision loses in the sum: at most
(trees + 1) · 2⁻²⁴ · Σ |value|; added up as the library adds, it is the library's number.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...errors import MissingPackageError, ModelFormatError
from ...models.classifier import Classifier
from ...models.trees import joined
from ..dataset import MULTICLASS, Dataset, Outcome
from .data import check_classes, check_values
from .fitted import Fitted
from .options import Options

DEFAULTS = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "max_depth": 3,
    "min_child_weight": 1.0,
    "reg_lambda": 1.0,
    "reg_alpha": 0.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
}


class XGBoost:
    """Gradient boosted trees of XGBoost (Chen & Guestrin 2016), for two or several classes."""

    def __init__(self, options: Options, outcome: Outcome) -> None:
        self._classes = len(outcome.classes) if outcome.kind == MULTICLASS else 0
        self._settings: dict[str, Any] = {
            "n_estimators": options.whole("n_estimators"),
            "learning_rate": options.number("learning_rate"),
            "max_depth": options.whole("max_depth"),
            "min_child_weight": options.number("min_child_weight", closed=True),
            "reg_lambda": options.number("reg_lambda", closed=True),
            "reg_alpha": options.number("reg_alpha", closed=True),
            "subsample": options.number("subsample", 0.0, 1.0),
            "colsample_bytree": options.number("colsample_bytree", 0.0, 1.0),
        }

    def fit(self, values: np.ndarray, data: Dataset, rng: np.random.Generator) -> Fitted:
        """Fit on complete values (n, p).

        Raises
        ------
        TrainingError : gaps, no feature, or a class without a case.
        MissingPackageError : XGBoost is not installed.
        """
        values, labels = check_values(values, data), check_classes(data)
        try:
            from xgboost import XGBClassifier
        except ImportError as error:
            raise MissingPackageError(
                "This method needs XGBoost, which is not installed.",
                'Install it with `pip install "virtualbiopsy[boost]"`; predicting does not need it.',
            ) from error
        estimator = XGBClassifier(
            objective="multi:softprob" if self._classes else "binary:logistic",
            tree_method="hist",
            n_jobs=1,
            random_state=int(rng.integers(2**31)),
            **self._settings,
        )
        estimator.fit(values, labels)
        told = f"Fitted XGBoost on {len(labels)} cases and {values.shape[1]} features."
        importance = np.asarray(estimator.feature_importances_, dtype=np.float64)
        return Fitted(classifier_from_xgboost(estimator), importance=importance, told=told)


def classifier_from_xgboost(estimator: Any, positive: int = 0) -> Classifier:
    """Return the numbers of a fitted XGBClassifier (numerical features, trees as boosters).

    Two classes give the kind "xgboost", more give "softmax_boosting" with `positive` as the class that the
    raw score is about.

    Raises
    ------
    ModelFormatError : another objective, another booster, or categorical features.
    """
    learner = json.loads(bytes(estimator.get_booster().save_raw(raw_format="json")))["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]
    if objective not in ("binary:logistic", "multi:softprob") or booster["name"] != "gbtree":
        raise ModelFormatError(f"An XGBoost model for {objective} cannot be turned into numbers.")
    rounds = _last_round(estimator, learner)
    trees = booster["model"]["trees"]
    classes = int(learner["learner_model_param"]["num_class"])
    trees = trees[: rounds * max(classes, 1)]
    if any(len(tree["categories"]) for tree in trees):
        raise ModelFormatError("An XGBoost model with categorical features cannot be turned into numbers.")
    arrays = joined([_tree(tree) for tree in trees])
    base = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float32))
    if not classes:
        initial = -np.log(np.float32(1) / base - np.float32(1))
        return Classifier("xgboost", {**arrays, "initial": initial.astype(np.float64)})
    initial = np.broadcast_to(base.astype(np.float64), (classes,)).copy()
    about = {"initial": initial, "positive": np.array([positive], dtype=np.int64)}
    return Classifier("softmax_boosting", {**arrays, **about})


def _last_round(estimator: Any, learner: dict[str, Any]) -> int:
    """Rounds that the library predicts with: up to the best one, if early stopping found it."""
    best = learner.get("attributes", {}).get("best_iteration")
    return int(best) + 1 if best is not None else int(estimator.get_booster().num_boosted_rounds())


def _tree(tree: dict[str, Any]) -> dict[str, np.ndarray]:
    """One tree with its nodes numbered depth first; nodes that pruning has cut off are left out."""
    left, right = tree["left_children"], tree["right_children"]
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        if left[node] >= 0:
            stack += [right[node], left[node]]
    number = {node: i for i, node in enumerate(order)}
    inner = np.array([left[node] >= 0 for node in order])
    condition = np.array([tree["split_conditions"][node] for node in order], dtype=np.float32)
    before = np.nextafter(condition, np.float32(-np.inf)).astype(np.float64)
    return {
        "feature": np.where(inner, [tree["split_indices"][node] for node in order], -1).astype(np.int64),
        "threshold": np.where(inner, before, 0.0),
        "left": np.array([number.get(left[node], -1) for node in order], dtype=np.int64),
        "right": np.array([number.get(right[node], -1) for node in order], dtype=np.int64),
        "value": np.where(inner, 0.0, condition.astype(np.float64)),
    }
