"""Fitting, honest cross-validation, and the feature table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from virtualbiopsy.errors import Cancelled, ModelFormatError, UnreadableFileError
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.models.recipe import builtin_recipes, load_recipe
from virtualbiopsy.resources import resource
from virtualbiopsy.training.fit import fit, fold_numbers, rounded
from virtualbiopsy.training.metrics import auc
from virtualbiopsy.training.table import FeatureTable, parse_table, read_table, table_text, write_table
from virtualbiopsy.training.validate import cross_validate, held_out_log_odds, scenarios

pytest.importorskip("sklearn")

RECIPES = [recipe for recipe in builtin_recipes() if recipe.task == "meningioma"]
QUICK = {"folds": 4, "repeats": 2, "inner_folds": 3, "bootstraps": 40, "seed": 1}


def quick(recipe):
    return replace(recipe, validation=QUICK)


def cohort(recipe, n=90, effect=0.9, seed=0):
    """Rows whose first two features differ between the classes by `effect` standard deviations."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(float)
    rows = rng.standard_normal((n, len(recipe.keys)))
    rows[:, :2] += effect * labels[:, None]
    return 50 + 7 * rows, labels


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.recipe_id)
def test_fit_equals_the_scikit_learn_pipeline(recipe):
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = cohort(recipe)
    fitted = fit(replace(recipe, calibration="none"), rows, labels, 0)
    if recipe.classifier == "logistic":
        estimator = LogisticRegression(C=1 / recipe.option, tol=1e-10, max_iter=2000)
    else:
        estimator = GaussianNB(var_smoothing=recipe.option)
    reference = make_pipeline(StandardScaler(), estimator).fit(rows, labels)
    expected = reference.predict_proba(rows)[:, 1]
    assert sigmoid(fitted.log_odds(rows)) == pytest.approx(expected, abs=1e-5)


def test_gaps_are_filled_with_the_training_mean():
    recipe = quick(RECIPES[0])
    rows, labels = cohort(recipe)
    fitted = fit(recipe, rows, labels, 0)
    gap = rows.copy()
    gap[:, 3] = np.nan
    filled = rows.copy()
    filled[:, 3] = rows[:, 3].mean()
    assert fitted.log_odds(gap) == pytest.approx(fitted.log_odds(filled), abs=1e-8)


def test_platt_uses_held_out_scores():
    recipe = quick(next(r for r in RECIPES if r.calibration == "platt"))
    rows, labels = cohort(recipe, n=60, effect=0.0)
    fitted = fit(recipe, rows, labels, 0)
    # On pure noise the held-out scores know nothing: calibration must not trust the training scores.
    assert abs(fitted.calibrator.slope) < 0.5


def test_folds_are_stratified():
    labels = np.array([1] * 13 + [0] * 37)
    number = fold_numbers(labels, 5, np.random.default_rng(0))
    for fold in range(5):
        assert 2 <= labels[number == fold].sum() <= 3
        assert (number == fold).sum() == 10


def test_rounding_keeps_significant_digits():
    assert rounded(123.4567890123456, 5) == 123.46
    assert rounded(np.array([[1e-8 / 3, -2e9 / 3]]), 3).tolist() == [[3.33e-9, -667000000.0]]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.recipe_id)
def test_cross_validation_of_noise_finds_nothing(recipe):
    """A fit that saw the held-out cases would lie well above; cross-validated noise lies at or below 0.5."""
    values = []
    for seed in range(4):
        rows, labels = cohort(recipe, n=60, effect=0.0, seed=seed)
        values.append(cross_validate(quick(recipe), rows, labels)["auc"]["value"])
        assert auc(labels, fit(recipe, rows, labels, 0).raw(rows)) > 0.65
    assert 0.3 < np.mean(values) < 0.58


