"""Run by the pyradiomics oracle's Python: a warm process that does prepared work again and again.

    python pyradiomics_worker.py

Speaks as warm.py says. Kinds of work:

    extract  images {role: path}, masks [path, …] (the next one at each run, the last one again and again),
             features {role: {class: [names]}} (names [] for all of a class), settings {…},
             image_types {role: {type: {…}}} (original if left out); RadiomicsFeatureExtractor.execute
    voxels   image, mask, features {class: [names]}, settings; the same, voxel-based; or images {role: path}
             and features {role: {class: [names]}}
    outlines images {role: path}, labels, outlines [[labels], …], features {role: {class: [names]}}, settings;
             each outline, of these labels, through the feature classes themselves on the images cropped to it
    unions   image, mask (parts 1…n), unions [[parts], …], features {class: [names]}, settings; each union
             through the feature classes themselves on the cropped image
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy
import radiomics
import SimpleITK as sitk
from radiomics import featureextractor, imageoperations
from warm import serve


def _extractor(features: dict, settings: dict, image_types: dict | None = None):
    extractor = featureextractor.RadiomicsFeatureExtractor(**settings)
    extractor.disableAllFeatures()
    for group, names in features.items():
        if names:
            extractor.enableFeaturesByName(**{group: names})
        else:
            extractor.enableFeatureClassByName(group)
    if image_types:
        extractor.disableAllImageTypes()
        for name, arguments in image_types.items():
            extractor.enableImageTypeByName(name, customArgs=arguments)
    return extractor


def _on(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    if mask.GetSize() == image.GetSize() and mask.GetOrigin() == image.GetOrigin():
        return mask
    return sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)


def extract(request: dict) -> Callable[[], dict]:
    images = {role: sitk.ReadImage(path) for role, path in request["images"].items()}
    masks = [sitk.ReadImage(path) for path in request["masks"]]
    fitted = [{role: _on(mask, image) for role, image in images.items()} for mask in masks]
    types = request.get("image_types", {})
    extractors = {
        role: _extractor(features, request["settings"], types.get(role))
        for role, features in request["features"].items()
    }
    step = iter(range(len(masks)))

    def run() -> dict:
        now = fitted[next(step, len(masks) - 1)]
        return {
            f"{role}_{name}": value
            for role, extractor in extractors.items()
            for name, value in extractor.execute(images[role], now[role]).items()
            if not name.startswith("diagnostics")
        }

    return run


def voxels(request: dict) -> Callable[[], dict]:
    mask = sitk.ReadImage(request["mask"])
    if "image" in request:
        image = sitk.ReadImage(request["image"])
        extractor = _extractor(request["features"], request["settings"])
        return lambda: dict(extractor.execute(image, mask, voxelBased=True))
    images = {role: sitk.ReadImage(path) for role, path in request["images"].items()}
    extractors = {
        role: _extractor(features, request["settings"]) for role, features in request["features"].items()
    }
    return lambda: {
        f"{role}_{name}": value
        for role, extractor in extractors.items()
        for name, value in extractor.execute(images[role], mask, voxelBased=True).items()
    }


def outlines(request: dict) -> Callable[[], dict]:
    images = {role: sitk.ReadImage(path) for role, path in request["images"].items()}
    labels = sitk.ReadImage(request["labels"])
    array = sitk.GetArrayFromImage(labels)
    classes = radiomics.getFeatureClasses()

    def run() -> dict:
        found = {}
        for n, chosen in enumerate(request["outlines"]):
            whole = sitk.GetImageFromArray(numpy.isin(array, chosen).astype(numpy.uint8))
            whole.CopyInformation(labels)
            for role, features in request["features"].items():
                box, _ = imageoperations.checkMask(images[role], whole)
                image, mask = imageoperations.cropToTumorMask(images[role], whole, box)
                for group, names in features.items():
                    work = classes[group](image, mask, **request["settings"])
                    work.disableAllFeatures()
                    for name in names:
                        work.enableFeatureByName(name)
                    for name, value in work.execute().items():
                        found[f"{n}_{role}_{group}_{name}"] = value
        return found

    return run


def unions(request: dict) -> Callable[[], dict]:
    parts = sitk.ReadImage(request["mask"])
    array = sitk.GetArrayFromImage(parts)
    whole = sitk.GetImageFromArray((array > 0).astype(numpy.uint8))
    whole.CopyInformation(parts)
    box, _ = imageoperations.checkMask(sitk.ReadImage(request["image"]), whole)
    image, whole = imageoperations.cropToTumorMask(sitk.ReadImage(request["image"]), whole, box)
    crop = sitk.GetArrayFromImage(sitk.Resample(parts, whole, sitk.Transform(), sitk.sitkNearestNeighbor))
    classes = {group: radiomics.getFeatureClasses()[group] for group in request["features"]}

    def run() -> dict:
        found = {}
        for n, chosen in enumerate(request["unions"]):
            mask = sitk.GetImageFromArray(numpy.isin(crop, chosen).astype(numpy.uint8))
            mask.CopyInformation(whole)
            for group, names in request["features"].items():
                work = classes[group](image, mask, **request["settings"])
                work.disableAllFeatures()
                for name in names:
                    work.enableFeatureByName(name)
                found.update({f"{n}_{group}_{name}": value for name, value in work.execute().items()})
        return found

    return run


KINDS = {"extract": extract, "voxels": voxels, "unions": unions, "outlines": outlines}


def numbers(values: dict) -> dict:
    """The values that are one real number."""
    return {k: v for k, v in values.items() if numpy.ndim(v) == 0 and numpy.isreal(v)}


def main() -> None:
    radiomics.logger.setLevel(logging.ERROR)
    if not hasattr(numpy, "float"):
        numpy.float = float  # noqa: NPY001
    serve(radiomics.__version__.lstrip("v"), lambda request: KINDS[request["kind"]](request), numbers)


if __name__ == "__main__":
    main()
