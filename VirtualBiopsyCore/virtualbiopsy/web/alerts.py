"""Errors as dismissible alerts: the typed ones with their hint, unexpected ones short, all in the log."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ..errors import Cancelled, VirtualBiopsyError

logger = logging.getLogger("virtualbiopsy.web")
KEPT = 3


class Alerts:
    """The list of alerts in the page (state variable ``alerts``)."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task] = set()

    def add(self, kind: str, text: str, hint: str = "") -> None:
        """Show an alert of the kind "error", "warning", "info" or "success"."""
        entry = {"id": next(self._ids), "kind": kind, "text": text, "hint": hint}
        kept = [a for a in self._state.alerts if (a["text"], a["hint"]) != (text, hint)]
        with self._state as state:
            state.alerts = [*kept[-(KEPT - 1) :], entry]

    def dismiss(self, identity: int) -> None:
        with self._state as state:
            state.alerts = [a for a in state.alerts if a["id"] != identity]

    def clear(self) -> None:
        with self._state as state:
            state.alerts = []

    def show(self, error: BaseException) -> None:
        """Show an exception. A cancelled job is worth a quiet notice only."""
        if isinstance(error, Cancelled):
            self.add("info", error.message)
        elif isinstance(error, VirtualBiopsyError):
            logger.warning("%s: %s", type(error).__name__, error)
            self.add("error", error.message, error.hint)
        else:
            logger.error("unexpected error", exc_info=error)
            self.add(
                "error",
                f"Unexpected error: {type(error).__name__}: {str(error)[:200]}",
                "Your case and outlines are still there; please report this with the log of the terminal.",
            )

    def guard(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap an event handler, plain or async, so that its exceptions become alerts.

        An async handler becomes a task of its own: the server takes the next message of a page only when the
        handler of the last one has returned, and Cancel must get through.
        """
        if asyncio.iscoroutinefunction(call):

            def begin(*args: Any, **kwargs: Any) -> None:
                self.start(call(*args, **kwargs))

            return begin

        @functools.wraps(call)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except Exception as error:
                self.show(error)

        return guarded

    def reading(self, call: Callable[..., Any], *names: str) -> tuple[Callable[..., Any], str]:
        """Wrap the handler of an event with which the page sends these state variables.

        The page keeps what was typed back while another call is under way, but sends events at once; so a
        click may come before the text that it is about.

        Returns
        -------
        The handler, and the arguments for the event of a widget.
        """
        guarded = self.guard(call)

        def begin(values: Mapping[str, Any]) -> None:
            with self._state as state:
                state.update({name: values[name] for name in names if name in values})
            guarded()

        return begin, f"[{{ {', '.join(names)} }}]"

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task:
        """Start a coroutine as a task whose exceptions become alerts."""

        async def watched() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.show(error)
            finally:
                self._state.flush()

        task = asyncio.get_running_loop().create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began
        return task
