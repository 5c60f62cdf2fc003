"""The demonstration models: trained again from the stored table they are the same; they say what they are."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from measure import measured
from scipy import stats
from support import synthetic_tumour
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.errors import Cancelled, VirtualBiopsyError
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.models.inference import log_odds, predict
from virtualbiopsy.models.radmodel import builtin_models, load_radmodel
from virtualbiopsy.models.recipe import builtin_recipes
from virtualbiopsy.resources import resource
from virtualbiopsy.training import demo
from virtualbiopsy.training.cohort import PROTOCOL, CaseRow
from virtualbiopsy.training.fit import fit, fold_numbers
from virtualbiopsy.training.metrics import auc
from virtualbiopsy.training.rows import RANGED
from virtualbiopsy.training.table import FeatureTable, read_table, write_table
from virtualbiopsy.training.validate import conformal_scores, held_out_log_odds
from virtualbiopsy.trust.conformal import conformal_set
from virtualbiopsy.trust.images import FIGURES

pytest.importorskip("sklearn")

MODELS = builtin_models("meningioma")
SHIPPED = resource("Models") / demo.TABLE_NAME


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The models, trained from the stored feature table."""
    out = tmp_path_factory.mktemp("demo")
    return demo.train_demo(out, features_csv=SHIPPED)


def toy_table(n=60, seed=0) -> FeatureTable:
    rng = np.random.default_rng(seed)
    keys = demo.demo_keys(demo.demo_recipes())
    labels = (rng.random((n, 2)) < 0.4).astype(float)
    head = np.column_stack([labels[:, 0] * 5, labels[:, 0], labels[:, 1] * 20, labels[:, 1]])
    protocol = np.tile([3.0, 1.0, 5.0, 5.0], (n, 1))
    rows = rng.standard_normal((n, len(keys))) + labels[:, :1]
    columns = ("ki67_percent", "ki67_high", "pr_percent", "pr_positive", *PROTOCOL, *keys)
    names = tuple(f"simulated-{i}" for i in range(n))
    return FeatureTable(names, columns, np.column_stack([head, protocol, rows]), ("Simulated.",))


def test_training_from_the_stored_table_reproduces_the_shipped_models(again):
    assert [path.name for path in again] == [
        demo.TABLE_NAME,
        "ki67-meningioma-demo.radmodel",
        "pr-meningioma-demo.radmodel",
    ]
    for path in again:
        assert path.read_bytes() == (resource("Models") / path.name).read_bytes(), path.name


def test_the_same_table_gives_the_same_bytes_and_another_one_others(tmp_path):
    quick = {"folds": 3, "repeats": 1, "inner_folds": 3, "bootstraps": 20, "seed": 1}
    recipe = replace(demo.demo_recipes()[1], validation=quick)
    from virtualbiopsy.models.radmodel import to_bytes

    first, second, other = (to_bytes(demo.train_model(recipe, toy_table(seed=s))) for s in (0, 0, 1))
    assert first == second
    assert first != other


