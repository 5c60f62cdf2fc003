"""What a run gave: figures, warnings, published figures beside, and what can be done with the model."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import RESEARCH_USE_ONLY
from ..errors import VirtualBiopsyError
from ..models.radmodel import load_radmodel
from ..tasks import TASKS, Task
from ..workbench.outcome import FigureRow, Outcome, read_outcome
from .pictures import say
from .samples import load_case, sample_folder, sample_parameters
from .workbench_form import ask_folder
from .workbench_library import LibraryControls
from .workbench_table import TextTable


class OutcomeControls:
    """Fills the section "Result".

    Parameters
    ----------
    ui : has openRunButton, outcomeLabel, runWarningsLabel, figureTable, publishedBrowser, reportButton,
        installButton, tryButton.
    library : the installed models.
    fail : called with an exception; shows it. tell : shows a line of text.
    """

    def __init__(
        self,
        ui: Any,
        library: LibraryControls,
        fail: Callable[[Exception], None],
        tell: Callable[[str], None],
    ) -> None:
        self._ui, self._library, self._fail, self._tell = ui, library, fail, tell
        self.outcome: Outcome | None = None
        self._sha256 = ""  # of the model
        self._table = TextTable(
            ui.figureTable, (_("Test"), _("Figure"), _("Value (95 % interval)"), _("Cases")), (130, 120, 150)
        )
        ui.openRunButton.connect("clicked(bool)", self.open)
        ui.reportButton.connect("clicked(bool)", self.open_report)
        ui.installButton.connect("clicked(bool)", self.install)
        ui.tryButton.connect("clicked(bool)", self.try_on_case)
        self.clear()

    def show(self, outcome: Outcome) -> None:
        """Show the outcome of a run.

        Raises
        ------
        ModelFormatError : its model is damaged.
        """
        self.outcome, self._sha256 = outcome, ""
        if outcome.model:
            self._sha256 = load_radmodel(outcome.model).sha256
        ui = self._ui
        say(ui.outcomeLabel, heading_html(outcome))
        self._table.show(
            [(test_words(row, outcome), row.figure, row.text, cases_words(row)) for row in outcome.rows]
        )
        say(ui.runWarningsLabel, warnings_html(outcome))
        ui.publishedBrowser.setHtml(published_html(outcome))
        ui.figureTable.setVisible(True)
        ui.publishedBrowser.setVisible(bool(outcome.published))
        ui.resultCollapsibleButton.collapsed = False
        self.refresh(True)

    def clear(self) -> None:
        """No outcome."""
        self.outcome = None
        ui = self._ui
        for label in (ui.outcomeLabel, ui.runWarningsLabel):
            say(label, "")
        self._table.show(())
        ui.publishedBrowser.setHtml("")
        for widget in (ui.figureTable, ui.publishedBrowser):
            widget.setVisible(False)
        self.refresh(True)

    def _installed(self) -> bool:
        """Whether the model of the outcome is installed, as it is."""
        return self.outcome is not None and self._library.has(self.outcome.model_id, self._sha256)

    def refresh(self, idle: bool) -> None:
        """What can be pressed, and if not, why; `idle` while nothing runs."""
        ui, found = self._ui, self.outcome
        ui.openRunButton.enabled = idle
        ui.reportButton.enabled = found is not None and bool(found.report)
        installed = self._installed()
        ui.installButton.enabled = idle and found is not None and bool(found.model) and not installed
        ui.tryButton.enabled = idle and installed and found is not None and found.tried_on
        if found is None:
            none = _("There is no result yet.")
            ui.installButton.toolTip = ui.tryButton.toolTip = ui.reportButton.toolTip = none
            return
        ui.reportButton.toolTip = _("Open report.html in the web browser of this computer.")
        ui.installButton.toolTip = found.why_no_model or (
            _("It is installed.")
            if installed
            else _("Put the model among those that the modules run on this computer.")
        )
        waits = "" if installed else _("Install the model first.")
        ui.tryButton.toolTip = (
            found.why_not_tried
            or waits
            or _("Open the module of the model's disease, with its simulated sample case.")
        )

    def open(self, checked: bool = False) -> None:
        """Show the results in a folder again."""
        start = str(self._ui.outPathLineEdit.currentPath or "")
        folder = ask_folder(_("Folder with the results of a run"), start)
        if not folder:
            return
        try:
            self.show(read_outcome(folder))
        except VirtualBiopsyError as error:
            self._fail(error)
        else:
            self._tell(_("Results of {folder}.").format(folder=folder))

    def open_report(self, checked: bool = False) -> None:
        """Open the report where the computer opens pages."""
        if self.outcome is None or not self.outcome.report:
            return
        if not Path(self.outcome.report).is_file():
            self._tell(_("The report is not there any more."))
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self.outcome.report))

    def install(self, checked: bool = False) -> None:
        """Install the model of the outcome."""
        if self.outcome is not None and self.outcome.model and self._library.install(self.outcome.model):
            self.refresh(True)

    def try_on_case(self, checked: bool = False) -> None:
        """Open the module of the model's disease; its sample case is loaded if the user agrees."""
        found = self.outcome
        task = TASKS.get(found.task) if found is not None else None
        if found is None or task is None or not found.tried_on or not self._installed():
            return
        slicer.util.selectModule(task.module)
        widget = slicer.util.getModuleWidget(task.module)
        if sample_folder(task) is not None and slicer.util.confirmYesNoDisplay(
            _(
                "The model is among those of this module: {title}.\n\n"
                "Load the simulated sample case to try it on?"
            ).format(title=found.title),
            windowTitle=task.title,
        ):
            load_sample(task, widget)
        widget._parameterNode.explainedModel = found.model_id


