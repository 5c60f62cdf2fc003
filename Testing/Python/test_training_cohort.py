"""From a folder of images and a table of labels to a model, and that model on a case of the folder."""

from __future__ import annotations

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
from virtualbiopsy.session import Session

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
    from virtualbiopsy.models.study import find_study
    from virtualbiopsy.training.cases import cohort_cases
    from virtualbiopsy.training.plan import plans
    from virtualbiopsy.training.table import FeatureTable

    plan, read = plans()["M11"], replace(read_cohort(cohort), simulated=True)
    keys = plan.feature_keys()
    table = FeatureTable(tuple(c.name for c in read.cases), keys, np.ones((CASES, len(keys))))
    assert cohort_cases(plan, find_study("M11"), read, table).simulated
