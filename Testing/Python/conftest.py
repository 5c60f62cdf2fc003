"""Fixtures that several test files share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ORACLES = Path(__file__).resolve().parents[1] / "Oracles"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the private test data, or skip."""
    folder = os.environ.get("VIRTUALBIOPSY_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VIRTUALBIOPSY_DATA does not name a folder of test data.")
    return Path(folder)


@pytest.fixture(scope="session")
def pyradiomics_oracle() -> Callable[..., dict]:
    """``oracle(image, mask, settings, repeats=1)``: pyradiomics' features by name and times, or skip.

    ``image`` and ``mask`` are paths; ``settings`` is the JSON object of
    Testing/Oracles/pyradiomics_features.py.
    """
    built = subprocess.run([sys.executable, ORACLES / "build_pyradiomics.py"], capture_output=True, text=True)
    if built.returncode:
        pytest.skip(f"The pyradiomics oracle cannot be built. {built.stderr.strip()}")
    python = built.stdout.split()[-1]

    def oracle(image: Path, mask: Path, settings: dict, repeats: int = 1) -> dict:
        command = [
            python,
            ORACLES / "pyradiomics_features.py",
            image,
            mask,
            json.dumps(settings),
            str(repeats),
        ]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return oracle
