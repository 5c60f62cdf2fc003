"""Times of phases from the JSON file beside an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .acquired import ACQUISITION, BOTH, CONTENT, TRIGGER, seconds_of_clock
from .tags import number

_LIMIT = 1_000_000


def read_sidecar(path: Path) -> Mapping[str, Any]:
    """Content of a JSON file, empty if it is missing or not understood."""
    try:
        if not path.is_file() or path.stat().st_size > _LIMIT:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, Mapping) else {}


def times_of_sidecar(path: Path) -> dict[str, float]:
    """Seconds by source of a single image: AcquisitionTime, TriggerDelayTime (ms), ContentTime, as BIDS and
    dcm2niix write them."""
    content = read_sidecar(path)
    found: dict[str, float | None] = {
        ACQUISITION: seconds_of_clock(str(content.get("AcquisitionTime", ""))),
        CONTENT: seconds_of_clock(str(content.get("ContentTime", ""))),
    }
    trigger = number(content.get("TriggerDelayTime", content.get("TriggerTime")))
    if trigger is not None:
        found[TRIGGER] = trigger / 1000.0
        if found[ACQUISITION] is not None:
            found[BOTH] = found[ACQUISITION] + trigger / 1000.0
    return {source: value for source, value in found.items() if value is not None}
