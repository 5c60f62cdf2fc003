"""Extraction of a cohort: rows, provenance, failures, and resuming after a kill."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from cohort_support import put
from virtualbiopsy.cli import main
from virtualbiopsy.cohort.dataset import to_dataset
from virtualbiopsy.cohort.extract import extract_cohort, remaining
from virtualbiopsy.cohort.load import load_case
from virtualbiopsy.cohort.measured import Extraction
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.cohort.store import Store, read_features, write_features
from virtualbiopsy.errors import Cancelled, CohortError, FeatureError, UnreadableFileError
from virtualbiopsy.measure import Measuring
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.keys import measured_keys
from virtualbiopsy.training.steps.repeats import read_repeats, with_repeats
from virtualbiopsy.training.table import FeatureTable

KEYS = (
    "t1c:tumour:original:statistics:mean:3d:none:ibsi",
    "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi",
    "flair:tumour:original:statistics:variance:3d:none:ibsi",
    "mask:tumour:original:morphology:volume:3d:none:ibsi",
    "clinical:age",
)
PLAIN = Preparation("t1c", None, "linear", "nearest", False, "none", False)
EXTRACTION = Extraction(KEYS, PLAIN, ("t1c",))


def write_cohort(root: Path, n: int) -> Path:
    """Noise with a bright ball of its own size in each case."""
    k, j, i = np.indices((18, 20, 22))
    lines = ["patient,age,t1c,flair,mask,endpoint:PR"]
    for number in range(1, n + 1):
        name = f"P{number}"
        ball = (k - 9) ** 2 + (j - 10) ** 2 + (i - 11) ** 2 < (3 + 0.5 * number) ** 2
        for seed, role in enumerate(("t1c", "flair")):
            values = np.random.default_rng([number, seed]).normal(100, 8, ball.shape) + 40 * ball
            put(root / name / f"{role}.nii.gz", sitk.GetImageFromArray(values.astype(np.float32)))
        put(root / name / "mask.nii.gz", sitk.GetImageFromArray(ball.astype(np.uint8)))
        lines.append(
            f"{name},{50 + number},{name}/t1c.nii.gz,{name}/flair.nii.gz,{name}/mask.nii.gz,{number % 2}"
        )
    (root / "cohort.csv").write_text("\n".join(lines) + "\n")
    return root


def test_rows_equal_those_of_the_single_steps_and_carry_their_provenance(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 2))
    found = extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1, parquet=True)
    assert found.table.cases == ("P1", "P2") and found.table.columns[: len(KEYS)] == KEYS
    case = load_case(cohort.cases[1])
    measuring = Measuring(prepare_case(case, PLAIN), measured_keys(KEYS))
    expected = measuring.measure(case.regions["tumour"]).vector.values
    for n, key in enumerate(KEYS[:-1]):
        assert found.table.values[1, n] == pytest.approx(expected[key], rel=1e-8)
    assert found.table.values[1, KEYS.index("clinical:age")] == 52.0
    told = found.provenance["P2"]
    assert told["files"]["t1c"][0][:2] == ["t1c.nii.gz", (tmp_path / "in/P2/t1c.nii.gz").stat().st_size]
    assert told["steps"] and told["versions"]["virtualbiopsy"] and told["seconds"] > 0
    assert any(column.startswith("image:t1c:") for column in found.table.columns)
    data = to_dataset(found.table, cohort, "PR")
    assert data.columns == KEYS and data.outcome.labels.tolist() == [1, 0]


def test_csv_and_parquet_hold_the_same_numbers(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 2))
    found = extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1)
    pytest.importorskip("pyarrow")
    tables = []
    for name in ("a.csv", "a.parquet"):
        table, provenance = read_features(write_features(tmp_path / name, found.table, found.provenance))
        assert provenance == {case: dict(row) for case, row in found.provenance.items()}
        assert (table.cases, table.columns, table.notes) == (
            found.table.cases,
            found.table.columns,
            found.table.notes,
        )
        tables.append(table.values)
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], found.table.values)
    blank = FeatureTable(("a",), ("x", "y"), np.array([[np.nan, 1e-300]]))
    for name in ("b.csv", "b.parquet"):
        np.testing.assert_array_equal(
            read_features(write_features(tmp_path / name, blank, {}))[0].values, blank.values
        )
    (tmp_path / "c.csv").write_text("case,x\na,1\n")
    with pytest.raises(UnreadableFileError, match="not a table of features"):
        read_features(tmp_path / "c.csv")


def test_a_failed_case_is_reported_and_the_rest_finished(tmp_path):
    root = write_cohort(tmp_path / "in", 3)
    blank = sitk.Image(22, 20, 18, sitk.sitkUInt8)
    put(root / "P2" / "mask.nii.gz", blank)
    cohort = read_cohort_without_check(root)
    out = tmp_path / "out"
    found = extract_cohort(cohort, EXTRACTION, out, processes=1)
    assert found.table.cases == ("P1", "P3") and list(found.failed) == ["P2"]
    assert "holds no voxel" in found.failed["P2"]
    assert any(note.startswith("Not measured: P2: ") for note in found.table.notes)
    assert extract_cohort(cohort, EXTRACTION, out, processes=1).measured == 0
    put(root / "P2" / "mask.nii.gz", sitk.ReadImage(str(root / "P1" / "mask.nii.gz")))
    again = extract_cohort(cohort, EXTRACTION, out, processes=1)
    assert (again.kept, again.measured, again.table.cases) == (2, 1, ("P1", "P2", "P3")) and not again.failed
    assert not list((out / "failed").iterdir())


def read_cohort_without_check(root):
    from virtualbiopsy.cohort.read import examine_cohort

    return examine_cohort(root, deep=False).cohort


def test_only_what_has_changed_is_measured_again(tmp_path):
    root = write_cohort(tmp_path / "in", 2)
    cohort = read_cohort(root)
    out = tmp_path / "out"
    assert extract_cohort(cohort, EXTRACTION, out, processes=1).measured == 2
    assert extract_cohort(cohort, EXTRACTION, out, processes=1).measured == 0
    os.utime(root / "P1" / "mask.nii.gz", (1, 1))
    assert extract_cohort(cohort, EXTRACTION, out, processes=1).measured == 1
    fewer = replace(EXTRACTION, keys=KEYS[:2])
    assert extract_cohort(cohort, fewer, out, processes=1).measured == 2


def test_cancelling_keeps_what_is_done(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 3))

    def cancel(fraction, message):
        if message.startswith("1 of 3 cases"):
            raise Cancelled()

    with pytest.raises(Cancelled):
        extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1, progress=cancel)
    assert len(list((tmp_path / "out" / "rows").iterdir())) == 1
    assert not (tmp_path / "out" / "features.csv").exists()
    told = []
    found = extract_cohort(
        cohort, EXTRACTION, tmp_path / "out", processes=1, progress=lambda f, m: told.append((f, m))
    )
    assert (found.kept, found.measured) == (1, 2)
    assert told[-1] == (1.0, "3 of 3 cases")
    assert any("2 of 3 cases, about" in message and message.endswith(" left") for _, message in told)


def test_cancelling_within_a_case_is_no_failure_of_the_case(tmp_path):
    """In this process a case is left where it is: one of a real study takes a while."""
    cohort = read_cohort(write_cohort(tmp_path / "in", 2))
    told = []

    def cancel(fraction, message):
        told.append(message)
        if told.count("0 of 2 cases") == 6:
            raise Cancelled()

    with pytest.raises(Cancelled):
        extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1, progress=cancel)
    assert not list((tmp_path / "out").rglob("P?.json*")), "neither a row nor a failure"
    found = extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1)
    assert (found.failed, found.kept, found.measured) == ({}, 0, 2)


def test_a_second_run_leaves_the_files_of_the_first_alone(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 1))
    store = Store(tmp_path / "out", EXTRACTION)
    with store.locked():
        (half := tmp_path / "out" / "rows" / "P1.json.part").write_text("{")
        other = replace(EXTRACTION, keys=EXTRACTION.keys[:1])
        with pytest.raises(CohortError, match="Another extraction"):
            extract_cohort(cohort, other, tmp_path / "out")
        assert half.is_file()
        assert json.loads((tmp_path / "out" / "extraction.json").read_text())["digest"] == EXTRACTION.digest
    extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1)
    assert not half.exists()


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path, capsys):
    root = write_cohort(tmp_path / "in", 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableFileError, match="Nothing can be written into"):
        extract_cohort(read_cohort(root), EXTRACTION, tmp_path / "file")
    command = ["cohort", "table", str(root), str(tmp_path / "file" / "cohort.csv")]
    assert main(command) == 2 and "NotADirectoryError" in capsys.readouterr().err


def test_two_runs_do_not_share_a_folder(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 1))
    with (
        Store(tmp_path / "out", EXTRACTION).locked(),
        pytest.raises(CohortError, match="Another extraction is running"),
    ):
        extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1)


def test_a_missing_required_sequence_fails_and_an_optional_one_is_told(tmp_path):
    root = write_cohort(tmp_path / "in", 2)
    text = (root / "cohort.csv").read_text().replace("P1/flair.nii.gz", "")
    (root / "cohort.csv").write_text(text)
    cohort = read_cohort(root)
    found = extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=1)
    assert np.isnan(found.table.values[0, 2]) and not np.isnan(found.table.values[1, 2])
    assert KEYS[2] in found.provenance["P1"]["missing"]
    strict = replace(EXTRACTION, required=("t1c", "flair"))
    failed = extract_cohort(cohort, strict, tmp_path / "strict", processes=1).failed
    assert list(failed) == ["P1"] and "no T2-FLAIR sequence" in failed["P1"]


def test_changes_from_the_first_examination(tmp_path):
    root = write_cohort(tmp_path / "in", 4)
    rows = (root / "cohort.csv").read_text().splitlines()
    named = [row.replace("P1,", "P2,", 1) if row.startswith("P1,") else row for row in rows[1:]]
    points = [
        f"{row.split(',')[0]},T{1 - n if n < 2 else 0},2020-01-0{5 - n}," for n, row in enumerate(named)
    ]
    lines = [point + row.split(",", 1)[1] for point, row in zip(points, named, strict=True)]
    head = rows[0].replace("patient,", "patient,time_point,date,")
    (root / "cohort.csv").write_text("\n".join([head, *lines]) + "\n")
    cohort = read_cohort(root)
    assert [c.name for c in cohort.cases] == ["P2 T1", "P2 T0", "P3", "P4"]
    assert cohort.time_points == ("T1", "T0") and len(cohort.at("T0").cases) == 3
    plain = extract_cohort(cohort, EXTRACTION, tmp_path / "plain", processes=1).table
    change = replace(EXTRACTION, keys=(f"delta:{KEYS[0]}", f"reldelta:{KEYS[3]}", KEYS[0]))
    paired = cohort.with_earlier()
    assert [case.name for case in paired.with_earlier().cases] == ["P2 T1"]
    found = extract_cohort(paired, change, tmp_path / "out", processes=1)
    assert found.table.cases == ("P2 T1",) and found.provenance["P2 T1"]["earlier"] == "P2 T0"
    assert {"t1c", "earlier:t1c", "earlier:mask:tumour"} <= set(found.provenance["P2 T1"]["files"])
    later, earlier = plain.values[0], plain.values[1]
    expected = [later[0] - earlier[0], (later[3] - earlier[3]) / abs(earlier[3]), later[0]]
    np.testing.assert_allclose(found.table.values[0, :3], expected, rtol=1e-6)
    with pytest.raises(CohortError, match="no patient with two examinations"):
        extract_cohort(cohort.at("T0"), change, tmp_path / "none", processes=1)


def test_other_outlines_are_measured_for_their_agreement(tmp_path):
    root = write_cohort(tmp_path / "in", 3)
    lines = (root / "cohort.csv").read_text().splitlines()
    for n in (1, 2):
        mask = sitk.ReadImage(str(root / f"P{n}" / "mask.nii.gz"))
        put(root / f"P{n}" / "second.nii.gz", sitk.BinaryDilate(mask, (1, 1, 1)))
    seconds = ["mask:second", "P1/second.nii.gz", "P2/second.nii.gz", ""]
    text = "\n".join(f"{line},{more}" for line, more in zip(lines, seconds, strict=True))
    (root / "cohort.csv").write_text(text + "\n")
    cohort = read_cohort(root)
    found = extract_cohort(cohort, replace(EXTRACTION, readers=("second",)), tmp_path / "a", processes=1)
    repeated = read_repeats(tmp_path / "a" / "repeats.csv")
    assert repeated.cases == ("P1", "P2", "P3") and repeated.columns == KEYS[:-1]
    assert repeated.measurements == ("second", "tumour")
    volume, drawn = repeated.values[:, :, 3], found.table.values[:, 3]
    np.testing.assert_array_equal(volume[:, 1], drawn)
    assert (volume[:2, 0] > 1.2 * drawn[:2]).all() and np.isnan(volume[2, 0])
    data = with_repeats(to_dataset(found.table, cohort, "PR"), repeated, "two readers")
    assert data.repeats.values.shape == (3, 2, len(KEYS))
    near = extract_cohort(cohort, replace(EXTRACTION, perturbed=2), tmp_path / "b", processes=1)
    np.testing.assert_array_equal(near.table.values, found.table.values)
    repeated = read_repeats(tmp_path / "b" / "repeats.csv")
    assert repeated.measurements == ("outline 1", "outline 2")
    assert (repeated.values[:, :, 3] != drawn[:, None]).all() and (repeated.values[:, :, 3] > 0).all()
    again = extract_cohort(cohort, replace(EXTRACTION, perturbed=2), tmp_path / "b", processes=1)
    assert again.measured == 0 and read_repeats(again.files[-1]).measurements == repeated.measurements
    with pytest.raises(FeatureError, match="Choose one"):
        replace(EXTRACTION, readers=("second",), perturbed=2)


def test_an_unknown_feature_is_refused_before_any_case_is_read():
    with pytest.raises(FeatureError, match="nonsense"):
        Extraction(("t1c:tumour:original:statistics:nonsense:3d:none:ibsi",), PLAIN)


def test_times_for_people():
    assert [remaining(s) for s in (12.4, 89, 600, 9000)] == ["12 s", "89 s", "10 min", "2.5 h"]


def test_a_worker_that_dies_takes_no_case_with_it(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 8))
    killed = []

    def kill(fraction, message):
        rows = len(list((tmp_path / "out" / "rows").glob("*.json")))
        children = multiprocessing.active_children()
        if rows >= 1 and not killed and children:
            killed.append(children[0].pid)
            os.kill(children[0].pid, signal.SIGKILL)

    found = extract_cohort(cohort, EXTRACTION, tmp_path / "out", processes=2, progress=kill)
    assert killed and found.measured == 8 and not found.failed


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from test_cohort_extract import EXTRACTION
from virtualbiopsy.cohort.extract import extract_cohort
from virtualbiopsy.cohort.read import read_cohort
if __name__ == "__main__":
    print(extract_cohort(read_cohort({root!r}), EXTRACTION, {out!r}, processes={processes}).measured)
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_is_resumed_without_losing_or_repeating_a_case(tmp_path, processes):
    n = 16
    root, out = write_cohort(tmp_path / "in", n), tmp_path / "out"
    script = tmp_path / "run.py"
    paths = [p for p in sys.path if p]
    script.write_text(SCRIPT.format(path=paths, root=str(root), out=str(out), processes=processes))
    run = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    rows = out / "rows"
    deadline = time.monotonic() + 60
    while not (rows.is_dir() and len(list(rows.glob("*.json"))) >= 2) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    before = {path.name: path.stat().st_mtime_ns for path in rows.glob("*.json")}
    assert 2 <= len(before) < n, "the run ended before it was killed"
    for path in rows.glob("*.json"):
        assert set(json.loads(path.read_text())) == {"case", "values", "provenance", "repeats"}
    cohort = read_cohort(root)
    deadline = time.monotonic() + 30
    found = extract_cohort(cohort, EXTRACTION, out, processes=1)
    assert (found.kept, found.measured) == (len(before), n - len(before))
    assert {name: (rows / name).stat().st_mtime_ns for name in before} == before
    assert found.table.cases == tuple(f"P{k}" for k in range(1, n + 1)) and not found.failed
    whole = extract_cohort(cohort, EXTRACTION, tmp_path / "whole", processes=1)
    np.testing.assert_array_equal(found.table.values, whole.table.values)
    assert _children_of(run.pid, deadline) == []


def _children_of(group: int, deadline: float) -> list[int]:
    """Processes of the killed run that still live when they should have noticed; they are ended."""
    while True:
        left = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                left.append(int(folder.name))
        if not left:
            return []
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return left
        time.sleep(0.2)
