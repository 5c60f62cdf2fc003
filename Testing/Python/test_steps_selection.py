"""Selection: scikit-learn, scipy, lifelines and plain loops as oracles; planted features are found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from steps_support import dataset, fitted, planted
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.steps import l1
from virtualbiopsy.training.steps.l1 import Cox, Logistic, Squared, l1_path, largest_penalty
from virtualbiopsy.training.steps.lasso import inner_folds
from virtualbiopsy.training.steps.mrmr import greedy, three_levels
from virtualbiopsy.training.steps.nullmodel import cox_score_test, martingale_residuals
from virtualbiopsy.training.steps.scores import SCORES
from virtualbiopsy.training.survival import lasso_cox

KINDS = ("binary", "multiclass", "ordinal", "survival")
RNG = np.random.default_rng


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "step",
    [
        ("select_k_best", {"k": 3}),
        ("select_k_best", {"k": 3, "score": "spearman"}),
        ("mrmr", {"k": 2}),
        ("lasso", {"rule": "1se"}),
        ("forest_importance", {"k": 3, "trees": 80}),
    ],
    ids=lambda step: "-".join(map(str, (step[0], *step[1].values()))),
)
def test_planted_features_are_found(kind, step):
    found = fitted(planted(kind), step)
    assert "f3" in found.columns
    assert {"f7", "f8"} & set(found.columns)
    assert len(found.columns) <= 20
    if step[0] == "mrmr":
        assert len({"f7", "f8"} & set(found.columns)) == 1
    scores = found.steps[0].scores
    assert len(scores) == 120 and max(scores, key=scores.get) in ("f3", "f7", "f8")


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("score", ["mutual_information", "kruskal"])
def test_scores_of_classes_find_them_too(kind, score):
    found = fitted(planted(kind), ("select_k_best", {"k": 4, "score": score}))
    assert {"f3"} <= set(found.columns) and {"f7", "f8"} & set(found.columns)


def test_best_of_f_test_and_mutual_information_as_scikit_learn():
    from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif

    data = planted("multiclass")
    for name, function in (("f_test", f_classif), ("mutual_information", None)):
        rng = RNG(1)
        seed = int(RNG(1).integers(2**31))
        judge = function or (lambda x, y, seed=seed: mutual_info_classif(x, y, random_state=seed))
        expected = SelectKBest(judge, k=9).fit(data.values, data.outcome.labels)
        found = fitted(data, ("select_k_best", {"k": 9, "score": name}))
        assert found.columns == tuple(np.array(data.columns)[expected.get_support()])
        np.testing.assert_allclose(
            SCORES[name](data.values, data.outcome, rng).score, expected.scores_, rtol=1e-12
        )


def test_tests_as_scipy():
    data = planted("binary", n=60, p=12)
    positive = data.outcome.labels > 0
    for name in ("mann_whitney", "t_test", "kruskal", "spearman"):
        found = SCORES[name](data.values, data.outcome, RNG(0))
        for j, column in enumerate(data.values.T):
            one, two = column[positive], column[~positive]
            expected = {
                "mann_whitney": stats.mannwhitneyu(one, two, method="asymptotic"),
                "t_test": stats.ttest_ind(one, two, equal_var=False),
                "kruskal": stats.kruskal(one, two),
                "spearman": stats.spearmanr(column, data.outcome.labels),
            }[name].pvalue
            assert found.p[j] == pytest.approx(expected, rel=1e-9)
    from sklearn.metrics import roc_auc_score

    rank = SCORES["mann_whitney"](data.values, data.outcome, RNG(0)).score
    auc = [roc_auc_score(data.outcome.labels, column) for column in data.values.T]
    np.testing.assert_allclose(rank, np.abs(2 * np.array(auc) - 1), atol=1e-12)


def test_limit_of_p():
    data = planted("binary")
    p = SCORES["mann_whitney"](data.values, data.outcome, RNG(0)).p
    limited = ("select_k_best", {"k": 0, "score": "mann_whitney", "p_below": 0.05})
    assert len(fitted(data, limited).columns) == (p < 0.05).sum()
    corrected = fitted(data, ("select_k_best", {**limited[1], "corrected": True}))
    from scipy.stats import false_discovery_control

    assert len(corrected.columns) == (false_discovery_control(p) < 0.05).sum()
    assert len(fitted(data, ("select_k_best", {**limited[1], "k": 1})).columns) == 1
    with pytest.raises(TrainingError, match="No feature remains"):
        fitted(data, ("select_k_best", {**limited[1], "p_below": 1e-30}))
    with pytest.raises(TrainingError, match="no p value"):
        fitted(data, ("select_k_best", {"score": "mutual_information", "p_below": 0.05}))
    for score in ("mann_whitney", "t_test"):
        with pytest.raises(TrainingError, match="two classes"):
            fitted(planted("multiclass"), ("select_k_best", {"score": score}))
    with pytest.raises(TrainingError, match="not survival"):
        fitted(planted("survival"), ("select_k_best", {"score": "kruskal"}))


def test_constant_columns_are_never_the_best():
    data = planted("binary", p=10)
    values = data.values.copy()
    values[:, 2] = 0.1
    data = replace(data, values=values)
    for score in ("f_test", "kruskal", "t_test", "spearman", "mann_whitney"):
        found = fitted(data, ("select_k_best", {"k": 9, "score": score}))
        assert "f2" not in found.columns
    assert "f2" not in fitted(data, ("mrmr", {"k": 9})).columns


def test_cox_score_test_is_the_log_rank_test():
    logrank_test = pytest.importorskip("lifelines.statistics").logrank_test

    rng = RNG(2)
    groups = (rng.random((90, 4)) < 0.4).astype(float)
    time = rng.exponential(1 + groups[:, 0])
    event = (rng.random(90) < 0.7).astype(int)
    found = cox_score_test(groups, time, event)
    for j, group in enumerate(groups.T > 0):
        expected = logrank_test(time[group], time[~group], event[group], event[~group])
        assert found[j] == pytest.approx(expected.test_statistic, rel=1e-9)


def test_cox_score_test_with_ties_in_plain_loops():
    rng = RNG(3)
    x, time = rng.standard_normal(50), rng.integers(1, 12, 50).astype(float)
    event = (rng.random(50) < 0.6).astype(int)
    score = information = 0.0
    for i in np.flatnonzero(event):
        at_risk = x[time >= time[i]]
        score += x[i] - at_risk.mean()
        information += at_risk.var()
    found = cox_score_test(x[:, None], time, event)[0]
    assert found == pytest.approx(score**2 / information, rel=1e-10)


def test_martingale_residuals_as_lifelines():
    lifelines = pytest.importorskip("lifelines")
    rng = RNG(4)
    time, event = rng.integers(1, 20, 70).astype(float), (rng.random(70) < 0.6).astype(int)
    fit = lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False).fit(time, event)
    hazard = fit.cumulative_hazard_at_times(time).to_numpy()
    found = martingale_residuals(time, event)
    # lifelines counts ties one after the other (Fleming & Harrington), Breslow at once: near, not equal.
    assert np.abs(found - (event - hazard)).max() < 0.05
    assert found.sum() == pytest.approx(0.0, abs=1e-10)


def test_mrmr_by_information_in_plain_loops():
    """Peng's MID and MIQ on three levels, counted case by case."""
    data = planted("multiclass", n=90, p=9)
    levels, labels = three_levels(data.values, 0.5), data.outcome.labels
    assert set(np.unique(levels)) == {0, 1, 2}

    def information(a, b):
        total = 0.0
        for u in np.unique(a):
            for v in np.unique(b):
                joint = np.mean((a == u) & (b == v))
                if joint:
                    total += joint * np.log(joint / np.mean(a == u) / np.mean(b == v))
        return total

    for scheme in ("difference", "quotient"):
        chosen: list[int] = []
        for _ in range(5):
            merits = {}
            for j in set(range(9)) - set(chosen):
                relevance = information(levels[:, j], labels)
                redundancy = [information(levels[:, j], levels[:, i]) for i in chosen]
                mean = np.mean(redundancy) if chosen else None
                merits[j] = (
                    relevance
                    if mean is None
                    else relevance - mean
                    if scheme == "difference"
                    else relevance / max(mean, 1e-3)
                )
            chosen.append(max(merits, key=merits.get))
        found = fitted(data, ("mrmr", {"k": 5, "measure": "mutual_information", "scheme": scheme}))
        scores = found.steps[0].scores
        assert sorted(scores, key=scores.get, reverse=True)[:5] == [f"f{j}" for j in chosen]
    with pytest.raises(TrainingError, match="not survival"):
        fitted(planted("survival"), ("mrmr", {"measure": "mutual_information"}))


