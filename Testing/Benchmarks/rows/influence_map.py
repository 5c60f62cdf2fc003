"""The influence map: 24 parts of the outline's boundary erased, those of the shell painted in, and the core.

pyradiomics is given some of the same outlines, one after the other, and asked for the model's image features
through its feature classes; its time is scaled by their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from cases import SAMPLE
from context import Context
from timing import Task

from rows.on_sample import SETTINGS, names, on_sample, write_images

NAME = "influence_map"
PARTS, SHELL_MM, PEER_OUTLINES = 24, 3.0, 12


def measure(context: Context) -> dict[str, dict[str, Any]]:
    from virtualbiopsy.explain.influence import influence

    on = on_sample()
    found = influence(on.model, on.measuring, on.measured, on.features, PARTS, SHELL_MM)
    labels = sitk.GetArrayFromImage(found.labels)
    around = on.measuring.around(on.measured, SHELL_MM + max(on.measured.spacing))
    inside = np.arange(1, len(found.erased) + 1)
    outlines = [inside[inside != number].tolist() for number in inside]
    outlines += [[*inside.tolist(), -number] for number in range(1, len(found.painted) + 1)]
    paths = write_images({**around.arrays, "influence_parts": labels}, around.grid, context.folder)
    features = names(on.model)
    # Every so many, so that erased and painted parts are both among them.
    chosen = outlines[:: max(1, len(outlines) // PEER_OUTLINES)]
    peer = {
        "kind": "outlines",
        "images": {role: paths[role] for role in features},
        "labels": paths["influence_parts"],
        "outlines": chosen,
        "features": features,
        "settings": SETTINGS,
    }
    task = Task(SAMPLE, {"row": NAME}, peer, context.runs(7), len(chosen) / len(outlines))
    entries, _ = context.compare(NAME, [task])
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], dict[str, float]]:
    from virtualbiopsy.explain.influence import influence

    on = on_sample()

    def run() -> dict[str, float]:
        found = influence(on.model, on.measuring, on.measured, on.features, PARTS, SHELL_MM)
        return dict(enumerate([*found.erased.tolist(), *found.painted.tolist()]))

    return run
