"""Nested Owen values of features against their definition, and what groups promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from measure import measured
from shapley_support import by_definition, row_of, score_of, sum_of, with_a_twin
from support import TOY_KEYS, synthetic_tumour, toy_background, toy_model
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.groups import bars, path_of
from virtualbiopsy.explain.hierarchy import flat, hierarchy_of
from virtualbiopsy.explain.orders import coalition_count, enumerated, sampled
from virtualbiopsy.explain.owen import owen
from virtualbiopsy.explain.shapley import MAX_COALITIONS, feature_game, shapley
from virtualbiopsy.explain.shared import sharing
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import LINEAR_KINDS, SPECS, SURVIVAL_KINDS, Classifier
from virtualbiopsy.models.inference import log_odds, predict
from virtualbiopsy.report.figures import waterfall_svg
from virtualbiopsy.report.tree import tree_svg
from virtualbiopsy.web.ledger import ledger_rows

KEYS = TOY_KEYS
PATHS = [path_of(key) for key in KEYS]
TWIN = "t1c:tumour:original:statistics:median:3d:none:ibsi"
NOT_ADDITIVE = ("rbf_svm", "decision_tree", "random_forest", "gradient_boosting", "xgboost")
ADDITIVE = (*LINEAR_KINDS, "gaussian_nb")
ISOTONIC = Calibrator("isotonic", x=(-1.0, -0.2, 0.3, 1.0), y=(0.1, 0.3, 0.3, 0.8))


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_the_definition(kind, seed):
    model = toy_model(kind, KEYS, n_background=9, seed=seed, calibrator=Calibrator("platt", 0.7, 0.3))
    row = row_of(model, seed + 10)
    found = owen(model, row, PATHS)
    expected = by_definition(score_of(model), row, model.background, PATHS)
    assert np.abs(found.phi - expected).max() <= 1e-12
    if kind in ("rbf_svm", "random_forest", "gradient_boosting"):
        assert np.abs(found.phi - shapley(model, row).phi).max() > 1e-5
    elif kind in ADDITIVE:
        assert np.abs(found.phi - shapley(model, row).phi).max() <= 1e-12


@pytest.mark.parametrize("kind", NOT_ADDITIVE)
def test_groups_of_any_depth(kind):
    paths = [("a", "b", "c"), ("a", "b", "c"), ("a", "b"), ("a",), ("d",), ("d",), ()]
    model = toy_model(kind, KEYS, n_background=5)
    row = row_of(model)
    expected = by_definition(score_of(model), row, model.background, paths)
    assert np.abs(owen(model, row, paths).phi - expected).max() <= 1e-12


@pytest.mark.parametrize("kind", SPECS)
def test_without_groups_they_are_shapley_values(kind):
    model = toy_model(kind)
    row = row_of(model)
    expected = shapley(model, row).phi
    for paths in ([()] * len(KEYS), [("one",)] * len(KEYS), [(key,) for key in KEYS]):
        assert np.abs(owen(model, row, paths).phi - expected).max() <= 1e-12


@pytest.mark.parametrize("kind", SPECS)
def test_the_bar_of_a_sequence_is_the_value_of_the_sequence_as_one_player(kind):
    model = toy_model(kind)
    row = row_of(model)
    sequences = sorted({path[0] for path in PATHS})

    def worth(sets, progress):
        members = np.array([[path[0] == name for path in PATHS] for name in sequences])
        every = (sets[:, :, None] & members).any(axis=1)
        return feature_game(score_of(model), row, model.background, np.arange(len(KEYS)))(every)

    expected = dict(zip(sequences, enumerated(worth, flat(len(sequences))), strict=True))
    for bar in bars(KEYS, owen(model, row, PATHS).phi):
        assert bar.phi == pytest.approx(expected[bar.path[0]], abs=1e-12)


def _bars(model, row) -> dict[tuple, float]:
    """The values of all groups by path."""
    phi = owen(model, row, [path_of(key) for key in model.feature_keys]).phi
    tree = bars(model.feature_keys, phi)
    return {bar.path: bar.phi for top in tree for bar in (top, *top.children)}


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("calibrator", [Calibrator("platt", 1.3, -0.2), ISOTONIC], ids=lambda c: c.kind)
def test_a_feature_that_is_there_twice_changes_no_group(kind, calibrator):
    model = toy_model(kind, n_background=12, calibrator=calibrator)
    j = KEYS.index("t1c:tumour:original:statistics:mean:3d:none:ibsi")
    if kind == "decision_tree":
        feature = model.classifier.arrays["feature"].copy()
        feature[[0, 1]] = j
        model = replace(model, classifier=Classifier(kind, {**model.classifier.arrays, "feature": feature}))
    twin = with_a_twin(model, j, TWIN)
    row = row_of(model)
    both = np.append(row, row[j])
    assert log_odds(twin, twin.background) == pytest.approx(log_odds(model, model.background), abs=1e-10)
    assert path_of(TWIN) == PATHS[j]

    once, twice = owen(model, row, PATHS), owen(twin, both, [*PATHS, path_of(TWIN)])
    assert twice.phi.sum() == pytest.approx(once.phi.sum(), abs=1e-10)
    before, after = _bars(model, row), _bars(twin, both)
    assert before.keys() == after.keys()
    for path, phi in before.items():
        assert after[path] == pytest.approx(phi, abs=1e-10)
    assert abs(twice.phi[j]) > 1e-4 and abs(twice.phi[-1]) > 1e-4
    assert twice.phi[j] != pytest.approx(once.phi[j], rel=1e-3)


def test_shapley_values_of_other_groups_do_change_when_a_feature_is_there_twice():
    model = toy_model("rbf_svm", n_background=12)
    row = row_of(model)
    twin = with_a_twin(model, 1, TWIN)
    moved = shapley(twin, np.append(row, row[1])).phi[:-1] - shapley(model, row).phi
    assert np.abs(np.delete(moved, [1, 2])).max() > 1e-4


def test_the_coalitions_that_matter_are_counted():
    assert coalition_count(flat(15)) == 2**15 == MAX_COALITIONS
    assert coalition_count(flat(0)) == 1
    for paths in (PATHS, [("a", "b")] * 3 + [("a", "c")] * 4 + [("d",)] * 3 + [()]):
        asked = []

        def worth(sets, progress, asked=asked):
            asked.extend(map(tuple, sets))
            return sets.sum(axis=1).astype(float)

        hierarchy = hierarchy_of(paths)
        assert enumerated(worth, hierarchy) == pytest.approx(np.ones(len(paths)), abs=1e-14)
        assert len(asked) == len(set(asked)) == coalition_count(hierarchy) < 2 ** len(paths)


MANY = tuple(f"clinical:x{i}" for i in range(40))


def test_groups_let_forty_features_of_a_forest_be_exact():
    paths = [(f"sequence {i // 10}", f"class {i // 3}") for i in range(40)]
    model = toy_model("random_forest", MANY, n_background=3)
    found = owen(model, row_of(model), paths)
    assert found.method == "exact enumeration" and found.exact
    assert found.phi.sum() == pytest.approx(found.log_odds - found.baseline, abs=1e-12)
    assert shapley(model, row_of(model)).method == "sampled orders"


def test_sampled_owen_values_have_an_exact_sum_and_errors_that_hold():
    paths = [(f"sequence {i // 10}", f"class {i // 3}") for i in range(40)]
    model = toy_model("random_forest", MANY, n_background=3)
    row = row_of(model)
    exact = owen(model, row, paths)
    game = feature_game(score_of(model), row, model.background, np.arange(40))
    phi, error = sampled(game, hierarchy_of(paths), 64, seed=3)
    assert phi.sum() == pytest.approx(exact.phi.sum(), abs=1e-12)
    moved = error > 0
    assert (np.abs(phi - exact.phi)[moved] <= 4.5 * error[moved]).all()
    assert np.abs(phi - exact.phi)[~moved].max() <= 1e-12
    assert error.max() > 1e-4


def test_sampled_orders_keep_groups_together_and_are_unbiased():
    rng = np.random.default_rng(0)
    table, p = rng.standard_normal(2**7), 7
    hierarchy = hierarchy_of(PATHS)

    def worth(sets, progress):
        return table[sets @ (1 << np.arange(p))]

    exact = enumerated(worth, hierarchy)
    runs = np.array([sampled(worth, hierarchy, 16, seed)[0] for seed in range(300)])
    assert runs.sum(axis=1) == pytest.approx(np.full(300, table[-1] - table[0]), abs=1e-12)
    off = np.abs(runs.mean(axis=0) - exact)
    assert (off <= 4 * runs.std(axis=0) / np.sqrt(300)).all()


def test_an_order_and_its_reverse_cancel_what_pairs_of_players_do():
    def worth(sets, progress):
        return (sets @ np.triu(np.ones((5, 5)), 1) * sets).sum(axis=1) + sets @ np.arange(5.0)

    phi, error = sampled(worth, flat(5), 2)
    assert phi == pytest.approx(2.0 + np.arange(5.0), abs=1e-12)
    assert error.max() <= 1e-12


def test_one_path_is_needed_for_each_feature():
    model = toy_model()
    with pytest.raises(ValueError, match="6 paths for 7 features"):
        owen(model, row_of(model), PATHS[:6])


def test_features_that_move_together_are_said_to_share():
    background = toy_background(KEYS, 40)
    background[:, 2] = 3.0 - background[:, 0]
    background[:, 4] = background[:, 2] + 0.2 * background[:, 2].std() * background[:, 1]
    background[:, 5] = 7.0
    model = toy_model("logistic", background=background)
    assert sharing(model) == ((KEYS[0], KEYS[2], KEYS[4]),)
    assert sharing(toy_model("logistic")) == ()


# -- in the explanation --------------------------------


@pytest.fixture(scope="module")
def tumour():
    return synthetic_tumour(shape=(12, 14, 13), radius_mm=6.0, seed=5)


@pytest.mark.parametrize("kind", SPECS)
def test_bars_of_an_explanation_add_up_level_by_level(kind, tumour):
    model = toy_model(kind)
    features = measured(tumour, model)
    found = explain(model, features, tumour.images, tumour.masks, tumour.grid)
    assert {bar.path for bar in found.bars} == {("shape",), ("t1c",), ("adc",), ("clinical",)}
    assert sum(bar.phi for bar in found.bars) == pytest.approx(found.log_odds - found.baseline, abs=1e-9)
    by_key = {c.key: c.phi for c in found.contributions}
    for top in found.bars:
        assert top.phi == pytest.approx(sum(child.phi for child in top.children), abs=1e-12)
        for middle in top.children:
            assert middle.phi == pytest.approx(sum(leaf.phi for leaf in middle.children), abs=1e-12)
            assert all(leaf.phi == by_key.pop(leaf.path[-1]) for leaf in middle.children)
    assert not by_key
    assert found.sums_to == ("uncalibrated log hazard" if kind in SURVIVAL_KINDS else "log-odds")
    assert found.shared == ()
    assert all(c.error == 0 for c in found.contributions)


@pytest.mark.parametrize("kind", SPECS)
def test_an_isotonic_calibrator_forbids_to_say_that_parts_add_up_to_the_log_odds(kind, tumour):
    model = toy_model(kind, calibrator=ISOTONIC)
    features = measured(tumour, model)
    found, prediction = (
        explain(model, features, tumour.images, tumour.masks, tumour.grid),
        predict(model, features),
    )
    assert found.sums_to.startswith("uncalibrated")
    assert found.log_odds != prediction.log_odds
    total = sum(c.phi for c in found.contributions)
    assert found.baseline + total == pytest.approx(found.log_odds, abs=1e-9)
    carried = sitk.GetArrayFromImage(found.total).sum() + sum(c.phi for c in found.not_localised)
    assert found.baseline + carried == pytest.approx(found.log_odds, abs=1e-9)
    for svg in (waterfall_svg(found, prediction), tree_svg(found, prediction)):
        assert "uncalibrated" in svg
    first, *_, last = ledger_rows(found, prediction)
    assert first["probability"] == "" and last["exact"] == repr(prediction.log_odds)
    plain = replace(model, calibrator=Calibrator("platt", 2.0, 0.1))
    scaled = explain(plain, features, tumour.images, tumour.masks, tumour.grid)
    assert scaled.sums_to == "log-odds"
    phi = {c.key: c.phi for c in found.contributions}
    for c in scaled.contributions:
        assert c.phi == pytest.approx(2.0 * phi[c.key], abs=1e-12)


@pytest.mark.parametrize("kind", ["logistic", "linear_svm", "lda", "rbf_svm", "gradient_boosting"])
def test_bars_and_map_of_the_sum_of_two_models_are_the_sums_of_theirs(kind, tumour):
    background = toy_background(KEYS)
    first, second = (
        toy_model(kind, background=background, seed=seed, calibrator=Calibrator()) for seed in (1, 2)
    )
    both = replace(first, classifier=sum_of(kind, first, second))
    features = measured(tumour, first)
    found = [explain(m, features, tumour.images, tumour.masks, tumour.grid) for m in (first, second, both)]
    maps = [sitk.GetArrayFromImage(e.total) for e in found]
    assert np.abs(maps[0] + maps[1] - maps[2]).max() <= 1e-12 * max(1.0, np.abs(maps[2]).max())
    assert np.abs(maps[2]).max() > 1e-6
    tops = [{bar.path: bar.phi for bar in e.bars} for e in found]
    for path, phi in tops[2].items():
        assert phi == pytest.approx(tops[0][path] + tops[1][path], abs=1e-12)
