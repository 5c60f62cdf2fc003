"""Estimators that scikit-learn fits: linear ones, support vector machines, naive Bayes, trees and forests."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import MissingPackageError
from ...models.calibration import Calibrator
from ..convert import classifier_from_sklearn
from ..dataset import MULTICLASS, Dataset, Outcome
from ..platt import fit_platt
from .classes import classifier_of_classes
from .data import check_classes, check_values, grouped_folds
from .fitted import Fitted
from .options import Options

PLATT_FOLDS = 5
TWO_CLASSES_ONLY = ("linear_svm", "rbf_svm")
_TREE = {"max_depth": None, "min_samples_leaf": 5, "class_weight": "none"}
DEFAULTS = {
    "logistic": {"penalty": "l2", "C": 1.0, "l1_ratio": 0.5, "class_weight": "none"},
    "linear_svm": {"C": 1.0, "class_weight": "none"},
    "rbf_svm": {"C": 1.0, "gamma": "scale", "class_weight": "none"},
    "gaussian_nb": {"var_smoothing": 1e-9},
    "lda": {"shrinkage": 0.0},
    "decision_tree": {**_TREE, "max_depth": 4},
    "random_forest": {"n_estimators": 300, **_TREE, "min_samples_leaf": 2, "max_features": "sqrt"},
    "gradient_boosting": {
        "n_estimators": 100,
        "learning_rate": 0.1,
        "max_depth": 3,
        "min_samples_leaf": 1,
        "subsample": 1.0,
    },
}


class SkLearned:
    """One of scikit-learn's estimators, kept as numbers.

    Support vector machines get Platt's slope and intercept from decision values of five inner folds that
    hold patients together, so that their score is log-odds.
    """

    def __init__(self, options: Options, outcome: Outcome) -> None:
        self._options, self._classes = options, outcome.kind == MULTICLASS
        self._build = _BUILD[options.kind](options)

    def fit(self, values: np.ndarray, data: Dataset, rng: np.random.Generator) -> Fitted:
        """Fit on complete, scaled values (n, p).

        Raises
        ------
        TrainingError : gaps, no feature, or a class without a case.
        MissingPackageError : scikit-learn is not installed.
        """
        values, labels = check_values(values, data), check_classes(data)
        seed = int(rng.integers(2**31))
        estimator = self._fitted(values, labels, seed)
        if self._classes:
            classifier = classifier_of_classes(estimator)
        else:
            classifier = classifier_from_sklearn(estimator)
        calibrator = Calibrator()
        if self._options.kind in TWO_CLASSES_ONLY:
            folds = grouped_folds(data, PLATT_FOLDS, rng)
            decisions = np.empty(len(labels))
            for fold in np.unique(folds):
                train = folds != fold
                inner = classifier_from_sklearn(self._fitted(values[train], labels[train], seed))
                decisions[~train] = inner.raw_score(values[~train])
            calibrator = fit_platt(decisions, labels)
        told = f"Fitted {_TITLES[self._options.kind]} on {len(labels)} cases and {values.shape[1]} features."
        return Fitted(classifier, calibrator, importance=_importance(estimator), told=told)

    def _fitted(self, values: np.ndarray, labels: np.ndarray, seed: int) -> Any:
        estimator = self._build(seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*[Cc]onverge.*")
            warnings.filterwarnings("ignore", message=".*collinear.*")
            estimator.fit(values, labels)
        return estimator


_TITLES = {
    "logistic": "logistic regression",
    "linear_svm": "a linear support vector machine with Platt scaling",
    "rbf_svm": "a Gaussian support vector machine with Platt scaling",
    "gaussian_nb": "Gaussian naive Bayes",
    "lda": "linear discriminant analysis",
    "decision_tree": "a decision tree",
    "random_forest": "a random forest",
    "gradient_boosting": "gradient boosting",
}


def _importance(estimator: Any) -> np.ndarray | None:
    if hasattr(estimator, "feature_importances_"):
        return np.asarray(estimator.feature_importances_, dtype=np.float64)
    if getattr(estimator, "kernel", "linear") == "linear" and hasattr(estimator, "coef_"):
        return np.abs(np.asarray(estimator.coef_, dtype=np.float64)).max(axis=0)
    return None


def _sklearn(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise MissingPackageError(
            "Training needs scikit-learn, which is not installed.",
            'Install it with `pip install "virtualbiopsy[train]"`; predicting does not need it.',
        ) from error


Build = Callable[[int], Any]


def _weights(options: Options) -> str | None:
    return "balanced" if options.choice("class_weight", "none", "balanced") == "balanced" else None


def _logistic(options: Options) -> Build:
    penalty = options.choice("penalty", "none", "l1", "l2", "elastic_net")
    strength, weights = options.number("C"), _weights(options)
    ratio = {"l1": 1.0, "l2": 0.0, "none": 0.0}.get(penalty)
    ratio = options.number("l1_ratio", 0.0, 1.0, closed=True) if ratio is None else ratio
    common: dict[str, Any] = {"class_weight": weights, "C": np.inf if penalty == "none" else strength}

    def build(seed: int) -> Any:
        make = _sklearn("linear_model").LogisticRegression
        if ratio == 0.0:
            return make(solver="lbfgs", tol=1e-8, max_iter=5000, **common)
        return make(solver="saga", l1_ratio=ratio, tol=1e-6, max_iter=20000, random_state=seed, **common)

    return build


def _linear_svm(options: Options) -> Build:
    strength, weights = options.number("C"), _weights(options)
    return lambda seed: _sklearn("svm").SVC(kernel="linear", C=strength, class_weight=weights)


def _rbf_svm(options: Options) -> Build:
    strength, weights = options.number("C"), _weights(options)
    gamma = options.raw("gamma")
    gamma = options.choice("gamma", "scale", "auto") if isinstance(gamma, str) else options.number("gamma")
    return lambda seed: _sklearn("svm").SVC(C=strength, gamma=gamma, class_weight=weights)


def _gaussian(options: Options) -> Build:
    smoothing = options.number("var_smoothing", closed=True)
    return lambda seed: _sklearn("naive_bayes").GaussianNB(var_smoothing=smoothing)


def _lda(options: Options) -> Build:
    shrinkage = options.raw("shrinkage")
    if shrinkage != "auto":
        shrinkage = options.number("shrinkage", 0.0, 1.0, closed=True)

    def build(seed: int) -> Any:
        make = _sklearn("discriminant_analysis").LinearDiscriminantAnalysis
        return make() if shrinkage == 0.0 else make(solver="lsqr", shrinkage=shrinkage)

    return build


def _tree(options: Options) -> Build:
    settings = {
        "max_depth": options.whole_or_none("max_depth"),
        "min_samples_leaf": options.whole("min_samples_leaf"),
        "class_weight": _weights(options),
    }
    return lambda seed: _sklearn("tree").DecisionTreeClassifier(random_state=seed, **settings)


def _forest(options: Options) -> Build:
    features = options.raw("max_features")
    if isinstance(features, str):
        features = options.choice("max_features", "sqrt", "log2")
    elif isinstance(features, float):
        features = options.number("max_features", 0.0, 1.0)
    else:
        features = options.whole_or_none("max_features")
    settings = {
        "n_estimators": options.whole("n_estimators"),
        "max_depth": options.whole_or_none("max_depth"),
        "min_samples_leaf": options.whole("min_samples_leaf"),
        "class_weight": _weights(options),
        "max_features": features,
    }
    return lambda seed: _sklearn("ensemble").RandomForestClassifier(random_state=seed, **settings)


def _boosting(options: Options) -> Build:
    settings = {
        "n_estimators": options.whole("n_estimators"),
        "learning_rate": options.number("learning_rate"),
        "max_depth": options.whole("max_depth"),
        "min_samples_leaf": options.whole("min_samples_leaf"),
        "subsample": options.number("subsample", 0.0, 1.0),
    }
    return lambda seed: _sklearn("ensemble").GradientBoostingClassifier(random_state=seed, **settings)


_BUILD: dict[str, Callable[[Options], Build]] = {
    "logistic": _logistic,
    "linear_svm": _linear_svm,
    "rbf_svm": _rbf_svm,
    "gaussian_nb": _gaussian,
    "lda": _lda,
    "decision_tree": _tree,
    "random_forest": _forest,
    "gradient_boosting": _boosting,
}
