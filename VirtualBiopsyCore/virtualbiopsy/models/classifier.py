"""Classifiers as numbers: which arrays each kind has, and its raw score in numpy.

The raw score is the log-odds before calibration, except for the two support vector machines, whose raw score
is the decision function (their calibrator turns it into log-odds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .calibration import logit
from .trees import leaf_values, tree_problem

_F, _I = np.dtype("<f8"), np.dtype("<i8")
_LINEAR = {"coef": (_F, ("p",)), "intercept": (_F, (1,))}
_TREES = {
    "tree_start": (_I, ("t",)),
    "feature": (_I, ("n",)),
    "threshold": (_F, ("n",)),
    "left": (_I, ("n",)),
    "right": (_I, ("n",)),
    "value": (_F, ("n",)),
}
_VOTING = {**_TREES, "floor": (_F, (1,))}

#: For each kind its arrays, each with dtype and shape; a letter is a length that must agree ("p": features).
SPECS: Mapping[str, Mapping[str, tuple[np.dtype, tuple[int | str, ...]]]] = {
    "logistic": _LINEAR,
    "linear_svm": _LINEAR,
    "lda": _LINEAR,
    "rbf_svm": {
        "support": (_F, ("m", "p")),
        "dual": (_F, ("m",)),
        "gamma": (_F, (1,)),
        "intercept": (_F, (1,)),
    },
    "gaussian_nb": {"log_prior": (_F, (2,)), "mean": (_F, (2, "p")), "variance": (_F, (2, "p"))},
    "decision_tree": _VOTING,
    "random_forest": _VOTING,
    "gradient_boosting": {**_TREES, "initial": (_F, (1,)), "learning_rate": (_F, (1,))},
}
LINEAR_KINDS = ("logistic", "linear_svm", "lda")
NEEDS_CALIBRATION = ("linear_svm", "rbf_svm")


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted binary classifier on scaled features.

    Attributes
    ----------
    kind : key of :data:`SPECS`.
    arrays : by name, as in :data:`SPECS`. Tree values are the probability of the positive class
        (decision_tree, random_forest; their mean is kept within floor … 1 − floor before it becomes
        log-odds) or log-odds steps (gradient_boosting: initial + learning_rate · Σ leaf values).
    """

    kind: str
    arrays: Mapping[str, np.ndarray]

    def raw_score(self, scaled: np.ndarray) -> np.ndarray:
        """Return the raw score of scaled rows (n, p) as (n,)."""
        return _SCORES[self.kind](self.arrays, scaled)


def classifier_problem(kind: str, arrays: Mapping[str, np.ndarray], n_features: int) -> str:
    """Return what makes the arrays unusable (names, dtypes, shapes, values), or "" if nothing does."""
    if kind not in SPECS:
        return f"the classifier kind {kind!r} is not one of {', '.join(SPECS)}"
    spec = SPECS[kind]
    if set(arrays) != set(spec):
        return f"a {kind} classifier has the arrays {', '.join(spec)}, not {', '.join(sorted(arrays))}"
    lengths: dict[str, int] = {"p": n_features}
    for name, (dtype, shape) in spec.items():
        problem = shape_problem(name, arrays[name].dtype, arrays[name].shape, dtype, shape, lengths)
        if problem:
            return problem
        if dtype == _F and not np.isfinite(arrays[name]).all():
            return f"the array {name!r} holds NaN or infinite numbers"
    if "variance" in arrays and not (arrays["variance"] > 0).all():
        return "a variance is not positive"
    if "gamma" in arrays and not arrays["gamma"][0] > 0:
        return "gamma is not positive"
    if "floor" in arrays and not 0 < arrays["floor"][0] < 0.5:
        return "floor is not between 0 and 0.5"
    if "tree_start" in arrays:
        problem = tree_problem(arrays, n_features)
        if problem:
            return problem
    if kind in ("decision_tree", "random_forest"):
        leaf = arrays["value"][arrays["feature"] < 0]
        if leaf.min() < 0 or leaf.max() > 1:
            return "a leaf value is not a probability"
    return ""


def shape_problem(
    name: str,
    dtype: np.dtype,
    shape: tuple[int, ...],
    wanted: np.dtype,
    wanted_shape: tuple[int | str, ...],
    lengths: dict[str, int],
) -> str:
    """Compare dtype and shape with what is wanted; `lengths` remembers the lengths that letters stand for."""
    if dtype != wanted:
        return f"the array {name!r} has the type {dtype}, not {wanted}"
    if len(shape) != len(wanted_shape):
        return f"the array {name!r} has {len(shape)} dimensions, not {len(wanted_shape)}"
    for length, rule in zip(shape, wanted_shape, strict=True):
        expected = lengths.setdefault(rule, length) if isinstance(rule, str) else rule
        if length != expected or length < 1:
            return f"the array {name!r} has the shape {shape}, which does not fit"
    return ""


def _linear(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return x @ a["coef"] + a["intercept"][0]


def _rbf(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    support = a["support"]
    square = (x**2).sum(1)[:, None] + (support**2).sum(1)[None] - 2.0 * (x @ support.T)
    return np.exp(-a["gamma"][0] * np.maximum(square, 0.0)) @ a["dual"] + a["intercept"][0]


def _gaussian(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    mean, variance, prior = a["mean"], a["variance"], a["log_prior"]
    constant = prior[1] - prior[0] - 0.5 * (np.log(variance[1]) - np.log(variance[0])).sum()
    return constant - ((x - mean[1]) ** 2) @ (0.5 / variance[1]) + ((x - mean[0]) ** 2) @ (0.5 / variance[0])


def _voting(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    floor = a["floor"][0]
    return logit(np.clip(leaf_values(a, x).mean(0), floor, 1.0 - floor))


def _boosting(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return a["initial"][0] + a["learning_rate"][0] * leaf_values(a, x).sum(0)


_SCORES = {
    "logistic": _linear,
    "linear_svm": _linear,
    "lda": _linear,
    "rbf_svm": _rbf,
    "gaussian_nb": _gaussian,
    "decision_tree": _voting,
    "random_forest": _voting,
    "gradient_boosting": _boosting,
}
