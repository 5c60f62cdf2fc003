"""Times of phases from the JSON file beside an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from .acquired import ACQUISITION, BOTH, CONTENT, TRIGGER, seconds_of_clock
from .tags import number

_LIMIT = 1_000_000


@dataclass(frozen=True)
class Table:
    """What a sidecar says of a file (or folder) with several volumes.

    Attributes
    ----------
    times : start of every volume, seconds (VolumeTiming or FrameTimesStart), () if it does not say.
    source, file : how the times are called in the sidecar, and its name.
    duration_s : acquisition time of one volume (AcquisitionDuration or FrameDuration), seconds.
    injection_s : InjectionStart, seconds on the clock of `times`.
    precontrast : how many volumes come before the contrast agent (PreContrastVolumes), 0: not said.
    b_values : DiffusionBValue where it is a list.
    """

    times: tuple[float, ...] = ()
    source: str = ""
    file: str = ""
    duration_s: float | None = None
    injection_s: float | None = None
    precontrast: int = 0
    b_values: tuple[float, ...] = ()

    @property
    def precontrast_source(self) -> str:
        """Where `precontrast` came from, one sentence; "" if it was not said."""
        return f"PreContrastVolumes in {self.file}." if self.precontrast else ""


def table_of(content: Mapping[str, Any], file: str) -> Table:
    """Read the keys of BIDS (perfusion and PET) that tell the times of volumes; missing ones stay empty."""
    times: tuple[float, ...] = ()
    source = ""
    for key in ("VolumeTiming", "FrameTimesStart"):
        times = _list(content.get(key))
        if times:
            source = f"{key} in {file}"
            break
    duration = _list(content.get("AcquisitionDuration", content.get("FrameDuration")))
    injection = number(str(content.get("InjectionStart", "")))
    before = number(str(content.get("PreContrastVolumes", ""))) or 0
    return Table(
        times,
        source,
        file,
        duration[0] if len(set(duration)) == 1 and duration[0] > 0 else None,
        injection,
        int(before) if before > 0 else 0,
        _list(content.get("DiffusionBValue")) if isinstance(content.get("DiffusionBValue"), list) else (),
    )


def table_of_folder(folder: Path, name: str, count: int) -> Table:
    """The table beside phases that lie in single files: NAME.json, times.json or phases.json."""
    for file in dict.fromkeys((f"{name}.json", "times.json", "phases.json")):
        table = table_of(read_sidecar(folder / file), file)
        if len(table.times) == count:
            return table
    return Table()


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
    trigger = number(str(content.get("TriggerDelayTime", content.get("TriggerTime"))))
    if trigger is not None:
        found[TRIGGER] = trigger / 1000.0
    if found[ACQUISITION] is not None:
        found[BOTH] = found[ACQUISITION] + (trigger or 0.0) / 1000.0
    return {source: value for source, value in found.items() if value is not None}


def _list(value: Any) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return ()
    return tuple(float(v) for v in values) if all(isfinite(v) for v in values) else ()
