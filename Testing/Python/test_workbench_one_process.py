"""Inside Slicer no worker process is started: its `sys.executable` is a launcher, of which a pool breaks."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cohort_support import plain_cohort
from virtualbiopsy.workbench.form import Form

HERE = Path(__file__).resolve().parent


@pytest.fixture
def slicer_like(tmp_path):
    """``run(code)`` in a Python that starts others through a launcher, as Slicer does; what it printed, and
    whether the launcher was used."""
    if os.name == "nt":
        pytest.skip("the launcher of this test is a shell script")
    launcher, used = tmp_path / "PythonSlicer", tmp_path / "used"
    launcher.write_text(f'#!/bin/sh\ntouch "{used}"\n"{sys.executable}" "$@"\nexit $?\n')
    launcher.chmod(0o755)

    def run(code):
        head = f"""
            import sys
            import multiprocessing
            sys.executable = {str(launcher)!r}
            multiprocessing.set_executable(sys.executable)
            """
        script = tmp_path / "script.py"
        body = textwrap.indent(textwrap.dedent(code), "    ")
        script.write_text(textwrap.dedent(head) + "if __name__ == '__main__':\n" + body)
        path = os.pathsep.join([str(HERE.parents[1] / "VirtualBiopsyCore"), str(HERE)])
        done = subprocess.run(
            [sys.executable, script],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, used.exists()

    return run


def test_a_pool_of_workers_breaks_there(slicer_like):
    """The reason for what follows; should a pool live one day, the workbench can use it."""
    told, used = slicer_like(
        """
        import time
        from concurrent.futures.process import BrokenProcessPool
        from virtualbiopsy.parallel import worker_pool
        with worker_pool(1) as pool:
            try:
                pool.submit(time.sleep, 3).result()
            except BrokenProcessPool:
                print("broken")
        """
    )
    assert used and told.strip() == "broken"


def test_the_workbench_measures_in_one_process(slicer_like, tmp_path):
    plain_cohort(tmp_path / "in", 3)
    told, used = slicer_like(
        f"""
        from virtualbiopsy.cohort.extract import extract_cohort
        from virtualbiopsy.cohort.read import read_cohort
        from virtualbiopsy.desktop.workbench_run import job_of
        from virtualbiopsy.workbench.form import Form
        from test_cohort_extract import EXTRACTION
        form = Form(recipe="M11", cohort={str(tmp_path / "in")!r}, out={str(tmp_path / "out")!r}, processes=4)
        job = job_of(form)
        found = extract_cohort(
            read_cohort(job.cohort), EXTRACTION, job.kept / "features", processes=job.processes
        )
        print(found.measured, found.failed)
        """
    )
    assert told.strip() == "3 {}" and not used


def test_simulated_cases_are_made_in_one_process():
    from virtualbiopsy.desktop.workbench_run import job_of

    assert job_of(Form(recipe="M11", simulated=30, out="nowhere-yet")).processes == 1
