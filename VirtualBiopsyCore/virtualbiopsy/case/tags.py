"""Technical acquisition parameters from DICOM data sets and BIDS sidecars; nothing about the patient."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# Whitelist. No names, dates, times, identifiers, institutions, operators, comments.
PROTOCOL_KEYWORDS = (
    "Modality", "Manufacturer", "ManufacturerModelName", "MagneticFieldStrength", "ImageType",
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "SequenceName",
    "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "EchoTrainLength", "NumberOfAverages",
    "PixelBandwidth", "SliceThickness", "SpacingBetweenSlices", "PixelSpacing", "ContrastBolusAgent",
    "DiffusionBValue", "BodyPartExamined", "AcquisitionContrast", "NumberOfTemporalPositions",
    "DerivationDescription",
)  # fmt: skip

# Where enhanced objects keep them: functional group, keyword inside it, keyword of the classic object.
_FUNCTIONAL = (
    ("MRTimingAndRelatedParametersSequence", "RepetitionTime", "RepetitionTime"),
    ("MRTimingAndRelatedParametersSequence", "FlipAngle", "FlipAngle"),
    ("MRTimingAndRelatedParametersSequence", "EchoTrainLength", "EchoTrainLength"),
    ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    ("MRModifierSequence", "InversionTimes", "InversionTime"),
    ("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
    ("MRAveragesSequence", "NumberOfAverages", "NumberOfAverages"),
    ("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
    ("PixelMeasuresSequence", "PixelSpacing", "PixelSpacing"),
    ("MRImageFrameTypeSequence", "AcquisitionContrast", "AcquisitionContrast"),
    ("MRImageFrameTypeSequence", "FrameType", "ImageType"),
)

BIDS_SECONDS = ("RepetitionTime", "EchoTime", "InversionTime")


def protocol_of(dataset: Any) -> dict[str, str]:
    """Protocol of a pydicom data set by DICOM keyword; times in ms, field strength in tesla."""
    found: dict[str, str] = {}
    for keyword in PROTOCOL_KEYWORDS:
        text = text_of(getattr(dataset, keyword, None))
        if text:
            found[keyword] = text
    for groups in functional_groups(dataset, 0):
        for sequence, inner, keyword in _FUNCTIONAL:
            item = first_item(groups, sequence)
            text = text_of(getattr(item, inner, None)) if item is not None else ""
            if text and keyword not in found:
                found[keyword] = text
    tesla = number(found.get("MagneticFieldStrength"))
    if tesla is not None and tesla > 100:  # some scanners write gauss
        found["MagneticFieldStrength"] = f"{tesla / 10000:g}"
    return found


def protocol_of_sidecar(path: Path) -> dict[str, str]:
    """Protocol from the BIDS sidecar of a NIfTI file; empty if it is missing or not understood."""
    try:
        if not path.is_file() or path.stat().st_size > 1_000_000:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping):
        return {}
    found = {}
    for keyword in PROTOCOL_KEYWORDS:
        value = content.get(keyword)
        if keyword in BIDS_SECONDS and isinstance(value, (int, float)):
            value = value * 1000.0
        text = text_of(value)
        if text:
            found[keyword] = text
    return found


def functional_groups(dataset: Any, frame: int) -> list[Any]:
    """The functional groups that hold for a frame of an enhanced object: its own, then the shared ones."""
    groups = []
    own = getattr(dataset, "PerFrameFunctionalGroupsSequence", None)
    if own and frame < len(own):
        groups.append(own[frame])
    shared = getattr(dataset, "SharedFunctionalGroupsSequence", None)
    if shared:
        groups.append(shared[0])
    return groups


def first_item(dataset: Any, keyword: str) -> Any:
    """First item of a sequence element, None if there is none."""
    sequence = getattr(dataset, keyword, None)
    return sequence[0] if sequence else None


def text_of(value: Any) -> str:
    """Value of a DICOM element as one line; multiple values joined by a backslash."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else ""
    if isinstance(value, (str, int)):
        return " ".join(str(value).split())[:200]
    if isinstance(value, Iterable):
        return "\\".join(filter(None, (text_of(v) for v in value)))[:200]
    return str(value)[:200]


def number(text: str | None) -> float | None:
    """First number of a protocol value, None if it is none."""
    try:
        value = float(str(text).split("\\")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def private_number(value: Any) -> float | None:
    """Number of a private element, whose representation may be unknown (then its bytes are given)."""
    if isinstance(value, bytes):
        if len(value) in (4, 8) and not all(32 <= b < 127 for b in value.rstrip(b"\0 ")):
            return float(struct.unpack("<f" if len(value) == 4 else "<d", value)[0])
        value = value.decode("ascii", "ignore").strip("\0 ")
    return number(text_of(value))
