"""From a fitted method to a file: the model that is read back answers as the library, for every family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from estimators_support import toy_dataset
from support import TOY_KEYS
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.models.inference import baseline, explained_score, log_odds, predict
from virtualbiopsy.models.radmodel import RadModel, from_bytes, to_bytes
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.training.dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL, Dataset
from virtualbiopsy.training.estimators import KINDS, kinds_for, learned
from virtualbiopsy.training.export import About, to_radmodel
from virtualbiopsy.training.method import Method, Spec
from virtualbiopsy.training.validation.fitting import FittedMethod, fit_method

pytest.importorskip("sklearn")
pytest.importorskip("xgboost")
KEYS = TOY_KEYS[:6]
FEW = {"n_estimators": 15, "n_trees": 15, "n_alphas": 8}
LIBRARY = sorted(set(kinds_for(BINARY)) - {"xgboost"})


def cohort(kind: str, seed: int = 0) -> Dataset:
    """A toy data set in raw units, with gaps, under feature keys."""
    data = toy_dataset(kind, n=90, seed=seed)
    values = 50 + data.values * np.array([10, 1, 0.5, 2, 30, 150])
    values[np.random.default_rng(seed).random(values.shape) < 0.03] = np.nan
    return replace(data, columns=KEYS, values=values)


def trained(kind: str, outcome: str, calibration: str = "none") -> tuple[FittedMethod, Dataset, RadModel]:
    data = cohort(outcome)
    options = {name: value for name, value in FEW.items() if name in KINDS[kind][1]}
    steps = (Spec("impute", {"strategy": "median"}), Spec("scale"), Spec("select_k_best", {"k": 4}))
    if outcome != BINARY:
        steps = (steps[0], steps[1], Spec("correlation"))
    fitted = fit_method(Method(steps, Spec(kind, options), {}, calibration), data, np.random.default_rng(2))
    about = About(
        model_id="toy",
        title="Toy (simulated)",
        version="1.0.0",
        endpoint="toy",
        positive="x",
        simulated=True,
        preparation=Preparation(),
        limits="Of a test.",
        task="breast",
    )
    return fitted, data, from_bytes(to_bytes(to_radmodel(fitted, data, about)))


def rows_of(fitted: FittedMethod, model: RadModel, outcome: str) -> tuple[Dataset, np.ndarray]:
    """New cases without gaps, whole and as the model asks for them."""
    new = cohort(outcome, seed=8)
    new = replace(new, values=np.where(np.isnan(new.values), 50.0, new.values))
    return new, new.features(model.feature_keys).values


@pytest.mark.parametrize("calibration", ["none", "platt", "isotonic"])
@pytest.mark.parametrize("kind", LIBRARY)
def test_a_file_of_two_classes_answers_as_scikit_learn(kind, calibration, monkeypatch):
    caught, fit = [], learned.SkLearned._fitted

    def spy(self, *arguments):
        caught.append(fit(self, *arguments))
        return caught[-1]

    monkeypatch.setattr(learned.SkLearned, "_fitted", spy)
    fitted, _, model = trained(kind, BINARY, calibration)
    svm = kind in learned.TWO_CLASSES_ONLY
    library = caught[-1 - learned.PLATT_FOLDS] if svm else caught[-1]
    new, rows = rows_of(fitted, model, BINARY)
    scaled = fitted.steps.apply(new).values
    if svm:
        line = fitted.estimator.calibrator
        expected = sigmoid(line.slope * library.decision_function(scaled) + line.intercept)
    else:
        expected = library.predict_proba(scaled)[:, 1]
    if calibration == "none":
        assert np.abs(sigmoid(log_odds(model, rows)) - expected).max() <= 1e-12
    assert log_odds(model, rows) == pytest.approx(fitted.score(new), abs=1e-8)
    assert np.ptp(expected) > 0.2 and len(model.feature_keys) == 4


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [(kind, outcome) for outcome in (BINARY, MULTICLASS, ORDINAL, SURVIVAL) for kind in kinds_for(outcome)],
)
def test_every_family_is_written_read_and_asked(kind, outcome):
    fitted, _, model = trained(kind, outcome)
    new, rows = rows_of(fitted, model, outcome)
    raw = fitted.raw(new)
    for i in range(0, 90, 9):
        found = predict(model, FeatureVector(dict(zip(model.feature_keys, rows[i], strict=True))))
        assert np.isfinite(found.log_odds) and found.imputed == ()
        if outcome == SURVIVAL:
            at = float(
                fitted.estimator.survival(
                    fitted.steps.apply(new).values[i : i + 1], [model.survival.horizon]
                )[0, 0]
            )
            assert found.probability == pytest.approx(1 - at, abs=1e-9)
            assert found.survival.score == pytest.approx(raw[i], abs=1e-9) and found.survival.group
        elif outcome == BINARY:
            assert found.log_odds == pytest.approx(raw[i], abs=1e-8) and found.classes == ()
        else:
            shares = np.exp(raw[i] - raw[i].max()) / np.exp(raw[i] - raw[i].max()).sum()
            if outcome == ORDINAL:
                shares = -np.diff([1.0, *sigmoid(raw[i]), 0.0])
            assert [c.probability for c in found.classes] == pytest.approx(shares, abs=1e-9)
    assert np.isfinite(baseline(model)) and np.ptp(explained_score(model, rows)) > 0.05


def test_what_is_known_about_a_model_is_taken_over_as_it_is():
    _, _, model = trained("logistic", BINARY)
    assert (model.limits, model.task, model.licence) == ("Of a test.", "breast", "")
