"""Shapley and nested Owen values against shap, which runs in an environment of its own."""

from __future__ import annotations

import numpy as np
import pytest
from shapley_support import row_of, score_of
from support import TOY_KEYS, toy_model
from virtualbiopsy.explain.groups import path_of
from virtualbiopsy.explain.hierarchy import flat
from virtualbiopsy.explain.owen import owen
from virtualbiopsy.explain.shapley import shapley
from virtualbiopsy.explain.trees_shapley import tree_values
from virtualbiopsy.models.calibration import Calibrator, logit
from virtualbiopsy.models.classifier import LINEAR_KINDS, SPECS

EIGHT = (*TOY_KEYS, "t2:tumour:original:statistics:mean:3d:none:ibsi")
MANY = (*TOY_KEYS, *(f"clinical:x{i}" for i in range(20)))
PLATT = Calibrator("platt", 0.7, 0.3)
TOLERANCE = 1e-12


SINGLE = 1e-7
"""shap keeps the nodes of interventional trees in single precision."""


def agree(ours: np.ndarray, theirs: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    return bool(np.abs(ours - theirs).max() <= tolerance and np.abs(ours).max() > 0.01)


@pytest.mark.parametrize("kind", SPECS)
def test_exact(kind, shap_oracle):
    model = toy_model(kind, EIGHT, n_background=7, calibrator=PLATT)
    row = row_of(model)
    assert agree(shapley(model, row).phi, shap_oracle("exact", row, model.background, score_of(model)))


@pytest.mark.parametrize("kind", LINEAR_KINDS)
def test_linear(kind, shap_oracle):
    model = toy_model(kind, MANY, calibrator=PLATT)
    row = row_of(model)
    coef = 0.7 * model.classifier.arrays["coef"] / model.scaler.scale
    assert agree(
        shapley(model, row).phi, shap_oracle("linear", row, model.background, coef=coef, intercept=0.3)
    )


def _scaled(model, rows: np.ndarray) -> np.ndarray:
    """As the trees see them: in single precision."""
    return ((rows - model.scaler.mean) / model.scaler.scale).astype(np.float32).astype(float)


def _trees(model, values: np.ndarray) -> list[dict]:
    a = model.classifier.arrays
    found = []
    for start, stop in zip(a["tree_start"][:-1], a["tree_start"][1:], strict=True):
        part = slice(start, stop)
        inner = a["feature"][part] >= 0
        found.append(
            {
                "children_left": np.where(inner, a["left"][part] - start, -1),
                "children_right": np.where(inner, a["right"][part] - start, -1),
                "features": a["feature"][part],
                "thresholds": a["threshold"][part],
                "values": values[part],
            }
        )
    return found


@pytest.mark.parametrize("kind", ["decision_tree", "gradient_boosting", "xgboost"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_trees_of_many_features_on_the_log_odds(kind, seed, shap_oracle):
    model = toy_model(kind, MANY, seed=seed, calibrator=PLATT)
    row, a = row_of(model, seed + 5), model.classifier.arrays
    if kind == "gradient_boosting":
        values = 0.7 * a["learning_rate"][0] * a["value"]
    elif kind == "xgboost":
        values = 0.7 * a["value"]
    else:
        values = 0.7 * logit(np.clip(a["value"], a["floor"][0], 1 - a["floor"][0]))
    theirs = shap_oracle(
        "tree", _scaled(model, row), _scaled(model, model.background), trees=_trees(model, values)
    )
    assert agree(shapley(model, row).phi, theirs, SINGLE)


def test_forest_of_many_features_on_the_probability(shap_oracle):
    model = toy_model("random_forest", MANY)
    row, background = _scaled(model, row_of(model)), _scaled(model, model.background)
    values = model.classifier.arrays["value"] / (len(model.classifier.arrays["tree_start"]) - 1)
    ours = tree_values(model.classifier.arrays, values, row, background, flat(len(MANY)))
    theirs = shap_oracle("tree", row, background, trees=_trees(model, values))
    assert agree(ours, theirs, SINGLE)


@pytest.mark.parametrize("kind", SPECS)
def test_owen_values_of_sequences_and_classes(kind, shap_oracle):
    model = toy_model(kind, EIGHT, n_background=7, calibrator=PLATT)
    row, paths = row_of(model), [path_of(key) for key in EIGHT]
    tree: dict[str, dict[str, list[str]]] = {}
    for j, (sequence, group) in enumerate(paths):
        tree.setdefault(sequence, {}).setdefault(f"{sequence} {group}", []).append(str(j))
    theirs = shap_oracle("coalition", row, model.background, score_of(model), tree=tree)
    assert agree(owen(model, row, paths).phi, theirs)


CLUSTERING = [
    [0, 1, 0.1, 2],
    [2, 3, 0.2, 2],
    [8, 4, 0.3, 3],
    [5, 6, 0.4, 2],
    [10, 9, 0.5, 5],
    [11, 7, 0.6, 3],
    [12, 13, 0.7, 8],
]
"""Pairs of clusters of 8 features, as scipy's linkage numbers them."""
CLUSTER_PATHS = [
    ("12", "10", "8"),
    ("12", "10", "8"),
    ("12", "9"),
    ("12", "9"),
    ("12", "10"),
    ("13", "11"),
    ("13", "11"),
    ("13",),
]


@pytest.mark.parametrize("kind", SPECS)
def test_owen_values_of_a_binary_tree(kind, shap_oracle):
    model = toy_model(kind, EIGHT, n_background=7, calibrator=PLATT)
    row = row_of(model)
    theirs = shap_oracle("partition", row, model.background, score_of(model), clustering=CLUSTERING)
    assert agree(owen(model, row, CLUSTER_PATHS).phi, theirs)