def test_mrmr_by_hand():
    relevance = np.array([0.9, 0.8, 0.5, np.nan])
    redundancy = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0.1, 0], [0.1, 0.1, 1, 0], [0, 0, 0, 1]])
    # 0; then 1: 0.8 − 0.9 = −0.1, 2: 0.5 − 0.1 = 0.4; then 1. Column 3 never.
    assert greedy(relevance, redundancy, 9, "difference") == [0, 2, 1]
    # The quotients 0.8 / 0.9 and 0.5 / 0.1.
    assert greedy(relevance, redundancy, 2, "quotient") == [0, 2]
    # After 0 and 2 the mean counts, not the sum: 1: 0.8 − (0.9 + 0.1) / 2 = 0.3, 3: 0.3 − 0.1 = 0.2.
    relevance[3], redundancy[3, :3], redundancy[:3, 3] = 0.3, 0.1, 0.1
    assert greedy(relevance, redundancy, 3, "difference") == [0, 2, 1]


def path_of(x, loss, share=0.3):
    top = largest_penalty(x, loss)
    return top, l1_path(x, loss, top * np.geomspace(1, share, 8), tolerance=1e-9)


def standard_columns(data):
    return (data.values - data.values.mean(axis=0)) / data.values.std(axis=0)


def test_linear_path_is_scikit_learns():
    from sklearn.linear_model import lasso_path

    data = planted("ordinal")
    x, y = standard_columns(data), data.outcome.labels.astype(float)
    _, path = path_of(x, Squared(y))
    _, expected, _ = lasso_path(x, y - y.mean(), alphas=path.penalties, tol=1e-12, max_iter=100_000)
    np.testing.assert_allclose(path.coefficients[:, :, 0].T, expected, atol=1e-7)
    assert (path.coefficients[0] == 0).all()


