"""A result out of the panel: files, DICOM objects, and the chart in the layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case.model import ROLES
from ..errors import ExistingFileError
from ..report.dicom.write import write_dicom
from ..report.export import write_outputs
from ..scene.results import result_nodes
from ..session import Result
from .bench import Bench
from .study import Inputs, Study


class ExportControls:
    """Buttons of the section "Export" and the chart button.

    Parameters
    ----------
    bench : its `ui` has exportDirectoryButton, exportButton, exportDicomButton and chartButton.
    inputs : what the user chose. shown : returns (result, parameter node) or None.
    stale : whether the shown result is out of date.
    """

    def __init__(
        self,
        bench: Bench,
        study: Study,
        inputs: Callable[[], Inputs],
        shown: Callable[[], tuple[Result, Any] | None],
        stale: Callable[[], bool],
    ) -> None:
        self._bench, self._ui, self._study = bench, bench.ui, study
        self._inputs, self._shown, self._stale = inputs, shown, stale
        ui = bench.ui
        self._layout: int | None = None
        ui.exportDirectoryButton.directory = str(Path.home() / "VirtualBiopsy")
        ui.chartButton.connect("clicked(bool)", self.toggle_chart)
        ui.exportButton.connect("clicked(bool)", self.export)
        ui.exportDicomButton.connect("clicked(bool)", self.export_dicom)

    def refresh(self, ready: bool) -> None:
        """Buttons can be pressed when a result that is up to date is shown and nothing runs."""
        ui = self._ui
        ui.exportButton.enabled = ui.exportDicomButton.enabled = ready
        hint = "" if ready else _("Predict first; results out of date are not exported.")
        ui.exportButton.toolTip = hint or _(
            "Write result.json, features.csv, explanation.nrrd and report.html."
        )
        ui.exportDicomButton.toolTip = hint or _(
            "Write the map as a DICOM Parametric Map and the numbers as a structured report, "
            "if the {sequence} volume came from DICOM."
        ).format(sequence=ROLES[self._study.reference])
        ui.chartButton.enabled = self._shown() is not None

    def toggle_chart(self, checked: bool = False) -> None:
        """Show the chart of contributions in the layout, or go back to the layout from before."""
        manager, shown = slicer.app.layoutManager(), self._shown()
        if manager is None or shown is None:
            return
        if self._layout is not None:
            manager.setLayout(self._layout)
            self._layout = None
            return
        result, settings = shown
        titles = {m.model_id: m.title for m in self._study.models}
        charts = result_nodes(self._bench.scene, result, titles, settings.diameterVisible)["charts"]
        chart = charts.get(settings.explainedModel) or next(iter(charts.values()), None)
        if chart is not None:
            self._layout = manager.layout
            slicer.modules.plots.logic().ShowChartInLayout(chart)

    def export(self, checked: bool = False) -> None:
        """Write the result into the chosen folder; existing files only after a question."""
        self._export(write_outputs, overwrite=False)

    def export_dicom(self, checked: bool = False) -> None:
        """Write DICOM objects into a folder below the chosen one; existing files only after a question."""
        volume = self._inputs().volumes[self._study.reference] if self._shown() is not None else None
        files = [Path(path) for path in self._study.files(volume)] if volume is not None else []

        def write(folder: str, case: Any, result: Any, models: Any, mask: Any, **options: Any) -> Any:
            return write_dicom(Path(folder) / "dicom", case, result, models, files=files, **options)

        self._export(write, overwrite=False)

    def _export(self, write: Any, overwrite: bool) -> None:
        session = self._study.session
        if self._bench.job.busy or session is None or session.result is None or self._stale():
            return
        folder = self._ui.exportDirectoryButton.directory
        if not folder:
            self._bench.tell(_("Choose a folder first."))
            return
        result, mask, models = session.result, session.mask, self._study.models
        case = session.case

        def failed(error: Exception) -> None:
            if isinstance(error, ExistingFileError) and not overwrite:
                if slicer.util.confirmOkCancelDisplay(_("{problem} Replace?").format(problem=error.message)):
                    self._export(write, overwrite=True)
                return
            self._bench.fail(error, True)

        self._bench.job.start(
            lambda progress: write(
                folder, case, result, models, mask=mask, overwrite=overwrite, progress=progress
            ),
            lambda files: self._bench.tell(_("Written to {folder}.").format(folder=folder)),
            failed,
            _("Exporting"),
        )
