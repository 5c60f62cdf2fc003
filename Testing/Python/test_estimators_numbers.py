"""Estimators as numbers: numpy equals scikit-learn and XGBoost for every family."""

from __future__ import annotations

import numpy as np
import pytest
from estimators_support import toy_dataset
from virtualbiopsy.errors import ModelFormatError, TrainingError
from virtualbiopsy.models.calibration import logit, sigmoid
from virtualbiopsy.models.classifier import classifier_problem, one_against_rest, softmax
from virtualbiopsy.models.trees import leaf_nodes, leaf_values
from virtualbiopsy.training.dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL
from virtualbiopsy.training.estimators import KINDS, boosted, kinds_for, learned, make_estimator
from virtualbiopsy.training.estimators.boosted import classifier_from_xgboost
from virtualbiopsy.training.method import Spec

pytest.importorskip("sklearn")
xgboost = pytest.importorskip("xgboost")

FEW = {"n_estimators": 30}
VARIANTS = [
    ("logistic", {"penalty": "none"}),
    ("logistic", {"penalty": "l2", "C": 0.3}),
    ("logistic", {"penalty": "l1", "C": 0.2}),
    ("logistic", {"penalty": "elastic_net", "C": 0.2, "l1_ratio": 0.4, "class_weight": "balanced"}),
    ("gaussian_nb", {}),
    ("lda", {}),
    ("lda", {"shrinkage": "auto"}),
    ("decision_tree", {}),
    ("random_forest", FEW),
    ("gradient_boosting", FEW),
    ("gradient_boosting", {**FEW, "subsample": 0.7, "learning_rate": 0.3}),
]
NEW = np.random.default_rng(99).standard_normal((300, 6)) * 1.3


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def library(monkeypatch):
    """The estimators of the library that were fitted, the first of them fitted on all cases."""
    caught, fit = [], learned.SkLearned._fitted

    def spy(self, *arguments):
        caught.append(fit(self, *arguments))
        return caught[-1]

    monkeypatch.setattr(learned.SkLearned, "_fitted", spy)
    return caught


@pytest.mark.parametrize(("kind", "options"), VARIANTS)
def test_two_classes_equal_predict_proba(kind, options, library):
    data = toy_dataset(BINARY)
    fitted = make_estimator(Spec(kind, options), data.outcome).fit(data.values, data, rng())
    expected = library[0].predict_proba(NEW)[:, 1]
    assert np.abs(sigmoid(fitted.score(NEW)) - expected).max() <= 1e-12
    assert np.ptp(expected) > 0.3 and fitted.score(NEW).shape == (300,)
    assert classifier_problem(fitted.classifier.kind, fitted.classifier.arrays, 6) == ""
    assert "150 cases and 6 features" in fitted.told


@pytest.mark.parametrize(("kind", "options"), VARIANTS)
def test_several_classes_equal_predict_proba(kind, options, library):
    data = toy_dataset(MULTICLASS)
    fitted = make_estimator(Spec(kind, options), data.outcome).fit(data.values, data, rng())
    expected = library[0].predict_proba(NEW)
    scores = fitted.score(NEW)
    assert np.abs(softmax(scores) - expected).max() <= 1e-12
    assert scores.shape == (300, 3) and np.ptp(expected) > 0.3
    assert classifier_problem(fitted.classifier.kind, fitted.classifier.arrays, 6) == ""
    raw = fitted.classifier.raw_score(NEW)
    inside = (expected[:, 0] > 1e-9) & (expected[:, 0] < 1 - 1e-9)
    assert raw[inside] == pytest.approx(logit(expected[inside, 0]), abs=1e-5)
    assert np.abs(sigmoid(raw) - expected[:, 0]).max() <= 1e-12


def test_one_against_the_rest_is_the_log_odds_of_softmax():
    logits = rng().normal(0, 3, (50, 4))
    for positive in range(4):
        expected = softmax(logits)[:, positive]
        assert one_against_rest(logits, positive) == pytest.approx(logit(expected), abs=1e-12)
    assert np.isfinite(one_against_rest(np.array([[900.0, -900.0, 0.0]]), 1)).all()


@pytest.mark.parametrize(("kind", "options"), [("linear_svm", {"C": 0.5}), ("rbf_svm", {"C": 2.0})])
def test_support_vector_machines_carry_platt(kind, options, library):
    data = toy_dataset(BINARY, per_patient=2)
    fitted = make_estimator(Spec(kind, options), data.outcome).fit(data.values, data, rng())
    assert len(library) == 1 + learned.PLATT_FOLDS
    decision = library[0].decision_function(NEW)
    assert np.abs(fitted.classifier.raw_score(NEW) - decision).max() <= 1e-12 * max(1, np.abs(decision).max())
    line = fitted.calibrator
    assert line.kind == "platt" and line.slope > 0
    assert fitted.score(NEW) == pytest.approx(line.slope * decision + line.intercept, abs=1e-10)
    assert all(len(inner.support_) < len(library[0].support_) + 1 for inner in library[1:])
    assert all(inner.shape_fit_[0] % 2 == 0 for inner in library[1:])


