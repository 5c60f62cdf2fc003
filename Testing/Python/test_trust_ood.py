"""Distances from the training cases: against brute force, scikit-learn, and by what they must notice."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support import TOY_KEYS, toy_background, toy_model
from virtualbiopsy.models.inference import Inputs
from virtualbiopsy.trust.ood import MIN_ROWS, NEIGHBOURS, feature_space, reference, shrinkage


def correlated(n, p, seed, *, mean=0.0):
    """Rows with correlated, differently scaled columns."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).standard_normal((p, p)) + 1.5 * np.eye(p)
    return 50 + 10 * np.arange(1, p + 1) * (mean + rng.standard_normal((n, p)) @ mix.T)


def model_of(background):
    ranges = {key: (float(c.min()), float(c.max())) for key, c in zip(TOY_KEYS, background.T, strict=True)}
    return toy_model(background=background, feature_ranges=ranges)


def inputs_of(model, row, imputed=()):
    outside = []
    for key, value in zip(model.feature_keys, row, strict=True):
        low, high = model.feature_ranges[key]
        if key not in imputed and not low <= value <= high:
            outside.append(key)
    return Inputs(np.asarray(row, dtype=float), tuple(imputed), tuple(outside))


def test_shrinkage_is_that_of_ledoit_and_wolf():
    covariance = pytest.importorskip("sklearn.covariance")
    for n, p in ((25, 7), (60, 7), (400, 7)):
        rows = correlated(n, p, n)
        z = (rows - rows.mean(0)) / rows.std(0)
        _, expected = covariance.ledoit_wolf(z, assume_centered=True)
        assert shrinkage(z) == pytest.approx(expected, abs=1e-12)
    assert shrinkage(np.ones((4, 1)) * [[1], [-1], [1], [-1]]) == 1.0


def test_leave_one_out_distances_equal_brute_force():
    background = correlated(40, len(TOY_KEYS), 1)
    model = model_of(background)
    known = reference(model, tuple(range(len(TOY_KEYS))))
    z = (background - background.mean(0)) / background.std(0)
    weight = shrinkage(z)
    distances, near = [], []
    for i in range(len(z)):
        others = np.delete(z, i, axis=0)
        centred = others - others.mean(0)
        shrunk = (1 - weight) * centred.T @ centred / len(others) + weight * np.eye(z.shape[1])
        away = z[i] - others.mean(0)
        distances.append(math.sqrt(away @ np.linalg.solve(shrunk, away)))
        near.append(np.sort(np.linalg.norm(others - z[i], axis=1))[:NEIGHBOURS].mean())
    assert known.mahalanobis == pytest.approx(np.sort(distances), rel=1e-10)
    assert known.neighbours == pytest.approx(np.sort(near), rel=1e-12)


def test_the_distance_of_a_case_by_hand():
    background = correlated(40, len(TOY_KEYS), 1)
    model = model_of(background)
    row = correlated(1, len(TOY_KEYS), 7)[0]
    found = feature_space(model, inputs_of(model, row))
    z = (background - background.mean(0)) / background.std(0)
    own = (row - background.mean(0)) / background.std(0)
    weight = shrinkage(z)
    shrunk = (1 - weight) * z.T @ z / len(z) + weight * np.eye(len(own))
    assert found.mahalanobis.distance == pytest.approx(math.sqrt(own @ np.linalg.solve(shrunk, own)))
    near = np.sort(np.linalg.norm(z - own, axis=1))[:NEIGHBOURS].mean()
    assert found.neighbours.distance == pytest.approx(near)
    known = reference(model, tuple(range(len(TOY_KEYS))))
    share = 100 * np.mean(known.mahalanobis < found.mahalanobis.distance)
    assert found.mahalanobis.percentile == pytest.approx(share)
    assert found.mahalanobis.ratio == pytest.approx(found.mahalanobis.distance / known.mahalanobis[-1])


def test_percentiles_of_cases_of_the_same_kind_are_uniform():
    """By exchangeability; the mean of n uniform values lies within 4 standard errors of the half."""
    values = []
    for seed in range(12):
        model = model_of(correlated(60, len(TOY_KEYS), 100 + seed))
        for row in correlated(40, len(TOY_KEYS), 500 + seed):
            found = feature_space(model, inputs_of(model, row))
            values.append((found.mahalanobis.percentile, found.neighbours.percentile))
    values = np.array(values)
    for column in values.T:
        assert abs(column.mean() - 50) < 5
        assert (column > 97.5).mean() < 0.05
        assert 0.01 < (column > 95).mean() < 0.10


