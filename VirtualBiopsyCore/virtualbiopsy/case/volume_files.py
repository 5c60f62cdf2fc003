"""Files that hold several volumes: 4D NIfTI and NRRD, Slicer sequences and multivolumes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import OversizedFileError, UnreadableFileError
from .dynamic_series import TimedImage
from .files import bytes_per_voxel, header_of, is_colour, stem
from .limits import MAX_BYTES, MAX_PHASES, readable_size
from .nifti import check_nifti, is_nifti
from .sidecar import Table, read_sidecar, table_of
from .tags import number, protocol_of_sidecar

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "min": 60.0}
_TIME_NAMES = ("time", "triggertime", "acquisitiontime", "contenttime", "trigger time", "acquisition time")
_HEADER_LIMIT = 1 << 20


@dataclass(frozen=True, eq=False)
class VolumeFile:
    """The volumes of one file.

    Attributes
    ----------
    name : file name without suffixes.
    images : with what is known of the time of each.
    protocol : from the sidecar and the header.
    flip_angles, b_values : one per volume where that is what the volumes differ in, else ().
    injection : as for :func:`virtualbiopsy.case.dynamic_series.build_series`.
    timed : whether the file or its sidecar tells times (not only a regular distance in an image header).
    """

    name: str
    images: tuple[TimedImage, ...]
    protocol: Mapping[str, str] = field(default_factory=dict)
    flip_angles: tuple[float, ...] = ()
    b_values: tuple[float, ...] = ()
    injection: tuple[float, str] | None = None
    timed: bool = False


def volumes_in(path: Path) -> int:
    """How many volumes a file holds; 1 for images, colour pictures and what cannot be opened."""
    try:
        reader = header_of(path)
    except UnreadableFileError:
        return 1
    size = reader.GetSize()
    if reader.GetDimension() == 4 and size[3] > 1 and reader.GetNumberOfComponents() == 1:
        return int(size[3])
    if reader.GetDimension() == 3 and not is_colour(reader):
        return int(reader.GetNumberOfComponents())
    return 1


def read_volumes(path: Path, *, dynamic: bool = False, max_bytes: int = MAX_BYTES) -> VolumeFile | None:
    """Read all volumes of a file with their times.

    Times come from the sidecar (VolumeTiming or FrameTimesStart of BIDS, seconds), from the keys of a Slicer
    sequence ("axis 0 index values", where its unit or name is one of time, or its values are more than a
    count) or of a multivolume (MultiVolume.FrameLabels), else from a regular distance in the header.
    b-values come from a .bval file beside it or the sidecar, flip angles from a multivolume.

    Parameters
    ----------
    dynamic : whether the name says that it is a dynamic series; then times are not needed.

    Returns
    -------
    None if nothing tells what the volumes are; then no voxel was read.

    Raises
    ------
    UnreadableFileError : damaged, or not a file with several volumes.
    OversizedFileError : more than `max_bytes`, or more volumes than are read.
    """
    count = volumes_in(path)
    if count < 2:
        raise UnreadableFileError(f"{path.name} holds one volume.", "Open it as an image.")
    reader = header_of(path)
    keys = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    name = stem(path)
    sidecar = path.with_name(name + ".json")
    table = table_of(read_sidecar(sidecar), sidecar.name)
    protocol = {**_multivolume_protocol(keys), **protocol_of_sidecar(sidecar)}
    kind, labels = _frame_labels(keys, count)
    angles = tuple(labels) if "flip" in kind else ()
    b_values = tuple(labels) if kind in ("bvalue", "diffusionbvalue") else _b_values(path, name, count, table)
    source, seconds = "", ()
    if len(table.times) == count:
        source, seconds = table.source, table.times
    elif labels:
        unit = _SECONDS.get(keys.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "ms").strip().lower(), 1e-3)
        tag = keys["MultiVolume.FrameIdentifyingDICOMTagName"].strip()
        source = f"MultiVolume.FrameLabels of the file ({tag})"
        seconds = tuple(value * unit for value in labels)
    else:
        source, seconds = _axis_times(path, keys, count)
    told = bool(seconds) and not angles and not b_values
    if not (told or angles or b_values or dynamic):
        return None
    if not told:
        source, seconds = ("", ()) if angles or b_values else _regular(reader, keys, count)
    needed = prod(reader.GetSize()) * reader.GetNumberOfComponents() * bytes_per_voxel(reader)
    if needed > max_bytes or count > MAX_PHASES:
        raise OversizedFileError(
            f"{path.name} needs {readable_size(needed)} for {count} volumes, more than the limits of "
            f"{readable_size(max_bytes)} and {MAX_PHASES} volumes.",
            "Export the part that is needed.",
        )
    images = _images(path, reader)
    before = [n < table.precontrast for n in range(count)] if table.precontrast else [None] * count
    timed = tuple(
        TimedImage(
            image,
            {source: seconds[n]} if seconds else {},
            before[n],
            0,
            table.duration_s,
            table.precontrast_source,
        )
        for n, image in enumerate(images)
    )
    injection = None
    if table.injection_s is not None and seconds:
        injection = (table.injection_s, f"InjectionStart in {table.file}.")
    return VolumeFile(name, timed, protocol, angles, b_values, injection, told)


def _images(path: Path, reader: sitk.ImageFileReader) -> list[sitk.Image]:
    """The volumes, 3D; a Slicer file keeps them as the components of vectors."""
    reader.SetExtractSize([])
    not_finite = check_nifti(path) if is_nifti(path) else None
    try:
        whole = reader.Execute()
    except RuntimeError as error:
        raise UnreadableFileError(
            f"{path.name} cannot be read: it is damaged or truncated.", "Copy or export it again."
        ) from error
    values = sitk.GetArrayViewFromImage(whole)
    if not_finite is not None:
        values = values.copy()
        values[not_finite.reshape(values.shape)] = np.nan
    components = whole.GetNumberOfComponentsPerPixel()
    dimension = whole.GetDimension()
    direction = np.reshape(whole.GetDirection(), (dimension, dimension))[:3, :3]
    images = []
    for n in range(components if components > 1 else values.shape[0]):
        volume = values[..., n] if components > 1 else values[n]
        image = sitk.GetImageFromArray(np.ascontiguousarray(volume))
        image.SetOrigin(whole.GetOrigin()[:3])
        image.SetSpacing(whole.GetSpacing()[:3])
        image.SetDirection(direction.ravel().tolist())
        images.append(image)
    return images


def _frame_labels(keys: Mapping[str, str], count: int) -> tuple[str, list[float]]:
    """What tells the frames of a multivolume apart, in lower case without marks, and its values; "", []."""
    labels = _numbers(keys.get("MultiVolume.FrameLabels", ""))
    kind = re.sub(r"[^a-z]", "", keys.get("MultiVolume.FrameIdentifyingDICOMTagName", "").lower())
    return (kind, labels) if kind and len(labels) == count else ("", [])


def _axis_times(path: Path, keys: Mapping[str, str], count: int) -> tuple[str, tuple[float, ...]]:
    """Times of a Slicer sequence: what "axis N index values" holds, if that is time."""
    for axis in ("0", "3"):
        if keys.get(f"axis {axis} index type", "numeric").strip().lower() != "numeric":
            continue
        values = _numbers(keys.get(f"axis {axis} index values", ""))
        if len(values) != count:
            continue
        label, unit = _axis_label(path, int(axis))
        source = f"axis {axis} index values of the file"
        if unit in _SECONDS:
            return f"{source} ({unit})", tuple(value * _SECONDS[unit] for value in values)
        counted = values in (list(range(count)), list(range(1, count + 1)))
        if label in _TIME_NAMES or not (counted or label):
            return f"{source}, taken as seconds", tuple(values)
    return "", ()


def _axis_label(path: Path, axis: int) -> tuple[str, str]:
    """Label and unit of an axis from the text of an NRRD header, lower case, "" where it has none."""
    with path.open("rb") as opened:
        header = opened.read(_HEADER_LIMIT).split(b"\n\n")[0].decode("utf-8", "replace")
    found = []
    for fieldname in ("labels", "units"):
        line = re.search(rf"^{fieldname}:(.*)$", header, re.MULTILINE)
        parts = re.findall(r'"([^"]*)"', line[1]) if line else []
        found.append(parts[axis].strip().lower() if axis < len(parts) else "")
    return found[0], found[1]


def _regular(
    reader: sitk.ImageFileReader, keys: Mapping[str, str], count: int
) -> tuple[str, tuple[float, ...]]:
    """Times from a regular distance of volumes; 0 and 1 s are what writers leave when they know nothing."""
    if reader.GetDimension() != 4:
        return "", ()
    step = float(reader.GetSpacing()[3])
    if not isfinite(step) or step <= 0 or step == 1.0:
        return "", ()
    where = "pixdim[4] of the NIfTI header" if "pixdim[4]" in keys else "the spacing of the fourth axis"
    return f"{where}: every {step:g} s", tuple(n * step for n in range(count))


def _multivolume_protocol(keys: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for keyword in ("EchoTime", "FlipAngle", "RepetitionTime"):
        text = keys.get(f"MultiVolume.DICOM.{keyword}", "").strip()
        if number(text) is not None:
            found[keyword] = text
    return found


def _b_values(path: Path, name: str, count: int, table: Table) -> tuple[float, ...]:
    """From a .bval file (FSL: one row of numbers), else the sidecar."""
    beside = path.with_name(name + ".bval")
    if beside.is_file() and beside.stat().st_size < 100_000:
        values = _numbers(beside.read_text(encoding="utf-8", errors="replace"))
        if len(values) == count:
            return tuple(values)
    return table.b_values if len(table.b_values) == count else ()


def _numbers(text: Any) -> list[float]:
    parts: Sequence[str] = re.split(r"[\s,]+", str(text).strip())
    try:
        return [float(part) for part in parts if part]
    except ValueError:
        return []
