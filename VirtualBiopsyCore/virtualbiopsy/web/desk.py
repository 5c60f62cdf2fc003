"""Buttons of the outline panel that need values of the page or files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..case.read import read_mask
from ..errors import RegionError
from .localpaths import local_path
from .segmentation import TUMOUR

if TYPE_CHECKING:
    from .app import Application

SURFACE_LIMIT = 60_000
"""Voxels of a thresholded segment above which its 3D surface is not drawn (it would take seconds)."""


class OutlineDesk:
    """Between the outline panel and the segments."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._surface_waits = False

    def _set_surface(self, shown: bool) -> None:
        self._app.outlines.set_surface(shown)
        with self._app.state as state:
            state.surface_shown = shown

    def outline_has(self, voxels: int) -> None:
        """The outline was measured: show the 3D surface again that was too large to draw."""
        if self._surface_waits and voxels <= SURFACE_LIMIT:
            self._surface_waits = False
            self._set_surface(True)

    async def load_mask(self) -> None:
        """Add the mask file of the field as a segment."""
        app = self._app
        path = local_path(app.state.mask_path)
        mask = await app.jobs.run("open", "Reading the mask", lambda progress: read_mask(path))
        name = path.name.split(".")[0]
        app.outlines.write_new(name, mask)
        app.viewer.centre_on(mask)
        self._after()

    def load_case_mask(self) -> None:
        """Take over the tumour mask that lies in the case folder."""
        app = self._app
        mask = app.session.case.regions.get(TUMOUR) if app.session else None
        if mask is None:
            raise RegionError("The case has no outline of its own.", "Paint one, or load a mask file.")
        app.outlines.write(TUMOUR, mask)
        app.viewer.centre_on(mask)
        self._after()

    def centre(self) -> None:
        """Move the slices to the outline."""
        if not self._app.viewer.centre_on(self._app.outlines.mask()):
            raise RegionError("The outline is empty.", "Paint one, or load a mask file.")
        self._app.viewer.fit_solid()

    def _after(self) -> None:
        """The first outline shows itself in 3D."""
        self._app.viewer.fit_solid()

    def apply_threshold(self) -> None:
        low, high = self._app.state.threshold
        if self._app.outlines.count_between(low, high) > SURFACE_LIMIT and self._app.state.surface_shown:
            self._surface_waits = True
            self._set_surface(False)
        self._app.outlines.apply_threshold(low, high)
        self._app.state.tool = "none"
        self._after()

    def auto_threshold(self) -> None:
        self._app.state.threshold = list(self._app.outlines.auto_threshold())
        self._app.state.tool = "threshold"

    def remove_small(self) -> None:
        self._app.outlines.remove_small(int(self._app.state.island_voxels))

    def smooth(self) -> None:
        mm = _positive(self._app.state.smooth_mm, "The size of the smoothing")
        self._app.outlines.smooth(self._app.state.smooth_mode, mm)

    def margin_grow(self) -> None:
        self._app.outlines.grow_margin(_positive(self._app.state.margin_mm, "The margin"))

    def margin_shrink(self) -> None:
        self._app.outlines.grow_margin(-_positive(self._app.state.margin_mm, "The margin"))

    def grow_from_seeds(self) -> None:
        self._app.outlines.grow_from_seeds()
        self._app.state.tool = "none"
        self._after()


def _positive(value: object, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number <= 100:
        raise RegionError(f"{what} must be more than 0 and at most 100 mm.", "Enter another number.")
    return number
