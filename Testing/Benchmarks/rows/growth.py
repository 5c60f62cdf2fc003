"""Growth of time and memory with region size: balls of 10³ to 10⁶ voxels of textured noise, all classes.

Written to build/bench.json as {"growth": {"points": [...]}} and drawn by report.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from context import Context
from peers import Worker, engine, pyradiomics

from rows.original_all_classes import CLASSES

NAME = "growth"
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
PEER_LIMIT = 300_000
RUNS = 3


def ball(voxels: int) -> tuple[sitk.Image, sitk.Image]:
    """Image of textured noise and a ball of about so many voxels in it, 1 mm."""
    from scipy import ndimage

    radius = (3 * voxels / (4 * np.pi)) ** (1 / 3)
    side = 2 * int(np.ceil(radius)) + 3
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(side,) * 3), 1.0)
    image = np.round(400 + 600 * noise).astype(np.int16)
    axes = np.ogrid[(slice(0, side),) * 3]
    mask = sum((a - side / 2 + 0.5) ** 2 for a in axes) <= radius**2
    return sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))


def measure(context: Context) -> dict[str, dict[str, Any]]:
    points = []
    for size in SIZES[:2] if context.quick else SIZES:
        image, mask = ball(size)
        paths = [str(context.folder / f"growth-{what}.nrrd") for what in ("image", "mask")]
        for made, path in zip((image, mask), paths, strict=True):
            sitk.WriteImage(made, path)
        voxels = int(sitk.GetArrayViewFromImage(mask).sum())
        ours = {"row": "original_all_classes", "image": paths[0], "mask": paths[1]}
        peer = {
            "kind": "extract",
            "images": {"t1c": paths[0]},
            "masks": [paths[1]],
            "features": {"t1c": {name: [] for name in CLASSES}},
            "settings": {"binWidth": 25},
        }
        starts: list[tuple[str, Callable[[], Worker], Mapping[str, Any]]] = [
            (kernels, lambda kernels=kernels: engine(kernels), ours) for kernels in context.kernels
        ]
        if size <= PEER_LIMIT:
            starts.append(("pyradiomics", pyradiomics, peer))
        for name, start, request in starts:
            with start() as worker:
                worker.prepare(request)
                base = worker.peak()
                runs = [worker.run() for _ in range(RUNS)]
                point = {
                    "engine": name,
                    "voxels": voxels,
                    "seconds": min(run.seconds for run in runs),
                    "extra_bytes": worker.peak() - base,
                }
            points.append(point)
            context.say(f"  {NAME}  {voxels} voxels, {name}: {1e3 * point['seconds']:.1f} ms")
    return {NAME: {"points": points}}
