"""A cohort looked at before a run: the faults that the run would meet, endpoints, events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cohort_support import image, plain_cohort, put
from recipes_support import PLANS
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.errors import Cancelled, CohortError, FormError, VirtualBiopsyError
from virtualbiopsy.models.study import find_study
from virtualbiopsy.training.cases import cohort_cases
from virtualbiopsy.training.job import run_job
from virtualbiopsy.training.validation.sample_size import sample_size
from virtualbiopsy.workbench.examine import examine
from virtualbiopsy.workbench.form import Form, to_job
from virtualbiopsy.workbench.outlook import events_of, expected
from workbench_support import feature_cohort


def kinds(found):
    return [row.kind for row in found.rows]


def words(found):
    return " ".join(f"{row.where} {row.what} {row.hint}" for row in found.rows)


def test_simulated_cases_have_no_faults_and_say_that_they_are_no_patients():
    found = examine(Form(recipe="M11", simulated=30))
    assert found.usable and not found.rows and not found.endpoints and found.patients == 30
    assert "simulated" in dict(found.facts)["Cases"] and "imulated" in found.outlook
    assert "says nothing about the endpoint" in dict(found.facts)["Stand-in for the endpoint"]


def test_a_table_of_features_is_counted_as_the_run_will(tmp_path):
    path = feature_cohort(tmp_path)
    found = examine(Form(recipe="M11", cohort=str(path)))
    assert (found.layout, found.patients) == ("features", 60) and found.reason
    (endpoint,) = found.endpoints
    assert (endpoint.name, endpoint.kind, endpoint.missing) == ("Ki-67", "binary", 0)
    assert endpoint.counts == "43 not Ki-67, 17 Ki-67" and endpoint.fits and endpoint.chosen
    plan, study = PLANS["M11"], find_study("M11")
    size = sample_size(cohort_cases(plan, study, read_cohort(path), None).data, plan.method)
    assert (found.outlook, found.verdict) == (size.sentence, size.verdict) and size.verdict == "too few"
    assert not found.usable and "Too few events: 17 events" in words(found)


def test_what_is_not_usable_is_refused_by_the_run_and_what_is_usable_runs(tmp_path):
    form = Form(
        recipe="M11",
        cohort=str(feature_cohort(tmp_path)),
        out=str(tmp_path / "out"),
        folds=3,
        repeats=1,
    )
    assert not examine(form).usable
    with pytest.raises(VirtualBiopsyError, match="too few"):
        run_job(to_job(form))
    form = replace(form, few_events=True)
    found = examine(form)
    assert found.usable and kinds(found) == ["warning"]
    assert run_job(to_job(form))[0].model is not None


def test_the_smallest_class_of_patients_counts(tmp_path):
    few = examine(Form(recipe="M11", cohort=str(feature_cohort(tmp_path / "few", cases=160))))
    assert few.verdict == "few" and few.usable and "Few events" in words(few)
    enough = examine(Form(recipe="M1", cohort=str(feature_cohort(tmp_path / "enough", "M1", cases=60))))
    assert enough.verdict == "enough" and enough.usable and not enough.rows


def test_all_faults_of_a_folder_come_at_once(tmp_path):
    plain_cohort(tmp_path, 6)
    (tmp_path / "P3" / "seg.nii.gz").unlink()
    put(tmp_path / "P2" / "P2_extra_t1c.nii.gz", image(3))
    found = examine(Form(recipe="M11", cohort=str(tmp_path)))
    assert not found.usable and found.layout == "table"
    faults = [row for row in found.rows if row.kind == "fault"]
    assert {row.where.split(",")[0] for row in faults} >= {"row 3 (P2)", "row 4 (P3)"}
    assert kinds(found) == sorted(kinds(found)), "faults stand before warnings"
    facts = dict(found.facts)
    assert facts["Cases"].endswith("of 6 patients") and "t1c" in facts["Images"] and "A" in facts["Sites"]


def test_cases_without_an_image_of_the_recipe_are_left_out(tmp_path):
    plain_cohort(tmp_path, 4)
    found = examine(Form(recipe="M12", cohort=str(tmp_path), few_events=True))  # T1, T2 and FLAIR
    assert not found.usable and "No case has all images of the recipe; missing are t1, t2" in words(found)
    table = (tmp_path / "cohort.csv").read_text().replace("P2/P2_flair.nii.gz", "")
    (tmp_path / "cohort.csv").write_text(table)
    found = examine(Form(recipe="G13", cohort=str(tmp_path), endpoint="Ki-67", few_events=True))
    (left_out,) = [row for row in found.rows if "which the recipe needs" in row.what]
    assert left_out.kind == "warning" and "P2" in left_out.where and "flair" in left_out.what


def test_maps_of_a_dynamic_series_need_the_series_only(tmp_path):
    for n in (1, 2):
        for phase in range(3):
            put(tmp_path / f"P{n}" / f"dce_{phase}.nii.gz", image(10 * n + phase))
        put(tmp_path / f"P{n}" / "seg.nii.gz", image(0) > 100)
    (tmp_path / "cohort.csv").write_text(
        "patient,dce,dce_times,mask,endpoint:HER2\n"
        + "".join(f"P{n},P{n}/dce_*.nii.gz,0;60;120,P{n}/seg.nii.gz,{n - 1}\n" for n in (1, 2))
    )
    assert "ktrans" in PLANS["H2"].roles
    assert "images of the recipe" not in words(examine(Form(recipe="H2", cohort=str(tmp_path))))
    assert "adc" in PLANS["M7"].roles
    text = words(examine(Form(recipe="M7", cohort=str(tmp_path), endpoint="HER2")))
    assert "No case has all images of the recipe; missing are adc" in text


def test_an_endpoint_that_does_not_fit_is_a_fault(tmp_path):
    path = str(feature_cohort(tmp_path))
    found = examine(Form(recipe="P12", cohort=path))
    assert not found.usable and found.rows[0].where == "endpoint" and "survival" in found.rows[0].what
    assert not found.endpoints[0].fits and not found.endpoints[0].chosen and found.outlook == ""
    assert "Endpoints that fit: Ki-67." in words(examine(Form(recipe="M11", cohort=path, endpoint="PR")))


def test_one_class_only_is_a_fault(tmp_path):
    path = feature_cohort(tmp_path)
    path.write_text(path.read_text().replace(",low,", ",high,"))
    found = examine(Form(recipe="M11", cohort=str(path)))
    assert not found.usable and any(row.kind == "fault" for row in found.rows)


def test_foreign_features_are_told(tmp_path):
    path = feature_cohort(tmp_path)
    head, rest = path.read_text().split("\n", 1)
    names = ",".join(f"f{n}" for n in range(8))
    path.write_text(f"patient,endpoint:Ki-67,{names}\n{rest}")
    found = examine(Form(recipe="M11", cohort=str(path), few_events=True))
    assert found.usable and "none of the recipe's features; its own 8" in words(found)


def test_cohorts_from_elsewhere_are_examined_too(tmp_path):
    form = Form(recipe="M1", cohort=str(feature_cohort(tmp_path / "a", "M1")))
    other = feature_cohort(tmp_path / "b", "M1", prefix="b")
    found = examine(replace(form, external=(str(other),)))
    assert found.usable and not found.rows and found.patients == 60
    other.write_text(other.read_text().replace("b7,", "b6,"))
    found = examine(replace(form, external=(str(other), str(tmp_path / "none"))))
    assert not found.usable and {row.where.split(":")[0] for row in found.rows} == {
        "external table.csv",
        "external none",
    }


def test_another_endpoint_than_that_of_the_recipe_is_told(tmp_path):
    form = Form(recipe="M1", cohort=str(feature_cohort(tmp_path, "M1", endpoint="PR")))
    found = examine(form)
    assert found.usable and found.endpoints[0].chosen
    assert "The endpoint is PR of the cohort; the recipe is about Ki-67." in words(found)
    form = replace(form, out=str(tmp_path / "out"), folds=3, repeats=1)
    trained = run_job(to_job(form))[0]
    assert trained.model.endpoint == "PR" == trained.record.design.endpoint
    assert "The endpoint is PR of the cohort; the study is about Ki-67." in trained.warnings
    assert not any("endpoint" in text for text in examine(Form(recipe="M11", simulated=30)).rows)


def test_a_time_point_that_is_not_there_is_a_fault(tmp_path):
    found = examine(Form(recipe="M1", cohort=str(feature_cohort(tmp_path, "M1")), time_point="T7"))
    assert not found.usable and "T7" in words(found)


def test_what_cannot_be_read_at_all_is_raised(tmp_path):
    with pytest.raises(FormError) as caught:
        examine(Form(recipe="M11", cohort=str(tmp_path / "no")))
    assert caught.value.field == "cohort"
    with pytest.raises(CohortError, match="none of the known layouts"):
        examine(Form(recipe="M11", cohort=str(tmp_path)))


def test_it_can_be_cancelled(tmp_path):
    plain_cohort(tmp_path)

    def stop(fraction, message):
        if "Checking" in message:
            raise Cancelled()

    with pytest.raises(Cancelled):
        examine(Form(recipe="M11", cohort=str(tmp_path)), stop)


def test_events_are_patients_that_the_recipe_uses(tmp_path):
    plain_cohort(tmp_path, 8)
    cohort = read_cohort(tmp_path)
    plan = PLANS["M13"]
    assert plan.among.column == "clinical:who_grade" and plan.among.at_most == 1
    grade_one = [case for case in cohort.cases if case.clinical["who_grade"] == 1]
    by_label = np.bincount([case.labels["Ki-67"] for case in grade_one], minlength=2)
    assert events_of(plan, cohort, "Ki-67") == by_label.min() == 0
    assert events_of(PLANS["M11"], cohort, "Ki-67") == 4


def test_before_features_are_measured_the_outlook_says_what_is_known():
    blind = next(plan for plan in PLANS.values() if any(s.kind == "correlation" for s in plan.method.steps))
    open_end = expected(40, 100, blind.method)
    assert (
        open_end.verdict == ""
        and "If more than 8 are left there is no model, if more than 4" in open_end.sentence
    )
    assert expected(4, 100, blind.method).verdict == "too few"
    assert expected(1000, 100, blind.method).verdict == "enough"
    plain = PLANS["M11"].method
    assert [expected(n, 8, plain).verdict for n in (39, 40, 79, 80)] == ["too few", "few", "few", "enough"]
