"""Ordered classes: the fit against closed forms and other optimisers, the figures against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models.recipe import builtin_recipes, load_recipe
from virtualbiopsy.resources import resource
from virtualbiopsy.training.fit import fit, positives
from virtualbiopsy.training.metrics import auc, resamples
from virtualbiopsy.training.ordinal import fit_proportional_odds, quadratic_kappa
from virtualbiopsy.training.validate import cross_validate, held_out_log_odds

CLASSES = ("zero", "low", "positive")
RECIPE = replace(
    next(r for r in builtin_recipes() if r.recipe_id == "ki67-meningioma-demo"),
    classifier="proportional_odds",
    option=2.0,
    classes=CLASSES,
    positive="low or positive",
    validation={"folds": 4, "repeats": 2, "inner_folds": 3, "bootstraps": 60, "seed": 1},
)


def cohort(n=150, p=4, classes=3, effect=1.0, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, p))
    latent = effect * (rows[:, 0] - 0.5 * rows[:, 1]) + rng.logistic(size=n)
    return rows, np.digitize(latent, np.quantile(latent, np.linspace(0, 1, classes + 1)[1:-1]))


def test_without_features_the_cuts_are_the_shares_of_the_classes():
    levels = np.repeat([0, 1, 2, 3], [10, 40, 30, 20])
    weights, cuts = fit_proportional_odds(np.zeros((100, 1)), levels, 1.0)
    assert weights == pytest.approx([0.0], abs=1e-12)
    share = np.array([0.9, 0.5, 0.2])
    assert cuts == pytest.approx(np.log(share / (1 - share)), abs=1e-9)


def test_two_classes_are_logistic_regression():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    rows, levels = cohort(classes=2)
    weights, cuts = fit_proportional_odds(rows, levels, 3.0)
    reference = LogisticRegression(C=1 / 3.0, solver="newton-cholesky", tol=1e-12).fit(rows, levels)
    assert weights == pytest.approx(reference.coef_[0], abs=1e-7)
    assert cuts == pytest.approx(reference.intercept_, abs=1e-7)


@pytest.mark.parametrize(("classes", "l2"), [(3, 0.0), (3, 10.0), (5, 1.0)])
def test_the_fit_is_where_a_general_optimiser_ends(classes, l2):
    rows, levels = cohort(classes=classes)

    def loss(theta):
        w, cuts = theta[: rows.shape[1]], theta[rows.shape[1] :]
        eta = rows @ w
        above = np.concatenate(
            [np.ones((len(eta), 1)), expit(eta[:, None] + cuts), np.zeros((len(eta), 1))], axis=1
        )
        share = above[np.arange(len(eta)), levels] - above[np.arange(len(eta)), levels + 1]
        return -np.log(np.maximum(share, 1e-300)).sum() + 0.5 * l2 * (w**2).sum()

    start = np.concatenate([np.zeros(rows.shape[1]), np.linspace(1, -1, classes - 1)])
    reference = minimize(loss, start, method="BFGS", options={"gtol": 1e-9})
    weights, cuts = fit_proportional_odds(rows, levels, l2)
    assert np.concatenate([weights, cuts]) == pytest.approx(reference.x, abs=2e-5)
    assert loss(np.concatenate([weights, cuts])) <= reference.fun + 1e-9
    assert (np.diff(cuts) < 0).all()


def test_reversing_the_classes_turns_the_signs():
    rows, levels = cohort()
    weights, cuts = fit_proportional_odds(rows, levels, 1.0)
    turned, other = fit_proportional_odds(rows, 2 - levels, 1.0)
    assert turned == pytest.approx(-weights, abs=1e-8) and other == pytest.approx(-cuts[::-1], abs=1e-8)


def test_separable_classes_end_with_a_penalty():
    rows = np.linspace(-3, 3, 30)[:, None]
    weights, cuts = fit_proportional_odds(rows, np.repeat([0, 1, 2], 10), 0.1)
    assert np.isfinite(weights).all() and weights[0] > 0 and cuts[0] > cuts[1]


@pytest.mark.parametrize("levels", [[0, 0, 0], [0, 2, 2], [1, 2, 1]])
def test_absent_classes_are_refused(levels):
    with pytest.raises(ValueError, match="occur"):
        fit_proportional_odds(np.zeros((3, 1)), np.array(levels), 1.0)


def test_kappa_equals_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    t = rng.integers(0, 3, 80)
    c = np.clip(t + rng.integers(-1, 2, 80), 0, 2)
    weights = np.concatenate([np.ones((1, 80)), resamples(t, 5, 0)])
    found = quadratic_kappa(t, c, weights)
    for row, value in zip(weights, found, strict=True):
        expected = cohen_kappa_score(t, c, weights="quadratic", sample_weight=row)
        assert value == pytest.approx(expected, abs=1e-12)
    assert quadratic_kappa(t, t, np.ones((1, 80)))[0] == 1.0
    assert np.isnan(quadratic_kappa(np.ones(4), np.ones(4), np.ones((1, 4)))[0])


def whole(n=120, seed=0):
    rows, levels = cohort(n, len(RECIPE.keys), seed=seed)
    return 40 + 5 * rows, levels.astype(float)


def test_a_recipe_of_ordered_classes_is_fitted_above_its_cut():
    rows, levels = whole()
    for cut, positive in enumerate(("low or positive", "positive")):
        recipe = replace(RECIPE, positive=positive)
        assert recipe.cut == cut
        fitted = fit(recipe, rows, levels, 0)
        assert fitted.shifts[cut] == 0.0 and np.diff(fitted.shifts) < 0
        assert fitted.cuts(rows)[:, cut] == pytest.approx(fitted.log_odds(rows))
        assert auc(positives(recipe, levels), fitted.log_odds(rows)) > 0.7
    first, second = (
        fit(replace(RECIPE, positive=p), rows, levels, 0) for p in ("low or positive", "positive")
    )
    assert second.log_odds(rows) == pytest.approx(first.cuts(rows)[:, 1], abs=1e-7)


def test_figures_of_ordered_classes():
    rows, levels = whole()
    metrics = cross_validate(RECIPE, rows, levels)
    scores = held_out_log_odds(RECIPE, rows, levels)[""]
    for cut in (0, 1):
        by_hand = np.mean([auc(levels > cut, s) for s in scores.cuts[:, :, cut]])
        assert metrics[f"auc_cut_{cut + 1}"]["value"] == pytest.approx(by_hand, abs=5e-5)
    both = [metrics[f"auc_cut_{cut}"]["value"] for cut in (1, 2)]
    assert metrics["mean_auc_of_cuts"]["value"] == pytest.approx(np.mean(both), abs=1e-4)
    assert metrics["auc"]["value"] == metrics["auc_cut_1"]["value"]
    for name in ("mean_auc_of_cuts", "quadratic_kappa", "auc_cut_2"):
        assert metrics[name]["low"] < metrics[name]["value"] < metrics[name]["high"]
    assert 0.2 < metrics["quadratic_kappa"]["value"] < 0.8
    assert metrics["positive_cases"]["value"] == (levels > 0).sum()
    noise = np.random.default_rng(5).standard_normal(rows.shape)
    nothing = cross_validate(RECIPE, noise, levels)
    assert (
        abs(nothing["quadratic_kappa"]["value"]) < 0.2
        and abs(nothing["mean_auc_of_cuts"]["value"] - 0.5) < 0.12
    )


TEXT = (resource("Recipes") / "ki67-meningioma-demo.toml").read_text(encoding="utf-8")
ORDERED = TEXT.replace('kind = "logistic"', 'kind = "proportional_odds"').replace(
    'positive = "Ki-67 ≥ 5 %"', 'positive = "b or c"\nclasses = ["a", "b", "c"]\namong = "operated"'
)


def read(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_recipes_say_their_classes(tmp_path):
    recipe = read(tmp_path, ORDERED)
    assert recipe.classes == ("a", "b", "c") and recipe.cut == 0 and recipe.among == "operated"
    assert recipe.classifier == "proportional_odds" and recipe.option == 10.0
    assert read(tmp_path, TEXT).classes == () and read(tmp_path, TEXT).among == ""


@pytest.mark.parametrize(
    "change",
    [
        ('positive = "b or c"', 'positive = "b"'),
        ('classes = ["a", "b", "c"]', 'classes = ["a", "b"]'),
        ('classes = ["a", "b", "c"]', 'classes = "abc"'),
        ('kind = "proportional_odds"', 'kind = "logistic"'),
        ('classes = ["a", "b", "c"]\n', ""),
        ('calibration = "none"', 'calibration = "platt"'),
        ("among =", "amongst ="),
    ],
)
def test_recipes_that_do_not_fit_together_are_refused(tmp_path, change):
    text = ORDERED.replace(*change)
    assert text != ORDERED
    with pytest.raises(ModelFormatError):
        read(tmp_path, text)
