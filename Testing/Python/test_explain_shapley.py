"""Shapley values of features against their definition, and their axioms."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from support import TOY_KEYS, toy_background, toy_classifier, toy_features, toy_model
from virtualbiopsy.errors import Cancelled
from virtualbiopsy.explain import shapley as module
from virtualbiopsy.explain.shapley import shapley
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import SPECS, Classifier
from virtualbiopsy.models.inference import log_odds, predict
from virtualbiopsy.models.radmodel import RadModel, Scaler

KEYS = (*TOY_KEYS[:5], "clinical:age")


def brute_force(model: RadModel, row: np.ndarray) -> np.ndarray:
    """The definition: the mean over all orders of the change when a feature takes the case's value."""
    p = len(row)
    worth = {}
    for size in range(p + 1):
        for members in itertools.combinations(range(p), size):
            rows = model.background.copy()
            for j in members:
                rows[:, j] = row[j]
            worth[frozenset(members)] = np.mean([log_odds(model, r[None])[0] for r in rows])
    phi = np.zeros(p)
    orders = list(itertools.permutations(range(p)))
    for order in orders:
        before = frozenset()
        for j in order:
            phi[j] += worth[before | {j}] - worth[before]
            before |= {j}
    return phi / len(orders)


def row_of(model: RadModel, seed: int = 1) -> np.ndarray:
    return np.array([toy_features(model, seed).values[key] for key in model.feature_keys])


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_the_definition(kind, seed):
    model = toy_model(kind, KEYS, n_background=9, seed=seed, calibrator=Calibrator("platt", 0.7, 0.3))
    row = row_of(model, seed + 10)
    found = shapley(model, row)
    assert np.abs(found.phi - brute_force(model, row)).max() <= 1e-12
    assert found.method == ("linear closed form" if kind in module.LINEAR_KINDS else "exact enumeration")


@pytest.mark.parametrize("kind", SPECS)
def test_the_values_add_up(kind):
    model = toy_model(kind)
    features = toy_features(model)
    found, prediction = shapley(model, row_of(model)), predict(model, features)
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-10)
    assert found.log_odds == prediction.log_odds
    assert found.baseline == prediction.baseline


def test_enumeration_of_a_linear_model_equals_its_closed_form():
    model = toy_model("logistic", calibrator=Calibrator("platt", 1.4, 0.2))
    row, active = row_of(model), np.arange(len(TOY_KEYS))
    worth = module.coalition_values(lambda rows: log_odds(model, rows), row, model.background, active)
    assert np.abs(module.values_from_coalitions(worth) - shapley(model, row).phi).max() <= 1e-12


def test_enumeration_in_chunks_gives_the_same(monkeypatch):
    model = toy_model("rbf_svm")
    whole = shapley(model, row_of(model)).phi
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 100)
    assert np.abs(shapley(model, row_of(model)).phi - whole).max() <= 1e-13


def test_gloves_game():
    # Two left gloves and one right: the Shapley values are 1/6, 1/6, 2/3 (Shapley 1953).
    worth = np.array([float((s & 4) > 0 and (s & 3) > 0) for s in range(8)])
    assert module.values_from_coalitions(worth) == pytest.approx([1 / 6, 1 / 6, 2 / 3], abs=1e-15)


def test_a_feature_without_weight_gets_nothing():
    model = toy_model("gaussian_nb")
    arrays = {name: array.copy() for name, array in model.classifier.arrays.items()}
    arrays["mean"][:, 2] = 0.1
    arrays["variance"][:, 2] = 1.0
    phi = shapley(replace(model, classifier=Classifier("gaussian_nb", arrays)), row_of(model)).phi
    assert abs(phi[2]) <= 1e-14
    assert np.abs(np.delete(phi, 2)).min() > 1e-4


def test_a_feature_that_equals_all_background_rows_is_skipped():
    background = toy_background(KEYS)
    background[:, 3] = 7.0
    model = toy_model("rbf_svm", KEYS, background=background, scaler=Scaler((0.0,) * 6, (10.0,) * 6))
    row = row_of(model)
    row[3] = 7.0
    found = shapley(model, row)
    assert found.phi[3] == 0.0
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-12)
    at_home = shapley(model, row_of(model)).phi
    assert at_home[3] != 0.0


def test_twin_features_share_equally():
    classifier = toy_classifier("rbf_svm", 6)
    arrays = {name: array.copy() for name, array in classifier.arrays.items()}
    arrays["support"][:, 1] = arrays["support"][:, 0]
    background = toy_background(KEYS)
    background[:, 1] = background[:, 0]
    model = toy_model("rbf_svm", KEYS, background=background, classifier=Classifier("rbf_svm", arrays))
    row = row_of(model)
    row[1] = row[0]
    phi = shapley(model, row).phi
    assert phi[0] == pytest.approx(phi[1], abs=1e-12)
    assert abs(phi[0]) > 1e-3


def test_many_features_are_sampled_with_an_exact_sum():
    keys = (*TOY_KEYS, *(f"clinical:x{i}" for i in range(10)))
    model = toy_model("gaussian_nb", keys)
    row = row_of(model)
    found = shapley(model, row)
    assert found.method == "sampled orders"
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-10)
    assert np.array_equal(found.phi, shapley(model, row).phi)
    # naive Bayes is additive in log-odds, so that its Shapley values are known
    each = np.zeros_like(row)
    for j in range(len(row)):
        rows = model.background.copy()
        rows[:, j] = row[j]
        each[j] = (log_odds(model, rows) - log_odds(model, model.background)).mean()
    assert np.abs(found.phi - each).max() <= 1e-10


def test_trees_enumerate_only_what_they_look_at():
    keys = (*TOY_KEYS, *(f"clinical:x{i}" for i in range(20)))
    model = toy_model("decision_tree", keys)
    used = np.unique(model.classifier.arrays["feature"])
    assert len(used[used >= 0]) <= 7
    found = shapley(model, row_of(model))
    assert found.method == "exact enumeration"
    assert set(np.flatnonzero(found.phi)) <= set(used)


def test_it_can_be_cancelled():
    model = toy_model("rbf_svm")

    def stop(fraction, message):
        raise Cancelled()

    with pytest.raises(Cancelled):
        shapley(model, row_of(model), stop)
