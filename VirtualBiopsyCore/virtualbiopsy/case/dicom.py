"""DICOM series: finding, sorting and reading them with their geometry."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from ..errors import GeometryError, ImageError, OversizedFileError, UnreadableFileError
from ..progress import Progress, silent
from .acquired import (
    GE_DURATION,
    TIME_KEYWORDS,
    bolus_of,
    duration_of,
    temporal_position,
    times_of,
)
from .b_values import B_VALUE_TAGS, b_value_of
from .dicom_slices import Slice, is_multiframe, slices_of, whole
from .dicom_stacks import stacks_of, volume_of
from .limits import MAX_BYTES, MAX_PHASES, MAX_VOLUMES_OF_A_SERIES, readable_size
from .roles import is_fast_t1
from .tags import PROTOCOL_KEYWORDS, first_item, number, protocol_of, text_of

_READ = [
    *PROTOCOL_KEYWORDS, "SOPClassUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription",
    "ProtocolName", "FrameOfReferenceUID", "InstanceNumber", "Rows", "Columns", "NumberOfFrames",
    "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept",
    "SamplesPerPixel", "BitsAllocated", "AcquisitionNumber", *TIME_KEYWORDS, *B_VALUE_TAGS, GE_DURATION,
    "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "RealWorldValueMappingSequence",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class DicomVolume:
    """One 3D volume of a series.

    Attributes
    ----------
    name : series description, or the folder's name; with a number if the series holds several volumes.
    description : series description or protocol name, "" if the data say nothing.
    image : image in LPS.
    protocol : see :mod:`virtualbiopsy.case.tags`.
    frame_of_reference : Frame of Reference UID, None if it is not given.
    unit : unit of the values where the data state it (Real World Value Mapping), else None.
    source : folder or file.
    series : the same text for the volumes of one series.
    times : when its first slice was acquired, seconds by source, see :mod:`virtualbiopsy.case.acquired`.
    number : number of the phase that the data state, 0 if they do not.
    duration_s : acquisition time, None if it is not given.
    bolus_s : when the contrast agent was given, on the clock of `times`; None if it is not given.
    """

    name: str
    description: str
    image: sitk.Image
    protocol: dict[str, str]
    frame_of_reference: str | None
    unit: str | None
    source: str
    series: str = ""
    times: dict[str, float] = field(default_factory=dict)
    number: int = 0
    duration_s: float | None = None
    bolus_s: float | None = None


def is_dicom(path: Path) -> bool:
    """Whether a file has the DICOM mark, or the suffix of a file that lacks it."""
    if path.suffix.lower() in (".dcm", ".ima"):
        return True
    try:
        with path.open("rb") as opened:
            return opened.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_dicom(
    paths: list[Path],
    *,
    max_bytes: int = MAX_BYTES,
    progress: Progress = silent,
    segmentations: list[Path] | None = None,
) -> tuple[list[DicomVolume], list[str]]:
    """Read all series among DICOM files, whatever their names and order.

    Slices are sorted by their position along the slice normal; a series that repeats positions is split
    into volumes. What cannot be read is left out with a warning, unless nothing is left.

    Parameters
    ----------
    segmentations : list that takes the paths of segmentation objects; without it they are left out.

    Returns
    -------
    volumes in the order of series numbers, and warnings.

    Raises
    ------
    UnreadableFileError, GeometryError : no series could be read; the first reason.
    OversizedFileError : the images need more than `max_bytes`.
    Cancelled : the progress callback asked to stop.
    """
    series, warnings = _group(paths, progress, segmentations)
    volumes: list[DicomVolume] = []
    failures: list[Exception] = []
    left = max_bytes
    for index, slices in enumerate(series):
        progress(0.5 + 0.5 * index / max(1, len(series)), "Reading DICOM series")
        name = _series_name(slices[0])
        try:
            found, notes = _read_series(name, slices, left)
        except (UnreadableFileError, GeometryError, ImageError) as error:
            failures.append(error)
            warnings.append(f"{error} The series was left out.")
            continue
        volumes.extend(found)
        warnings.extend(note for note in (*notes, *_oddities(slices[0])) if note not in warnings)
        left -= sum(_bytes(v.image) for v in found)
    if not volumes and failures:
        raise failures[0]
    return volumes, warnings


def _oddities(item: Slice) -> list[str]:
    """What the header states in an unusual way."""
    written = text_of(getattr(item.dataset, "MagneticFieldStrength", None))
    read = protocol_of(item.dataset).get("MagneticFieldStrength")
    if read and written and number(read) != number(written):
        return [f"The field strength is written as {written}; taken as gauss, {read} T."]
    return []


def _group(
    paths: list[Path], progress: Progress, segmentations: list[Path] | None = None
) -> tuple[list[list[Slice]], list[str]]:
    groups: dict[tuple, list[Slice]] = defaultdict(list)
    skipped: dict[str, int] = defaultdict(int)
    for index, path in enumerate(paths):
        if index % 8 == 0:
            progress(0.5 * index / len(paths), "Reading DICOM headers")
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=_READ)
            slices = slices_of(path, dataset)
        except (OSError, ValueError, KeyError, AttributeError, TypeError, EOFError, IndexError):
            skipped["unreadable files"] += 1
            continue
        except NotImplementedError:
            skipped["files of an unknown kind"] += 1
            continue
        if segmentations is not None and str(getattr(dataset, "Modality", "")) == "SEG":
            segmentations.append(path)
            continue
        if isinstance(slices, str):
            skipped[slices] += 1
            continue
        for item in slices:
            groups[_series_key(item)].append(item)
    warnings = []
    for what, count in skipped.items():
        many = f" ({count} files)" if count > 1 else ""
        warnings.append(f"Left out: {what}{many}.")
    ordered = sorted(groups.values(), key=lambda g: (whole(g[0].dataset, "SeriesNumber"), str(g[0].path)))
    return ordered, warnings


def _series_key(item: Slice) -> tuple:
    dataset = item.dataset
    orientation = () if item.orientation is None else tuple(np.round(item.orientation, 2))
    return (
        str(getattr(dataset, "SeriesInstanceUID", "") or item.path.parent),
        orientation,
        int(dataset.Rows),
        int(dataset.Columns),
        tuple(round(s, 3) for s in item.spacing),
    )


def _series_name(item: Slice) -> str:
    """What a user calls the series: its description, else the folder's name, else its number."""
    text = _description(item) or item.path.parent.name
    return text if text.strip() else f"series {whole(item.dataset, 'SeriesNumber')}"


