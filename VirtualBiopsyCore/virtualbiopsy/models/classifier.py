"""Classifiers as numbers: which arrays each kind has, and its raw score in numpy.

The raw score is the log-odds before calibration, except for the two support vector machines, whose raw score
is the decision function (their calibrator turns it into log-odds), and for survival, where it is the log
hazard ratio or the logarithm of the mortality (the calibrator "cloglog" turns it into log-odds of the event).
The softmax kinds have a score for each of several classes; their raw score is the log-odds of one of these
against all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .calibration import logit
from .ordinal import MAX_CLASSES
from .trees import leaf_nodes, leaf_values, tree_problem

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
_POSITIVE = {"positive": (_I, (1,))}

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
    "xgboost": {**_TREES, "initial": (_F, (1,))},
    "softmax": {"coef": (_F, ("k", "p")), "intercept": (_F, ("k",)), **_POSITIVE},
    "softmax_nb": {
        "log_prior": (_F, ("k",)),
        "mean": (_F, ("k", "p")),
        "variance": (_F, ("k", "p")),
        **_POSITIVE,
    },
    "softmax_forest": {**_TREES, "value": (_F, ("n", "k")), "floor": (_F, (1,)), **_POSITIVE},
    "softmax_boosting": {**_TREES, "initial": (_F, ("k",)), **_POSITIVE},
    "cox": {"coef": (_F, ("p",))},
    "cox_network": {
        "weights": (_F, ("h", "p")),
        "bias": (_F, ("h",)),
        "output": (_F, ("h",)),
    },
    "survival_forest": _VOTING,
}
LINEAR_KINDS = ("logistic", "linear_svm", "lda", "cox")
SOFTMAX_KINDS = ("softmax", "softmax_nb", "softmax_forest", "softmax_boosting")
SURVIVAL_KINDS = ("cox", "cox_network", "survival_forest")
NEEDS_CALIBRATION = ("linear_svm", "rbf_svm")


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted classifier or survival model on scaled features.

    Attributes
    ----------
    kind : key of :data:`SPECS`.
    arrays : by name, as in :data:`SPECS`. Tree values are the probability of the positive class
        (decision_tree, random_forest; their mean is kept within floor … 1 − floor before it becomes
        log-odds), log-odds steps (gradient_boosting: initial + learning_rate · Σ leaf values; xgboost:
        initial + Σ leaf values), the share of each class (softmax_forest), steps of class number
        tree mod k (softmax_boosting), or the expected number of events (survival_forest: the logarithm of
        their mean, which is kept above floor). "positive" is the number of the class that the
        raw score is about. cox_network is one hidden layer, output · tanh(weights · x + bias).
    """

    kind: str
    arrays: Mapping[str, np.ndarray]

    def raw_score(self, scaled: np.ndarray) -> np.ndarray:
        """Return the raw score of scaled rows (n, p) as (n,)."""
        if self.kind in SOFTMAX_KINDS:
            return one_against_rest(self.class_scores(scaled), int(self.arrays["positive"][0]))
        return _SCORES[self.kind](self.arrays, scaled)

    def class_scores(self, scaled: np.ndarray) -> np.ndarray:
        """Return the logits of scaled rows (n, p) for each class of a softmax kind, (n, k)."""
        return _SCORES[self.kind](self.arrays, scaled)


def one_against_rest(logits: np.ndarray, positive: int) -> np.ndarray:
    """Return the log-odds (n,) of one class against all others; their probabilities are softmax(logits)."""
    others = np.delete(logits, positive, axis=1)
    top = others.max(axis=1)
    return logits[:, positive] - top - np.log(np.exp(others - top[:, None]).sum(axis=1))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, k) of logits (n, k)."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


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
    if kind in ("decision_tree", "random_forest", "softmax_forest"):
        leaf = arrays["value"][arrays["feature"] < 0]
        if leaf.min() < 0 or leaf.max() > 1:
            return "a leaf value is not a probability"
    if kind == "survival_forest" and arrays["value"].min() < 0:
        return "a mortality is negative"
    return _softmax_problem(kind, arrays, lengths.get("k", 0)) if kind in SOFTMAX_KINDS else ""


def _softmax_problem(kind: str, arrays: Mapping[str, np.ndarray], classes: int) -> str:
    if not 3 <= classes <= MAX_CLASSES:
        return f"a {kind} classifier has 3 to {MAX_CLASSES} classes, not {classes}"
    if not 0 <= arrays["positive"][0] < classes:
        return f"the class {int(arrays['positive'][0])} is not one of 0…{classes - 1}"
    if kind == "softmax_boosting" and (len(arrays["tree_start"]) - 1) % classes:
        return "there is not the same number of trees for each class"
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


def _xgboost(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return a["initial"][0] + leaf_values(a, x).sum(0)


def _softmax(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return x @ a["coef"].T + a["intercept"]


def _softmax_nb(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    constant = a["log_prior"] - 0.5 * np.log(a["variance"]).sum(axis=1)
    square = (x[:, None] - a["mean"]) ** 2 / a["variance"]
    return constant - 0.5 * square.sum(axis=2)


def _softmax_forest(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    floor = a["floor"][0]
    return np.log(np.maximum(a["value"][leaf_nodes(a, x)].mean(axis=0), floor))


def _softmax_boosting(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    steps = leaf_values(a, x)
    return a["initial"] + steps.reshape(-1, len(a["initial"]), len(x)).sum(axis=0).T


def _cox(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return x @ a["coef"]


def _network(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.tanh(x @ a["weights"].T + a["bias"]) @ a["output"]


def _survival_forest(a: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(leaf_values(a, x).mean(axis=0), a["floor"][0]))


_SCORES = {
    "logistic": _linear,
    "linear_svm": _linear,
    "lda": _linear,
    "rbf_svm": _rbf,
    "gaussian_nb": _gaussian,
    "decision_tree": _voting,
    "random_forest": _voting,
    "gradient_boosting": _boosting,
    "xgboost": _xgboost,
    "softmax": _softmax,
    "softmax_nb": _softmax_nb,
    "softmax_forest": _softmax_forest,
    "softmax_boosting": _softmax_boosting,
    "cox": _cox,
    "cox_network": _network,
    "survival_forest": _survival_forest,
}
