"""What the browser's workbench makes of typed text, of time, and of what is known about a model."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from virtualbiopsy.errors import FormError
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.web import remembered
from virtualbiopsy.web import workbench_rows as rows
from virtualbiopsy.web.present import performance
from virtualbiopsy.web.state import DEFAULTS
from virtualbiopsy.workbench.form import Form, from_document, to_document


def _state(**values) -> SimpleNamespace:
    """The page's state with these values."""
    return SimpleNamespace(**{**DEFAULTS, **values})


FORM = Form(
    recipe="M11",
    cohort="/data/cohort",
    layout="table",
    labels="/data/labels.csv",
    endpoint="Ki-67",
    time_point="T0",
    external=("/data/other",),
    statement="/data/study.toml",
    out="/data/out",
    folds=3,
    repeats=7,
    compare=True,
    few_events=True,
)


@pytest.mark.parametrize(
    "form", [FORM, Form(recipe="M11", simulated=30, out="/data/out")], ids=["cohort", "sim"]
)
def test_a_form_comes_back_from_the_page_as_it_was_kept(form, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert rows.form_state(from_document(remembered.remembered_form())) == {}
    remembered.remember_form(to_document(form))
    remembered.remember_task(tmp_path, "breast")  # the other file, untouched by the first
    kept = from_document(remembered.remembered_form())
    assert kept == form and remembered.remembered_task(tmp_path) == "breast"
    assert rows.form_of(_state(**rows.form_state(kept))) == form


def test_simulated_cases_take_nothing_along_from_the_cohort_that_was_typed():
    state = _state(**rows.form_state(FORM))
    state.bench_source, state.bench_simulated = "simulated", " 40 "
    form = rows.form_of(state)
    assert form.simulated == 40 and not form.cohort and not form.external and not form.few_events


@pytest.mark.parametrize("text", ["3.5", "-2", "three", "٣"])
def test_what_is_no_whole_number_is_refused_by_its_field(text):
    with pytest.raises(FormError) as found:
        rows.form_of(_state(bench_recipe="M11", bench_folds=text))
    assert found.value.field == "folds"


def test_an_examination_is_of_all_that_it_depends_on():
    state = _state(**rows.form_state(FORM))
    before = rows.about(state)
    changes = {f"bench_{name}": "x" for name in rows.ABOUT if name != "few"}
    for name, value in {**changes, "bench_few": False, "bench_external": ["/b"]}.items():
        assert rows.about(_state(**{**rows.form_state(FORM), name: value})) != before, name
    assert rows.about(_state(**{**rows.form_state(FORM), "bench_out": "/elsewhere"})) == before


def test_the_time_that_is_left_is_told_from_the_pace_alone():
    now = [0.0]
    clock = rows.Clock(lambda: now[0])
    assert clock.told(0.0, "Counting") == "Counting"
    now[0] = 1.0
    assert clock.told(0.5, "Validating") == "Validating"  # what an earlier run has left is no pace
    now[0] = 3.0
    assert clock.told(0.52, "Validating") == "Validating"  # too early to say
    now[0] = 11.0
    assert clock.told(0.55, "Validating") == "Validating; about 90 s left"
    assert clock.told(0.55, "3 of 9 cases, about 2 min left").count("left") == 1
    assert clock.told(1.0, "Written") == "Written"


def test_figures_of_a_model_say_how_it_was_tested():
    model = builtin_models("meningioma")[0]
    assert performance(model).startswith("Cross-validated AUC 0.") and "simulated cases" in performance(model)
    others = replace(
        model, simulated=False, validation="Leave-one-site-out validation; all that looks at data …"
    )
    assert performance(others).startswith("AUC 0.") and performance(others).endswith(
        "; leave-one-site-out validation."
    )
    assert "imulated" not in performance(others) and "Cross" not in performance(others)


def test_missing_packages_are_named(monkeypatch):
    assert rows.missing_packages() == ""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert rows.missing_packages() == "scikit-learn"
