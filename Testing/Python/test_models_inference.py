"""Inference in numpy against scikit-learn, imputation and the list of what is out of range."""

from __future__ import annotations

import numpy as np
import pytest
from support import TOY_KEYS, toy_features, toy_model
from virtualbiopsy.errors import FeatureError
from virtualbiopsy.models.calibration import Calibrator, logit, sigmoid
from virtualbiopsy.models.inference import baseline, log_odds, predict
from virtualbiopsy.models.radmodel import Scaler, from_bytes, to_bytes
from virtualbiopsy.radiomics.vector import FeatureVector

pytest.importorskip("sklearn")
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from virtualbiopsy.training.convert import classifier_from_sklearn
from virtualbiopsy.training.platt import fit_platt

P = len(TOY_KEYS)


def _data(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = 50 + rng.standard_normal((n, P)) * np.array([10, 1, 0.5, 2, 30, 150, 12])[:P]
    z = (x - 50) / np.array([10, 1, 0.5, 2, 30, 150, 12])[:P]
    score = z[:, 0] - z[:, 1] * z[:, 2] + 0.7 * rng.standard_normal(n)
    return x, (score > 0.3).astype(int)


def _model(estimator):
    """Fit on scaled data, store as a .radmodel, read it back."""
    x, y = _data(150, 0)
    scaler = StandardScaler().fit(x)
    estimator.fit(scaler.transform(x), y)
    model = toy_model(
        "logistic",
        background=x[:50],
        classifier=classifier_from_sklearn(estimator),
        scaler=Scaler(tuple(scaler.mean_.tolist()), tuple(scaler.scale_.tolist())),
        calibrator=Calibrator("platt", 1.7, -0.4),
    )
    return from_bytes(to_bytes(model)), scaler


PROBABILITIES = [
    LogisticRegression(C=0.5),
    GaussianNB(var_smoothing=1e-3),
    LinearDiscriminantAnalysis(),
    DecisionTreeClassifier(max_depth=4, min_samples_leaf=5, random_state=0),
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_leaf_nodes=9, random_state=0),
    RandomForestClassifier(40, random_state=0),
    GradientBoostingClassifier(n_estimators=60, learning_rate=0.2, random_state=0),
]


@pytest.mark.parametrize("estimator", PROBABILITIES, ids=lambda e: f"{type(e).__name__}")
def test_probability_equals_scikit_learn(estimator):
    model, scaler = _model(estimator)
    x, _ = _data(400, 1)
    expected = estimator.predict_proba(scaler.transform(x))[:, 1]
    raw = model.classifier.raw_score(scaler.transform(x))
    assert np.abs(sigmoid(raw) - expected).max() <= 1e-12
    assert np.ptp(expected) > 0.5
    assert log_odds(model, x) == pytest.approx(1.7 * raw - 0.4, abs=1e-9)


@pytest.mark.parametrize(
    "estimator",
    [LinearSVC(random_state=0), SVC(kernel="linear"), SVC(kernel="rbf", gamma="scale"), SVC(C=3.0)],
)
def test_support_vector_machines_equal_the_decision_function_and_platt(estimator):
    model, scaler = _model(estimator)
    x, _ = _data(400, 1)
    decision = estimator.decision_function(scaler.transform(x))
    assert np.abs(model.classifier.raw_score(scaler.transform(x)) - decision).max() <= 1e-12 * max(
        1, np.abs(decision).max()
    )
    assert np.abs(sigmoid(log_odds(model, x)) - 1 / (1 + np.exp(-(1.7 * decision - 0.4)))).max() <= 1e-12


def test_trees_compare_in_single_precision_like_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (200, P)) / 3.0
    y = (x[:, 0] + x[:, 1] > 1).astype(int)
    tree = DecisionTreeClassifier(random_state=0).fit(x, y)
    classifier = classifier_from_sklearn(tree)
    cuts = tree.tree_.threshold[tree.tree_.children_left > 0]
    near = np.concatenate([cuts, cuts + 1e-9, cuts - 1e-9, cuts.astype(np.float32)])
    rows = np.tile(near[:, None], (1, P))
    assert np.abs(sigmoid(classifier.raw_score(rows)) - tree.predict_proba(rows)[:, 1]).max() <= 1e-12


def test_platt_equals_an_unpenalised_logistic_regression_on_smoothed_targets():
    rng = np.random.default_rng(3)
    scores = rng.standard_normal(300)
    labels = (scores + rng.standard_normal(300) > 0.2).astype(int)
    found = fit_platt(scores, labels)
    high, low = (labels.sum() + 1) / (labels.sum() + 2), 1 / ((1 - labels).sum() + 2)
    weight = np.concatenate([np.where(labels, high, low), 1 - np.where(labels, high, low)])
    reference = LogisticRegression(C=1e12, tol=1e-12, max_iter=10000).fit(
        np.tile(scores, 2)[:, None], np.repeat([1, 0], 300), weight
    )
    assert found.slope == pytest.approx(reference.coef_[0, 0], rel=1e-5)
    assert found.intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_platt_never_turns_a_classifier_round():
    labels = np.array([1, 1, 0, 0, 0, 0])
    found = fit_platt(-labels.astype(float), labels)
    assert found.slope == 0.0
    assert sigmoid(found.intercept) == pytest.approx((2 * 3 / 4 + 4 * 1 / 6) / 6)


def test_missing_features_are_imputed_and_listed():
    model = toy_model()
    whole = toy_features(model)
    gaps = toy_features(model, without=("adc", "clinical"))
    prediction = predict(model, gaps)
    assert prediction.imputed == tuple(k for k in TOY_KEYS if k.startswith(("adc", "clinical")))
    filled = FeatureVector({**gaps.values, **{key: model.imputer[key] for key in prediction.imputed}})
    assert predict(model, filled).log_odds == prediction.log_odds
    assert predict(model, whole).imputed == ()
    assert predict(model, whole).log_odds != prediction.log_odds


def test_values_outside_the_training_range_are_listed():
    model = toy_model()
    values = dict(toy_features(model).values)
    key = TOY_KEYS[0]
    values = {k: float(np.clip(v, *model.feature_ranges[k])) for k, v in values.items()}
    assert predict(model, FeatureVector(values)).out_of_range == ()
    values[key] = model.feature_ranges[key][1] + 1e-6
    assert predict(model, FeatureVector(values)).out_of_range == (key,)


def test_prediction_figures_belong_together():
    model = toy_model("gaussian_nb", calibrator=Calibrator("platt", 0.8, 0.1))
    prediction = predict(model, toy_features(model))
    assert prediction.probability == pytest.approx(1 / (1 + np.exp(-prediction.log_odds)), abs=1e-15)
    assert logit(prediction.probability) == pytest.approx(prediction.log_odds, abs=1e-9)
    assert prediction.baseline == baseline(model) == pytest.approx(log_odds(model, model.background).mean())
    assert (prediction.endpoint, prediction.positive) == ("Ki-67", "Ki-67 ≥ 5 %")


def test_extreme_log_odds_stay_finite():
    assert sigmoid(np.array([-800.0, 800.0])).tolist() == [0.0, 1.0]


def test_a_feature_that_is_not_finite_is_refused():
    model = toy_model()
    values = {**toy_features(model).values, TOY_KEYS[1]: float("nan")}
    with pytest.raises(FeatureError, match="not a finite number"):
        predict(model, FeatureVector(values))