def test_logistic_path_minimises_what_scikit_learn_minimises():
    from sklearn.linear_model import LogisticRegression

    data = planted("binary", p=40)
    x, y = standard_columns(data), data.outcome.labels
    top, path = path_of(x, Logistic(y, 2))
    settings = {"solver": "saga", "tol": 1e-10, "max_iter": 20_000, "C": 1 / (path.penalties[-1] * len(y))}
    expected = LogisticRegression(l1_ratio=1.0, **settings).fit(x, y)
    np.testing.assert_allclose(path.coefficients[-1, :, 0], expected.coef_[0], atol=2e-6)
    assert path.intercepts[-1, 0] == pytest.approx(expected.intercept_[0], abs=2e-6)
    # The largest penalty is the smallest at which nothing enters.
    assert (path.coefficients[0] == 0).all()
    assert (l1_path(x, Logistic(y, 2), np.array([0.99 * top])).coefficients != 0).sum() == 1


def test_columns_that_were_left_out_too_early_come_back():
    """From the empty model at once to a small penalty, as if the one before had been just as small."""
    data = planted("ordinal", n=60, p=80)
    x, loss = standard_columns(data), Squared(data.outcome.labels)
    penalty = 0.1 * largest_penalty(x, loss)
    start = loss.start()
    empty = l1.Solution(start, np.zeros((80, 1)), np.tile(start, (60, 1)))
    found = l1._at(x, loss, penalty, penalty, empty, l1._solver(1e-9), 1e-9)
    early = np.abs(l1._gradient(x, loss, empty.score)) < penalty
    assert (found.coefficients[early] != 0).any()
    expected = list(l1.walk(x, loss, np.geomspace(10 * penalty, penalty, 30), 1e-9))[-1]
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e-6)


@pytest.mark.parametrize("kind", ["multiclass", "survival"])
def test_other_paths_fulfil_the_conditions_of_a_minimum(kind):
    """Gradient ±λ where a coefficient is not 0, within ±λ elsewhere; slopes by differences of the loss."""
    data = planted(kind, n=80, p=15)
    if kind == "survival":
        time = np.ceil(4 * data.outcome.time)
        data = replace(data, outcome=replace(data.outcome, time=time))
        loss = Cox(time, data.outcome.labels)
    else:
        loss = Logistic(data.outcome.labels, 3)
    x = standard_columns(data)
    _, path = path_of(x, loss)
    penalty, coefficients, intercept = path.penalties[-1], path.coefficients[-1], path.intercepts[-1]
    assert 2 <= (coefficients != 0).sum() < coefficients.size
    step = 1e-6
    for j in range(x.shape[1]):
        for k in range(coefficients.shape[1]):
            around = []
            for sign in (1, -1):
                moved = coefficients.copy()
                moved[j, k] += sign * step
                around.append(loss.value(intercept + x @ moved))
            slope = (around[0] - around[1]) / (2 * step)
            if coefficients[j, k]:
                assert slope == pytest.approx(-penalty * np.sign(coefficients[j, k]), abs=1e-6)
            else:
                assert abs(slope) <= penalty + 1e-6