@pytest.mark.parametrize("outcome", [BINARY, MULTICLASS])
@pytest.mark.parametrize("options", [{}, {"max_depth": 5, "subsample": 0.7, "colsample_bytree": 0.6}])
def test_xgboost_reaches_the_same_leaves_and_adds_the_same_numbers(outcome, options):
    """Equal leaves; equal bits if added up in single precision; the distance of double is that of single."""
    data = toy_dataset(outcome)
    estimator = xgboost.XGBClassifier(n_estimators=40, n_jobs=1, learning_rate=0.2, **options)
    estimator.fit(data.values, data.outcome.labels)
    found = classifier_from_xgboost(estimator)
    assert classifier_problem(found.kind, found.arrays, 6) == ""
    single = NEW.astype(np.float32)
    cuts = found.arrays["threshold"][found.arrays["feature"] >= 0].astype(np.float32)
    at = np.nextafter(cuts, np.float32(np.inf))[:100]
    near = np.concatenate([at, np.nextafter(at, np.float32(-np.inf))])
    rows = np.concatenate([single, np.tile(near[:, None], (1, 6))]).astype(np.float64)

    classes = 1 if outcome == BINARY else 3
    margin = estimator.predict(rows, output_margin=True).reshape(len(rows), classes)
    steps = leaf_values(found.arrays, rows)
    assert np.array_equal(steps.astype(np.float32), steps)
    for number in range(classes):
        total = np.full(len(rows), np.float32(found.arrays["initial"][number]))
        for step in steps[number::classes].astype(np.float32):
            total = total + step
        assert np.array_equal(total, margin[:, number])
    ours = found.raw_score(rows)[:, None] if classes == 1 else found.class_scores(rows)
    trees = len(steps) // classes
    bound = (trees + 1) * 2.0**-24 * (np.abs(steps).sum(0) + np.abs(found.arrays["initial"]).max())
    assert (np.abs(ours - margin) <= bound[:, None]).all()
    expected = estimator.predict_proba(rows)
    probability = sigmoid(ours[:, 0]) if classes == 1 else softmax(ours)[:, 0]
    assert np.abs(probability - expected[:, -1 if classes == 1 else 0]).max() < 1e-6


def test_xgboost_leaves_are_numbered_as_the_library_numbers_them():
    data = toy_dataset(BINARY)
    estimator = xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1, learning_rate=0.5)
    estimator.fit(data.values, data.outcome.labels)
    ours = leaf_nodes(classifier_from_xgboost(estimator).arrays, NEW)
    for tree, theirs in enumerate(estimator.apply(NEW).T):
        pairs = {(a, b) for a, b in zip(ours[tree], theirs, strict=True)}
        assert len(pairs) == len(set(ours[tree])) == len(set(theirs)) > 2


def test_xgboost_stopped_early_predicts_with_the_best_rounds():
    data = toy_dataset(BINARY)
    estimator = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3, n_jobs=1, learning_rate=0.5)
    held = data.values[100:], data.outcome.labels[100:]
    estimator.fit(data.values[:100], data.outcome.labels[:100], eval_set=[held], verbose=False)
    found = classifier_from_xgboost(estimator)
    assert len(found.arrays["tree_start"]) - 1 == estimator.best_iteration + 1 < 200
    assert sigmoid(found.raw_score(NEW)) == pytest.approx(estimator.predict_proba(NEW)[:, 1], abs=1e-6)


def test_xgboost_that_is_no_sum_of_trees_is_refused():
    data = toy_dataset(BINARY)
    for other in ({"booster": "gblinear"}, {"objective": "binary:hinge"}):
        estimator = xgboost.XGBClassifier(n_estimators=3, n_jobs=1, **other)
        estimator.fit(data.values, data.outcome.labels)
        with pytest.raises(ModelFormatError, match="cannot be turned into numbers"):
            classifier_from_xgboost(estimator)


@pytest.mark.parametrize("kind", kinds_for(BINARY))
def test_the_same_seed_gives_the_same_numbers(kind):
    data = toy_dataset(BINARY, n=80)
    options = FEW if "n_estimators" in KINDS[kind][1] else {}
    first, again = (
        make_estimator(Spec(kind, options), data.outcome).fit(data.values, data, rng(5)) for _ in range(2)
    )
    for name, array in first.classifier.arrays.items():
        assert np.array_equal(array, again.classifier.arrays[name])
    assert first.calibrator == again.calibrator
    if first.importance is not None:
        assert first.importance.shape == (6,) and (first.importance >= 0).all()


def test_lasso_drops_features_and_ridge_keeps_them():
    data = toy_dataset(BINARY, p=12)
    l1, l2 = (
        make_estimator(Spec("logistic", {"penalty": name, "C": 0.05}), data.outcome).fit(
            data.values, data, rng()
        )
        for name in ("l1", "l2")
    )
    assert 0 < np.count_nonzero(l1.classifier.arrays["coef"]) < 6
    assert np.count_nonzero(l2.classifier.arrays["coef"]) == 12


