"""Unions of 50 supervoxels, 23 GLCM and 18 first-order features of each, exact.

pyradiomics is given the cropped image and asked for the same features of some of the unions, through its
feature classes; its time is scaled by their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from cases import single
from context import Context
from timing import Task

from rows.voxel_maps import features

NAME = "coalitions"
PARTS, UNIONS, PEER_UNIONS = 50, 2_000, 20
SETTINGS = {"binWidth": 25}


def measure(context: Context) -> dict[str, dict[str, Any]]:
    from virtualbiopsy.radiomics.coalitions.supervoxels import supervoxels
    from virtualbiopsy.radiomics.definitions import DEFINITIONS

    names: dict[str, list[str]] = {}
    for index in features():
        group, feature = DEFINITIONS[index].pyradiomics_name.split("_", 1)
        names.setdefault(group, []).append(feature)
    tasks = []
    for case in context.pick([c for c in single(context.folder) if c.name not in ("brain2", "breast1")][:3]):
        mask = sitk.ReadImage(str(case.mask))
        inside = sitk.GetArrayFromImage(mask) == 1
        labels = sitk.GetImageFromArray(supervoxels(inside, mask.GetSpacing()[::-1], PARTS))
        labels.CopyInformation(mask)
        path = context.folder / f"parts-{case.name.split()[0]}.nrrd"
        sitk.WriteImage(labels, str(path))
        rng = np.random.default_rng(5)
        chosen = rng.random((UNIONS, PARTS)) < rng.uniform(0.1, 0.9, (UNIONS, 1))
        chosen[~chosen.any(axis=1), 0] = True
        unions = [(np.flatnonzero(row) + 1).tolist() for row in chosen]
        ours = {"row": NAME, "image": str(case.image), "mask": str(path), "unions": unions}
        peer = {
            "kind": "unions",
            "image": str(case.image),
            "mask": str(path),
            "unions": unions[:PEER_UNIONS],
            "features": names,
            "settings": SETTINGS,
        }
        tasks.append(Task(case.name, ours, peer, context.runs(3), PEER_UNIONS / UNIONS))
    entries, _ = context.compare(NAME, tasks)
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], list[float]]:
    from virtualbiopsy.radiomics.coalitions.coalitions import Coalitions
    from virtualbiopsy.radiomics.definitions import DEFINITIONS

    image, labels = sitk.ReadImage(request["image"]), sitk.ReadImage(request["mask"])
    array = sitk.GetArrayFromImage(image).astype(np.float64)
    parts = sitk.GetArrayFromImage(labels)
    chosen = np.zeros((len(request["unions"]), PARTS), dtype=bool)
    for row, union in zip(chosen, request["unions"], strict=True):
        row[np.asarray(union) - 1] = True
    keys = []
    for index in features():
        known = DEFINITIONS[index]
        aggregation = "3d_average" if known.family == "glcm" else "3d"
        rule = "fbw25" if known.discretised else "none"
        keys.append(f"t1c:tumour:original:{known.family}:{known.name}:{aggregation}:{rule}:pyradiomics")

    def run() -> dict[str, float]:
        made = Coalitions({"t1c": array}, parts, image.GetSpacing()[::-1], keys)
        return dict(enumerate(made.evaluate(chosen)[:, 0].tolist()))

    return run
