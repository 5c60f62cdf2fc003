"""From training and validation to a record: nothing is lost or invented, formulas reproduce scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from virtualbiopsy.models.calibration import sigmoid
from virtualbiopsy.training.dataset import BINARY, MULTICLASS, ORDINAL, SURVIVAL, Dataset, Outcome
from virtualbiopsy.training.method import Method, Spec, Validation
from virtualbiopsy.training.reports import adapt_tests
from virtualbiopsy.training.reports.adapt import record_of
from virtualbiopsy.training.reports.adapt_tests import risk_curves
from virtualbiopsy.training.reports.clear import clear_items
from virtualbiopsy.training.reports.drawn import record_figures
from virtualbiopsy.training.reports.evidence import metrics_findings, rqs_findings
from virtualbiopsy.training.reports.html import study_report
from virtualbiopsy.training.reports.linear import linear_of, nomogram_of, weights_of
from virtualbiopsy.training.reports.record import CROSS_VALIDATION, EXTERNAL, Design
from virtualbiopsy.training.validation.compare import compare
from virtualbiopsy.training.validation.evaluate import evaluate
from virtualbiopsy.training.validation.figures import Figure
from virtualbiopsy.training.validation.fitting import fit_method
from virtualbiopsy.training.validation.leak import SITE, Leak
from virtualbiopsy.training.validation.run import validate
from virtualbiopsy.training.validation.sample_size import sample_size

COLUMNS = (
    "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi",
    "adc:tumour:original:statistics:mean:3d:none:ibsi",
    "mask:tumour:original:morphology:volume:3d:none:ibsi",
    "clinical:age",
)
STEPS = (Spec("impute"), Spec("scale"))
DESIGN = Design("Ki-67 of simulated cases", "Ki-67", "Ki-67 ≥ 5 %", simulated=True)


def cases(survival=False, n=90):
    rng = np.random.default_rng(5)
    values = rng.normal(size=(n, 4)) * [1, 200, 3, 10] + [5, 900, 10, 60]
    risk = 1.2 * (values[:, 0] - 5) - 0.005 * (values[:, 1] - 900)
    labels = (rng.random(n) < sigmoid(risk)).astype(int)
    outcome = Outcome(BINARY, "Ki-67", ("Ki-67 < 5 %", "Ki-67 ≥ 5 %"), labels)
    if survival:
        time, lost = rng.exponential(30 * np.exp(-risk)), rng.exponential(60, n)
        seen = (time <= lost).astype(int)
        outcome = Outcome(SURVIVAL, "recurrence", (), seen, np.minimum(time, lost).round(1) + 0.1, "months")
    values[3, 1] = np.nan
    return Dataset(
        tuple(f"case {i}" for i in range(n)),
        np.array([f"patient {i // 2}" for i in range(n)]),
        COLUMNS,
        values,
        outcome,
        site=np.array(["A", "B"])[rng.integers(0, 2, n)],
        provenance=("Drawn with a fixed seed.",),
    )


def method(survival=False):
    estimator = Spec("cox", {"l2": 1.0}) if survival else Spec("logistic", {"penalty": "l2", "C": 1.0})
    settings = Validation(folds=3, repeats=2, inner_folds=3, bootstraps=50)
    return Method(STEPS, estimator, {}, "none" if survival else "platt", settings)


@pytest.fixture(scope="module")
def run():
    data, how = cases(), method()
    held_out = validate(how, data)
    fitted = fit_method(how, data, np.random.default_rng(1))
    compared = compare(how, data)
    record = record_of(
        DESIGN,
        data,
        how,
        {"cross-validation": evaluate(held_out, data, 50), "hospital B": evaluate(held_out, data, 50)},
        fitted=fitted,
        held_out=held_out,
        comparison=compared,
        size=sample_size(data, how),
        leaks=(Leak(SITE, "site", "The site tells the label."),),
        provenance=("features.csv",),
    )
    return data, how, held_out, fitted, record


def test_the_equation_gives_the_scores(run):
    data, _, _, fitted, _ = run
    equation = dict(linear_of(fitted).equation)
    intercept = equation.pop("(intercept)")
    complete = ~np.isnan(data.values).any(axis=1)
    by_hand = intercept + data.features(tuple(equation)).values[complete] @ list(equation.values())
    assert by_hand == pytest.approx(fitted.score(data)[complete], abs=1e-9)


def test_the_points_of_the_nomogram_give_the_probability(run):
    data, _, _, fitted, _ = run
    drawn = nomogram_of(fitted, data)
    complete = ~np.isnan(data.values).any(axis=1)
    total = np.zeros(int(complete.sum()))
    for scale in drawn.scales:
        assert min(scale.points) == pytest.approx(0) and max(scale.points) <= 100 + 1e-9
        values, points = np.array(scale.values), np.array(scale.points)
        slope, shift = np.polyfit(values, points, 1)
        total += slope * data.features((scale.name,)).values[complete, 0] + shift
    (answer,) = drawn.answers
    line = np.polyfit(answer.total_points, np.log(np.array(answer.values) / (1 - np.array(answer.values))), 1)
    # Marks are interpolated on 2001 points of the line of the sum.
    assert sigmoid(np.polyval(line, total)) == pytest.approx(sigmoid(fitted.score(data)[complete]), abs=1e-4)


def test_few_whole_values_are_the_marks_of_their_scale():
    data, how = cases(), method()
    sex = np.random.default_rng(2).integers(0, 2, len(data.cases)).astype(float)
    with_sex = replace(
        data,
        columns=(*data.columns, "clinical:sex"),
        values=np.column_stack([data.values, sex]),
    )
    fitted = fit_method(how, with_sex, np.random.default_rng(1))
    scale = nomogram_of(fitted, with_sex).scales[-1]
    equation = linear_of(fitted).equation
    assert scale.values == (0.0, 1.0) and min(scale.points) == pytest.approx(0)
    wide = nomogram_of(fitted, with_sex).scales[0]
    per_point = (equation[wide.name] * (wide.values[-1] - wide.values[0])) / (
        wide.points[-1] - wide.points[0]
    )
    assert scale.points[1] - scale.points[0] == pytest.approx(equation["clinical:sex"] / per_point)


def test_no_formula_where_there_is_none(run):
    data, how, _, _, _ = run
    forest = replace(how, estimator=Spec("random_forest", {"n_estimators": 5}), calibration="none")
    isotonic = replace(how, calibration="isotonic")
    clipped = replace(how, steps=(Spec("impute"), Spec("scale", {"clip": 3.0})))
    for other in (forest, isotonic, clipped):
        fitted = fit_method(other, data, np.random.default_rng(1))
        assert linear_of(fitted) is None and nomogram_of(fitted, data) is None


def test_the_record_holds_what_is_known(run):
    data, _, _, fitted, record = run
    assert (record.data.cases, record.data.patients, record.data.sites) == (90, 45, 2)
    assert sum(record.data.classes.values()) == 90
    assert record.processing.families == {"glcm": 1, "statistics": 1, "morphology": 1}
    assert record.processing.sequences == ("adc", "t1c") and "32" in record.processing.discretisation
    assert record.processing.standardised and list(record.data.clinical) == ["clinical:age"]
    assert "in 1 of 4 columns and 1 of 90 cases" in record.data.missing
    assert [step.kind for step in record.modelling.steps] == ["impute", "scale"]
    assert record.modelling.threshold == fitted.threshold
    assert {f.name for f in record.ranking} == set(COLUMNS)
    assert any("site tells the label" in text for text in record.warnings)
    assert record.modelling.events_per_candidate == pytest.approx(sample_size(data, method()).per_candidate)


def test_tests_and_comparisons_are_carried_over(run):
    _, _, held_out, _, record = run
    own, outside = record.tests
    assert (own.kind, outside.kind) == (CROSS_VALIDATION, EXTERNAL)
    evaluation = evaluate(held_out, run[0], 50)
    assert own.uncertainty.startswith(outside.uncertainty) and "50 bootstrap" in outside.uncertainty
    assert "held fixed" in own.uncertainty and "held fixed" not in outside.uncertainty
    assert own.figures["auc"]["value"] == evaluation.figures["auc"].value
    assert [curve.name for curve in own.roc] == ["this model", "clinical", "radiomic"]
    assert own.roc[0].tpr == pytest.approx(evaluation.roc.tpr)
    assert own.calibration.labels.sum() == 2 * run[0].outcome.labels.sum()
    assert (own.decision.thresholds[0], own.decision.thresholds[-1]) == (0.15, 0.9)
    assert [text.split(":")[0] for text in own.decision.told] == ["20–80 %", "15–90 %"]
    gain = evaluation.decision.useful[0].mean_gain
    assert f"{gain:.3f}".replace("-", "−") in own.decision.told[0]
    assert "20–80 %" in "".join(record_figures(record)["test1-decision"].split("<tspan"))
    assert own.confusion.counts.sum() == pytest.approx(90)
    assert {row[0] for row in own.subgroups.rows} == {"site: A", "site: B"}
    assert {(c.first, c.second) for c in record.comparisons} >= {("clinical", "radiomic")}
    assert all(c.p == c.p and "Holm" in c.test for c in record.comparisons)


def test_what_is_not_given_stays_unknown(run):
    items = {item.number: item for item in clear_items(run[-1])}
    for number in (4, 5, 8, 10, 11, 14, 16, 18, 19, 20, 53, 54, 56, 57):
        assert not items[number].available, items[number]
    assert items[15].available and items[38].available and items[47].available
    findings = rqs_findings(run[-1])
    assert "prospective" not in findings and "open_code" not in findings
    assert findings["other_institute"].evidence == "hospital B"
    assert "No sign that" not in items[36].text and "site tells the label" in items[36].text
    assert not metrics_findings(run[-1])[19].met, "a proxy was found and not dealt with"
    assert "too narrow for small cohorts" in items[40].text
    assert not items[7].available, "a draft that nobody has read is no adherence"


def test_features_without_weight_are_not_in_the_model(run):
    values, labels = run[0].values.copy(), run[0].outcome.labels
    for label in (0, 1):  # age says nothing
        values[labels == label, 3] -= values[labels == label, 3].mean()
    data = replace(run[0], values=values)
    how = replace(method(), estimator=Spec("logistic", {"penalty": "l1", "C": 0.12}))
    fitted = fit_method(how, data, np.random.default_rng(1))
    weights = dict(zip(fitted.columns, weights_of(fitted), strict=True))
    used = {name for name, weight in weights.items() if weight}
    assert 0 < len(used) < 4 and weights["clinical:age"] == 0
    tests = {"cross-validation": evaluate(validate(how, data), data, 50)}
    record = record_of(DESIGN, data, how, tests, fitted=fitted, leaks=())
    assert set(record.modelling.kept) == used == {feature.name for feature in record.ranking}
    assert "multivariable" not in rqs_findings(record), "age has no weight"
    assert all(np.isnan(feature.chosen) for feature in record.ranking)
    assert len(record.nomogram.scales) == len(used)


def test_figures_of_several_classes_name_the_class(run):
    rng = np.random.default_rng(2)
    figure = Figure(0.8, 0.7, 0.9, 1, 1)
    for kind, keys, told in (
        (MULTICLASS, ("auc_1", "auc_3", "mean_auc"), ("low against the others", "high against the others")),
        (ORDINAL, ("auc_cut_1", "auc_cut_2", "mean_auc"), ("middle or above", "high or above")),
    ):
        outcome = Outcome(kind, "grade", ("low", "middle", "high"), rng.integers(0, 3, 90))
        found = replace(evaluate(run[2], run[0], 50), figures=dict.fromkeys(keys, figure))
        shown = adapt_tests.tested_of("own", CROSS_VALIDATION, found, outcome).figures
        assert list(shown) == [*(f"AUC, {words}" for words in told), "mean_auc"]


def test_nothing_is_claimed_that_was_not_looked_at(run):
    data, how, held_out, _, _ = run
    found = {"cross-validation": evaluate(held_out, data, 50)}

    def told(data, leaks, **options):
        record = record_of(DESIGN, data, how, found, leaks=leaks, **options)
        return record, {item.number: item for item in clear_items(record)}

    one_site = replace(data, site=np.array(["A"] * 90))
    record, items = told(one_site, ())
    assert not items[36].available and 19 not in metrics_findings(record)
    record, items = told(data, ())
    assert "No sign that site is ranked" in items[36].text and "scanner" not in items[36].text
    three = replace(data.outcome, kind=MULTICLASS, classes=("low", "middle", "high"))
    record, _ = told(replace(data, outcome=three), ())
    assert 19 not in metrics_findings(record), "proxies are looked for with two classes and in survival only"
    record, items = told(data, None)
    assert "fitted on the training parts" not in items[15].text and not items[36].available
    record, items = told(data, (), measured=False)
    assert not items[25].available and not items[28].available and 12 not in metrics_findings(record)
    assert items[26].available and "fixed bin number 32" in items[23].text
    assert 1 not in metrics_findings(record)


def test_the_page_of_a_real_run(run):
    page = study_report(run[-1])
    assert page.count("<svg") == 4 * 2 + 2 and "SIMULATED" in page


def test_survival_groups_of_held_out_cases():
    data, how = cases(survival=True), method(survival=True)
    held_out = validate(how, data)
    (low, high), note = risk_curves(held_out)
    assert low.remaining(0) + high.remaining(0) == 90 and "Log-rank test: χ²" in note
    middle = np.searchsorted(low.times, 20), np.searchsorted(high.times, 20)
    assert low.survival[middle[0]] > high.survival[middle[1]]
    evaluation = evaluate(held_out, data, 50)
    fitted = fit_method(how, data, np.random.default_rng(1))
    record = record_of(
        Design("Recurrence", "recurrence", simulated=True),
        data,
        how,
        {"cross-validation": evaluation},
        fitted=fitted,
        held_out=held_out,
    )
    (test,) = record.tests
    assert test.roc == () and test.calibration.groups.shape == (5, 4) and len(test.survival) == 2
    assert set(record.data.classes) == {"event", "censored"}
    page = study_report(record)
    assert "Number at risk" in page and "Concordance index" in page
