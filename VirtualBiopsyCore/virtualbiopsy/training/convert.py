"""From a fitted scikit-learn estimator to a classifier as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ModelFormatError
from ..models.calibration import logit
from ..models.classifier import Classifier


def classifier_from_sklearn(estimator: Any, floor: float = 1e-13) -> Classifier:
    """Return the numbers of a fitted binary estimator with classes 0 and 1.

    Known: LogisticRegression, LinearSVC, SVC (linear or rbf), GaussianNB, LinearDiscriminantAnalysis,
    DecisionTreeClassifier, RandomForestClassifier, GradientBoostingClassifier (log loss, default initial
    estimator).

    Parameters
    ----------
    floor : tree and forest probabilities are kept within floor … 1 − floor.

    Raises
    ------
    ModelFormatError : the estimator is of another kind or not binary.
    """
    name = type(estimator).__name__
    if list(getattr(estimator, "classes_", ())) != [0, 1]:
        raise ModelFormatError(f"The {name} is not fitted on the two classes 0 and 1.", "Fit it on 0 and 1.")
    linear = {
        "LogisticRegression": "logistic",
        "LinearSVC": "linear_svm",
        "LinearDiscriminantAnalysis": "lda",
    }
    if name == "SVC" and estimator.kernel == "linear":
        linear["SVC"] = "linear_svm"
    if name in linear:
        return Classifier(
            linear[name],
            {"coef": _float(estimator.coef_[0]), "intercept": _float(np.ravel(estimator.intercept_))},
        )
    if name == "SVC" and estimator.kernel == "rbf":
        arrays = {
            "support": _float(estimator.support_vectors_),
            "dual": _float(estimator.dual_coef_[0]),
            "gamma": _float([estimator._gamma]),
            "intercept": _float(estimator.intercept_),
        }
        return Classifier("rbf_svm", arrays)
    if name == "GaussianNB":
        arrays = {
            "log_prior": np.log(_float(estimator.class_prior_)),
            "mean": _float(estimator.theta_),
            "variance": _float(estimator.var_),
        }
        return Classifier("gaussian_nb", arrays)
    if name == "DecisionTreeClassifier":
        return Classifier("decision_tree", {**_trees([estimator.tree_], True), "floor": _float([floor])})
    if name == "RandomForestClassifier":
        trees = [tree.tree_ for tree in estimator.estimators_]
        return Classifier("random_forest", {**_trees(trees, True), "floor": _float([floor])})
    if name == "GradientBoostingClassifier" and estimator.loss == "log_loss" and estimator.init is None:
        arrays = {
            **_trees([tree.tree_ for tree in estimator.estimators_[:, 0]], False),
            "initial": _float([logit(estimator.init_.class_prior_[1])]),
            "learning_rate": _float([estimator.learning_rate]),
        }
        return Classifier("gradient_boosting", arrays)
    raise ModelFormatError(f"A {name} with these settings cannot be turned into numbers.")


def _float(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float64)


def _trees(trees: Sequence[Any], vote: bool) -> dict[str, np.ndarray]:
    def values(tree: Any) -> np.ndarray:
        return tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1) if vote else tree.value[:, 0, 0]

    return {**trees_of(trees), "value": _float(np.concatenate([values(tree) for tree in trees]))}


def trees_of(trees: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return scikit-learn's trees one behind another, without the values of their leaves."""
    sizes = [tree.node_count for tree in trees]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    leaf = [tree.children_left < 0 for tree in trees]

    def children(side: str) -> np.ndarray:
        parts = [
            np.where(end, -1, getattr(tree, side) + offset)
            for tree, end, offset in zip(trees, leaf, start, strict=False)
        ]
        return np.concatenate(parts).astype(np.int64)

    return {
        "tree_start": start,
        "feature": np.concatenate(
            [np.where(e, -1, t.feature) for t, e in zip(trees, leaf, strict=True)]
        ).astype(np.int64),
        "threshold": np.concatenate(
            [np.where(e, 0.0, t.threshold) for t, e in zip(trees, leaf, strict=True)]
        ),
        "left": children("children_left"),
        "right": children("children_right"),
    }
