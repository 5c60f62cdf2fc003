"""One worker thread for long work, alive inside Qt's event loop.

While Slicer's event loop is idle, a Python thread gets no time at all: the interpreter lock is released
only when Python runs. So a timer runs while a job does, looks for news, and gives the worker its turn by
sleeping.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..errors import Cancelled
from ..progress import CancelToken, Progress

IDLE, RUNNING, CANCELLING = "idle", "running", "cancelling"
TURN_SECONDS = 0.005

Work = Callable[[Progress], Any]


class JobRunner:
    """Runs one piece of work at a time; all callbacks come on the main thread.

    Parameters
    ----------
    on_change : called without arguments when :attr:`state`, :attr:`fraction` or :attr:`message` changed.
    """

    def __init__(self, on_change: Callable[[], None] | None = None) -> None:
        self.state = IDLE
        self.fraction = 0.0
        self.message = ""
        self._on_change = on_change or (lambda: None)
        self._news: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._token = CancelToken()
        self._thread: threading.Thread | None = None
        self._callbacks: tuple[Callable[[Any], None], Callable[[Exception], None]] | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(int(TURN_SECONDS * 1000))
        self._timer.connect("timeout()", self._on_timer)

    @property
    def busy(self) -> bool:
        return self.state != IDLE

    def start(
        self, work: Work, done: Callable[[Any], None], failed: Callable[[Exception], None], message: str = ""
    ) -> None:
        """Start ``work(progress)`` on the worker thread.

        Parameters
        ----------
        work : must touch neither Qt nor MRML; reports to `progress`, which raises Cancelled after
            :meth:`cancel`.
        done : gets the value that `work` returned.
        failed : gets the exception that `work` raised, :class:`virtualbiopsy.errors.Cancelled` among them.

        Raises
        ------
        RuntimeError : if a job is running.
        """
        if self.busy:
            raise RuntimeError("a job is running")
        news: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        token = CancelToken()
        report = token.watch(lambda fraction, text: news.put(("progress", fraction, text)))

        def run() -> None:
            try:
                value = work(report)
            except Exception as error:
                news.put(("failed", error))
            else:
                news.put(("done", value))

        self._news, self._token, self._callbacks = news, token, (done, failed)
        self._thread = threading.Thread(target=run, name="VirtualBiopsy", daemon=True)
        self._change(RUNNING, 0.0, message)
        self._thread.start()
        self._timer.start()

    def cancel(self) -> None:
        """Ask the job to stop; it ends with Cancelled at its next report."""
        if self.state == RUNNING:
            self._token.cancel()
            self._change(CANCELLING, self.fraction, self.message)

    def wait(self, seconds: float = 600.0) -> None:
        """Wait until no job runs any more, follow-up jobs included; for scripts and tests.

        Raises
        ------
        TimeoutError : if it takes longer.
        """
        deadline = time.monotonic() + seconds
        while self.busy:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the job did not end within {seconds:g} s")
            slicer.app.processEvents()
            self._on_timer()

    def close(self, seconds: float = 10.0) -> None:
        """Cancel, forget the callbacks, and wait for the thread; nothing is delivered any more."""
        self._timer.stop()
        self._token.cancel()
        self._callbacks = None
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(seconds)
        if self.busy:
            self._change(IDLE, 0.0, "")

    def _change(self, state: str, fraction: float, message: str) -> None:
        self.state, self.fraction, self.message = state, fraction, message
        self._on_change()

    def _on_timer(self) -> None:
        if not self.busy:
            self._timer.stop()
            return
        latest = end = None
        while True:
            try:
                item = self._news.get_nowait()
            except queue.Empty:
                break
            if item[0] == "progress":
                latest = item
            else:
                end = item
        if end is not None:
            self._finish(*end)
        elif latest is not None:
            self._change(self.state, min(1.0, max(0.0, float(latest[1]))), str(latest[2]))
        if self.busy:
            time.sleep(TURN_SECONDS)

    def _finish(self, kind: str, value: Any) -> None:
        self._timer.stop()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        callbacks, self._callbacks = self._callbacks, None
        cancelled = self.state == CANCELLING
        self._change(IDLE, 0.0, "")
        if callbacks is None:
            return
        done, failed = callbacks
        if kind == "failed":
            failed(value)
        elif cancelled:
            failed(Cancelled())
        else:
            done(value)
