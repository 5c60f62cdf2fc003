"""The workbench of the desktop: recipes, faults, run, cancel and go on, result, install, try, remove."""

import json
import sys
import types
from html import unescape
from pathlib import Path

import pytest
import slicer
from workbench_desk import Desk
from workbench_support import feature_cohort

pytestmark = pytest.mark.mrml
QUICK = {"folds": 3, "repeats": 2, "few_events": True}


@pytest.fixture
def desk(monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    monkeypatch.setenv("VIRTUALBIOPSY_MODELS", str(tmp_path / "models"))
    made = Desk(monkeypatch)
    yield made
    made.panel.close()


@pytest.fixture
def trained(desk, tmp_path):
    """A finished run on a table of features."""
    desk.fill(recipe="M11", cohort=str(feature_cohort(tmp_path / "in")), out=str(tmp_path / "out"), **QUICK)
    desk.press("runButton")
    assert desk.panel.outcome is not None, desk.panel.status
    return desk


def errors(desk):
    return [text for kind, text in desk.messages if kind == "errorDisplay"]


def test_recipes_are_filtered_by_words_and_state_and_say_why_they_are_not_run(desk):
    ui, recipes = desk.ui, desk.panel.recipes
    assert len(recipes.shown) > 100 and not ui.runButton.enabled
    ui.filterSearchBox.setText("breast HER2")
    assert 0 < len(recipes.shown) < 40
    assert all("breast" in row[1].lower() for row in ui.recipeTable.rows)
    ui.filterSearchBox.setText("")
    ui.stateComboBox.setCurrentIndex(recipes._states.index("needs the deep extra"))
    assert all(row[2] == "needs the deep extra" and row[3] for row in ui.recipeTable.rows)
    desk.choose_row("recipeTable", 0)
    assert recipes.row.why_not in ui.recipeBrowser.html
    assert not ui.runButton.enabled and ui.runButton.toolTip == recipes.row.why_not
    ui.stateComboBox.setCurrentIndex(0)
    desk.choose_row("recipeTable", recipes.shown.index("M11"))
    assert ui.runButton.enabled and ui.examineButton.enabled
    for words in ("Estimator", "Candidate predictors", "Published figure", "of another model"):
        assert words in ui.recipeBrowser.html


@pytest.mark.parametrize(
    ("changes", "words", "widget"),
    [
        ({}, "no cases", "cohortPathLineEdit"),
        ({"cohort": "/no/where"}, "/no/where", "cohortPathLineEdit"),
        ({"simulated": 30}, "no folder for the results", "outPathLineEdit"),
        ({"simulated": 30, "out": "x", "external": ("/no/where",)}, "/no/where", "externalList"),
        ({"simulated": 30, "out": "x", "statement": "no.toml"}, "no.toml", "statementPathLineEdit"),
        ({"simulated": 30, "out": "x", "folds": 1}, "too few", "foldsSpinBox"),
    ],
)
def test_a_wrong_field_is_named_and_led_to(desk, changes, words, widget):
    desk.fill(recipe="M11", **changes)
    desk.press("runButton")
    assert words in errors(desk)[-1] and not desk.panel.job.busy
    assert getattr(desk.ui, widget).focused


def test_all_faults_of_a_cohort_are_listed_at_once(desk, tmp_path):
    (tmp_path / "cohort.csv").write_text(
        "patient,t1c,mask,endpoint:Ki-67\nP1,no.nii,no.nii,perhaps\nP1,x,y,\n"
    )
    desk.fill(recipe="M11", cohort=str(tmp_path))
    desk.press("examineButton", wait=False)
    assert desk.ui.examineButton.text == "Cancel" and not desk.ui.runButton.enabled
    desk.panel.wait_for_completion(60)
    rows = desk.ui.faultTable.rows
    assert len(rows) > 3 and rows[0][0] == "fault" and desk.ui.faultTable.visible
    assert any("no.nii" in row[2] for row in rows) and all(row[1] for row in rows[:2])
    assert "cannot be used" in desk.ui.examinationLabel.text
    desk.ui.cohortPathLineEdit.setCurrentPath(str(tmp_path / "other"))
    assert "look at them again" in desk.ui.examinationLabel.text and desk.ui.faultTable.rows == []


def test_endpoints_and_events_are_told_before_the_run(desk, tmp_path):
    desk.fill(recipe="M11", cohort=str(feature_cohort(tmp_path)))
    desk.press("examineButton")
    assert "Too few events" in str(desk.ui.faultTable.rows)
    assert desk.ui.endpointComboBox.items == ["That of the study", "Ki-67"]
    assert "17 Ki-67" in desk.ui.endpointsLabel.text
    desk.ui.fewEventsCheckBox.setChecked(True)
    desk.press("examineButton")
    assert "can be used" in desk.ui.examinationLabel.text and "per candidate" in desk.ui.examinationLabel.text
    desk.ui.endpointComboBox.setCurrentIndex(1)
    assert desk.panel.read().endpoint == "Ki-67"


def test_simulated_cases_are_called_that(desk):
    desk.fill(recipe="M11", simulated=30)
    assert desk.ui.simulatedFrame.visible and not desk.ui.cohortFrame.visible
    desk.press("examineButton")
    assert "imulated" in desk.ui.examinationLabel.text and "simulated" in desk.ui.endpointsLabel.text


def test_a_cancelled_run_goes_on_after_a_restart(desk, tmp_path):
    form = {"cohort": str(feature_cohort(tmp_path / "in")), "out": str(tmp_path / "out")}
    desk.fill(recipe="M11", **form, **{**QUICK, "repeats": 4})
    desk.press("runButton", wait=False)
    assert desk.ui.runButton.text == "Cancel" and not desk.ui.cohortFrame.enabled
    assert "kept" in desk.ui.runButton.toolTip and not desk.ui.examineButton.enabled
    parts = tmp_path / "out" / "validation.jsonl"
    while desk.panel.job.busy and not (parts.exists() and parts.read_text().count("\n") > 2):
        desk.panel.job._on_timer()
    assert desk.panel.job.busy, "it is stopped in the middle of the validation"
    desk.press("runButton")
    assert "Run goes on from there" in desk.panel.status and desk.panel.outcome is None
    assert not errors(desk)
    before = parts.read_text().splitlines()
    desk.panel.close()
    desk.open()
    assert desk.panel.read().out == form["out"] and desk.panel.read().repeats == 4
    desk.press("runButton")
    assert parts.read_text().splitlines()[: len(before)] == before, "its parts were used"
    assert "Done" in desk.panel.status and Path(desk.panel.outcome.model).is_file()


def test_the_result_shows_figures_with_their_interval_and_what_is_published(trained):
    ui, outcome = trained.ui, trained.panel.outcome
    first = ui.figureTable.rows[0]
    assert first[1] == "AUC" and "95 % CI" in first[2] and first[3] == "60, events: 17"
    assert outcome.published in unescape(ui.publishedBrowser.html)
    assert "Published, of another model" in ui.publishedBrowser.html
    assert outcome.warnings and all(w in unescape(ui.runWarningsLabel.text) for w in outcome.warnings)
    assert "Research use only" in ui.outcomeLabel.text and "Trained on simulated" not in ui.outcomeLabel.text
    trained.press("reportButton")
    assert trained.opened == [("file", outcome.report)]


def test_simulated_stands_wherever_figures_are(trained):
    from dataclasses import replace

    trained.panel.results.show(replace(trained.panel.outcome, simulated=True))
    assert all("simulated" in row[0] for row in trained.ui.figureTable.rows)
    assert "Trained on simulated cases" in trained.ui.outcomeLabel.text


def test_results_are_replaced_only_when_that_is_said(trained):
    trained.press("runButton")
    assert "exists already" in errors(trained)[-1] and trained.ui.overwriteCheckBox.focused
    trained.ui.overwriteCheckBox.setChecked(True)
    trained.press("runButton")
    assert "Done" in trained.panel.status
    trained.open()
    assert not trained.ui.overwriteCheckBox.checked, "it is said anew each time"


def test_a_finished_run_is_opened_again(trained, tmp_path):
    outcome = trained.panel.outcome
    trained.open()
    trained.chosen = [str(tmp_path / "in"), str(tmp_path / "out")]
    trained.press("openRunButton")
    assert "no results" in errors(trained)[-1] and trained.panel.outcome is None
    trained.press("openRunButton")
    assert trained.panel.outcome == outcome


def test_install_and_remove(trained):
    ui, outcome = trained.ui, trained.panel.outcome
    assert not ui.tryButton.enabled and ui.tryButton.toolTip == "Install the model first."
    trained.press("installButton")
    assert ui.libraryTable.rows[0][0] == outcome.model_id and "60 cases" in ui.libraryTable.rows[0][2]
    assert ui.tryButton.enabled and not ui.installButton.enabled
    assert not ui.removeModelButton.enabled
    trained.choose_row("libraryTable", 0)
    trained.agrees = False
    trained.press("removeModelButton")
    assert ui.libraryTable.rows, "removed only after a question"
    trained.agrees = True
    trained.press("removeModelButton")
    assert not ui.libraryTable.rows and not ui.tryButton.enabled and ui.installButton.enabled


def test_another_model_of_the_same_id_is_replaced_after_a_question(trained, tmp_path):
    trained.press("installButton")
    trained.fill(
        recipe="M11",
        cohort=str(feature_cohort(tmp_path / "in", cases=70)),
        out=str(tmp_path / "other"),
        **QUICK,
    )
    trained.press("runButton")
    assert trained.ui.installButton.enabled, "the installed one is another"
    trained.agrees = False
    trained.press("installButton")
    assert "Replace it?" in trained.messages[-1][1] and trained.ui.installButton.enabled
    trained.agrees = True
    trained.press("installButton")
    assert not trained.ui.installButton.enabled and not errors(trained)


def test_a_broken_file_among_the_installed_is_told_and_can_be_removed(desk, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "x.radmodel").write_bytes(b"nothing")
    desk.panel.enter()
    assert "x.radmodel" in desk.ui.brokenLabel.text and desk.ui.libraryTable.rows[0][1] == "cannot be used"
    desk.choose_row("libraryTable", 0)
    desk.press("removeModelButton")
    assert not list((tmp_path / "models").iterdir()) and not desk.ui.brokenLabel.visible


def test_without_scikit_learn_everything_but_the_run_works(desk, monkeypatch, tmp_path):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "sklearn" else find(name, *more)
    )
    desk.agrees = False
    desk.fill(recipe="M11", cohort=str(feature_cohort(tmp_path / "in")), out=str(tmp_path / "out"), **QUICK)
    desk.press("runButton")
    assert "scikit-learn" in desk.messages[-1][1] and desk.messages[-1][0] == "question"
    assert "Not started" in desk.panel.status and not (tmp_path / "out").exists()
    desk.press("examineButton")
    assert desk.panel.cases.found.usable and desk.ui.runButton.enabled


