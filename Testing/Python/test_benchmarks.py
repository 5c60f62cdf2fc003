"""The benchmark runs, and writes what it says it writes; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "Testing" / "Benchmarks"


@pytest.mark.oracle
def test_a_row_on_the_simulated_case(oracle_python, tmp_path, monkeypatch):
    monkeypatch.delenv("VIRTUALBIOPSY_DATA", raising=False)
    out = tmp_path / "bench.json"
    arguments = ["--quick", "--rows", "original_all_classes", "--kernels", "plain", "--out", str(out)]
    run = subprocess.run(
        [sys.executable, str(BENCH / "bench.py"), *arguments], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    entry = json.loads(out.read_text(encoding="utf-8"))["original_all_classes"]
    assert {"ours_s", "peer_s", "peer", "ratio", "n", "cases"} <= set(entry)
    assert entry["cases"] == ["meningioma-sample (simulated)"] and entry["peer"].endswith("3.0.1")
    assert entry["ratio"] == pytest.approx(entry["peer_s"] / entry["ours_s"])
    assert "original_all_classes" in run.stdout and "30, none below 6" in run.stdout


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
