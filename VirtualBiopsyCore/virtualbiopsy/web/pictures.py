"""Pictures after an edit: the views wait a moment for the answer, and the one in use is drawn first.

Views are drawn in the main thread, one after the other, and keep the worker thread from computing meanwhile.
Drawn at once, an edit would cost every view twice: once with the new outline, once with the new map.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

HOLD_SECONDS = 0.15
OTHERS_AFTER_SECONDS = 0.06
FIRST = 100.0  # before the observers of the tools, which may end the event


class Pictures:
    """When the views are drawn.

    Parameters
    ----------
    views : gives the views, the most important one first.
    """

    def __init__(self, views: Callable[[], list[Any]]) -> None:
        self._views = views
        self._in_use: Any = None
        self._timer: asyncio.TimerHandle | None = None
        for view in views():
            view.interactor().AddObserver("LeftButtonPressEvent", lambda *_, v=view: self._use(v), FIRST)

    def _use(self, view: Any) -> None:
        self._in_use = view

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def hold(self) -> None:
        """Draw nothing until :meth:`show`, at most for HOLD_SECONDS."""
        for view in self._views():
            view.set_render_blocked(True)
        self._after(HOLD_SECONDS, self.show)

    def show(self) -> None:
        """Draw what was held back: the view that the user last worked in, and then the others."""
        held = [view for view in self._views() if view.is_render_blocked]
        if not held:
            return
        front = self._in_use if self._in_use in held else held[0]
        front.set_render_blocked(False)
        self._after(OTHERS_AFTER_SECONDS, self._show_others)

    def _show_others(self) -> None:
        self._timer = None
        for view in self._views():
            if view.is_render_blocked:
                view.set_render_blocked(False)
