"""Headers of the DICOM images that a sequence was read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk

from ...case.dicom import is_dicom
from ...case.model import Sequence
from ...errors import NotDicomError, UnreadableFileError

_NEAR_MM = 0.05
_EMPTY_IF_ABSENT = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""Attributes of type 2: an object must carry them, if only empty."""


def source_headers(sequence: Sequence, files: Iterable[Path] | None = None) -> list[Any]:
    """Headers (without pixels) of the images of one series, sorted along the slice normal.

    Parameters
    ----------
    files : DICOM files to look through; None takes what the sequence was read from.

    Raises
    ------
    NotDicomError : the sequence was not read from DICOM files, or they are not there any more.
    UnreadableFileError : more than one series fits the image.
    """
    series = _series(sequence, files)
    fitting = [headers for headers in series.values() if _fits(headers, sequence.image)]
    if len(fitting) > 1:
        fitting = [headers for headers in fitting if _same_values(headers, sequence.image)]
    if not fitting:
        raise NotDicomError(
            f"The sequence {sequence.name} was not read from DICOM files that are still there.",
            "Read the case from its DICOM folder to export DICOM objects.",
        )
    if len({str(headers[0].SeriesInstanceUID) for headers in fitting}) > 1:
        raise UnreadableFileError(
            f"More than one DICOM series fits the sequence {sequence.name}.", "Put each series into a folder."
        )
    headers = fitting[0]
    for header in headers:
        for keyword in _EMPTY_IF_ABSENT:
            if keyword not in header:
                setattr(header, keyword, "")
    return headers


def _series(sequence: Sequence, files: Iterable[Path] | None) -> dict[str, list[Any]]:
    if files is None:
        source = Path(sequence.source) if sequence.source else None
        if source is None or not source.exists():
            files = ()
        else:
            files = sorted(source.iterdir()) if source.is_dir() else [source]
    series: dict[str, list[Any]] = defaultdict(list)
    for path in files:
        if not path.is_file() or not is_dicom(path):
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except (OSError, ValueError, KeyError, EOFError, pydicom.errors.InvalidDicomError):
            continue
        if getattr(header, "Rows", None) and getattr(header, "SeriesInstanceUID", None):
            header.filename = str(path)
            series[str(header.SeriesInstanceUID)].append(header)
    return series


def _positions(headers: list[Any]) -> np.ndarray | None:
    """(n, 3) positions of all slices, mm LPS."""
    found = []
    for header in headers:
        groups = getattr(header, "PerFrameFunctionalGroupsSequence", None)
        try:
            if groups:
                found += [
                    [float(x) for x in group.PlanePositionSequence[0].ImagePositionPatient]
                    for group in groups
                ]
            else:
                found.append([float(x) for x in header.ImagePositionPatient])
        except (AttributeError, IndexError, TypeError, ValueError):
            return None
    return np.array(found)


def _fits(headers: list[Any], image: sitk.Image) -> bool:
    """Whether the slices of a series lie where those of the image lie; sorts single images on the way."""
    columns, rows, slices = image.GetSize()
    if any((int(h.Columns), int(h.Rows)) != (columns, rows) for h in headers):
        return False
    positions = _positions(headers)
    if positions is None:
        return False
    normal = np.reshape(image.GetDirection(), (3, 3))[:, 2]
    if len(headers) == len(positions):
        order = np.argsort(positions @ normal, kind="stable")
        headers[:] = [headers[n] for n in order]
        positions = positions[order]
    ends = [image.TransformIndexToPhysicalPoint((0, 0, k)) for k in (0, slices - 1)]
    depth = np.unique(np.round(positions @ normal, 2))
    return len(depth) == slices and all(
        np.linalg.norm(positions - np.array(end), axis=1).min() < _NEAR_MM for end in ends
    )


def _same_values(headers: list[Any], image: sitk.Image) -> bool:
    """Whether the middle slice of a series holds the image's values."""
    if len(headers) != image.GetSize()[2]:
        return False
    middle = len(headers) // 2
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(headers[middle].filename)
    try:
        values = sitk.GetArrayFromImage(reader.Execute()).squeeze()
    except RuntimeError:
        return False
    expected = sitk.GetArrayViewFromImage(image)[middle]
    return values.shape == expected.shape and np.allclose(values, expected, rtol=1e-5)
