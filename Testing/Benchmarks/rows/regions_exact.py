"""Level 2 with 8 supervoxels, exact: all 255 unions of them.

pyradiomics is given some of the unions and asked for the model's features of intensity (shape is frozen in
this game) through its feature classes; its time is scaled by their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from cases import SAMPLE
from context import Context
from timing import Task

from rows.on_sample import SETTINGS, OnSample, names, on_sample, write_images

NAME = "regions_exact"
PARTS, PEER_UNIONS = 8, 17


def parts(on: OnSample) -> np.ndarray:
    from virtualbiopsy.explain.players import players

    return players("supervoxels", on.measured.masks["tumour"], on.measured.spacing, count=PARTS)


def measure(context: Context) -> dict[str, dict[str, Any]]:
    on = on_sample()
    labels = parts(on)
    paths = write_images({**on.measured.arrays, "parts": labels}, on.measured.grid, context.folder)
    unions = [[n + 1 for n in range(PARTS) if union >> n & 1] for union in range(1, 2**PARTS)]
    features = names(on.model, lambda key: key.sequence != "mask")
    chosen = unions[:: len(unions) // PEER_UNIONS]
    peer = {
        "kind": "outlines",
        "images": {role: paths[role] for role in features},
        "labels": paths["parts"],
        "outlines": chosen,
        "features": features,
        "settings": SETTINGS,
    }
    task = Task(SAMPLE, {"row": NAME}, peer, context.runs(7), len(chosen) / len(unions))
    entries, _ = context.compare(NAME, [task])
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], dict[str, float]]:
    from virtualbiopsy.explain.regions import explain_regions

    on = on_sample()
    labels = parts(on)

    def run() -> dict[str, float]:
        found = explain_regions(on.model, on.measuring, on.measured, on.features, labels, "supervoxels")
        assert found.method.startswith("exact"), found.method
        return dict(enumerate(found.psi.tolist()))

    return run
