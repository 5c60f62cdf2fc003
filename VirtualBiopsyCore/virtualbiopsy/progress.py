"""Progress and cancellation for anything that may take more than a second.

A progress callback is ``progress(fraction, message)`` with fraction in 0…1. It stops the work by raising
:class:`virtualbiopsy.errors.Cancelled`; every stage calls it often and leaves nothing half done behind.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from .errors import Cancelled

Progress = Callable[[float, str], None]


def silent(fraction: float, message: str) -> None:
    """Progress callback that does nothing."""


class _Line:
    """Writes to stderr: one line over and over in a terminal, a line for each percent in a log."""

    def __init__(self) -> None:
        self._percent = -1

    def __call__(self, fraction: float, message: str) -> None:
        percent = round(100 * fraction)
        if sys.stderr.isatty():
            print(f"\r{percent:3d} %  {message:<60}", end="", file=sys.stderr, flush=True)
        elif percent != self._percent:
            print(f"{percent:3d} %  {message}", file=sys.stderr, flush=True)
        self._percent = percent


show = _Line()
"""Progress callback that tells a person at the terminal."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Map the 0…1 of a sub-task onto start…stop of the whole."""
    return lambda fraction, message: progress(start + (stop - start) * fraction, message)


class CancelToken:
    """Thread-safe flag that turns a progress callback into a cancellable one."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def watch(self, progress: Progress = silent) -> Progress:
        """Return a callback that raises :class:`Cancelled` once :meth:`cancel` was called."""

        def report(fraction: float, message: str) -> None:
            if self.cancelled:
                raise Cancelled()
            progress(fraction, message)

        return report
