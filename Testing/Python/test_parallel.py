"""Worker processes end with their work, and at once when the work is given up."""

from __future__ import annotations

import os
import time

import pytest
from virtualbiopsy.errors import Cancelled
from virtualbiopsy.parallel import worker_pool


def test_work_is_done_and_the_environment_is_as_before(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with worker_pool(1) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        assert pool.submit(os.getpid).result() != os.getpid()
    assert "OMP_NUM_THREADS" not in os.environ


def _endless(pool):
    """A worker process that is known to run, and that nothing but an end of it will stop."""
    worker = pool.submit(os.getpid).result()
    pool.submit(time.sleep, 40)
    time.sleep(0.2)
    return worker


def _gone(worker: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(os.name == "nt", reason="asks for a process by a signal")
def test_a_cancelled_run_does_not_wait_for_the_cases_that_have_begun():
    with pytest.raises(Cancelled), worker_pool(1) as pool:
        worker = _endless(pool)
        start = time.monotonic()
        raise Cancelled()
    assert time.monotonic() - start < 20 and _gone(worker)


@pytest.mark.skipif(os.name == "nt", reason="asks for a process by a signal")
def test_a_generator_that_is_closed_takes_its_workers_along():
    workers = []

    def results():
        with worker_pool(1) as pool:
            workers.append(_endless(pool))
            yield

    found = results()
    next(found)
    start = time.monotonic()
    found.close()
    assert time.monotonic() - start < 20 and _gone(workers[0])
