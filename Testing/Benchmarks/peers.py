"""The warm processes that a benchmark asks in turn: our engine with either kernels, and pyradiomics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "Testing" / "Oracles"))

import build_dcmri  # noqa: E402
from build_pyradiomics import OracleError, build  # noqa: E402

__all__ = ["OracleError", "Run", "Worker", "WorkerError", "dcmri", "engine", "pyradiomics"]


class WorkerError(RuntimeError):
    """A process ended or refused its work."""


@dataclass(frozen=True)
class Run:
    """One timed run: wall clock and processor time in seconds, number of values that came out."""

    seconds: float
    cpu: float
    size: int


class Worker:
    """A process that speaks JSON lines; see warm.py.

    Attributes
    ----------
    version : what it said of itself at the start: version of pyradiomics, or name of the kernels.
    """

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.version: str = self._read()["version"]

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.name} ended.\n{self._said()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name}: {answer['error']}\n{self._said()}")
        return answer

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()[-3000:]

    def _ask(self, **request: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def prepare(self, request: Mapping[str, Any]) -> None:
        """Read the images and whatever else is not timed."""
        self._ask(do="prepare", **request)

    def run(self) -> Run:
        return Run(**self._ask(do="run"))

    def values(self) -> dict[str, float]:
        """The values of the last run, by name."""
        return self._ask(do="values")["values"]

    def peak(self) -> int:
        """Peak resident memory of the process so far, bytes."""
        return self._ask(do="peak")["peak"]

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def engine(kernels: str) -> Worker:
    """Our engine with "plain" or "compiled" kernels.

    Raises
    ------
    WorkerError : if these kernels are not to be had.
    """
    worker = Worker(
        f"engine ({kernels})",
        [sys.executable, str(HERE / "engine_worker.py")],
        {"VIRTUALBIOPSY_KERNELS": kernels},
    )
    if worker.version != kernels:
        worker.close()
        raise WorkerError(f"The {kernels} kernels are not there; the engine has {worker.version}.")
    return worker


def pyradiomics() -> Worker:
    """pyradiomics 3.0.1 of the oracle environment.

    Raises
    ------
    OracleError : if that cannot be built.
    """
    return Worker("pyradiomics", [str(build()), str(HERE / "pyradiomics_worker.py")])


def dcmri() -> Worker:
    """dcmri of its own oracle environment.

    Raises
    ------
    OracleError : if that cannot be built.
    """
    return Worker("dcmri", [str(build_dcmri.build()), str(HERE / "dcmri_worker.py")])
