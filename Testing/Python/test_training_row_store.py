"""Simulated cases that are made one by one are kept when a run is stopped: at any byte, with any row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from virtualbiopsy.errors import Cancelled
from virtualbiopsy.progress import silent
from virtualbiopsy.simulate.cohort import Kind, simulate_cohort
from virtualbiopsy.training.row_store import RowStore
from virtualbiopsy.training.stand_in import _simulated

ROWS = [("case-1", {"a": 0.1, "b": math.nan}), ("case-2", {"a": 1e-300, "b": -2.5}), ("case-ü", {"a": 3.0})]


def same(found, wanted):
    assert [name for name, _ in found] == [name for name, _ in wanted]
    for (_, one), (_, other) in zip(found, wanted, strict=True):
        assert list(one) == list(other)
        np.testing.assert_array_equal(list(one.values()), list(other.values()))


def test_rows_come_back_as_they_were_whatever_was_cut_off(tmp_path):
    path = tmp_path / "folder" / "rows.jsonl"
    store = RowStore(path, "digest")
    ends = [len(path.read_bytes())]
    for row in ROWS:
        store.keep(row)
        ends.append(len(path.read_bytes()))
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        expected = ROWS[: max(0, sum(end <= size for end in ends) - 1)]
        found = RowStore(path, "digest")
        same(found.rows, expected)
        if size in (ends[1] - 1, ends[2], ends[2] + 3):  # and it goes on from there
            for row in ROWS[len(expected) :]:
                found.keep(row)
            assert path.read_bytes() == whole


def test_rows_of_another_cohort_are_not_used(tmp_path):
    path = tmp_path / "rows.jsonl"
    RowStore(path, "one").keep(ROWS[0])
    assert RowStore(path, "other").rows == []
    assert RowStore(path, "one").rows == [], "it was replaced"


@dataclass(frozen=True)
class Toy:
    """A case that follows from its seed."""

    name: str
    value: float


def simulate_toy(seed, settings=None, progress=silent):
    progress(0.0, "Beginning")
    progress(0.5, "In the middle")
    return Toy(f"toy-{seed}", float(np.random.default_rng(seed).standard_normal()))


KIND = Kind(lambda: None, simulate_toy, lambda seed, scanner: f"toy-{seed}", lambda *_: None, lambda: None)


@dataclass(frozen=True)
class ToyRow:
    """What is measured on a toy."""

    column: str

    def __call__(self, case):
        return case.name, {self.column: case.value}


def rows_of(n, progress=silent, kept=None, make=ToyRow("a")):
    toys = partial(simulate_cohort, kind=KIND)
    return _simulated(toys, n, 11, progress, None, make, 1, kept)


def test_a_stopped_simulation_goes_on_with_the_case_that_was_stopped(tmp_path):
    kept, told = tmp_path / "rows.jsonl", []

    def stop(fraction, message):
        told.append((fraction, message))
        if fraction == 2.5 / 4:
            raise Cancelled()

    with pytest.raises(Cancelled):
        rows_of(4, stop, kept)
    assert told[-1][1] == "Simulating case 3 of 4", "within the case, not after it"
    before = kept.read_bytes()
    assert before.count(b"\n") == 3
    told.clear()
    same(rows_of(4, lambda fraction, message: told.append(fraction), kept), rows_of(4))
    assert told[0] == 0.5 and told == sorted(told) and told[-1] == 1.0, "two cases were there"
    assert kept.read_bytes().startswith(before)
    same(rows_of(2, stop, kept), rows_of(2))
    same(rows_of(6, kept=kept), rows_of(6))
    same(rows_of(2, kept=kept, make=ToyRow("b")), rows_of(2, make=ToyRow("b")))
