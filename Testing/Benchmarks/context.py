"""What a row is told about the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import Worker, engine, pyradiomics
from timing import Task, Timed, interleaved, summary

FAST = "compiled"
SUFFIX: Mapping[str, str] = {"plain": "", FAST: "_fast"}


@dataclass(frozen=True)
class Context:
    """One run of the benchmark.

    Attributes
    ----------
    folder : for temporary files.
    quick : few runs and small cases, for tuning and tests.
    kernels : which kernels of ours are measured, of "plain" and "compiled".
    only : names of the cases to take; empty for all.
    say : where progress is told.
    """

    folder: Path
    quick: bool = False
    kernels: tuple[str, ...] = ("plain",)
    only: tuple[str, ...] = ()
    say: Callable[[str], None] = print

    def runs(self, many: int) -> int:
        return 2 if self.quick else many

    def pick(self, cases: list[Any]) -> list[Any]:
        """The cases that were asked for; the first one alone in quick mode."""
        if self.only:
            cases = [case for case in cases if any(word in case.name for word in self.only)]
        return cases[:1] if self.quick and not self.only else cases

    def compare(
        self, name: str, tasks: list[Task], *, same_size: bool = False
    ) -> tuple[dict[str, dict[str, Any]], list[Timed]]:
        """Run the tasks in every process; entries of build/bench.json by name, and all runs.

        `same_size` demands that ours and the peer give the same number of values.
        """
        ours: dict[str, Worker] = {}
        peer = None
        try:
            ours = {kernels: engine(kernels) for kernels in self.kernels}
            peer = pyradiomics()
            timed = []
            for task in tasks:
                timed.append(interleaved(task, ours, peer))
                self.say(f"  {name}  {task.case}: {_words(timed[-1])}")
                sizes = {kind: runs[-1].size for kind, runs in timed[-1].runs.items()}
                if same_size and len(set(sizes.values())) > 1:
                    raise AssertionError(f"{name}, {task.case}: different numbers of values: {sizes}")
            return {name + SUFFIX[kernels]: summary(timed, kernels, peer) for kernels in ours}, timed
        finally:
            for worker in (*ours.values(), *([peer] if peer else [])):
                worker.close()


def _words(timed: Timed) -> str:
    return ", ".join(
        f"{name} {1e3 * timed.seconds(name):.1f} ms" + (f" ({timed.ratio(name):.1f}×)" if n else "")
        for n, name in enumerate(reversed(timed.runs))
    )
