"""ComBat against neuroCombat's published output, neuroCombat itself, and simulated sites."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import f_oneway
from steps_support import dataset, fitted
from virtualbiopsy.errors import TrainingError

ADJUST = Path(__file__).resolve().parents[1] / "Oracles" / "neurocombat_adjust.py"


@pytest.fixture(scope="module")
def reference(data_dir):
    """Data of neuroCombat's own test: 200 features of 10 subjects, two batches, sex."""
    folder = data_dir / "reference" / "combat"
    if not folder.is_dir():
        pytest.skip("The ComBat reference is not there.")
    values = np.loadtxt(folder / "testdata.csv", delimiter=",", skiprows=1).T
    site = ["1"] * 5 + ["2"] * 5
    return dataset(values, site=site, subgroups={"sex": np.array([1, 2] * 5)}), folder


def adjusted(data, **options) -> np.ndarray:
    return fitted(data, ("combat", options)).apply(data).values


def test_reference_output_of_python(reference):
    data, folder = reference
    expected = np.loadtxt(folder / "parametric_adjusted_python.csv", delimiter=",").T
    found = adjusted(data, covariates=["sex"], categorical=["sex"])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "covariates"), [("parametric_adjusted_r", ["sex"]), ("parametric_unadjusted_r", [])]
)
def test_reference_output_of_r(reference, name, covariates):
    data, folder = reference
    expected = np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1).T
    np.testing.assert_allclose(adjusted(data, covariates=covariates), expected, rtol=0, atol=1e-10)


