"""Predict and keep up with the edits: stale mark, number, picture, what an edit moved, how sure."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import SimpleITK as sitk

from ..errors import Cancelled, EmptyRegionError, RegionError, VirtualBiopsyError
from ..session import Result
from . import present
from .jobs import FOLLOW_UPS

if TYPE_CHECKING:
    from .app import Application

PAUSE_SECONDS = 0.08
SENT_SECONDS = 0.002
DETAILS_AFTER_SECONDS = 0.15
RANGE_AFTER_SECONDS = 1.0


class Predictions:
    """Turns outlines into results, in the worker thread, and shows them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._waiting: asyncio.Task | None = None
        self._changes = 0
        self._previous: dict[str, float] = {}
        self.result: Result | None = None

    def clear(self) -> None:
        """Forget the result (another case)."""
        self._stop_waiting()
        self._previous = {}
        self.result = None
        self._app.questions.clear()
        self._app.explanations.clear()
        self._app.hypothesis.clear()
        with self._app.state as state:
            state.has_result = state.stale = False
            state.stale_reason = ""
            state.cards, state.skipped, state.warnings = [], [], []
            state.features, state.evidence, state.provenance = [], [], []
            state.facts, state.facts_note = [], ""
            state.shown_anyway = []

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def changed(self) -> None:
        """Something that the result rests on changed: mark it stale and, if wanted, follow.

        The answer to a single change is computed at once. Changes that come faster than the answers are
        followed when they pause.
        """
        app = self._app
        self._changes += 1
        behind = self._waiting is not None or app.jobs.active("live", "predict")
        if self.result is not None:
            with app.state as state:
                state.stale, state.stale_reason = True, ""
        app.jobs.cancel("live", *FOLLOW_UPS)
        self._stop_waiting()
        if self._follows():
            if behind:
                app.viewer.pictures.show()
            else:
                app.viewer.pictures.hold()
        pause = PAUSE_SECONDS if behind else 0.0
        self._waiting = app.alerts.start(self._follow(time.perf_counter(), pause))

    def _follows(self) -> bool:
        """Whether changes lead to a new prediction."""
        return bool(self._app.state.live) and self.result is not None

    async def _follow(self, started: float, pause: float) -> None:
        await asyncio.sleep(pause)  # an undo passes through intermediate states before this goes on
        self._waiting = None
        app = self._app
        if app.session is None:
            return
        if self._follows():
            await self._live(started)
        else:
            self.measure()

    async def _live(self, started: float) -> None:
        try:
            await self._run("live", started)
        except Cancelled:
            return
        except VirtualBiopsyError as error:
            with self._app.state as state:
                state.stale, state.stale_reason = True, str(error)
            self.measure()
            self._app.viewer.pictures.show()

    def measure(self) -> None:
        """Show size and place of the outline without any model."""
        app = self._app
        try:
            facts = app.session.facts(app.outlines.mask())
        except RegionError as error:
            with app.state as state:
                state.facts, state.facts_note = [], error.message
            app.explanations.hide_diameter()
            app.curves.outline_changed()
            return
        with app.state as state:
            state.facts, state.facts_note = present.fact_rows(facts), ""
        app.explanations.show_diameter(facts)
        app.desk.outline_has(facts.voxels)
        app.curves.outline_changed()

    async def predict(self) -> None:
        """The Predict button.

        Raises
        ------
        VirtualBiopsyError : the outline or the case cannot be used; the result before stays, marked stale.
        """
        app = self._app
        if app.session is None:
            raise EmptyRegionError("There is no case.", "Open one first.")
        self._stop_waiting()
        try:
            await self._run("predict", time.perf_counter())
        except RegionError:
            with app.state as state:
                state.tab = "outline"
            raise

    async def _run(self, kind: str, started: float) -> None:
        app, session, changes = self._app, self._app.session, self._changes
        mask = app.outlines.mask()
        if not sitk.GetArrayViewFromImage(mask).any():
            raise EmptyRegionError("The outline holds no voxel.", "Outline the tumour first.")
        result = await app.jobs.run(
            kind,
            "Predicting",
            lambda progress: session.set_region(mask, progress),
            replaces=("live", "predict", *FOLLOW_UPS),
        )
        if app.session is session:
            if kind == "predict" and app.state.tab in ("case", "series", "outline"):
                app.state.tab = "result"
            late = self._changes != changes
            await self.show(result, round(1000 * (time.perf_counter() - started)), stale=late)
            if late:
                self.changed()
                return
            app.alerts.start(self._range(session, result))

    async def _range(self, session: object, result: Result) -> None:
        """How much the probability moves with small changes of the outline, when the user pauses."""
        await asyncio.sleep(RANGE_AFTER_SECONDS)
        app = self._app
        if app.session is not session or self.result is not result or app.state.stale:
            return
        try:
            await app.jobs.run("range", "Varying the outline", session.stability, replaces=("range",))
        except Cancelled:
            return
        if self.result is result and session.result is not None:
            self.result = session.result
            with app.state as state:
                fresh = present.cards(self.result, app.models, {})
                for old, new in zip(state.cards, fresh, strict=True):
                    new["delta"], new["moved"] = old["delta"], old["moved"]
                state.cards = fresh
            if app.explanations.withheld():
                app.explanations.draw()

    async def show(self, result: Result, milliseconds: int, stale: bool = False) -> None:
        """Write a result into the page's state and the scene: the number, the picture, then the details.

        Parameters
        ----------
        milliseconds : what it took, for the page.
        stale : what the result rests on has changed since.
        """
        app = self._app
        self.result = result
        with app.state as state:
            state.has_result, state.stale, state.stale_reason = True, stale, ""
            state.cards = present.cards(result, app.models, self._previous)
            state.skipped = present.skipped_rows(result, app.models)
            state.warnings = list(result.warnings)
            state.facts, state.facts_note = present.fact_rows(result.facts), ""
            state.update_ms = milliseconds
            state.update_count += 1
        self._previous = {p.model_id: p.probability for p in result.predictions}
        await asyncio.sleep(SENT_SECONDS)  # drawing would keep the number from being sent
        if self.result is not result:
            return
        app.questions.new_result(result)
        app.explanations.show(result)
        app.explanations.show_diameter(result.facts)
        if not app.state.stale:
            app.viewer.pictures.show()
        app.desk.outline_has(result.facts.voxels)
        app.alerts.start(self._details(result))

    async def _details(self, result: Result) -> None:
        """Tables that are read at leisure, and the questions that take their time."""
        await asyncio.sleep(DETAILS_AFTER_SECONDS)
        if self.result is not None and self.result.region_digest == result.region_digest:
            self._app.explanations.describe()
            self._app.hypothesis.new_result(result)
            self._app.questions.follow()
            self._app.curves.outline_changed()
            self._app.maps.publish()
            with self._app.state as state:
                state.features = present.feature_rows(result, self._app.models)
                state.evidence = present.evidence_rows(result)
                state.provenance = list(result.provenance)