def test_the_shipped_table_is_small_and_says_that_it_is_simulated():
    table = read_table(SHIPPED)
    assert SHIPPED.stat().st_size < 300_000
    assert "Simulated; not patients" in " ".join(table.notes)
    assert len(table.cases) >= 100
    assert 0.2 < table.column("ki67_high").mean() < 0.45
    assert 0.6 < table.column("pr_positive").mean() < 0.9
    gaps = dict(zip(table.columns, np.isnan(table.values).mean(axis=0), strict=True))
    assert gaps.pop("protocol:t1c:InversionTime") > 0.2  # a third of the protocols has none
    assert max(gaps.values()) < 0.1
    assert {column.split(":")[0] for column, gap in gaps.items() if gap} <= {"adc", "t2"}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_models_and_cards_say_simulated_and_research_only(model):
    assert model.simulated and "simulated" in model.title
    assert "simulated" in model.data_statement and "Simulated" in model.validation
    assert RESEARCH_USE_ONLY in model.card and RESEARCH_USE_ONLY in model.intended_use
    assert "simulated" in model.limits
    lines = model.card.splitlines()
    assert lines[0].startswith("# SIMULATED")
    tables = [line for line in lines if line.startswith("| Figure")]
    assert len(tables) == 4 and all("SIMULATED" in line for line in tables)
    assert all("SIMULATED" in line for line in lines if line.startswith("#") and "igures" in line)
    assert f"{model.metrics['auc']['value']:.3f}" in model.card
    assert "diagnos" not in model.card.replace(RESEARCH_USE_ONLY, "").lower()
    assert model.licence == "Apache-2.0"


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_figures_are_those_of_real_data_not_of_a_toy(model):
    figures = model.metrics
    assert 0.70 <= figures["auc"]["value"] <= 0.92
    assert figures["auc"]["low"] > 0.5
    assert figures["auc_without_adc_t2"]["value"] <= figures["auc"]["value"] + 0.02
    assert 0.5 < figures["calibration_slope"]["value"] < 1.7
    assert abs(figures["calibration_in_the_large"]["value"]) < 0.3


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_the_stored_background_is_training_rows(model):
    rows = read_table(SHIPPED).matrix(model.feature_keys)
    assert 50 <= len(model.background) <= 120
    whole = rows[~np.isnan(rows).any(axis=1)]
    known = sum((whole == row).all(axis=1).any() for row in model.background)
    assert known >= 0.9 * len(model.background)
    for j, key in enumerate(model.feature_keys):
        assert model.imputer[key] == pytest.approx(model.background[:, j].mean(), rel=1e-9)
        assert model.feature_ranges[key] == (np.nanmin(rows[:, j]), np.nanmax(rows[:, j]))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_the_models_separate_the_cases_they_know_and_stay_moderate(model):
    table = read_table(SHIPPED)
    recipe = {r.recipe_id: r for r in builtin_recipes()}[model.recipe]
    rows = table.matrix(model.feature_keys)
    imputed = np.array([model.imputer[key] for key in model.feature_keys])
    scores = log_odds(model, np.where(np.isnan(rows), imputed, rows))
    labels = table.column(recipe.label)
    assert scores[labels > 0].mean() > scores[labels <= 0].mean()
    assert np.abs(scores).max() < 10


def test_directions_follow_the_published_ones():
    ki67 = {m.model_id: m for m in MODELS}["ki67-meningioma-demo"]
    weight = dict(zip(ki67.feature_keys, ki67.classifier.arrays["coef"], strict=True))
    adc = [value for key, value in weight.items() if key.startswith("adc")]
    assert sum(adc) < 0  # M6, M7
    assert weight["clinical:margin_irregular"] + weight["clinical:interface_blurred"] > 0  # M5
    pr = {m.model_id: m for m in MODELS}["pr-meningioma-demo"]
    low, high = pr.classifier.arrays["mean"]
    mean = dict(zip(pr.feature_keys, high - low, strict=True))
    uneven = "adc:tumour:original:statistics:quartile_coefficient_of_dispersion:3d:none:ibsi"
    assert mean[uneven] < 0  # M21, M23
    assert mean["adc:tumour:original:statistics:percentile_10:3d:none:ibsi"] > 0  # M23
    assert mean["clinical:dural_tail"] > 0  # M19


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
@pytest.mark.parametrize("without", [(), ("adc",), ("adc", "t2")])
def test_predictions_of_the_models_are_explained_in_full(model, without):
    tumour = synthetic_tumour(seed=4)
    features = measured(tumour, model, without=without)
    prediction = predict(model, features)
    explanation = explain(model, features, tumour.images, tumour.masks, tumour.grid)
    import SimpleITK as sitk

    voxels = sitk.GetArrayFromImage(explanation.total).sum()
    rest = sum(c.phi for c in explanation.not_localised)
    tolerance = 1e-9 * max(1.0, abs(prediction.log_odds - prediction.baseline))
    assert abs(prediction.baseline + voxels + rest - prediction.log_odds) <= tolerance
    assert {k.split(":")[0] for k in prediction.imputed} == set(without)
    expected = "linear closed form" if model.classifier.kind == "logistic" else "additive closed form"
    assert explanation.method == expected


