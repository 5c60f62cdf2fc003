"""Splits: patients stay together, classes are balanced, sites and time are kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from validation_samples import dataset, planted
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.method import Validation
from virtualbiopsy.training.validation.splits import make_splits, overlapping_patients, patient_folds


def test_folds_hold_each_case_once_and_balance_classes():
    data = planted(n=103)
    splits = make_splits(data, Validation(folds=5, repeats=3))
    assert [s.name for s in splits[:2]] == ["repeat 1, fold 1", "repeat 1, fold 2"]
    for repeat in range(3):
        tested = np.concatenate([s.test for s in splits if s.repeat == repeat])
        assert sorted(tested) == list(range(103))
        for k in (0, 1):
            counts = [int((data.outcome.labels[s.test] == k).sum()) for s in splits if s.repeat == repeat]
            assert max(counts) - min(counts) <= 1
    for s in splits:
        assert sorted([*s.train, *s.test]) == list(range(103))
    assert not np.array_equal(splits[0].test, splits[5].test)


def test_folds_are_reproducible_and_differ_by_seed():
    data = planted()
    first, again, other = (make_splits(data, Validation(repeats=1, seed=s)) for s in (1, 1, 2))
    assert all((a.test == b.test).all() for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(first, other, strict=True))


def test_rows_of_a_patient_stay_together():
    rng = np.random.default_rng(3)
    patients = np.array([f"p{i}" for i in rng.integers(0, 40, 150)])
    labels = (rng.random(150) < 0.3).astype(int)
    data = dataset(rng.normal(size=(150, 3)), labels, patients)
    for split in make_splits(data, Validation(folds=5, repeats=4)):
        assert overlapping_patients(data, split) == ()
        assert 20 <= split.test.size <= 40


def test_more_folds_than_patients_is_refused():
    with pytest.raises(TrainingError, match="3 patients cannot be divided into 5 folds"):
        patient_folds(np.array(["a", "a", "b", "c"]), np.array([0, 0, 1, 1]), 5, np.random.default_rng(0))


def test_one_site_is_held_out_with_its_patients():
    site = np.array(["A", "A", "B", "B", "C", "C"])
    patients = np.array(["1", "2", "3", "1", "5", "6"])
    data = dataset(np.zeros((6, 1)), [0, 1, 0, 1, 0, 1], patients, site=site)
    a, b, c = make_splits(data, Validation(scheme="leave_one_site_out"))
    assert a.name == "site A held out" and a.test.tolist() == [0, 1] and a.train.tolist() == [2, 4, 5]
    assert b.test.tolist() == [2, 3] and b.train.tolist() == [1, 4, 5]  # row 0 is patient 1 as well
    assert c.train.tolist() == [0, 1, 2, 3]
    with pytest.raises(TrainingError, match="needs two sites"):
        make_splits(data.rows(site == "A"), Validation(scheme="leave_one_site_out"))
    with pytest.raises(TrainingError, match="unknown for case001"):
        blank = np.array(["A", "", "B", "B", "C", "C"])
        make_splits(
            dataset(np.zeros((6, 1)), [0, 1] * 3, site=blank), Validation(scheme="leave_one_site_out")
        )


def test_the_latest_patients_are_tested():
    acquired = np.array([10.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9.5])
    patients = np.array(["late", *"abcdefghi", "b"])
    data = dataset(np.zeros((11, 1)), [0, 1] * 5 + [0], patients, acquired=acquired)
    (split,) = make_splits(data, Validation(scheme="temporal", test_share=0.3))
    assert split.test.tolist() == [0, 8, 9]  # of ten patients three
    assert split.train.tolist() == [1, 2, 3, 4, 5, 6, 7]  # row 10 is of b, but after the border
    with pytest.raises(TrainingError, match="no day of examination"):
        make_splits(dataset(np.zeros((4, 1)), [0, 1, 0, 1]), Validation(scheme="temporal"))


def test_a_given_split_is_taken_unless_a_patient_is_on_both_sides():
    split = np.array(["train", "train", "test", "", "test"])
    data = dataset(np.zeros((5, 1)), [0, 1, 0, 1, 1], split=split)
    (found,) = make_splits(data, Validation(scheme="split"))
    assert found.train.tolist() == [0, 1] and found.test.tolist() == [2, 4]
    twice = dataset(np.zeros((5, 1)), [0, 1, 0, 1, 1], np.array(list("abacd")), split=split)
    with pytest.raises(TrainingError, match="same patient in training and test: a"):
        make_splits(twice, Validation(scheme="split"))
    with pytest.raises(TrainingError, match="do not say"):
        make_splits(dataset(np.zeros((2, 1)), [0, 1]), Validation(scheme="split"))


def test_an_unknown_scheme_is_refused():
    with pytest.raises(TrainingError, match="bootstrap632"):
        make_splits(planted(), Validation(scheme="bootstrap632"))
