"""Shapley values of features against their definition, and their axioms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapley_support import by_definition, row_of, score_of, sum_of
from support import TOY_KEYS, toy_background, toy_classifier, toy_features, toy_model
from virtualbiopsy.errors import Cancelled
from virtualbiopsy.explain import shapley as module
from virtualbiopsy.explain.hierarchy import flat
from virtualbiopsy.explain.orders import enumerated
from virtualbiopsy.explain.shapley import feature_game, shapley, values_in
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import SPECS, SURVIVAL_KINDS, Classifier
from virtualbiopsy.models.inference import explained_score, predict, raw_score
from virtualbiopsy.models.radmodel import Scaler

KEYS = (*TOY_KEYS[:5], "clinical:age")
MANY = (*TOY_KEYS, *(f"clinical:x{i}" for i in range(20)))
METHODS = {
    "logistic": "linear closed form",
    "linear_svm": "linear closed form",
    "lda": "linear closed form",
    "gaussian_nb": "additive closed form",
    "rbf_svm": "exact kernel",
    "decision_tree": "exact trees",
    "gradient_boosting": "exact trees",
    "random_forest": "exact enumeration",
    "xgboost": "exact trees",
    "softmax": "exact enumeration",
    "softmax_nb": "exact enumeration",
    "softmax_forest": "exact enumeration",
    "softmax_boosting": "exact enumeration",
    "cox": "linear closed form",
    "cox_network": "exact enumeration",
    "survival_forest": "exact enumeration",
}
CLOSED = sorted(kind for kind in SPECS if METHODS[kind] != "exact enumeration")
ISOTONIC = Calibrator("isotonic", x=(-1.0, -0.2, 0.3, 1.0), y=(0.1, 0.3, 0.3, 0.8))


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_the_definition(kind, seed):
    model = toy_model(kind, KEYS, n_background=9, seed=seed, calibrator=Calibrator("platt", 0.7, 0.3))
    row = row_of(model, seed + 10)
    found = shapley(model, row)
    assert np.abs(found.phi - by_definition(score_of(model), row, model.background)).max() <= 1e-12
    assert found.method == METHODS[kind]
    assert found.exact and not found.error.any()


def test_equals_the_definition_for_eight_features():
    model = toy_model("random_forest", MANY[:8], n_background=3)
    row = row_of(model)
    expected = by_definition(score_of(model), row, model.background)
    assert np.abs(shapley(model, row).phi - expected).max() <= 1e-12


@pytest.mark.parametrize("kind", SPECS)
def test_the_values_add_up(kind):
    model = toy_model(kind)
    features = toy_features(model)
    found, prediction = shapley(model, row_of(model)), predict(model, features)
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-10)
    if kind in SURVIVAL_KINDS:
        assert found.log_odds == prediction.survival.score
        return
    assert found.log_odds == prediction.log_odds
    assert found.baseline == prediction.baseline


@pytest.mark.parametrize("kind", CLOSED)
def test_closed_forms_equal_the_enumeration_of_many_features(kind):
    model = toy_model(kind, MANY[:12], n_background=6)
    row = row_of(model)
    game = feature_game(score_of(model), row, model.background, np.arange(12))
    assert np.abs(shapley(model, row).phi - enumerated(game, flat(12))).max() <= 1e-12


@pytest.mark.parametrize("kind", CLOSED)
def test_closed_forms_hold_for_any_number_of_features(kind):
    model = toy_model(kind, MANY)
    found = shapley(model, row_of(model))
    assert found.method == METHODS[kind]
    assert found.exact
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-10)


def test_enumeration_in_chunks_gives_the_same(monkeypatch):
    model = toy_model("random_forest")
    whole = shapley(model, row_of(model)).phi
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 100)
    assert np.abs(shapley(model, row_of(model)).phi - whole).max() <= 1e-13


@pytest.mark.parametrize("kind", ["rbf_svm", "gradient_boosting"])
def test_background_in_chunks_gives_the_same(kind, monkeypatch):
    from virtualbiopsy.explain import kernel_shapley, trees_shapley

    model = toy_model(kind)
    whole = shapley(model, row_of(model)).phi
    for chunked in (kernel_shapley, trees_shapley):
        monkeypatch.setattr(chunked, "_CELLS_AT_ONCE", 700)
    assert np.abs(shapley(model, row_of(model)).phi - whole).max() <= 1e-13


def test_gloves_game():
    # Two left gloves and one right: the Shapley values are 1/6, 1/6, 2/3 (Shapley 1953).
    def worth(sets, progress):
        return (sets[:, 2] & (sets[:, 0] | sets[:, 1])).astype(float)

    assert enumerated(worth, flat(3)) == pytest.approx([1 / 6, 1 / 6, 2 / 3], abs=1e-15)


def test_a_feature_without_weight_gets_nothing():
    model = toy_model("gaussian_nb")
    arrays = {name: array.copy() for name, array in model.classifier.arrays.items()}
    arrays["mean"][:, 2] = 0.1
    arrays["variance"][:, 2] = 1.0
    phi = shapley(replace(model, classifier=Classifier("gaussian_nb", arrays)), row_of(model)).phi
    assert abs(phi[2]) <= 1e-14
    assert np.abs(np.delete(phi, 2)).min() > 1e-4


@pytest.mark.parametrize("kind", ["rbf_svm", "random_forest", "gradient_boosting"])
def test_a_feature_that_equals_all_background_rows_gets_nothing(kind):
    background = toy_background(KEYS)
    background[:, 3] = 7.0
    scaler = Scaler((0.0,) * 6, (10.0,) * 6)
    model = toy_model(kind, KEYS, background=background, scaler=scaler)
    row = row_of(model)
    row[3] = 7.0
    found = shapley(model, row)
    assert found.phi[3] == 0.0
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-12)
    if kind == "rbf_svm":
        assert shapley(model, row_of(model)).phi[3] != 0.0


def test_twin_features_share_equally():
    classifier = toy_classifier("rbf_svm", 6)
    arrays = {name: array.copy() for name, array in classifier.arrays.items()}
    arrays["support"][:, 1] = arrays["support"][:, 0]
    background = toy_background(KEYS)
    background[:, 1] = background[:, 0]
    scaler = Scaler((0.0,) * 6, (30.0,) * 6)
    model = toy_model(
        "rbf_svm", KEYS, background=background, classifier=Classifier("rbf_svm", arrays), scaler=scaler
    )
    row = row_of(model)
    row[1] = row[0]
    phi = shapley(model, row).phi
    assert phi[0] == pytest.approx(phi[1], abs=1e-12)
    assert abs(phi[0]) > 1e-3


@pytest.mark.parametrize("kind", ["logistic", "linear_svm", "lda", "rbf_svm", "gradient_boosting"])
def test_values_of_the_sum_of_two_models_are_the_sum_of_the_values(kind):
    background = toy_background(KEYS)
    first, second = (
        toy_model(kind, KEYS, background=background, seed=s, calibrator=Calibrator()) for s in (1, 2)
    )
    both = replace(first, classifier=sum_of(kind, first, second))
    row = row_of(first)
    assert raw_score(both, row[None]) == pytest.approx(
        raw_score(first, row[None]) + raw_score(second, row[None])
    )
    expected = shapley(first, row).phi + shapley(second, row).phi
    assert np.abs(shapley(both, row).phi - expected).max() <= 1e-12


@pytest.mark.parametrize("kind", SPECS)
def test_platt_and_temperature_scale_the_values_by_their_slope(kind):
    plain = toy_model(kind, calibrator=Calibrator())
    row = row_of(plain)
    expected = shapley(plain, row)
    for calibrator in (Calibrator("platt", 1.7, -0.4), Calibrator("temperature", 0.4)):
        found = shapley(replace(plain, calibrator=calibrator), row)
        if kind == "random_forest":
            assert found.method == "exact enumeration"
        assert np.abs(found.phi - calibrator.slope * expected.phi).max() <= 1e-12
        assert found.baseline == pytest.approx(calibrator(expected.baseline), abs=1e-12)


@pytest.mark.parametrize("kind", SPECS)
def test_isotonic_leaves_the_values_of_the_uncalibrated_score(kind):
    plain = toy_model(kind, calibrator=Calibrator())
    row = row_of(plain)
    found = shapley(replace(plain, calibrator=ISOTONIC), row)
    assert np.array_equal(found.phi, shapley(plain, row).phi)
    assert found.log_odds == raw_score(plain, row[None])[0]
    assert found.baseline == raw_score(plain, plain.background).mean()


FOREST = toy_model("random_forest", MANY, n_background=6)


def _sampled(pairs: int, **changes):
    model = replace(FOREST, **changes)
    return values_in(flat(len(MANY)), model, row_of(model), pairs=pairs)


def test_many_features_of_a_forest_are_sampled_with_an_exact_sum_and_an_error():
    for pairs in (2, 16, 128):
        found = _sampled(pairs)
        assert found.method == "sampled orders" and not found.exact
        assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-10)
        used = np.isin(np.arange(len(MANY)), FOREST.classifier.arrays["feature"])
        assert (found.error > 0).sum() > 15 and not found.error[~used].any() and not found.phi[~used].any()
    assert np.array_equal(found.phi, _sampled(128).phi)


def test_trees_enumerate_only_what_they_look_at():
    arrays = {**FOREST.classifier.arrays}
    arrays["feature"] = np.where(arrays["feature"] >= 0, arrays["feature"] % 9, -1)
    model = replace(FOREST, classifier=Classifier("random_forest", arrays))
    found = shapley(model, row_of(model))
    assert found.method == "exact enumeration"
    assert set(np.flatnonzero(found.phi)) <= set(range(9))


def test_sampling_a_feature_game_is_unbiased_and_its_error_falls_with_the_root_of_the_orders():
    from virtualbiopsy.explain.orders import sampled

    model = toy_model("random_forest", n_background=4)
    row, p = row_of(model), len(model.feature_keys)
    sets = (np.arange(2**p)[:, None] >> np.arange(p)) & 1 == 1
    table = feature_game(score_of(model), row, model.background, np.arange(p))(sets)

    def worth(chosen, progress):
        return table[chosen @ (1 << np.arange(p))]

    exact = enumerated(worth, flat(p))
    spread = {}
    for pairs in (4, 16, 64):
        runs = [sampled(worth, flat(p), pairs, seed) for seed in range(200)]
        off = np.array([phi for phi, _ in runs]) - exact
        spread[pairs] = np.sqrt((off**2).mean(axis=0))
        assert (np.abs(off.mean(axis=0)) <= 4 * spread[pairs] / np.sqrt(200)).all()
        claimed = np.sqrt(np.mean([error**2 for _, error in runs], axis=0))
        assert claimed == pytest.approx(spread[pairs], rel=0.3)
    for few, many in ((4, 16), (16, 64)):
        assert (spread[few] / spread[many]).mean() == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("kind", ["rbf_svm", "random_forest", "gradient_boosting"])
def test_it_can_be_cancelled(kind):
    model = toy_model(kind)

    def stop(fraction, message):
        raise Cancelled()

    with pytest.raises(Cancelled):
        shapley(model, row_of(model), stop)


def test_the_score_of_an_isotonic_model_is_not_its_log_odds():
    model = toy_model("logistic", calibrator=ISOTONIC)
    assert shapley(model, row_of(model)).log_odds == explained_score(model, row_of(model)[None])[0]
    assert shapley(model, row_of(model)).log_odds != predict(model, toy_features(model)).log_odds