def _description(item: Slice) -> str:
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = text_of(getattr(item.dataset, keyword, None)).strip()
        if text:
            return text
    return ""


def _read_series(name: str, slices: list[Slice], max_bytes: int) -> tuple[list[DicomVolume], list[str]]:
    warnings: list[str] = []
    rows, columns = int(slices[0].dataset.Rows), int(slices[0].dataset.Columns)
    needed = rows * columns * len(slices) * 4
    if needed > max_bytes:
        raise OversizedFileError(
            f"The series {name} needs {readable_size(needed)}, more than the limit of "
            f"{readable_size(max_bytes)}.",
            "Leave out series that are not needed.",
        )
    if any(s.position is None or s.orientation is None for s in slices):
        return _without_positions(name, slices)
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    if not 0.99 < np.linalg.norm(normal) < 1.01:
        raise GeometryError(f"The series {name} states an orientation that is not one.", "Export it again.")
    stacks = stacks_of(name, slices, normal)
    if len(stacks[0]) < 2:
        raise UnreadableFileError(
            f"The series {name} has a single slice in this orientation.", "A volume has at least two."
        )
    if len(stacks) > (MAX_PHASES if _repeats(stacks) else MAX_VOLUMES_OF_A_SERIES):
        warnings.append(
            f"The series {name} holds {len(stacks)} volumes; only the first was read. Export the one that "
            "is needed as a series of its own."
        )
        stacks = stacks[:1]
    elif (lost := len(slices) - sum(map(len, stacks))) > 0:
        warnings.append(
            f"The series {name}: {lost} images belong to phases that lack slices; these phases were left out."
        )
    volumes = []
    for number_, stack in enumerate(stacks, start=1):
        image, notes = volume_of(name, stack, normal)
        warnings.extend(notes if number_ == 1 else [])
        label = name if len(stacks) == 1 else f"{name} ({number_} of {len(stacks)})"
        volumes.append(_dicom_volume(label, stack[0], image, len(stacks), stack))
    return volumes, warnings


