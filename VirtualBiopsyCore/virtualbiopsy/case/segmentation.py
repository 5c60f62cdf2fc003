"""DICOM segmentation objects as masks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk

from ..errors import EmptyRegionError, GeometryError, OversizedFileError, UnreadableFileError
from .dicom_slices import find, vector
from .limits import MAX_BYTES, readable_size
from .model import Sequence
from .roles import words_of
from .tags import first_item, functional_groups, number, text_of

_NATIVE = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
}
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_TUMOUR = r" (tumou?r\w*|neoplasm\w*|lesion\w*|mass|carcinoma|cancer|malignan\w*|gtv|ftv) "
_BREAST = r" (breast\w*|mamma\w*|fibroglandular|fgt) "
_SAME = 0.01
_KEPT = 0.05


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment of a DICOM segmentation.

    Attributes
    ----------
    name : region name: "tumour", "breast", or the segment's label in lower case.
    label : as the object states it.
    mask : uint8, 1 inside; its own grid, which holds the stored frames and nothing more.
    frame_of_reference : UID, None if it is not given.
    """

    name: str
    label: str
    mask: sitk.Image
    frame_of_reference: str | None


def read_segmentation(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[list[Segment], list[str]]:
    """Read the segments of a DICOM segmentation object (binary or fractional, sparse frames, overlapping).

    A fractional segment holds the voxels with at least half of the largest value. Segments that overlap stay
    separate. A volume of interest of breast tissue is the region "breast", never "tumour".

    Returns
    -------
    segments that hold a voxel, and warnings.

    Raises
    ------
    UnreadableFileError : not a segmentation, damaged, or compressed.
    EmptyRegionError : no segment holds a voxel.
    GeometryError : the frames do not tell where they lie, or are unevenly spaced.
    OversizedFileError : more than `max_bytes`.
    """
    try:
        dataset = pydicom.dcmread(path)
        frames = _frames(path, dataset, max_bytes)
        described = {int(s.SegmentNumber): s for s in dataset.SegmentSequence}
    except (OSError, AttributeError, KeyError, TypeError, ValueError, EOFError, IndexError) as error:
        raise UnreadableFileError(
            f"{path.name} is not a DICOM segmentation that can be read.", "Export it as NIfTI or NRRD."
        ) from error
    title = " ".join(
        text_of(getattr(dataset, keyword, None))
        for keyword in ("SeriesDescription", "ContentDescription", "DerivationDescription")
    )
    frame_of_reference = text_of(getattr(dataset, "FrameOfReferenceUID", None)) or None
    warnings = []
    if text_of(getattr(dataset, "SegmentationType", None)).upper() == "FRACTIONAL":
        kind = text_of(getattr(dataset, "SegmentationFractionalType", None)).lower() or "value"
        warnings.append(
            f"The segmentation {_title(dataset, path)} is fractional ({kind}); voxels with at least half of "
            "the largest value were taken."
        )
    segments: list[Segment] = []
    planes: dict[int, list[tuple[int, np.ndarray]]] = defaultdict(list)
    grid = _Grid(path, dataset, len(frames))
    for n, pixels in enumerate(frames):
        planes[_segment_number(dataset, n)].append((grid.slice_of[n], pixels))
    for key in sorted(planes):
        label = _label(described.get(key))
        array = np.zeros((grid.count, *frames[0].shape), dtype=np.uint8)
        for k, pixels in planes[key]:
            array[k] |= pixels
        if not array.any():
            warnings.append(f"The segment {label or key} of {_title(dataset, path)} is empty; left out.")
            continue
        shared = sum(_label(other) == label for other in described.values()) > 1
        name = _region_name(label, described.get(key), title if len(planes) == 1 else "", shared)
        segments.append(Segment(_unique(name, segments), label, grid.image(array), frame_of_reference))
    if not segments:
        raise EmptyRegionError(f"The segmentation {_title(dataset, path)} holds no voxel.", "Choose another.")
    warnings.extend(_overlaps(segments))
    return segments, warnings


def on_grid_of(segment: Segment, sequences: Many[Sequence]) -> tuple[sitk.Image | None, str]:
    """The mask on the grid of the first sequence whose slices it was drawn on, and what the user should know.

    A sequence fits if the frame of reference is the same or unknown and every voxel of the mask coincides
    with one of the sequence. Where none does, the mask is resampled (nearest neighbour) to the first sequence
    of its frame of reference that holds it whole. None if there is none either.
    """
    shared = []
    for sequence in sequences:
        frames = {segment.frame_of_reference, sequence.frame_of_reference} - {None}
        if len(frames) > 1:
            continue
        placed = _embedded(segment.mask, sequence.image)
        if placed is not None:
            return placed, ""
        if segment.frame_of_reference == sequence.frame_of_reference and frames:
            shared.append(sequence)
    volume = _volume(segment.mask)
    for sequence in shared:
        placed = sitk.Resample(segment.mask, sequence.image, sitk.Transform(), sitk.sitkNearestNeighbor)
        if abs(_volume(placed) - volume) <= _KEPT * volume:
            return placed, (
                f"The segment {segment.name} lies between the voxels of {sequence.name}; it was resampled."
            )
    return None, f"The segment {segment.name} lies on the grid of none of the sequences." if sequences else ""


def _volume(mask: sitk.Image) -> float:
    return float(np.count_nonzero(sitk.GetArrayViewFromImage(mask))) * float(np.prod(mask.GetSpacing()))


def _embedded(mask: sitk.Image, image: sitk.Image) -> sitk.Image | None:
    """The mask in the image's grid if its voxels coincide with voxels of it; axes may point the other way."""
    inverse = np.linalg.inv(np.reshape(image.GetDirection(), (3, 3)))
    turn = inverse @ np.reshape(mask.GetDirection(), (3, 3))
    if np.abs(np.abs(turn) - np.round(np.abs(turn))).max() > 1e-3:
        return None
    axes = [int(np.argmax(np.abs(turn[:, n]))) for n in range(3)]
    signs = [float(np.sign(turn[axes[n], n])) for n in range(3)]
    spacing = [image.GetSpacing()[axis] for axis in axes]
    size = mask.GetSize()
    for n in range(3):
        # A tenth of a voxel over the whole extent, but a single slice has no spacing to compare.
        if size[n] > 1 and abs(mask.GetSpacing()[n] - spacing[n]) * (size[n] - 1) > 0.1 * spacing[n]:
            return None
    first = np.array(image.TransformPhysicalPointToContinuousIndex(mask.GetOrigin()))
    corner = np.round(first).astype(int)
    if np.abs(first - corner).max() > 0.1:
        return None
    values = sitk.GetArrayViewFromImage(mask).transpose(2, 1, 0)
    inside = np.argwhere(values)
    target = np.empty_like(inside)
    for n in range(3):
        target[:, axes[n]] = corner[axes[n]] + int(signs[n]) * inside[:, n]
    if (target < 0).any() or (target >= np.array(image.GetSize())).any():
        return None
    array = np.zeros(image.GetSize()[::-1], dtype=np.uint8)
    array[target[:, 2], target[:, 1], target[:, 0]] = 1
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(image)
    return result


class _Grid:
    """Geometry of the frames: which slice each is, and the image that holds them all."""

    def __init__(self, path: Path, dataset: Any, frames: int) -> None:
        groups = [functional_groups(dataset, n) for n in range(frames)]
        positions = [
            vector(find(dataset, g, "PlanePositionSequence", "ImagePositionPatient"), 3) for g in groups
        ]
        orientations = [
            vector(find(dataset, g, "PlaneOrientationSequence", "ImageOrientationPatient"), 6) for g in groups
        ]
        measures = vector(find(dataset, groups[0], "PixelMeasuresSequence", "PixelSpacing"), 2)
        hint = "Export it as NIfTI or NRRD."
        if measures is None or any(p is None for p in positions) or any(o is None for o in orientations):
            raise GeometryError(f"The frames of {path.name} do not tell where they lie in space.", hint)
        if max(np.abs(o - orientations[0]).max() for o in orientations) > 1e-3:
            raise GeometryError(f"The frames of {path.name} have different orientations.", hint)
        row, column = orientations[0][:3], orientations[0][3:]
        normal = np.cross(row, column)
        depth = np.array([p @ normal for p in positions])
        levels = np.unique(np.round(depth / _SAME).astype(np.int64)) * _SAME
        step = self._step(groups[0], dataset, levels)
        index = (depth - depth.min()) / step
        if np.abs(index - np.round(index)).max() > 0.1:
            raise GeometryError(f"The frames of {path.name} are unevenly spaced.", hint)
        self.slice_of = np.round(index).astype(int).tolist()
        self.count = max(self.slice_of) + 1
        self._origin = positions[int(np.argmin(depth))]
        self._spacing = (measures[1], measures[0], step)
        self._direction = np.stack([row, column, normal], axis=1)

    @staticmethod
    def _step(groups: Any, dataset: Any, levels: np.ndarray) -> float:
        """Distance of slices: the smallest between frames; what the object states divides it if frames were
        left out everywhere."""
        stated = number(text_of(find(dataset, groups, "PixelMeasuresSequence", "SpacingBetweenSlices")))
        thick = number(text_of(find(dataset, groups, "PixelMeasuresSequence", "SliceThickness")))
        if len(levels) < 2:
            return float(stated or thick or 1.0)
        smallest = float(np.diff(levels).min())
        if stated:
            parts = smallest / stated
            if parts > 1.5 and abs(parts - round(parts)) < 0.05:
                return float(stated)
        whole = (levels[-1] - levels[0]) / smallest
        return float((levels[-1] - levels[0]) / max(1, round(whole)))

    def image(self, array: np.ndarray) -> sitk.Image:
        image = sitk.GetImageFromArray(array)
        image.SetOrigin(self._origin.tolist())
        image.SetSpacing([float(s) for s in self._spacing])
        image.SetDirection(self._direction.ravel().tolist())
        return image


def _frames(path: Path, dataset: Any, max_bytes: int) -> list[np.ndarray]:
    """Boolean planes (j, i), one per frame."""
    if str(dataset.Modality) != "SEG":
        raise ValueError("no segmentation")
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax not in _NATIVE:
        raise UnreadableFileError(
            f"{path.name} is a compressed DICOM segmentation.", "Export it uncompressed, or as NIfTI or NRRD."
        )
    count, rows, columns = int(dataset.NumberOfFrames), int(dataset.Rows), int(dataset.Columns)
    if count < 1 or count * rows * columns * 2 > max_bytes:
        raise OversizedFileError(
            f"{path.name} needs {readable_size(count * rows * columns * 2)}, more than the limit of "
            f"{readable_size(max_bytes)}.",
            "Leave it out.",
        )
    data = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    pixels = count * rows * columns
    bits = int(dataset.BitsAllocated)
    if bits == 1:
        values = np.unpackbits(data, bitorder="little")[:pixels]
        least = 1
    elif bits in (8, 16):
        kind = "u1" if bits == 8 else (">u2" if syntax == _BIG_ENDIAN else "<u2")
        values = np.frombuffer(dataset.PixelData, dtype=kind)[:pixels]
        fractional = text_of(getattr(dataset, "SegmentationType", None)).upper() == "FRACTIONAL"
        largest = number(text_of(getattr(dataset, "MaximumFractionalValue", None))) or 255.0
        least = largest / 2 if fractional else 1
    else:
        raise ValueError("bits")
    if values.size < pixels:
        raise ValueError("truncated")
    return list((values.reshape(count, rows, columns) >= least).astype(np.uint8))


def _segment_number(dataset: Any, frame: int) -> int:
    for group in functional_groups(dataset, frame):
        item = first_item(group, "SegmentIdentificationSequence")
        if item is not None:
            return int(item.ReferencedSegmentNumber)
    return 1


def _label(segment: Any) -> str:
    return text_of(getattr(segment, "SegmentLabel", None))


def _region_name(label: str, segment: Any, title: str, shared: bool) -> str:
    """What the segment is called: its label, or its description if several segments share the label."""
    kind = first_item(segment, "SegmentedPropertyTypeCodeSequence") if segment is not None else None
    described = [label, text_of(getattr(segment, "SegmentDescription", None))]
    described.append(text_of(getattr(kind, "CodeMeaning", None)))
    for text in (*described, title):
        words = words_of(text)
        if re.search(_TUMOUR, words):
            return "tumour"
        if re.search(_BREAST, words):
            return "breast"
    order = (described[1], label) if shared else (label, described[1])
    plain = next((text for text in (*order, described[2]) if text), "segment")
    return " ".join(re.sub(r"[^\w\s-]+", " ", plain).split()).lower() or "segment"


def _unique(name: str, taken: Many[Segment]) -> str:
    names, unique, n = {s.name for s in taken}, name, 2
    while unique in names:
        unique, n = f"{name} [{n}]", n + 1
    return unique


def _title(dataset: Any, path: Path) -> str:
    return text_of(getattr(dataset, "SeriesDescription", None)) or path.name


def _overlaps(segments: Many[Segment]) -> list[str]:
    notes = []
    for n, one in enumerate(segments):
        for other in segments[n + 1 :]:
            both = sitk.GetArrayViewFromImage(one.mask) & sitk.GetArrayViewFromImage(other.mask)
            count = int(both.sum())
            if count:
                notes.append(f"The segments {one.name} and {other.name} overlap in {count} voxels.")
    return notes
