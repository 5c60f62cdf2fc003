"""Run SimpleITK filters with progress and cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import SimpleITK as sitk

from ..progress import Progress

_lock = threading.Lock()
_single = {"users": 0, "before": 0}


@contextmanager
def one_thread() -> Iterator[None]:
    """Let ITK filters that are made inside use one thread.

    Where a filter sums over threads the order of floating-point additions changes from run to run; an
    optimiser turns such last digits into visible differences. The same images must give the same numbers.
    """
    process = sitk.ProcessObject
    with _lock:
        if _single["users"] == 0:
            _single["before"] = process.GetGlobalDefaultNumberOfThreads()
            process.SetGlobalDefaultNumberOfThreads(1)
        _single["users"] += 1
    try:
        yield
    finally:
        with _lock:
            _single["users"] -= 1
            if _single["users"] == 0:
                process.SetGlobalDefaultNumberOfThreads(_single["before"])


def run(
    process: sitk.ProcessObject,
    *inputs: Any,
    progress: Progress,
    message: str,
    event: int = sitk.sitkProgressEvent,
    fraction: Callable[[], float] | None = None,
) -> Any:
    """Execute `process`, report its progress, and stop it when the callback raises.

    Parameters
    ----------
    process : a SimpleITK filter or registration method; it is used for this run only.
    event : which of its events drives the progress.
    fraction : how much is done, 0…1; the filter's own progress if None.

    Raises
    ------
    Cancelled : the progress callback asked to stop; the result is thrown away.
    """
    stopped: list[BaseException] = []

    def report() -> None:
        if stopped:
            return
        try:
            done = process.GetProgress() if fraction is None else fraction()
            progress(min(max(done, 0.0), 1.0), message)
        except BaseException as error:
            # An exception must not pass through the C++ frames: it would lose its type there.
            stopped.append(error)
            process.Abort()

    progress(0.0, message)
    process.AddCommand(event, report)
    try:
        result = process.Execute(*inputs)
    except RuntimeError:
        if stopped:
            raise stopped[0] from None
        raise
    finally:
        process.RemoveAllCommands()
    if stopped:
        raise stopped[0]
    progress(1.0, message)
    return result
