"""The section "Engine": reference tests on this machine, and the comparison with pyradiomics."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .. import RESEARCH_USE_ONLY
from ..engines.doors import EngineCheck, check_agreement, check_reference_values, engine_state
from ..errors import ExistingFileError, VirtualBiopsyError
from ..report.files import write_files
from .bench import Bench
from .study import Inputs, Study

SHOWN = 20


class EngineControls:
    """Buttons and text of the section.

    Parameters
    ----------
    study : for image and outline. inputs : what the user chose.
    """

    def __init__(self, bench: Bench, study: Study, inputs: Callable[[], Inputs]) -> None:
        self._bench, self._ui, self._job, self._study = bench, bench.ui, bench.job, study
        self._inputs, self._fail, self._tell = inputs, bench.fail, bench.tell
        ui = bench.ui
        self._state: Any = None
        self._bound = False
        self.outcome: EngineCheck | None = None
        ui.certifyButton.connect("clicked(bool)", self.certify)
        ui.compareButton.connect("clicked(bool)", self.compare)
        ui.engineSaveButton.connect("clicked(bool)", self.save)
        ui.engineCollapsibleButton.connect("contentsCollapsed(bool)", self._opened)

    def _opened(self, collapsed: bool) -> None:
        if not collapsed:
            self._state = engine_state()
            self.refresh()

    def refresh(self, bound: bool | None = None) -> None:
        """Enable what can be done now.

        Parameters
        ----------
        bound : whether there is a parameter node; None for what was said last.
        """
        if bound is not None:
            self._bound = bound
        ui, state = self._ui, self._state
        idle, ready = not self._job.busy, self._bound
        ui.certifyButton.enabled = idle
        peer = state is not None and bool(state.pyradiomics)
        ui.compareButton.enabled = idle and peer and ready and not self._study.missing(self._inputs())
        ui.engineSaveButton.enabled = idle and self.outcome is not None
        if state is None:
            return
        can = _("pyradiomics {version} can be compared with.").format(version=state.pyradiomics)
        text = _("Kernels: {kernels}.").format(kernels=state.kernels)
        ui.engineLabel.setText(escape(f"{text} {can if peer else state.why_not}"))

    def certify(self, checked: bool = False) -> None:
        """Run the IBSI reference tests on this machine."""
        if not self._job.busy:
            self._start(
                lambda progress: check_reference_values(progress, created=_now()), _("IBSI reference tests")
            )

    def compare(self, checked: bool = False) -> None:
        """Compare all features of the reference image inside the outline with pyradiomics'."""
        if self._job.busy:
            return
        try:
            request = self._study.request(self._inputs())
        except VirtualBiopsyError as error:
            self._fail(error, True)
            return
        ui, sequence = self._ui, request.session.case.sequence(self._study.reference)
        filtered = bool(ui.engineFilteredCheckBox.checked)
        self._start(
            lambda progress: check_agreement(
                sequence.image,
                request.mask,
                progress,
                sequence=self._study.reference,
                filtered=filtered,
                created=_now(),
                case=sequence.name,
            ),
            _("Comparing with pyradiomics"),
        )

    def _start(self, work: Callable[..., EngineCheck], title: str) -> None:
        self._job.start(work, self._show, lambda error: self._fail(error, True), title)

    def _show(self, outcome: EngineCheck) -> None:
        self.outcome = outcome
        self._ui.engineBrowser.setHtml(outcome_html(outcome))
        self._state = engine_state()
        self._tell(outcome.sentence)
        self.refresh()

    def save(self, checked: bool = False) -> None:
        """Write the report of the last check into the export folder; existing files after a question."""
        if self.outcome is not None and not self._job.busy:
            self._save(overwrite=False)

    def _save(self, overwrite: bool) -> None:
        folder = self._ui.exportDirectoryButton.directory
        if not folder:
            self._tell(_("Choose a folder in the section Export first."))
            return
        try:
            write_files(Path(folder), self.outcome.files, overwrite)
        except ExistingFileError as error:
            question = _("{problem} Replace?").format(problem=error.message)
            if not overwrite and slicer.util.confirmOkCancelDisplay(question):
                self._save(overwrite=True)
        except VirtualBiopsyError as error:
            self._fail(error, True)
        else:
            self._tell(_("Written to {folder}.").format(folder=folder))


def outcome_html(outcome: EngineCheck) -> str:
    """Rich text of an outcome: sentence, counts, differences."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{good}</td><td>{bad}</td><td>{none}</td></tr>"
        for name, good, bad, none in outcome.groups
    )
    third = _("no reference") if outcome.kind == "certificate" else _("one engine")
    titles = ("", _("equal"), _("differ"), third)
    head = "".join(f"<th align='left'>{escape(title)}</th>" for title in titles)
    lines = [escape(line) for line in outcome.failures[:SHOWN]]
    if len(outcome.failures) > SHOWN:
        lines.append(escape(_("… and {n} more, see the report.").format(n=len(outcome.failures) - SHOWN)))
    return (
        f"<p><b>{'✓' if outcome.good else '✗'} {escape(outcome.sentence)}</b></p>"
        f"<table cellpadding='3'><tr>{head}</tr>{rows}</table><p>{'<br>'.join(lines)}</p>"
        f"<p><i>{escape(RESEARCH_USE_ONLY)}.</i></p>"
    )


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
