"""The command ``virtualbiopsy dynamic``, and ``predict`` with an earlier examination."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from uptake_support import PE, STARTS, grid, image_of, lesion, mask, model, series
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.models.radmodel import save_radmodel


def write_case(folder, **changes):
    """The toy series as one 4D NIfTI with a BIDS sidecar, and the outline."""
    folder.mkdir(parents=True)
    phases = [phase.image for phase in series(**changes).phases]
    sitk.WriteImage(sitk.JoinSeries(phases), str(folder / "dce.nii.gz"))
    sidecar = {"VolumeTiming": list(STARTS), "AcquisitionDuration": 60.0, "PreContrastVolumes": 1}
    (folder / "dce.json").write_text(json.dumps(sidecar), encoding="utf-8")
    sitk.WriteImage(mask(), str(folder / "tumour_mask.nii.gz"))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("dynamic")
    write_case(place / "case")
    write_case(place / "before", rise=280.0)
    save_radmodel(model(), place / "breast.radmodel")
    save_radmodel(model(("delta:" + PE, PE), model_id="toy-change"), place / "change.radmodel")
    return place


def run(*given) -> int:
    return main([str(entry) for entry in given])


def test_phases_curve_and_maps(place, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("dynamic", place / "case", "--out", out, "--quiet") == 0
    printed = capsys.readouterr().out
    assert RESEARCH_USE_ONLY in printed
    assert "7 phases" in printed and printed.count("pre-contrast") >= 1
    assert "Not computed: ktrans" in printed
    roles = ("pe", "ser", "washin", "washout", "ttp", "maxslope", "curvetype")
    names = {f"{role}.nrrd" for role in roles}
    assert {path.name for path in out.iterdir()} == names | {"curve.csv", "curve.svg"}
    enhancement = sitk.GetArrayFromImage(sitk.ReadImage(str(out / "pe.nrrd")))
    assert np.mean(enhancement[lesion()]) == pytest.approx(160, rel=0.05)
    rows = list(csv.DictReader((out / "curve.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(row["percent_enhancement"]) for row in rows] == pytest.approx(
        [0, 180, 160, 140, 120, 100, 80], rel=0.04, abs=1
    )
    assert run("dynamic", place / "case", "--out", out, "--quiet") == 2
    assert "ExistingFileError" in capsys.readouterr().err


def test_a_point_proposes_a_lesion(place, tmp_path, capsys):
    x, y, z = grid().TransformContinuousIndexToPhysicalPoint((28.0, 30.0, 9.5))
    given = ("dynamic", place / "case", f"--point={x},{y},{z}", "--out", tmp_path, "--quiet")
    assert run(*given) == 0
    assert "Proposed" in capsys.readouterr().out
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "proposed_mask.nrrd"))) > 0
    assert 2 * (found & lesion()).sum() / (found.sum() + lesion().sum()) > 0.9


def test_without_a_folder_the_curve_is_printed(place, capsys):
    assert (
        run("dynamic", place / "case", "--precontrast", "phase 1", "--precontrast", "phase 2", "--quiet") == 0
    )
    printed = capsys.readouterr().out
    assert "phase,seconds_after_injection,mean" in printed
    assert printed.count("pre-contrast") >= 2 and "user" in printed


def test_bad_phases_and_points_are_refused(place, capsys, tmp_path):
    assert run("dynamic", place / "case", "--precontrast", "phase 99", "--quiet") == 2
    assert "phase 99" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("dynamic", place / "case", "--point", "here", "--quiet")
    sitk.WriteImage(image_of(lesion().astype(np.uint8)), str(tmp_path / "mask.nii.gz"))
    assert run("dynamic", tmp_path, "--quiet") == 2
    assert "Error" in capsys.readouterr().err


def test_aligned_phases_are_told(place, capsys):
    assert run("dynamic", place / "case", "--align", "--quiet") == 0
    printed = capsys.readouterr().out
    assert printed.count("similarity") == len(STARTS)


def test_predict_with_an_earlier_examination(place, tmp_path, capsys):
    models = ("--model", place / "breast.radmodel", "--model", place / "change.radmodel")
    common = ("predict", place / "case", *models, "--no-stability", "--quiet", "--task", "breast")
    assert run(*common, "--out", tmp_path / "alone") == 0
    assert "toy-change was not run" in capsys.readouterr().out
    assert run(*common, "--earlier", place / "before", "--out", tmp_path / "both") == 0
    result = json.loads((tmp_path / "both" / "result.json").read_text(encoding="utf-8"))
    assert [p["model_id"] for p in result["predictions"]] == ["toy-breast", "toy-change"]
    assert result["features"]["delta:" + PE]["value"] == pytest.approx(-100, rel=0.06)
    assert [phase["start_s"] for phase in result["dynamic"]["phases"]] == list(STARTS)
    report = (tmp_path / "both" / "report.html").read_text(encoding="utf-8")
    assert "Dynamic series" in report and "minutes after the injection" in report


def test_kinetics_can_be_chosen(place, tmp_path, capsys):
    table = tmp_path / "aif.csv"
    table.write_text("time_s,plasma\n0,0\n10,4\n20,2\n400,0.6\n", encoding="utf-8")
    given = ("predict", place / "case", "--model", place / "breast.radmodel", "--no-stability", "--quiet")
    assert run(*given, "--aif-table", table, "--t1", "1300", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "t1_ms = 1300" in printed and "aif.csv" in printed
    table.write_text("time_s,plasma\n0,0\n10,0\n", encoding="utf-8")
    assert run("dynamic", place / "case", "--aif-table", table, "--quiet") == 2
    assert "ArterialInputError" in capsys.readouterr().err
