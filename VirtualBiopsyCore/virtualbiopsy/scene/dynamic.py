"""Dynamic series in the scene: sequence and multi-volume nodes to a series, and a series to a sequence.

What the user said about a series (which phases are pre-contrast, when they were acquired) is kept as
attributes of its node, so that it is saved with the scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ..case.acquired import bolus_of, chosen_times, times_of, why_no_times
from ..case.dynamic import DynamicSeries, Phase
from ..case.dynamic_series import with_found_precontrast
from ..case.phase_times import with_precontrast
from ..errors import DimensionError, PhaseTimeError, PrecontrastError
from .cases import Tags, no_tags
from .nodes import ROLE, all_nodes
from .volumes import (
    array_from_image_data,
    ijk_to_ras,
    image_from_node,
    matrix_from_vtk,
    node_from_image,
    parent_matrix,
    set_geometry,
    world_matrix,
)

PRECONTRAST = "VirtualBiopsy.Precontrast"
TIMES = "VirtualBiopsy.PhaseTimes"
TYPED = "typed by the user"
UNITS: Mapping[str, float] = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "min": 60.0,
    "minutes": 60.0,
}
"""Seconds of one unit of an index; a frame number or a b-value has none of them."""

NOT_TIMES = ("RepetitionTime", "EchoTime", "InversionTime", "FlipAngle")
"""Indices with a unit of time that do not tell when a phase was acquired."""


@dataclass(frozen=True, eq=False)
class NodeSeries:
    """A series as its node holds it.

    Attributes
    ----------
    series : its phases in the order of acquisition.
    items : number of the item in the node for each phase.
    notes : what the user should know, one sentence each.
    """

    series: DynamicSeries
    items: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Items:
    """Images of a node in its own order, and seconds for each of them (None: not known)."""

    images: Sequence[sitk.Image]
    seconds: Sequence[float] | None
    source: str
    why_not: str = ""
    injection_s: float | None = None
    injection_source: str = ""
    duration_s: float | None = None


def is_multivolume(node: Any) -> bool:
    """Whether a volume node holds one phase per component, as the Multi Volume Explorer keeps a series."""
    return node is not None and bool(node.GetAttribute("MultiVolume.FrameLabels"))


def can_hold_series(node: Any) -> bool:
    """Whether a node is a sequence of volumes or a multi-volume."""
    if node is None or node.IsA("vtkMRMLSequenceNode"):
        return node is not None and (node.GetDataNodeClassName() or "").endswith("VolumeNode")
    return is_multivolume(node)


def browser_of(sequence: Any) -> tuple[Any, Any]:
    """Return (browser, proxy volume) that show a sequence node; None for what there is not."""
    scene = sequence.GetScene()
    for browser in all_nodes(scene, "vtkMRMLSequenceBrowserNode") if scene is not None else ():
        if browser.IsSynchronizedSequenceNodeID(sequence.GetID(), True):
            return browser, browser.GetProxyNode(sequence)
    return None, None


def sequence_of(volume: Any) -> Any:
    """Return the sequence node that a volume shows an item of, None for an ordinary volume."""
    for browser in all_nodes(volume.GetScene(), "vtkMRMLSequenceBrowserNode"):
        sequence = browser.GetSequenceNode(volume)
        if sequence is not None:
            return sequence
    return None


def reference_volume(node: Any) -> Any:
    """Return a volume node with the geometry of the phases."""
    return node if is_multivolume(node) else node.GetNthDataNode(0)


def series_from_node(node: Any, tags: Tags = no_tags, times: Tags = no_tags) -> NodeSeries:
    """Copy a sequence or multi-volume node into a dynamic series.

    Times are taken from what the user typed, else from the index of the sequence if its unit is one of time
    and it does not merely count (0, 1, 2, …), else from the DICOM elements of each phase's own images.
    Slicer's DICOM reader numbers the items of a sequence, so there the elements decide.

    Parameters
    ----------
    tags : acquisition parameters of a volume node; the first phase's become the protocol.
    times : elements that tell when a volume was acquired, by DICOM keyword; only differences are kept. For
        the node itself "InjectionStart" and "AcquisitionDuration" (one phase), seconds on the index's clock.

    Raises
    ------
    DimensionError : the node is no series of scalar volumes.
    PhaseCountError, PhaseGeometryError : fewer than two phases, or they do not share a grid.
    """
    if not can_hold_series(node):
        name = node.GetName() if node is not None else "(none)"
        raise DimensionError(
            f"{name} is not a series of volumes.", "Choose a volume sequence or a multi-volume."
        )
    found = _of_multivolume(node) if is_multivolume(node) else _of_sequence(node, times)
    typed = _numbers(node.GetAttribute(TIMES))
    if len(typed) == len(found.images):
        found = replace(found, seconds=typed, source=TYPED)
    notes = []
    order = list(range(len(found.images)))
    starts: list[float | None] = [None] * len(order)
    if found.seconds is None:
        notes.append(f"{node.GetName()}: {found.why_not}. Type the times into the table.")
    else:
        order.sort(key=lambda n: found.seconds[n])
        starts = [round(found.seconds[n] - found.seconds[order[0]], 4) for n in order]
    phases = tuple(
        Phase(f"phase {n}", found.images[item], start, found.source if start is not None else "")
        for n, (item, start) in enumerate(zip(order, starts, strict=True), start=1)
    )
    known = dict(tags(node)) or dict(tags(reference_volume(node)))
    known.pop("SeriesDescription", None)
    series = DynamicSeries(
        node.GetName(),
        phases,
        frame_of_reference=known.pop("FrameOfReferenceUID", None),
        protocol=known,
    )
    if found.injection_s is not None and found.seconds is not None:
        series = replace(
            series,
            injection_s=found.injection_s - min(found.seconds),
            injection_source=found.injection_source,
        )
    if found.duration_s is not None:
        series = replace(series, duration_s=found.duration_s, duration_source="The data state it.")
    series = with_found_precontrast(series)
    series = _as_marked(series, node, order)
    if not any(phase.precontrast for phase in series.phases):
        notes.append(series.precontrast_reason)
    return NodeSeries(series, tuple(order), tuple(notes))


def _as_marked(series: DynamicSeries, node: Any, order: Sequence[int]) -> DynamicSeries:
    marks = _marks(node)
    if marks is None:
        return series
    names = [phase.name for phase, item in zip(series.phases, order, strict=True) if item in marks]
    try:
        return with_precontrast(series, names)
    except PrecontrastError:
        phases = tuple(replace(phase, precontrast=phase.name in names) for phase in series.phases)
        return replace(series, phases=phases, precontrast_reason="Chosen by the user.")


def _of_sequence(node: Any, times: Tags) -> _Items:
    count = node.GetNumberOfDataNodes()
    volumes = [node.GetNthDataNode(n) for n in range(count)]
    _browser, proxy = browser_of(node)
    parent = parent_matrix(proxy) if proxy is not None else np.eye(4)
    images = [_placed(image_from_node(volume), parent, volume.GetName()) for volume in volumes]
    told = times(node)
    duration, injected = _number(told.get("AcquisitionDuration")), _number(told.get("InjectionStart"))
    name, unit = node.GetIndexName() or "", (node.GetIndexUnit() or "").strip().lower()
    values = [_number(node.GetNthIndexValue(n)) for n in range(count)]
    counted = values == list(range(count))  # what a reader without times leaves under the default "time (s)"
    if unit in UNITS and name not in NOT_TIMES and None not in values and not counted:
        seconds = [value * UNITS[unit] for value in values]
        return _Items(
            images,
            seconds,
            f'index "{name}" of the sequence ({unit})',
            injection_s=injected,
            injection_source="InjectionStart in the file beside the series.",
            duration_s=duration,
        )
    elements = [SimpleNamespace(**times(volume)) for volume in volumes]
    by_source = [times_of(element) for element in elements]
    chosen = chosen_times(by_source)
    if chosen is None:
        why = "its index counts the phases" if counted else why_no_times(by_source)
        return _Items(images, None, "", why)
    source, seconds = chosen
    of_day = bolus_of(elements[0]) if elements and source.startswith("Acquisition") else None
    bolus = "ContrastBolusStartTime (0018,1042)."
    return _Items(images, seconds, source, injection_s=of_day, injection_source=bolus)


def _placed(image: sitk.Image, parent: np.ndarray, name: str) -> sitk.Image:
    """The image under the transform that its proxy volume stands under."""
    if not np.allclose(parent, np.eye(4)):
        set_geometry(image, parent @ ijk_to_ras(image), name)
    return image


def _of_multivolume(node: Any) -> _Items:
    data = node.GetImageData()
    count = data.GetNumberOfScalarComponents() if data is not None else 0
    shape = tuple(reversed(data.GetDimensions())) if data is not None else ()
    voxels = vtk_to_numpy(data.GetPointData().GetScalars()).reshape(*shape, count) if count > 1 else None
    matrix = world_matrix(node)
    images = []
    for n in range(count):
        array = voxels[..., n] if voxels is not None else array_from_image_data(data)
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        set_geometry(image, matrix, node.GetName())
        images.append(image)
    labels = (node.GetAttribute("MultiVolume.FrameLabels") or "").split(",")
    tag = node.GetAttribute("MultiVolume.FrameIdentifyingDICOMTagName") or ""
    unit = (node.GetAttribute("MultiVolume.FrameIdentifyingDICOMTagUnits") or "").strip().lower()
    values = [_number(label) for label in labels]
    if len(values) == count and None not in values and unit in UNITS and tag not in NOT_TIMES:
        return _Items(
            images, [value * UNITS[unit] for value in values], f"{tag} of the multi-volume ({unit})"
        )
    return _Items(images, None, "", f"its frames are told apart by {tag or 'a counter'}, not by time")


def series_signature(node: Any) -> tuple[Any, ...]:
    """Return a value that changes when a series, its voxels or place, or what the user said of it changed."""
    if node is None:
        return ()
    parts: list[Any] = [
        node.GetID(),
        node.GetName(),
        node.GetAttribute(PRECONTRAST),
        node.GetAttribute(TIMES),
    ]
    if is_multivolume(node):
        volumes, placed = [node], node
    else:
        volumes = [node.GetNthDataNode(n) for n in range(node.GetNumberOfDataNodes())]
        placed = browser_of(node)[1]
        parts.append(tuple(node.GetNthIndexValue(n) for n in range(len(volumes))))
    for volume in volumes:
        data = volume.GetImageData()
        parts.append(volume.GetMTime() if data is None else data.GetMTime())
    if volumes:
        parts.append(_matrix(volumes[0]))
    transform = placed.GetParentTransformNode() if placed is not None else None
    parts.append(transform.GetTransformToWorldMTime() if transform is not None else 0)
    return tuple(parts)


def _matrix(volume: Any) -> tuple[float, ...]:
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return tuple(matrix_from_vtk(matrix).ravel().tolist())


def mark_precontrast(node: Any, items: Sequence[int]) -> None:
    """Keep with the node that these items, and no others, were acquired before the contrast agent."""
    node.SetAttribute(PRECONTRAST, " ".join(str(item) for item in sorted(items)) or "none")


def set_times(node: Any, seconds: Sequence[float]) -> None:
    """Keep with the node when its items were acquired, seconds on any clock, as the user says.

    Raises
    ------
    PhaseTimeError : a time is missing, not finite, or given twice.
    """
    values = [float(value) for value in seconds]
    if not np.all(np.isfinite(values)) or len(set(values)) < len(values):
        raise PhaseTimeError(
            f"The times of {node.GetName()} are missing or equal.", "Type another time for each phase."
        )
    node.SetAttribute(TIMES, " ".join(f"{value:.10g}" for value in values))


def sequence_from_series(scene: Any, series: DynamicSeries, name: str = "", logic: Any = None) -> Any:
    """Put a copy of a series into the scene as a volume sequence with its browser; return the sequence node.

    Parameters
    ----------
    name : of the new nodes; that of the series if empty.
    logic : vtkSlicerSequencesLogic, which makes the proxy volume that the views can show; without it the
        proxy appears when an application with that logic opens the scene.
    """
    name = name or series.name
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", scene.GenerateUniqueName(name))
    starts = [phase.start_s for phase in series.phases]
    timed = None not in starts and all(a < b for a, b in zip(starts, starts[1:], strict=False))
    sequence.SetIndexName("time" if timed else "phase")
    sequence.SetIndexUnit("s" if timed else "")
    for n, phase in enumerate(series.phases):
        volume = node_from_image(scene, phase.image, name)
        sequence.SetDataNodeAtValue(volume, f"{starts[n]:.10g}" if timed else str(n))
        display = volume.GetDisplayNode()
        scene.RemoveNode(volume)
        if display is not None:
            scene.RemoveNode(display)
    mark_precontrast(sequence, [n for n, phase in enumerate(series.phases) if phase.precontrast])
    sequence.SetAttribute(ROLE, "series")
    browser = scene.AddNewNodeByClass(
        "vtkMRMLSequenceBrowserNode", scene.GenerateUniqueName(f"{sequence.GetName()} browser")
    )
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetSaveChanges(sequence, False)
    if logic is not None:
        logic.UpdateProxyNodesFromSequences(browser)
    return sequence


def _marks(node: Any) -> set[int] | None:
    """Items that the user marked as pre-contrast; None if nothing was said."""
    text = node.GetAttribute(PRECONTRAST)
    return {int(value) for value in _numbers(text)} if text else None


def _numbers(text: str | None) -> list[float]:
    found = [_number(part) for part in (text or "").split()]
    return [value for value in found if value is not None]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if np.isfinite(value) else None
