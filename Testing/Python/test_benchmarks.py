"""The benchmark runs, and writes what it says it writes; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "Testing" / "Benchmarks"


def bench(row: str, folder: Path) -> tuple[dict, str]:
    """Entries of a quick run of one row, and what it printed."""
    out = folder / "bench.json"
    arguments = ["--quick", "--rows", row, "--kernels", "plain", "--out", str(out)]
    run = subprocess.run(
        [sys.executable, str(BENCH / "bench.py"), *arguments], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return json.loads(out.read_text(encoding="utf-8")), run.stdout


@pytest.mark.oracle
def test_a_row_on_the_simulated_case(oracle_python, tmp_path, monkeypatch):
    monkeypatch.delenv("VIRTUALBIOPSY_DATA", raising=False)
    entries, printed = bench("original_all_classes", tmp_path)
    entry = entries["original_all_classes"]
    assert {"ours_s", "peer_s", "peer", "ratio", "n", "cases"} <= set(entry)
    assert entry["cases"] == ["meningioma-sample (simulated)"] and entry["peer"].endswith("3.0.1")
    assert entry["ratio"] == pytest.approx(entry["peer_s"] / entry["ours_s"])
    assert "original_all_classes" in printed and "30, none below 6" in printed


@pytest.mark.oracle
def test_the_row_of_the_tofts_fit(dcmri_python, tmp_path):
    """Both peers find the same Ktrans as the row itself asserts, or it would have failed."""
    entries, _ = bench("tofts_fit", tmp_path)
    for name, peer in (("tofts_fit", "scipy"), ("tofts_fit_dcmri", "dcmri 0.6")):
        entry = entries[name]
        assert entry["peer"].startswith(peer) and "simulated" in entry["cases"][0]
        assert entry["ratio"] == pytest.approx(entry["voxels_per_s"]["ours"] / entry["voxels_per_s"]["peer"])
        assert 0 < entry["ktrans_apart"] < 0.02


@pytest.mark.oracle
def test_the_rows_of_a_cohort(oracle_python, tmp_path):
    """Both tables hold the same values, as the row itself asserts, or it would have failed."""
    entry = bench("cohort_extraction", tmp_path)[0]["cohort_extraction"]
    assert entry["peer"].startswith("pyradiomics 3.0.1") and "4 simulated cases" in entry["cases"][0]
    assert entry["cases_per_minute"]["ours"] == pytest.approx(240 / entry["ours_s"])
    points = bench("cohort_growth", tmp_path)[0]["cohort_growth"]["points"]
    assert [point["cases"] for point in points] == [4, 8] and all(p["worker_peak"] > 1e7 for p in points)


def test_growth_is_drawn():
    sys.path.insert(0, str(BENCH))
    try:
        from growth_plot import draw
    finally:
        sys.path.remove(str(BENCH))
    points = [
        {"engine": engine, "voxels": n, "seconds": n * 1e-6 * factor, "extra_bytes": n * 300}
        for engine, factor in (("plain", 1), ("pyradiomics", 30))
        for n in (1_000, 1_000_000)
    ]
    text = draw(points)
    assert text.count("<polyline") == 4 and "pyradiomics" in text and "with numba" not in text
