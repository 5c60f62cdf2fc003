"""Progress bar and status line of a panel."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from .job import CANCELLING, JobRunner


class TellsStatus:
    """Part of a panel with the widgets ``progressBar`` and ``statusLabel`` (plain text).

    Attributes
    ----------
    ui, job : of the panel. status : what was last said.
    """

    ui: Any
    job: JobRunner
    status: str

    def _show_job(self) -> None:
        """How the job goes."""
        bar, job = self.ui.progressBar, self.job
        bar.setVisible(job.busy)
        bar.setValue(round(100 * job.fraction))
        if job.state == CANCELLING:
            self._set_status(_("Cancelling…"))
        elif job.busy:
            self._set_status(job.message)

    def _set_status(self, text: str) -> None:
        self.status = text
        self.ui.statusLabel.setText(text)

    def _tell(self, text: str) -> None:
        """Say it in the panel and in Slicer's status bar."""
        self._set_status(text)
        slicer.util.showStatusMessage(text, 4000)
