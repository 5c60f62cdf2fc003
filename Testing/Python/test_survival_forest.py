"""The random survival forest, and figures that scikit-survival computes, too."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from estimators_support import toy_dataset
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.models.classifier import classifier_problem
from virtualbiopsy.training.dataset import SURVIVAL
from virtualbiopsy.training.estimators import make_estimator
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.survival import (
    brier_at,
    concordance,
    fit_survival_forest,
    lasso_cox,
    log_rank,
)

ORACLES = Path(__file__).resolve().parents[1] / "Oracles"
DATA, NEW = toy_dataset(SURVIVAL, n=160), toy_dataset(SURVIVAL, n=200, seed=7)
X = DATA.values
T = DATA.outcome.time + np.linspace(0, 1e-3, 160)
E = DATA.outcome.labels
ALPHAS = [0.1, 0.05, 0.01]
RISK = 1 / (1 + np.exp(-X[:, 0]))


@pytest.fixture(scope="module")
def sksurv(sksurv_python) -> dict:
    request = {
        "rows": X.tolist(),
        "time": T.tolist(),
        "event": E.tolist(),
        "new": NEW.values.tolist(),
        "min_leaf": 8,
        "alphas": ALPHAS,
        "l1_ratio": 0.9,
        "risk": RISK.tolist(),
        "at": 15.0,
    }
    command = [sksurv_python, str(ORACLES / "sksurv_survival.py")]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.oracle
def test_one_tree_equals_scikit_survival(sksurv):
    grown = fit_survival_forest(
        X, T, E, np.random.default_rng(0), n_trees=1, min_leaf=8, max_features=6, bootstrap=False
    )
    assert np.unique(grown.mortality(NEW.values)).size > 8
    assert np.abs(grown.mortality(NEW.values) - sksurv["tree"]).max() <= 1e-9


@pytest.mark.oracle
def test_a_forest_is_as_good_as_that_of_scikit_survival(sksurv):
    grown = fit_survival_forest(X, T, E, np.random.default_rng(0), n_trees=100, min_leaf=8)
    ours = grown.mortality(NEW.values)
    assert np.corrcoef(ours, sksurv["forest"])[0, 1] > 0.95
    figures = [concordance(NEW.outcome.time, NEW.outcome.labels, s).value for s in (ours, sksurv["forest"])]
    assert figures[0] == pytest.approx(figures[1], abs=0.02) and figures[0] > 0.65


@pytest.mark.oracle
def test_lasso_equals_coxnet(sksurv):
    for alpha, theirs in zip(ALPHAS, sksurv["lasso"], strict=True):
        ours = lasso_cox(X, T, E, alpha=alpha, l1_ratio=0.9).coef
        assert np.abs(ours - theirs).max() <= 1e-6
        assert np.array_equal(ours != 0, np.array(theirs) != 0)


@pytest.mark.oracle
def test_brier_score_at_a_time_equals_scikit_survival(sksurv):
    assert brier_at(T, E, RISK, 15.0) == pytest.approx(sksurv["brier"], abs=1e-12)


def test_the_first_split_has_the_largest_log_rank_statistic():
    grown = fit_survival_forest(
        X, T, E, np.random.default_rng(0), n_trees=1, min_leaf=40, max_features=6, bootstrap=False
    )
    feature, threshold = int(grown.arrays["feature"][0]), float(grown.arrays["threshold"][0])
    found = log_rank(T, E, X[:, feature] <= threshold).chi2
    for j in range(6):
        for cut in np.sort(X[:, j])[39:-40]:
            assert log_rank(T, E, X[:, j] <= cut).chi2 <= found + 1e-9


def test_mortality_is_the_sum_of_nelson_aalen_over_event_times():
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 1, 0])
    grown = fit_survival_forest(
        np.zeros((4, 1)), time, event, np.random.default_rng(0), n_trees=1, bootstrap=False
    )
    # Event times 1 and 3: H(1) = 1/4, H(3) = 1/4 + 1/2.
    assert grown.mortality(np.zeros((1, 1)))[0] == pytest.approx(1 / 4 + 3 / 4)


def test_out_of_bag_scores_are_worse_than_those_of_seen_cases():
    data = toy_dataset(SURVIVAL, n=120, seed=3)
    noise = np.random.default_rng(0).permutation(data.values)
    grown = fit_survival_forest(
        noise, data.outcome.time, data.outcome.labels, np.random.default_rng(1), n_trees=60
    )
    time, event = data.outcome.time, data.outcome.labels
    seen = concordance(time, event, grown.mortality(noise)).value
    unseen = concordance(time, event, grown.out_of_bag).value
    assert seen > 0.7 and abs(unseen - 0.5) < 0.12


def test_patients_are_drawn_together():
    data = toy_dataset(SURVIVAL, n=80)
    twice = np.repeat(data.values, 2, axis=0)
    time, event = np.repeat(data.outcome.time, 2), np.repeat(data.outcome.labels, 2)
    patients = np.repeat(data.patients, 2)
    grown = fit_survival_forest(twice, time, event, np.random.default_rng(0), n_trees=5, patients=patients)
    first, second = grown.out_of_bag[::2], grown.out_of_bag[1::2]
    assert np.array_equal(first, second, equal_nan=True) and np.isnan(first).any()


@pytest.mark.parametrize("kind", ["cox", "lasso_cox", "survival_forest", "deep_survival"])
def test_every_survival_estimator_ranks_and_gives_curves(kind):
    options = {"n_trees": 60} if kind == "survival_forest" else {}
    estimator = make_estimator(Spec(kind, options), DATA.outcome)
    fitted = estimator.fit(X, DATA, np.random.default_rng(0))
    again = estimator.fit(X, DATA, np.random.default_rng(0))
    score = fitted.score(NEW.values)
    assert np.array_equal(score, again.score(NEW.values))
    assert concordance(NEW.outcome.time, NEW.outcome.labels, score).value > 0.65
    assert classifier_problem(fitted.classifier.kind, fitted.classifier.arrays, 6) == ""
    curves = fitted.survival(NEW.values, np.array([0.0, 5.0, 20.0, 50.0]))
    assert curves.shape == (200, 4) and (curves[:, 0] == 1).all() and (np.diff(curves, axis=1) <= 0).all()
    order = np.argsort(score)
    assert (np.diff(curves[order, 2]) <= 1e-12).all()
    observed = (NEW.outcome.time > 20).mean()
    assert abs(curves[:, 2].mean() - observed) < 0.25
    assert f"{int(E.sum())} events" in fitted.told


def test_curves_of_a_forest_expect_the_events_of_out_of_bag_cases():
    data = replace(DATA, outcome=replace(DATA.outcome, time=T))
    options = {"n_trees": 40, "min_leaf": 30}
    fitted = make_estimator(Spec("survival_forest", options), data.outcome).fit(
        X, data, np.random.default_rng(5)
    )
    patients = data.patients
    grown = fit_survival_forest(X, T, E, np.random.default_rng(5), patients=patients, **options)
    assert np.isfinite(grown.out_of_bag).all() and abs(fitted.slope - 1) > 0.3
    expected = fitted.baseline.at(T) * grown.out_of_bag**fitted.slope
    assert expected.sum() == pytest.approx(E.sum(), rel=1e-9)


def test_a_forest_without_events_is_refused():
    with pytest.raises(TrainingError, match="No event"):
        fit_survival_forest(X, T, np.zeros(160), np.random.default_rng(0))