def _repeats(stacks: list[list[Slice]]) -> bool:
    """Whether the volumes are phases of a short gradient echo, or images with b-values: all are wanted."""
    first = stacks[0][0]
    if any(b_value_of(stack[0].dataset, stack[0].groups) for stack in stacks):
        return True
    return is_fast_t1(protocol_of(first.dataset))


def _without_positions(name: str, slices: list[Slice]) -> tuple[list[DicomVolume], list[str]]:
    """A multi-frame object without plane positions: GDCM's geometry, with a warning."""
    first = slices[0]
    if len({s.path for s in slices}) > 1 or not is_multiframe(first.dataset):
        raise GeometryError(
            f"The images of the series {name} do not say where they lie in space.",
            "Export the series from the scanner or PACS again.",
        )
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(first.path))
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise UnreadableFileError(f"The series {name} cannot be decoded.", "Export it again.") from error
    if image.GetDimension() != 3:
        raise UnreadableFileError(f"The series {name} is not a volume.", "Export it again.")
    step = number(text_of(getattr(first.dataset, "SpacingBetweenSlices", None)))
    note = f"The frames of {name} do not state their positions; their order and distance are taken as stored."
    if step:
        image.SetSpacing((*image.GetSpacing()[:2], step))
    return [_dicom_volume(name, first, image, 1)], [note]


def _dicom_volume(
    name: str, item: Slice, image: sitk.Image, volumes: int, stack: list[Slice] | None = None
) -> DicomVolume:
    protocol = protocol_of(item.dataset)
    b_value = b_value_of(item.dataset, item.groups)
    if b_value is not None:
        protocol["DiffusionBValue"] = f"{b_value:g}"
    if volumes > 1:
        protocol["NumberOfTemporalPositions"] = str(volumes)
    frame = text_of(getattr(item.dataset, "FrameOfReferenceUID", None)) or None
    description = _description(item) or _folder_word(item)
    source = str(item.path if is_multiframe(item.dataset) else item.path.parent)
    return DicomVolume(
        name,
        description,
        image,
        protocol,
        frame,
        _unit(item),
        source,
        text_of(getattr(item.dataset, "SeriesInstanceUID", None)) or source,
        _earliest([times_of(s.dataset, s.groups) for s in stack or [item]]),
        temporal_position(item.dataset, item.groups),
        duration_of(item.dataset, item.groups),
        bolus_of(item.dataset),
    )


def _earliest(slices: list[dict[str, float]]) -> dict[str, float]:
    """The first slice's time by each source that all slices have."""
    return {s: min(times[s] for times in slices) for s in slices[0] if all(s in times for times in slices)}


def _folder_word(item: Slice) -> str:
    """Folder name of a series without description, unless it is only a number."""
    name = item.path.parent.name
    return name if any(c.isalpha() for c in name) else ""


def _unit(item: Slice) -> str | None:
    """Unit that a Real World Value Mapping states for the stored values, if its scale is the rescale's."""
    holders = [*item.groups, item.dataset]
    for holder in holders:
        mapping = first_item(holder, "RealWorldValueMappingSequence")
        code = first_item(mapping, "MeasurementUnitsCodeSequence") if mapping is not None else None
        if code is None:
            continue
        slope = number(text_of(getattr(mapping, "RealWorldValueSlope", None)))
        intercept = number(text_of(getattr(mapping, "RealWorldValueIntercept", None)))
        if (slope, intercept) == item.rescale:
            return text_of(getattr(code, "CodeValue", None)) or None
    return None


def _bytes(image: sitk.Image) -> int:
    return image.GetNumberOfPixels() * image.GetSizeOfPixelComponent()
