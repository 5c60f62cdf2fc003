"""From a scikit-learn estimator of several classes to logits as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelFormatError
from ...models.classifier import Classifier
from ..convert import trees_of


def classifier_of_classes(estimator: Any, positive: int = 0, floor: float = 1e-13) -> Classifier:
    """Return the numbers of an estimator fitted on the classes 0 … k − 1, k ≥ 3.

    Known: LogisticRegression, LinearDiscriminantAnalysis, GaussianNB, DecisionTreeClassifier,
    RandomForestClassifier, GradientBoostingClassifier. softmax of the logits equals its predict_proba.

    Parameters
    ----------
    positive : class that the raw score is about. floor : shares of trees and forests are kept above it.

    Raises
    ------
    ModelFormatError : another kind, or fewer than three classes.
    """
    name = type(estimator).__name__
    classes = list(getattr(estimator, "classes_", ()))
    if len(classes) < 3 or classes != list(range(len(classes))):
        raise ModelFormatError(f"The {name} is not fitted on three or more classes 0, 1, 2, …")
    about = {"positive": np.array([positive], dtype=np.int64)}
    if name in ("LogisticRegression", "LinearDiscriminantAnalysis"):
        arrays = {"coef": _float(estimator.coef_), "intercept": _float(estimator.intercept_)}
        return Classifier("softmax", {**arrays, **about})
    if name == "GaussianNB":
        arrays = {
            "log_prior": np.log(_float(estimator.class_prior_)),
            "mean": _float(estimator.theta_),
            "variance": _float(estimator.var_),
        }
        return Classifier("softmax_nb", {**arrays, **about})
    if name in ("DecisionTreeClassifier", "RandomForestClassifier"):
        trees = [estimator] if name == "DecisionTreeClassifier" else estimator.estimators_
        trees = [tree.tree_ for tree in trees]
        value = np.concatenate([t.value[:, 0] / t.value[:, 0].sum(axis=1, keepdims=True) for t in trees])
        arrays = {**trees_of(trees), "value": _float(value), "floor": _float([floor])}
        return Classifier("softmax_forest", {**arrays, **about})
    if name == "GradientBoostingClassifier" and estimator.init is None:
        trees = [tree.tree_ for tree in estimator.estimators_.ravel()]
        value = np.concatenate([tree.value[:, 0, 0] for tree in trees]) * estimator.learning_rate
        # scikit-learn starts from log priors less their mean, which softmax does not see.
        arrays = {
            **trees_of(trees),
            "value": _float(value),
            "initial": np.log(_float(estimator.init_.class_prior_)),
        }
        return Classifier("softmax_boosting", {**arrays, **about})
    raise ModelFormatError(f"A {name} with several classes cannot be turned into numbers.")


def _float(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float64)
