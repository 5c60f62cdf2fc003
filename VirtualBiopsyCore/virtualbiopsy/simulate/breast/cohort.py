"""Cohorts of simulated breast cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...progress import Progress, silent
from ..cohort import Kind, simulate_cohort, write_cohort
from .case import BreastSettings, SimulatedBreastCase, case_name, simulate_breast
from .write import write_breast


def _nothing_missing() -> None:
    """Breast cases need no template."""


BREAST = Kind(BreastSettings, simulate_breast, case_name, write_breast, _nothing_missing)


def simulate_breast_cohort(
    n: int,
    seed: int,
    progress: Progress = silent,
    *,
    settings: BreastSettings | None = None,
    processes: int = 2,
    apply: Callable[[SimulatedBreastCase], Any] | None = None,
    start: int = 0,
) -> Iterator[Any]:
    """Yield the cases `start` … `start + n - 1` of a cohort; see :func:`simulate_cohort`."""
    return simulate_cohort(
        n, seed, progress, settings=settings, processes=processes, apply=apply, start=start, kind=BREAST
    )


def write_breast_cohort(
    out_dir: Path | str,
    n: int,
    seed: int,
    progress: Progress = silent,
    *,
    settings: BreastSettings | None = None,
    processes: int = 2,
) -> list[Path]:
    """Simulate a cohort into `out_dir`; see :func:`write_cohort`."""
    return write_cohort(out_dir, n, seed, progress, settings=settings, processes=processes, kind=BREAST)