def sites(n=(14, 9, 25), p=12, seed=4):
    """Three sites of different size, shift and spread; age differs between them and matters."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(len(n)), n)
    # Halves are exact in the single precision to which neuroCombat rounds covariates.
    age = np.round(2 * (55 + 6 * number + 8 * rng.standard_normal(number.size))) / 2
    shift = rng.standard_normal((len(n), p)) + 1.0
    spread = np.exp(0.4 * rng.standard_normal((len(n), p)))
    values = 10 + 0.1 * age[:, None] + shift[number] + spread[number] * rng.standard_normal((number.size, p))
    site = np.array(["A", "B", "C"])[number]
    sex = np.where(rng.random(number.size) < 0.5, "female", "male")
    return dataset(values, site=site, subgroups={"age": age, "sex": sex})


@pytest.fixture(scope="module")
def ask(neurocombat_python):
    """``ask(data, …)``: (adjusted, new) from one warm neuroCombat, or skip."""
    process = subprocess.Popen(
        [neurocombat_python, ADJUST],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def ask(data, continuous=(), categorical=(), new=None, **options):
        request = {
            "values": data.values.tolist(),
            "batch": data.site.tolist(),
            "continuous": {name: data.subgroups[name].tolist() for name in continuous},
            "categorical": {name: data.subgroups[name].tolist() for name in categorical},
            "options": options,
        }
        if new is not None:
            request["new"] = {"values": new.values.tolist(), "batch": new.site.tolist()}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        return np.array(answer["adjusted"]), None if new is None else np.array(answer["new"])

    yield ask
    process.stdin.close()
    process.wait(timeout=30)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("options", "covariates"),
    [
        ({"parametric": False}, ("age", "sex")),
        ({"parametric": False, "mean_only": True}, ()),
        ({"mean_only": True}, ("age",)),
        ({"eb": False}, ("age", "sex")),
        ({"reference": "B"}, ("age", "sex")),
        ({}, ("age", "sex")),
    ],
    ids=str,
)
def test_neurocombat_itself(ask, options, covariates):
    data = sites()
    theirs = {"ref_batch" if name == "reference" else name: value for name, value in options.items()}
    expected, _ = ask(
        data,
        continuous=[name for name in covariates if name == "age"],
        categorical=[name for name in covariates if name == "sex"],
        **theirs,
    )
    found = adjusted(data, covariates=list(covariates), **options)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.oracle
def test_new_cases_of_known_batches_as_neurocombat(ask):
    data = sites()
    train, held = np.arange(48) % 4 > 0, np.arange(48) % 4 == 0
    _, expected = ask(data.rows(train), new=data.rows(held))
    found = fitted(data.rows(train), "combat").apply(data.rows(held)).values
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def spread_between(data, values) -> float:
    """Largest difference of site means, in units of the spread within."""
    means = np.array([values[data.site == one].mean(axis=0) for one in np.unique(data.site)])
    return float((np.ptp(means, axis=0) / values.std(axis=0)).max())


def test_covariates_keep_what_sites_differ_in():
    rng = np.random.default_rng(0)
    number = np.repeat([0, 1], 300)
    age = 50 + 10 * number + 5 * rng.standard_normal(600)
    values = age[:, None] * np.linspace(0.2, 0.4, 8) + 3.0 * number[:, None] + rng.standard_normal((600, 8))
    data = dataset(values, site=np.array(["A", "B"])[number], subgroups={"age": age})

    def slopes(found):
        return np.array([np.polyfit(age, column, 1)[0] for column in found.T])

    np.testing.assert_allclose(
        slopes(adjusted(data, covariates=["age"])), np.linspace(0.2, 0.4, 8), atol=0.03
    )
    assert (slopes(adjusted(data)) < 0.8 * np.linspace(0.2, 0.4, 8)).all()


def test_held_out_cases_neither_change_the_fit_nor_each_other():
    data = sites()
    train = np.arange(48) % 3 > 0
    fit = fitted(data.rows(train), ("combat", {"covariates": ["age"]}))
    whole = fit.apply(data).values
    np.testing.assert_array_equal(whole[train], fit.apply(data.rows(train)).values)
    for i in (0, 20, 45):
        one = fit.apply(data.rows(np.array([i]))).values
        np.testing.assert_allclose(one[0], whole[i], rtol=1e-13)
    assert spread_between(data, whole) < 0.75 * spread_between(data, data.values)


def test_a_new_site_learns_from_a_small_sample_of_its_own():
    """A fourth site with a known shift and spread; shrinkage makes the small sample less wrong."""
    rng = np.random.default_rng(11)
    p = 300
    number = np.repeat([0, 1, 2], 40)
    shift = np.array([[0.0], [1.5], [-1.0]]) + 0.2 * rng.standard_normal((3, p))
    train = dataset(shift[number] + rng.standard_normal((120, p)), site=np.array(["A", "B", "C"])[number])
    own_shift, own_spread = 2.0 + 0.2 * rng.standard_normal(p), 1.5
    truth = rng.standard_normal((2008, p))
    values = own_shift + own_spread * truth
    site = dataset(values, site=["D"] * 2008)
    small, rest = site.rows(np.arange(8)), site.rows(np.arange(8, 2008))
    target = np.average(shift, axis=0) + truth[8:]

    def error(**options):
        fit = fitted(train, ("combat", options)).steps[0].with_batch("D", small)
        return np.sqrt(((fit.apply(rest).values - target) ** 2).mean())

    untouched = np.sqrt(((rest.values - target) ** 2).mean())
    shrunk, plain = error(), error(eb=False)
    assert shrunk < 0.2 * untouched
    assert shrunk < 0.7 * plain
    # With many cases the new site lies where the others do.
    fit = fitted(train, "combat").steps[0].with_batch("D", rest)
    assert np.abs(fit.apply(rest).values.mean(axis=0) - fit.standard.grand).max() < 0.02
    assert "D was added from 2000 cases" in fit.told


def test_sites_that_were_not_trained_on():
    data = sites()
    new = replace(data, site=np.array(["Z"] * 48))
    with pytest.raises(TrainingError, match='"Z" was not among the training cases'):
        fitted(data, "combat").apply(new)
    left = fitted(data, ("combat", {"unknown": "as_is"})).apply(new)
    np.testing.assert_array_equal(left.values, new.values)
    sampled = fitted(data, ("combat", {"unknown": "sample"}))
    learnt = fitted(data, "combat").steps[0].with_batch("Z", new)
    np.testing.assert_array_equal(sampled.apply(new).values, learnt.apply(new).values)
    with pytest.raises(TrainingError, match="has 3 complete cases"):
        sampled.apply(new.rows(np.arange(3)))
    with pytest.raises(TrainingError, match="known already"):
        fitted(data, "combat").steps[0].with_batch("A", new)


def test_the_outcome_is_not_looked_at():
    data = sites()
    other = replace(data, outcome=replace(data.outcome, labels=1 - data.outcome.labels))
    np.testing.assert_array_equal(adjusted(data), adjusted(other))


@pytest.mark.parametrize("name", ["grade", "copy", "clinical:copy"])
def test_the_outcome_as_covariate_is_refused(name):
    data = sites()
    data = replace(data, subgroups={**data.subgroups, "copy": data.outcome.labels.astype(float)})
    data = dataset(
        np.column_stack([data.values, data.outcome.labels]),
        columns=(*data.columns, "clinical:copy"),
        site=data.site,
        subgroups=data.subgroups,
    )
    with pytest.raises(TrainingError, match="outcome"):
        fitted(data, ("combat", {"covariates": [name]}))


def test_faults():
    data = sites()
    with pytest.raises(TrainingError, match="one site"):
        fitted(data.rows(data.site == "A"), "combat")
    lone = data.rows(np.r_[0:14, 14:15, 23:48])
    with pytest.raises(TrainingError, match="site B has 1 training case"):
        fitted(lone, "combat")
    fitted(lone, ("combat", {"mean_only": True}))
    with pytest.raises(TrainingError, match="some are unknown"):
        fitted(replace(data, site=None), "combat")
    with pytest.raises(TrainingError, match="cannot be told apart"):
        fitted(
            replace(data, subgroups={"scanner": (data.site == "A").astype(float)}),
            ("combat", {"covariates": ["scanner"]}),
        )
    gap = data.values.copy()
    gap[3, 2] = np.nan
    with pytest.raises(TrainingError, match="first f2"):
        fitted(replace(data, values=gap), "combat")
    with pytest.raises(TrainingError, match="neither a column nor a subgroup"):
        fitted(data, ("combat", {"covariates": ["weight"]}))
    with pytest.raises(TrainingError, match="two features"):
        fitted(data.features(("f0",)), "combat")
    fitted(data.features(("f0",)), ("combat", {"eb": False}))


def test_constant_and_clinical_columns_stay_as_they_are():
    data = sites()
    values = np.column_stack([data.values, np.full(48, 3.7), np.arange(48.0)])
    wider = dataset(values, columns=(*data.columns, "flat", "clinical:age"), site=data.site)
    found = fitted(wider, "combat")
    after = found.apply(wider).values
    np.testing.assert_array_equal(after[:, 12:], values[:, 12:])
    np.testing.assert_allclose(after[:, :12], adjusted(data), rtol=1e-13)


def test_affine_form_and_gaps():
    data = sites()
    fit = fitted(data, "combat").steps[0]
    for name in "ABC":
        shift, factor = fit.affine(name)
        part = data.rows(data.site == name)
        np.testing.assert_allclose(shift + factor * part.values, fit.apply(part).values, rtol=1e-12)
    gap = data.values.copy()
    gap[5, 1] = np.nan
    after = fit.apply(replace(data, values=gap)).values
    assert np.isnan(after[5, 1]) and np.isnan(after).sum() == 1


def test_many_cases_do_not_underflow_without_a_parametric_prior():
    rng = np.random.default_rng(0)
    number = np.arange(4000) % 2
    values = rng.standard_normal((4000, 6)) * 3 + 2 * number[:, None]
    found = adjusted(dataset(values, site=np.array(["A", "B"])[number]), parametric=False)
    assert np.isfinite(found).all()
    assert np.abs(found[number == 0].mean(0) - found[number == 1].mean(0)).max() < 0.3


def test_unknown_covariates_count_as_the_mean():
    data = sites()
    fit = fitted(data, ("combat", {"covariates": ["age", "sex"]}))
    age = data.subgroups["age"].copy()
    age[0] = np.nan
    sex = data.subgroups["sex"].copy()
    sex[1] = "other"
    found = fit.apply(replace(data, subgroups={"age": age, "sex": sex})).values
    assert np.isfinite(found).all()
    age[0] = age[1:].mean() * 47 / 48 + data.subgroups["age"][0] / 48
    mean = fit.apply(replace(data, subgroups={"age": age, "sex": sex})).values
    np.testing.assert_allclose(found[0], mean[0], rtol=1e-12)


@pytest.fixture(scope="module")
def kernels(data_dir):
    """Features of lung CT, reconstructed with smooth and sharp kernels: a real batch effect."""
    openpyxl = pytest.importorskip("openpyxl")
    folder = data_dir / "tables" / "nsclc_combat"
    if not folder.is_dir():
        pytest.skip("The NSCLC tables are not there.")
    sheet = openpyxl.load_workbook(folder / "Sandy-CT-parameters.xlsx", read_only=True).active
    kernel = {row[0]: row[3] for row in list(sheet.iter_rows(values_only=True))[1:] if row[3] is not None}
    with open(folder / "Sandy-Captk.csv", encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["SubjectID"] in kernel]

    def number(text: str) -> float:
        try:
            return float(text)
        except ValueError:  # an empty cell, or "#NAME?"
            return np.nan

    columns = [name for name in rows[0] if name != "SubjectID"]
    values = np.array([[number(row[name]) for name in columns] for row in rows])
    site = [f"kernel {kernel[row['SubjectID']]}" for row in rows]
    data = dataset(values, columns=columns, site=site)
    return fitted(data, "impute", "variance", "scale").apply(data)


def apart(data) -> float:
    """Share of features whose mean differs between batches (analysis of variance, p < 0.05)."""
    groups = [data.values[data.site == one] for one in np.unique(data.site)]
    return float((f_oneway(*groups).pvalue < 0.05).mean())


def test_a_real_batch_effect_is_taken_out(kernels):
    assert len(kernels.cases) == 167 and apart(kernels) > 0.3
    assert apart(replace(kernels, values=adjusted(kernels))) < 0.03


@pytest.mark.oracle
def test_neurocombat_itself_on_real_features(kernels, ask):
    """Skewed and heavy-tailed features: scaled to deviation 1, some reach 10."""
    for options in ({}, {"parametric": False}):
        expected, _ = ask(kernels, **options)
        np.testing.assert_allclose(adjusted(kernels, **options), expected, rtol=0, atol=1e-10)
