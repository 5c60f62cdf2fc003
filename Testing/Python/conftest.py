"""Fixtures that several test files share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

ORACLES = Path(__file__).resolve().parents[1] / "Oracles"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the private test data, or skip."""
    folder = os.environ.get("VIRTUALBIOPSY_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VIRTUALBIOPSY_DATA does not name a folder of test data.")
    return Path(folder)


def _oracle(name: str) -> str:
    """Path of the Python of an oracle, or skip."""
    built = subprocess.run([sys.executable, ORACLES / f"build_{name}.py"], capture_output=True, text=True)
    if built.returncode:
        pytest.skip(f"The oracle {name} cannot be built. {built.stderr.strip()}")
    return built.stdout.split()[-1]


@pytest.fixture(scope="session")
def oracle_python() -> str:
    """Path of the Python of the pyradiomics oracle, or skip."""
    return _oracle("pyradiomics")


@pytest.fixture(scope="session")
def sksurv_python() -> str:
    """Path of the Python of the scikit-survival oracle, or skip."""
    return _oracle("sksurv")


@pytest.fixture(scope="session")
def dcmri_python() -> str:
    """Path of the Python of the dcmri oracle, or skip."""
    return _oracle("dcmri")


@pytest.fixture(scope="session")
def neurocombat_python() -> str:
    """Path of the Python of the neuroCombat oracle, or skip."""
    return _oracle("neurocombat")


@pytest.fixture(scope="session")
def shap_oracle() -> Iterator[Callable[..., np.ndarray]]:
    """``ask(method, row, background, score=None, …)``: values (p,) from one warm shap, or skip.

    `score` maps rows (r, p) to (r,); the other arguments are those of Testing/Oracles/shap_server.py.
    """
    process = subprocess.Popen(
        [_oracle("shap"), str(ORACLES / "shap_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert json.loads(process.stdout.readline())["version"] == "0.49.1"

    def send(content: dict) -> dict:
        process.stdin.write(json.dumps(content, default=np.ndarray.tolist) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def ask(method: str, row, background, score=None, **more) -> np.ndarray:
        answer = send({"method": method, "row": row, "background": background, **more})
        while "rows" in answer:
            answer = send({"scores": score(np.array(answer["rows"]))})
        assert "error" not in answer, answer["error"]
        return np.array(answer["phi"])

    yield ask
    process.stdin.close()
    process.wait(timeout=30)


@pytest.fixture(scope="session")
def pyradiomics_server(oracle_python) -> Iterator[Callable[..., dict[str, float]]]:
    """``ask(image=, mask=, settings=, image_types=, …)``: features by name from one warm pyradiomics.

    The arguments are those of Testing/Oracles/pyradiomics_server.py.
    """
    process = subprocess.Popen(
        [oracle_python, str(ORACLES / "pyradiomics_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert json.loads(process.stdout.readline())["version"].lstrip("v").startswith("3.0.1")

    def ask(**request) -> dict[str, float]:
        process.stdin.write(json.dumps(request, default=str) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["features"]

    yield ask
    process.stdin.close()
    process.wait(timeout=30)


@pytest.fixture(scope="session")
def pyradiomics_oracle(oracle_python) -> Callable[..., dict]:
    """``oracle(image, mask, settings, repeats=1)``: pyradiomics' features by name and times, or skip.

    ``image`` and ``mask`` are paths; ``settings`` is the JSON object of
    Testing/Oracles/pyradiomics_features.py.
    """

    def oracle(image: Path, mask: Path, settings: dict, repeats: int = 1) -> dict:
        command = [
            oracle_python,
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
