"""When a DICOM image was acquired: every element that tells it, in seconds, for differences only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from .tags import first_item, number, private_number, text_of

TIME_KEYWORDS = (
    "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "TriggerTime", "TemporalPositionIdentifier",
    "TemporalResolution", "ContentDate", "ContentTime", "ContrastBolusStartTime",
)  # fmt: skip

GE_DURATION = (0x0019, 0x105A)
"""GE's acquisition duration, microseconds."""

FRAME_TIME = "FrameAcquisitionDateTime (0018,9074)"
DATE_TIME = "AcquisitionDateTime (0008,002A)"
ACQUISITION = "AcquisitionTime (0008,0032)"
TRIGGER = "TriggerTime (0018,1060)"
BOTH = "AcquisitionTime (0008,0032) + TriggerTime (0018,1060)"
OFFSET = "TemporalPositionTimeOffset (0020,930D)"
POSITION = "TemporalPositionIdentifier (0020,0100) × TemporalResolution (0020,0110)"
CONTENT = "ContentTime (0008,0033)"
SOURCES = (FRAME_TIME, DATE_TIME, ACQUISITION, BOTH, TRIGGER, OFFSET, POSITION, CONTENT)
"""In the order in which they are believed; the first that tells all phases apart is used."""

DAY = 86400.0
_WRITTEN_LATER = (CONTENT,)


def times_of(dataset: Any, groups: Sequence[Any] = ()) -> dict[str, float]:
    """Seconds by source for one image (or frame, with its functional groups)."""
    found: dict[str, float | None] = {}
    content = _of_groups(groups, "FrameContentSequence")
    found[FRAME_TIME] = _date_time(getattr(content, "FrameAcquisitionDateTime", None))
    found[DATE_TIME] = _date_time(getattr(dataset, "AcquisitionDateTime", None))
    found[ACQUISITION] = _time(dataset, "AcquisitionDate", "AcquisitionTime")
    trigger = number(text_of(getattr(dataset, "TriggerTime", None)))
    if trigger is None:
        delay = getattr(
            _of_groups(groups, "CardiacSynchronizationSequence"), "NominalCardiacTriggerDelayTime", None
        )
        trigger = number(text_of(delay))
    if trigger is not None:
        found[TRIGGER] = trigger / 1000.0
    if found[ACQUISITION] is not None:
        found[BOTH] = found[ACQUISITION] + (trigger or 0.0) / 1000.0
    offset = getattr(_of_groups(groups, "TemporalPositionSequence"), "TemporalPositionTimeOffset", None)
    found[OFFSET] = number(text_of(offset))
    position, resolution = temporal_position(dataset, groups), _number(dataset, "TemporalResolution")
    if position and resolution:
        found[POSITION] = (position - 1) * resolution / 1000.0
    found[CONTENT] = _time(dataset, "ContentDate", "ContentTime")
    return {source: value for source, value in found.items() if value is not None}


def temporal_position(dataset: Any, groups: Sequence[Any] = ()) -> int:
    """Number of the phase as the data give it, 0 if they do not."""
    index = getattr(_of_groups(groups, "FrameContentSequence"), "TemporalPositionIndex", None)
    if index is None:
        index = getattr(dataset, "TemporalPositionIdentifier", None)
    value = number(text_of(index))
    return 0 if value is None else int(value)


def duration_of(dataset: Any, groups: Sequence[Any] = ()) -> float | None:
    """Acquisition time of a frame (0018,9220), or of an image of GE (0019,105A), seconds; None if neither is
    given. Some scanners give that of the whole series: compare it with the distance of the phases."""
    content = _of_groups(groups, "FrameContentSequence")
    milliseconds = number(text_of(getattr(content, "FrameAcquisitionDuration", None)))
    if milliseconds:
        return milliseconds / 1000.0
    maker = text_of(getattr(dataset, "Manufacturer", None)).upper()
    if maker.startswith("GE ") and GE_DURATION in dataset:
        microseconds = private_number(dataset[GE_DURATION].value)
        return microseconds / 1e6 if microseconds else None
    return None


def bolus_of(dataset: Any) -> float | None:
    """ContrastBolusStartTime (0018,1042) on the acquisition's day, seconds, None if it is not given."""
    return _time(dataset, "AcquisitionDate", "ContrastBolusStartTime")


def chosen_times(
    images: Sequence[Mapping[str, float]], shortest: float = 0.05
) -> tuple[str, tuple[float, ...]] | None:
    """The first source that is known for all images and tells them apart, and its seconds.

    The time at which an image was written (ContentTime) counts only if the images were written at least a
    second apart; a scanner that writes all of them at the end would tell nothing. Clock times that pass
    midnight without a date go on past 24 h.
    """
    for source in _known(images):
        values = _past_midnight([image[source] for image in images])
        steps = sorted(values)
        least = min((b - a for a, b in zip(steps, steps[1:], strict=False)), default=float("inf"))
        if least >= (1.0 if source in _WRITTEN_LATER else shortest):
            return source, tuple(values)
    return None


def why_no_times(images: Sequence[Mapping[str, float]]) -> str:
    """One clause for a warning: which sources are missing or equal."""
    known = list(_known(images))
    if not known:
        return "no element tells when each phase was acquired"
    return f"{known[0]} is the same for phases that differ, and nothing else tells them apart"


def seconds_of_clock(text: str) -> float | None:
    """Seconds of the day of "HHMMSS.ffffff" or "HH:MM:SS.ffffff", None if it is neither."""
    match = re.fullmatch(r"(\d{2}):?(\d{2}):?(\d{2})?(\.\d+)?", text.strip())
    if not match:
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600.0 + minutes * 60.0 + seconds + float(match[4] or 0.0)


def _known(images: Sequence[Mapping[str, float]]) -> list[str]:
    return [source for source in SOURCES if all(source in image for image in images)] if images else []


def given_times(images: Sequence[Mapping[str, float]]) -> tuple[str, tuple[float, ...]] | None:
    """Source and seconds where a table gives them (a source that is no DICOM element), as they are."""
    common = [s for s in (images[0] if images else ()) if s not in SOURCES and all(s in i for i in images)]
    return (common[0], tuple(image[common[0]] for image in images)) if common else None


def _past_midnight(values: list[float]) -> list[float]:
    if max(values) < DAY and max(values) - min(values) > DAY / 2:
        return [value + DAY if value < DAY / 2 else value for value in values]
    return values


def _of_groups(groups: Sequence[Any], keyword: str) -> Any:
    for group in groups:
        item = first_item(group, keyword)
        if item is not None:
            return item
    return None


def _number(dataset: Any, keyword: str) -> float | None:
    return number(text_of(getattr(dataset, keyword, None)))


def _time(dataset: Any, day: str, clock: str) -> float | None:
    seconds = seconds_of_clock(text_of(getattr(dataset, clock, None)))
    if seconds is None:
        return None
    return seconds + (_days(text_of(getattr(dataset, day, None))) or 0) * DAY


def _date_time(value: Any) -> float | None:
    text = text_of(value)
    seconds, days = seconds_of_clock(re.split(r"[+&-]", text[8:])[0]), _days(text[:8])
    return None if seconds is None or days is None else seconds + days * DAY


def _days(text: str) -> int | None:
    match = re.fullmatch(r"(\d{4})\.?(\d{2})\.?(\d{2})", text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).toordinal() if match else None
    except ValueError:
        return None
