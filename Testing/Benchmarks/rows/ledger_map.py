"""Level 1: the voxel map of a prediction, against pyradiomics' voxel-based maps of the same features.

The two are not the same thing: ours adds up to the log-odds, those of pyradiomics hold each feature in a
3 × 3 × 3 neighbourhood and add up to nothing. pyradiomics computes a ball in the middle of the tumour; its
time is scaled by the number of voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from cases import SAMPLE
from context import Context
from timing import Task

from rows.on_sample import SETTINGS, names, on_sample, write_images

NAME = "ledger_map"
PEER_VOXELS = 1_000
KERNEL = {"kernelRadius": 1, "maskedKernel": True}


def measure(context: Context) -> dict[str, dict[str, Any]]:
    from virtualbiopsy.explain.explain import explain

    on = on_sample()
    measured = on.measured
    found = explain(on.model, on.features, measured.arrays, measured.masks, measured.grid)
    mapped = {entry.key for entry in found.contributions if entry.localised}
    features = names(on.model, lambda key: str(key) in mapped)
    tumour = measured.masks["tumour"]
    place = np.argwhere(tumour) * np.asarray(measured.spacing)
    distance = ((place - place.mean(axis=0)) ** 2).sum(axis=1)
    ball = np.zeros(tumour.shape, dtype=np.uint8)
    ball[tumour] = distance <= np.partition(distance, PEER_VOXELS)[PEER_VOXELS]
    paths = write_images({**measured.arrays, "ball": ball}, measured.grid, context.folder)
    peer = {
        "kind": "voxels",
        "images": {role: paths[role] for role in features},
        "mask": paths["ball"],
        "features": features,
        "settings": {**SETTINGS, **KERNEL},
    }
    share = int(ball.sum()) / int(tumour.sum())
    task = Task(SAMPLE, {"row": NAME}, peer, context.runs(5), share)
    entries, _ = context.compare(NAME, [task])
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], dict[str, float]]:
    from virtualbiopsy.explain.explain import explain

    on = on_sample()
    measured = on.measured

    def run() -> dict[str, float]:
        found = explain(on.model, on.features, measured.arrays, measured.masks, measured.grid)
        return {entry.key: entry.phi for entry in found.contributions}

    return run
