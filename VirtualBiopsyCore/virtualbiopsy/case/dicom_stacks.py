"""Slices of a series put together to volumes: order, phases, even distances, pixel values."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import GeometryError, UnreadableFileError
from .acquired import CONTENT, SOURCES, temporal_position, times_of
from .b_values import b_value_of
from .dicom_slices import Slice, find, is_multiframe, whole
from .tags import number, protocol_of, text_of

_GAP = 0.02
_TIMING = "MRTimingAndRelatedParametersSequence"


def stacks_of(name: str, slices: list[Slice], normal: np.ndarray) -> list[list[Slice]]:
    """Split a series into volumes with each position once, every one sorted along the normal."""
    depth = np.array([s.position @ normal for s in slices])
    order = np.argsort(depth, kind="stable")
    same = 0.01
    positions: list[list[Slice]] = []
    last = None
    for index in order:
        if last is None or depth[index] - last > same:
            positions.append([])
            last = depth[index]
        positions[-1].append(slices[index])
    counts = {len(p) for p in positions}
    if len(counts) > 1:
        complete = _complete_phases(positions)
        if complete:
            return complete
        raise UnreadableFileError(
            f"The series {name} is incomplete: its {len(positions)} slice positions hold between "
            f"{min(counts)} and {max(counts)} images.",
            "Load the whole series again.",
        )
    for position in positions:
        position.sort(key=_time_order)
    return [[position[n] for position in positions] for n in range(counts.pop())]


def _time_order(item: Slice) -> tuple:
    dataset = item.dataset
    times = times_of(dataset, item.groups)
    acquired = tuple(times.get(source, 0.0) for source in SOURCES if source != CONTENT)
    return (
        temporal_position(dataset, item.groups),
        b_value_of(dataset, item.groups) or 0.0,
        number(text_of(find(dataset, item.groups, "MREchoSequence", "EchoTime"))) or 0.0,
        number(text_of(find(dataset, item.groups, _TIMING, "FlipAngle"))) or 0.0,
        acquired,
        int(times.get(CONTENT, 0.0)),
        whole(dataset, "InstanceNumber"),
        item.frame,
        str(item.path),
    )


def _complete_phases(positions: list[list[Slice]]) -> list[list[Slice]]:
    """Volumes of the phases that hold every position, where one element tells the phases apart; else []."""
    place = {id(item): n for n, position in enumerate(positions) for item in position}
    for tells in (
        lambda s: temporal_position(s.dataset, s.groups) or None,
        *(lambda s, source=source: times_of(s.dataset, s.groups).get(source) for source in SOURCES),
        lambda s: whole(s.dataset, "AcquisitionNumber") or None,
    ):
        phases: dict[Any, list[Slice]] = defaultdict(list)
        for position in positions:
            for item in position:
                phases[tells(item)].append(item)
        complete = [
            stack
            for key, stack in phases.items()
            if key is not None and [place[id(s)] for s in stack] == list(range(len(positions)))
        ]
        if len(complete) > 1:
            return sorted(complete, key=lambda stack: _time_order(stack[0]))
    return []


def volume_of(name: str, stack: list[Slice], normal: np.ndarray) -> tuple[sitk.Image, list[str]]:
    warnings = []
    points = np.array([s.position for s in stack])
    steps = np.diff(points @ normal)
    step = float(np.median(steps))
    missing = int(np.round(steps / step - 1).clip(0).sum())
    if missing and (np.abs(steps / step - np.round(steps / step)) < 0.2).all():
        after = int(np.argmax(steps > 1.5 * step)) + 1
        raise UnreadableFileError(
            f"The series {name} lacks {missing} of {len(stack) + missing} slices, first after slice {after}.",
            "Load the whole series again.",
        )
    uneven = float(np.abs(steps - step).max())
    if uneven > 0.25 * step:
        raise GeometryError(
            f"The slices of the series {name} are uneven: {steps.min():.2f} to {steps.max():.2f} mm apart.",
            "Resample it to even slices first.",
        )
    if uneven > max(_GAP * step, 0.01):
        warnings.append(
            f"The slices of {name} are slightly uneven ({steps.min():.2f} to {steps.max():.2f} mm); "
            "their mean distance is used."
        )
    mean_step = float(steps.mean())
    thickness = number(protocol_of(stack[0].dataset).get("SliceThickness")) or mean_step
    if thickness > 1.05 * mean_step:
        warnings.append(
            f"The slices of {name} are {mean_step:.2f} mm apart, but the header calls them {thickness:g} mm "
            "thick; the distance is used."
        )
    line = points[0] + np.outer(np.arange(len(stack)) * mean_step, normal)
    drift = float(np.linalg.norm((points - line) - np.outer((points - line) @ normal, normal), axis=1).max())
    if drift > 0.5 * min(stack[0].spacing) + 0.05:
        raise GeometryError(
            f"The slices of the series {name} are shifted against each other (a tilted gantry?), "
            f"by up to {drift:.1f} mm.",
            "Resample it to a rectangular grid first.",
        )
    array = _pixels(name, stack)
    image = sitk.GetImageFromArray(array)
    row, column = stack[0].orientation[:3], stack[0].orientation[3:]
    image.SetOrigin(points[0].tolist())
    image.SetSpacing((stack[0].spacing[1], stack[0].spacing[0], mean_step))
    image.SetDirection(_rotation(row, column).ravel().tolist())
    return image, warnings


def _rotation(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Direction matrix with columns row, column, normal, made orthonormal (six digits in a file are not)."""
    first = row / np.linalg.norm(row)
    second = column - (column @ first) * first
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _pixels(name: str, stack: list[Slice]) -> np.ndarray:
    """Values (k, j, i) with slope and intercept applied; whole numbers stay whole numbers."""
    multiframe = is_multiframe(stack[0].dataset)
    if multiframe and len({s.rescale for s in stack}) > 1:
        raise UnreadableFileError(
            f"The frames of the series {name} have different scales.", "Export it as single images."
        )
    planes = []
    frames: dict[Path, np.ndarray] = {}
    rescaled = any(s.rescale != (1.0, 0.0) for s in stack)
    for item in stack:
        if item.path not in frames:
            if not multiframe:
                frames.clear()
            frames[item.path] = _decoded(name, item)
        planes.append(frames[item.path][item.frame])
    values = np.stack(planes)
    if rescaled or values.dtype.kind == "f":
        return values.astype(np.float32)
    return values


def _decoded(name: str, item: Slice) -> np.ndarray:
    """Frames (n, j, i) of one file in real values."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(item.path))
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise UnreadableFileError(
            f"An image of the series {name} cannot be decoded: it is damaged, truncated, or compressed in a "
            "way that is not read.",
            "Export the series again, uncompressed if possible.",
        ) from error
    array = sitk.GetArrayFromImage(image)
    if array.ndim == 2:
        array = array[None]
    frames = int(getattr(item.dataset, "NumberOfFrames", 1) or 1)
    expected = (frames, int(item.dataset.Rows), int(item.dataset.Columns))
    if array.shape != expected:
        raise UnreadableFileError(f"An image of the series {name} has another size than its header says.")
    return array