def test_a_case_of_the_cohort_can_be_made_again():
    """The first row of the shipped table, from its seed: simulated, prepared and measured again."""
    pytest.importorskip("nilearn")
    from virtualbiopsy.simulate.cohort import simulate_cohort
    from virtualbiopsy.simulate.meningioma import SimulationSettings

    table = read_table(SHIPPED)
    recipes = demo.demo_recipes()
    make = CaseRow(demo.demo_keys(recipes), recipes[0].preparation)
    settings = SimulationSettings(sequences=("t1c", "t2", "adc"), motion=0.0)
    [(name, values)] = simulate_cohort(1, demo.SEED, settings=settings, processes=1, apply=make)
    assert name == table.cases[0]
    assert set(values) <= set(table.columns)
    stored = dict(zip(table.columns, table.values[0], strict=True))
    found = {column: values.get(column, np.nan) for column in table.columns}
    assert found == pytest.approx(stored, rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_the_models_carry_what_the_trust_card_needs(model):
    table = read_table(SHIPPED)
    recipe = {r.recipe_id: r for r in builtin_recipes()}[model.recipe]
    scores, labels = model.conformal_scores
    assert np.array_equal(labels, table.column(recipe.label))
    assert auc(labels, scores) == pytest.approx(model.metrics["auc"]["value"], abs=0.03)
    assert set(model.image_statistics) == {"t1c", "t2", "adc"}
    for role, figures in model.image_statistics.items():
        for name, limits in figures.items():
            column = table.column(f"image:{role}:{name}")
            assert limits == (np.nanmin(column), np.nanmax(column))
            assert name in FIGURES and name in RANGED
    assert model.protocol_range("t1c", "SliceThickness") == (1.0, 1.2)
    assert model.protocol_range("adc", "DiffusionBValue") == (1000.0, 1000.0)
    assert model.protocol_range("t2", "MagneticFieldStrength") == (1.5, 3.0)
    assert model.protocol_range("t2", "InversionTime") is None
    assert model.published == recipe.published and "external" in model.published


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_the_card_tells_what_a_case_is_compared_with(model):
    scores, labels = model.conformal_scores
    assert "Mahalanobis distance" in model.card and "nearest cases" in model.card
    high = int(labels.sum())
    assert f"{labels.size - high} held-out log-odds of low and {high} of high cases" in model.card
    assert model.published in model.card and "Not a figure of this model" in model.card
    assert "median signal of the brain over the noise" in model.card


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.model_id)
def test_conformal_answers_of_new_cases_keep_their_error(model):
    """Scores by cross-validation of one random half, coverage of the other half by the fit on the first.

    In every half the number of covered cases of a class lies within the beta-binomial law of that many
    calibration cases, though the scores come from smaller training parts than the fit.
    """
    table = read_table(SHIPPED)
    recipe = {r.recipe_id: r for r in builtin_recipes()}[model.recipe]
    recipe = replace(recipe, validation={**recipe.validation, "repeats": 1})
    rows, labels = table.matrix(recipe.keys), table.column(recipe.label)
    alpha, surplus = 0.2, {0: [], 1: []}
    for seed in range(6):
        train = fold_numbers(labels, 2, np.random.default_rng(seed)) == 0
        scores, known = conformal_scores(held_out_log_odds(recipe, rows[train], labels[train]), labels[train])
        new = fit(recipe, rows[train], labels[train], seed).log_odds(rows[~train])
        for label, name in ((0, "low"), (1, "high")):
            own = new[labels[~train] == label]
            n = int((known == label).sum())
            ruled_out = int(alpha * (n + 1) + 1e-9)
            law = stats.betabinom(own.size, n + 1 - ruled_out, ruled_out)
            covered = sum(name in conformal_set(scores, known, one, alpha).labels for one in own)
            assert law.ppf(5e-4) <= covered <= law.ppf(1 - 5e-4)
            surplus[label].append((covered - law.mean()) / own.size)
    for values in surplus.values():
        assert abs(np.mean(values)) < 0.06


def test_cancelling_leaves_nothing_behind(tmp_path):
    write_table(toy_table(), tmp_path / "t.csv")

    def stop(fraction, message):
        raise Cancelled()

    with pytest.raises(Cancelled):
        demo.train_demo(tmp_path / "out", features_csv=tmp_path / "t.csv", progress=stop)
    assert not (tmp_path / "out").exists()


def test_a_table_without_a_needed_column_is_refused(tmp_path):
    table = toy_table()
    short = replace(table, columns=table.columns[:-1], values=table.values[:, :-1])
    write_table(short, tmp_path / "t.csv")
    with pytest.raises(VirtualBiopsyError, match="no column"):
        demo.train_demo(tmp_path / "out", features_csv=tmp_path / "t.csv")


def test_written_models_load_and_carry_their_digest(again):
    for path in again[1:]:
        model = load_radmodel(path)
        assert len(model.sha256) == 64
        assert json.dumps(model.metrics["auc"])
