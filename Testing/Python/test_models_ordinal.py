"""Ordered classes: probabilities by their definition, one explanation for all cuts, the file, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import close, synthetic_tumour, toy_features, toy_model
from test_models_radmodel import members, signed
from virtualbiopsy.errors import ModelFormatError
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.models import document
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.inference import predict
from virtualbiopsy.models.ordinal import Ordinal, class_probabilities, ordinal_problem
from virtualbiopsy.models.radmodel import from_bytes, to_bytes

HER2 = Ordinal(("HER2-zero", "HER2-low", "HER2-positive"), (0.0, -2.25))


def model(ordinal=HER2, **fields):
    return toy_model(ordinal=ordinal, positive="HER2-low or HER2-positive", task="breast", **fields)


@given(
    st.floats(-30, 30),
    st.lists(st.floats(0.01, 5), min_size=2, max_size=5),
    st.data(),
)
def test_probabilities_are_differences_of_the_cuts(log_odds, steps, data):
    shifts = -np.cumsum(steps)
    shifts = tuple(float(s) for s in shifts - shifts[data.draw(st.integers(0, len(steps) - 1))])
    ordinal = Ordinal(tuple(f"class {n}" for n in range(len(steps) + 1)), shifts)
    assert ordinal_problem(ordinal) == ""
    found = class_probabilities(log_odds, ordinal)
    assert found.sum() == pytest.approx(1.0, abs=1e-12) and (found >= 0).all()
    for cut, shift in enumerate(shifts):
        expected = 1.0 / (1.0 + np.exp(-(log_odds + shift)))
        assert found[cut + 1 :].sum() == pytest.approx(expected, abs=1e-12)


def test_a_prediction_gives_the_classes():
    toy = model()
    prediction = predict(toy, toy_features(toy))
    assert [c.name for c in prediction.classes] == list(HER2.classes)
    shares = [c.probability for c in prediction.classes]
    assert sum(shares) == pytest.approx(1.0, abs=1e-12)
    assert sum(shares[1:]) == pytest.approx(prediction.probability, abs=1e-12)
    log_odds = prediction.log_odds - 2.25
    assert shares[2] == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-12)
    assert prediction.classes_note == (
        "The contributions explain the log-odds of “HER2-low or HER2-positive”. Features weigh the same at "
        "every cut (proportional odds): for every case the log-odds of “HER2-positive” are 2.25 lower."
    )
    assert predict(toy_model(), toy_features(toy_model())).classes == ()


def test_one_explanation_holds_for_every_cut():
    """The contributions add up to the log-odds above each cut, from a baseline moved by the same constant."""
    toy = model()
    features = toy_features(toy)
    tumour = synthetic_tumour(seed=4)
    explanation = explain(toy, features, tumour.images, tumour.masks, tumour.grid)
    prediction = predict(toy, features)
    whole = sum(c.phi for c in explanation.contributions)
    for cut, shift in enumerate(HER2.shifts):
        at_least = sum(c.probability for c in prediction.classes[cut + 1 :])
        assert close(explanation.baseline + shift + whole, float(np.log(at_least / (1 - at_least))))


def test_ordered_classes_are_written_and_read():
    toy = model()
    again = from_bytes(to_bytes(toy))
    assert again.ordinal == HER2 and again.ordinal.cut == 0
    assert b'"ordinal"' not in members(to_bytes(toy_model()))["model.json"]


@pytest.mark.parametrize(
    ("ordinal", "why"),
    [
        (Ordinal(("low", "high"), (0.0,)), "names"),
        (Ordinal(("a", "b", "b"), (0.0, -1.0)), "names"),
        (Ordinal(("a", "", "c"), (0.0, -1.0)), "names"),
        (Ordinal(("a", "b", "c"), (0.0,)), "one finite shift"),
        (Ordinal(("a", "b", "c"), (0.0, float("nan"))), "one finite shift"),
        (Ordinal(("a", "b", "c"), (0.0, 1.0)), "do not fall"),
        (Ordinal(("a", "b", "c"), (0.5, -1.0)), "no cut has the shift 0"),
    ],
)
def test_unusable_classes_are_refused(ordinal, why):
    with pytest.raises(ModelFormatError, match=why):
        to_bytes(model(ordinal))


def test_isotonic_calibration_and_ordered_classes_do_not_go_together():
    with pytest.raises(ModelFormatError, match="affine"):
        to_bytes(model(calibrator=Calibrator("isotonic", x=(-1.0, 1.0), y=(0.2, 0.8))))


@pytest.mark.parametrize(
    "table",
    [
        [],
        {"classes": ["a", "b", "c"]},
        {"classes": ["a", "b", 3], "shifts": [0.0, -1.0]},
        {"classes": ["a", "b", "c"], "shifts": 0.0},
        {"classes": ["a", "b", "c"], "shifts": [0.0, True]},
        {"classes": ["a", "b", "c"], "shifts": [0.0, -1.0], "names": []},
    ],
)
def test_damaged_tables_are_refused(table):
    data = to_bytes(model())
    content = document.read(members(data)["model.json"], "test")
    content["ordinal"] = table or {"cut": 1}
    with pytest.raises(ModelFormatError, match="ordinal"):
        from_bytes(signed(content, members(data)["arrays.npz"]))
