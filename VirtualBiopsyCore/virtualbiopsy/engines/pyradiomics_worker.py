"""Run pyradiomics on request; a module for an interpreter that has it, and a script for one elsewhere.

    python pyradiomics_worker.py REQUEST.json ANSWER.json

REQUEST.json: {"images": {name: path}, "masks": {name: path}, "groups": [{"image": name or null, "mask": name,
"settings": {…}, "image_types": {type: {…}}, "features": {class: [names]}}]}; without an image the mask stands
in for it (shape). ANSWER.json: {"version": "3.0.1", "groups": [{"values": {"original_glcm_Id": 0.5, …}} or
{"error": "…"}]}. Uses the standard library, SimpleITK and pyradiomics only, none of this package.
"""

import json
import logging
import math
import os
import sys


def compute(groups, images, masks, report=None):
    """Features of each group of a request; images and masks are SimpleITK images by name.

    Returns
    -------
    List of {"values": finite floats by name} or {"error": text}. ITK's global tolerances, which pyradiomics
    changes, are put back.
    """
    import radiomics
    import SimpleITK as sitk
    from radiomics import featureextractor

    process = sitk.ProcessObject
    tolerances = process.GetGlobalDefaultCoordinateTolerance(), process.GetGlobalDefaultDirectionTolerance()
    level = radiomics.logger.level
    radiomics.logger.setLevel(logging.CRITICAL)
    answers = []
    try:
        for number, group in enumerate(groups):
            if report is not None:
                report(number / len(groups))
            mask = masks[group["mask"]]
            image = sitk.Cast(mask, sitk.sitkInt32) if group["image"] is None else images[group["image"]]
            try:
                extractor = featureextractor.RadiomicsFeatureExtractor(**group["settings"])
                extractor.disableAllImageTypes()
                for kind, options in group["image_types"].items():
                    extractor.enableImageTypeByName(kind, customArgs=dict(options))
                extractor.disableAllFeatures()
                extractor.enableFeaturesByName(**group["features"])
                found = extractor.execute(image, mask)
            except Exception as error:
                answers.append({"error": type(error).__name__ + ": " + str(error)[:500]})
                continue
            values = {}
            for name, value in found.items():
                if not name.startswith("diagnostics") and math.isfinite(float(value)):
                    values[name] = float(value)
            answers.append({"values": values})
    finally:
        process.SetGlobalDefaultCoordinateTolerance(tolerances[0])
        process.SetGlobalDefaultDirectionTolerance(tolerances[1])
        radiomics.logger.setLevel(level)
    return answers


def version():
    """Version of pyradiomics, without a leading "v"."""
    import radiomics

    return str(radiomics.__version__).lstrip("v").split("+")[0]


def main(request_path, answer_path):
    with open(request_path, encoding="utf-8") as stream:
        request = json.load(stream)
    import numpy
    import SimpleITK as sitk

    if not hasattr(numpy, "float"):
        numpy.float = float  # noqa: NPY001 (pyradiomics 3.0.1 uses what numpy 1.24 took away)
    images = {name: sitk.ReadImage(path) for name, path in request["images"].items()}
    masks = {name: sitk.ReadImage(path) for name, path in request["masks"].items()}
    answer = {"version": version(), "groups": compute(request["groups"], images, masks)}
    with open(answer_path + ".part", "w", encoding="utf-8") as stream:
        json.dump(answer, stream)
    os.replace(answer_path + ".part", answer_path)


if __name__ == "__main__":
    main(*sys.argv[1:3])
