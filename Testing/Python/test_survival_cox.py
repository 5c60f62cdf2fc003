"""Cox models against lifelines, closed forms and optimality conditions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from estimators_support import toy_dataset
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.dataset import SURVIVAL
from virtualbiopsy.training.estimators import make_estimator
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.survival import concordance, fit_cox, lasso_cox
from virtualbiopsy.training.survival.cox import baseline, feature_sign
from virtualbiopsy.training.survival.likelihood import PartialLikelihood
from virtualbiopsy.training.survival.network import fit_cox_network

DATA = toy_dataset(SURVIVAL)
X, T, E = DATA.values, DATA.outcome.time, DATA.outcome.labels


def test_the_data_have_ties():
    assert np.unique(T[E > 0]).size < E.sum()


@pytest.mark.oracle
@pytest.mark.parametrize("l2", [0.0, 7.5])
def test_weights_errors_and_likelihood_equal_lifelines(l2):
    pd, lifelines = pytest.importorskip("pandas"), pytest.importorskip("lifelines")
    frame = pd.DataFrame(X, columns=DATA.columns).assign(time=T, event=E)
    oracle = lifelines.CoxPHFitter(penalizer=l2 / len(T))
    oracle.fit(frame, "time", "event", fit_options={"precision": 1e-12})
    # lifelines scales the columns before it penalises them.
    weights = fit_cox(X / (X.std(axis=0, ddof=1) if l2 else 1), T, E, l2)
    theirs = oracle.params_.to_numpy() * (X.std(axis=0, ddof=1) if l2 else 1)
    assert np.abs(weights - theirs).max() <= 1e-7
    if l2:
        return
    likelihood = PartialLikelihood(T, E)
    assert likelihood.log_likelihood(X @ weights) == pytest.approx(oracle.log_likelihood_, abs=1e-9)
    _, hessian = likelihood.derivatives(X, X @ weights)
    errors = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert errors == pytest.approx(oracle.standard_errors_.to_numpy(), abs=1e-8)


@pytest.mark.oracle
def test_curves_equal_lifelines_without_ties():
    pd, lifelines = pytest.importorskip("pandas"), pytest.importorskip("lifelines")
    time = T + np.linspace(0, 1e-3, len(T))
    frame = pd.DataFrame(X, columns=DATA.columns).assign(time=time, event=E)
    oracle = lifelines.CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
    weights = fit_cox(X, time, E)
    at = np.sort(time[E > 0])[[3, 20, 50, 80]]
    ours = baseline(time, E, X @ weights).survival(X[:9] @ weights, at)
    theirs = oracle.predict_survival_function(frame.iloc[:9], times=at).to_numpy().T
    assert np.abs(ours - theirs).max() <= 1e-7


def test_efron_with_ties_by_hand():
    # Times 1, 1 (both events), 2 (event), 3 (censored); scores a, b, c, d: Efron 1977, equation for two ties.
    a, b, c, d = scores = np.array([0.3, -0.2, 0.5, 0.1])
    likelihood = PartialLikelihood(np.array([1.0, 1.0, 2.0, 3.0]), np.array([1, 1, 1, 0]))
    ea, eb, ec, ed = np.exp(scores)
    whole = ea + eb + ec + ed
    expected = a + b - np.log(whole) - np.log(whole - (ea + eb) / 2) + c - np.log(ec + ed)
    assert likelihood.log_likelihood(scores) == pytest.approx(expected, abs=1e-14)
    steps = 1 / whole + 1 / (whole - (ea + eb) / 2), 1 / (ec + ed)
    assert likelihood.hazard(scores) == pytest.approx(steps, abs=1e-14)


def test_derivatives_are_those_of_the_likelihood():
    likelihood, w = PartialLikelihood(T, E), np.array([0.4, -0.3, 0.1, 0.0, 0.2, -0.1])
    gradient, hessian = likelihood.derivatives(X, X @ w)
    step = 1e-5
    for j in range(6):
        move = step * np.eye(6)[j]
        up, down = (likelihood.log_likelihood(X @ (w + s * move)) for s in (1, -1))
        assert gradient[j] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-6)
        ups, downs = (likelihood.derivatives(X, X @ (w + s * move))[0] for s in (1, -1))
        assert hessian[j] == pytest.approx(-(ups - downs) / (2 * step), rel=1e-5, abs=1e-5)
    assert X.T @ likelihood.residuals(X @ w) == pytest.approx(gradient, abs=1e-10)
    assert likelihood.residuals(X @ w).sum() == pytest.approx(0, abs=1e-10)


def test_without_features_the_hazard_is_nelson_aalens():
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 1, 1])
    found = baseline(time, event, np.zeros(4))
    assert found.times.tolist() == [1, 3, 4]
    assert found.hazard == pytest.approx([1 / 4, 1 / 4 + 1 / 2, 1 / 4 + 1 / 2 + 1], abs=1e-15)
    assert found.at(np.array([0.5, 1.0, 2.5, 9.0])) == pytest.approx([0, 0.25, 0.25, 1.75])


def test_a_constant_in_the_scores_moves_the_hazard_and_no_curve():
    scores = X @ np.array([0.5, -0.2, 0, 0, 0, 0])
    at = np.array([3.0, 10.0, 30.0])
    plain, moved = baseline(T, E, scores), baseline(T, E, scores + 4.0)
    assert moved.hazard == pytest.approx(plain.hazard * np.exp(-4.0), rel=1e-12)
    assert moved.survival(scores + 4.0, at) == pytest.approx(plain.survival(scores, at), abs=1e-13)


def test_exponential_lives_give_their_hazard_ratio_back():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((6000, 2))
    life = rng.exponential(10 * np.exp(-x @ [0.7, -0.4]))
    end = rng.uniform(0, 30, 6000)
    time, event = np.minimum(life, end), life <= end
    weights = fit_cox(x, time, event)
    assert weights == pytest.approx([0.7, -0.4], abs=0.06)
    assert baseline(time, event, x @ weights).at(np.array([5.0, 10.0])) == pytest.approx([0.5, 1.0], rel=0.07)


def test_what_has_no_solution_is_said():
    with pytest.raises(TrainingError, match="No event"):
        fit_cox(X, T, np.zeros(len(T)))
    with pytest.raises(TrainingError, match="no unique solution"):
        fit_cox(np.column_stack([X, X[:, 0]]), T, E)
    with pytest.raises(TrainingError, match="no unique solution"):
        fit_cox(np.column_stack([X, np.ones(len(T))]), T, E)
    with pytest.raises(TrainingError, match="without limit"):
        fit_cox(-np.arange(1.0, 21)[:, None], np.arange(1.0, 21), np.ones(20))
    for time, match in ((-T, "not positive"), (T[:5], "one time"), (np.where(T > 9, np.nan, T), "positive")):
        with pytest.raises(TrainingError, match=match):
            fit_cox(X, time, E)
    with pytest.raises(TrainingError, match="neither 0"):
        fit_cox(X, T, E + 0.5)


# -- LASSO --------------------------------


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.12])
def test_lasso_obeys_its_optimality_conditions(alpha, l1_ratio):
    weights = lasso_cox(X, T, E, alpha=alpha, l1_ratio=l1_ratio).coef
    gradient, _ = PartialLikelihood(T, E).derivatives(X, X @ weights)
    slope = gradient / len(T) - alpha * (1 - l1_ratio) * weights
    on = weights != 0
    assert on.any() and slope[on] == pytest.approx(alpha * l1_ratio * np.sign(weights[on]), abs=1e-8)
    assert (np.abs(slope[~on]) <= alpha * l1_ratio + 1e-9).all()


def test_feature_sign_search_equals_the_best_of_all_sign_patterns():
    rng = np.random.default_rng(0)
    zeros = 0
    for _ in range(40):
        root = rng.standard_normal((8, 5))
        hessian, linear = root.T @ root + 0.05 * np.eye(5), 3 * rng.standard_normal(5)
        best = np.inf
        for signs in itertools.product((-1, 0, 1), repeat=5):
            signs, w = np.array(signs), np.zeros(5)
            on = signs != 0
            if on.any():
                w[on] = np.linalg.solve(hessian[np.ix_(on, on)], -(linear[on] + 2 * signs[on]))
            best = min(best, 0.5 * w @ hessian @ w + linear @ w + 2 * np.abs(w).sum())
        found = feature_sign(hessian, linear, 2.0, 3 * rng.standard_normal(5))
        value = 0.5 * found @ hessian @ found + linear @ found + 2 * np.abs(found).sum()
        assert value == pytest.approx(best, abs=1e-10)
        assert ((found == 0) | (np.abs(found) > 1e-6)).all()
        zeros += int((found == 0).sum())
    assert zeros > 40


def test_lasso_begins_empty_and_ends_at_cox():
    folds = np.arange(len(T)) % 5
    path = lasso_cox(X, T, E, folds=folds)
    assert np.abs(path.weights[0]).max() <= 1e-8 and (np.diff(path.alphas) < 0).all()
    assert 0 < path.chosen < len(path.alphas) - 1 or path.held_out[path.chosen] >= path.held_out.max()
    assert {0, 1} <= set(np.flatnonzero(path.coef))
    assert lasso_cox(X, T, E, alpha=1e-9).coef == pytest.approx(fit_cox(X, T, E), abs=1e-5)
    assert lasso_cox(X, T, E, alpha=0.2, l1_ratio=1e-9).coef == pytest.approx(
        fit_cox(X, T, E, 0.2 * len(T)), abs=1e-6
    )


def test_lasso_goes_with_more_features_than_cases():
    data = toy_dataset(SURVIVAL, n=60, p=150, seed=4)
    fitted = make_estimator(Spec("lasso_cox"), data.outcome).fit(data.values, data, np.random.default_rng(0))
    kept = np.flatnonzero(fitted.classifier.arrays["coef"])
    assert 0 < kept.size < 30 and 0 in kept
    assert f"kept {kept.size} of them" in fitted.told
    assert np.flatnonzero(fitted.importance).tolist() == kept.tolist()


def test_held_out_likelihood_is_its_definition():
    folds = np.arange(len(T)) % 3
    path = lasso_cox(X, T, E, folds=folds, n_alphas=4)
    total, whole = 0.0, PartialLikelihood(T, E)
    for fold in range(3):
        train = folds != fold
        w = lasso_cox(X[train], T[train], E[train], alpha=float(path.alphas[2])).coef
        part = PartialLikelihood(T[train], E[train])
        total += whole.log_likelihood(X @ w) - part.log_likelihood(X[train] @ w)
    assert path.held_out[2] == pytest.approx(total / E.sum(), abs=1e-8)


# -- network --------------------------------


def test_the_network_is_at_a_minimum_and_learns_what_cox_cannot():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((500, 3))
    life = rng.exponential(np.exp(-2.0 * (x[:, 0] ** 2 - 1)))
    time, event = np.minimum(life, 4.0), life <= 4.0
    arrays = fit_cox_network(x[:300], time[:300], event[:300], np.random.default_rng(0), l2=0.01)
    again = fit_cox_network(x[:300], time[:300], event[:300], np.random.default_rng(0), l2=0.01)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)
    new = x[300:]
    score = np.tanh(new @ arrays["weights"].T + arrays["bias"]) @ arrays["output"]
    linear = new @ fit_cox(x[:300], time[:300], event[:300])
    assert concordance(time[300:], event[300:], score).value > 0.75
    assert concordance(time[300:], event[300:], linear).value < 0.62
