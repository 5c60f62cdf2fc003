"""Who measures the cases: this process, worker processes on this machine, or a dask cluster."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from ..errors import Cancelled, CohortError, MissingPackageError, VirtualBiopsyError
from ..parallel import worker_pool
from ..progress import Progress, silent
from .measured import CaseRow, Extraction, measure_case
from .model import CohortCase

_LOST = "Its process ended without an answer, twice; perhaps the memory did not suffice."
_LOOK_S = 0.5
_POLL_S = 0.1


@dataclass(frozen=True)
class Done:
    """A case that has ended: with a row, or with why there is none."""

    case: str
    row: CaseRow | None
    why: str = ""


Results = Generator[Done | None]
"""Ended cases as they end; None now and then in between, so that the caller can show time or cancel."""


def measured(entry: CohortCase, extraction: Extraction, progress: Progress = silent) -> Done:
    """Measure one case; what goes wrong with it comes back as its reason, in the words for the user.

    Raises
    ------
    Cancelled : by `progress`.
    """
    try:
        return Done(entry.name, measure_case(entry, extraction, progress))
    except Cancelled:
        raise
    except VirtualBiopsyError as error:
        return Done(entry.name, None, str(error))
    except Exception as error:  # one case must not stop the others, whatever is in its files
        return Done(entry.name, None, f"{type(error).__name__}: {error}")


def measure_here(
    entries: Sequence[CohortCase], extraction: Extraction, progress: Progress = silent
) -> Results:
    """Measure one case after the other in this process; `progress` is called within each case as well."""
    for entry in entries:
        yield None
        yield measured(entry, extraction, progress)


def measure_locally(entries: Sequence[CohortCase], extraction: Extraction, processes: int) -> Results:
    """Measure with worker processes on this machine.

    A worker that dies takes the cases of its pool with it: they are measured again one at a time, and the one
    whose process dies once more fails.
    """
    left = list(entries)
    while left:
        lost: list[CohortCase] = []
        with worker_pool(processes, single_threaded_images=True) as pool:
            waiting = iter(left)
            running: dict[Future, CohortCase] = {}
            broken = False
            while True:
                while not broken and len(running) < processes + 1 and (entry := next(waiting, None)):
                    try:
                        running[pool.submit(measured, entry, extraction)] = entry
                    except BrokenProcessPool:
                        broken = True
                        lost.append(entry)
                if not running:
                    break
                ended, _ = wait(list(running), timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                yield None
                for future in ended:
                    entry = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        broken = True
                        lost.append(entry)
            left = list(waiting)
        for entry in lost:
            yield from _alone(entry, extraction)


def _alone(entry: CohortCase, extraction: Extraction) -> Results:
    with worker_pool(1, single_threaded_images=True) as pool:
        future = pool.submit(measured, entry, extraction)
        while not wait([future], timeout=_LOOK_S).done:
            yield None
        try:
            yield future.result()
        except BrokenProcessPool:
            yield Done(entry.name, None, _LOST)


def measure_with_dask(entries: Sequence[CohortCase], extraction: Extraction, scheduler: str) -> Results:
    """Measure on the workers of a dask cluster; all of them must see the files under the same paths.

    A case whose worker is lost is measured by another one; the scheduler gives a case up after it has lost
    several (its setting ``allowed-failures``).

    Parameters
    ----------
    scheduler : address, "tcp://host:8786".

    Raises
    ------
    MissingPackageError : dask.distributed is not installed.
    CohortError : the scheduler does not answer.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise MissingPackageError(
            "Work on many machines needs dask.distributed, which is not installed.",
            "Install virtualbiopsy[cohort], or leave out --scheduler.",
        ) from error
    try:
        client = distributed.Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise CohortError(
            f"The scheduler {scheduler} does not answer ({error}).", "Start it with `dask scheduler`."
        ) from error
    try:
        names = {}
        for entry in entries:
            future = client.submit(measured, entry, extraction, pure=False)
            names[future.key] = (future, entry.name)
        while names:
            yield None
            ended = [key for key, (future, _) in names.items() if future.done()]
            if not ended:
                time.sleep(_POLL_S)
            for key in ended:
                future, name = names[key]
                if not future.done():  # its worker was lost with the result; another one measures it again
                    continue
                del names[key]
                try:
                    found = future.result()
                except Exception as error:
                    found = Done(name, None, f"The cluster gave it up ({error}).")
                yield found
    finally:
        for future, _ in names.values():
            future.cancel()
        client.close()
