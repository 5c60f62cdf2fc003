"""Time–intensity curves of the outline and of the voxel under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Cancelled, VirtualBiopsyError
from ..regions.curves import Curve, curve_at
from ..report.curve import curve_svg

if TYPE_CHECKING:
    from .app import Application

WIDTH = 400


class Curves:
    """The figure of the panel; the pointer's curve comes and goes, that of the outline follows its edits."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._region: Curve | None = None
        self._voxel: Curve | None = None

    def clear(self) -> None:
        self._region = self._voxel = None
        with self._app.state as state:
            state.curve_svg, state.curve_note = "", ""

    def outline_changed(self) -> None:
        """Measure the curve of the outline again."""
        app = self._app
        if app.session is not None and app.session.case.dynamic is not None:
            app.alerts.start(self._measure())

    async def _measure(self) -> None:
        app, session = self._app, self._app.session
        mask = app.outlines.mask()
        try:
            found = await app.jobs.run(
                "curve",
                "Curve of the outline",
                lambda progress: session.dynamics.curve_of(mask),
                replaces=("curve",),
                quiet=True,
            )
            note = ""
        except Cancelled:
            return
        except VirtualBiopsyError as error:
            found, note = None, error.message
        if app.session is session:
            self._region = found
            with app.state as state:
                state.curve_note = note
            self._draw()

    def at(self, lps: tuple[float, float, float] | None) -> None:
        """The pointer is at this point (mm); None if it left the images."""
        app = self._app
        series = app.session.case.dynamic if app.session is not None else None
        voxel = None
        if lps is not None and series is not None:
            try:
                voxel = curve_at(series, lps, "voxel under the pointer")
            except VirtualBiopsyError:
                voxel = None
        if voxel is not None or self._voxel is not None:
            self._voxel = voxel
            self._draw()

    def _draw(self) -> None:
        app = self._app
        curves = [
            (label, curve)
            for label, curve in (("outline", self._region), ("voxel under the pointer", self._voxel))
            if curve is not None
        ]
        with app.state as state:
            state.curve_svg = curve_svg(curves, injection_s=0.0, dark=True, width=WIDTH) if curves else ""
