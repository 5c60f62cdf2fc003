"""Interleaved runs of the same work in several processes, and what is written about them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peers import Run, Worker


@dataclass(frozen=True)
class Task:
    """One case of a row.

    Attributes
    ----------
    case : name of the case, for the table.
    ours, peer : requests for engine_worker.py (with "row") and pyradiomics_worker.py.
    runs : timed runs of each process; one more comes first to warm up.
    share : the part of our work that the peer was asked for (its time is divided by it).
    """

    case: str
    ours: Mapping[str, Any]
    peer: Mapping[str, Any]
    runs: int
    share: float = 1.0


@dataclass
class Timed:
    """All runs of one task, by process."""

    task: Task
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def seconds(self, name: str) -> float:
        share = self.task.share if name == PEER else 1.0
        return statistics.median(run.seconds for run in self.runs[name]) / share

    def cpu(self, name: str) -> float:
        share = self.task.share if name == PEER else 1.0
        return statistics.median(run.cpu for run in self.runs[name]) / share

    def ratio(self, name: str) -> float:
        return self.seconds(PEER) / self.seconds(name)


PEER = "pyradiomics"


def interleaved(task: Task, ours: Mapping[str, Worker], peer: Worker) -> Timed:
    """Run a task in turn in every process, after one run to warm up each."""
    for worker in ours.values():
        worker.prepare(task.ours)
        worker.run()
    peer.prepare(task.peer)
    peer.run()
    timed = Timed(task)
    for _ in range(task.runs):
        for name, worker in {**ours, PEER: peer}.items():
            timed.runs.setdefault(name, []).append(worker.run())
    return timed


def summary(timed: Sequence[Timed], name: str, peer: Worker) -> dict[str, Any]:
    """What build/bench.json holds of one row and one process.

    `ours_s` and `peer_s` are medians over the cases of the medians over the runs; `ratio` is the median of
    the ratios of the cases, `lowest` the smallest. `ratio_cpu` compares processor time, which a busy machine
    disturbs less.
    """
    ratios = {t.task.case: t.ratio(name) for t in timed}
    result = {
        "ours_s": statistics.median(t.seconds(name) for t in timed),
        "peer_s": statistics.median(t.seconds(PEER) for t in timed),
        "peer": f"pyradiomics {peer.version}",
        "ratio": statistics.median(ratios.values()),
        "n": min(len(t.runs[name]) for t in timed),
        "cases": [t.task.case for t in timed],
        "lowest": min(ratios.values()),
        "ratio_cpu": statistics.median(t.cpu(PEER) / t.cpu(name) for t in timed),
        "kernels": name,
        "each": {
            t.task.case: {
                "ours_s": t.seconds(name),
                "peer_s": t.seconds(PEER),
                "ratio": ratios[t.task.case],
                "ratio_cpu": t.cpu(PEER) / t.cpu(name),
            }
            for t in timed
        },
    }
    shares = {t.task.share for t in timed}
    if shares != {1.0}:
        result["peer_share"] = min(shares)
    return result
