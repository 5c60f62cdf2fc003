"""A recipe from cases to a model that a session opens, and what a run refuses."""

from __future__ import annotations

import csv
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recipes_support import PLANS, numbers_table
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.case.read import read_case
from virtualbiopsy.cli import main
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.errors import Cancelled, CohortError, TrainingError
from virtualbiopsy.models.inference import log_odds
from virtualbiopsy.models.radmodel import load_radmodel
from virtualbiopsy.models.study import find_study
from virtualbiopsy.resources import resource
from virtualbiopsy.session import Session
from virtualbiopsy.training.cases import cohort_cases, simulated_cases
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.reports.html import study_report
from virtualbiopsy.training.reports.statement import read_stated
from virtualbiopsy.training.run import SMALL, train, with_changes, write_run
from virtualbiopsy.training.table import read_table

CASES = 48
"""Of tables of numbers."""
SIMULATED, SEED = 24, 606
MEASURED = Path(__file__).parent / "data" / "m11-simulated-features.csv"
"""What `virtualbiopsy train --recipe M11 --simulated 24 --seed 606` has measured on its simulated cases."""
QUICK = ["--folds", "3", "--repeats", "2", "--inner-folds", "3", "--bootstraps", "50"]


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A folder with the features of simulated cases, as a first run leaves it."""
    folder = tmp_path_factory.mktemp("features")
    shutil.copy(MEASURED, folder / "meningioma-trial-features.csv")
    return folder


def command(features, out, *more) -> int:
    simulated = ["--simulated", str(SIMULATED), "--seed", str(SEED), "--features", str(features)]
    return main(["train", "--recipe", "M11", *simulated, *QUICK, "--quiet", "--out", str(out), *more])


@pytest.fixture(scope="module")
def out(features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "m11"
    assert command(features, folder) == 0
    return folder


@pytest.fixture(scope="module")
def trained():
    cases = simulated_cases(PLANS["M11"], numbers_table(CASES))
    return train(find_study("M11"), PLANS["M11"], cases, validation=SMALL)


def test_the_command_writes_model_report_and_scores(out):
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "m11-simulated.radmodel",
        "report.html",
        "card.md",
        "CLEAR.md",
        "quality.md",
        "held-out.csv",
    }
    model = load_radmodel(out / "m11-simulated.radmodel")
    assert model.simulated and "simulated" in model.title and model.recipe == "M11"
    assert model.feature_keys and set(model.feature_keys) <= set(PLANS["M11"].feature_keys())
    assert model.required_sequences == ("t1c",) and model.task == "meningioma"
    assert "0.752" in model.published and "external: none reported" in model.published
    assert len(model.background) == SIMULATED == model.conformal_scores[1].size
    assert model.metrics["auc"]["low"] < model.metrics["auc"]["value"] < model.metrics["auc"]["high"]
    for name in ("report.html", "card.md", "held-out.csv"):
        text = (out / name).read_text(encoding="utf-8")
        assert RESEARCH_USE_ONLY in text and "imulated" in text, name
    assert "events per candidate, too few" in model.card and model.card == (out / "card.md").read_text()


def test_every_case_is_held_out_once_in_each_repeat(out):
    lines = (out / "held-out.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert sorted((row["case"], row["repeat"]) for row in rows) == sorted(
        (name, str(r)) for name in read_table(MEASURED).cases for r in (1, 2)
    )
    for row in rows:
        assert float(row["probability"]) == pytest.approx(1 / (1 + np.exp(-float(row["score"]))), rel=1e-6)


def test_the_session_opens_the_model_predicts_and_explains(out):
    model = load_radmodel(out / "m11-simulated.radmodel")
    case = read_case(resource("Cases") / "meningioma-sample")
    case = replace(case, sequences=(case.sequence("t1c"),))  # the others would be registered first
    result = Session(case, [model]).set_region(case.regions["tumour"])
    (prediction,), (explanation,) = result.predictions, result.explanations
    assert not result.skipped and 0 < prediction.probability < 1
    total = explanation.baseline + sum(part.phi for part in explanation.contributions)
    assert total == pytest.approx(prediction.log_odds, abs=1e-9)
    assert {part.key for part in explanation.contributions} == set(model.feature_keys)
    assert result.trust[0].light in ("amber", "red"), "a model of simulated cases is never green"


def test_the_model_gives_the_answers_of_the_fitted_method(trained):
    model, data = trained.model, trained.cases.data
    rows = data.features(model.feature_keys).values
    assert np.allclose(log_odds(model, rows), trained.fitted.score(data), rtol=0, atol=1e-12)


def test_two_runs_give_the_same_bytes_and_nothing_is_replaced(features, out, tmp_path, capsys):
    assert command(features, tmp_path / "again") == 0
    assert "validation grouped by patient: Brier score 0." in capsys.readouterr().out
    name = "m11-simulated.radmodel"
    assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    before = (out / name).stat().st_mtime_ns
    assert command(features, out) == 2
    assert "exists already" in capsys.readouterr().err and (out / name).stat().st_mtime_ns == before
    assert command(features, tmp_path / "again", "--overwrite") == 0


def test_a_run_that_was_stopped_goes_on(tmp_path):
    plan, cases = PLANS["M11"], simulated_cases(PLANS["M11"], numbers_table(CASES))
    done: list[str] = []

    def stop(fraction, message):
        done.append(message)
        if sum("fold" in text for text in done) == 4:
            raise Cancelled()

    parts = tmp_path / "parts.jsonl"
    with pytest.raises(Cancelled):
        train(find_study("M11"), plan, cases, stop, validation=SMALL, parts=parts)
    kept = parts.read_text().count('"number"')
    assert kept == 3
    again = train(find_study("M11"), plan, cases, validation=SMALL, parts=parts)
    assert parts.read_text().count('"number"') == 6
    whole = train(find_study("M11"), plan, cases, validation=SMALL)
    assert np.array_equal(again.held_out.scores(), whole.held_out.scores())


def test_too_few_events_are_refused_unless_the_cases_are_simulated(trained):
    real = replace(trained.cases, simulated=False, name="Hospital B")
    with pytest.raises(TrainingError, match="events per candidate, too few"):
        train(find_study("M11"), PLANS["M11"], real, validation=SMALL)
    accepted = train(find_study("M11"), PLANS["M11"], real, validation=SMALL, few_events=True)
    assert any("too few" in text for text in accepted.warnings)
    assert accepted.model.model_id == "m11-hospital-b" and not accepted.model.simulated
    assert "imulated" not in accepted.model.title


def test_a_leak_stands_in_the_card(trained):
    """A column that is the outcome: told, and named in the card."""
    data = trained.cases.data
    values = data.values.copy()
    values[:, 0] = data.outcome.labels
    told = train(
        find_study("M11"),
        PLANS["M11"],
        replace(trained.cases, data=replace(data, values=values)),
        validation=SMALL,
    )
    assert any(leak.name == "column that holds the outcome" for leak in told.leaks)
    assert "column that holds the outcome" in told.model.card


@pytest.mark.parametrize("study_id", ["G6", "G8", "P12"])
def test_other_kinds_of_outcomes_and_estimators(study_id, tmp_path):
    plan = PLANS[study_id]
    plan = replace(plan, method=replace(plan.method, steps=plan.method.steps[:2]))
    cases = simulated_cases(plan, numbers_table(60))
    found = train(find_study(study_id), plan, cases, validation=SMALL)
    written = write_run(tmp_path, found)
    model = load_radmodel(written[0])
    assert model.feature_keys == found.fitted.columns
    by_horizon = [name for name in model.metrics if name.startswith("brier_by_")]
    assert len(by_horizon) == (study_id == "P12")
    if by_horizon:
        assert by_horizon == [f"brier_by_{model.survival.horizon:.4g}_months"]
        assert f"Brier score by {model.survival.horizon:.4g} months" in model.card
    assert (model.survival is None) == (study_id != "P12") == (found.record.nomogram is None)
    assert bool(model.nominal) == (study_id == "G8")
    assert sum(line.startswith("case-") for line in (tmp_path / "held-out.csv").open()) == 2 * len(
        cases.data.cases
    )


def feature_cohort(folder, columns, positive="high"):
    table = numbers_table(CASES)
    high = table.column("ki67_high")
    head = ",".join(["patient", "endpoint:Ki-67", *columns])
    rows = [
        ",".join([f"p{n}", positive if high[n] else "low", *(f"{table.column(c)[n]:.6g}" for c in columns)])
        for n in range(CASES)
    ]
    (folder / "table.csv").write_text("\n".join([head, *rows]) + "\n")
    return read_cohort(folder / "table.csv", "features")


def test_a_table_of_other_features_gives_a_report_and_no_model(tmp_path):
    plan, study = PLANS["M11"], find_study("M11")
    keys = plan.feature_keys()
    cohort = feature_cohort(tmp_path, keys)
    cases = cohort_cases(plan, study, cohort, None)
    assert cases.data.columns == keys and not cases.simulated
    card = train(study, plan, cases, validation=SMALL, few_events=True).model.card
    assert "how they were measured is not known here" in card and "rigidly registered" not in card
    assert len(set(cases.data.provenance)) == len(cases.data.provenance)
    renamed = replace(cohort, features=replace(cohort.features, columns=tuple(f"f{n}" for n in range(8))))
    cases = cohort_cases(plan, study, renamed, None)
    found = train(study, plan, cases, validation=SMALL, few_events=True)
    assert found.model is None and "not a feature that VirtualBiopsy measures" in found.why_no_model
    written = write_run(tmp_path / "out", found)
    assert written[0].name == "report.html" and not list((tmp_path / "out").glob("*.radmodel"))


def test_many_failed_cases_do_not_make_a_model_too_long_for_its_file(tmp_path):
    plan, study = PLANS["M11"], find_study("M11")
    cases = cohort_cases(plan, study, feature_cohort(tmp_path, plan.feature_keys()), None)
    notes = tuple(f"P{n} could not be measured: {'the outline lies elsewhere, ' * 8}." for n in range(300))
    cases = replace(cases, data=replace(cases.data, provenance=notes))
    found = train(study, plan, cases, validation=SMALL, few_events=True)
    model = load_radmodel(write_run(tmp_path / "out", found)[0])
    assert model.data_statement.startswith(cases.source) and "P1 could not" in model.data_statement
    assert model.data_statement.endswith("more notes are in the card.") and "P299 could not" in model.card


def test_what_a_new_case_is_spared_stands_in_card_and_report(tmp_path):
    plan, study = PLANS["M11"], find_study("M11")
    cases = cohort_cases(plan, study, feature_cohort(tmp_path, plan.feature_keys()), None)
    site = np.where(np.arange(len(cases.data.cases)) % 2, "A", "B")
    cases = replace(cases, data=replace(cases.data, site=site))
    steps = (Spec("impute", {"strategy": "knn"}), Spec("combat"), Spec("scale"))
    plan = replace(plan, method=replace(plan.method, steps=steps))
    found = train(study, plan, cases, validation=SMALL, few_events=True)
    for told in ("a case of another site is taken as it is", "those of a new case by the mean"):
        assert told in found.model.limits and told in found.model.card and told in study_report(found.record)


def test_a_split_that_is_not_used_is_told(tmp_path):
    plan, study = PLANS["M11"], find_study("M11")
    cases = cohort_cases(plan, study, feature_cohort(tmp_path, plan.feature_keys()), None)
    split = np.where(np.arange(len(cases.data.cases)) % 3 == 0, "test", "train")
    cases = replace(cases, data=replace(cases.data, split=split))
    found = train(study, plan, cases, validation=SMALL, few_events=True)
    told = (
        f"The cohort marks {(split == 'test').sum()} cases as test; this validation does not keep them apart."
    )
    assert any(told in warning for warning in found.warnings) and told in found.model.card
    found = train(study, plan, cases, validation={**SMALL, "scheme": "split"}, few_events=True)
    assert not any("does not keep them apart" in warning for warning in found.warnings)
    assert found.evaluation.cases == (split == "test").sum()


def test_cases_of_a_site_of_the_training_are_no_external_ones(tmp_path):
    plan, study = PLANS["M11"], find_study("M11")
    cases = cohort_cases(plan, study, feature_cohort(tmp_path, plan.feature_keys()), None)
    n = len(cases.data.cases)
    own = replace(cases, data=replace(cases.data, site=np.array(["A", "B"] * n)[:n]))
    patients = np.array([f"other {i}" for i in range(n)])

    def elsewhere(site):
        return replace(cases, data=replace(cases.data, patients=patients, site=np.array([site] * n)))

    others = {"same": elsewhere("B"), "new": elsewhere("C"), "unknown": elsewhere("")}
    found = train(study, plan, own, validation=SMALL, few_events=True, external=others)
    assert {t.name: t.kind for t in found.record.tests[1:]} == {
        "same": "internal",
        "new": "external",
        "unknown": "external",
    }


def test_what_is_known_for_no_case_is_told_and_left_out(tmp_path):
    plan, study = PLANS["M10"], find_study("M10")
    cases = cohort_cases(plan, study, feature_cohort(tmp_path, plan.feature_keys()), None)
    column = cases.data.columns.index("clinical:skull_base")
    values = cases.data.values.copy()
    values[:, column] = np.nan
    cases = replace(cases, data=replace(cases.data, values=values))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = train(study, plan, cases, validation=SMALL, few_events=True, comparison=True)
    told = "Known for no case, so that the model does without: clinical:skull_base."
    assert (
        told in found.record.warnings
        and told in found.warnings
        and "clinical:skull_base" not in found.model.feature_keys
    )
    assert told.replace("_", "\\_") in found.model.card and not found.record.comparisons
    assert found.record.data.clinical == {}
    unknown = replace(cases, data=replace(cases.data, values=np.full_like(values, np.nan)))
    with pytest.raises(TrainingError, match="None of the features is known"):
        train(study, plan, unknown, validation=SMALL, few_events=True)
    with pytest.raises(TrainingError, match=r"cannot be called 'My/\.\./Model'"):
        train(study, plan, unknown, model_id="My/../Model")


def test_endpoints_that_do_not_fit_are_refused(tmp_path):
    plan, study = PLANS["M11"], find_study("M11")
    cohort = feature_cohort(tmp_path, plan.feature_keys())
    with pytest.raises(CohortError, match="no endpoint 'PR'"):
        cohort_cases(plan, study, cohort, None, "PR")
    with pytest.raises(CohortError, match="wants survival"):
        cohort_cases(PLANS["P12"], find_study("P12"), cohort, None, "Ki-67")
    alike = tuple(replace(case, labels={"Ki-67": 1}) for case in cohort.cases)
    with pytest.raises(CohortError, match=r"Ki-67 is 'Ki-67' in all \d+ cases"):
        cohort_cases(plan, study, replace(cohort, cases=alike), None)


def test_what_cannot_be_run_is_said(tmp_path, capsys):
    assert main(["train", "--recipe", "M14", "--simulated", "30", "--out", str(tmp_path)]) == 2
    assert "needs the deep extra" in capsys.readouterr().err
    assert main(["train", "--recipe", "M11", "--simulated", "3", "--out", str(tmp_path)]) == 2
    assert main(["train", "--recipe", "M11", "--cohort", str(tmp_path / "no"), "--out", str(tmp_path)]) == 2
    with pytest.raises(TrainingError, match="at least 2"):
        with_changes(PLANS["M11"].method.validation, {"folds": 1})


def test_cases_from_elsewhere_and_statements_reach_the_card(trained, tmp_path):
    other = simulated_cases(PLANS["M11"], numbers_table(60, seed=9))
    data = replace(other.data, patients=np.array([f"b{n}" for n in range(60)]))
    (tmp_path / "stated.toml").write_text('[design]\nethics = "Not needed: nobody was examined"\n')
    found = train(
        find_study("M11"),
        PLANS["M11"],
        trained.cases,
        validation=SMALL,
        external={"hospital B": replace(other, data=data)},
        stated=read_stated(tmp_path / "stated.toml"),
    )
    own, elsewhere = found.record.tests
    assert (own.kind, elsewhere.kind) == ("cross-validation", "external")
    assert elsewhere.cases == 60 and elsewhere.figures["auc"]["value"] > 0.6
    assert "hospital B" in found.model.card and "hospital B (60 cases)" in found.model.validation
    assert "nobody was examined" in found.model.card
    with pytest.raises(TrainingError, match="were trained on"):
        train(
            find_study("M11"),
            PLANS["M11"],
            trained.cases,
            validation=SMALL,
            external={"own": trained.cases},
            parts=tmp_path / "parts.jsonl",
        )
    assert not (tmp_path / "parts.jsonl").exists(), "refused before anything is fitted"


def test_clinical_radiomic_and_combined_models_are_compared(trained):
    data = trained.cases.data
    rng = np.random.default_rng(3)
    age = 50 + 8 * data.outcome.labels + rng.normal(0, 6, len(data.cases))
    columns = (*data.columns, "clinical:age")
    both = replace(data, columns=columns, values=np.column_stack([data.values, age]))
    found = train(
        find_study("M11"),
        PLANS["M11"],
        replace(trained.cases, data=both),
        validation=SMALL,
        comparison=True,
    )
    pairs = {(c.first, c.second) for c in found.record.comparisons}
    assert pairs >= {("clinical", "radiomic"), ("clinical", "combined"), ("radiomic", "combined")}
