"""Peak resident memory of one filtered extraction in a process of its own: pyradiomics' divided by ours."""

from __future__ import annotations

import statistics
from typing import Any

from cases import single
from context import SUFFIX, Context
from peers import engine, pyradiomics

from rows.filtered_all_classes import requests

NAME = "memory_peak"


def measure(context: Context) -> dict[str, dict[str, Any]]:
    cases = context.pick(single(context.folder))
    peaks: dict[str, dict[str, int]] = {}
    for case in cases:
        ours, peer = requests(case)
        workers = [(kernels, lambda kernels=kernels: engine(kernels), ours) for kernels in context.kernels]
        for name, start, request in (*workers, ("pyradiomics", pyradiomics, peer)):
            with start() as worker:
                worker.prepare(request)
                worker.run()
                peaks.setdefault(name, {})[case.name] = worker.peak()
                version = worker.version
        context.say(f"  {NAME}  {case.name}: {[f'{n} {p[case.name] >> 20} MB' for n, p in peaks.items()]}")
    entries = {}
    for kernels in context.kernels:
        ratios = {case.name: peaks["pyradiomics"][case.name] / peaks[kernels][case.name] for case in cases}
        entries[NAME + SUFFIX[kernels]] = {
            "ours_s": statistics.median(peaks[kernels].values()),
            "peer_s": statistics.median(peaks["pyradiomics"].values()),
            "unit": "bytes",
            "peer": f"pyradiomics {version}",
            "ratio": statistics.median(ratios.values()),
            "lowest": min(ratios.values()),
            "n": 1,
            "cases": list(ratios),
            "kernels": kernels,
        }
    return entries
