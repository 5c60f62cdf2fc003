"""Published studies as rows, and what is told about each."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import astuple

import pytest
from recipes_support import PLANS
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models.study import load_studies
from virtualbiopsy.workbench.recipes import recipe_facts, recipe_rows

ROWS = {row.recipe: row for row in recipe_rows()}


def test_every_study_has_a_row_in_its_order():
    assert list(ROWS) == [study.study_id for study in load_studies()] and len(ROWS) == 110
    found = Counter(row.state for row in ROWS.values())
    assert found == {"can be run": 42, "rule": 12, "needs the deep extra": 9, "not run": 47}


def test_what_can_be_run_has_a_plan_and_the_others_a_reason():
    assert {row.recipe for row in ROWS.values() if row.runnable} == set(PLANS)
    for row in ROWS.values():
        assert row.runnable == (row.why_not == "") and "\n" not in row.why_not


def test_rows_are_plain_and_in_words():
    plain = (str, bool)
    for row in ROWS.values():
        for value in astuple(row):
            assert isinstance(value, plain) or all(isinstance(part, str) for part in value)
    row = ROWS["M11"]
    assert (row.disease, row.endpoint, row.modality) == ("Meningioma", "Ki-67", "MRI")
    assert row.sequences == ("T1-weighted", "T2-weighted", "contrast-enhanced T1-weighted")
    assert row.reference == "Li, et al., [27] in the source review on meningioma, section 3.3.1"
    assert ROWS["G4"].disease == "Glioma and brain metastasis"


def test_no_internal_figure_stands_without_the_external_one():
    assert "0.905 (internal test set) internal, external: 0.591" in ROWS["M14"].published
    for study in load_studies():
        found = ROWS[study.study_id].published
        assert found.count(" internal, external: ") == len(study.figures), study.study_id


def test_facts_tell_steps_estimator_test_predictors_and_what_is_ours():
    facts = dict(recipe_facts("m11"))
    assert facts["Steps"] == "impute → scale" and facts["Estimator"].startswith("gaussian_nb")
    assert facts["Candidate predictors"] == "8 features: t1c in tumour"
    assert facts["Test"] == "10 × 5 folds, grouped by patient; 2000 bootstrap resamples"
    assert "says nothing about the endpoint" in facts["Trial run on simulated cases"]
    assert "which features" in facts["Ours, since the study does not state it"]
    assert "Steps" not in dict(recipe_facts("M14"))
    assert dict(recipe_facts("M14"))["Not run"].startswith("A neural network")


@pytest.mark.parametrize("recipe", list(ROWS))
def test_every_study_has_facts(recipe):
    facts = recipe_facts(recipe)
    assert facts and all(label and text.strip() for label, text in facts)
    labels = {label for label, _ in facts}
    assert {"Steps", "Estimator", "Test"} <= labels if ROWS[recipe].runnable else "Not run" in labels


def test_an_unknown_study_is_refused():
    with pytest.raises(ModelFormatError, match="Z1"):
        recipe_facts("Z1")


def test_nothing_of_a_screen_or_of_training_packages_is_imported():
    code = (
        "import sys\n"
        "from virtualbiopsy.workbench import examine, form, outcome, recipes\n"
        "recipes.recipe_rows(), recipes.recipe_facts('M11')\n"
        "examine.examine(form.Form(recipe='M11', simulated=30))\n"
        "heavy = ('sklearn', 'pandas', 'xgboost', 'qt', 'trame', 'vtk', 'slicer')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
