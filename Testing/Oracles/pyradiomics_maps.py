"""Run by the oracle environment: pyradiomics' voxel-wise maps of one image and mask.

    python pyradiomics_maps.py IMAGE MASK OUT.npz SETTINGS_JSON

SETTINGS_JSON is a JSON object: "settings" (for the extractor, for example {"binWidth": 25, "kernelRadius": 1,
"maskedKernel": true}) and optional "classes" (default: all). Writes one (k, j, i) array per feature, by names
like "glcm_Id", on the grid of the image: NaN outside the box that pyradiomics crops to, its initial value
(NaN unless the settings say otherwise) outside the mask. Prints {"version", "seconds": {"firstorder": …}}.
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

CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")


def main(image: str, mask: str, out: str, request: str) -> None:
    radiomics.logger.setLevel(logging.CRITICAL)
    numpy.seterr(all="ignore")
    wanted = json.loads(request)
    grid = sitk.ReadImage(image)
    maps, seconds = {}, {}
    for name in wanted.get("classes", CLASSES):
        extractor = featureextractor.RadiomicsFeatureExtractor(
            **{"initValue": float("nan"), **wanted["settings"]}
        )
        extractor.disableAllFeatures()
        extractor.enableFeatureClassByName(name)
        start = time.perf_counter()
        result = extractor.execute(image, mask, voxelBased=True)
        seconds[name] = time.perf_counter() - start
        for key, value in result.items():
            if isinstance(value, sitk.Image):
                whole = sitk.Resample(
                    value, grid, sitk.Transform(), sitk.sitkNearestNeighbor, float("nan"), sitk.sitkFloat64
                )
                maps[key.removeprefix("original_")] = sitk.GetArrayFromImage(whole)
    numpy.savez(out, **maps)
    print(json.dumps({"version": radiomics.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
