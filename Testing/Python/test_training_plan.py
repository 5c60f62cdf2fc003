"""Plans: every recipe that runs is a method, says what is ours, and has a simulated cohort in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models.recipe import builtin_recipes
from virtualbiopsy.models.study import RUNS, find_study, load_studies
from virtualbiopsy.radiomics.keys import measured_key
from virtualbiopsy.tasks import TASKS
from virtualbiopsy.training.dataset import SURVIVAL, Outcome
from virtualbiopsy.training.estimators import make_estimator
from virtualbiopsy.training.method import Method
from virtualbiopsy.training.plan import LABELS, PARTS, plan_of, plans
from virtualbiopsy.training.steps import STEPS, make_step

STUDIES = {study.study_id: study for study in load_studies()}
PLANS = plans()


def outcome_of(plan) -> Outcome:
    classes = {"binary": ("a", "b"), "multiclass": ("a", "b", "c"), "survival": ()}[plan.outcome]
    time = np.ones(2) if plan.outcome == SURVIVAL else None
    return Outcome(plan.outcome, "x", classes, np.array([0, 1]), time, "months" if time is not None else "")


def test_every_study_that_runs_has_a_plan_and_no_other():
    assert set(PLANS) == {study_id for study_id, study in STUDIES.items() if study.state == RUNS}
    assert plan_of(STUDIES["M14"]) is None
    assert set(plans("breast")) == {i for i in PLANS if i.startswith("H")}
    assert not set(PLANS) & {recipe.recipe_id for recipe in builtin_recipes()}


@pytest.mark.parametrize("study_id", sorted(PLANS))
def test_a_plan_is_a_method_with_known_steps_and_estimator(study_id):
    plan = PLANS[study_id]
    assert isinstance(plan.method, Method)
    assert [step.kind for step in plan.method.steps][0] == "impute"
    for step in plan.method.steps:
        assert step.kind in STEPS and make_step(step) is not None
    assert make_estimator(plan.method.estimator, outcome_of(plan)) is not None
    for option, values in plan.method.grid.items():
        for value in values:
            spec = replace(plan.method.estimator, options={**plan.method.estimator.options, option: value})
            assert make_estimator(spec, outcome_of(plan)) is not None


@pytest.mark.parametrize("study_id", sorted(PLANS))
def test_what_the_study_leaves_open_is_marked_as_ours(study_id):
    plan, study = PLANS[study_id], STUDIES[study_id]
    assert set(plan.ours) <= set(PARTS) and {"preparation", "validation"} <= set(plan.ours)
    for part in ("sequences", "regions", "features", "estimator"):
        stated = bool(getattr(study, PARTS[part][0]))
        assert stated or part in plan.ours, part
    assert all(sentence.endswith(".") for sentence in plan.departs)


@pytest.mark.parametrize("study_id", sorted(PLANS))
def test_images_are_those_that_the_study_states(study_id):
    """Where sequences are stated, no other one is used; the stand-in has them or says what it takes."""
    plan, study = PLANS[study_id], STUDIES[study_id]
    kin = {"dwi": {"adc"}, "dce": {"ktrans", "kep", "pe", "ser"}}
    allowed = set(study.sequences).union(*(kin.get(role, ()) for role in study.sequences))
    if study.sequences:
        assert set(plan.roles) <= allowed
    task = TASKS[plan.stand_in.task]
    assert plan.stand_in.label in LABELS[task.task_id]
    keys = [measured_key(key) for key in plan.feature_keys(plan.stand_in.instead)]
    assert {key.sequence for key in keys if key} <= {"mask", *task.roles, *task.maps}
    assert len(plan.feature_keys()) == len(plan.feature_keys(plan.stand_in.instead)) == len(keys) > 0


def test_plans_say_what_their_studies_state():
    m11 = PLANS["M11"]
    assert m11.method.estimator.kind == "gaussian_nb" and m11.regions == ("tumour",) and m11.roles == ("t1c",)
    assert "estimator" not in m11.ours and "regions" not in m11.ours and "features" in m11.ours
    m24 = PLANS["M24"]
    assert m24.method.estimator.kind == "random_forest" and "selection" not in m24.ours
    assert (m24.among.column, m24.among.at_least) == ("clinical:who_grade", 2.0)
    assert [dict(step.options) for step in m24.method.steps if step.kind == "lasso"] == [{"most": 9}]
    m25 = PLANS["M25"]
    assert m25.method.estimator.kind == "xgboost" and m25.clinical == ("age", "skull_base")
    assert set(m25.roles) == {"t2", "t1c"}
    assert PLANS["M13"].among.at_most == 1.0 and PLANS["M13"].method.estimator.kind == "linear_svm"
    assert PLANS["M2"].stand_in.at_least == 4.0 and PLANS["M2"].positive == "Ki-67 ≥ 4 %"
    assert PLANS["G5"].method.steps[-1].options["k"] == 100 and PLANS["G5"].method.steps[-1].kind == "mrmr"
    assert PLANS["G4"].regions == ("largest_slice",) and PLANS["G8"].outcome == "multiclass"
    assert PLANS["P2"].outcome == SURVIVAL and PLANS["P2"].method.steps[-1].kind == "forest_importance"
    assert PLANS["M1"].feature_keys() == ("mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",)
    assert PLANS["M4"].feature_keys()[-1] == "clinical:who_grade"
    assert any("wavelet" in key for key in PLANS["H4"].feature_keys()) and "filters" in PLANS["H4"].ours
    assert PLANS["H1"].method.estimator.kind == "logistic" and PLANS["H1"].positive == "HER2-low"


GOOD = dict(STUDIES["M11"].run)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"outcome": "ternary"}, "outcome"),
        ({"outcome": "survival"}, "not for a survival outcome"),
        ({"estimator": {"kind": "oracle"}}, "estimator 'oracle'"),
        ({"estimator": {"kind": "gaussian_nb", "C": 1.0}}, "no option C"),
        ({"grid": {"C": [1.0]}}, "no option C"),
        ({"grid": {"var_smoothing": []}}, "no values"),
        ({"steps": [{"kind": "guess"}]}, "step 'guess'"),
        ({"steps": [{"kind": "scale"}, {"kind": "scale"}]}, "twice"),
        ({"steps": [{"kind": "mrmr", "many": 3}]}, "no option"),
        ({"calibration": "gut"}, "calibration"),
        ({"validation": {"folds": 5, "fold": 5}}, "fold"),
        ({"steps": [{"kind": "impute"}, {"kind": "lasso"}]}, "does not state selection"),
        ({"ours": ["validation", "preparation"]}, "does not state discretisation"),
        ({"ours": [*GOOD["ours"], "luck"]}, "luck"),
        ({"features": []}, "no feature"),
        ({"features": [{"sequences": ["t1c"], "regions": ["tumour"], "families": ["glcn"]}]}, "glcn"),
        ({"features": [{"sequences": ["t9"], "regions": ["tumour"], "families": ["glcm"]}]}, "t9"),
        ({"features": [{"sequences": ["t1c"], "regions": [], "families": ["glcm"]}]}, "empty"),
        ({"clinical": ["shoe_size"]}, "shoe_size"),
        ({"clinical": ["age"]}, "does not state clinical"),
        ({"stand_in": {"task": "meningioma", "label": "pcr"}}, "pcr"),
        ({"stand_in": {"task": "breast", "label": "pcr"}}, "t1c"),
        ({"luck": 1}, "luck"),
        ({"discretisation": "fbn"}, "fbn"),
    ],
)
def test_damaged_plans_are_refused(change, told):
    study = STUDIES["M11"]
    assert plan_of(study) is not None
    with pytest.raises(ModelFormatError, match=told):
        plan_of(replace(study, run={**GOOD, **change}))


def test_ours_cannot_pass_for_stated():
    """A part that the study is silent about must be marked, whatever the study."""
    study = replace(find_study("M11"), classifier="")
    with pytest.raises(ModelFormatError, match="does not state estimator"):
        plan_of(study)
