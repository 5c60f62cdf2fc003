"""The browser application: one server, one scene, one session, and the parts that join them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from trame.app import get_server
from trame_slicer import module as slicer_module

from ..case.clinical import CLINICAL
from ..models.radmodel import RadModel
from ..session import Session
from . import state as page_state
from .alerts import Alerts
from .casework import CaseDesk
from .curves import Curves
from .desk import OutlineDesk
from .earlier import EarlierDesk
from .engine import EngineDesk
from .explanation import Explanations
from .exports import Exports
from .hypothesis import Hypothesis
from .jobs import JobRunner
from .layers import Layers
from .library import Library
from .maps import Maps
from .panels.frame import build_page
from .phases import Phases
from .prediction import Predictions
from .probe import Probe
from .proposals import Proposals
from .questions import Questions
from .saving import Saver
from .segmentation import Outlines
from .series import SeriesDesk
from .tasks import TaskDesk
from .tofts import ToftsDesk
from .viewer import Viewer
from .workbench import Workbench


class Application:
    """Everything behind the page. Lives in the main thread with its event loop.

    Parameters
    ----------
    models : models to run; the bundled ones and those installed on this computer if None.
    task : identifier of the task of the first case; guessed if "".
    """

    def __init__(self, models: Sequence[RadModel] | None = None, task: str = "") -> None:
        self.models: tuple[RadModel, ...] = ()
        self.server = get_server(client_type="vue3")
        self.server.enable_module(slicer_module)
        self.state = self.server.state
        page_state.initialise(self.state)
        self.session: Session | None = None
        self.alerts = Alerts(self.state)
        self.jobs = JobRunner(self.state)
        self.library = Library(self, None if models is None else tuple(models))
        self.tasks = TaskDesk(self, task)
        self.viewer = Viewer(self.server)
        self.outlines = Outlines(self.viewer.app, self._region_changed, self._segments_changed)
        self.layers = Layers(self)
        self.phases = Phases(self)
        self.maps = Maps(self)
        self.curves = Curves(self)
        self.tofts = ToftsDesk(self)
        self.explanations = Explanations(self)
        self.questions = Questions(self)
        self.hypothesis = Hypothesis(self)
        self.probe = Probe(self)
        self.proposals = Proposals(self)
        self.predictions = Predictions(self)
        self.cases = CaseDesk(self)
        self.desk = OutlineDesk(self)
        self.series = SeriesDesk(self)
        self.earlier = EarlierDesk(self)
        self.saver = Saver(self)
        self.exports = Exports(self)
        self.engine = EngineDesk(self)
        self.workbench = Workbench(self)
        self.page = build_page(self)
        self.library.publish()
        self._follow_state()
        self.server.controller.on_client_connected.add_task(self._client_connected)

    def _follow_state(self) -> None:
        guard, change = self.alerts.guard, self.state.change
        change("tool")(guard(self._tool))
        change("task")(guard(self.tasks.change))
        change("tab")(guard(lambda tab, **_: self.engine.refresh() if tab == "engine" else None))
        change("brush_mm", "brush_sphere")(guard(self._brush))
        change("scissors_mode")(guard(lambda scissors_mode, **_: self.outlines.set_scissors(scissors_mode)))
        change("island_mode")(guard(lambda island_mode, **_: self.outlines.set_island_click(island_mode)))
        change("threshold", "paint_in_range")(guard(self._threshold))
        change("shown")(guard(self._shown))
        change("window")(guard(lambda window, **_: self._window(window)))
        change("layout_name")(guard(lambda layout_name, **_: self.viewer.layouts.set_layout(layout_name)))
        change("layout_name")(guard(self.layers.place_legend))
        change("overlay_opacity")(guard(self.layers.set_opacity))
        change("overlay_window")(guard(self.layers.set_window))
        change("legend_shown")(guard(self.layers.set_legend))
        change("colors")(guard(self.layers.set_colors))
        change("strongest_shown")(guard(self.layers.set_strongest))
        change("series_mode")(guard(self.phases.choose))
        change("phase_index")(guard(self.phases.step))
        change("aif", "aif_path", "kinetic_model", "tissue_t1")(guard(self.tofts.follow))
        change("overlay_shown", "hatching_shown", "explained_map", "shown_anyway", "map_shown")(
            guard(self.explanations.draw)
        )
        change("layer")(guard(self.explanations.choose_layer))
        change("layer", "tool", "stale", "pointer_left")(guard(self.probe.refresh))
        change("explained_model")(guard(self.explanations.choose_model))
        change("diameter_shown")(guard(self.explanations.set_diameter))
        change("surface_shown")(guard(lambda surface_shown, **_: self.outlines.set_surface(surface_shown)))
        change("whatif_values")(guard(self.hypothesis.follow))
        change("register", "bias_correction")(guard(self.cases.set_preparation))
        change(*(f"clinical_{name}" for name in CLINICAL))(guard(self.cases.set_clinical))

    # Events of the page --------------------------------------------------------------------------

    async def _client_connected(self, *_: Any, **__: Any) -> None:
        await self.viewer.fit_once()

    def _tool(self, tool: str, **_: Any) -> None:
        self.outlines.set_tool(tool)
        if tool in ("paint", "erase"):
            self._brush(self.state.brush_mm, self.state.brush_sphere)
        if tool == "threshold":
            self.outlines.set_threshold(*self.state.threshold)

    def _brush(self, brush_mm: float, brush_sphere: bool, **_: Any) -> None:
        self.outlines.set_brush(brush_mm, brush_sphere)

    def _threshold(self, threshold: list[float], paint_in_range: bool, **_: Any) -> None:
        self.outlines.set_paint_range(*threshold, paint_in_range)
        if self.state.tool == "threshold":
            self.outlines.set_threshold(*threshold)

    def _shown(self, shown: str, **_: Any) -> None:
        if shown != self.viewer.shown:
            self.cases.show(shown)

    def _window(self, window: list[float]) -> None:
        if [float(x) for x in window] != [float(x) for x in self.viewer.window()]:
            self.viewer.set_window(*window)

    def auto_window(self) -> None:
        self.viewer.auto_window()
        self.state.window = list(self.viewer.window())

    def cancel(self) -> None:
        """The Cancel button."""
        self.jobs.cancel()

    # Events of the scene -------------------------------------------------------------------------

    def _region_changed(self) -> None:
        if self.session is not None:
            self.predictions.changed()

    def _segments_changed(self) -> None:
        rows = self.outlines.rows()
        with self.state as state:
            state.segments = rows
            state.can_undo = self.outlines.undo_stack.can_undo()
            state.can_redo = self.outlines.undo_stack.can_redo()

    # Start ---------------------------------------------------------------------------------------

    def open_at_start(self, path: str) -> None:
        """Open this case once the server runs."""
        self.state.case_path = path
        self.state.start_open = False

        async def open_case(**_: Any) -> None:
            await asyncio.sleep(0)
            self.alerts.start(self.cases.open(path))

        self.server.controller.on_server_ready.add_task(open_case)
