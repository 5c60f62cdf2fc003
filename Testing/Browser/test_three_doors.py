"""Command line, desktop and browser give the same numbers for the same case."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk
from browser_support import opened
from virtualbiopsy.case.read import read_case
from virtualbiopsy.resources import resource

ROOT = Path(__file__).resolve().parents[2]
RELATIVE, ABSOLUTE = 1e-9, 1e-12

pytestmark = [pytest.mark.browser, pytest.mark.mrml]


@pytest.fixture(scope="module")
def case_folder() -> Path:
    return resource("Cases/meningioma-sample")


@pytest.fixture(scope="module")
def command_line(case_folder, tmp_path_factory) -> dict:
    """result.json as the command line writes it."""
    out = tmp_path_factory.mktemp("command-line")
    program = "import sys; from virtualbiopsy.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "predict", case_folder, "--out", out, "--no-stability", "--quiet"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "VirtualBiopsyCore")},
    )
    assert done.returncode == 0, done.stderr
    assert "simulated" in done.stdout and "Research use only" in done.stdout
    return json.loads((out / "result.json").read_text(encoding="utf-8"))


def numbers(result: dict) -> dict[str, float]:
    """Every feature value and every prediction of a result.json."""
    found = {f"feature {key}": entry["value"] for key, entry in result["features"].items()}
    for prediction in result["predictions"]:
        for name in ("log_odds", "baseline", "probability"):
            found[f"{prediction['model_id']} {name}"] = prediction[name]
    return found


def test_the_browser_gives_the_numbers_of_the_command_line(chromium, case_folder, command_line, tmp_path):
    with opened(chromium, case_folder, folder=tmp_path) as page:
        page.wait(lambda: page.state("case_name"), "the case")
        page.wait(lambda: not page.state("job_active"), "the preparation", 180)
        page.tab("outline")
        page.click("load_case_mask")
        page.wait(lambda: page.state("facts"), "the outline")
        page.predict()
        page.tab("save")
        page.fill("export_path", str(tmp_path / "out"))
        page.click("export")
        page.wait(lambda: page.state("exported"), "the files", 120)
    browser = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert numbers(browser) == pytest.approx(numbers(command_line), rel=RELATIVE, abs=ABSOLUTE)


def test_the_desktop_gives_the_numbers_of_the_command_line(case_folder, command_line):
    slicer = pytest.importorskip("slicer")
    sys.path.insert(0, str(ROOT / "Testing" / "MRML"))
    try:
        from scene_support import Stage
    finally:
        sys.path.pop(0)
    from virtualbiopsy.desktop.study import Inputs, Study

    stage = Stage()
    volumes = stage.logics["Volumes"]
    nodes = {
        role: volumes.AddArchetypeVolume(str(case_folder / f"{role}.nii.gz"), role, 0)
        for role in ("t1c", "t1", "t2", "flair", "adc")
    }
    labels = volumes.AddArchetypeVolume(str(case_folder / "tumour_mask.nii.gz"), "mask", 1)
    segmentation = stage.segmentation(nodes["t1c"])
    imported = slicer.vtkSlicerSegmentationsModuleLogic.ImportLabelmapToSegmentationNode(labels, segmentation)
    assert imported
    segment_id = segmentation.GetSegmentation().GetNthSegmentID(0)
    clinical = {name: str(value) for name, value in read_case(case_folder).clinical.items()}
    result = Study().predict(Inputs(nodes, segmentation, segment_id, clinical))

    expected = numbers(command_line)
    found = {f"feature {key}": value for key, value in result.features.values.items()}
    for prediction in result.predictions:
        for name in ("log_odds", "baseline", "probability"):
            found[f"{prediction.model_id} {name}"] = getattr(prediction, name)
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=RELATIVE, abs=ABSOLUTE)
    assert len(result.predictions) == len(command_line["predictions"]) == 2


def test_the_case_is_read_as_written(case_folder):
    case = read_case(case_folder)
    assert {s.role for s in case.sequences} == {"t1c", "t1", "t2", "flair", "adc"}
    assert sitk.GetArrayViewFromImage(case.regions["tumour"]).any()
