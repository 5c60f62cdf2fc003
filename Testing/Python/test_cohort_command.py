"""The command ``virtualbiopsy cohort``."""

from __future__ import annotations

from cohort_support import plain_cohort
from test_cohort_extract import write_cohort
from test_cohort_layouts import brats_case
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.cohort.store import read_features
from virtualbiopsy.training.demo import demo_recipes


def test_check_lists_faults_and_says_so_by_its_status(tmp_path, capsys):
    plain_cohort(tmp_path)
    assert main(["cohort", "check", str(tmp_path), "--quiet"]) == 0
    told = capsys.readouterr().out
    assert RESEARCH_USE_ONLY in told and "4 cases of 4 patients" in told
    assert "Ki-67 (binary): 2 not Ki-67, 2 Ki-67; unknown for 0." in told
    (tmp_path / "P1" / "seg.nii.gz").unlink()
    arguments = ["--roles", "t1c", "adc", "--endpoint", "Ki-67", "--quick"]
    assert main(["cohort", "check", str(tmp_path), "--quiet", *arguments]) == 1
    told = capsys.readouterr().out
    assert "Fault: row 2 (P1), column mask: There is no file P1/seg.nii.gz." in told
    assert told.count("The sequence adc is missing") == 4 and "6 faults" in told


def test_extract_goes_on_and_writes_the_table(tmp_path, capsys):
    write_cohort(tmp_path / "in", 2)
    recipe = demo_recipes("meningioma")[0]
    arguments = ["cohort", "extract", str(tmp_path / "in"), "--recipe", recipe.recipe_id, "--processes", "1"]
    arguments += ["--out", str(tmp_path / "out"), "--quiet"]
    assert main(arguments) == 0
    assert "2 cases measured, 0 were there already, 0 failed" in capsys.readouterr().out
    assert main([*arguments, "--parquet"]) == 0
    assert "0 cases measured, 2 were there already" in capsys.readouterr().out
    for name in ("features.csv", "features.parquet"):
        table, provenance = read_features(tmp_path / "out" / name)
        assert set(recipe.keys) <= set(table.columns) and set(provenance) == {"P1", "P2"}


def test_an_unknown_recipe_is_refused(tmp_path, capsys):
    plain_cohort(tmp_path, 2)
    out = ["--out", str(tmp_path / "out"), "--quiet"]
    assert main(["cohort", "extract", str(tmp_path), "--recipe", "Z99", *out]) == 2
    assert "Z99" in capsys.readouterr().err


def test_a_layout_becomes_a_table_that_reads_alike(tmp_path, capsys):
    for name in ("BraTS-MEN-00001-000", "BraTS-MEN-00002-000"):
        brats_case(tmp_path, name)
    assert main(["cohort", "table", str(tmp_path), str(tmp_path / "cohort.csv")]) == 0
    cohort = read_cohort(tmp_path)
    assert cohort.layout == "table" and [case.patient for case in cohort.cases] == [
        "BraTS-MEN-00001",
        "BraTS-MEN-00002",
    ]
    assert cohort.cases[0].masks["tumour"].labels == (1, 3) and "oedema" in cohort.cases[0].masks
    assert main(["cohort", "layouts"]) == 0
    assert "mamamia" in capsys.readouterr().out
