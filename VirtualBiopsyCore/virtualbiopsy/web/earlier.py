"""An earlier examination of the same lesion, for models of change: opened with its outline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from ..case.model import Case
from ..case.read import read_case, read_mask
from ..errors import EmptyRegionError, MissingSequenceError
from ..progress import Progress, part
from .jobs import FOLLOW_UPS
from .localpaths import local_path
from .segmentation import TUMOUR

if TYPE_CHECKING:
    from .app import Application


class EarlierDesk:
    """Buttons of the section "Earlier examination"."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def clear(self) -> None:
        """Another case has none yet."""
        with self._app.state as state:
            state.earlier_name, state.earlier_facts = "", ""

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

        def work(progress: Progress) -> tuple[Case, sitk.Image]:
            case = read_case(path, progress=part(progress, 0.0, 0.4))
            mask = read_mask(mask_path) if mask_path is not None else case.regions.get(TUMOUR)
            if mask is None:
                raise EmptyRegionError(
                    f"{path.name} holds no outline of the lesion.",
                    "Give a mask file, or open this examination as a case, outline the lesion there and "
                    "save the session.",
                )
            session.set_earlier(case, mask, part(progress, 0.4, 1.0))
            return case, mask

        case, _ = await app.jobs.run(
            "open", "Opening the earlier examination", work, replaces=("live", *FOLLOW_UPS)
        )
        if app.session is session:
            self.publish(case, path)
            app.predictions.changed()

    def publish(self, case: Case, path: Path) -> None:
        """Say which examination is the earlier one."""
        earlier = self._app.session.earlier
        with self._app.state as state:
            state.earlier_name = case.name
            state.earlier_path = str(path)
            facts = earlier.facts
            state.earlier_facts = f"Outline of {facts.volume_ml:.2f} mL, {facts.diameter_mm:.1f} mm across."

    async def remove(self) -> None:
        """Go on without an earlier examination."""
        app, session = self._app, self._app.session
        if session is None:
            return
        await app.jobs.run("role", "Closing", lambda p: session.set_earlier(None))
        self.clear()
        app.predictions.changed()
