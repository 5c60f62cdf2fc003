"""Run by the pyradiomics oracle's Python: times full extractions, one for each line on standard input.

    python pyradiomics_worker.py REQUEST_JSON

REQUEST_JSON: {"images": {role: path}, "features": {role: {class: [names]}}, "settings": {…}}; images are read
once. Each input line is the path of a mask; the answer is one JSON line
{"seconds": s, "features": {"t1c_glcm_Id": …}}. Reading the mask is not timed.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import numpy
import radiomics
import SimpleITK as sitk
from radiomics import featureextractor


def main(request: str) -> None:
    radiomics.logger.setLevel(logging.ERROR)
    if not hasattr(numpy, "float"):
        numpy.float = float  # noqa: NPY001
    wanted = json.loads(request)
    images = {role: sitk.ReadImage(path) for role, path in wanted["images"].items()}
    extractors = {}
    for role, features in wanted["features"].items():
        extractor = featureextractor.RadiomicsFeatureExtractor(**wanted["settings"])
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(**features)
        extractors[role] = extractor
    print(json.dumps({"version": radiomics.__version__}), flush=True)
    for line in sys.stdin:
        mask = sitk.ReadImage(line.strip())
        masks = {role: _on(mask, image) for role, image in images.items()}
        start = time.perf_counter()
        results = {role: extractors[role].execute(images[role], masks[role]) for role in extractors}
        seconds = time.perf_counter() - start
        features = {
            f"{role}_{key.removeprefix('original_')}": float(value)
            for role, result in results.items()
            for key, value in result.items()
            if not key.startswith("diagnostics")
        }
        print(json.dumps({"seconds": seconds, "features": features}), flush=True)


def _on(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    return sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)


if __name__ == "__main__":
    main(sys.argv[1])
