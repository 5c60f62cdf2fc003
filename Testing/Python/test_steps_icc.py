"""Intraclass correlation against published figures, closed forms, simulation and real test–retest data."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import f_oneway
from steps_support import dataset, fitted
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.dataset import Repeats
from virtualbiopsy.training.steps.icc import icc
from virtualbiopsy.training.steps.repeats import read_repeats, repeats_from_rows, with_repeats

# Shrout & Fleiss 1979, table 2: six targets, four judges.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)

# Their table 4 (two digits); limits from the documentation of ICC() in the R package psych on the same table.
PUBLISHED = {
    "1,1": (0.17, -0.133, 0.723, 0.44, -0.884, 0.912),
    "2,1": (0.29, 0.019, 0.761, 0.62, 0.071, 0.927),
    "3,1": (0.71, 0.342, 0.946, 0.91, 0.676, 0.986),
}


@pytest.mark.parametrize("form", PUBLISHED)
def test_table_of_shrout_and_fleiss(form):
    found = icc(RATINGS, form)
    mean = found.averaged()
    value, low, high, k_value, k_low, k_high = PUBLISHED[form]
    assert found.value[0] == pytest.approx(value, abs=0.005)
    assert mean.value[0] == pytest.approx(k_value, abs=0.005)
    assert [found.low[0], found.high[0], mean.low[0], mean.high[0]] == pytest.approx(
        [low, high, k_low, k_high], abs=0.0006
    )
    assert mean.form == form[:2] + "k" and found.measurements == 4


@pytest.mark.parametrize("form", PUBLISHED)
def test_intervals_cover_the_true_value(form):
    """The model of each form with ICC 0.6; 1500 draws, so 95 % is 95 ± 1.7 % (3 SE).

    The interval of (2,1) is an approximation (Satterthwaite), which may miss by 3 % more.
    """
    rng = np.random.default_rng(5)
    n, k, p = 25, 3, 1500
    between, noise = np.sqrt(0.6), np.sqrt(0.4)
    case = between * rng.standard_normal((n, 1, p))
    if form == "2,1":
        reader = np.sqrt(0.15) * rng.standard_normal((1, k, p))
        values = case + reader + np.sqrt(0.25) * rng.standard_normal((n, k, p))
    else:
        values = case + noise * rng.standard_normal((n, k, p))
    if form == "3,1":
        values = values + np.array([0.0, 5.0, -3.0])[None, :, None]
    found = icc(values, form)
    covered = ((found.low <= 0.6) & (found.high >= 0.6)).mean()
    assert covered == pytest.approx(0.95, abs=0.047 if form == "2,1" else 0.017)
    assert found.value.mean() == pytest.approx(0.6, abs=0.03)


def test_a_shift_of_one_reader_counts_for_agreement_only():
    rng = np.random.default_rng(0)
    case = rng.standard_normal(40)
    values = np.column_stack([case, case + 2.0])
    assert icc(values, "3,1").value[0] == 1.0
    # Between cases s², between readers 2: s² / (s² + 2) from equation (2,1) with no error left.
    s2 = case.var(ddof=1)
    assert icc(values, "2,1").value[0] == pytest.approx(s2 / (s2 + 2.0), abs=1e-12)
    assert icc(values, "1,1").value[0] < 0.3
    assert icc(values, "2,1").low[0] < 0.1


def test_equal_measurements_constant_cases_and_gaps():
    same = np.repeat(np.arange(6.0)[:, None], 3, axis=1)
    constant = np.ones((6, 3))
    gap = RATINGS[:, :3].copy()
    gap[2, 1] = np.nan
    lone = np.full((6, 3), np.nan)
    lone[0] = 1.0
    values = np.stack([same, constant, gap, lone], axis=2)
    for form in PUBLISHED:
        found = icc(values, form)
        assert [found.value[0], found.low[0], found.high[0]] == pytest.approx([1.0, 1.0, 1.0], abs=1e-15)
        assert np.isnan(found.value[[1, 3]]).all()
        without = icc(np.delete(RATINGS[:, :3], 2, axis=0), form)
        assert found.value[2] == without.value[0] and found.low[2] == without.low[0]
        assert found.cases.tolist() == [6, 6, 5, 1]


def test_units_do_not_matter():
    rng = np.random.default_rng(2)
    values = rng.standard_normal((20, 2, 1)) + 2 * rng.standard_normal((20, 1, 1))
    for form in PUBLISHED:
        plain = icc(values, form)
        other = icc(1e6 + 1e-3 * values, form)
        assert other.value[0] == pytest.approx(plain.value[0], abs=1e-5)


def test_one_measurement_or_another_form_is_refused():
    with pytest.raises(TrainingError, match="two measurements"):
        icc(RATINGS[:, :1])
    with pytest.raises(TrainingError, match="no ICC"):
        icc(RATINGS, "2,2")


@pytest.fixture(scope="module")
def retest(data_dir):
    """Whole prostates of the repeatability table: two examinations of each patient."""
    path = data_dir / "tables" / "repeatability" / "T2AX_3D_bin10.csv"
    if not path.exists():
        pytest.skip("The repeatability table is not there.")
    with open(path, newline="") as file:
        rows = [
            row for row in csv.DictReader(file, delimiter=";") if row["segmentedStructure"] == "WholeGland"
        ]
    columns = [name for name in rows[0] if name.startswith(("original_", "log-"))]
    patients = [row["study"].split("_")[0] for row in rows]
    examination = [
        f"{sorted(r['study'] for r in rows if r['study'][:14] == row['study'][:14]).index(row['study'])}"
        for row in rows
    ]
    values = np.array([[float(row[name]) for name in columns] for row in rows])
    return repeats_from_rows(patients, examination, columns, values)


def test_real_test_retest(retest):
    """Two examinations: each form has a closed form from variances and covariance, and F of scipy."""
    assert retest.values.shape[:2] == (15, 2)
    first, second = retest.values[:, 0], retest.values[:, 1]
    n = len(first)
    covariance = ((first - first.mean(0)) * (second - second.mean(0))).sum(0) / (n - 1)
    variances = first.var(0, ddof=1) + second.var(0, ddof=1)
    difference = first - second
    absolute = variances + difference.mean(0) ** 2 - difference.var(0, ddof=1) / n
    one, two, three = (icc(retest.values, form) for form in PUBLISHED)
    known = np.isfinite(three.value)
    assert known.mean() > 0.9
    np.testing.assert_allclose(three.value[known], (2 * covariance / variances)[known], atol=1e-9)
    np.testing.assert_allclose(two.value[known], (2 * covariance / absolute)[known], atol=1e-9)
    for j in np.flatnonzero(known)[::40]:
        statistic = f_oneway(*retest.values[:, :, j]).statistic
        assert one.value[j] == pytest.approx((statistic - 1) / (statistic + 1), abs=1e-9)
    # The gland keeps its size between two examinations; texture is less steady.
    volume = retest.columns.index("original_shape_Volume")
    assert two.value[volume] > 0.9 and np.nanmedian(two.value) < two.value[volume]


def _repeated(source: str = "two readers"):
    """Ten cases, three features: reproducible, half so, noise; one clinical variable without repeats."""
    rng = np.random.default_rng(8)
    case = rng.standard_normal((30, 1, 3))
    values = case + np.array([0.1, 1.0, 9.0]) * rng.standard_normal((30, 2, 3))
    table = np.column_stack([values[:, 0], rng.standard_normal(30)])
    repeats = np.concatenate([values, np.full((30, 2, 1), np.nan)], axis=2)
    return dataset(table, columns=("a", "b", "c", "clinical:age"), repeats=Repeats(source, repeats))


def test_filter_keeps_what_two_readers_reproduce():
    data = _repeated()
    found = fitted(data, "icc")
    assert found.columns == ("a", "clinical:age")
    assert "two readers" in found.told[0] and "30 cases" in found.told[0]
    assert fitted(data, ("icc", {"threshold": 0.35})).columns == ("a", "b", "clinical:age")
    # A lower confidence limit is stricter.
    value = fitted(data, ("icc", {"threshold": 0.3})).steps[0].scores
    low = fitted(data, ("icc", {"threshold": 0.3, "bound": "low"})).steps[0].scores
    assert all(low[name] < value[name] for name in "abc")


def test_filter_sees_training_cases_only():
    data = _repeated()
    train = np.arange(30) < 20
    before = fitted(data.rows(train), "icc").steps[0].scores
    spoiled = data.repeats.values.copy()
    spoiled[~train] = 1e6 * np.random.default_rng(1).standard_normal(spoiled[~train].shape)
    after = fitted(replace(data, repeats=Repeats("x", spoiled)).rows(train), "icc").steps[0].scores
    assert before == after


def test_filter_without_measurements_is_refused():
    data = _repeated()
    with pytest.raises(TrainingError, match="carry none"):
        fitted(replace(data, repeats=None), "icc")
    with pytest.raises(TrainingError, match="4 training cases"):
        fitted(data.rows(np.arange(4)), "icc")
    with pytest.raises(TrainingError, match="No feature remains"):
        fitted(data, ("icc", {"threshold": 1.0, "keep": []}))


def test_table_of_measurements(tmp_path):
    data = _repeated()
    path = tmp_path / "readers.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "measurement", "a", "b", "c"])
        for i in range(29, -1, -1):
            for k, reader in enumerate("BA"):
                writer.writerow([data.cases[i], reader, *data.repeats.values[i, k, :3]])
    table = {"table": str(path)}
    without = replace(data, repeats=None)
    assert fitted(without, ("icc", table)).steps[0].scores == pytest.approx(
        fitted(data, "icc").steps[0].scores
    )
    # Rows of patients outside the training part count only where the table is said to be of other people.
    part = without.rows(np.arange(12))
    assert "12 cases" in fitted(part, ("icc", {**table, "threshold": 0.1})).told[0]
    assert "30 cases" in fitted(part, ("icc", {**table, "independent": True})).told[0]
    renamed = replace(part, patients=np.array([f"p{i}" for i in range(12)]))
    assert "12 cases" in fitted(renamed, ("icc", {**table, "threshold": 0.1})).told[0]
    joined = with_repeats(without, read_repeats(path), "two readers")
    assert fitted(joined, "icc").columns == ("a", "clinical:age")


def test_faults_of_tables(tmp_path):
    with pytest.raises(TrainingError, match="more than one row"):
        repeats_from_rows(["x", "x", "y"], ["1", "1", "2"], ["a"], np.ones((3, 1)))
    with pytest.raises(TrainingError, match="one measurement"):
        repeats_from_rows(["x", "y"], ["1", "1"], ["a"], np.ones((2, 1)))
    path = tmp_path / "t.csv"
    path.write_text("case,a\nx,1\n")
    with pytest.raises(TrainingError, match="lacks the column measurement"):
        read_repeats(path)
    path.write_text("case,measurement,a\nx,1,4\nx,2,four\n")
    with pytest.raises(TrainingError, match='Line 3, column a: "four"'):
        read_repeats(path)
