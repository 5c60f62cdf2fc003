"""Cohorts of simulated cases of any kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..parallel import worker_pool
from ..progress import Progress, silent
from .meningioma import SimulationSettings, case_name, simulate_meningioma
from .template import template_folder
from .write import write_case


@dataclass(frozen=True)
class Kind:
    """What a cohort consists of; all functions at module level, for use in worker processes.

    Attributes
    ----------
    settings : makes the default settings; they have a `scanner`.
    simulate : (seed, settings=, progress=) -> a case with `name` and `truth`.
    name : (seed, scanner) -> name of the case.
    write : (case, folder) -> writes it.
    ready : raises what is missing before anything is simulated.
    """

    settings: Callable[[], Any]
    simulate: Callable[..., Any]
    name: Callable[[int, str], str]
    write: Callable[..., Any]
    ready: Callable[[], Any]


MENINGIOMA = Kind(SimulationSettings, simulate_meningioma, case_name, write_case, template_folder)


def case_seed(cohort_seed: int, number: int) -> int:
    """Return the seed of case `number` (from 0) of a cohort; the case can be made alone from it."""
    return int(np.random.SeedSequence([cohort_seed, number]).generate_state(1)[0])


def _one(
    kind: Kind, seed: int, settings: Any, apply: Callable[[Any], Any] | None, progress: Progress = silent
) -> Any:
    case = kind.simulate(seed, settings=settings, progress=progress)
    return case if apply is None else apply(case)


def simulate_cohort(
    n: int,
    seed: int,
    progress: Progress = silent,
    *,
    settings: Any = None,
    processes: int = 2,
    apply: Callable[[Any], Any] | None = None,
    start: int = 0,
    kind: Kind = MENINGIOMA,
) -> Iterator[Any]:
    """Yield the cases `start` … `start + n - 1` of a cohort, in order.

    Parameters
    ----------
    settings : of the kind; its default settings if None.
    apply : module-level function that is called with each case in the process that made it (for example to
        extract features); its result is yielded instead of the case, which saves sending the images.
    processes : 1 to work in this process.
    kind : what is simulated.

    Raises
    ------
    TemplateMissingError : if the anatomical template is needed and not installed.
    """
    kind.ready()
    seeds = [case_seed(seed, start + number) for number in range(n)]
    if processes <= 1:
        for number, one in enumerate(seeds):

            def report(fraction: float, message: str, number: int = number) -> None:
                progress((number + fraction) / n, f"Simulating case {number + 1} of {n}")

            yield _one(kind, one, settings, apply, report)
        progress(1.0, f"{n} cases simulated")
        return
    with worker_pool(processes) as pool:
        running: dict[int, Future] = {}
        submitted = 0
        for number in range(n):
            while submitted < n and submitted < number + processes + 1:
                running[submitted] = pool.submit(_one, kind, seeds[submitted], settings, apply)
                submitted += 1
            while not running[number].done():
                progress(number / n, f"Simulating case {number + 1} of {n}")
                wait([running[number]], timeout=0.5, return_when=FIRST_COMPLETED)
            yield running.pop(number).result()
        progress(1.0, f"{n} cases simulated")


class _Writer:
    """Writes a case into a folder of its own; picklable, for use in worker processes."""

    def __init__(self, out_dir: Path, write: Callable[..., Any]) -> None:
        self.out_dir, self.write = out_dir, write

    def __call__(self, case: Any) -> tuple[str, dict[str, Any]]:
        self.write(case, self.out_dir / case.name)
        return case.name, dict(case.truth)


def write_cohort(
    out_dir: Path | str,
    n: int,
    seed: int,
    progress: Progress = silent,
    *,
    settings: Any = None,
    processes: int = 2,
    kind: Kind = MENINGIOMA,
) -> list[Path]:
    """Simulate a cohort into `out_dir`, one folder for each case; cases that are there already are kept.

    Writes `cohort.json` beside them (seed, scanner, case folders in order, "simulated": true).
    Returns the folders.
    """
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    scanner = (settings or kind.settings()).scanner
    names = [kind.name(case_seed(seed, number), scanner) for number in range(n)]
    number = 0
    while number < n:
        if (out / names[number] / "truth.json").is_file():
            number += 1
            continue
        stop = number
        while stop < n and not (out / names[stop] / "truth.json").is_file():
            stop += 1

        def report(fraction: float, message: str, first: int = number, last: int = stop) -> None:
            progress((first + fraction * (last - first)) / n, message)

        cases = simulate_cohort(
            stop - number,
            seed,
            report,
            settings=settings,
            processes=processes,
            apply=_Writer(out, kind.write),
            start=number,
            kind=kind,
        )
        for _ in cases:
            pass
        number = stop
    listing = {
        "simulated": True,
        "note": "Simulated; not patients.",
        "seed": seed,
        "scanner": scanner,
        "cases": names,
    }
    (out / "cohort.json").write_text(json.dumps(listing, indent=2) + "\n", encoding="utf-8")
    progress(1.0, f"{n} cases in {out}")
    return [out / name for name in names]
