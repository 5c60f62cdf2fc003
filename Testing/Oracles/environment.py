"""An environment of its own for one oracle, built once and found again by the recipe it was made with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int]


class OracleError(RuntimeError):
    """The oracle cannot be built; the message says why."""


@dataclass(frozen=True)
class Oracle:
    """What is installed, step by step, and on which Python.

    Attributes
    ----------
    name : folder of the environment in $VIRTUALBIOPSY_ORACLES, else build/oracle-<name>.
    pythons : oldest and newest Python that it builds on.
    steps : a title and the arguments of `pip install`, in order.
    check : statement that the finished environment has to run.
    recipe : what distinguishes this environment from another; one made with another recipe is built again.
    """

    name: str
    pythons: tuple[Version, Version]
    steps: Sequence[tuple[str, Sequence[str]]]
    check: str
    recipe: str

    @property
    def folder(self) -> Path:
        base = os.environ.get("VIRTUALBIOPSY_ORACLES")
        if base:
            return Path(base).expanduser() / self.name
        return Path(__file__).resolve().parents[2] / "build" / f"oracle-{self.name}"

    def build(self) -> Path:
        """Path of the oracle's Python; builds the environment unless it is there.

        Raises
        ------
        OracleError : if it cannot be built.
        """
        place = self.folder
        python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        mark = place / "recipe.txt"
        if mark.exists() and mark.read_text() == self.recipe and python.exists():
            return python
        interpreter = self._interpreter()
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2")
        try:
            _run("Making the environment", interpreter, "-m", "venv", place)
            for title, arguments in self.steps:
                _run(title, *pip, *arguments)
            _run(f"Trying {self.name}", python, "-c", self.check)
        except OracleError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        mark.write_text(self.recipe)
        return python

    def _interpreter(self) -> str:
        """A Python of the right version that starts, this one first."""
        oldest, newest = self.pythons
        if oldest <= sys.version_info[:2] <= newest:
            return sys.executable
        for minor in range(newest[1], oldest[1] - 1, -1):
            path = shutil.which(f"python3.{minor}")
            if path and subprocess.run([path, "-c", "import venv"], capture_output=True).returncode == 0:
                return path
        wanted = " to ".join(f"{major}.{minor}" for major, minor in self.pythons)
        raise OracleError(f"The oracle {self.name} needs Python {wanted}; none is on the path.")


def main(build: Callable[[], Path]) -> None:
    """Print the path of the oracle's Python, or end with status 1 and one message."""
    try:
        print(build())
    except (OracleError, OSError) as error:
        sys.exit(str(error))


def _run(step: str, *command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        reasons = [line for line in lines if "error" in line.lower()] or lines
        raise OracleError(f"{step} failed: {' | '.join(line.strip() for line in reasons[-3:])}")
