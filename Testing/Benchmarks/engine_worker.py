"""A warm process of our engine that does one prepared piece of work again and again.

    python engine_worker.py

Speaks as warm.py says; {"do": "prepare", "row": name, …} is answered by ``prepare`` of
rows/<name>.py, which returns what a run does. The environment variable VIRTUALBIOPSY_KERNELS chooses the
kernels, so numpy's and the compiled ones run in processes of their own.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(Path(__file__).resolve().parent)]

from warm import Work, serve  # noqa: E402


def kernels() -> str:
    """Name of the kernels in use, after they are ready: "plain" or "compiled"."""
    from virtualbiopsy.radiomics.kernels import choose

    choose.wait_until_compiled()
    return "plain" if choose.active() is choose.plain else "compiled"


def prepare(request: dict) -> Work:
    work = importlib.import_module(f"rows.{request['row']}").prepare(request)
    kernels()
    return work


if __name__ == "__main__":
    serve(kernels(), prepare)
