"""The chain of steps: what it may look at, what it refuses, and imputing, scaling, variance, correlation."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest
from steps_support import dataset, fitted, planted
from virtualbiopsy.errors import TrainingError
from virtualbiopsy.training.dataset import Outcome, Repeats
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.steps import STEPS, fit_steps, make_step

EVERY_STEP = (
    "impute",
    "combat",
    "icc",
    ("variance", {"threshold": 0.1}),
    "scale",
    ("correlation", {"threshold": 0.8}),
    ("select_k_best", {"k": 40, "score": "mann_whitney"}),
    ("forest_importance", {"k": 20, "trees": 20}),
    ("mrmr", {"k": 12}),
    "lasso",
)


def messy(n: int = 90, p: int = 60, seed: int = 0):
    """Cases of 60 patients from three sites, with gaps, a constant column and repeated measurements."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, p)) + (np.arange(n) % 3)[:, None]
    values[:, 5] = 1.0
    labels = (values[:, 3] + rng.standard_normal(n) > values[:, 3].mean()).astype(int)
    repeats = values[:, None, :] + 0.3 * rng.standard_normal((n, 2, p))
    values[rng.random((n, p)) < 0.05] = np.nan
    patients = [f"p{i // 3 * 2 + (i % 3 > 0)}" for i in range(n)]
    return dataset(
        values,
        labels,
        patients=patients,
        site=np.array(["A", "B", "C"])[np.arange(n) % 3],
        repeats=Repeats("two readers", repeats),
    )


class Sealed(Outcome):
    """An outcome that must not be looked at."""

    def __getattribute__(self, name):
        if name in ("labels", "time", "classes"):
            raise AssertionError(f"{name} was looked at")
        return object.__getattribute__(self, name)

    def rows(self, chosen):
        return self


def sealed(data):
    return replace(data, outcome=Sealed("binary", "grade", (), np.zeros(0)))


def test_every_kind_is_there_and_in_the_chain():
    kinds = {one if isinstance(one, str) else one[0] for one in EVERY_STEP}
    assert kinds == set(STEPS)
    found = fitted(messy(), *EVERY_STEP)
    assert found.kinds == tuple(one if isinstance(one, str) else one[0] for one in EVERY_STEP)
    assert len(found.told) == len(found.steps) == len(EVERY_STEP)
    assert all(one.endswith(".") for one in found.told)
    assert "f3" in found.columns and "f5" not in found.columns
    assert found.apply(messy()).columns == found.columns


def test_held_out_rows_and_their_outcome_do_not_reach_the_fit():
    data = messy()
    train = np.isin(data.patients, np.unique(data.patients)[:40])
    rng = np.random.default_rng(5)
    spoiled = data.values.copy()
    spoiled[~train] = 1e3 * rng.standard_normal(spoiled[~train].shape)
    labels = data.outcome.labels.copy()
    labels[~train] = 1 - labels[~train]
    again = data.repeats.values.copy()
    again[~train] = 0.0
    other = replace(
        data,
        values=spoiled,
        outcome=replace(data.outcome, labels=labels),
        repeats=Repeats("two readers", again),
    )
    one, two = (fitted(d.rows(train), *EVERY_STEP) for d in (data, other))
    assert one.columns == two.columns and one.told == two.told
    np.testing.assert_array_equal(one.apply(data.rows(train)).values, two.apply(data.rows(train)).values)


