"""Trial runs of recipes on simulated cases, and the page that tells of them."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from recipes_support import PLANS, numbers_table
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.models.radmodel import load_radmodel
from virtualbiopsy.models.study import load_studies
from virtualbiopsy.training import job
from virtualbiopsy.training import trial as trials
from virtualbiopsy.training.cases import simulated_cases
from virtualbiopsy.training.dataset import BINARY, SURVIVAL
from virtualbiopsy.training.estimators.make import KINDS
from virtualbiopsy.training.recipes_page import recipes_page
from virtualbiopsy.training.table import write_table
from virtualbiopsy.training.trial import Trial, run_trial, run_trials, trial_tables

SOME = {name: PLANS[name] for name in ("M1", "M11", "G8", "H2", "P12")}
SOME["G8"] = replace(SOME["G8"], method=replace(SOME["G8"].method, steps=SOME["G8"].method.steps[:2]))


@pytest.fixture(scope="module")
def table():
    return numbers_table(120)


def test_trials_find_what_is_there(table):
    """A feature that follows the label, and several of them: better than chance, not perfect."""
    found = run_trials(SOME, {"meningioma": table, "breast": table})
    assert {name: trial.figure for name, trial in found.items()} == {
        "M1": "auc",
        "M11": "auc",
        "G8": "mean_auc",
        "H2": "auc",
        "P12": "concordance",
    }
    for trial in found.values():
        assert not trial.problem and trial.low <= trial.value <= trial.high and trial.cases == 120
        assert 0.55 < trial.value < 0.97
    assert found["M11"].value > found["M1"].value, "eight features say more than one"
    assert found["M1"].verdict == "enough" and found["M11"].verdict == "too few", "35 events for 8 features"
    assert found["M1"].columns == 1 and found["M11"].columns == 8


def test_trials_without_signal_are_at_chance():
    flat = numbers_table(120, seed=4, signal=0.0)
    for name in ("M11", "H2"):
        assert run_trial(PLANS[name], flat).value == pytest.approx(0.5, abs=0.17)


def test_what_cannot_be_run_is_told(table):
    none = replace(PLANS["M13"], among=replace(PLANS["M13"].among, at_most=0.0))
    trial = run_trial(none, table)
    assert "No simulated case" in trial.problem and trial.words.startswith("not possible")
    one = replace(table, values=np.where(np.array(table.columns) == "ki67_high", 1.0, table.values))
    trial = run_trial(PLANS["M11"], one)
    assert trial.problem and math.isnan(trial.value)


def test_few_events_are_told():
    trial = Trial("M24", 60, 20, 62, "auc", 0.7, 0.6, 0.8, "too few")
    assert trial.words == "AUC 0.70 (0.60–0.80); too few events for its predictors"


def test_tables_are_kept_and_made_again_only_if_they_do_not_fit(table, tmp_path, monkeypatch):
    made = []

    def simulate(plans, cases, seed, progress, processes, kept):
        made.append((plans[0].stand_in.task, cases, seed))
        return replace(table, notes=("Simulated.", f"Cohort seed {seed}, {cases} cases."))

    monkeypatch.setattr(trials, "stand_in_table", simulate)
    found = trial_tables(SOME, tmp_path, 120, 5)
    assert [task for task, _, _ in made] == ["breast", "meningioma"] == list(found)
    trial_tables(SOME, tmp_path, 120, 5)
    assert len(made) == 2
    trial_tables(SOME, tmp_path, 120, 6)
    assert len(made) == 4, "another seed"
    write_table(replace(table, columns=("x", *table.columns[1:])), tmp_path / "breast-trial-features.csv")
    trial_tables(SOME, tmp_path, 120, 6)
    assert made[4:] == [("breast", 120, 6)]


def test_the_page_has_every_study_and_both_kinds_of_figures(table):
    studies = load_studies()
    done = {"M11": Trial("M11", 60, 20, 8, "auc", 0.712, 0.6, 0.8, "enough")}
    page = recipes_page(studies, PLANS, done, "Simulated.")
    assert RESEARCH_USE_ONLY in page and "says nothing about the endpoint" in page
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert {study.study_id for study in studies} <= set(rows)
    tables = page.split("## What is ours")
    m11 = next(line for line in tables[0].splitlines() if line.startswith("| M11 "))
    assert "0.752 (validation set) internal, external: none reported" in m11 and "AUC 0.71 (0.60–0.80)" in m11
    assert "external: 0.591" in tables[0] and "needs the deep extra, not yet run" in tables[0]
    assert "modality: ultrasound" in tables[0]
    assert sum(line.startswith("| ") for line in tables[1].splitlines()) == len(PLANS) + 1
    assert all(line.count("|") == 6 for line in tables[0].splitlines() if line.startswith("| "))


def test_the_command_writes_the_page(table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trials, "stand_in_table", lambda *_, **__: table)
    monkeypatch.setattr(
        trials, "run_trial", lambda plan, _: Trial(plan.study_id, 60, 20, 1, "auc", 0.7, 0.6, 0.8, "enough")
    )
    page = tmp_path / "recipes.md"
    assert main(["recipes", "--page", str(page), "--cases", "60", "--seed", "3"]) == 0
    assert str(page) in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "60 simulated cases of each cohort, seed 3" in text and text.count("AUC 0.70 (0.60–0.80)") == len(
        PLANS
    )
    assert main(["recipes", "--page", str(tmp_path / "no" / "page.md")]) == 2


def write_cohort(folder, plan, cases):
    """The cases as a table of features with the endpoint, as a user would have it."""
    data = simulated_cases(plan, numbers_table(cases)).data
    among = {} if plan.among is None else {plan.among.column: max(plan.among.at_least, 1.0)}
    outcome = data.outcome
    if plan.outcome == SURVIVAL:
        ends = {"event:end": outcome.labels, "time:end (months)": outcome.time}
    else:
        numbers = plan.outcome == BINARY
        ends = {"endpoint:end": outcome.labels if numbers else [f"kind {n}" for n in outcome.labels]}
    among = {column: value for column, value in among.items() if column not in data.columns}
    head = ["patient", *ends, *among, *data.columns]
    rows = [
        [name, *(values[n] for values in ends.values()), *among.values(), *features]
        for n, (name, features) in enumerate(zip(data.cases, data.values.tolist(), strict=True))
    ]
    with (folder / "cohort.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return folder


@pytest.mark.parametrize("study_id", sorted(PLANS))
def test_every_recipe_ends_in_a_model(study_id, tmp_path, monkeypatch, capsys):
    """The command from a cohort to a file that is read back, with small forests and few folds."""
    plan = PLANS[study_id]
    method = plan.method
    small = {"n_estimators": 10, "n_trees": 10}
    options = {name: value for name, value in small.items() if name in KINDS[method.estimator.kind][1]}
    estimator = replace(method.estimator, options={**method.estimator.options, **options})
    grid = {name: values[:1] for name, values in method.grid.items() if name not in options}
    plan = replace(plan, method=replace(method, estimator=estimator, grid=grid))
    monkeypatch.setattr(job, "plan_of", lambda study: plan)
    write_cohort(tmp_path, plan, 48)
    quick = {"folds": 2, "repeats": 1, "inner-folds": 2, "bootstraps": 20}
    command = ["train", "--recipe", study_id, "--cohort", str(tmp_path), "--out", str(tmp_path / "out")]
    command += ["--few-events", "--quiet", *(f"--{name}={value}" for name, value in quick.items())]
    assert main(command) == 0, capsys.readouterr().err
    (file,) = (tmp_path / "out").glob("*.radmodel")
    model = load_radmodel(file)
    assert set(model.feature_keys) <= set(plan.feature_keys()) and not model.simulated
    assert study_id in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    value = next(iter(model.metrics.values()))["value"]
    assert 0.2 < value <= 1.0
