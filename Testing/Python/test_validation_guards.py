"""Guards: shuffled labels find nothing, planted leaks are found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from validation_samples import PARTS, best_columns, dataset, make_estimator, method, planted
from virtualbiopsy.training.validation.audit import audit, procedure_of
from virtualbiopsy.training.validation.guards import find_leaks
from virtualbiopsy.training.validation.leak import CHANCE, COLUMN, OUTCOME, PATIENT, SITE, TWINS, VALUES
from virtualbiopsy.training.validation.proxy import site_checks
from virtualbiopsy.training.validation.resampling import patient_weights
from virtualbiopsy.training.validation.run import validate
from virtualbiopsy.training.validation.shuffle import shuffled, shuffled_labels
from virtualbiopsy.training.validation.splits import Split, make_splits
from virtualbiopsy.training.validation.suspects import telling_columns, twins

HONEST = procedure_of(method(select=5, grid={"l2": (1.0, 30.0)}, calibration="platt"), PARTS)


def selecting_outside(data, split, rng):
    """The classic mistake: the best columns of all cases, then an honest fit."""
    chosen = data.features([data.columns[i] for i in best_columns(data, 5)])
    return procedure_of(method(), PARTS)(chosen, split, rng)


def scaling_outside(data, split, rng):
    scaled = (data.values - data.values.mean(axis=0)) / data.values.std(axis=0)
    train = replace(data, values=scaled).rows(split.train)
    fitted = make_estimator(method().estimator, data.outcome).fit(train.values, train, rng)
    return fitted.score(scaled[split.test])


def names(leaks):
    return [leak.name for leak in leaks]


# ---- shuffled labels


def test_shuffled_labels_give_one_half():
    data = planted(n=80, p=40, effect=1.0)
    found = shuffled_labels(HONEST, data, method().validation, shuffles=12)
    assert found.passed and found.leak is None
    assert found.mean == pytest.approx(0.5, abs=3 * found.se)
    assert 0.005 < found.se < 0.05 and found.values.size == 12


def test_selection_outside_of_the_folds_does_not_pass():
    data = planted(n=80, p=200, effect=0.0)
    found = shuffled_labels(selecting_outside, data, method().validation, shuffles=6)
    assert not found.passed and found.mean > 0.65
    assert found.leak.name == CHANCE and "outside of the folds" in found.leak.sentence


def test_shuffling_keeps_patients_together():
    patients = np.array(["a", "a", "b", "b", "c", "d", "e"])
    labels = np.array([0, 1, 1, 1, 0, 0, 1])
    data = dataset(np.zeros((7, 1)), labels, patients)
    seen = set()
    for seed in range(30):
        mixed = shuffled(data, np.random.default_rng(seed)).outcome.labels
        seen.add(tuple(mixed.tolist()))
        assert sorted(mixed[4:]) == [0, 0, 1]
        assert {tuple(mixed[:2]), tuple(mixed[2:4])} == {(0, 1), (1, 1)}
    assert len(seen) == 6


# ---- audit


@pytest.mark.parametrize("kind", ["binary", "ordinal", "survival"])
def test_an_honest_method_passes_the_audit(kind):
    data = planted(n=60)
    chosen = method(select=5)
    if kind == "ordinal":
        data = dataset(data.values, np.arange(60) % 3, kind=kind)
    if kind == "survival":
        data = dataset(data.values, data.outcome.labels, time=np.arange(60.0) + 1)
    split = make_splits(data, chosen.validation)[0]
    assert audit(procedure_of(chosen, PARTS), data, split) == ()


def test_selection_outside_of_the_folds_is_named():
    data = planted(n=60, p=200, effect=0.0)
    found = audit(selecting_outside, data, make_splits(data, method().validation)[1])
    (leak,) = [k for k in found if k.name == OUTCOME]
    assert leak.where == "repeat 1, fold 2"
    assert "selection" in leak.sentence and "outside of the folds" in leak.sentence


def test_scaling_outside_of_the_folds_is_named():
    data = planted(n=60)
    found = audit(scaling_outside, data, make_splits(data, method().validation)[0])
    assert names(found) == [VALUES]


def test_the_same_patient_in_two_folds_is_named():
    data = planted(n=60, patients=[f"p{i % 30}" for i in range(60)])
    split = Split("by row", 0, np.arange(10, 60), np.arange(10))
    found = audit(lambda d, s, rng: d.values[s.test, 0], data, split)
    assert names(found) == [PATIENT]
    assert "10 patients" in found[0].sentence and "p0" in found[0].sentence


# ---- patients under two names


def scans(repeat_noise, seed=0, n=100, p=30, again=6):
    """Cases of a 6-dimensional world, some of them scanned twice under another name."""
    rng = np.random.default_rng(seed)
    hidden, mix = rng.normal(size=(n, 6)), rng.normal(size=(6, p))
    values = hidden @ mix + 0.3 * rng.normal(size=(n, p))
    values[n - again :] = values[:again] + repeat_noise * rng.normal(size=(again, p))
    labels = (rng.random(n) < 0.4).astype(int)
    return values, labels


def test_one_patient_under_two_names_is_named():
    for noise in (0.0, 0.1):
        found = twins(dataset(*scans(noise)))
        assert names(found) == [TWINS] * 6
        assert found[0].where == "case000, case094" and "case094" in found[0].sentence


def test_scans_of_one_named_patient_and_different_patients_are_no_twins():
    values, labels = scans(0.1)
    patients = np.array([f"p{i}" for i in range(100)])
    patients[94:] = patients[:6]
    assert twins(dataset(values, labels, patients)) == ()
    for seed in range(20):
        assert twins(dataset(*scans(0.1, seed, again=0))) == ()


def test_copies_in_a_small_table_are_named():
    values = np.random.default_rng(0).normal(size=(12, 3))
    values[7] = values[2]
    (found,) = twins(dataset(values, [0, 1] * 6))
    assert found.where == "case002, case007"
    assert twins(dataset(values[:, :2], [0, 1] * 6)) == ()


# ---- a column that is the outcome


def test_a_column_that_holds_the_outcome_is_named():
    data = planted(n=60, effect=0.5)
    values = data.values.copy()
    values[:, 4] = -3.0 * data.outcome.labels + 0.01 * values[:, 4]
    (found,) = telling_columns(replace(data, values=values))
    assert found.name == COLUMN and found.where == "f4" and "1.000" in found.sentence
    assert telling_columns(data) == ()
    values[:55, 4] = np.nan  # five known values tell nothing
    assert telling_columns(replace(data, values=values)) == ()


# ---- site as a proxy


def from_sites(effect, rates, seed=0, n=240, p=8):
    """Three sites whose images differ; `rates` of the outcome; `effect` of the disease itself."""
    rng = np.random.default_rng(seed)
    site = np.repeat(["A", "B", "C"], n // 3)
    shift = np.repeat([0.0, 2.0, 4.0], n // 3)
    labels = (rng.random(n) < np.repeat(rates, n // 3)).astype(int)
    values = rng.normal(size=(n, p))
    values[:, 0] += shift
    values[:, 1] += effect * labels
    return dataset(values, labels, site=site)


def check_site(data):
    held_out = validate(method(repeats=1), data, parts=PARTS)
    drawn = patient_weights(data.patients, data.outcome.labels, 300, 0)
    (found,) = site_checks(held_out, data, drawn)
    return found


def test_a_model_of_the_site_is_named():
    found = check_site(from_sites(0.0, (0.1, 0.5, 0.9)))
    assert found.leak is not None and found.leak.name == SITE and found.leak.where == "site"
    assert found.alone > 0.75 and found.over_all > 0.75
    assert found.within == pytest.approx(0.5, abs=0.08)
    assert "within one site: it recognises the site" in found.leak.sentence


def test_sites_that_say_nothing_are_no_leak():
    flagged = 0
    for seed in range(5):
        found = check_site(from_sites(1.2, (0.4, 0.4, 0.4), seed))
        assert found.within > 0.7
        flagged += found.leak is not None
    assert flagged == 0


def test_disease_at_one_site_only_cannot_be_told_from_the_site():
    found = check_site(from_sites(1.0, (0.0, 1.0, 1.0)))
    assert found.leak is not None and "cannot be told apart" in found.leak.sentence


def test_site_of_survival():
    data = from_sites(0.0, (0.9, 0.9, 0.9))
    rng = np.random.default_rng(1)
    time = rng.exponential(np.repeat([1.0, 4.0, 16.0], 80)) + 0.01
    data = dataset(data.values, data.outcome.labels, time=time, site=data.site)
    found = check_site(data)
    assert found.over_all > 0.7 and found.within == pytest.approx(0.5, abs=0.08)
    assert found.leak is not None  # the rate of events over time differs, not their share


# ---- all together


def test_all_guards_in_one_call():
    clean = planted(n=80, p=10)
    chosen = method(select=3, repeats=1)
    assert find_leaks(chosen, clean, validate(chosen, clean, parts=PARTS), PARTS) == ()
    data = from_sites(0.0, (0.1, 0.5, 0.9))
    values = data.values.copy()
    values[100] = values[7]
    data = replace(data, values=values)
    held_out = validate(chosen, data, parts=PARTS)
    assert names(find_leaks(chosen, data, held_out, PARTS)) == [TWINS, SITE]
