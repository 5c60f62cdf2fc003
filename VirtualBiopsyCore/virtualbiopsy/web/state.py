"""The state that server and page share: every variable with its first value."""

from __future__ import annotations

import copy
from typing import Any

from .. import RESEARCH_USE_ONLY

DEFAULTS: dict[str, Any] = {
    # Frame
    "trame__title": "VirtualBiopsy",
    "trame__favicon": "data:,",
    "research_use_only": RESEARCH_USE_ONLY,
    "tab": "case",
    "layout_name": "main",
    # Task
    "start_open": True,
    "start_tasks": [],
    "task": "",
    "task_items": [],
    "task_reason": "",
    "task_title": "",
    "task_lesion": "",
    "task_reference": "",
    "task_reference_label": "",
    "task_dynamic": False,
    "task_clinical": [],
    "role_items": [],
    "alerts": [],
    # Running job
    "job_active": False,
    "job_title": "",
    "job_message": "",
    "job_percent": 0,
    # Case
    "case_path": "",
    "case_name": "",
    "sequences": [],
    "shown": "",
    "case_warnings": [],
    "has_reference": False,
    "has_case_mask": False,
    "register": True,
    "bias_correction": False,
    "clinical_errors": {},
    "clinical_known": 0,
    "window": [0.0, 1.0],
    "window_limits": [0.0, 1.0],
    "window_step": 0.01,
    # Path browser
    "browser_open": False,
    "browser_target": "case_path",
    "browser_folder": "",
    "browser_rows": [],
    # Outline
    "tool": "none",
    "segments": [],
    "brush_mm": 8.0,
    "brush_sphere": False,
    "scissors_mode": "erase_inside",
    "threshold": [0.0, 1.0],
    "paint_in_range": False,
    "island_mode": "keep",
    "island_voxels": 50,
    "smooth_mode": "median",
    "smooth_mm": 3.0,
    "margin_mm": 2.0,
    "mask_path": "",
    "can_undo": False,
    "can_redo": False,
    "facts": [],
    "facts_note": "",
    # Result
    "live": True,
    "stale": False,
    "stale_reason": "",
    "has_result": False,
    "cards": [],
    "skipped": [],
    "warnings": [],
    "update_count": 0,
    "update_ms": 0,
    "provenance": [],
    # Trust
    "shown_anyway": [],
    # Explanation
    "explained_model": "",
    "explained_models": [],
    "explained_map": "total",
    "ledger": [],
    "ledger_open": [],
    "ledger_told": "",
    "ledger_note": "",
    "feature_words": {},
    "waterfall": "",
    "map_note": "",
    "layer": "sits",
    "colors": "blue-red",
    "overlay_shown": True,
    "overlay_opacity": 0.7,
    "overlay_window": 1.0,
    "overlay_window_limit": 1.0,
    "overlay_unit": "log-odds per mL",
    "legend_shown": True,
    "hatching_shown": True,
    "hatching_note": "",
    "strongest_shown": False,
    "surface_shown": True,
    "diameter_shown": True,
    "probe": [],
    "probe_view": "",
    # What if this part were missing
    "parts_kind": "supervoxels",
    "parts_count": 8,
    "parts_game": "erase",
    "parts_rows": [],
    "parts_note": "",
    "parts_warning": "",
    "parts_busy": False,
    # What if the outline changed here
    "influence_rows": [],
    "influence_note": "",
    "influence_flips": 0,
    "influence_busy": False,
    # What if a value were another one
    "whatif_rows": [],
    "whatif_values": {},
    "whatif": {},
    # Features and evidence
    "features": [],
    "feature_search": "",
    "feature_model_only": True,
    "evidence": [],
    # Engine
    "engine_kernels": "",
    "engine_peer": "",
    "engine_peer_reason": "",
    "engine_data": "",
    "engine_filtered": False,
    "engine_checks": [],
    # Saving
    "save_path": "",
    "restore_path": "",
    "save_copies": True,
    "export_path": "",
    "exported": [],
    "replace_files": False,
}


def initialise(state: Any) -> None:
    """Give every variable its first value."""
    state.update(copy.deepcopy(DEFAULTS))