def test_lasso_obeys_its_optimality_conditions():
    data = toy_dataset(BINARY)
    C = 0.2
    fitted = make_estimator(Spec("logistic", {"penalty": "l1", "C": C}), data.outcome).fit(
        data.values, data, rng()
    )
    slope = C * data.values.T @ (data.outcome.labels - sigmoid(fitted.score(data.values)))
    w = fitted.classifier.arrays["coef"]
    assert slope[w != 0] == pytest.approx(np.sign(w[w != 0]), abs=1e-3)
    assert (np.abs(slope[w == 0]) <= 1 + 1e-3).all() and (w == 0).any()
    assert (data.outcome.labels - sigmoid(fitted.score(data.values))).sum() == pytest.approx(0, abs=1e-2)


def test_proportional_odds_gives_a_score_for_each_cut():
    data = toy_dataset(ORDINAL)
    fits = [
        make_estimator(Spec("proportional_odds", {"cut": cut}), data.outcome).fit(data.values, data, rng())
        for cut in (0, 1)
    ]
    scores = [fitted.score(NEW) for fitted in fits]
    assert scores[0].shape == (300, 2) and np.abs(scores[0] - scores[1]).max() <= 1e-12
    assert (scores[0][:, 0] > scores[0][:, 1]).all()
    assert fits[0].shifts[0] == fits[1].shifts[1] == 0.0
    from virtualbiopsy.training.ordinal import fit_proportional_odds

    weights, cuts = fit_proportional_odds(data.values, data.outcome.labels, 1.0)
    assert scores[0] == pytest.approx((NEW @ weights)[:, None] + cuts, abs=1e-12)


@pytest.mark.parametrize(
    ("spec", "outcome", "match"),
    [
        (Spec("perceptron"), BINARY, "no estimator 'perceptron'"),
        (Spec("cox"), BINARY, "not for a binary outcome"),
        (Spec("logistic"), SURVIVAL, "not for a survival outcome"),
        (Spec("rbf_svm"), MULTICLASS, "not for a multiclass outcome"),
        (Spec("logistic", {"c": 1}), BINARY, "no option 'c'"),
        (Spec("logistic", {"C": -1}), BINARY, "'C' of 'logistic' is -1"),
        (Spec("logistic", {"C": "1"}), BINARY, "is '1', not a number"),
        (Spec("logistic", {"penalty": "l3"}), BINARY, "'l3', not one of"),
        (Spec("random_forest", {"n_estimators": 2.5}), BINARY, "whole number"),
        (Spec("random_forest", {"max_features": "all"}), BINARY, "'all'"),
        (Spec("xgboost", {"subsample": 1.5}), BINARY, "subsample"),
        (Spec("proportional_odds", {"cut": 2}), ORDINAL, "no cut number 2"),
        (Spec("lasso_cox", {"alpha": "auto"}), SURVIVAL, "'auto'"),
    ],
)
def test_what_a_recipe_says_wrongly_is_named(spec, outcome, match):
    data = toy_dataset(outcome, n=40)
    with pytest.raises(TrainingError, match=match) as caught:
        make_estimator(spec, data.outcome).fit(data.values, data, rng())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("outcome", [BINARY, MULTICLASS, ORDINAL, SURVIVAL])
def test_data_that_cannot_be_used_are_refused(outcome):
    data = toy_dataset(outcome, n=60)
    kind = kinds_for(outcome)[0]
    estimator = make_estimator(Spec(kind), data.outcome)
    gaps = data.values.copy()
    gaps[3, 2] = np.nan
    for values, match in ((gaps, "gaps"), (data.values[:, :0], "No feature"), (data.values[:9], "not fit")):
        with pytest.raises(TrainingError, match=match):
            estimator.fit(values, data, rng())
    data.outcome.labels[:] = 0
    wanted = "No event" if outcome == SURVIVAL else "No training case is"
    with pytest.raises(TrainingError, match=wanted):
        estimator.fit(data.values, data, rng())


def test_inner_folds_need_two_patients_of_the_rarer_class():
    data = toy_dataset(BINARY, n=60, per_patient=3)
    data.outcome.labels[:] = 0
    data.outcome.labels[:3] = 1
    with pytest.raises(TrainingError, match="fewer than two patients"):
        make_estimator(Spec("linear_svm"), data.outcome).fit(data.values, data, rng())
    data.outcome.labels[3:6] = 1
    fitted = make_estimator(Spec("linear_svm"), data.outcome).fit(data.values, data, rng())
    assert fitted.calibrator.kind == "platt"


def test_the_libraries_are_not_imported_before_a_fit():
    assert "sklearn" not in vars(learned) and "xgboost" not in vars(boosted)
    assert set(kinds_for(SURVIVAL)) == {"cox", "lasso_cox", "survival_forest", "deep_survival"}
