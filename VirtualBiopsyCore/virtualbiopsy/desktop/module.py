"""What the scripted modules share: metadata, life cycle, logic. A module file adds its task and its words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from ..resources import resource
from ..tasks import TASKS, Task
from .samples import register_sample

PANEL_UI = "UI/VirtualBiopsyPanel.ui"


WORKBENCH = "RadiomicsWorkbench"
"""Name of the module that trains models."""


def describe(parent: Any, title: str) -> None:
    """Metadata that all modules share; `parent` is the module as Slicer knows it."""
    parent.title = title
    parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
    parent.dependencies = ["Segmentations", "SubjectHierarchy"]
    parent.contributors = ["The VirtualBiopsy contributors"]
    parent.acknowledgementText = _(
        "Written by the VirtualBiopsy contributors, Apache License 2.0. "
        "Features follow the Image Biomarker Standardisation Initiative."
    )


def reload_with_package(widget: Any) -> None:
    """Execute the package again, for the other open modules as well: they must not run on old classes."""
    package = __name__.split(".")[0]
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
    ScriptedLoadableModuleWidget.onReload(widget)
    for other in (*(task.module for task in TASKS.values()), WORKBENCH):
        if other != widget.moduleName and hasattr(slicer.modules, f"{other}Widget"):
            slicer.util.reloadScriptedModule(other)


class PredictorModule(ScriptedLoadableModule):
    """Metadata and sample data; runs at every start of Slicer, so nothing heavy is imported here."""

    def __init__(self, parent: Any, task: Task, title: str, purpose: str) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.task = task
        describe(parent, title)
        closing = _(
            "The bundled models were trained on simulated cases; a model that you install says on its card "
            "what it was trained on. Research use only — not for diagnosis or treatment."
        )
        parent.helpText = f"{purpose} {closing}" + self.getDefaultModuleDocumentationLink()
        slicer.app.connect("startupCompleted()", self.registerSampleData)

    def registerSampleData(self) -> None:
        """Offer the shipped simulated case in the Sample Data module."""
        register_sample(self.task, self.parent.path)


class PredictorWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Life cycle only; the work is in the panel. A module's widget class sets `task`."""

    task: Task

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: Any = None
        self.panel: Any = None
        self._parameterNode: Any = None
        self._guiTag: Any = None

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        from .panel import PredictorPanel

        uiWidget = slicer.util.loadUI(str(resource(PANEL_UI)))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        self.panel = PredictorPanel(self.ui, slicer.mrmlScene, self.logic.study)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndBatchProcessEvent, self.onParametersModified)
        self.initializeParameterNode()

    def makeLogic(self) -> Any:
        """The logic class of the module file: its name decides which parameter node it keeps."""
        return getattr(sys.modules[type(self).__module__], f"{self.task.module}Logic")()

    def cleanup(self) -> None:
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
            self.panel = None

    def enter(self) -> None:
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self) -> None:
        self.panel.exit()
        self.setParameterNode(None)

    def onReload(self) -> None:
        reload_with_package(self)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        self.setParameterNode(None)
        self.panel.scene_about_to_close()

    def onSceneChanged(self, caller: Any, event: Any) -> None:
        self.panel.scene_changed()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node: Any) -> None:
        if self._parameterNode:
            if self._guiTag is not None:
                self._parameterNode.disconnectGui(self._guiTag)
            if self.hasObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified):
                self.removeObserver(
                    self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified
                )
        self._parameterNode, self._guiTag = node, None
        if node:
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        if self.panel is not None:
            self.panel.bind(node)

    def onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        if self._parameterNode and self.panel is not None:
            self.panel.refresh()


class PredictorLogic(ScriptedLoadableModuleLogic):
    """For scripts: predict without a widget. A module's logic class sets `task`."""

    task: Task

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        from .database import dicom_files, volume_tags, volume_times
        from .study import Study

        self.study = Study(tags=volume_tags, files=dicom_files, times=volume_times, task=self.task)

    def getParameterNode(self) -> Any:
        from .parameters import parameter_node_class

        return parameter_node_class(self.task)(super().getParameterNode())

    def loadSample(self) -> dict[str, Any]:
        """Load the shipped simulated case; return its nodes by the name of their file."""
        from .samples import load_case

        return load_case(self.task)

    def seriesOf(self, node: Any) -> Any:
        """The node that holds the dynamic series: a sequence for a volume that shows a phase of it."""
        from ..scene.dynamic import can_hold_series, sequence_of

        return node if can_hold_series(node) else sequence_of(node)

    def earlyPhase(self, series: Any) -> Any:
        """The volume node with the early phase of a series, which outlines are drawn on."""
        return self.study.early_volume(slicer.mrmlScene, series)

    def predict(
        self,
        volumes: Mapping[str, Any],
        segmentation: Any,
        segmentId: str,
        clinical: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Any:
        """Compute the result for volumes (node by role), one segment and clinical values; waits for it.

        `more` are further fields of :class:`virtualbiopsy.desktop.study.Inputs`: `dynamic` (node of the
        series), `earlier`.
        """
        from .study import Inputs

        return self.study.predict(Inputs(volumes, segmentation, segmentId, clinical or {}, **more))
