"""What is known about the images that a model was trained on, for its trust card."""

from __future__ import annotations

from collections.abc import Mapping

from .rows import HEADER
from .table import FeatureTable

UNITS: Mapping[str, str] = {
    "MagneticFieldStrength": "T",
    "RepetitionTime": "ms",
    "EchoTime": "ms",
    "InversionTime": "ms",
    "FlipAngle": "degrees",
    "SliceThickness": "mm",
    "DiffusionBValue": "s/mm²",
    "PixelSpacing": "mm",
    "SpacingBetweenSlices": "mm",
    "SliceTilt": "degrees",
    "EarlyPhaseTime": "s",
    "LatePhaseTime": "s",
    "PhaseInterval": "s",
}
"""Units of acquisition parameters."""


def protocol_ranges(table: FeatureTable) -> dict[str, tuple[float, float]]:
    """Lowest and highest acquisition parameter by "<role> <DICOM keyword> (<unit>)"; {} without headers."""
    return {
        f"{role} {keyword}" + (f" ({UNITS[keyword]})" if keyword in UNITS else ""): limits
        for role, ranges in table.ranges(HEADER).items()
        for keyword, limits in ranges.items()
    }
