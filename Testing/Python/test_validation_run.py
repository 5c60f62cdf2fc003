"""Running a method: nested options, held-out scores, faults of parts, evaluation, subgroups, comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from validation_samples import PARTS, best_columns, dataset, fit_steps, make_estimator, method, planted
from virtualbiopsy.errors import Cancelled, TrainingError
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.training.metrics import auc
from virtualbiopsy.training.reports.adapt_tests import comparisons_of
from virtualbiopsy.training.reports.names import comparison_words
from virtualbiopsy.training.validation.compare import Comparison, column_sets, compare, holm
from virtualbiopsy.training.validation.evaluate import evaluate
from virtualbiopsy.training.validation.external import hold_out
from virtualbiopsy.training.validation.fitting import fit_method, with_options
from virtualbiopsy.training.validation.parts import Parts
from virtualbiopsy.training.validation.run import validate
from virtualbiopsy.training.validation.sample_size import require_events, sample_size
from virtualbiopsy.training.validation.splits import Split, make_splits
from virtualbiopsy.training.validation.store import PartStore, run_digest
from virtualbiopsy.training.validation.subgroups import members, restricted


def fit(data, chosen, seed=0, parts=PARTS):
    return fit_method(chosen, data, np.random.default_rng(seed), parts)


# ---- fitting


def test_the_inner_folds_choose_the_option_that_ranks_best():
    data = planted(n=150, p=60, effect=0.9)
    grid = {"select_k_best.k": (2, 60)}
    fitted = fit(data, method(select=2, grid=grid))
    assert fitted.options == {"select_k_best.k": 2}
    assert set(fitted.columns) == {"f0", "f1"}
    assert "chose select_k_best.k = 2 of 2 in 3 inner folds" in fitted.told
    assert 0.6 < fitted.inner_score < 0.95
    noise = fit(planted(n=150, p=60, effect=0.9), method(select=2, grid={"l2": (1.0, 1e9)}))
    assert noise.method.estimator.options["l2"] in (1.0, 1e9)


def test_options_go_into_estimator_and_steps():
    chosen = with_options(method(select=5), {"l2": 3.0, "select_k_best.k": 4})
    assert chosen.estimator.options == {"l2": 3.0}
    assert chosen.steps[1].options == {"k": 4}
    with pytest.raises(TrainingError, match="no step 'mrmr'"):
        with_options(method(), {"mrmr.k": 4})


def test_calibration_and_threshold_come_from_held_out_cases():
    """200 columns of noise: scores of the fitted cases are far apart, those of others say nothing."""
    data = planted(n=100, p=200, effect=0.0)
    plain, platt = fit(data, method(l2=0.01)), fit(data, method(l2=0.01, calibration="platt"))
    on_fitted = np.ptp(plain.score(data))
    assert np.ptp(platt.score(data)) < 0.5 * on_fitted
    fresh = planted(n=400, p=200, effect=0.0, seed=1)
    chance = sigmoid(platt.score(fresh))
    assert chance.mean() == pytest.approx(data.outcome.labels.mean(), abs=0.12)
    assert 0.01 <= plain.threshold <= 0.99


def test_a_missing_class_and_too_few_patients_are_refused():
    data = planted()
    with pytest.raises(TrainingError, match="no case of the class low"):
        fit(data.rows(data.outcome.labels == 1), method())
    one = np.append(np.flatnonzero(data.outcome.labels == 0), np.flatnonzero(data.outcome.labels)[:1])
    with pytest.raises(TrainingError, match="two patients of each class"):
        fit(data.rows(one), method())
    several = dataset(np.zeros((6, 2)), [0, 1, 2, 0, 1, 2], kind="multiclass")
    with pytest.raises(TrainingError, match="for two classes"):
        fit(several, method(calibration="platt"))


# ---- running


def test_held_out_cases_are_scored_by_models_that_never_saw_them():
    data = planted(n=60)
    seen = []

    def watching(specs, train, rng):
        seen.append(set(train.cases))
        return fit_steps(specs, train, rng)

    held_out = validate(method(), data, parts=Parts(watching, make_estimator))
    assert held_out.scores().shape == (2, 60) and np.isfinite(held_out.scores()).all()
    per_split = len(seen) // len(held_out.parts)
    for number, part in enumerate(held_out.parts):
        tested = {data.cases[i] for i in part.split.test}
        assert per_split == 4  # three inner folds and the fit itself
        for cases in seen[number * per_split : (number + 1) * per_split]:
            assert not cases & tested
    part = held_out.parts[3]
    alone = fit(data.rows(part.split.train), method(), 0)
    expected = alone.score(data.rows(part.split.test))
    np.testing.assert_allclose(part.scores, expected, atol=1e-9)  # these parts draw no random numbers


def test_a_stopped_run_goes_on_with_the_same_numbers():
    data, chosen = planted(n=60), method(select=3, grid={"l2": (1.0, 10.0)})
    whole = validate(chosen, data, parts=PARTS)
    kept = {}

    def until_third(fraction, message):
        if fraction >= 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        validate(chosen, data, until_third, parts=PARTS, keep=kept.__setitem__)
    assert sorted(kept) == [0, 1, 2]
    fitted = []

    def counting(spec, outcome):
        fitted.append(spec)
        return make_estimator(spec, outcome)

    rest = validate(chosen, data, parts=Parts(fit_steps, counting), known=kept)
    np.testing.assert_array_equal(rest.scores(), whole.scores())
    assert len(fitted) == 7 * 7  # seven parts, two options in three inner folds and the fit


def test_a_patient_on_both_sides_stops_the_run():
    data = planted(n=20, patients=[f"p{i // 2}" for i in range(20)])
    split = Split("mine", 0, np.arange(0, 20, 2), np.arange(1, 20, 2))
    with pytest.raises(TrainingError, match="mine: 10 patients are in training and test"):
        validate(method(), data, parts=PARTS, splits=[split])


# ---- faults of parts


def split_by(data, *tests):
    every = np.arange(len(data.cases))
    return [
        Split(f"part {k + 1}", 0, np.setdiff1d(every, test), np.asarray(test)) for k, test in enumerate(tests)
    ]


def test_a_part_with_one_class_is_reported_and_in_no_mean():
    data = planted(n=60, effect=2.0)
    low, high = np.flatnonzero(data.outcome.labels == 0), np.flatnonzero(data.outcome.labels == 1)
    tests = (low[:8], np.sort(np.append(low[8:14], high[:6])), np.sort(np.append(low[14:20], high[6:12])))
    held_out = validate(method(), data, parts=PARTS, splits=split_by(data, *tests))
    shown = evaluate(held_out, data, bootstraps=50)
    assert shown.faults == ("part 1: all 8 tested cases are of one class (low)",)
    assert np.isnan(shown.parts[0].ranking)
    assert shown.ranked_parts == 2
    by_hand = [
        auc(data.outcome.labels[p.split.test], p.scores) for p in held_out.parts[1:]
    ]  # both have 6 × 6 pairs
    assert shown.figures["auc"].value == pytest.approx(np.mean(by_hand), abs=1e-12)


def test_a_part_that_cannot_be_fitted_is_reported_and_its_cases_are_untested():
    data = planted(n=60)
    high = np.flatnonzero(data.outcome.labels == 1)
    splits = split_by(data, np.arange(0, 20), np.arange(20, 40), np.arange(40, 60))
    splits[1] = replace(splits[1], train=np.setdiff1d(splits[1].train, high))
    held_out = validate(method(), data, parts=PARTS, splits=splits)
    shown = evaluate(held_out, data, bootstraps=50)
    assert shown.faults[0].startswith("part 2: not fitted. There is no case of the class high")
    assert shown.cases == 40 and shown.ranked_parts == 2
    assert np.isnan(held_out.scores()[0, 20:40]).all()
    assert np.isfinite(held_out.scores()[0, :20]).all()


def test_constant_scores_and_constant_features_are_reported():
    data = planted(n=40)
    values = data.values.copy()
    values[10:] = 1.0
    held_out = validate(method(), replace(data, values=values), parts=PARTS, splits=split_by(data, range(10)))
    assert held_out.faults()[0] == "part 1: all features of the training part are constant"
    flat = dataset(np.ones((40, 2)), data.outcome.labels)
    shown = evaluate(validate(method(), flat, parts=PARTS, splits=split_by(flat, range(20))), flat, 50)
    assert "part 1: the model gave every tested case the same score" in shown.faults
    assert shown.figures["auc"].value == 0.5
    assert np.isnan(shown.figures["calibration_slope"].value)
    assert shown.figures["calibration_slope"].repeats == 0
    assert shown.calibration is None


def test_a_method_that_fails_everywhere_raises():
    chosen = replace(method(), estimator=replace(method().estimator, kind="broken"))
    with pytest.raises(TrainingError, match="in any part.*broken on purpose"):
        validate(chosen, planted(n=40), parts=PARTS)


# ---- evaluation


@pytest.fixture(scope="module")
def evaluated():
    rng = np.random.default_rng(5)
    data = planted(
        n=160,
        effect=1.0,
        patients=[f"p{i // 2}" for i in range(160)],
        subgroups={
            "sex": np.where(rng.random(160) < 0.5, "female", "male"),
            "rare": np.array(["x"] * 5 + ["y"] * 155),
        },
    )
    held_out = validate(method(select=3, repeats=3), data, parts=PARTS)
    return data, held_out, evaluate(held_out, data, bootstraps=300)


def test_every_figure_has_an_interval_that_holds_it(evaluated):
    data, held_out, shown = evaluated
    assert (shown.cases, shown.patients, shown.events) == (160, 80, int(data.outcome.labels.sum()))
    assert len(shown.figures) == 15
    for name, figure in shown.figures.items():
        assert figure.low <= figure.high, name
        assert figure.repeats == figure.of_repeats == 3
        if name not in ("ici",):  # a distance from the ideal grows with every resample
            assert figure.low <= figure.value <= figure.high, name
    assert 0.7 < shown.figures["auc"].value < 0.95
    assert shown.faults == () and shown.ranked_parts == 15 and shown.delong is None
    assert shown.chosen["f0"] == shown.chosen["f1"] == 1.0


def test_figures_are_means_of_what_each_repeat_gives(evaluated):
    data, held_out, shown = evaluated
    metrics = pytest.importorskip("sklearn.metrics")
    y = data.outcome.labels
    probability, called = held_out.probability(), held_out.called()
    expected = {
        "auc_pooled": [metrics.roc_auc_score(y, p) for p in probability],
        "brier": [metrics.brier_score_loss(y, p) for p in probability],
        "log_loss": [metrics.log_loss(y, p) for p in probability],
        "sensitivity": [metrics.recall_score(y, c) for c in called],
        "specificity": [metrics.recall_score(y, c, pos_label=0) for c in called],
        "ppv": [metrics.precision_score(y, c) for c in called],
        "npv": [metrics.precision_score(y, c, pos_label=0) for c in called],
        "accuracy": [metrics.accuracy_score(y, c) for c in called],
        "balanced_accuracy": [metrics.balanced_accuracy_score(y, c) for c in called],
    }
    for name, values in expected.items():
        assert shown.figures[name].value == pytest.approx(np.mean(values), abs=1e-12), name
    counts = np.mean([metrics.confusion_matrix(y, c) for c in called], axis=0)
    np.testing.assert_allclose(shown.confusion.counts, counts)


def test_curves_of_the_evaluation(evaluated):
    data, held_out, shown = evaluated
    roc = shown.roc
    assert roc.tpr[0] == 0 and roc.tpr[-1] == 1 and (np.diff(roc.tpr) >= 0).all()
    assert (roc.low <= roc.tpr + 1e-9).all() and (roc.tpr <= roc.high + 1e-9).all()
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(shown.figures["auc_pooled"].value, abs=0.02)
    line = shown.calibration
    assert line.probabilities.size == 480 and (line.low <= line.high).all()
    assert shown.decision.thresholds.size == 100
    assert (shown.decision.low[5:60] <= shown.decision.model[5:60] + 1e-9).all()


def test_subgroups_have_figures_or_the_reason_why_not(evaluated):
    data, held_out, shown = evaluated
    lines = {(line.variable, line.value): line for line in shown.subgroups}
    female = lines["sex", "female"]
    rows = data.subgroups["sex"] == "female"
    assert female.cases == rows.sum() and "auc" in female.figures
    y = data.outcome.labels[rows]
    pooled = np.mean([auc(y, s[rows]) for s in held_out.scores()])
    assert female.figures["auc_pooled"].value == pytest.approx(pooled, abs=1e-12)
    rare = lines["rare", "x"]
    assert rare.figures == {} and rare.note.startswith("only ")


def test_numbers_are_halved_at_their_median():
    ages = np.array([30.0, 40, 50, 60, 70, 80, 90, 100, 110, np.nan])
    found = members(ages)
    assert list(found) == ["≤ 70", "> 70"]
    assert found["≤ 70"].sum() == 5 and found["> 70"].sum() == 4
    assert list(members(np.array([1.0, 2.0, 3.0, np.nan]))) == ["1", "2", "3"]
    assert list(members(np.array(["a", "", "b"]))) == ["a", "b"]


def test_restricted_scores_are_those_of_the_members(evaluated):
    data, held_out, _ = evaluated
    rows = np.arange(160) < 40
    part = restricted(held_out, rows)
    assert np.isnan(part.scores()[:, 40:]).all()
    np.testing.assert_array_equal(part.scores()[:, :40], held_out.scores()[:, :40])


def test_one_model_for_all_cases_has_delongs_interval():
    split = np.array(["train"] * 80 + ["test"] * 80)
    data = planted(n=160, split=split)
    shown = evaluate(validate(method(scheme="split"), data, parts=PARTS), data, bootstraps=400)
    assert shown.delong.auc == pytest.approx(shown.figures["auc"].value, abs=1e-12)
    assert shown.delong.low == pytest.approx(shown.figures["auc"].low, abs=0.04)
    assert shown.delong.high == pytest.approx(shown.figures["auc"].high, abs=0.04)
    assert shown.cases == 80


@pytest.mark.parametrize("kind", ["ordinal", "multiclass"])
def test_several_classes(kind):
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 150)
    values = rng.normal(size=(150, 5))
    values[:, 0] += 1.5 * labels
    values[:, 1] += 2.0 * (labels == 1)
    data = dataset(values, labels, kind=kind)
    shown = evaluate(validate(method(), data, parts=PARTS), data, bootstraps=100)
    names = {
        "ordinal": ("auc_cut_1", "auc_cut_2", "quadratic_kappa"),
        "multiclass": ("auc_1", "auc_3", "brier"),
    }
    for name in (*names[kind], "mean_auc", "accuracy"):
        figure = shown.figures[name]
        assert figure.low < figure.value < figure.high, name
    assert shown.figures["mean_auc"].value > 0.7
    assert shown.confusion.counts.sum() == pytest.approx(150)
    assert shown.roc is None and shown.decision is None


def test_survival():
    rng = np.random.default_rng(7)
    values = rng.normal(size=(150, 4))
    time = rng.exponential(np.exp(-values[:, 0])) + 0.01
    data = dataset(values, rng.random(150) < 0.7, time=time)
    shown = evaluate(validate(method(), data, parts=PARTS), data, bootstraps=100)
    figure = shown.figures["concordance"]
    assert list(shown.figures) == ["concordance", "calibration_slope"]
    assert 0.6 < figure.low < figure.value < figure.high < 0.9
    assert shown.confusion is None and shown.events == int(data.outcome.labels.sum())


# ---- comparison


def test_clinical_radiomic_and_combined_on_the_same_folds():
    data = planted(n=160, p=6, effect=1.2)
    data = replace(data, columns=("clinical:age", "f1", "f2", "f3", "f4", "clinical:sex"))
    values = data.values.copy()
    values[:, 0] = np.random.default_rng(1).normal(size=160)  # age says nothing
    found = compare(method(bootstraps=300), replace(data, values=values), parts=PARTS)
    assert [c.name for c in found.candidates] == ["clinical", "radiomic", "combined"]
    assert found.candidates[0].columns == ("clinical:age", "clinical:sex")
    for c in found.candidates[1:]:
        for ours, first in zip(c.held_out.parts, found.candidates[0].held_out.parts, strict=True):
            assert (ours.split.test == first.split.test).all()
    by_pair = {(d.first, d.second): d for d in found.differences}
    gain = by_pair["clinical", "radiomic"]
    clinical, radiomic = (found.candidates[k].evaluation.figures["auc"].value for k in (0, 1))
    assert gain.figures["auc"].value == pytest.approx(clinical - radiomic, abs=1e-12)
    assert gain.figures["auc"].high < 0 and gain.delong.p < 0.001 and gain.p_holm < 0.003
    same = by_pair["radiomic", "combined"].figures["auc"]
    assert same.low < 0 < same.high
    assert same.high - same.low < gain.figures["auc"].high - gain.figures["auc"].low  # paired
    assert found.left_out == ()


def test_a_candidate_without_signal_is_named_beside_the_p():
    data = planted(n=160, p=6, effect=1.2)
    data = replace(data, columns=("clinical:age", "f1", "f2", "f3", "f4", "clinical:sex"))
    values = data.values.copy()
    values[:, [0, 5]] = np.random.default_rng(4).normal(size=(160, 2))
    by_pair = {
        (d.first, d.second): d
        for d in compare(method(bootstraps=300), replace(data, values=values), parts=PARTS).differences
    }
    gain = by_pair["clinical", "radiomic"]
    assert gain.delong.p < 0.001 and gain.note.startswith("Not better than chance: clinical (AUC 0.")
    assert "radiomic (" not in gain.note and by_pair["radiomic", "combined"].note == ""
    noise = np.random.default_rng(2).normal(size=values.shape)
    neither = compare(method(bootstraps=300), replace(data, values=noise), parts=PARTS).differences[0]
    assert "clinical (AUC" in neither.note and "and radiomic (AUC" in neither.note
    (shown, *_) = comparisons_of(Comparison((), (neither,), ()))
    assert comparison_words(shown).endswith(f". {neither.note}")


def test_parts_that_one_candidate_lacks_are_left_out_of_all_differences():
    data = planted(n=60, p=4)

    def sometimes(specs, train, rng):
        if train.columns == ("f0",) and len(train.cases) > 40 and "case000" not in train.cases:
            raise TrainingError("without case000")
        return fit_steps(specs, train, rng)

    sets = {"one": ("f0",), "all": data.columns}
    found = compare(method(repeats=1, inner_folds=2), data, sets, parts=Parts(sometimes, make_estimator))
    held_out = found.candidates[1].held_out
    without = [p.split.name for p in held_out.parts if 0 in p.split.test]
    assert found.left_out == tuple(without) and len(without) == 1
    assert all(p.scores is not None for p in held_out.parts)
    kept = [p for p in held_out.parts if p.split.name not in found.left_out]
    won = [auc(data.outcome.labels[p.split.test], p.scores) for p in kept]
    pairs = [(n := data.outcome.labels[p.split.test].sum()) * (p.split.test.size - n) for p in kept]
    (gain,) = found.differences
    first = found.candidates[0].evaluation.figures["auc"].value
    assert first - gain.figures["auc"].value == pytest.approx(np.average(won, weights=pairs), abs=1e-12)


def test_a_set_may_have_a_method_of_its_own_on_the_same_splits():
    data = planted(n=60, p=6)
    sets = {"chosen": data.columns, "stated": data.columns[:2]}
    base = method(select=3, bootstraps=50)
    found = compare(base, data, sets, methods={"stated": method(seed=99)}, parts=PARTS)
    chosen, stated = (c.held_out.parts for c in found.candidates)
    assert all(len(p.columns) == 3 for p in chosen) and all(len(p.columns) == 2 for p in stated)
    assert all((a.split.test == b.split.test).all() for a, b in zip(chosen, stated, strict=True))


def test_column_sets_and_holm():
    assert column_sets(("a", "b")) == {"radiomic": ("a", "b")}
    assert column_sets(("clinical:age",)) == {"clinical": ("clinical:age",)}
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    corrected = holm([0.6, float("nan"), 0.7])
    assert corrected[0] == corrected[2] == 1.0 and np.isnan(corrected[1])


# ---- sample size


def test_events_per_candidate():
    data = planted(n=100, p=10)
    labels = np.array([1] * 30 + [0] * 70)
    data = replace(data, outcome=replace(data.outcome, labels=labels))
    size = sample_size(data, method(select=3), PARTS)
    assert (size.events, size.candidates, size.verdict) == (30, 10, "too few")  # selection comes after
    assert size.per_candidate == 3.0
    with pytest.raises(TrainingError, match="at most 6 candidate"):
        require_events(size)
    for columns, verdict in ((6, "few"), (4, "few"), (3, "enough"), (7, "too few")):
        found = sample_size(data.features(data.columns[:columns]), method(), PARTS)
        assert found.verdict == verdict
    require_events(sample_size(data.features(data.columns[:6]), method(), PARTS))


def test_blind_reduction_does_not_count_and_patients_count_once():
    values = np.random.default_rng(0).normal(size=(60, 5))
    values[:, 3:] = 1.0
    data = dataset(values, [1] * 30 + [0] * 30, [f"p{i // 2}" for i in range(60)])
    chosen = method()
    blind = replace(chosen, steps=(replace(chosen.steps[0], kind="variance"), *chosen.steps))
    size = sample_size(data, blind, PARTS)
    assert (size.offered, size.candidates, size.events) == (5, 3, 15)
    assert size.verdict == "few" and "15 events for 3 candidate predictors (of 5 offered)" in size.sentence
    timed = dataset(values, [1] * 10 + [0] * 50, time=np.arange(60.0) + 1)
    assert sample_size(timed, method(), PARTS).events == 10


def test_the_planted_columns_are_the_ones_that_selection_finds():
    assert best_columns(planted(n=200, effect=1.5), 2).tolist() == [0, 1]


# ---- external cases, and runs on disk


def test_external_cases_are_scored_by_the_fitted_method():
    data = planted(n=120)
    other = planted(n=80, seed=1)
    other = replace(other, patients=np.array([f"other{i}" for i in range(80)]))
    fitted = fit(data, method(select=3))
    shown = evaluate(hold_out(fitted, other, data), other, bootstraps=100)
    assert (shown.cases, shown.parts[0].name) == (80, "external")
    assert shown.figures["auc"].value == pytest.approx(
        auc(other.outcome.labels, fitted.score(other)), abs=1e-12
    )
    assert shown.delong is not None
    with pytest.raises(TrainingError, match="80 patients of the external cases were trained on"):
        hold_out(fitted, planted(n=80, seed=1), data)
    with pytest.raises(TrainingError, match="other classes"):
        hold_out(fitted, replace(other, outcome=replace(other.outcome, classes=("a", "b"))), data)


def test_a_run_on_disk_goes_on_after_a_kill_at_any_byte(tmp_path):
    data, chosen = planted(n=40), method(select=3, repeats=1)
    splits = make_splits(data, chosen.validation)
    digest = run_digest(chosen, data, splits)
    path = tmp_path / "parts.jsonl"

    def run(store):
        new = []

        def keep(number, part):
            new.append(number)
            store.keep(number, part)

        return validate(chosen, data, parts=PARTS, splits=splits, known=store.known, keep=keep), new

    whole, new = run(PartStore(path, digest, splits))
    assert new == [0, 1, 2, 3, 4]
    written = path.read_bytes()
    again, new = run(PartStore(path, digest, splits))
    assert new == []
    for cut in range(0, len(written), 97):
        path.write_bytes(written[:cut])
        again, new = run(PartStore(path, digest, splits))
        np.testing.assert_array_equal(again.scores(), whole.scores())
        assert [p.threshold for p in again.parts] == [p.threshold for p in whole.parts]
        assert len(new) == 5 - max(written[:cut].count(b"\n") - 1, 0)
        assert path.read_bytes().count(b"\n") == 6


def test_parts_of_another_run_are_not_used(tmp_path):
    data, chosen = planted(n=40), method(repeats=1)
    splits = make_splits(data, chosen.validation)
    digest = run_digest(chosen, data, splits)
    store = PartStore(tmp_path / "parts.jsonl", digest, splits)
    validate(chosen, data, parts=PARTS, splits=splits, keep=store.keep)
    values = data.values.copy()
    values[3, 2] += 1e-9
    others = (
        run_digest(method(repeats=1, l2=2.0), data, splits),
        run_digest(chosen, replace(data, values=values), splits),
        run_digest(chosen, data, splits[::-1]),
    )
    assert len({digest, *others}) == 4
    assert len(PartStore(tmp_path / "parts.jsonl", digest, splits).known) == 5
    assert PartStore(tmp_path / "parts.jsonl", others[0], splits).known == {}
