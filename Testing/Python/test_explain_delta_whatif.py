"""What an edit moved, and what if a value were another one: sums, and nothing hypothetical looks real."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from measure import measured
from support import synthetic_tumour, toy_model
from virtualbiopsy.errors import FeatureError
from virtualbiopsy.explain.delta import delta, deltas
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.whatif import HYPOTHETICAL, what_if
from virtualbiopsy.models.inference import log_odds, model_inputs, predict


@pytest.fixture(scope="module")
def tumours():
    return tuple(synthetic_tumour(shape=(14, 18, 16), radius_mm=r, seed=3) for r in (7.0, 5.5))


def answered(model, tumour):
    features = measured(tumour, model)
    found = explain(model, features, tumour.images, tumour.masks, tumour.grid)
    return found, predict(model, features), features


@pytest.mark.parametrize("kind", ["logistic", "gaussian_nb", "gradient_boosting"])
def test_the_terms_of_an_edit_add_up_to_the_change(tumours, kind):
    model = toy_model(kind, seed=2)
    (old, was, before), (new, now, after) = (answered(model, tumour) for tumour in tumours)
    change = delta(old, new, was, now)
    assert change.before == was.probability and change.after == now.probability
    assert change.log_odds == pytest.approx(now.log_odds - was.log_odds, abs=1e-12)
    assert sum(term.phi for term in change.terms) == pytest.approx(change.log_odds, abs=1e-9)
    assert [abs(t.phi) for t in change.terms] == sorted((abs(t.phi) for t in change.terms), reverse=True)
    for term in change.terms:
        assert (term.before, term.after) == (
            model_inputs(model, before).row[model.feature_keys.index(term.key)],
            model_inputs(model, after).row[model.feature_keys.index(term.key)],
        )


def test_a_linear_term_is_the_weight_times_the_step(tumours):
    model = toy_model("logistic", seed=2)
    (old, was, _), (new, now, _) = (answered(model, tumour) for tumour in tumours)
    weights = model.classifier.arrays["coef"] / np.asarray(model.scaler.scale)
    for term in delta(old, new, was, now).terms:
        step = weights[model.feature_keys.index(term.key)] * (term.after - term.before)
        assert term.phi == pytest.approx(step, rel=1e-9, abs=1e-12)


def test_an_edit_that_moves_nothing_has_no_terms_and_other_models_have_no_delta(tumours):
    model, other = toy_model("logistic", seed=2), toy_model("logistic", seed=9)
    old, was, _ = answered(model, tumours[0])
    assert delta(old, old, was, was).terms == ()
    foreign, of_foreign, _ = answered(other, tumours[0])
    renamed = replace(old, model_id="another")
    assert foreign.baseline != old.baseline
    assert delta(old, replace(foreign, model_id=old.model_id), was, of_foreign) is None
    assert delta(old, renamed, was, was) is None
    assert deltas(((), ()), ((old,), (was,))) == ()
    assert len(deltas(((old,), (was,)), ((old,), (was,)))) == 1


def test_what_if_predicts_the_moved_row_and_says_that_it_is_hypothetical(tumours):
    model = toy_model("gradient_boosting", seed=4)
    features = measured(tumours[0], model)
    key = model.feature_keys[0]
    value = model.feature_ranges[key][1] * 2 + 1
    found = what_if(model, features, {key: value})
    row = model_inputs(model, features).row.copy()
    row[0] = value
    assert found.hypothetical.log_odds == pytest.approx(float(log_odds(model, row[None])[0]), abs=1e-12)
    assert key in found.hypothetical.out_of_range
    assert found.actual == predict(model, features)
    assert found.note == HYPOTHETICAL and "ypothetical" in found.note
    assert features.values[key] != value


def test_what_if_fills_a_gap_and_refuses_what_the_model_does_not_know(tumours):
    model = toy_model("logistic", seed=4)
    features = measured(tumours[0], model, without=("clinical",))
    assert "clinical:age" in predict(model, features).imputed
    assert "clinical:age" not in what_if(model, features, {"clinical:age": 50.0}).hypothetical.imputed
    with pytest.raises(FeatureError, match="does not use"):
        what_if(model, features, {"clinical:height": 1.8})
    with pytest.raises(FeatureError, match="not a finite"):
        what_if(model, features, {"clinical:age": math.nan})
