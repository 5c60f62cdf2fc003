"""A run says which package lacks before it measures anything."""

from __future__ import annotations

import sys

import pytest
from recipes_support import PLANS
from virtualbiopsy.errors import MissingPackageError
from virtualbiopsy.training.job import Job, run_job
from virtualbiopsy.training.needs import check_packages


@pytest.mark.parametrize(
    ("recipe", "hidden", "words"),
    [
        ("M25", ("xgboost",), ("M25 needs XGBoost,", "virtualbiopsy[boost]")),
        ("M25", ("xgboost", "sklearn"), ("scikit-learn and XGBoost", "virtualbiopsy[train,boost]")),
        ("M11", ("sklearn",), ("M11 needs scikit-learn,", "virtualbiopsy[train]")),
    ],
)
def test_a_lacking_package_is_said_first(recipe, hidden, words, monkeypatch, tmp_path):
    for name in hidden:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError) as told:
        run_job(Job(recipe, tmp_path / "out", cohort=tmp_path / "not-there"))
    assert all(word in str(told.value) for word in words)
    assert list(tmp_path.iterdir()) == []


def test_only_plans_that_fit_xgboost_ask_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    for recipe, plan in PLANS.items():
        if plan.method.estimator.kind != "xgboost":
            check_packages(plan)
        else:
            assert recipe == "M25"
