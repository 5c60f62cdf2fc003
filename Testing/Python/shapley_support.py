"""What tests of Shapley and Owen values share: the definition by all orders, models with a feature twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from support import toy_features
from virtualbiopsy.models.classifier import Classifier
from virtualbiopsy.models.inference import explained_score
from virtualbiopsy.models.radmodel import RadModel, Scaler


def row_of(model: RadModel, seed: int = 1) -> np.ndarray:
    """A plausible raw row (p,)."""
    return np.array([toy_features(model, seed).values[key] for key in model.feature_keys])


def score_of(model: RadModel) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: explained_score(model, rows)


def by_definition(
    score: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    background: np.ndarray,
    paths: Sequence[tuple[str, ...]] | None = None,
) -> np.ndarray:
    """The mean over orders of the change when a feature takes the case's value.

    All orders, or those in which the features of each group of `paths` follow one another.
    """
    p = len(row)
    worth = {}
    for members in itertools.product((False, True), repeat=p):
        worth[members] = np.mean([score(np.where(members, row, z)[None])[0] for z in background])
    phi, count = np.zeros(p), 0
    for order in itertools.permutations(range(p)):
        if paths is not None and not _together(order, paths):
            continue
        count += 1
        members = [False] * p
        for j in order:
            before = worth[tuple(members)]
            members[j] = True
            phi[j] += worth[tuple(members)] - before
    return phi / count


def _together(order: Sequence[int], paths: Sequence[tuple[str, ...]]) -> bool:
    for end in range(1, max(map(len, paths)) + 1):
        names = [paths[j][:end] if len(paths[j]) >= end else j for j in order]
        runs = [name for name, _ in itertools.groupby(names)]
        if len(set(runs)) != len(runs):
            return False
    return True


def with_a_twin(model: RadModel, j: int, key: str) -> RadModel:
    """The same function of the features, with feature j a second time as the last column.

    Both columns are asked: weights, exponents and quadratic terms are halved, and every second node of the
    trees that asks for j asks for its twin.
    """
    a, p = dict(model.classifier.arrays), len(model.feature_keys)
    mean, scale = list(model.scaler.mean), list(model.scaler.scale)
    both = (j, p)

    def twice(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, array[..., j : j + 1]], axis=-1)

    mean, scale = [*mean, mean[j]], [*scale, scale[j]]
    if "coef" in a:
        a["coef"] = twice(a["coef"])
        a["coef"][..., both] /= 2
    elif "weights" in a:
        a["weights"] = twice(a["weights"])
        a["weights"][:, both] /= 2
    elif "support" in a:
        a["support"] = twice(a["support"])
        a["support"][:, both] /= np.sqrt(2)
        for k in both:
            scale[k] *= np.sqrt(2)
    elif "variance" in a:
        a["log_prior"] = a["log_prior"] + 0.5 * np.log(a["variance"][:, j])
        a["mean"], a["variance"] = twice(a["mean"]), twice(a["variance"])
        a["variance"][:, both] *= 2
    else:
        a["feature"] = a["feature"].copy()
        nodes = np.flatnonzero(a["feature"] == j)
        a["feature"][nodes[::2]] = p
    return replace(
        model,
        feature_keys=(*model.feature_keys, key),
        background=twice(model.background),
        scaler=Scaler(tuple(mean), tuple(scale)),
        classifier=Classifier(model.classifier.kind, a),
        imputer={**model.imputer, key: model.imputer[model.feature_keys[j]]},
        feature_ranges={**model.feature_ranges, key: model.feature_ranges[model.feature_keys[j]]},
    )


def sum_of(kind: str, first: RadModel, second: RadModel) -> Classifier:
    """A classifier whose score is the sum of two scores of the same kind."""
    a, b = first.classifier.arrays, second.classifier.arrays
    if "coef" in a:
        arrays = {name: a[name] + b[name] for name in a}
    elif "support" in a:
        arrays = {name: np.concatenate([a[name], b[name]]) for name in ("support", "dual")}
        arrays.update(gamma=a["gamma"], intercept=a["intercept"] + b["intercept"])
    else:
        nodes = len(a["feature"])
        arrays = {name: np.concatenate([a[name], b[name]]) for name in ("feature", "threshold", "value")}
        arrays["tree_start"] = np.concatenate([a["tree_start"], nodes + b["tree_start"][1:]])
        for name in ("left", "right"):
            arrays[name] = np.concatenate([a[name], np.where(b[name] < 0, -1, b[name] + nodes)])
        arrays.update(initial=a["initial"] + b["initial"], learning_rate=a["learning_rate"])
    return Classifier(kind, arrays)
