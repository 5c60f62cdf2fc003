"""Growth of time and memory with the size of a cohort: 50 to 400 simulated cases, two processes.

Written to build/bench.json as {"cohort_growth": {"points": [...]}}: seconds of the whole command, peak memory
of the process that gathers the rows and of its largest worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from context import Context

from rows import cohort_extraction as batch
from rows.growth import ball

if TYPE_CHECKING:
    from virtualbiopsy.cohort.measured import Extraction

NAME = "cohort_growth"
COUNTS, QUICK = (50, 100, 200, 400), (4, 8)
PROCESSES = 2


def extraction() -> Extraction:
    """As in cohort_extraction."""
    return batch.extraction()


def measure(context: Context) -> dict[str, dict[str, Any]]:
    points = []
    counts = QUICK if context.quick else COUNTS
    for count in counts:
        cohort = batch.write_cohort(context.folder / f"{NAME}-{count}", count, (3_000, 6_000), ball)
        out = context.folder / f"{NAME}-{count}-out"
        took, said = batch.run_ours(cohort, out, PROCESSES, context.kernels[0], NAME)
        assert said["cases"] == count
        points.append(
            {
                "cases": count,
                "seconds": took.seconds,
                "cpu": took.cpu,
                "peak": said["peak"],
                "worker_peak": said["worker_peak"],
            }
        )
        context.say(
            f"  {NAME}  {count} cases: {took.seconds:.1f} s, {said['peak'] / 2**20:.0f} MB, "
            f"worker {said['worker_peak'] / 2**20:.0f} MB"
        )
    return {NAME: {"points": points, "processes": PROCESSES, "kernels": context.kernels[0]}}
