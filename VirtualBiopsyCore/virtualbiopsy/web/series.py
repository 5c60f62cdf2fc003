"""The dynamic series of the case: its table of phases, the pre-contrast marks, motion between the phases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..case.dynamic import DynamicSeries
from ..case.phase_times import phase_rows, with_precontrast
from ..errors import DynamicSeriesError
from ..prepare.kinetics.motion import correct_motion, measure_motion, motion_sentence
from ..report import series_rows as kinetics
from .jobs import FOLLOW_UPS

if TYPE_CHECKING:
    from .app import Application


class SeriesDesk:
    """Everything about the dynamic series that concerns all of it."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @property
    def series(self) -> DynamicSeries | None:
        session = self._app.session
        return session.case.dynamic if session is not None else None

    def load(self) -> None:
        """Show the series of the open case, or that there is none."""
        app = self._app
        app.phases.load(self.series)
        app.maps.clear()
        app.curves.clear()
        app.proposals.clear()
        self.publish()

    def publish(self) -> None:
        """Write what is known about the series into the page's state."""
        series = self.series
        with self._app.state as state:
            state.phase_edits += 1
            state.phase_rows = kinetics.phase_table(phase_rows(series)) if series is not None else []
            state.series_facts = kinetics.series_facts(series) if series is not None else []
            state.motion_rows = kinetics.motion_rows(series.motion) if series is not None else []
            state.motion_note = motion_sentence(series.motion) if series is not None else ""

    def _require(self) -> DynamicSeries:
        series = self.series
        if series is None:
            raise DynamicSeriesError(
                "The case has no dynamic series.", "Open the folder that holds all of its phases."
            )
        return series

    async def mark(self, name: str, precontrast: bool) -> None:
        """Count a phase as pre-contrast, or no longer; what rests on it is computed again."""
        series = self._require()
        names = {phase.name for phase in series.phases if phase.precontrast}
        names = names | {name} if precontrast else names - {name}
        try:
            changed = with_precontrast(series, names)
        except DynamicSeriesError:
            self.publish()  # the check box goes back
            raise
        await self._take(changed, "Changing the phases")

    async def measure(self) -> None:
        """Measure how far the phases lie from the early one."""
        series = self._require()
        found = await self._app.jobs.run(
            "motion", "Measuring motion", lambda progress: measure_motion(series, progress=progress)
        )
        await self._take(found, "Keeping the figures", same_images=True)

    async def correct(self) -> None:
        """Align the phases to the early one."""
        series = self._require()
        found = await self._app.jobs.run(
            "motion", "Aligning the phases", lambda progress: correct_motion(series, progress=progress)
        )
        await self._take(found, "Taking the aligned phases")

    async def _take(self, series: DynamicSeries, title: str, *, same_images: bool = False) -> None:
        """Go on with a changed series."""
        app = self._app
        session = app.session
        before = app.cases.reference_name()
        app.jobs.cancel("live", "predict", "prepare", *FOLLOW_UPS)
        await app.jobs.run("role", title, lambda p: session.set_dynamic(series))
        if app.session is not session:
            return
        if same_images:
            self.publish()
            app.predictions.changed()
            return
        app.viewer.rename(before, app.cases.reference_name())
        shown = app.viewer.shown
        for sequence in session.case.sequences:
            if sequence.role == app.tasks.task.reference:
                app.viewer.put(sequence.name, sequence.image)
        self.load()
        app.cases.publish()
        app.cases.show(shown)
        app.predictions.changed()
        app.cases.start_preparing()
        app.curves.outline_changed()
