"""The job runner with a timer that the test turns by hand: states, cancel, errors, nothing left behind."""

import sys
import threading
import time
import types

import pytest
from virtualbiopsy.errors import Cancelled, RegionError


class Timer:
    """What the runner uses of QTimer."""

    made: list = []

    def __init__(self):
        self.active, self.slot = False, None
        Timer.made.append(self)

    def setInterval(self, milliseconds):
        self.interval = milliseconds

    def connect(self, signal, slot):
        assert signal == "timeout()"
        self.slot = slot

    def start(self):
        self.active = True

    def stop(self):
        self.active = False


@pytest.fixture
def job(monkeypatch):
    qt = types.ModuleType("qt")
    qt.QTimer = Timer
    slicer = types.ModuleType("slicer")
    slicer.app = types.SimpleNamespace(processEvents=lambda: None)
    monkeypatch.setitem(sys.modules, "qt", qt)
    monkeypatch.setitem(sys.modules, "slicer", slicer)
    monkeypatch.delitem(sys.modules, "virtualbiopsy.desktop.job", raising=False)
    import virtualbiopsy.desktop.job as module

    yield module
    sys.modules.pop("virtualbiopsy.desktop.job", None)


def test_value_arrives_on_the_calling_thread_and_the_timer_stops(job):
    changes, got = [], []
    runner = job.JobRunner(lambda: changes.append((runner.state, runner.fraction, runner.message)))
    where = []

    def work(progress):
        where.append(threading.current_thread())
        progress(0.5, "half")
        return 42

    runner.start(work, lambda value: got.append((value, threading.current_thread())), got.append, "start")
    assert runner.busy and Timer.made[-1].active and changes == [("running", 0.0, "start")]
    runner.wait(10)
    assert got == [(42, threading.main_thread())] and where[0] is not threading.main_thread()
    assert not runner.busy and not Timer.made[-1].active
    assert changes[-1] == ("idle", 0.0, "")


def test_a_timer_tick_gives_the_worker_its_turn(job):
    """While the worker runs, a tick sleeps; when nothing runs, it returns at once and stops the timer."""
    runner = job.JobRunner()
    release = threading.Event()
    runner.start(lambda progress: release.wait(10), lambda value: None, lambda error: None)
    begin = time.perf_counter()
    Timer.made[-1].slot()
    assert time.perf_counter() - begin >= job.TURN_SECONDS * 0.8
    assert Timer.made[-1].interval == 5
    release.set()
    runner.wait(10)
    Timer.made[-1].start()
    Timer.made[-1].slot()
    assert not Timer.made[-1].active


def test_progress_is_shown_and_clipped(job):
    seen = []
    runner = job.JobRunner(lambda: seen.append((runner.fraction, runner.message)))
    step, shown = threading.Event(), threading.Event()

    def work(progress):
        progress(7.0, "too much")
        step.set()
        shown.wait(10)

    runner.start(work, lambda value: None, lambda error: None)
    step.wait(10)
    Timer.made[-1].slot()
    assert (1.0, "too much") in seen
    shown.set()
    runner.wait(10)


@pytest.mark.parametrize("error", [RegionError("too small"), ValueError("unforeseen")])
def test_errors_are_handed_over(job, error):
    def work(progress):
        raise error

    got = []
    runner = job.JobRunner()
    runner.start(work, lambda value: got.append("done"), got.append)
    runner.wait(10)
    assert got == [error]


def test_cancel_stops_at_the_next_report(job):
    runner = job.JobRunner()
    reports, got = [], []

    def work(progress):
        while True:
            progress(0.1, "on and on")
            reports.append(1)
            time.sleep(0.001)

    runner.start(work, lambda value: got.append("done"), got.append)
    runner.cancel()
    assert runner.state == "cancelling"
    runner.cancel()
    runner.wait(10)
    assert len(got) == 1 and isinstance(got[0], Cancelled) and runner.state == "idle"
    count = len(reports)
    time.sleep(0.02)
    assert len(reports) == count


def test_cancelled_too_late_still_counts_as_cancelled(job):
    """Work that never reports again returns a value that nobody wants any more."""
    got = []
    runner = job.JobRunner()
    release = threading.Event()
    runner.start(lambda progress: release.wait(10), lambda value: got.append("done"), got.append)
    runner.cancel()
    release.set()
    runner.wait(10)
    assert len(got) == 1 and isinstance(got[0], Cancelled)


def test_one_job_at_a_time_and_the_next_from_the_callback(job):
    runner = job.JobRunner()
    got = []

    def again(value):
        got.append(value)
        if value < 3:
            runner.start(lambda progress: value + 1, again, got.append)

    release = threading.Event()
    runner.start(lambda progress: 1 if release.wait(10) else 0, again, got.append)
    with pytest.raises(RuntimeError):
        runner.start(lambda progress: 9, again, got.append)
    release.set()
    runner.wait(10)
    assert got == [1, 2, 3]


def test_close_delivers_nothing_and_leaves_no_thread(job):
    runner = job.JobRunner()
    got = []

    def work(progress):
        while True:
            progress(0.0, "")
            time.sleep(0.001)

    runner.start(work, lambda value: got.append(value), got.append)
    runner.close()
    assert got == [] and runner.state == "idle" and not Timer.made[-1].active
    assert not [t for t in threading.enumerate() if t.name == "VirtualBiopsy"]
    Timer.made[-1].slot()
    assert got == []
    runner.start(lambda progress: 5, lambda value: got.append(value), got.append)
    runner.wait(10)
    assert got == [5]


def test_waiting_has_an_end(job):
    runner = job.JobRunner()
    release = threading.Event()
    runner.start(lambda progress: release.wait(10), lambda value: None, lambda error: None)
    with pytest.raises(TimeoutError):
        runner.wait(0.05)
    release.set()
    runner.wait(10)
