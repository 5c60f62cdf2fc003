"""The same edit, against pyradiomics asked for the needed image types and features alone."""

from __future__ import annotations

from typing import Any

from context import Context

from rows import edit_vs_full
from rows.edit_vs_full import FEATURES, LOG, WAVELET

NAME = "edit_vs_needed"
PEER_TYPES = {"original": ("Original", {}), LOG: ("LoG", {"sigma": [3.0]}), WAVELET: ("Wavelet", {})}


def needed(roles: list[str]) -> tuple[dict, dict]:
    """Features by role and class, and image types by role, in pyradiomics' words."""
    from virtualbiopsy.radiomics.definitions import DEFINITIONS

    features: dict[str, dict[str, list[str]]] = {}
    types: dict[str, dict[str, dict]] = {}
    for number, image, family, name in FEATURES:
        role = roles[number or 0]
        group, feature = DEFINITIONS[family, name].pyradiomics_name.split("_", 1)
        features.setdefault(role, {}).setdefault(group, []).append(feature)
        kind, arguments = PEER_TYPES[image]
        types.setdefault(role, {})[kind] = arguments
    return features, types


def measure(context: Context) -> dict[str, dict[str, Any]]:
    entries, _ = context.compare(NAME, edit_vs_full.tasks(context, needed))
    return entries