def test_applying_does_not_look_at_the_outcome_nor_at_other_rows():
    data = messy()
    found = fitted(data, *EVERY_STEP)
    expected = found.apply(data).values
    np.testing.assert_array_equal(found.apply(sealed(data)).values, expected)
    for i in (0, 44, 89):
        one = found.apply(data.rows(np.array([i]))).values
        np.testing.assert_allclose(one[0], expected[i], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("step", ["impute", "combat", "icc", "variance", "scale", "correlation"])
def test_preparation_does_not_look_at_the_outcome(step):
    data = sealed(fitted(messy(), "impute").apply(messy()))
    fitted(data, step)


def test_the_seed_decides_and_nothing_else():
    data = messy()
    chain = (*EVERY_STEP[:6], ("select_k_best", {"k": 5, "score": "mutual_information"}))
    for steps in (EVERY_STEP, chain):
        one, two = (fitted(data, *steps, seed=7) for _ in range(2))
        assert one.columns == two.columns and one.told == two.told
        assert one.steps[-1].scores == two.steps[-1].scores
    forest = ("impute", ("forest_importance", {"trees": 5}))
    assert fitted(data, *forest, seed=1).steps[-1].scores != fitted(data, *forest, seed=2).steps[-1].scores


def test_rows_in_another_order_give_the_same_selection():
    """Where nothing is drawn."""
    data = messy()
    order = np.random.default_rng(0).permutation(len(data.cases))
    steps = [one for one in EVERY_STEP if one != "lasso" and one[0] != "forest_importance"]
    assert fitted(data, *steps).columns == fitted(data.rows(order), *steps).columns


def test_steps_as_a_recipe_states_them():
    text = """
    [[steps]]
    kind = "select_k_best"
    k = 4
    keep = "f1"
    [[steps]]
    kind = "combat"
    covariates = ["age"]
    """
    specs = [Spec(one.pop("kind"), one) for one in tomllib.loads(text)["steps"]]
    first, second = (make_step(spec) for spec in specs)
    assert (first.k, first.keep, second.covariates) == (4, ("f1",), ("age",))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Spec("wash"), 'no step "wash".*impute'),
        (Spec("scale", {"kinds": "zscore"}), 'no option "kinds".*kind'),
        (Spec("scale", {"kind": "log"}), 'no kind "log".*robust'),
        (Spec("impute", {"strategy": "guess"}), 'no strategy "guess"'),
        (Spec("select_k_best", {"score": "chi"}), 'no score "chi"'),
        (Spec("select_k_best", {"k": 0}), "k of 1 or more"),
        (Spec("combat", {"batch": "town"}), 'no batch "town"'),
        (Spec("icc", {"form": "4,1"}), 'no form "4,1"'),
        (Spec("lasso", {"rule": "max"}), 'no rule "max"'),
    ],
    ids=lambda one: one.kind if isinstance(one, Spec) else "",
)
def test_unknown_steps_and_options_are_named(spec, message):
    with pytest.raises(TrainingError, match=message):
        fit_steps([spec], messy(), np.random.default_rng(0))


@pytest.mark.parametrize("step", ["correlation", "select_k_best", "mrmr", "lasso", "forest_importance"])
def test_gaps_are_refused_by_name(step):
    options = {"prefer": "outcome"} if step == "correlation" else {}
    with pytest.raises(TrainingError, match=f'"{step}" needs complete values'):
        fitted(messy(), (step, options))
    constant = replace(messy(), outcome=replace(messy().outcome, labels=np.ones(90, dtype=int)))
    with pytest.raises(TrainingError, match="same grade"):
        fitted(constant, "impute", (step, options))


def test_missing_columns_are_named():
    found = fitted(messy(), "impute")
    with pytest.raises(TrainingError, match="1 columns are missing, the first is f7"):
        found.apply(messy().features([name for name in messy().columns if name != "f7"]))


def test_clinical_columns_survive_selection():
    rng = np.random.default_rng(0)
    data = planted("binary")
    data = dataset(
        np.column_stack([data.values, rng.standard_normal(160)]),
        data.outcome.labels,
        columns=(*data.columns, "clinical:age"),
    )
    for step in (("select_k_best", {"k": 2}), ("mrmr", {"k": 2}), "lasso", ("forest_importance", {"k": 2})):
        assert fitted(data, step).columns[-1] == "clinical:age"
    assert "clinical:age" not in fitted(data, ("select_k_best", {"k": 2, "keep": []})).columns


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
def test_filling_equals_scikit_learn(strategy):
    from sklearn.impute import SimpleImputer

    rng = np.random.default_rng(1)
    values = rng.integers(0, 6, (40, 5)).astype(float)
    values[rng.random((40, 5)) < 0.2] = np.nan
    train, held = dataset(values[:30]), dataset(values[30:])
    expected = SimpleImputer(strategy=strategy).fit(values[:30]).transform(values[30:])
    found = fitted(train, ("impute", {"strategy": strategy}))
    np.testing.assert_array_equal(found.apply(held).values, expected)
    assert (
        found.step("impute").values["f0"] == SimpleImputer(strategy=strategy).fit(values[:30]).statistics_[0]
    )


def test_filling_from_neighbours_uses_like_cases_of_the_training_part():
    rng = np.random.default_rng(1)
    base = rng.standard_normal(200)
    values = np.column_stack([base, 100 * base + rng.standard_normal(200), 0.01 * base])
    truth = values[150:, 1].copy()
    values[150:, 1] = np.nan
    train, held = dataset(values[:150]), dataset(values[150:])
    near = fitted(train, ("impute", {"strategy": "knn"})).apply(held).values[:, 1]
    mean = fitted(train, "impute").apply(held).values[:, 1]
    assert np.abs(near - truth).mean() < 0.2 * np.abs(mean - truth).mean()


