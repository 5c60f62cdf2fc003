"""A training run inside Slicer: in its own process, with what the user's packages allow. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..progress import Progress, silent
from ..workbench.form import Form, to_job

PROCESSES = 1
"""Cases are measured in Slicer's own process.

A worker process would be started with ``sys.executable``, which Slicer sets to its launcher PythonSlicer.
That starts the interpreter as a process of its own, and the pool of workers hangs or breaks (Slicer issue
7445). Where several processes are wanted, the command line takes up the same folder of results.
"""


def job_of(form: Form) -> Any:
    """The run that a form asks for.

    Raises
    ------
    FormError : as :func:`virtualbiopsy.workbench.form.to_job`.
    """
    return to_job(replace(form, processes=PROCESSES))


def train(job: Any, progress: Progress = silent) -> Any:
    """Run it, and return its :class:`virtualbiopsy.workbench.outcome.Outcome`; any thread.

    Raises
    ------
    As :func:`virtualbiopsy.training.job.run_job`.
    """
    from ..training.job import run_job
    from ..workbench.outcome import outcome_of

    return outcome_of(*run_job(job, progress))
