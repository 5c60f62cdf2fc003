"""Worker processes on this machine that share its cores and do not outlive the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
_LOOK_S = 1.0


@contextmanager
def worker_pool(processes: int, *, single_threaded_images: bool = False) -> Iterator[ProcessPoolExecutor]:
    """A pool of worker processes; what has not begun at the end of the block is given up. When the block is
    left by an exception (cancelled, say), what has begun is given up, too: its processes are ended.

    The workers share the cores between them: their BLAS does not start a thread for each core as well, nor,
    with `single_threaded_images`, does SimpleITK. A worker ends when the process that started it is killed.
    """
    names = (*_THREADS, *((_ITK_THREADS,) if single_threaded_images else ()))
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_watch,
        initargs=(os.getpid(),),
    )
    before = {name: os.environ.get(name) for name in names}
    try:
        os.environ.update(dict.fromkeys(names, "1"))
        yield pool
    except BaseException:  # a generator that is closed, too
        for process in list((pool._processes or {}).values()):  # terminate_workers() is new in Python 3.14
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _watch(parent: int) -> None:
    """End this process soon after its parent has ended."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
