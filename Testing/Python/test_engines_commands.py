"""Commands of the engines: extract, agreement, certify."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.engines import certificate
from virtualbiopsy.engines.certificate import Certificate, Check
from virtualbiopsy.engines.pyradiomics import VARIABLE
from virtualbiopsy.radiomics.extract import extract


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("engines")
    rng = np.random.default_rng(9)
    mask = np.zeros((12, 14, 16), dtype=np.uint8)
    mask[3:9, 4:11, 5:12] = 2
    image = rng.normal(500, 70, mask.shape).astype(np.float32)
    for name, array in (("image", image), ("mask", mask)):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing((1.0, 1.2, 2.0))
        sitk.WriteImage(volume, str(folder / f"{name}.nrrd"))
    return {"image": str(folder / "image.nrrd"), "mask": str(folder / "mask.nrrd")}


def run(files, command: str, *more: str) -> int:
    return main([command, files["image"], files["mask"], "--label", "2", "--quiet", *map(str, more)])


def test_extract_writes_a_table_with_names_and_provenance(files, tmp_path, capsys):
    out = tmp_path / "features.csv"
    asked = ("--features", "glcm:contrast", "--features", "morphology", "--bins", "16", "--out", out)
    assert run(files, "extract", *asked) == 0
    assert RESEARCH_USE_ONLY in capsys.readouterr().out
    lines = out.read_text(encoding="utf-8").splitlines()
    assert RESEARCH_USE_ONLY in lines[0] and any("image.nrrd" in line for line in lines[:6])
    rows = {row["key"]: row for row in csv.DictReader(line for line in lines if line[0] != "#")}
    key = "image:tumour:original:glcm:contrast:3d_average:fbn16:ibsi"
    assert rows[key]["ibsi_code"] == "ACUI" and rows[key]["pyradiomics_name"] == "glcm_Contrast"
    image, mask = (sitk.GetArrayFromImage(sitk.ReadImage(files[name])) for name in ("image", "mask"))
    expected = extract({"image": image.astype(float)}, {"tumour": mask == 2}, (2.0, 1.2, 1.0), [key])
    assert float(rows[key]["value"]) == pytest.approx(expected.values[key], rel=1e-12)
    assert "mask:tumour:original:morphology:volume:3d:none:ibsi" in rows
    assert run(files, "extract", *asked) == 2
    assert "ExistingFileError" in capsys.readouterr().err


def test_extract_in_the_profile_of_pyradiomics_with_a_filter(files, tmp_path):
    out = tmp_path / "features.json"
    asked = ("--profile", "pyradiomics", "--bin-width", "25", "--filters", "log(sigma=2)")
    more = ("--filters", "original", "--spacing", "1", "1", "1", "--features", "statistics", "--out", out)
    assert run(files, "extract", *asked, *more) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["engine"]["name"] == "virtualbiopsy" and content["settings"]["spacing"] == [1, 1, 1]
    kinds = {key.split(":")[2] for key in content["features"]}
    assert kinds == {"original", "log(sigma=2)"} and not content["missing"]
    assert any("Resampled to 1 × 1 × 1 mm" in step for step in content["provenance"])


def test_extract_prints_where_no_file_is_named(files, capsys):
    key = "t1:core(range=400..600):original:statistics:mean:3d:none:ibsi"
    assert run(files, "extract", "--features", key) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"# {RESEARCH_USE_ONLY}") and f"{key},Mean,Q4LE" in printed


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (("--features", "glcm:nothing"), "neither a family nor a feature"),
        (("--features", "gldzm", "--profile", "pyradiomics"), "There is no 'gldzm'"),
        (("--filters", "blur"), "Unknown filter"),
        (("--label", "3"), "Its labels are 2"),
        (("--out", "features.xls"), "neither .csv nor .json"),
        (("--engine", "other"), "no engine called"),
        (("--bins", "1"), "whole number of bins"),
        (("--range", "5", "2"), "not usable"),
    ],
)
def test_mistakes_are_named(files, capsys, more, error):
    assert run(files, "extract", *more) == 2
    assert error in capsys.readouterr().err


@pytest.mark.oracle
def test_agreement_writes_three_files(files, tmp_path, capsys, oracle_python):
    assert run(files, "agreement", "--out", tmp_path, "--python", oracle_python) == 0
    assert "110 of 110 features that both compute agree" in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"agreement.json", "agreement.csv", "agreement.html"}
    more = ("--record", tmp_path / "agreement.json", "--out", tmp_path / "two", "--python", oracle_python)
    assert run(files, "agreement", "--features", "glcm", *more) == 0
    assert "110 of 110" in capsys.readouterr().out
    record = json.loads((tmp_path / "two" / "agreement.json").read_text(encoding="utf-8"))
    assert len(record["cases"]) == 2 and len(record["features"]) == 110
    told = ("--features", "glcm:contrast", "--tolerance", "1e-300", "--overwrite", "--bins", "7")
    status = run(files, "agreement", "--out", tmp_path, "--python", oracle_python, *told)
    assert status == (1 if "Disagree by" in capsys.readouterr().out else 0)


def test_agreement_without_pyradiomics_says_where_to_get_it(files, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run(files, "agreement", "--out", tmp_path / "out") == 2
    assert "SlicerRadiomics" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("passed", "status"), [(True, 0), (False, 1)])
def test_certify_ends_with_status_one_if_anything_fails(passed, status, tmp_path, capsys, monkeypatch):
    made = Certificate((Check("group", "check", "", 1.0, 0.0, 1.0, passed),))
    monkeypatch.setattr(certificate, "certify", lambda *_, **__: made)
    assert main(["certify", "--out", str(tmp_path), "--quiet"]) == status
    assert RESEARCH_USE_ONLY in capsys.readouterr().out
    assert ("FAILED" in (tmp_path / "certificate.html").read_text(encoding="utf-8")) == (not passed)
