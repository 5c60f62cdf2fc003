"""The dynamic series in the views: a phase, its difference from before the agent, or the projection of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ..case.dynamic import DynamicSeries
from ..case.phase_times import phase_rows, precontrast_indices
from ..prepare.kinetics.subtraction import mean_precontrast, subtraction
from ..report.series_rows import seconds
from .geometry import nearest_axis

if TYPE_CHECKING:
    from .app import Application

SERIES = "Dynamic series"
"""Name of the shown volume; no file of a case may have it."""
PHASE, SUBTRACTION, PROJECTION = "phase", "subtraction", "mip"
SAMPLED = 97  # every so many voxels are looked at for a grey window


class Phases:
    """Fills one volume of the viewer with what the page asks for; the grey window is kept for each mode."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._series: DynamicSeries | None = None
        self._before: np.ndarray | None = None
        self._difference: sitk.Image | None = None
        self._windows: dict[str, tuple[float, float]] = {}
        self._drawn = ""
        self._at = -1

    # Case ----------------------------------------------------------------------------------------

    def load(self, series: DynamicSeries | None) -> None:
        """Take the series of another case, or the same with other marks; None if there is none."""
        self._series, self._before, self._difference = series, None, None
        self._windows, self._drawn = {}, ""
        viewer = self._app.viewer
        rows = phase_rows(series) if series is not None else ()
        first = next((n for n, row in enumerate(rows) if not row.precontrast), 0)
        with self._app.state as state:
            state.has_series = series is not None
            state.series_mode = ""
            state.phase_labels = [_label(row.name, row.effective_s, row.precontrast) for row in rows]
            state.phase_index = min(int(state.phase_index), len(rows) - 1) if self._same(rows) else first
            state.phase_count = len(rows)
        self._at = int(self._app.state.phase_index)
        if series is None:
            viewer.forget(SERIES)
        else:
            viewer.put(SERIES, series.phases[first].image)

    def _same(self, rows: Any) -> bool:
        return self._app.state.phase_count == len(rows) > 0 and self._app.viewer.shown == SERIES

    # Page ----------------------------------------------------------------------------------------

    def choose(self, series_mode: str, **_: Any) -> None:
        """The page asks for a mode; none means one of the case's sequences."""
        if series_mode and self._series is not None and self._drawn != series_mode:
            if series_mode != PHASE and self._index() in precontrast_indices(self._series):
                after = self._app.state.phase_count - 1
                first = next(
                    (n for n, phase in enumerate(self._series.phases) if not phase.precontrast), after
                )
                self._app.state.phase_index = self._at = first
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
        if mode == PHASE:
            viewer.put(SERIES, self._series.phases[self._index()].image)
        else:
            viewer.put(SERIES, self._subtracted())
        projected = [self._projected(axis) for axis in range(3)] if mode == PROJECTION else []
        viewer.show_series(SERIES, projected)
        fresh = mode not in self._windows
        if fresh:
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

    def _projected(self, axis: int) -> sitk.Image:
        """Maximum along an axis (0, 1, 2 for i, j, k): one slice as thick as the volume."""
        like = self._series.phases[0].image
        whole = self._subtracted()
        image = sitk.GetImageFromArray(sitk.GetArrayViewFromImage(whole).max(axis=2 - axis, keepdims=True))
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
            low, high = np.percentile(pixels, (20.0, 99.7))
        elif mode == PHASE:
            last = sitk.GetArrayViewFromImage(self._series.phases[-1].image)
            low, high = np.percentile(last.ravel()[::SAMPLED], (1.0, 99.7))
        else:
            whole = self._subtracted()
            values = sitk.GetArrayViewFromImage(whole).ravel()[::SAMPLED]
            low, high = 0.0, np.percentile(values, 99.8)
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
        along = [index[2], index[1], index[0]]
        along[2 - axis] = slice(None)
        whole = self._subtracted()
        index[axis] = int(np.argmax(sitk.GetArrayViewFromImage(whole)[tuple(along)]))
        return like.TransformIndexToPhysicalPoint([int(n) for n in index])


def _label(name: str, effective_s: float | None, precontrast: bool) -> str:
    when = "time unknown" if effective_s is None else f"{seconds(effective_s)} s"
    return f"{name}, {when}" + (", before the agent" if precontrast else "")
