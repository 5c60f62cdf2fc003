"""What the user chooses, as Slicer keeps it in the scene: one parameter node class for each task."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Union

import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLSequenceNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from ..tasks import Task


class PredictorParameters:
    """The parameters that every task has; the volumes by role come with :func:`parameter_node_class`.

    segmentation, segmentId - the outline.
    clinical - text values by variable name; unknown ones are absent.
    liveUpdate - predict again after edits.
    explainedModel, overlayMap - what is explained ("model id", "model id|sequence").
    overlayWindow - range of the colours, per cent of the map's own.
    followInfluence - compute the influence of the outline again after every edit.

    Not decorated itself: Slicer's wrapper takes the annotations of base classes, but refuses a base class
    that is a wrapper already.
    """

    segmentation: vtkMRMLSegmentationNode
    segmentId: str
    clinical: dict[str, str]
    liveUpdate: bool = True
    explainedModel: str
    overlayMap: str
    overlayVisible: bool = True
    overlayOpacity: Annotated[float, WithinRange(0, 1)] = 0.75
    overlayWindow: Annotated[float, WithinRange(10, 400)] = 100.0
    overlayColors: str = "blue-red"
    legendVisible: bool = True
    diameterVisible: bool = True
    hatchingVisible: bool = True
    flipMarksVisible: bool = True
    strongestVisible: bool = False
    followInfluence: bool = False


def series_type() -> object:
    """The node classes that can hold a dynamic series: a multi-volume only where that module is there."""
    multivolume = getattr(slicer, "vtkMRMLMultiVolumeNode", None)
    if multivolume is None:
        return vtkMRMLSequenceNode
    return Union[vtkMRMLSequenceNode, multivolume, None]  # noqa: UP007 (a value, as the wrapper wants it)


def dynamic_parameters() -> dict[str, object]:
    """Parameters of the tasks with a dynamic series, by name.

    dynamic - its node. earlier, earlierSegmentation, earlierSegmentId - series and outline of the same
    patient at an earlier time. dynamicMap - role of the map that is laid over the views, "" for none.
    arterialInput, arterialTable, tissueT1 - departures of the kinetic model, see
    :class:`virtualbiopsy.desktop.study.KineticInputs`.
    """
    series = series_type()
    return {
        "dynamic": series,
        "earlier": series,
        "earlierSegmentation": vtkMRMLSegmentationNode,
        "earlierSegmentId": str,
        "dynamicMap": str,
        "arterialInput": str,
        "arterialTable": str,
        "tissueT1": float,
    }


@cache
def parameter_node_class(task: Task) -> type:
    """Return the wrapper class for the parameter node of a task's module.

    Beside the parameters of all tasks it has a volume for every role and every map of the task, and those
    of :func:`dynamic_parameters` where the task has a dynamic series.
    """
    annotations: dict[str, object] = dict.fromkeys((*task.roles, *task.maps), vtkMRMLScalarVolumeNode)
    if task.dynamic:
        annotations.update(dynamic_parameters())
    members = {"__annotations__": annotations, "__module__": __name__, "__doc__": PredictorParameters.__doc__}
    return parameterNodeWrapper(type(f"{task.module}ParameterNode", (PredictorParameters,), members))
