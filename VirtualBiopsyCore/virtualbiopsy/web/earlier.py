"""An earlier examination of the same lesion, for models of change: opened with its outline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from ..case.model import Case
from ..case.read import read_case, read_mask
from ..errors import EmptyRegionError, MissingSequenceError
from ..progress import Progress, part
from .casefiles import CaseReader, segment_mask
from .jobs import FOLLOW_UPS
from .localpaths import local_path
from .saving import DOCUMENT, OUTLINES, read_document
from .segmentation import TUMOUR

if TYPE_CHECKING:
    from .app import Application


FOLDER = "earlier"


class EarlierDesk:
    """Buttons of the section "Earlier examination"."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def clear(self) -> None:
        """Another case has none yet; the folder that lies in its own is offered."""
        own = Path(str(self._app.state.case_path or "")) / FOLDER
        with self._app.state as state:
            state.earlier_name, state.earlier_facts, state.earlier_mask = "", "", ""
            state.earlier_path = str(own) if own.is_dir() else ""

    async def open(self) -> None:
        """Open the examination in the field, with the outline in its folder or in the mask field.

        Raises
        ------
        EmptyRegionError : there is no outline. UnreadableFileError, … : as for any case.
        """
        app, session = self._app, self._app.session
        if session is None:
            raise MissingSequenceError("There is no case.", "Open the later examination first.")
        path = local_path(app.state.earlier_path)
        given = str(app.state.earlier_mask).strip()
        mask_path = local_path(given) if given else None

        def work(progress: Progress) -> None:
            case, mask = _examination(path, part(progress, 0.0, 0.4))
            if mask_path is not None:
                mask = read_mask(mask_path)
            if mask is None:
                raise EmptyRegionError(
                    f"{path.name} holds no outline of the lesion.",
                    "Give a mask file, or open this examination as a case, outline the lesion there and "
                    "save the session.",
                )
            session.set_earlier(case, mask, part(progress, 0.4, 1.0))

        await app.jobs.run("open", "Opening the earlier examination", work, replaces=("live", *FOLLOW_UPS))
        if app.session is session:
            self.publish()
            app.predictions.changed()

    def publish(self) -> None:
        """Say which examination is the earlier one."""
        earlier = self._app.session.earlier
        with self._app.state as state:
            if earlier is None:
                state.earlier_name, state.earlier_facts = "", ""
                return
            facts = earlier.facts
            state.earlier_name = earlier.case.name
            state.earlier_facts = f"Outline of {facts.volume_ml:.2f} mL, {facts.diameter_mm:.1f} mm across."

    async def remove(self) -> None:
        """Go on without an earlier examination."""
        app, session = self._app, self._app.session
        if session is None:
            return
        await app.jobs.run("role", "Closing", lambda p: session.set_earlier(None))
        self.publish()
        app.predictions.changed()


def _examination(path: Path, progress: Progress) -> tuple[Case, sitk.Image | None]:
    """The examination at a path with its own outline, if it has one; a saved session is one too."""
    if not (path / DOCUMENT).is_file():
        case = read_case(path, progress=progress)
        return case, case.regions.get(TUMOUR)
    document = read_document(path)
    case = CaseReader(path).case(document["case"], document["clinical"], progress)
    return case, segment_mask(path / OUTLINES, str(document["outlines"].get("region", TUMOUR)))
