"""The bundled breast models: the same again from the stored tables, figures of fresh cases, what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_trust_scanner import cases, flagged, voxels_only, with_headers, without_headers
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.evidence.gate import gate_outcomes
from virtualbiopsy.evidence.rules import read_rules
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.models.inference import log_odds, predict
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.radiomics.delta import with_deltas
from virtualbiopsy.radiomics.keys import is_delta
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.resources import resource
from virtualbiopsy.training import demo
from virtualbiopsy.training.breast import PREVALENCE, BreastRow
from virtualbiopsy.training.demonstration import DEMONSTRATIONS
from virtualbiopsy.training.fit import positives
from virtualbiopsy.training.metrics import auc
from virtualbiopsy.training.table import read_table

DEMONSTRATION = DEMONSTRATIONS["breast"]
TABLE = resource("Models") / DEMONSTRATION.table_name
FRESH = resource("Models") / DEMONSTRATION.fresh.table_name
MODELS = {model.model_id: model for model in builtin_models("breast")}
RECIPES = {recipe.recipe_id: recipe for recipe in demo.demo_recipes("breast")}

each = pytest.mark.parametrize("model", MODELS.values(), ids=lambda m: m.model_id)


def test_training_from_the_stored_tables_reproduces_the_shipped_models(tmp_path):
    pytest.importorskip("sklearn")
    again = demo.train_demo(tmp_path, features_csv=TABLE, task="breast")
    assert [path.name for path in again] == [
        DEMONSTRATION.table_name,
        DEMONSTRATION.fresh.table_name,
        *(f"{name}.radmodel" for name in RECIPES),
    ]
    for path in again:
        assert path.read_bytes() == (resource("Models") / path.name).read_bytes(), path.name


def test_every_recipe_has_its_model():
    assert list(MODELS) == sorted(RECIPES)


@pytest.mark.parametrize(("path", "scanner"), [(TABLE, "A"), (FRESH, "B")])
def test_the_tables_are_of_different_simulated_cohorts(path, scanner):
    table = read_table(path)
    text = " ".join(table.notes)
    assert "Simulated; not patients" in text and f"simulated scanner {scanner}" in text
    assert path.stat().st_size < 400_000
    assert all(name.endswith("-B") == (scanner == "B") for name in table.cases)
    levels = table.column("her2_level")
    for level, share in enumerate(PREVALENCE):
        assert (levels == level).mean() == pytest.approx(share, abs=0.13)
    assert 0.15 < table.column("pcr").mean() < 0.65
    assert np.array_equal(table.column("her2_negative"), levels < 2)
    keys = demo.demo_keys(list(RECIPES.values()))
    assert np.isnan(table.matrix(keys)).mean(axis=0).max() < 0.1


def test_the_fresh_cases_are_no_training_cases():
    seeds = [{name.removesuffix("-B") for name in read_table(path).cases} for path in (TABLE, FRESH)]
    assert not seeds[0] & seeds[1]


@each
def test_figures_on_fresh_cases_are_the_model_s_own(model):
    """Computed here from the stored table, without the training code."""
    recipe = RECIPES[model.model_id]
    table = read_table(FRESH)
    if model.model_id == "her2-low-breast-demo":
        keep = table.column("her2_level") < 2
        table = replace(table, cases=tuple(np.array(table.cases)[keep].tolist()), values=table.values[keep])
    rows, labels = table.matrix(model.feature_keys), positives(recipe, table.column(recipe.label))
    fill = np.array([model.imputer[key] for key in model.feature_keys])
    scores = log_odds(model, np.where(np.isnan(rows), fill, rows))
    figures = model.metrics
    assert figures["fresh_auc"]["value"] == pytest.approx(auc(labels, scores), abs=5e-5)
    assert figures["fresh_brier"]["value"] == pytest.approx(
        ((sigmoid(scores) - labels) ** 2).mean(), abs=5e-5
    )
    assert figures["fresh_cases"]["value"] == len(table.cases)
    assert figures["fresh_positive_cases"]["value"] == labels.sum()
    assert figures["fresh_auc"]["low"] < figures["fresh_auc"]["value"] < figures["fresh_auc"]["high"]


@each
def test_models_know_something_and_not_too_much(model):
    """Realistic overlap: far from chance and far from certain, and less on the other scanner."""
    figures = model.metrics
    assert 0.62 <= figures["auc"]["value"] <= 0.92 and figures["auc"]["low"] > 0.5
    assert 0.5 < figures["calibration_slope"]["value"] < 1.6
    assert abs(figures["calibration_in_the_large"]["value"]) < 0.3
    plain = figures["auc_without_" + "_".join(model.optional_sequences)]["value"]
    assert plain <= figures["auc"]["value"] + 0.03
    assert figures["fresh_auc"]["value"] > 0.5


@each
def test_models_and_cards_say_simulated_and_research_only(model):
    assert model.simulated and model.task == "breast" and "simulated" in model.title
    assert "simulated" in model.data_statement and "Simulated" in model.validation
    assert RESEARCH_USE_ONLY in model.card and RESEARCH_USE_ONLY in model.intended_use
    lines = model.card.splitlines()
    assert lines[0].startswith("# SIMULATED")
    assert all("SIMULATED" in line for line in lines if line.startswith("| Figure"))
    assert all("SIMULATED" in line for line in lines if line.startswith("#") and "igures" in line)
    assert f"{model.metrics['auc']['value']:.3f}" in model.card
    assert f"{model.metrics['fresh_auc']['value']:.3f}" in model.card
    assert "diagnos" not in model.card.replace(RESEARCH_USE_ONLY, "").lower()
    assert ("external" in model.published) == bool(model.published)


@each
def test_no_bundled_model_passes_the_gate(model):
    (outcome,) = gate_outcomes(read_rules(resource("Rules") / "breast.toml"), [model])
    assert outcome.status == "not met" and "simulated" in outcome.finding


@each
def test_a_plain_dynamic_series_is_enough_and_what_is_missing_is_listed(model):
    assert model.required_sequences == ("dce", "pe", "ser")
    values = {
        key: float(value)
        for key, value in zip(model.feature_keys, model.background[0], strict=True)
        if not any(f"{role}:" in key for role in model.optional_sequences)
    }
    prediction = predict(model, FeatureVector(values))
    assert 0 < prediction.probability < 1
    assert set(prediction.imputed) == set(model.feature_keys) - set(values)
    assert len(prediction.imputed) <= len(model.feature_keys) / 2


@each
@pytest.mark.parametrize("known", [with_headers, without_headers, voxels_only])
def test_the_other_simulated_scanner_is_noticed(model, known):
    """C12 of the checklists: at least 95 % of the cases of scanner B, even without any header."""
    answers = [
        flagged(model, features, known(replace(facts, findings=())))
        for features, facts in cases(read_table(FRESH), "B")
    ]
    assert len(answers) == DEMONSTRATION.fresh.cases
    assert np.mean(answers) >= 0.95


def test_two_equal_examinations_change_nothing():
    model = MODELS["pcr-breast-demo"]
    assert model.needs_earlier
    values = {str(key): 3.0 + j for j, key in enumerate(model.measured_keys)}
    same = with_deltas(FeatureVector(values, earlier=values), model.feature_keys)
    assert {same.values[key] for key in model.feature_keys if is_delta(key)} == {0.0}


def test_directions_follow_the_published_ones():
    her2 = dict(
        zip(
            MODELS["her2-breast-demo"].feature_keys,
            MODELS["her2-breast-demo"].classifier.arrays["coef"],
            strict=True,
        )
    )

    def together(*parts):
        return sum(w for key, w in her2.items() if any(key.startswith(p) for p in parts))

    assert together("pe:tumour", "ktrans", "kep") > 0  # H2
    assert together("t2") > 0  # H5
    pcr = MODELS["pcr-breast-demo"]
    weight = dict(zip(pcr.feature_keys, pcr.classifier.arrays["coef"], strict=True))
    assert sum(w for key, w in weight.items() if "volume" in key or "diameter" in key) < 0
    assert sum(w for key, w in weight.items() if "delta:pe" in key or "delta:ktrans" in key) < 0


def test_a_case_of_the_cohort_can_be_made_again():
    """The first row of the shipped table, from its seed: simulated, maps computed, prepared, measured."""
    from virtualbiopsy.simulate.breast import COHORT, simulate_breast_cohort

    table = read_table(TABLE)
    recipes = list(RECIPES.values())
    make = BreastRow(demo.demo_keys(recipes), recipes[0].preparation)
    settings = replace(COHORT, time_points=2, prevalence=PREVALENCE)
    [(name, values)] = simulate_breast_cohort(
        1, DEMONSTRATION.seed, settings=settings, processes=1, apply=make
    )
    assert name == table.cases[0]
    assert set(values) <= set(table.columns)
    stored = dict(zip(table.columns, table.values[0], strict=True))
    found = {column: values.get(column, np.nan) for column in table.columns}
    assert found == pytest.approx(stored, rel=1e-6, abs=1e-9, nan_ok=True)
