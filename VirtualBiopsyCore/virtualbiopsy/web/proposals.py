"""The proposal tool: one click into a lesion outlines it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import RegionError
from .probe import ras_of

if TYPE_CHECKING:
    from .app import Application

TOOL = "propose"
BEFORE_THE_TOOLS = 95.0


class Proposals:
    """Clicks in the slice views while the tool is in hand."""

    def __init__(self, app: Application) -> None:
        self._app = app
        for view in app.viewer.slice_views:
            interactor = view.interactor()
            tags: list[int] = []
            press = interactor.AddObserver(
                "LeftButtonPressEvent",
                lambda *_, v=view, t=tags: self._pressed(v, t[0]),
                BEFORE_THE_TOOLS,
            )
            tags.append(press)

    def clear(self) -> None:
        with self._app.state as state:
            state.proposal_note = ""

    def _pressed(self, view: Any, tag: int) -> None:
        if self._app.state.tool != TOOL:
            return
        interactor = view.interactor()
        interactor.GetCommand(tag).SetAbortFlag(1)  # the click is not for the views
        x, y, z = ras_of(view, *interactor.GetEventPosition())
        point = self._app.phases.deepest((-x, -y, z), self._app.viewer.normal(view))
        self._app.alerts.start(self.propose(point))

    async def propose(self, point: tuple[float, float, float]) -> None:
        """Outline what enhances at a point (mm, LPS) in the segment that is predicted on; can be undone.

        Raises
        ------
        RegionError, GeometryError : nothing enhances there, or it is outside of the breast.
        """
        app, session = self._app, self._app.session
        if session is None or session.case.dynamic is None:
            raise RegionError("There is no dynamic series to propose a lesion from.", "Open one first.")
        found = await app.jobs.run(
            "propose",
            "Looking for the lesion",
            lambda progress: session.dynamics.propose(point, progress),
            replaces=("propose",),
        )
        if app.session is not session:
            return
        app.outlines.write(app.outlines.region_id, found.mask)
        with app.state as state:
            state.proposal_note = found.note
        app.viewer.jump((-point[0], -point[1], point[2]))
        app.viewer.fit_solid()
