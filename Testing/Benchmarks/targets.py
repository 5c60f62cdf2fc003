"""What each row should reach, as far as the project has set itself a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """At least this ratio (median over the cases), and in no case less than `lowest`."""

    ratio: float
    lowest: float = 0.0

    def met(self, entry: Mapping[str, Any]) -> bool:
        return entry["ratio"] >= self.ratio and entry.get("lowest", entry["ratio"]) >= self.lowest

    def __str__(self) -> str:
        return f"{self.ratio:g}" + (f", none below {self.lowest:g}" if self.lowest else "")


TARGETS: Mapping[str, Target] = {
    "original_all_classes": Target(30, 6),
    "original_all_classes_fast": Target(60, 19),
    "filtered_all_classes": Target(6, 3),
    "filtered_all_classes_fast": Target(15, 8),
    "edit_vs_full": Target(400),
    "edit_vs_full_fast": Target(1000),
    "edit_vs_needed": Target(120),
    "edit_vs_needed_fast": Target(300),
    "voxel_maps": Target(50),
    "voxel_maps_fast": Target(400),
    "coalitions": Target(40),
    "coalitions_fast": Target(100),
    "memory_peak": Target(1),
    "tofts_fit": Target(50),
    "tofts_fit_dcmri": Target(500),
}
