"""One worker thread for everything that takes time, with progress and cancel in the page.

MRML, VTK and the page's state belong to the main thread; a job gets SimpleITK images and gives values back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ..errors import Cancelled
from ..progress import CancelToken, Progress

T = TypeVar("T")

POLL_SECONDS = 0.1
SHOW_AFTER_SECONDS = 0.3
FOLLOW_UPS = ("range", "regions", "influence", "features", "steadiness")
"""Kinds of jobs that ask about the present outline; a change of it ends them."""


class JobRunner:
    """Runs one job after the other.

    A new job cancels the waiting or running jobs of the kinds that it names in `replaces`. The state
    variables ``job_active``, ``job_title``, ``job_message`` and ``job_percent`` follow it; with another
    `prefix` others do.
    """

    def __init__(self, state: Any, prefix: str = "job") -> None:
        self._state = state
        self._prefix = prefix
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="virtualbiopsy")
        self._lock = asyncio.Lock()
        self._tokens: dict[CancelToken, str] = {}

    def active(self, *kinds: str) -> bool:
        """Whether a job of one of these kinds (of any kind, if none is named) waits or runs."""
        return any(not kinds or kind in kinds for kind in self._tokens.values())

    def cancel(self, *kinds: str) -> None:
        """Cancel the jobs of these kinds, all if none is named."""
        for token, kind in self._tokens.items():
            if not kinds or kind in kinds:
                token.cancel()

    async def run(
        self,
        kind: str,
        title: str,
        work: Callable[[Progress], T],
        *,
        replaces: tuple[str, ...] = (),
        quiet: bool = False,
    ) -> T:
        """Run ``work(progress)`` in the worker thread and return its value; a quiet job shows no progress.

        Raises
        ------
        Cancelled : the user cancelled, or another job replaced this one.
        """
        if replaces:
            self.cancel(*replaces)
        token = CancelToken()
        self._tokens[token] = kind
        try:
            async with self._lock:
                if token.cancelled:
                    raise Cancelled()
                return await self._run(token, title, work, quiet)
        finally:
            del self._tokens[token]

    async def _run(self, token: CancelToken, title: str, work: Callable[[Progress], T], quiet: bool) -> T:
        latest = [0.0, ""]

        def report(fraction: float, message: str) -> None:
            latest[:] = [fraction, message]

        started = time.monotonic()
        future = asyncio.get_running_loop().run_in_executor(self._executor, work, token.watch(report))
        try:
            while not future.done():
                await asyncio.wait([future], timeout=POLL_SECONDS)
                if quiet or future.done() or time.monotonic() - started < SHOW_AFTER_SECONDS:
                    continue
                told = "Cancelling …" if token.cancelled else latest[1]
                self._show(active=True, title=title, percent=round(100 * latest[0]), message=told)
            result = await future
            if token.cancelled:
                raise Cancelled()
            return result
        finally:
            self._show(active=False)

    def _show(self, **values: Any) -> None:
        with self._state as state:
            state.update({f"{self._prefix}_{name}": value for name, value in values.items()})

    def close(self) -> None:
        self.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)
