"""A fresh process that extracts the features of a cohort once, as a command does, and says how it went.

    python cohort_worker.py COHORT OUT PROCESSES ROW

ROW names the file of rows/ with ``extraction()``. Prints one line of JSON: cases, peak resident memory of
this process and of its largest worker (bytes).
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(Path(__file__).resolve().parent)]


def main(cohort: str, out: str, processes: str, row: str) -> None:
    from virtualbiopsy.cohort.extract import extract_cohort
    from virtualbiopsy.cohort.read import read_cohort

    extraction = importlib.import_module(f"rows.{row}").extraction()
    found = extract_cohort(read_cohort(cohort, deep=False), extraction, out, processes=int(processes))
    assert not found.failed, found.failed
    peaks = [
        1024 * resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(json.dumps({"cases": len(found.table.cases), "peak": peaks[0], "worker_peak": peaks[1]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
