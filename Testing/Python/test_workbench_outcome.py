"""What a run gave, of the run itself and opened again, with a real run on a table of features."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from recipes_support import PLANS, numbers_table
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.errors import Cancelled, TrainingError, UnreadableFileError
from virtualbiopsy.models.radmodel import load_radmodel
from virtualbiopsy.models.study import find_study
from virtualbiopsy.training.cases import simulated_cases
from virtualbiopsy.training.job import run_job
from virtualbiopsy.training.run import SMALL, train, write_run
from virtualbiopsy.workbench.form import Form, to_job
from virtualbiopsy.workbench.outcome import outcome_of, read_outcome
from workbench_support import feature_cohort


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    return Form(
        recipe="M11",
        cohort=str(feature_cohort(root / "a")),
        external=(str(feature_cohort(root / "b", seed=9, prefix="b")),),
        out=str(root / "out"),
        folds=3,
        repeats=2,
        few_events=True,
    )


@pytest.fixture(scope="module")
def run(form):
    return run_job(to_job(form))


@pytest.fixture(scope="module")
def outcome(run):
    return outcome_of(*run)


def simulated(recipe: str, out: Path, **changes):
    cases = simulated_cases(PLANS[recipe], numbers_table(60))
    found = train(find_study(recipe), PLANS[recipe], replace(cases, **changes), validation=SMALL)
    return found, write_run(out, found)


def same(one, other) -> bool:
    return repr(astuple(one)) == repr(astuple(other))  # NaN equals NaN


def test_it_names_model_data_reports_and_published_figures(form, run, outcome):
    model = load_radmodel(outcome.model)
    assert (outcome.model_id, outcome.title) == (model.model_id, model.title) == ("m11-table", model.title)
    assert (outcome.endpoint, outcome.positive, outcome.task) == ("Ki-67", "Ki-67", "meningioma")
    assert outcome.data == "60 cases of the cohort table (features). 43 not Ki-67, 17 Ki-67."
    assert outcome.tried_on and outcome.why_not_tried == "" == outcome.why_no_model
    assert not outcome.simulated and "imulated" not in outcome.title
    assert outcome.folder == form.out
    for path in (outcome.report, outcome.card, outcome.clear):
        assert Path(path).parent == Path(form.out) and Path(path).is_file()
    assert "0.752 (validation set) internal, external: none reported" in outcome.published
    assert model.published == f"Published for another model: {outcome.published}"
    assert any("too few" in warning for warning in outcome.warnings)


def test_every_figure_of_every_test_is_there_with_its_interval(run, outcome):
    trained, _ = run
    own, external = trained.record.tests
    assert len(outcome.rows) == len(own.figures) + len(external.figures)
    first = outcome.rows[0]
    figure = trained.evaluation.figures["auc"]
    assert (first.test, first.figure, first.cases, first.events) == (own.name, "AUC", 60, 17)
    assert (first.value, first.low, first.high) == (figure.value, figure.low, figure.high)
    assert first.text == f"{figure.value:.3f} (95 % CI {figure.low:.3f} to {figure.high:.3f})"
    for test in (own, external):
        names = [row.figure for row in outcome.rows if row.test == test.name]
        assert names[:4] == [
            "AUC",
            "Calibration slope (ideal 1)",
            "Calibration intercept (ideal 0)",
            "Brier score",
        ]
    assert {row.test for row in outcome.rows} == {own.name, "external: table"}


def test_opened_again_it_is_the_same(form, outcome):
    assert same(read_outcome(form.out), outcome)
    text = (Path(form.out) / "results.json").read_text(encoding="utf-8")
    assert RESEARCH_USE_ONLY in text and "NaN" not in text and str(Path(form.cohort).parent) not in text


def test_a_folder_that_moved_is_opened_where_it_is(form, tmp_path):
    shutil.copytree(form.out, tmp_path / "moved")
    found = read_outcome(tmp_path / "moved")
    assert Path(found.model).parent == Path(found.report).parent == tmp_path / "moved"
    Path(found.model).unlink()
    (tmp_path / "moved" / "report.html").unlink()
    found = read_outcome(tmp_path / "moved")
    assert found.model == "" == found.report and not found.tried_on
    assert "m11-table.radmodel is not in the folder any more" in found.why_no_model == found.why_not_tried


def test_a_stopped_run_has_no_outcome_and_goes_on(form, tmp_path):
    stopped = replace(form, out=str(tmp_path / "out"), external=())
    done = []

    def stop(fraction, message):
        done.append(message)
        if sum("fold" in text for text in done) == 4:
            raise Cancelled()

    with pytest.raises(Cancelled):
        run_job(to_job(stopped), stop)
    with pytest.raises(UnreadableFileError, match="goes on when it is started again"):
        read_outcome(stopped.out)
    again = outcome_of(*run_job(to_job(stopped)))
    whole = outcome_of(*run_job(to_job(replace(stopped, out=str(tmp_path / "whole")))))
    assert [astuple(row) for row in again.rows] == [astuple(row) for row in whole.rows]


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: "{",
        lambda d: "[]",
        lambda d: json.dumps({**d, "format": "other"}),
        lambda d: json.dumps({**d, "format_version": 2}),
        lambda d: json.dumps({k: v for k, v in d.items() if k != "tests"}),
        lambda d: json.dumps({**d, "tests": [{"name": 3}]}),
        lambda d: json.dumps({**d, "model": "../../elsewhere.radmodel"}),
        lambda d: json.dumps({**d, "title": None}),
    ],
)
def test_a_damaged_file_is_refused(form, tmp_path, damage):
    document = json.loads((Path(form.out) / "results.json").read_text(encoding="utf-8"))
    (tmp_path / "results.json").write_text(damage(document), encoding="utf-8")
    with pytest.raises(UnreadableFileError):
        read_outcome(tmp_path)


def test_simulated_cases_are_said_first(tmp_path):
    found = outcome_of(*simulated("M11", tmp_path))
    assert found.simulated and "simulated" in found.title and found.data.startswith("60 simulated cases")
    assert "simulated" in found.warnings[0]


def test_a_model_for_a_disease_without_cases_says_that_it_cannot_be_tried(tmp_path):
    found = outcome_of(*simulated("G6", tmp_path))
    assert load_radmodel(found.model).task == found.task == "glioma"
    assert not found.tried_on
    assert found.why_not_tried == (
        "It cannot be tried here: it is for “Glioma and brain metastasis”; cases of meningioma and breast "
        "can be opened."
    )


def test_survival_counts_events(tmp_path):
    found = outcome_of(*simulated("P12", tmp_path))
    row = found.rows[0]
    assert row.figure == "Concordance index" and row.cases == 60 and 0 < row.events < 60
    assert f"{row.events} events, {60 - row.events} censored." in found.data


def test_features_of_others_give_figures_and_no_model(form, tmp_path):
    path = feature_cohort(tmp_path / "a")
    head, rest = path.read_text().split("\n", 1)
    path.write_text(f"patient,endpoint:Ki-67,{','.join(f'f{n}' for n in range(8))}\n{rest}")
    other = replace(form, cohort=str(path), external=(), out=str(tmp_path / "out"))
    found = outcome_of(*run_job(to_job(other)))
    assert found.model == "" == found.model_id and not found.tried_on and found.rows
    assert "not a feature that VirtualBiopsy measures" in found.why_no_model == found.why_not_tried
    assert same(read_outcome(other.out), found)


def test_a_figure_without_interval_is_nan_and_told_without_one(form, tmp_path):
    document = json.loads((Path(form.out) / "results.json").read_text(encoding="utf-8"))
    document["tests"] = [{"name": "x", "cases": 9, "events": 0, "figures": {"auc": {"value": 0.5}}}]
    (tmp_path / "results.json").write_text(json.dumps(document), encoding="utf-8")
    (row,) = read_outcome(tmp_path).rows
    assert row.text == "0.500" and math.isnan(row.low) and math.isnan(row.high)


def test_two_runs_in_one_folder_are_refused(form, tmp_path):
    twin = replace(form, external=(), out=str(tmp_path / "out"))
    told = []

    def meanwhile(fraction, message):
        if fraction > 0.65 and not told:
            told.append(message)
            with pytest.raises(TrainingError, match="Another run is writing into out"):
                run_job(to_job(twin))
            raise Cancelled()

    with pytest.raises(Cancelled):
        run_job(to_job(twin), meanwhile)
    assert told and run_job(to_job(twin))[0].model is not None, "the folder is free again"
