"""Write small DICOM series with known geometry, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def write_series(
    folder: Path,
    values: np.ndarray,
    *,
    spacing=(1.0, 1.0, 2.0),
    origin=(0.0, 0.0, 0.0),
    direction=(1, 0, 0, 0, 1, 0, 0, 0, 1),
    description="T1 post",
    order=None,
    slope=None,
    intercept=0.0,
    leave_out=(),
    series=None,
    frame="1.2.3.4",
    first_instance=1,
    prefix="i",
    **tags,
) -> str:
    """Write one file per slice of (k, j, i) uint16 values; spacing and origin along (x, y, z).

    order : permutation that decides file names and instance numbers. Returns the series UID.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series = series or generate_uid()
    matrix = np.reshape(direction, (3, 3)).astype(float)
    names = list(range(len(values))) if order is None else list(order)
    for k, plane in enumerate(values):
        if k in leave_out:
            continue
        data = _blank(MR, series, frame, description)
        data.InstanceNumber = first_instance + names[k]
        data.ImagePositionPatient = [f"{v:.8g}" for v in np.array(origin) + matrix[:, 2] * spacing[2] * k]
        data.ImageOrientationPatient = [f"{v:.8g}" for v in (*matrix[:, 0], *matrix[:, 1])]
        data.PixelSpacing = [spacing[1], spacing[0]]
        data.SliceThickness = spacing[2]
        if slope is not None:
            data.RescaleSlope, data.RescaleIntercept = slope, intercept
        for keyword, value in tags.items():
            setattr(data, keyword, value)
        _pixels(data, plane)
        data.save_as(folder / f"{prefix}{names[k]:04d}.dcm", enforce_file_format=True)
    return series


def write_enhanced(
    path: Path, values: np.ndarray, frames, *, spacing, direction, origin, times=None, **tags
) -> None:
    """Write a multi-frame object; frames is a list of (k, b-value or None) with the slice of every frame.

    times : (temporal position, FrameAcquisitionDateTime, duration in ms) of every frame, or None.
    """
    matrix = np.reshape(direction, (3, 3)).astype(float)
    data = _blank(ENHANCED_MR, generate_uid(), "1.2.3.4", tags.pop("description", "enhanced"))
    data.NumberOfFrames = len(values)
    shared = Dataset()
    measures = Dataset()
    measures.PixelSpacing = [spacing[1], spacing[0]]
    measures.SliceThickness = spacing[2]
    shared.PixelMeasuresSequence = [measures]
    orientation = Dataset()
    orientation.ImageOrientationPatient = [f"{v:.8g}" for v in (*matrix[:, 0], *matrix[:, 1])]
    shared.PlaneOrientationSequence = [orientation]
    data.SharedFunctionalGroupsSequence = [shared]
    data.PerFrameFunctionalGroupsSequence = []
    for number, (k, b_value) in enumerate(frames):
        group, plane, diffusion = Dataset(), Dataset(), Dataset()
        point = np.array(origin) + matrix[:, 2] * spacing[2] * k
        plane.ImagePositionPatient = [f"{v:.8g}" for v in point]
        group.PlanePositionSequence = [plane]
        if b_value is not None:
            diffusion.DiffusionBValue = b_value
            group.MRDiffusionSequence = [diffusion]
        if times is not None:
            content = Dataset()
            content.TemporalPositionIndex, content.FrameAcquisitionDateTime = times[number][:2]
            content.FrameAcquisitionDuration = times[number][2]
            group.FrameContentSequence = [content]
        data.PerFrameFunctionalGroupsSequence.append(group)
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    _pixels(data, values)
    data.save_as(path, enforce_file_format=True)


def _blank(kind: str, series: str, frame: str, description: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID, data.StudyInstanceUID = series, "1.2.3"
    data.FrameOfReferenceUID = frame
    data.Modality = "MR"
    data.SeriesDescription = description
    data.PatientName, data.PatientID, data.PatientBirthDate = "Somebody^Secret", "ID-SECRET", "19500101"
    data.StudyDate, data.InstitutionName = "20200101", "Secret Hospital"
    return data


def _pixels(data: Dataset, values: np.ndarray) -> None:
    data.Rows, data.Columns = values.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = np.ascontiguousarray(values, dtype="<u2").tobytes()


def write_segmentation(
    path: Path,
    masks: dict[str, np.ndarray],
    *,
    spacing,
    direction=(1, 0, 0, 0, 1, 0, 0, 0, 1),
    origin=(0.0, 0.0, 0.0),
    fractional: int = 0,
    frame="1.2.3.4",
    description="Segmentation",
) -> None:
    """Write a segmentation object with one segment per label; only slices that hold something become frames.

    masks : (k, j, i) arrays by label, 0/1, or 0…`fractional` for a fractional object with that maximum.
    """
    matrix = np.reshape(direction, (3, 3)).astype(float)
    data = _blank("1.2.840.10008.5.1.4.1.1.66.4", generate_uid(), frame, description)
    data.Modality, data.SegmentationType = "SEG", "FRACTIONAL" if fractional else "BINARY"
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [spacing[1], spacing[0]], spacing[2]
    measures.SpacingBetweenSlices = spacing[2]
    orientation.ImageOrientationPatient = [f"{v:.8g}" for v in (*matrix[:, 0], *matrix[:, 1])]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], []
    data.SegmentSequence, planes = [], []
    for segment, (label, mask) in enumerate(masks.items(), start=1):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = segment, label
        data.SegmentSequence.append(item)
        for k in np.flatnonzero(mask.any(axis=(1, 2))):
            group, plane, identification = Dataset(), Dataset(), Dataset()
            plane.ImagePositionPatient = [
                f"{v:.8g}" for v in np.array(origin) + matrix[:, 2] * spacing[2] * k
            ]
            identification.ReferencedSegmentNumber = segment
            group.PlanePositionSequence = [plane]
            group.SegmentIdentificationSequence = [identification]
            data.PerFrameFunctionalGroupsSequence.append(group)
            planes.append(mask[k])
    stack = np.array(planes, dtype=np.uint8)
    data.NumberOfFrames, data.Rows, data.Columns = stack.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 if fractional else 1
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    if fractional:
        data.SegmentationFractionalType, data.MaximumFractionalValue = "OCCUPANCY", fractional
        content = stack.tobytes()
    else:
        content = np.packbits(stack.ravel(), bitorder="little").tobytes()
    data.PixelData = content + b"\0" * (len(content) % 2)
    data.save_as(path, enforce_file_format=True)
