"""Results as files: into a folder, or as downloads of the page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EmptyRegionError, UnreadableFileError
from ..progress import Progress
from ..report.export import write_outputs
from .localpaths import new_folder

if TYPE_CHECKING:
    from .app import Application


class Exports:
    """Export and download buttons."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def _require(self) -> None:
        app = self._app
        if app.predictions.result is None or app.session is None or app.session.result is None:
            raise EmptyRegionError("There is no result to export.", "Press Predict first.")
        if app.state.stale:
            raise EmptyRegionError(
                "The result is out of date: the outline or the case has changed since.",
                "Press Predict again.",
            )

    async def export(self) -> None:
        """Write all result files into the folder of the field."""
        self._require()
        app = self._app
        folder = new_folder(app.state.export_path)
        written = await app.jobs.run(
            "export", "Writing the results", self._writer(folder, bool(app.state.replace_files))
        )
        with app.state as state:
            state.exported = sorted({str(path) for path in written})
        app.alerts.add("success", f"{len(state.exported)} files written to {folder}.")

    def _writer(self, folder: Path, overwrite: bool) -> Callable[[Progress], list[Path]]:
        app = self._app
        case, mask, result, models = (
            app.session.case,
            app.session.mask,
            app.predictions.result,
            app.session.models,
        )

        def write(progress: Progress) -> list[Path]:
            written = write_outputs(
                folder, case, result, models, mask=mask, overwrite=overwrite, progress=progress
            )
            return list(written.values())

        return write

    async def download(self, name: str) -> Any:
        """Return one result file for the browser to keep; `name` is result.json, features.csv, …

        Called by the page; an error is shown there and gives an empty file.
        """
        try:
            self._require()
            with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as folder:
                work = self._writer(Path(folder), True)
                for path in await self._app.jobs.run("export", f"Writing {name}", work):
                    if path.name == name:
                        return self._app.server.protocol.addAttachment(path.read_bytes())
            raise UnreadableFileError(f"This result has no {name}.", "No feature has a place in the image.")
        except Exception as error:
            self._app.alerts.show(error)
            return ""
