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
    # Explanation
    "explained_model": "",
    "explained_models": [],
    "explained_map": "total",
    "explained_maps": [],
    "waterfall": "",
    "not_localised": [],
    "localised_text": "",
    "map_note": "",
    "overlay_shown": True,
    "overlay_opacity": 0.7,
    "overlay_window": 1.0,
    "overlay_window_limit": 1.0,
    "overlay_unit": "log-odds per voxel",
    "legend_shown": True,
    "surface_shown": True,
    "diameter_shown": True,
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
