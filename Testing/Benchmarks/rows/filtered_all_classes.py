"""1 mm, original, Laplacian of Gaussian of 1 to 5 mm and the 8 wavelet bands, all classes: 1 316 values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cases import single
from context import Context
from timing import Task

from rows.original_all_classes import CLASSES

NAME = "filtered_all_classes"
BANDS = tuple(a + b + c for a in "LH" for b in "LH" for c in "LH")
TYPES = (
    "original",
    *(f"log(sigma={sigma})" for sigma in range(1, 6)),
    *(f"wavelet(family=coif1;bands={bands};level=1)" for bands in BANDS),
)
PEER_TYPES = {"Original": {}, "LoG": {"sigma": [1.0, 2.0, 3.0, 4.0, 5.0]}, "Wavelet": {}}
SETTINGS = {"binWidth": 25, "resampledPixelSpacing": [1, 1, 1]}


def requests(case) -> tuple[dict[str, Any], dict[str, Any]]:
    """What our process and pyradiomics' are asked."""
    ours = {"row": NAME, "image": str(case.image), "mask": str(case.mask)}
    peer = {
        "kind": "extract",
        "images": {"t1c": str(case.image)},
        "masks": [str(case.mask)],
        "features": {"t1c": {name: [] for name in CLASSES}},
        "settings": SETTINGS,
        "image_types": {"t1c": PEER_TYPES},
    }
    return ours, peer


def measure(context: Context) -> dict[str, dict[str, Any]]:
    tasks = [
        Task(case.name, *requests(case), context.runs(5)) for case in context.pick(single(context.folder))
    ]
    entries, _ = context.compare(NAME, tasks)
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], Mapping[str, float]]:
    import SimpleITK as sitk
    from virtualbiopsy.engines.parity import extract_pyradiomics

    image, mask = sitk.ReadImage(request["image"]), sitk.ReadImage(request["mask"])
    return lambda: extract_pyradiomics(image, mask, image_types=TYPES, bin_width=25.0)
