"""One file for each row of the benchmark: ``measure(context)`` gives its entries of build/bench.json.

Where our part runs in engine_worker.py, ``prepare(request)`` reads what is needed and returns the timed call.
"""

from __future__ import annotations

import importlib

ROWS = (
    "original_all_classes",
    "filtered_all_classes",
    "edit_vs_full",
    "edit_vs_needed",
    "voxel_maps",
    "coalitions",
    "influence_map",
    "regions_exact",
    "ledger_map",
    "memory_peak",
    "edit_to_prediction",
    "edit_to_picture",
    "growth",
    "tofts_fit",
    "cohort_extraction",
    "cohort_growth",
)


def row(name: str):
    """The module of a row."""
    return importlib.import_module(f"rows.{name}")
