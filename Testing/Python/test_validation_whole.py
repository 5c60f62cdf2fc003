"""The package's own steps and estimators under validation: none of them may look at held-out cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from validation_samples import dataset
from virtualbiopsy.training.dataset import Repeats
from virtualbiopsy.training.estimators import make_estimator
from virtualbiopsy.training.method import Method, Spec, Validation
from virtualbiopsy.training.steps import STEPS
from virtualbiopsy.training.validation.audit import audit, procedure_of
from virtualbiopsy.training.validation.evaluate import evaluate
from virtualbiopsy.training.validation.guards import find_leaks
from virtualbiopsy.training.validation.leak import VALUES
from virtualbiopsy.training.validation.run import validate
from virtualbiopsy.training.validation.sample_size import BLIND, sample_size
from virtualbiopsy.training.validation.shuffle import shuffled_labels
from virtualbiopsy.training.validation.splits import make_splits

pytest.importorskip("sklearn")

OPTIONS = {
    "impute": ({}, {"strategy": "knn"}),
    "combat": ({}, {"unknown": "sample"}),
    "scale": ({}, {"kind": "robust"}),
    "icc": ({"threshold": 0.3},),
    "variance": ({},),
    "correlation": ({"threshold": 0.6}, {"threshold": 0.6, "prefer": "outcome"}),
    "select_k_best": ({"k": 3}, {"k": 3, "score": "mutual_information"}),
    "mrmr": ({"k": 3},),
    "lasso": ({"least": 2, "path": 10, "folds": 3},),
    "forest_importance": ({"k": 3, "trees": 10},),
}
ESTIMATORS = {
    "binary": (
        Spec("logistic", {"penalty": "l1"}),
        Spec("linear_svm"),
        Spec("rbf_svm"),
        Spec("gaussian_nb"),
        Spec("lda"),
        Spec("decision_tree"),
        Spec("random_forest", {"n_estimators": 10}),
        Spec("gradient_boosting", {"n_estimators": 10}),
        Spec("xgboost", {"n_estimators": 10}),
    ),
    "multiclass": (Spec("logistic"), Spec("random_forest", {"n_estimators": 10})),
    "ordinal": (Spec("proportional_odds"),),
    "survival": (
        Spec("cox", {"l2": 1.0}),
        Spec("lasso_cox"),
        Spec("survival_forest", {"n_trees": 30, "min_leaf": 5}),
    ),
}


def cases(kind="binary", n=72, p=8, seed=0, gaps=True):
    """Two sites, gaps, repeated measurements; the first two columns tell the outcome."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3 if kind in ("multiclass", "ordinal") else 2, n)
    values = rng.normal(size=(n, p))
    values[:, :2] += 1.2 * labels[:, None]
    site = np.where(np.arange(n) % 2, "A", "B")
    values += 0.8 * (site == "A")[:, None]
    repeated = values[:, None, :] + 0.5 * rng.normal(size=(n, 2, p))
    if gaps:
        values[rng.random((n, p)) < 0.03] = np.nan
    time = None
    if kind == "survival":
        time = rng.exponential(np.exp(1.5 - 2 * labels)) + 0.01
        labels = (rng.random(n) < 0.8).astype(int)
    data = dataset(values, labels, [f"p{i // 2}" for i in range(n)], time=time, kind=kind, site=site)
    return replace(data, repeats=Repeats("test-retest", repeated))


def chain(*steps, estimator=None, **settings):
    settings = {"folds": 4, "repeats": 1, "inner_folds": 2, "bootstraps": 100, **settings}
    specs = (Spec("impute"), *steps, Spec("scale"))
    return Method(specs, estimator or Spec("logistic"), validation=Validation(**settings))


def test_every_step_is_listed_here():
    assert set(OPTIONS) == set(STEPS)
    assert set(BLIND) < set(STEPS)


@pytest.mark.parametrize(
    ("kind", "options"), [(kind, options) for kind, found in OPTIONS.items() for options in found]
)
def test_no_step_looks_at_held_out_cases(kind, options):
    data = cases()
    first = (Spec(kind, options),) if kind == "impute" else (Spec("impute"), Spec(kind, options))
    method = replace(chain(), steps=(*first, Spec("scale")))
    found = audit(procedure_of(method), data, make_splits(data, method.validation)[0])
    assert found == ()


@pytest.mark.parametrize(
    ("kind", "estimator"),
    [(kind, estimator) for kind, found in ESTIMATORS.items() for estimator in found],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_no_estimator_looks_at_held_out_cases_and_all_rank(kind, estimator):
    if estimator.kind == "xgboost":
        pytest.importorskip("xgboost")
    data = cases(kind)
    method = chain(estimator=estimator)
    split = make_splits(data, method.validation)[0]
    assert audit(procedure_of(method), data, split) == ()
    shown = evaluate(validate(method, data, splits=[split]), data, bootstraps=20)
    ranked = shown.figures.get("auc") or shown.figures.get("mean_auc") or shown.figures["concordance"]
    assert shown.faults == ()
    assert ranked.value > 0.6


def test_whole_chain_of_shuffled_labels_gives_one_half():
    data = cases(gaps=False)
    steps = (Spec("combat"), Spec("correlation"), Spec("select_k_best", {"k": 3}))
    method = chain(*steps)
    found = shuffled_labels(procedure_of(method), data, method.validation, shuffles=10)
    assert found.passed, found.sentence
    assert found.mean == pytest.approx(0.5, abs=3 * found.se)


def test_leaving_a_site_out_with_harmonisation_to_new_sites():
    data = cases()
    data = replace(data, patients=np.array(data.cases))
    method = chain(Spec("combat", {"unknown": "sample"}), scheme="leave_one_site_out")
    data3 = replace(data, site=np.array(["A", "B", "C"] * 24))
    shown = evaluate(validate(method, data3), data3, bootstraps=50)
    assert [p.name for p in shown.parts] == [f"site {s} held out" for s in "ABC"]
    assert shown.faults == () and shown.figures["auc"].value > 0.7
    (leak,) = audit(procedure_of(method), data3, make_splits(data3, method.validation)[0])
    assert leak.name == VALUES  # a new site is learnt from its cases, and the method says so
    assert find_leaks(method, data3, validate(method, data3)) == ()
    refusing = chain(Spec("combat"), scheme="leave_one_site_out")
    with pytest.raises(Exception, match="in any part.*not fitted"):
        validate(refusing, data3)


def test_the_grid_reaches_steps_and_estimators():
    data = cases()
    method = replace(
        chain(Spec("select_k_best", {"k": 1})),
        grid={"select_k_best.k": (1, 4), "C": (0.01, 1.0)},
        calibration="platt",
    )
    held_out = validate(method, data)
    assert {tuple(p.options) for p in held_out.parts} == {("select_k_best.k", "C")}
    assert all(len(p.columns) == p.options["select_k_best.k"] for p in held_out.parts)
    assert all(any("of 4 in 2 inner folds" in told for told in p.told) for p in held_out.parts)


def test_reduction_by_the_outcome_is_no_blind_reduction():
    data = cases()
    loose = {"threshold": 0.01}
    blind = sample_size(data, chain(Spec("correlation", loose)))
    by_outcome = sample_size(data, chain(Spec("correlation", {**loose, "prefer": "outcome"})))
    assert blind.candidates < 8 and by_outcome.candidates == 8


def test_estimators_are_those_of_the_package():
    for kind, found in ESTIMATORS.items():
        for spec in found:
            make_estimator(spec, cases(kind).outcome)
