"""What all tests share: their examples, their kernels, and how a run that loaded slicer-core ends."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

import pytest
from hypothesis import settings

# The same examples in every run, however slow the machine; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

_status = 0

# The compiled kernels would take over while a test runs, which shows in the last digit; tests that mean them
# select them.
os.environ.setdefault("VIRTUALBIOPSY_KERNELS", "plain")

# Models that were installed on this computer are none of the tests' business.
_own = tempfile.mkdtemp(prefix="virtualbiopsy-models-")
os.environ["VIRTUALBIOPSY_MODELS"] = _own


def pytest_sessionfinish(session, exitstatus) -> None:
    global _status
    _status = int(exitstatus)
    shutil.rmtree(_own, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config) -> None:
    """Leave without the interpreter's own tear-down once VTK objects of slicer-core were made.

    They outlive the modules that they need, and now and then the process ends with a segmentation fault after
    all tests have passed. The status that is handed on is pytest's.
    """
    if "slicer" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status)
