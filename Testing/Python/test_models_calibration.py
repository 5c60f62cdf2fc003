"""Calibrators: what they compute, which of them keep an explanation additive, and what files may hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import toy_features, toy_model
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.models.calibration import Calibrator, sigmoid
from virtualbiopsy.models.inference import explained_score, log_odds, predict, raw_score, sums_to
from virtualbiopsy.models.radmodel import from_bytes, to_bytes

ISOTONIC = Calibrator("isotonic", x=(-2.0, -0.5, 0.4, 2.5), y=(0.05, 0.3, 0.3, 0.85))
RAW = np.linspace(-4.0, 4.0, 33)


def test_temperature_divides_the_log_odds():
    assert np.array_equal(Calibrator("temperature", slope=0.5)(RAW), RAW / 2.0)


def test_isotonic_equals_scikit_learn():
    isotonic = pytest.importorskip("sklearn.isotonic")
    rng = np.random.default_rng(3)
    score = rng.standard_normal(60)
    label = (rng.random(60) < sigmoid(1.5 * score)).astype(float)
    fitted = isotonic.IsotonicRegression(y_min=0.01, y_max=0.99, out_of_bounds="clip").fit(score, label)
    ours = Calibrator("isotonic", x=tuple(fitted.X_thresholds_), y=tuple(fitted.y_thresholds_))
    assert np.abs(sigmoid(ours(RAW)) - fitted.predict(RAW)).max() <= 1e-12


def test_isotonic_by_hand():
    found = sigmoid(ISOTONIC(np.array([-9.0, -2.0, -1.25, 0.0, 0.4, 1.45, 9.0])))
    assert found == pytest.approx([0.05, 0.05, 0.175, 0.3, 0.3, 0.575, 0.85], abs=1e-14)


@pytest.mark.parametrize(
    ("calibrator", "affine"),
    [
        (Calibrator(), True),
        (Calibrator("platt", 1.3, -0.2), True),
        (Calibrator("temperature", 0.7), True),
        (ISOTONIC, False),
    ],
)
def test_only_affine_calibrators_explain_what_they_return(calibrator, affine):
    assert calibrator.affine is affine
    model = toy_model("gaussian_nb", calibrator=calibrator)
    rows = model.background
    assert np.array_equal(explained_score(model, rows), log_odds(model, rows)) is affine
    if affine:
        assert sums_to(model) == "log-odds"
    else:
        assert np.array_equal(explained_score(model, rows), raw_score(model, rows))
        assert sums_to(model) == "uncalibrated log-odds"
        assert sums_to(toy_model("rbf_svm", calibrator=calibrator)) == "uncalibrated decision value"


def test_the_prediction_shows_the_calibrated_value():
    model = toy_model("gaussian_nb", calibrator=ISOTONIC)
    features = toy_features(model)
    raw = predict(replace(model, calibrator=Calibrator()), features).log_odds
    found = predict(model, features)
    assert found.probability == pytest.approx(np.interp(raw, ISOTONIC.x, ISOTONIC.y), abs=1e-14)
    assert sigmoid(found.log_odds) == pytest.approx(found.probability, abs=1e-14)


@pytest.mark.parametrize("calibrator", [Calibrator("temperature", 0.7), ISOTONIC])
def test_files_keep_the_calibrator(calibrator):
    model = toy_model("linear_svm", calibrator=calibrator)
    assert from_bytes(to_bytes(model)).calibrator == calibrator


@pytest.mark.parametrize(
    ("calibrator", "match"),
    [
        (Calibrator("temperature", -1.0), "positive slope"),
        (Calibrator("temperature", 0.5, 0.1), "intercept 0"),
        (Calibrator("platt", 1.0, 0.0, (0.0, 1.0), (0.1, 0.2)), "no knots"),
        (replace(ISOTONIC, slope=2.0), "slope 1"),
        (replace(ISOTONIC, x=ISOTONIC.x[:3]), "each with a score and a probability"),
        (Calibrator("isotonic", x=(1.0,), y=(0.5,)), "two or more knots"),
        (replace(ISOTONIC, x=(-2.0, -0.5, -0.5, 2.5)), "do not rise"),
        (replace(ISOTONIC, x=(-2.0, -0.5, float("nan"), 2.5)), "do not rise"),
        (replace(ISOTONIC, y=(0.05, 0.3, 0.2, 0.85)), "fall"),
        (replace(ISOTONIC, y=(0.0, 0.3, 0.3, 0.85)), "not between 0 and 1"),
        (replace(ISOTONIC, y=(0.05, 0.3, 0.3, 1.0)), "not between 0 and 1"),
        (
            Calibrator("isotonic", x=tuple(range(5001)), y=tuple(np.linspace(0.1, 0.9, 5001))),
            "at most 5000",
        ),
    ],
)
def test_calibrators_that_make_no_sense_are_refused(calibrator, match):
    with pytest.raises(ModelFormatError, match=match):
        to_bytes(toy_model("logistic", calibrator=calibrator))
