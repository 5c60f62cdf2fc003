"""The breast demonstration models: restriction to HER2-negative cases, changes, fresh cohort, cards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.errors import UnreadableFileError
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.models.inference import log_odds, predict
from virtualbiopsy.models.radmodel import from_bytes, to_bytes
from virtualbiopsy.radiomics.definitions import describe
from virtualbiopsy.radiomics.keys import is_clinical, is_delta
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.training import demo
from virtualbiopsy.training.breast import LABELS
from virtualbiopsy.training.demonstration import DEMONSTRATIONS
from virtualbiopsy.training.fit import positives
from virtualbiopsy.training.fresh import fresh_figures
from virtualbiopsy.training.metrics import auc
from virtualbiopsy.training.table import FeatureTable

pytest.importorskip("sklearn")

RECIPES = {recipe.recipe_id: recipe for recipe in demo.demo_recipes("breast")}
QUICK = {"folds": 3, "repeats": 2, "inner_folds": 3, "bootstraps": 30, "seed": 1}
PLAIN = {"dce", "pe", "ser"}
"""What a plain clinical dynamic series gives."""


def toy_table(n=120, seed=0, shift=0.0) -> FeatureTable:
    """Rows that rise with the HER2 level and the response; nothing simulated in them."""
    rng = np.random.default_rng(seed)
    keys = demo.demo_keys(list(RECIPES.values()))
    level = rng.permutation(np.arange(n) % 3).astype(float)
    pcr = (rng.random(n) < 0.4).astype(float)
    rows = rng.standard_normal((n, len(keys))) + shift
    rows[:, :6] += 0.7 * level[:, None]
    rows[:, [is_delta(key) for key in keys]] -= 0.5 * pcr[:, None]
    head = np.column_stack([level, level == 2, level < 2, level == 1, pcr])
    names = tuple(f"toy-{i}" for i in range(n))
    return FeatureTable(names, (*LABELS, *keys), np.column_stack([head, rows]), ("Simulated; toy.",))


@pytest.fixture(scope="module")
def toys():
    """Every recipe, trained on the toy table and tested on another one."""
    table, fresh = toy_table(), toy_table(60, seed=5, shift=0.2)
    return {
        name: demo.train_model(replace(recipe, validation=QUICK), table, fresh=fresh)
        for name, recipe in RECIPES.items()
    }


def test_the_recipes_are_those_of_the_task():
    assert list(RECIPES) == [
        "her2-breast-demo",
        "her2-low-breast-demo",
        "her2-ordinal-breast-demo",
        "pcr-breast-demo",
    ]
    assert [r.recipe_id for r in demo.demo_recipes()] == ["ki67-meningioma-demo", "pr-meningioma-demo"]
    preparations = {recipe.preparation for recipe in RECIPES.values()}
    assert len(preparations) == 1 and preparations.pop().kinetics is not None


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: r.recipe_id)
def test_a_plain_dynamic_series_is_enough(recipe):
    assert set(recipe.required) == PLAIN
    assert {"t2", "adc", "ktrans"} <= set(recipe.optional)
    for key, why in recipe.features.items():
        assert describe(key).label and why.endswith(".")


def test_changes_are_kept_apart_from_single_examinations():
    """In the table a key means one thing: changes for the response, one examination for HER2."""
    for name, recipe in RECIPES.items():
        kinds = {is_delta(key) for key in recipe.keys if not is_clinical(key)}
        assert kinds == {name == "pcr-breast-demo"}


def test_her2_low_is_learnt_from_her2_negative_cases_only(toys):
    table = toy_table()
    recipe = RECIPES["her2-low-breast-demo"]
    chosen = demo.chosen_cases(recipe, table)
    assert set(chosen.column("her2_level")) == {0.0, 1.0}
    assert len(chosen.cases) == (table.column("her2_level") < 2).sum()
    assert set(chosen.cases) == {
        name for name, level in zip(table.cases, table.column("her2_level"), strict=True) if level < 2
    }
    model = toys[recipe.recipe_id]
    assert model.metrics["cases"]["value"] == len(chosen.cases)
    assert model.metrics["fresh_cases"]["value"] == (toy_table(60, seed=5).column("her2_level") < 2).sum()
    spoilt = replace(table, values=table.values.copy())
    positive = table.column("her2_level") == 2
    spoilt.values[positive, len(LABELS) :] = 1e6
    again = demo.train_model(replace(recipe, validation=QUICK), spoilt)
    assert again.classifier.arrays["coef"].tolist() == model.classifier.arrays["coef"].tolist()
    assert again.feature_ranges == model.feature_ranges


def test_the_ordinal_model_gives_three_classes(toys):
    model = toys["her2-ordinal-breast-demo"]
    assert model.ordinal.classes == ("HER2-zero", "HER2-low", "HER2-positive")
    assert model.ordinal.cut == 0 and model.positive == "HER2-low or HER2-positive"
    row = dict(zip(model.feature_keys, model.background[0], strict=True))
    prediction = predict(model, FeatureVector(row))
    assert sum(c.probability for c in prediction.classes) == pytest.approx(1.0, abs=1e-12)
    for name in ("mean_auc_of_cuts", "quadratic_kappa", "fresh_mean_auc_of_cuts", "fresh_quadratic_kappa"):
        assert {"value", "low", "high"} <= set(model.metrics[name])
        assert f"{model.metrics[name]['value']:.3f}" in model.card
    scores, labels = model.conformal_scores
    assert set(labels.tolist()) == {0, 1} and scores.size == 120


def test_the_response_model_asks_for_an_earlier_examination(toys):
    model = toys["pcr-breast-demo"]
    assert model.needs_earlier and "earlier examination" in model.card
    assert not any(toys[name].needs_earlier for name in RECIPES if name != "pcr-breast-demo")


def test_fresh_figures_are_those_of_the_finished_model(toys):
    fresh = toy_table(60, seed=5, shift=0.2)
    for name, model in toys.items():
        recipe = RECIPES[name]
        table = demo.chosen_cases(recipe, fresh)
        rows, labels = table.matrix(recipe.keys), positives(recipe, table.column(recipe.label))
        scores = log_odds(model, rows)
        assert model.metrics["fresh_auc"]["value"] == pytest.approx(auc(labels, scores), abs=5e-5)
        lacking = "fresh_auc_without_" + "_".join(recipe.optional)
        gap = rows.copy()
        for j, key in enumerate(recipe.keys):
            if key.removeprefix("rel").removeprefix("delta:").split(":")[0] in recipe.optional:
                gap[:, j] = model.imputer[key]
        assert (gap != rows).any()
        assert model.metrics[lacking]["value"] == pytest.approx(auc(labels, log_odds(model, gap)), abs=5e-5)
        brier = ((sigmoid(log_odds(model, gap)) - labels) ** 2).mean()
        assert model.metrics[lacking.replace("auc", "brier")]["value"] == pytest.approx(brier, abs=5e-5)
        again = fresh_figures(replace(recipe, validation=QUICK), model, table)
        assert again["fresh_auc"] == model.metrics["fresh_auc"]


def test_cards_name_the_task_and_the_fresh_cohort(toys):
    for model in toys.values():
        assert "H-numbers are rows of the source review; see `Resources/Rules/breast.toml`." in model.card
        assert "## Figures on fresh simulated cases (SIMULATED, another simulated scanner" in model.card
        assert f"{model.metrics['fresh_auc']['value']:.3f}" in model.card
        assert (
            "No validation on patients" in model.validation and "second simulated scanner" in model.validation
        )
        assert "meningioma" not in model.card and RESEARCH_USE_ONLY in model.card
        headings = [line for line in model.card.splitlines() if line.startswith("#") and "igures" in line]
        assert len(headings) > 3 and all("SIMULATED" in line for line in headings)
        assert model.task == "breast" and model.simulated
        assert from_bytes(to_bytes(model)).metrics == model.metrics


def test_training_takes_the_fresh_table_beside_the_table(tmp_path, monkeypatch):
    from virtualbiopsy.training.table import write_table

    monkeypatch.setattr(
        demo, "demo_recipes", lambda task: [replace(RECIPES["pcr-breast-demo"], validation=QUICK)]
    )
    names = DEMONSTRATIONS["breast"].table_name, DEMONSTRATIONS["breast"].fresh.table_name
    write_table(toy_table(), tmp_path / names[0])
    with pytest.raises(UnreadableFileError):
        demo.train_demo(tmp_path / "out", features_csv=tmp_path / names[0], task="breast")
    assert not (tmp_path / "out").exists()
    write_table(toy_table(60, seed=5), tmp_path / names[1])
    written = demo.train_demo(tmp_path / "out", features_csv=tmp_path / names[0], task="breast")
    assert [path.name for path in written] == [*names, "pcr-breast-demo.radmodel"]
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