def test_trying_opens_the_module_of_the_disease_with_its_sample_case(trained, stage, monkeypatch):
    from panel_support import Settings
    from virtualbiopsy.desktop.study import Study
    from virtualbiopsy.tasks import MENINGIOMA

    trained.press("installButton")
    shown = []
    study = Study(task=MENINGIOMA)
    node = Settings(MENINGIOMA)
    logic = types.SimpleNamespace(study=study)
    widget = types.SimpleNamespace(_parameterNode=node, logic=logic)
    monkeypatch.setattr(slicer.util, "selectModule", shown.append, raising=False)
    monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: widget, raising=False)
    loaded = {"t1c": "the volume", "tumour_mask": stage.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")}
    loaded["tumour_mask"].GetSegmentation().AddEmptySegment("Tumour")
    module = sys.modules["virtualbiopsy.desktop.workbench_outcome"]
    monkeypatch.setattr(module, "load_case", lambda task: loaded)
    trained.agrees = False
    trained.press("tryButton")
    assert shown == ["MeningiomaPredictor"] and node.t1c is None, "the sample is offered, not forced"
    trained.agrees = True
    trained.press("tryButton")
    assert "simulated sample case" in trained.messages[-1][1]
    assert node.t1c == "the volume" and node.segmentId == "Tumour"
    assert node.explainedModel == trained.panel.outcome.model_id
    assert node.explainedModel in study.models_by_id, "the module runs it"


def test_a_module_notices_what_was_installed_or_removed(trained):
    from virtualbiopsy.desktop.study import Inputs, Study
    from virtualbiopsy.tasks import MENINGIOMA

    study = Study(task=MENINGIOMA)
    bundled, before = study.models, study.signature(Inputs({}))
    assert not study.look_for_models()
    trained.press("installButton")
    assert study.models == bundled, "not in the middle of something"
    assert study.look_for_models() and not study.look_for_models()
    assert [m.model_id for m in study.models][-1] == trained.panel.outcome.model_id
    assert study.signature(Inputs({})) != before, "results are out of date"
    given = Study(bundled, task=MENINGIOMA)
    trained.choose_row("libraryTable", 0)
    trained.press("removeModelButton")
    assert study.look_for_models() and len(study.models) == len(bundled)
    assert not given.look_for_models() and given.models == bundled


def test_closing_stops_the_run_and_remembers_the_form(desk, tmp_path):
    desk.fill(recipe="M11", cohort=str(feature_cohort(tmp_path / "in")), out=str(tmp_path / "out"), **QUICK)
    desk.press("runButton", wait=False)
    desk.ui.timePointLineEdit.setText("T1")
    desk.panel.close()
    assert not desk.panel.job.busy
    kept = json.loads(desk.settings["VirtualBiopsy/Workbench"])
    assert (kept["recipe"], kept["time_point"]) == ("M11", "T1")
    desk.settings["VirtualBiopsy/Workbench"] = "{damaged"
    desk.open()
    assert desk.panel.read().recipe == ""
