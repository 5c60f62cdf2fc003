"""Simulated cases in the place of patients: columns, outcomes, times, and fits of every kind of outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recipes_support import PLANS, numbers_table
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.dataset import MULTICLASS, SURVIVAL
from virtualbiopsy.training.plan import preparation_of
from virtualbiopsy.training.stand_in import (
    FOLLOW_UP,
    GRADE,
    GRADE_WEIGHT,
    KI67_WEIGHT,
    MEDIAN_MONTHS,
    recurrence,
    stand_in_data,
    stand_in_table,
)
from virtualbiopsy.training.validation.fitting import fit_method


@pytest.fixture(scope="module")
def table():
    return numbers_table()


@pytest.mark.parametrize("study_id", sorted(PLANS))
def test_every_plan_has_data(study_id, table):
    plan = PLANS[study_id]
    data = stand_in_data(plan, table)
    assert data.columns == plan.feature_keys() and data.values.shape == (len(data.cases), len(data.columns))
    assert data.outcome.kind == plan.outcome and np.unique(data.outcome.labels).size >= 2
    assert (data.outcome.time is not None) == (plan.outcome == SURVIVAL)
    assert "says nothing about the endpoint" in data.provenance[-1]
    assert preparation_of(plan).reference in (*plan.roles, "t1c", "dce")


def test_columns_of_another_image_carry_the_name_of_the_plan(table):
    plan = PLANS["M8"]
    data = stand_in_data(plan, table)
    measured = plan.feature_keys(plan.stand_in.instead)
    for column, there in zip(data.columns, measured, strict=True):
        assert column.replace("t1map:", "t1:") == there
        assert np.array_equal(data.values[:, data.columns.index(column)], table.column(there))


def test_conditions_and_cuts(table):
    grade, ki67 = table.column(GRADE), table.column("ki67_percent")
    assert len(stand_in_data(PLANS["M13"], table).cases) == (grade == 1).sum() < 80
    assert len(stand_in_data(PLANS["M24"], table).cases) == 80, "too few high grades among simulated cases"
    whole = replace(PLANS["M24"], stand_in=replace(PLANS["M24"].stand_in, whole=False))
    assert len(stand_in_data(whole, table).cases) == (grade >= 2).sum()
    assert np.array_equal(stand_in_data(PLANS["M2"], table).outcome.labels, ki67 >= 4.0)
    assert np.array_equal(stand_in_data(PLANS["C19"], table).outcome.labels, grade >= 2)
    low = stand_in_data(PLANS["H1"], table)
    assert len(low.cases) == (table.column("her2_level") < 2).sum()
    several = stand_in_data(PLANS["G8"], table)
    assert several.outcome.kind == MULTICLASS and len(several.outcome.classes) == 3
    none = replace(PLANS["M13"], among=replace(PLANS["M13"].among, at_most=0.0))
    with pytest.raises(TrainingError, match="No simulated case"):
        stand_in_data(none, table)


@pytest.mark.parametrize("study_id", ["M1", "M11", "M13", "H2", "P3"])
def test_plans_can_be_fitted(study_id, table):
    data = stand_in_data(PLANS[study_id], table)
    fitted = fit_method(PLANS[study_id].method, data, np.random.default_rng(3))
    assert set(fitted.columns) <= set(data.columns) and fitted.columns
    assert np.isfinite(fitted.score(data)).all()


def test_times_to_recurrence_follow_their_hazard():
    """The share of seen recurrences is that of exponential times and uniform ends, 1 − E[exp(−λU)]."""
    names = [f"case-{n}" for n in range(4000)]
    for ki67, grade in ((3.6, 1.0), (10.0, 1.0), (3.6, 3.0)):
        time, seen = recurrence(names, np.full(4000, ki67), np.full(4000, grade))
        rate = np.log(2) / MEDIAN_MONTHS * (ki67 / 3.6) ** KI67_WEIGHT * np.exp(GRADE_WEIGHT * (grade - 1))
        first, last = FOLLOW_UP
        share = 1 - (np.exp(-rate * first) - np.exp(-rate * last)) / (rate * (last - first))
        assert seen.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 4000))
        assert seen.sum() / time.sum() == pytest.approx(rate, rel=4 / np.sqrt(seen.sum()))
        assert time.min() >= 0.1 and time.max() <= last
    again = recurrence(names[5:6], np.array([3.6]), np.array([3.0]))
    assert again[0][0] == time[5], "a case keeps its time whatever stands beside it"


def test_preparation_is_that_of_the_task_unless_it_is_no_head():
    assert preparation_of(PLANS["M11"]).reference == "t1c"
    assert preparation_of(PLANS["M12"]).reference == "t1"
    assert preparation_of(PLANS["M12"], available=("t1c",)).reference == "t1c"
    assert preparation_of(PLANS["M11"]).normalise == "zscore_head"
    assert preparation_of(PLANS["H6"]).normalise == "zscore_breast" and preparation_of(PLANS["H6"]).kinetics
    assert preparation_of(PLANS["P12"]).normalise == "none", "an ovary lies in no head"


def test_plans_of_one_cohort_only():
    with pytest.raises(TrainingError, match="2 simulated cohorts"):
        stand_in_table([PLANS["M1"], PLANS["H2"]], 1, 1)


def test_simulated_cases_have_all_that_the_plans_need():
    pytest.importorskip("nilearn")
    chosen = [PLANS[name] for name in ("M4", "M8", "M23", "G18")]
    table = stand_in_table(chosen, 1, 11, processes=1)
    for plan in chosen:
        data = stand_in_data(replace(plan, among=None), table)
        assert np.isfinite(data.values).all(), plan.study_id
