"""Extraction on a dask cluster: a real scheduler and two real workers on loopback, one of which is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from test_cohort_extract import EXTRACTION, write_cohort
from virtualbiopsy.cohort.extract import extract_cohort
from virtualbiopsy.cohort.read import read_cohort
from virtualbiopsy.cohort.workers import measure_with_dask
from virtualbiopsy.errors import CohortError

pytest.importorskip("distributed")
CORE = Path(__file__).resolve().parents[2] / "VirtualBiopsyCore"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler and the processes of its two workers."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": str(CORE), "OMP_NUM_THREADS": "1"}
    common = {"env": environment, "cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    started = []
    try:
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"]
        started.append(subprocess.Popen([*dask, "scheduler", *options], **common))
        _wait_for(port)
        for n in range(2):
            options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
            options += ["--name", f"worker-{n}", "--local-directory", str(tmp_path / f"w{n}")]
            started.append(subprocess.Popen([*dask, "worker", address, *options], **common))
        yield address, started[1:]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the scheduler did not start")


def _workers(address: str) -> dict:
    import distributed

    with distributed.Client(address, timeout="20s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        return client.scheduler_info()["workers"]


def _wait_for_results(address: str, n: int) -> None:
    import distributed

    deadline = time.monotonic() + 120
    with distributed.Client(address, timeout="20s", set_as_default=False) as client:
        while sum(map(len, client.has_what().values())) < n:
            assert time.monotonic() < deadline, "the workers did not measure the cases"
            time.sleep(0.2)


def test_a_cluster_that_loses_a_worker_finishes_every_case_once(tmp_path, cluster):
    address, workers = cluster
    n = 24
    cohort = read_cohort(write_cohort(tmp_path / "in", n))
    assert len(_workers(address)) == 2
    rows = tmp_path / "out" / "rows"
    killed = threading.Event()

    def kill(fraction, message):
        if not killed.is_set() and len(list(rows.glob("*.json"))) >= 3:
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            killed.set()

    found = extract_cohort(cohort, EXTRACTION, tmp_path / "out", scheduler=address, progress=kill)
    assert killed.is_set() and found.measured == n and not found.failed
    assert found.table.cases == tuple(case.name for case in cohort.cases)
    alone = extract_cohort(cohort.chosen(["P1", "P24"]), EXTRACTION, tmp_path / "alone", processes=1)
    both = [found.table.cases.index(name) for name in ("P1", "P24")]
    np.testing.assert_array_equal(found.table.values[both], alone.table.values)


def test_results_that_are_lost_with_their_worker_are_measured_again(tmp_path, cluster):
    address, workers = cluster
    cohort = read_cohort(write_cohort(tmp_path / "in", 6))
    assert len(_workers(address)) == 2
    measured, waited = {}, False
    for done in measure_with_dask(cohort.cases, EXTRACTION, address):
        if done is None and not waited:
            _wait_for_results(address, 6)
            time.sleep(1)
            waited = True
        if done is not None:
            if not measured:
                os.kill(workers[0].pid, signal.SIGKILL)
                workers[0].wait()
                time.sleep(0.1)
            assert done.case not in measured
            measured[done.case] = done
    assert sorted(measured) == sorted(case.name for case in cohort.cases)
    assert not [done.why for done in measured.values() if done.row is None]


def test_a_scheduler_that_does_not_answer_is_told(tmp_path):
    cohort = read_cohort(write_cohort(tmp_path / "in", 1))
    with pytest.raises(CohortError, match="does not answer"):
        extract_cohort(cohort, EXTRACTION, tmp_path / "out", scheduler=f"tcp://127.0.0.1:{free_port()}")
