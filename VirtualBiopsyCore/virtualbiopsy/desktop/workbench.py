"""The panel of the module that trains models: recipe, cases, run, result."""

from __future__ import annotations

import time
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..errors import Cancelled, FormError, VirtualBiopsyError
from ..workbench.examine import Examination, examine
from ..workbench.outcome import Outcome
from . import workbench_packages as packages
from .cards import user_text
from .job import CANCELLING, JobRunner
from .status import TellsStatus
from .workbench_cases import ExaminationView
from .workbench_form import FormControls, keep_form, kept_form
from .workbench_library import LibraryControls
from .workbench_outcome import OutcomeControls
from .workbench_recipes import RecipeControls
from .workbench_run import job_of, train

EXAMINING, TRAINING = "examining", "training"


class WorkbenchPanel(TellsStatus):
    """Joins the sections.

    Parameters
    ----------
    ui : named widgets of the .ui file.

    Attributes
    ----------
    job : what runs. status : the line that is shown.
    """

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self.status = ""
        self._doing = ""  # what the job is
        self._asking = False  # a question is open, or pip runs
        self.job = JobRunner(self._job_changed)
        self._state = self.job.state
        self.recipes = RecipeControls(ui, self._cases_changed)
        self.form = FormControls(ui, self._refresh, self._cases_changed)
        self.cases = ExaminationView(ui)
        self.library = LibraryControls(ui, self._refresh, self._fail, self._tell)
        self.results = OutcomeControls(ui, self.library, self._fail, self._tell)
        ui.examineButton.connect("clicked(bool)", self.examine_or_cancel)
        ui.runButton.connect("clicked(bool)", self.run_or_cancel)
        ui.progressBar.setVisible(False)
        form = kept_form()
        self.recipes.choose(form.recipe)
        self.form.fill(form)
        self.library.refresh()
        self._refresh()

    # Life

    def enter(self) -> None:
        """The module is shown; the installed models may have changed."""
        self.library.refresh()
        self._refresh()

    def exit(self) -> None:
        """Another module is shown; a run goes on."""
        keep_form(self.read())

    def close(self) -> None:
        """Before the widgets are deleted: no job and no timer is left."""
        keep_form(self.read())
        self.job.close()

    def wait_for_completion(self, seconds: float = 600.0) -> None:
        """Wait for what runs; for scripts and tests."""
        self.job.wait(seconds)

    # Work

    def read(self) -> Any:
        """What is filled in."""
        return self.form.read(self.recipes.recipe)

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that is shown."""
        return self.results.outcome

    def examine_or_cancel(self, checked: bool = False) -> None:
        """Look at the cases, or stop looking."""
        if self.job.busy:
            self.job.cancel()
            return
        if self._asking:
            return
        form = self.read()
        self.cases.clear()
        if self._agreed(packages.to_examine, form):
            self._start(EXAMINING, lambda progress: examine(form, progress), self._examined, _("Reading"))

    def run_or_cancel(self, checked: bool = False) -> None:
        """Train and test a model, or stop; what is done so far is kept."""
        if self.job.busy:
            self.job.cancel()
            return
        if self._asking:
            return
        form = self.read()
        try:
            job = job_of(form)
        except VirtualBiopsyError as error:
            self._fail(error)
            return
        keep_form(form)
        if self._agreed(packages.to_train, form):
            self._start(TRAINING, lambda progress: train(job, progress), self._trained, _("Preparing"))

    def _agreed(self, wanted: Any, form: Any) -> bool:
        """Whether all packages are there, after a question where some are not."""
        self._asking = True
        self._refresh()
        try:
            if packages.ensure(wanted(form)):
                return True
            self._set_status(
                _("Not started: packages are missing. Recipes and results can be looked at all the same.")
            )
        except VirtualBiopsyError as error:
            self._fail(error)
        finally:
            self._asking = False
            self._refresh()
        return False

    def _start(self, doing: str, work: Any, done: Any, message: str) -> None:
        self._doing = doing
        self._set_status("")
        self.job.start(work, done, self._fail, message)

    def _examined(self, found: Examination) -> None:
        self.cases.show(found)
        fits = tuple(endpoint.name for endpoint in found.endpoints if endpoint.fits)
        self.form.offer_endpoints(fits)
        self._set_status(
            _("The cases can be used.") if found.usable else _("The cases have faults; they are listed.")
        )
        self._refresh()

    def _trained(self, outcome: Outcome) -> None:
        try:
            self.results.show(outcome)
        except VirtualBiopsyError as error:
            self._fail(error)
            return
        self._set_status(
            _("Done at {time}: {folder}").format(time=time.strftime("%H:%M:%S"), folder=outcome.folder)
        )
        self._refresh()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, Cancelled):
            self._set_status(
                _("Cancelled. What is done so far is kept with the results: Run goes on from there.")
                if self._doing == TRAINING
                else _("Cancelled.")
            )
        else:
            text, details = user_text(error)
            self._set_status(text)
            slicer.util.errorDisplay(text, windowTitle=packages.REQUESTER, detailedText=details)
            if isinstance(error, FormError):
                self.form.mark(error)
        self._refresh()

    # Showing

    def _cases_changed(self) -> None:
        """What was said about the cases may not hold any more."""
        if self.cases.found is not None:
            self.cases.clear(_("The recipe or the cases changed; look at them again."))
        self._refresh()

    def _refresh(self) -> None:
        """Buttons and tool tips."""
        ui, busy = self.ui, self.job.busy
        waiting = self.job.state == CANCELLING or self._asking
        row = self.recipes.row
        why_not = _("Choose a recipe that can be run.") if row is None else row.why_not
        ready = row is not None and row.runnable
        examining, training = (busy and self._doing == doing for doing in (EXAMINING, TRAINING))
        ui.examineButton.setText(_("Cancel") if examining else _("Look at the cases"))
        ui.examineButton.enabled = not waiting and (examining or (ready and not busy))
        ui.examineButton.toolTip = (
            _("Read the cases, and list all faults at once, without measuring anything.")
            if ready
            else why_not
        )
        ui.runButton.setText(_("Cancel") if training else _("Run"))
        ui.runButton.enabled = not waiting and (training or (ready and not busy))
        ui.runButton.toolTip = (
            _("Stop. What is done so far is kept, and the same run goes on from there.")
            if training
            else (_("Train and test a model on these cases.") if ready else why_not)
        )
        self.form.enable(not busy and not self._asking)
        for widget in (ui.recipeTable, ui.filterSearchBox, ui.stateComboBox):
            widget.enabled = not busy and not self._asking
        ui.addModelButton.enabled = not busy
        self.results.refresh(not busy and not self._asking)

    def _job_changed(self) -> None:
        self._show_job()
        if self.job.state != self._state:
            self._state = self.job.state
            self._refresh()
