"""The command line: what it prints, writes and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour, toy_model
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.models.radmodel import builtin_models, save_radmodel


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A case of three sequences with its mask, and a model file."""
    tumour = synthetic_tumour(shape=(30, 36, 34), spacing=(2.0, 1.2, 1.1), radius_mm=9.0)
    place = tmp_path_factory.mktemp("cli")
    case = place / "case"
    case.mkdir()
    for role in ("t1c", "t2", "adc"):
        sitk.WriteImage(sitk.Cast(tumour.image(role), sitk.sitkFloat32), str(case / f"{role}.nii.gz"))
    sitk.WriteImage(tumour.mask(), str(place / "outline.nrrd"))
    save_radmodel(toy_model(), place / "toy.radmodel")
    return place


def arguments(folder, out, *more: str) -> list[str]:
    given = ["predict", folder / "case", "--model", folder / "toy.radmodel", "--out", out, "--quiet", *more]
    return [str(entry) for entry in given]


def test_predict_writes_four_files_that_agree(folder, tmp_path, capsys):
    outline = str(folder / "outline.nrrd")
    assert main(arguments(folder, tmp_path / "out", "--region", outline, "--clinical", "age=61")) == 0
    printed = capsys.readouterr().out
    assert RESEARCH_USE_ONLY in printed and "simulated" in printed
    assert "Estimated probability of Ki-67 ≥ 5 %" in printed and "outline variants" in printed
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    prediction, explanation = result["predictions"][0], result["explanations"][0]
    assert f"{prediction['probability']:.3f}" in printed
    assert result["features"]["clinical:age"]["value"] == 61
    ledger = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "explanation.nrrd")))
    assert ledger.dtype == np.float64
    rest = sum(c["phi"] for c in explanation["contributions"] if not c["localised"])
    total = prediction["baseline"] + ledger.sum() + rest
    assert total == pytest.approx(prediction["log_odds"], abs=1e-9)
    assert (tmp_path / "out" / "features.csv").is_file()
    assert RESEARCH_USE_ONLY in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_existing_results_are_kept_unless_allowed(folder, tmp_path, capsys):
    given = arguments(folder, tmp_path, "--region", str(folder / "outline.nrrd"), "--no-stability")
    assert main(given) == 0
    before = (tmp_path / "result.json").read_bytes()
    assert main(given) == 2
    assert "ExistingFileError" in capsys.readouterr().err
    assert (tmp_path / "result.json").read_bytes() == before
    assert main([*given, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ((), "EmptyRegionError"),
        (("--region", "nowhere.nrrd"), "UnreadableFileError"),
        (("--clinical", "age=400"), "ClinicalValueError"),
        (("--clinical", "age"), "NAME=VALUE"),
        (("--role", "t2=flare"), "not a role"),
        (("--role", "nothing=t1c"), "no sequence called"),
        (("--model", "no-such-model"), "ModelFormatError"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(folder, tmp_path, capsys, more, error):
    assert main(arguments(folder, tmp_path / "out", *more)) == 2
    assert error in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_role_can_be_overruled(folder, tmp_path, capsys):
    outline = str(folder / "outline.nrrd")
    given = arguments(folder, tmp_path / "a", "--region", outline, "--no-stability")
    assert main(given) == 0
    given = arguments(folder, tmp_path / "b", "--region", outline, "--no-stability", "--role", "t2=t1c")
    assert main(given) == 0
    first, second = (
        json.loads((tmp_path / name / "result.json").read_text(encoding="utf-8"))["predictions"][0][
            "log_odds"
        ]
        for name in ("a", "b")
    )
    assert first != second


def test_departing_from_the_preparation_of_the_model_is_said(folder, tmp_path, capsys):
    more = ("--region", str(folder / "outline.nrrd"), "--no-stability", "--n4", "--no-register")
    assert main(arguments(folder, tmp_path, *more)) == 0
    assert "bias_correction = True, register = False" in capsys.readouterr().out
    steps = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["provenance"]
    assert any("N4" in step for step in steps)


def test_inspect_lists_roles_with_reasons(folder, capsys):
    assert main(["inspect", str(folder / "case")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if "×" in line} == {"t1c", "t2", "adc"}


def test_models_lists_the_bundled_models_and_shows_a_card(capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(builtin_models()) and all("simulated" in line for line in listed)
    assert {line.split()[1] for line in listed} == {"meningioma", "breast"}
    assert main(["models", listed[0].split()[0]]) == 0
    assert "simulated" in capsys.readouterr().out.lower()


def test_simulate_takes_a_scanner(tmp_path):
    assert main(["simulate", "meningioma", str(tmp_path), "--n", "0", "--scanner", "B"]) == 0
    assert json.loads((tmp_path / "cohort.json").read_text(encoding="utf-8"))["scanner"] == "B"
    with pytest.raises(SystemExit):
        main(["simulate", "meningioma", str(tmp_path), "--n", "0", "--scanner", "C"])
