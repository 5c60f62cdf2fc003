"""The module that trains models: metadata, life cycle, logic. What is seen is in `workbench`."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)

from ..resources import resource
from .module import describe, reload_with_package

PANEL_UI = "UI/RadiomicsWorkbenchPanel.ui"


class WorkbenchModule(ScriptedLoadableModule):
    """Metadata; runs at every start of Slicer, so nothing heavy is imported here."""

    def __init__(self, parent: Any, title: str, purpose: str) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        describe(parent, title)
        closing = _("Research use only — not for diagnosis or treatment.")
        parent.helpText = f"{purpose} {closing}" + self.getDefaultModuleDocumentationLink()


class WorkbenchWidget(ScriptedLoadableModuleWidget):
    """Life cycle only; the work is in the panel. What is filled in belongs to this computer and not to a
    scene, so there is no parameter node."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.panel: Any = None

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        from .workbench import WorkbenchPanel

        uiWidget = slicer.util.loadUI(str(resource(PANEL_UI)))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.panel = WorkbenchPanel(self.ui)

    def enter(self) -> None:
        self.panel.enter()

    def exit(self) -> None:
        self.panel.exit()

    def cleanup(self) -> None:
        if self.panel is not None:
            self.panel.close()
            self.panel = None

    def onReload(self) -> None:
        reload_with_package(self)


class WorkbenchLogic(ScriptedLoadableModuleLogic):
    """For scripts: train without a widget."""

    def recipes(self) -> Any:
        """The published studies as rows: id, title, state, and why one is not run."""
        from ..workbench.recipes import recipe_rows

        return recipe_rows()

    def examine(self, **filled: Any) -> Any:
        """All faults of the cases at once; fields of :class:`virtualbiopsy.workbench.form.Form`."""
        from ..workbench.examine import examine
        from ..workbench.form import Form

        return examine(Form(**filled))

    def train(self, **filled: Any) -> Any:
        """Train and test a model and return its outcome; waits for it.

        Fields of :class:`virtualbiopsy.workbench.form.Form`. Packages that are missing are told, not
        installed.
        """
        from ..workbench.form import Form
        from .workbench_run import job_of, train

        return train(job_of(Form(**filled)))
