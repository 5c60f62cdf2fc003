"""Build the environment of the pyradiomics oracle once, and print the path of its Python.

    python Testing/Oracles/build_pyradiomics.py

It lies in build/oracle-pyradiomics, or in $VIRTUALBIOPSY_ORACLES/pyradiomics where that is set. pyradiomics
is used by tests and benchmarks only; it is not a part of the product and does not share its environment.
Needs a Python 3.9 to 3.11 (the last that pyradiomics 3.0.1 builds on) and a C compiler. Ends with status 1
and one message if it cannot be built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = ("numpy==1.26.4", "wheel", "setuptools==68.2.2")
PACKAGES = ("pyradiomics==3.0.1", "SimpleITK>=2.3,<3")
PATTERNS = ("scipy>=1.11,<1.15", "scikit-image>=0.22,<0.26", "trimesh>=4,<5")
"""What pyradiomics imports for its local binary patterns; newer releases lack functions that it calls."""
RECIPE = "\n".join((*TOOLS, *PACKAGES, *PATTERNS, "no build isolation"))


class OracleError(RuntimeError):
    """The oracle cannot be built; the message says why."""


def folder() -> Path:
    base = os.environ.get("VIRTUALBIOPSY_ORACLES")
    if base:
        return Path(base).expanduser() / "pyradiomics"
    return Path(__file__).resolve().parents[2] / "build" / "oracle-pyradiomics"


def _interpreter() -> str:
    """A Python 3.9 to 3.11 that starts, this one first."""
    if (3, 9) <= sys.version_info[:2] <= (3, 11):
        return sys.executable
    for name in ("python3.11", "python3.10", "python3.9"):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", "import venv"], capture_output=True).returncode == 0:
            return path
    raise OracleError("pyradiomics 3.0.1 needs Python 3.9 to 3.11; none is on the path.")


def _run(step: str, *command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        reasons = [line for line in lines if "error" in line.lower()] or lines
        raise OracleError(f"{step} failed: {' | '.join(line.strip() for line in reasons[-3:])}")


def build() -> Path:
    """Path of the oracle's Python; builds the environment unless it is there.

    Raises
    ------
    OracleError : if it cannot be built.
    """
    place = folder()
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark = place / "recipe.txt"
    if mark.exists() and mark.read_text() == RECIPE and python.exists():
        return python
    interpreter = _interpreter()
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        _run("Making the environment", interpreter, "-m", "venv", place)
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2")
        _run("Installing the build tools", *pip, *TOOLS)
        _run("Building pyradiomics", *pip, "--no-build-isolation", *PACKAGES, TOOLS[0])
        _run("Installing what local binary patterns need", *pip, *PATTERNS, TOOLS[0])
        _run("Importing pyradiomics", python, "-c", "import radiomics.featureextractor")
    except OracleError:
        shutil.rmtree(place, ignore_errors=True)
        raise
    mark.write_text(RECIPE)
    return python


if __name__ == "__main__":
    try:
        print(build())
    except (OracleError, OSError) as error:
        sys.exit(str(error))