def test_columns_with_too_many_gaps_are_left_out():
    values = np.ones((10, 3))
    values[:6, 1] = np.nan
    values[:, 2] = np.inf
    assert fitted(dataset(values), "impute").columns == ("f0", "f1")
    found = fitted(dataset(values), ("impute", {"max_missing": 0.5, "strategy": "constant", "fill": -1}))
    assert found.columns == ("f0",) and "left out 2 columns" in found.told[0]
    with pytest.raises(TrainingError, match="No column"):
        fitted(dataset(np.full((4, 2), np.nan)), "impute")


@pytest.mark.parametrize("kind", ["zscore", "robust", "minmax"])
def test_scaling_equals_scikit_learn(kind):
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    scaler = {"zscore": StandardScaler, "robust": RobustScaler, "minmax": MinMaxScaler}[kind]()
    values = np.random.default_rng(0).lognormal(size=(50, 4)) * [1, 1e6, 1e-6, 1]
    values[:, 3] = 0.1
    expected = scaler.fit(values[:35]).transform(values[35:])
    found = fitted(dataset(values[:35]), ("scale", {"kind": kind}))
    np.testing.assert_allclose(found.apply(dataset(values[35:])).values, expected, rtol=1e-12, atol=1e-12)
    assert "1 have no spread" in found.told[0]


def test_cut_of_scaled_values():
    values = np.random.default_rng(0).standard_normal((100, 2))
    found = fitted(dataset(values), ("scale", {"clip": 2.0}))
    far = found.apply(dataset(50 * values)).values
    assert np.abs(far).max() == 2.0


def test_variance():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 4)) * [1.0, 0.1, 1e-3, 0.0] + [0, 0, 0, 1e9]
    assert fitted(dataset(values), "variance").columns == ("f0", "f1", "f2")
    found = fitted(dataset(values), ("variance", {"threshold": 0.005}))
    assert found.columns == ("f0", "f1")
    assert found.steps[0].scores["f1"] == pytest.approx(values[:, 1].var(), rel=1e-12)
    # In 0…1 units do not matter: three columns of the same shape stay or go together.
    relative = fitted(dataset(values), ("variance", {"threshold": 0.005, "of": "range"}))
    assert relative.columns == ("f0", "f1", "f2")
    gap = values.copy()
    gap[::3, 0] = np.nan
    assert fitted(dataset(gap), "variance").steps[0].scores["f0"] == pytest.approx(np.nanvar(gap[:, 0]))
    with pytest.raises(TrainingError, match="variance above 5"):
        fitted(dataset(values), ("variance", {"threshold": 5.0}))


def test_correlation():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 300))
    # f1 is a strictly rising function of f0: rank correlation 1, Pearson's below.
    values = np.column_stack([a, np.exp(3 * a), b, a + 0.1 * b, np.ones(300)])
    labels = (a + rng.standard_normal(300) > 0).astype(int)
    data = dataset(values, labels)
    assert fitted(data, ("correlation", {"prefer": "first"})).columns == ("f0", "f2", "f4")
    pearson = fitted(data, ("correlation", {"prefer": "first", "method": "pearson"}))
    assert pearson.columns == ("f0", "f1", "f2", "f4")
    kept = fitted(data, ("correlation", {"prefer": "outcome"}))
    scores = kept.steps[0].scores
    like = [name for name in ("f0", "f1", "f3") if name in kept.columns]
    assert like == [max(("f0", "f1", "f3"), key=scores.get)]


def test_no_two_kept_columns_are_too_alike():
    rng = np.random.default_rng(4)
    values = rng.standard_normal((80, 6)) @ rng.standard_normal((6, 60)) + 0.3 * rng.standard_normal((80, 60))
    from scipy.stats import spearmanr

    for prefer in ("first", "independent", "outcome"):
        data = dataset(values)
        found = fitted(data, ("correlation", {"threshold": 0.7, "prefer": prefer}))
        kept = found.apply(data).values
        alike = np.abs(spearmanr(kept).statistic) - np.eye(kept.shape[1])
        assert alike.max() <= 0.7
        # None was left out without a reason.
        every = np.abs(spearmanr(values).statistic)
        at = [data.columns.index(name) for name in found.columns]
        gone = np.setdiff1d(np.arange(60), at)
        assert (every[np.ix_(gone, at)].max(axis=1) > 0.7).all()
