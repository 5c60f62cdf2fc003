"""23 GLCM and 18 first-order maps, kernel radius 1, in a ball of 20 000 voxels.

pyradiomics computes a smaller ball around the same centre; its time is scaled by the number of voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from cases import BenchCase, single
from context import Context
from timing import Task

NAME = "voxel_maps"
VOXELS, PEER_VOXELS = 20_000, 1_500
SETTINGS = {"binWidth": 25, "kernelRadius": 1, "maskedKernel": True}


def features() -> list[tuple[str, str]]:
    from virtualbiopsy.radiomics.definitions import DEFINITIONS

    return [
        (d.family, d.name)
        for d in DEFINITIONS.values()
        if "pyradiomics" in d.profiles
        and d.family in ("statistics", "histogram", "glcm")
        and d.name != "maximal_correlation_coefficient"
    ]


def ball(case: BenchCase, folder: Path, voxels: int) -> tuple[str, int]:
    """File of a mask of about so many voxels, the nearest to the middle of the tumour in mm; its voxels."""
    mask = sitk.ReadImage(str(case.mask))
    inside = sitk.GetArrayFromImage(mask) == 1
    spacing = np.asarray(mask.GetSpacing()[::-1])
    centre = np.argwhere(inside).mean(axis=0)
    axes = np.ogrid[tuple(slice(0, n) for n in inside.shape)]
    distance = sum(((a - c) * s) ** 2 for a, c, s in zip(axes, centre, spacing, strict=True))
    chosen = distance <= np.partition(distance.ravel(), voxels)[voxels]
    image = sitk.GetImageFromArray(chosen.astype(np.uint8))
    image.CopyInformation(mask)
    path = folder / f"ball-{case.name.split()[0]}-{voxels}.nrrd"
    sitk.WriteImage(image, str(path))
    return str(path), int(chosen.sum())


def measure(context: Context) -> dict[str, dict[str, Any]]:
    from virtualbiopsy.radiomics.definitions import DEFINITIONS

    names: dict[str, list[str]] = {}
    for index in features():
        group, feature = DEFINITIONS[index].pyradiomics_name.split("_", 1)
        names.setdefault(group, []).append(feature)
    whole = [case for case in single(context.folder) if case.name not in ("brain2", "breast1", "STS_025")]
    tasks = []
    for case in context.pick(whole[:3]):
        large, count = ball(case, context.folder, VOXELS)
        small, few = ball(case, context.folder, PEER_VOXELS)
        ours = {"row": NAME, "image": str(case.image), "mask": large}
        peer = {
            "kind": "voxels",
            "image": str(case.image),
            "mask": small,
            "features": names,
            "settings": SETTINGS,
        }
        tasks.append(Task(case.name, ours, peer, context.runs(3), few / count))
    entries, _ = context.compare(NAME, tasks)
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], Mapping[str, np.ndarray]]:
    from virtualbiopsy.case.arrays import bounding_box, grow_box
    from virtualbiopsy.radiomics.maps.compute import feature_maps

    image, mask = sitk.ReadImage(request["image"]), sitk.ReadImage(request["mask"])
    wanted, spacing = features(), image.GetSpacing()[::-1]

    def run() -> Mapping[str, np.ndarray]:
        # The maps are wanted on the region's box, as pyradiomics gives them.
        inside = sitk.GetArrayViewFromImage(mask) > 0
        box = grow_box(bounding_box(inside), inside.shape, (1, 1, 1))
        array = sitk.GetArrayViewFromImage(image)[box].astype(np.float64)
        return feature_maps(
            array, inside[box], spacing, wanted, radius=1, discretisation="fbw25", profile="pyradiomics"
        )

    return run
