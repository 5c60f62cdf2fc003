"""Results as files: into a folder, or as downloads of the page."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EmptyRegionError, UnreadableFileError
from ..report.export import write_outputs
from .localpaths import new_folder

if TYPE_CHECKING:
    from .app import Application

MIME = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".html": "text/html",
    ".nrrd": "application/octet-stream",
}


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
        session, result, overwrite = app.session, app.predictions.result, bool(app.state.replace_files)
        written = await app.jobs.run(
            "export",
            "Writing the results",
            lambda p: write_outputs(folder, session, result, overwrite=overwrite),
        )
        with app.state as state:
            state.exported = [str(path) for path in written]
        app.alerts.add("success", f"{len(written)} files written to {folder}.")

    async def download(self, name: str) -> bytes:
        """Return one result file for the browser to keep; `name` is result.json, features.csv, …

        Called by the page; an error is shown there and gives an empty file.
        """
        try:
            self._require()
            session, result = self._app.session, self._app.predictions.result

            def make(progress: object) -> bytes:
                with tempfile.TemporaryDirectory(prefix="virtualbiopsy-") as folder:
                    for path in write_outputs(Path(folder) / "out", session, result):
                        if path.name == name:
                            return path.read_bytes()
                raise UnreadableFileError(f"There is no file called {name} in this result.")

            content = await self._app.jobs.run("export", f"Writing {name}", make)
        except Exception as error:
            self._app.alerts.show(error)
            return b""
        return self._app.server.protocol.addAttachment(content)