def test_a_combination_that_never_occurred_is_seen_though_each_value_is_usual():
    rng = np.random.default_rng(2)
    factor = rng.standard_normal((200, 1))
    background = factor + 0.1 * rng.standard_normal((200, len(TOY_KEYS)))
    model = model_of(background)
    row = np.array([1.2, -1.2, 1.2, -1.2, 1.2, -1.2, 1.2])
    found = feature_space(model, inputs_of(model, row))
    assert not found.excesses
    assert found.mahalanobis.percentile == 100 and found.mahalanobis.ratio > 1.5


def test_a_hole_between_two_groups_is_seen_by_the_neighbours_only():
    rng = np.random.default_rng(4)
    side = np.where(np.arange(80) % 2, 1.0, -1.0)
    background = toy_background(n=80)
    background[:, :5] = side[:, None] * 6 + 0.3 * rng.standard_normal((80, 5))
    model = model_of(background)
    found = feature_space(model, inputs_of(model, background.mean(axis=0)))
    assert found.mahalanobis.percentile < 5
    assert found.neighbours.percentile == 100


def test_imputed_features_count_neither_in_the_ranges_nor_in_the_distances():
    background = correlated(50, len(TOY_KEYS), 3)
    model = model_of(background)
    row = background[0] + 0.1
    row[5] = 1e9
    wild = feature_space(model, inputs_of(model, row))
    assert wild.excesses[0].key == TOY_KEYS[5] and wild.mahalanobis.ratio > 10
    imputed = feature_space(model, inputs_of(model, row, imputed=(TOY_KEYS[5],)))
    assert not imputed.excesses and imputed.used == len(TOY_KEYS) - 1
    other = np.delete(background, 5, axis=1)
    z = (np.delete(row, 5) - other.mean(0)) / other.std(0)
    rows = (other - other.mean(0)) / other.std(0)
    near = np.sort(np.linalg.norm(rows - z, axis=1))[:NEIGHBOURS].mean()
    assert imputed.neighbours.distance == pytest.approx(near)


def test_constant_features_take_no_part_and_are_out_of_range_when_they_change():
    background = correlated(50, len(TOY_KEYS), 3)
    background[:, 2] = 4.0
    model = model_of(background)
    row = background.mean(axis=0)
    same = feature_space(model, inputs_of(model, row))
    assert same.used == len(TOY_KEYS) - 1 and not same.excesses
    row[2] = 5.0
    changed = feature_space(model, inputs_of(model, row))
    assert changed.mahalanobis == same.mahalanobis
    assert changed.excesses[0].widths == math.inf


def test_excesses_are_measured_in_widths_and_sorted():
    background = correlated(50, len(TOY_KEYS), 3)
    model = model_of(background)
    row = background.mean(axis=0)
    for j, widths in ((1, 0.3), (4, 2.0)):
        low, high = model.feature_ranges[TOY_KEYS[j]]
        row[j] = high + widths * (high - low)
    found = feature_space(model, inputs_of(model, row)).excesses
    assert [(e.key, round(e.widths, 9)) for e in found] == [(TOY_KEYS[4], 2.0), (TOY_KEYS[1], 0.3)]


def test_too_few_rows_give_no_percentile():
    model = model_of(correlated(MIN_ROWS - 1, len(TOY_KEYS), 3))
    found = feature_space(model, inputs_of(model, model.background[0]))
    assert math.isnan(found.mahalanobis.percentile) and math.isnan(found.neighbours.percentile)
    everything = feature_space(model_of(correlated(50, len(TOY_KEYS), 3)), Inputs(np.zeros(7), TOY_KEYS, ()))
    assert everything.used == 0 and math.isnan(everything.mahalanobis.percentile)


def test_extrapolation_is_measured_before_calibration():
    model = model_of(correlated(50, len(TOY_KEYS), 3))
    row = model.background.mean(axis=0)
    assert feature_space(model, inputs_of(model, row)).extrapolation == 0
    weights = model.classifier.arrays["coef"] / np.array(model.scaler.scale)
    far = row + 1e3 * np.sign(weights) * model.background.std(axis=0)
    found = feature_space(model, inputs_of(model, far)).extrapolation
    assert found > 10
    other = replace(model, calibrator=replace(model.calibrator, kind="platt", slope=0.2, intercept=3.0))
    assert feature_space(other, inputs_of(other, far)).extrapolation == found
