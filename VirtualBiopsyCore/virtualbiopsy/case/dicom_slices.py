"""The images of DICOM files as single slices, with what is needed to put them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .tags import first_item, functional_groups, number, text_of

_NO_IMAGE = {"SEG": "a DICOM segmentation", "RTSTRUCT": "an RT structure set", "SR": "a structured report"}


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice: a file, or a frame of one.

    Attributes
    ----------
    path, frame : where its pixels are.
    position, orientation : Image Position and Image Orientation (Patient), None if they are not given.
    spacing : mm between rows, between columns. rescale : slope, intercept.
    dataset, groups : header, and the functional groups of the frame.
    """

    path: Path
    frame: int
    position: np.ndarray | None
    orientation: np.ndarray | None
    spacing: tuple[float, float]
    rescale: tuple[float, float]
    dataset: Any = field(repr=False)
    groups: Any = field(repr=False)


def slices_of(path: Path, dataset: Any) -> list[Slice] | str:
    """The slices of a file; if it holds no image, what it is instead."""
    modality = str(getattr(dataset, "Modality", ""))
    if modality in _NO_IMAGE:
        return f"{_NO_IMAGE[modality]}; export it as NIfTI or NRRD to use it as a region"
    if not getattr(dataset, "Rows", None) or not getattr(dataset, "Columns", None):
        return "DICOM objects without an image"
    if int(getattr(dataset, "SamplesPerPixel", 1) or 1) != 1:
        return "colour images"
    frames = int(getattr(dataset, "NumberOfFrames", 1) or 1)
    if frames < 1 or frames > 100_000:
        return "unreadable files"
    result = []
    for frame in range(frames):
        groups = functional_groups(dataset, frame)
        position = vector(find(dataset, groups, "PlanePositionSequence", "ImagePositionPatient"), 3)
        orientation = vector(find(dataset, groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
        spacing = vector(find(dataset, groups, "PixelMeasuresSequence", "PixelSpacing"), 2)
        transformation = "PixelValueTransformationSequence"
        slope = number(text_of(find(dataset, groups, transformation, "RescaleSlope")))
        intercept = number(text_of(find(dataset, groups, transformation, "RescaleIntercept")))
        if frames > 1 and not groups:
            # One position for many frames says where the first one lies and nothing about the others.
            position = None
        result.append(
            Slice(
                path,
                frame,
                position,
                orientation,
                (1.0, 1.0) if spacing is None else (float(spacing[0]), float(spacing[1])),
                (1.0 if slope is None else slope, 0.0 if intercept is None else intercept),
                dataset,
                groups,
            )
        )
    return result


def find(dataset: Any, groups: Sequence[Any], sequence: str, keyword: str) -> Any:
    """A value from the functional groups of a frame, else from the object; None if neither holds it."""
    for group in groups:
        value = getattr(first_item(group, sequence), keyword, None)
        if value is not None:
            return value
    return getattr(dataset, keyword, None)


def vector(value: Any, length: int) -> np.ndarray | None:
    """Numbers of an element that must hold so many; None if it does not, or one is not finite."""
    if value is None or isinstance(value, (str, float, int)) or len(value) != length:
        return None
    vector = np.array([float(v) for v in value])
    return vector if np.isfinite(vector).all() else None


def whole(dataset: Any, keyword: str) -> int:
    """Whole number of an element, 0 if it is not given."""
    value = number(text_of(getattr(dataset, keyword, None)))
    return 0 if value is None else int(value)


def is_multiframe(dataset: Any) -> bool:
    """Whether an object holds several frames."""
    return int(getattr(dataset, "NumberOfFrames", 1) or 1) > 1
