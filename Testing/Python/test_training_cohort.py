"""From a folder of images and a table of labels to a model, and that model on a case of the folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from cohort_support import put
from virtualbiopsy.cli import main
from virtualbiopsy.cohort.load import load_case
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.models.radmodel import load_radmodel
from virtualbiopsy.models.study import find_study
from virtualbiopsy.session import Session
from virtualbiopsy.training.cases import cohort_cases, measured_features
from virtualbiopsy.training.method import Spec
from virtualbiopsy.training.plan import plans
from virtualbiopsy.training.repeated import OUTLINES, at_time_point
from virtualbiopsy.training.run import SMALL, train
from virtualbiopsy.training.steps import fit_steps
from virtualbiopsy.training.table import FeatureTable

CASES = 14
QUICK = ["--folds", "2", "--repeats", "1", "--inner-folds", "2", "--bootstraps", "50", "--processes", "1"]


def write_cohort(root: Path, seed: int = 0, prefix: str = "P") -> Path:
    """Balls in a noisy ball; the inner one is brighter where Ki-67 is high."""
    k, j, i = np.indices((20, 24, 26))
    head = (k - 10) ** 2 + (j - 12) ** 2 + (i - 13) ** 2 < 9.5**2
    lines = ["patient,age,t1c,mask,endpoint:Ki-67"]
    for number in range(CASES):
        name, high = f"{prefix}{number}", number % 2
        rng = np.random.default_rng([seed, number])
        ball = (k - 10) ** 2 + (j - 12) ** 2 + (i - 13) ** 2 < (3.5 + 0.05 * number) ** 2
        values = (
            head * 100 + rng.normal(0, 4, ball.shape) + ball * (40 + 30 * high + rng.normal(0, 6, ball.shape))
        )
        put(root / name / "t1c.nii.gz", sitk.GetImageFromArray(values.astype(np.float32)))
        put(root / name / "mask.nii.gz", sitk.GetImageFromArray(ball.astype(np.uint8)))
        lines.append(f"{name},{50 + number},{name}/t1c.nii.gz,{name}/mask.nii.gz,{high}")
    (root / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort") / "hospital")


def test_a_cohort_of_images_ends_in_a_model_that_its_cases_can_be_given_to(cohort, tmp_path, capsys):
    other = write_cohort(tmp_path / "elsewhere", seed=1, prefix="Q")
    out = tmp_path / "out"
    arguments = ["train", "--recipe", "M11", "--cohort", str(cohort), "--out", str(out), *QUICK]
    assert main([*arguments, "--quiet"]) == 2
    assert "events per candidate, too few" in capsys.readouterr().err
    assert main([*arguments, "--few-events", "--external", str(other)]) == 0
    shown = capsys.readouterr()
    assert "Research use only" in shown.out and "too few" in shown.out and "%" in shown.err
    model = load_radmodel(out / "m11-hospital.radmodel")
    assert not model.simulated and model.metrics["auc"]["value"] == 1.0, "brightness tells them apart"
    assert "elsewhere" in model.card and model.preparation.reference == "t1c"
    assert "t1c" in model.image_statistics
    entries = read_cohort(cohort).cases
    for entry in entries[:2]:
        case = load_case(entry)
        result = Session(case, [model]).set_region(case.regions["tumour"])
        assert (result.predictions[0].probability > 0.5) == bool(entry.labels["Ki-67"])
        assert len(result.explanations[0].contributions) == len(model.feature_keys)


def test_faults_of_the_cohort_come_first_and_all_at_once(cohort, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    text = (cohort / "cohort.csv").read_text()
    (broken / "cohort.csv").write_text(text)
    assert (
        main(["train", "--recipe", "M11", "--cohort", str(broken), "--out", str(tmp_path / "out"), "--quiet"])
        == 2
    )
    told = capsys.readouterr().err
    assert told.startswith("CohortError") and "P0" in told and "P13" in told
    assert not (tmp_path / "out").exists()


def test_a_cohort_of_simulated_cases_says_so(cohort):
    plan, read = plans()["M11"], replace(read_cohort(cohort), simulated=True)
    keys = plan.feature_keys()
    table = FeatureTable(tuple(c.name for c in read.cases), keys, np.ones((CASES, len(keys))))
    assert cohort_cases(plan, find_study("M11"), read, table).simulated


# -- repeated measurements ----------------

ICC = Spec("icc", {"form": "1,1", "threshold": 0.5, "cases": 2})


def plan_with_icc(**options):
    plan = plans()["M11"]
    first, second, *_ = plan.method.steps
    steps = (first, Spec("icc", {**ICC.options, **options}), second)
    return replace(plan, method=replace(plan.method, steps=steps))


def with_rows(folder, place, more):
    """A copy of the table of a cohort with one more column, or with more rows."""
    folder.mkdir()
    lines = (place / "cohort.csv").read_text().splitlines()
    (folder / "cohort.csv").write_text("\n".join(more(lines)) + "\n")
    for case in place.iterdir():
        if case.is_dir():
            (folder / case.name).symlink_to(case)
    return read_cohort(folder)


def test_an_icc_step_gets_perturbed_outlines_and_a_second_run_measures_nothing(cohort, tmp_path):
    plan, study, read = (
        plan_with_icc(),
        find_study("M11"),
        read_cohort(cohort).chosen(f"P{n}" for n in range(10)),
    )
    told = []
    found = measured_features(plan, read, tmp_path, processes=1, progress=lambda f, text: told.append(text))
    assert found.other_outlines.measurements == tuple(f"outline {n}" for n in range(1, OUTLINES + 1))
    assert any("left; 4 more outlines a case for the ICC step" in text for text in told)
    cases = cohort_cases(
        plan, study, read, found.table, notes=found.notes, other_outlines=found.other_outlines
    )
    repeats = cases.data.repeats
    assert repeats.source == "perturbed outlines" and repeats.values.shape == (10, OUTLINES, 8)
    assert "10 cases were measured repeatedly (perturbed outlines)." in cases.data.provenance
    volume = repeats.values[:, :, 0]
    assert np.isfinite(volume).all() and (np.ptp(volume, axis=1) > 0).all()
    steps = fit_steps(plan.method.steps[:2], cases.data, np.random.default_rng(0))
    assert "ICC(1,1) ≥ 0.5 (perturbed outlines, 10 cases, 4 measurements)" in steps.told[1]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").iterdir()}
    again = measured_features(plan, read, tmp_path, processes=1)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").iterdir()} == before
    np.testing.assert_array_equal(again.other_outlines.values, found.other_outlines.values)
    plain = measured_features(plans()["M11"], read.chosen(["P1"]), tmp_path / "plain", processes=1)
    assert plain.other_outlines is None
    trained = train(study, plan, cases, validation={**SMALL, "folds": 2, "inner_folds": 2}, few_events=True)
    assert "10 cases measured again (perturbed outlines)" in trained.record.segmentation.repeated
    assert trained.record.data.retest == "" and "perturbed outlines" in trained.fitted.told[1]
    table = measured_features(plan_with_icc(table="x.csv"), read.chosen(["P1"]), tmp_path / "t", processes=1)
    assert table.other_outlines is None


def test_outlines_of_other_readers_come_before_perturbed_ones(cohort, tmp_path):
    def more(lines):
        column = lines[0].split(",").index("mask")
        return [f"{lines[0]},mask:reader 2", *(f"{line},{line.split(',')[column]}" for line in lines[1:])]

    plan, study = plan_with_icc(), find_study("M11")
    read = with_rows(tmp_path / "in", cohort, more).chosen(f"P{n}" for n in range(4))
    found = measured_features(plan, read, tmp_path / "out", processes=1)
    cases = cohort_cases(plan, study, read, found.table, other_outlines=found.other_outlines)
    assert cases.data.repeats.source == "2 readers" and found.other_outlines.measurements == (
        "reader 2",
        "tumour",
    )
    first, second = np.moveaxis(cases.data.repeats.values, 1, 0)
    np.testing.assert_array_equal(first, second)  # the second reader drew the same


def test_a_retest_is_no_case_of_its_own_and_gives_the_repeats(cohort, tmp_path):
    def more(lines):
        """P1, P3 and P5 again, with copies of the images of P2, P4 and P6."""
        again = [f"P{n},50,R{n}/t1c.nii.gz,R{n}/mask.nii.gz,,retest" for n in (1, 3, 5)]
        for n in (1, 3, 5):
            shutil.copytree(cohort / f"P{n + 1}", tmp_path / "in" / f"R{n}")
        return [f"{lines[0]},time_point", *(f"{line}," for line in lines[1:]), *again]

    plan, study = plan_with_icc(), find_study("M11")
    read = with_rows(tmp_path / "in", cohort, more)
    assert sum(case.time_point == "retest" for case in read.cases) == 3
    found = measured_features(plan, read, tmp_path / "out", processes=1)
    assert found.other_outlines is None and len(found.table.cases) == len(read.cases)
    data = cohort_cases(plan, study, read, found.table).data
    assert len(data.cases) == CASES and not any("retest" in name for name in data.cases)
    assert data.repeats.source == "test-retest"
    row = {name: n for n, name in enumerate(data.cases)}
    for n in (1, 3, 5):
        retest, test = data.repeats.values[row[f"P{n}"]]
        np.testing.assert_array_equal(test, data.values[row[f"P{n}"]])
        np.testing.assert_array_equal(retest, data.values[row[f"P{n + 1}"]])
    assert np.isnan(data.repeats.values[row["P0"]]).all()
    plain = measured_features(plans()["M11"], read.chosen(["P1", *(c.name for c in read.cases[-3:])]),
                              tmp_path / "plain", processes=1)  # fmt: skip
    assert plain.table.cases == ("P1",), "without the step a retest is not measured"
    kept = at_time_point(
        replace(read, cases=tuple(replace(c, time_point=c.time_point or "T0") for c in read.cases)), "T0"
    )
    assert len(kept.cases) == CASES + 3


def test_a_retest_in_a_table_of_features(tmp_path):
    plan, keys = plan_with_icc(), plans()["M11"].feature_keys()
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, len(keys)))
    lines = [",".join(["patient", "time_point", "endpoint:Ki-67", *keys])]
    lines += [f"p{n},,{n % 2}," + ",".join(map(str, values[n])) for n in range(12)]
    lines += [f"p{n},retest,," + ",".join(map(str, values[n] + 0.01)) for n in range(5)]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    read = read_cohort(tmp_path / "table.csv", "features")
    found = measured_features(plan, read, tmp_path)
    data = cohort_cases(plan, find_study("M11"), read, found.table).data
    assert len(data.cases) == 12 and np.isfinite(data.repeats.values).all(axis=(1, 2)).sum() == 5
    steps = fit_steps((ICC,), data, np.random.default_rng(0))
    assert "test-retest, 5 cases, 2 measurements" in steps.told[0] and len(steps.columns) == len(keys)
    assert read.at("retest").features.cases == tuple(f"p{n} retest" for n in range(5))
    without = cohort_cases(plan, find_study("M11"), read.chosen(f"p{n}" for n in range(12)), None).data
    assert without.repeats is None
