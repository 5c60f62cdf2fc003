"""The dynamic series in the views: a phase, its difference from before the agent, or the projection of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ..case.dynamic import DynamicSeries
from ..case.phase_times import PhaseRow, early_phase, phase_rows, precontrast_indices
from ..errors import Cancelled, DynamicSeriesError, VirtualBiopsyError
from ..prepare.kinetics.subtraction import mean_precontrast, subtraction
from ..prepare.model import Kinetics
from ..report.series_rows import seconds
from .geometry import nearest_axis

if TYPE_CHECKING:
    from .app import Application

SERIES = "Dynamic series"
"""Name of the shown volume; no file of a case may have it."""
PHASE, SUBTRACTION, PROJECTION = "phase", "subtraction", "mip"
MARGIN_MM = 5.0
"""So far beyond the breast a projection looks."""
SAMPLED = 97  # every so many voxels are looked at for a grey window


class Phases:
    """Fills one volume of the viewer with what the page asks for; the grey window is kept for each mode."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._series: DynamicSeries | None = None
        self._before: np.ndarray | None = None
        self._difference: sitk.Image | None = None
        self._breast: np.ndarray | None = None
        self._windows: dict[str, tuple[float, float]] = {}
        self._drawn = ""
        self._at = -1

    # Case ----------------------------------------------------------------------------------------

    def load(self, series: DynamicSeries | None) -> None:
        """Take the series of another case, or the same with other marks; None if there is none."""
        self._series, self._before, self._difference, self._breast = series, None, None, None
        self._windows, self._drawn = {}, ""
        viewer = self._app.viewer
        rows = phase_rows(series) if series is not None else ()
        first = _first_shown(series) if series is not None else 0
        with self._app.state as state:
            state.has_series = series is not None
            state.series_mode = ""
            state.phase_labels = [_label(row) for row in rows]
            state.phase_index = first
            state.phase_count = len(rows)
        self._at = first
        if series is None:
            viewer.forget(SERIES)
        else:
            viewer.put(SERIES, series.phases[first].image)

    # Page ----------------------------------------------------------------------------------------

    def choose(self, series_mode: str, **_: Any) -> None:
        """The page asks for a mode; none means one of the case's sequences."""
        if series_mode and self._series is not None and self._drawn != series_mode:
            if series_mode != PHASE and self._index() in precontrast_indices(self._series):
                self._app.state.phase_index = self._at = _first_shown(self._series)
                self._difference = None
            self._app.cases.show(SERIES)

    def step(self, **_: Any) -> None:
        """The slider was moved."""
        if self._series is None or self._index() == self._at:
            return
        self._at, self._difference = self._index(), None
        if self._app.viewer.shown != SERIES:
            self._app.state.series_mode = PHASE
            self._app.cases.show(SERIES)
        else:
            self._draw()

    def show(self) -> None:
        """Show the series in the views, in the mode of the page."""
        state = self._app.state
        if state.series_mode not in (PHASE, SUBTRACTION, PROJECTION):
            state.series_mode = PHASE
        self._draw()

    def leave(self) -> None:
        """One of the case's sequences is shown instead."""
        self._keep_window()
        self._drawn = ""
        self._app.state.series_mode = ""

    # Pictures ------------------------------------------------------------------------------------

    def _index(self) -> int:
        return min(max(0, int(self._app.state.phase_index)), len(self._series.phases) - 1)

    def _keep_window(self) -> None:
        if self._drawn:
            self._windows[self._drawn] = self._app.viewer.window_of(SERIES)

    def _draw(self) -> None:
        mode, viewer = self._app.state.series_mode, self._app.viewer
        self._keep_window()
        projected: list[sitk.Image] = []
        if mode == PHASE:
            viewer.put(SERIES, self._series.phases[self._index()].image)
        else:
            viewer.put(SERIES, self._subtracted())
        if mode == PROJECTION:
            searched = self._searched()
            projected = [self._projected(axis, searched) for axis in range(3)]
            if self._breast is None:
                self._app.alerts.start(self._find_breast())
        viewer.show_series(SERIES, projected)
        if mode not in self._windows:
            self._windows[mode] = self._first_window(mode, projected)
        viewer.set_window(*self._windows[mode])
        self._drawn = mode

    def _subtracted(self) -> sitk.Image:
        """The chosen phase minus the mean of the pre-contrast phases."""
        if self._difference is None:
            if self._before is None:
                self._before = mean_precontrast(self._series)
            self._difference = subtraction(self._series, self._index(), self._before)
        return self._difference

    async def _find_breast(self) -> None:
        """Look for the breast: a projection without the heart behind it shows more."""
        app, series, session = self._app, self._series, self._app.session
        try:
            mask = await app.jobs.run(
                "breast",
                "Looking for the breast",
                lambda progress: session.dynamics.breast,
                replaces=("breast",),
                quiet=True,
            )
        except (VirtualBiopsyError, Cancelled):
            return
        if series is not self._series or mask is None:
            return
        if mask.GetSize() != series.phases[0].image.GetSize():
            return
        grown = sitk.BinaryDilate(mask, [max(1, round(MARGIN_MM / s)) for s in mask.GetSpacing()])
        self._breast = sitk.GetArrayFromImage(grown) > 0
        self._windows.pop(PROJECTION, None)
        if self._drawn == PROJECTION:
            self._drawn = ""
            app.cases.show(SERIES)

    def _searched(self) -> np.ndarray:
        """What a projection looks through, (k, j, i): the subtraction, inside the breast once it is known."""
        whole = self._subtracted()
        values = sitk.GetArrayViewFromImage(whole)
        return np.array(values) if self._breast is None else np.where(self._breast, values, np.float32(0))

    def _projected(self, axis: int, searched: np.ndarray) -> sitk.Image:
        """Maximum along an axis (0, 1, 2 for i, j, k): one slice as thick as the volume."""
        like = self._series.phases[0].image
        image = sitk.GetImageFromArray(searched.max(axis=2 - axis, keepdims=True))
        spacing, size = list(like.GetSpacing()), like.GetSize()
        middle = [0.0, 0.0, 0.0]
        middle[axis] = (size[axis] - 1) / 2
        spacing[axis] *= size[axis]
        image.SetSpacing(spacing)
        image.SetDirection(like.GetDirection())
        image.SetOrigin(like.TransformContinuousIndexToPhysicalPoint(middle))
        return image

    def _first_window(self, mode: str, projected: Sequence[sitk.Image]) -> tuple[float, float]:
        if projected:
            pixels = np.concatenate([sitk.GetArrayViewFromImage(image).ravel() for image in projected])
            low, high = 0.0, np.percentile(pixels, 99.7)
        elif mode == PHASE:
            last = self._series.phases[-1].image
            low, high = np.percentile(sitk.GetArrayViewFromImage(last).ravel()[::SAMPLED], (1.0, 99.7))
        else:
            whole = self._subtracted()
            low, high = 0.0, np.percentile(sitk.GetArrayViewFromImage(whole).ravel()[::SAMPLED], 99.8)
        return float(low), float(max(high, low + 1e-3))

    # Depth ---------------------------------------------------------------------------------------

    def deepest(
        self, lps: tuple[float, float, float], normal: tuple[float, float, float]
    ) -> tuple[float, float, float]:
        """The point of a projection that a click means: the brightest voxel behind it.

        Parameters
        ----------
        lps : the click, mm. normal : direction of sight, LPS.
        """
        if self._series is None or self._app.state.series_mode != PROJECTION:
            return lps
        like = self._series.phases[0].image
        axis = nearest_axis(like, normal)
        index = list(like.TransformPhysicalPointToIndex(lps))
        sizes = like.GetSize()
        if any(not 0 <= index[a] < sizes[a] for a in range(3) if a != axis):
            return lps
        along: list[Any] = [index[2], index[1], index[0]]
        along[2 - axis] = slice(None)
        index[axis] = int(np.argmax(self._searched()[tuple(along)]))
        return like.TransformIndexToPhysicalPoint([int(n) for n in index])


def _first_shown(series: DynamicSeries) -> int:
    """The early phase; without times the first one after the agent."""
    try:
        return early_phase(series, Kinetics().early_s)
    except DynamicSeriesError:
        return next((n for n, phase in enumerate(series.phases) if not phase.precontrast), 0)


def _label(row: PhaseRow) -> str:
    when = "time unknown" if row.effective_s is None else f"{seconds(row.effective_s)} s"
    return f"{row.name}, {when}" + (", before the agent" if row.precontrast else "")