def test_held_out_cases_do_not_reach_the_fit(monkeypatch):
    from virtualbiopsy.training import validate

    recipe = quick(RECIPES[0])
    rows, labels = cohort(recipe)
    rows[:, 0] = np.arange(len(rows))  # tells which case it is
    seen = []
    original = validate.fit

    def spy(recipe, part, part_labels, seed):
        seen.append(set(part[:, 0].astype(int)))
        return original(recipe, part, part_labels, seed)

    monkeypatch.setattr(validate, "fit", spy)
    held_out_log_odds(recipe, rows, labels)
    assert len(seen) == QUICK["folds"] * QUICK["repeats"]
    everyone = set(range(len(rows)))
    for repeat in range(QUICK["repeats"]):
        folds = [everyone - s for s in seen[repeat * QUICK["folds"] : (repeat + 1) * QUICK["folds"]]]
        assert sum(map(len, folds)) == len(rows) and set().union(*folds) == everyone


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.recipe_id)
def test_figures_have_intervals_and_every_scenario(recipe):
    rows, labels = cohort(recipe, effect=1.2)
    metrics = cross_validate(quick(recipe), rows, labels)
    assert set(scenarios(recipe)) == {"", "_without_adc", "_without_t2", "_without_adc_t2"}
    for scenario in scenarios(recipe):
        for name in ("auc", "brier", "sensitivity", "specificity"):
            figure = metrics[name + scenario]
            assert figure["low"] <= figure["value"] <= figure["high"]
        assert "calibration_slope" + scenario in metrics
    assert metrics["auc"]["value"] > 0.7
    assert metrics["cases"]["value"] == 90 and metrics["positive_cases"]["value"] == labels.sum()
    if recipe.keys[0].startswith("adc"):
        assert metrics["auc_without_adc"]["value"] < metrics["auc"]["value"] - 0.05
    assert cross_validate(quick(recipe), rows, labels) == metrics


def test_cross_validation_can_be_cancelled():
    rows, labels = cohort(RECIPES[0])

    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled()

    with pytest.raises(Cancelled):
        cross_validate(quick(RECIPES[0]), rows, labels, stop)


# -- tables and recipes --------------------------------


def test_tables_survive_writing_and_reading(tmp_path):
    values = np.array([[1 / 3, np.nan], [2e-7 / 3, -5.0]])
    table = FeatureTable(("a", "b, c"), ("x", "y:z"), values, ("Simulated.",))
    write_table(table, tmp_path / "t.csv")
    again = read_table(tmp_path / "t.csv")
    assert (again.cases, again.columns, again.notes) == (table.cases, table.columns, table.notes)
    assert np.allclose(again.values, values, rtol=1e-8, equal_nan=True)
    assert table_text(again) == table_text(table)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    "text", ["", "x,y\n1,2\n", "case,x\n", "case,x\na,b\n", "case,x\na,1,2\n", "case,x,x\na,1,1\n"]
)
def test_what_is_not_a_table_is_refused(text):
    with pytest.raises(UnreadableFileError):
        parse_table(text)


def test_absent_tables_and_columns_are_named(tmp_path):
    with pytest.raises(UnreadableFileError, match="absent"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(UnreadableFileError, match="'adc'"):
        parse_table("case,x\na,1\n").column("adc")


def test_bundled_recipes_are_marked_simulated_and_need_only_t1c():
    assert [r.recipe_id for r in RECIPES] == ["ki67-meningioma-demo", "pr-meningioma-demo"]
    for recipe in RECIPES:
        assert recipe.simulated and "simulated" in recipe.title
        assert recipe.required == ("t1c",) and set(recipe.optional) == {"adc", "t2"}
        assert 8 <= len(recipe.keys) <= 12
        assert all(recipe.features.values())
        assert "clinical:who_grade" not in recipe.keys  # not known before surgery


def test_recipe_features_are_known_to_the_engine():
    from virtualbiopsy.radiomics.definitions import describe

    for recipe in RECIPES:
        for key in recipe.keys:
            assert describe(key).label


def test_published_figures_stand_beside_their_external_ones(tmp_path):
    ki67 = RECIPES[0]
    assert ki67.published.startswith("Published for another model")
    assert "AUC 0.905 internal, 0.591 external (M14" in ki67.published
    text = (resource("Recipes") / "ki67-meningioma-demo.toml").read_text(encoding="utf-8")
    path = tmp_path / "r.toml"
    path.write_text(text[: text.index("[published]")], encoding="utf-8")
    assert load_recipe(path).published == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ("version =", "surprise = 1\nversion ="),
        ('kind = "logistic"', 'kind = "neural"'),
        ('calibration = "none"', 'calibration = "isotonic"'),
        ("folds = 5", "fold = 5"),
        (":3d:none:ibsi", ":3d:none"),
        ("clinical:margin_irregular", "clinical:age"),
        ("[background]", "[background"),
        ('external = "0.591"', ""),
        ('external = "0.591"', 'external = " "'),
        ('external = "0.591"', "external = 0.591"),
        ('external = "0.591"', 'external = "0.591"\nown = "x"'),
    ],
)
def test_recipes_with_a_mistake_are_refused(tmp_path, old, new):
    text = (resource("Recipes") / "ki67-meningioma-demo.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "r.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ModelFormatError, match="r.toml"):
        load_recipe(path)