def load_sample(task: Task, widget: Any) -> None:
    """Load the shipped simulated case of a task and choose its images and outline in the module."""
    chosen = sample_parameters(task, load_case(task), widget.logic)
    with slicer.util.NodeModify(widget._parameterNode):
        for name, value in chosen.items():
            setattr(widget._parameterNode, name, value)


def heading_html(outcome: Outcome) -> str:
    """Which model, on what; rich text."""
    lines = [f"<b>{escape(outcome.title or outcome.recipe)}</b>"]
    if outcome.simulated:
        warned = _("Trained on simulated cases: the figures say nothing about patients.")
        lines.append(f"<b>⚠ {escape(warned)}</b>")
    if outcome.positive:
        lines.append(escape(_("Estimates: {positive}").format(positive=outcome.positive)))
    lines.append(escape(outcome.data))
    if outcome.why_no_model:
        why = _("No model was made: {why}").format(why=outcome.why_no_model)
        lines.append(f"⚠ {escape(why)}")
    lines.append(f"<i>{escape(RESEARCH_USE_ONLY)}.</i>")
    return "<br>".join(lines)


def test_words(row: FigureRow, outcome: Outcome) -> str:
    """On which cases a figure was found; simulated ones are called that."""
    simulated = outcome.simulated and "simulated" not in row.test.lower()
    return _("{test} (simulated)").format(test=row.test) if simulated else row.test


def cases_words(row: FigureRow) -> str:
    """How many cases were tested, and with how many events."""
    if not row.events:
        return str(row.cases)
    return _("{n}, events: {events}").format(n=row.cases, events=row.events)


def warnings_html(outcome: Outcome) -> str:
    """What stands in the way of trust; rich text."""
    return "<br>".join(f"⚠ {escape(warning)}" for warning in outcome.warnings)


def published_html(outcome: Outcome) -> str:
    """The figures of the publication; rich text, "" if there are none."""
    if not outcome.published:
        return ""
    head = _("Published, of another model on other cases:")
    return f"<p><b>{escape(head)}</b> {escape(outcome.published)}</p>"
