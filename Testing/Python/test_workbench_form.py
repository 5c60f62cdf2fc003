"""What is filled in before a run: the job it asks for, what is refused, and what is remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from virtualbiopsy.errors import FormError
from virtualbiopsy.workbench.form import Form, from_document, to_document, to_job
from workbench_support import feature_cohort


@pytest.fixture
def form(tmp_path):
    return Form(recipe="M11", cohort=str(feature_cohort(tmp_path / "a", cases=12)), out=str(tmp_path / "out"))


def test_a_form_becomes_the_job(form, tmp_path):
    other = feature_cohort(tmp_path / "b", cases=12, prefix="b")
    stated = tmp_path / "stated.toml"
    stated.write_text("")
    full = replace(
        form,
        endpoint=" Ki-67 ",
        layout="features",
        labels=form.cohort,
        time_point="T0",
        external=(str(other), " "),
        statement=str(stated),
        folds=3,
        repeats=2,
        compare=True,
        few_events=True,
        processes=2,
    )
    job = to_job(full)
    assert (job.recipe, job.cohort, job.simulated) == ("M11", Path(form.cohort), 0)
    assert (job.endpoint, job.layout, job.time_point) == ("Ki-67", "features", "T0")
    assert (job.labels, job.external, job.statement) == (Path(form.cohort), (other,), stated)
    assert dict(job.validation) == {"folds": 3, "repeats": 2}
    assert job.compare and job.few_events and not job.overwrite and job.processes == 2
    assert job.out == tmp_path / "out" and not job.out.exists()


def test_zero_folds_and_repeats_are_those_of_the_recipe(form):
    assert dict(to_job(form).validation) == {}


def test_a_pasted_path_may_have_quotes_and_a_home_folder(form, monkeypatch):
    home = Path(form.cohort).parent
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert to_job(replace(form, cohort=f' "{form.cohort}" ')).cohort == Path(form.cohort)
    assert to_job(replace(form, cohort="~/table.csv")).cohort == Path(form.cohort)


WRONG = {
    "recipe": [{"recipe": ""}, {"recipe": "Z9"}, {"recipe": "M14"}],
    "cohort": [{"cohort": ""}, {"cohort": "/nowhere/at/all"}, {"simulated": 30}],
    "simulated": [{"cohort": "", "simulated": 3}, {"cohort": "", "simulated": 10**6}],
    "layout": [{"layout": "mine"}],
    "labels": [{"labels": "/nowhere.csv"}],
    "statement": [{"statement": "/nowhere.toml"}],
    "external": [{"external": ("/nowhere",)}],
    "out": [{"out": "  "}],
    "folds": [{"folds": 1}, {"folds": -3}],
    "repeats": [{"repeats": -1}],
    "processes": [{"processes": -1}],
}


@pytest.mark.parametrize(
    ("field", "changes"), [(field, changes) for field, many in WRONG.items() for changes in many]
)
def test_a_wrong_field_is_named_with_what_to_do(form, field, changes):
    with pytest.raises(FormError) as caught:
        to_job(replace(form, **changes))
    assert caught.value.field == field and caught.value.message and caught.value.hint


def test_a_recipe_that_is_not_run_says_why(form):
    with pytest.raises(FormError, match="needs the deep extra"):
        to_job(replace(form, recipe="M14"))


def test_results_lie_in_a_folder_of_their_own(form):
    for out in (form.cohort, str(Path(form.cohort).parent / "." / "table.csv")):
        with pytest.raises(FormError) as caught:
            to_job(replace(form, out=out))
        assert caught.value.field == "out"
    folder = str(Path(form.cohort).parent)
    with pytest.raises(FormError, match="among the files of the cohort"):
        to_job(replace(form, cohort=folder, out=folder))


def test_a_cohort_is_not_its_own_external_test(form):
    with pytest.raises(FormError) as caught:
        to_job(replace(form, external=(form.cohort,)))
    assert caught.value.field == "external"


def test_results_that_are_there_are_replaced_only_when_asked(form):
    out = Path(form.out)
    out.mkdir()
    (out / "validation.jsonl").write_text("")  # of a run that was stopped
    to_job(form)
    (out / "report.html").write_text("")
    with pytest.raises(FormError) as caught:
        to_job(form)
    assert caught.value.field == "overwrite" and "--" not in str(caught.value)
    assert to_job(replace(form, overwrite=True)).overwrite


def test_a_form_is_remembered_as_json(form):
    full = replace(form, external=("a", "b"), folds=3, compare=True)
    assert from_document(json.loads(json.dumps(to_document(full)))) == full
    assert from_document(to_document(Form())) == Form()


@pytest.mark.parametrize(
    "document", [None, [], "text", {"recipe": 3, "folds": True, "external": [1]}, {"x": 1}]
)
def test_what_was_remembered_wrongly_is_left_empty(document):
    assert from_document(document) == Form()
