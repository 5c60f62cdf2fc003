"""Original image, all classes of pyradiomics, bins of width 25: as a user calls it, images in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cases import single
from context import Context
from timing import Task

NAME = "original_all_classes"
CLASSES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
SETTINGS = {"binWidth": 25}


def measure(context: Context) -> dict[str, dict[str, Any]]:
    tasks = [
        Task(
            case.name,
            {"row": NAME, "image": str(case.image), "mask": str(case.mask)},
            {
                "kind": "extract",
                "images": {"t1c": str(case.image)},
                "masks": [str(case.mask)],
                "features": {"t1c": {name: [] for name in CLASSES}},
                "settings": SETTINGS,
            },
            context.runs(9),
        )
        for case in context.pick(single(context.folder))
    ]
    entries, _ = context.compare(NAME, tasks, same_size=True)
    return entries


def prepare(request: Mapping[str, Any]) -> Callable[[], Mapping[str, float]]:
    import SimpleITK as sitk
    from virtualbiopsy.radiomics.definitions import all_keys, definition
    from virtualbiopsy.radiomics.extract import extract

    image, mask = sitk.ReadImage(request["image"]), sitk.ReadImage(request["mask"])
    hidden = {"shape_Compactness1", "shape_Compactness2", "shape_SphericalDisproportion"}

    def keys():
        both = [*all_keys("mask", profile="pyradiomics"), *all_keys("t1c", "tumour", "fbw25", "pyradiomics")]
        return [key for key in both if f"{definition(key).pyradiomics_name}" not in hidden]

    wanted = keys()

    def run() -> Mapping[str, float]:
        images = {"t1c": sitk.GetArrayViewFromImage(image)}
        masks = {"tumour": sitk.GetArrayViewFromImage(mask) == 1}
        return extract(images, masks, image.GetSpacing()[::-1], wanted).values

    return run