@pytest.mark.parametrize("rounding", [0, 4])
def test_cox_loss_is_that_of_lifelines_with_ties_too(rounding):
    pd, lifelines = pytest.importorskip("pandas"), pytest.importorskip("lifelines")
    data = planted("survival", n=60, p=9).features(("f3", "f7", "f0"))
    time = np.ceil(rounding * data.outcome.time) if rounding else data.outcome.time
    frame = pd.DataFrame(data.values, columns=list("abc"))
    frame["time"], frame["event"] = time, data.outcome.labels
    fit = lifelines.CoxPHFitter().fit(frame, "time", "event")
    loss = Cox(time, data.outcome.labels)
    score = data.values @ fit.params_.to_numpy()
    assert -60 * loss.value(score[:, None]) == pytest.approx(fit.log_likelihood_, rel=1e-9)


def test_the_cox_path_is_that_of_the_estimator():
    data = planted("survival", n=80, p=30)
    x, (time, event) = standard_columns(data), (data.outcome.time, data.outcome.labels)
    _, path = path_of(x, Cox(time, event))
    expected = [lasso_cox(x, time, event, alpha=float(penalty)).coef for penalty in path.penalties]
    np.testing.assert_allclose(path.coefficients[:, :, 0], expected, atol=1e-7)
    assert (path.coefficients[-1] != 0).sum() > 2


def test_linear_lasso_as_lassocv():
    """The penalty that cross-validation on the same folds chooses, and the columns it keeps."""
    from sklearn.linear_model import LassoCV

    data = planted("binary")
    folds = inner_folds(data, 5, RNG(1))
    x = standard_columns(data)
    top = largest_penalty(x, Squared(data.outcome.labels))
    alphas = top * np.geomspace(1, 0.05, 40)
    expected = LassoCV(alphas=alphas, cv=folds, tol=1e-8, max_iter=10_000).fit(x, data.outcome.labels)
    found = fitted(data, ("lasso", {"loss": "linear"}))
    kept = set(np.array(data.columns)[expected.coef_ != 0])
    # Folds are standardised by their own training part here and as a whole there.
    assert len(kept ^ set(found.columns)) <= 0.2 * len(kept)


def test_a_penalty_that_is_given():
    data = planted("binary")
    many, few = (fitted(data, ("lasso", {"penalty": value})) for value in (0.05, 0.15))
    assert set(few.columns) < set(many.columns)
    assert fitted(data, ("lasso", {"penalty": 0.05}), seed=9).columns == many.columns
    most = fitted(data, ("lasso", {"penalty": 0.05, "most": 2}))
    scores = many.steps[0].scores
    assert set(most.columns) == set(sorted(scores, key=scores.get, reverse=True)[:2])


@pytest.mark.parametrize("kind", ["binary", "survival"])
def test_lasso_on_noise_keeps_as_few_as_it_is_told(kind):
    data = planted(kind)
    noise = replace(data, values=RNG(77).standard_normal(data.values.shape))
    found = fitted(noise, ("lasso", {"rule": "1se"}))
    assert len(found.columns) == 1 and "kept 0" in found.told[0]
    assert len(fitted(noise, ("lasso", {"rule": "1se", "least": 4})).columns) == 4


def test_folds_of_lasso_do_not_divide_patients():
    data = planted("binary")
    patients = np.array([f"p{i // 4}" for i in range(160)])
    data = replace(data, patients=patients)
    folds = inner_folds(data, 5, RNG(0))
    assert len(folds) == 5
    for train, held in folds:
        assert not set(patients[train]) & set(patients[held])
        assert sorted([*train, *held]) == list(range(160))
    labels = np.zeros(160, dtype=int)
    labels[0] = 1
    with pytest.raises(TrainingError, match="one patient"):
        fitted(replace(data, outcome=replace(data.outcome, labels=labels)), "lasso")


def test_selection_on_shuffled_labels_does_not_predict_new_cases():
    """Columns chosen on noise separate the cases they were chosen on, and not others."""
    from sklearn.metrics import roc_auc_score

    rng = RNG(5)
    seen, new = [], []
    for _ in range(40):
        values = rng.standard_normal((80, 200))
        labels = rng.permutation(np.arange(80) % 2)
        train = np.arange(80) < 40
        data = dataset(values, labels)
        found = fitted(data.rows(train), ("select_k_best", {"k": 1}))
        column = found.apply(data).values[:, 0]
        sign = 1 if column[train] @ (labels[train] - 0.5) > 0 else -1
        seen.append(roc_auc_score(labels[train], sign * column[train]))
        new.append(roc_auc_score(labels[~train], sign * column[~train]))
    error = np.std(new, ddof=1) / np.sqrt(len(new))
    assert abs(np.mean(new) - 0.5) < 3 * error
    assert np.mean(seen) > 0.7


def test_forest_above_the_mean():
    found = fitted(planted("binary"), ("forest_importance", {"k": 0, "trees": 60}))
    scores = np.array(list(found.steps[0].scores.values()))
    assert len(found.columns) == (scores > scores.mean()).sum()
    assert scores.sum() == pytest.approx(1.0)
