"""Run by the oracle environment: a warm pyradiomics that answers one JSON request for each line it reads.

    python pyradiomics_server.py

Request: {"image": path, "mask": path, "settings": {…}, "image_types": {type: {…}}, optional "classes"
(default: all in 3D), optional "deprecated": also what pyradiomics hides but still can}. Answer:
{"features": {name: value}, "seconds": s} or {"error": text}. The first line that it writes is
{"version": …}.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import numpy
import radiomics
from radiomics import featureextractor

CLASSES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
HIDDEN = {"shape": ("Compactness1", "Compactness2", "SphericalDisproportion")}


def answer(wanted: dict) -> dict:
    extractor = featureextractor.RadiomicsFeatureExtractor(**wanted["settings"], additionalInfo=False)
    extractor.disableAllImageTypes()
    for kind, options in wanted["image_types"].items():
        extractor.enableImageTypeByName(kind, customArgs=options)
    extractor.disableAllFeatures()
    for name in wanted.get("classes", CLASSES):
        extractor.enableFeatureClassByName(name)
        if wanted.get("deprecated") and name in HIDDEN:
            known = list(radiomics.getFeatureClasses()[name].getFeatureNames().items())
            extractor.enabledFeatures[name] = [f for f, old in known if not old or f in HIDDEN[name]]
    start = time.process_time()
    found = extractor.execute(wanted["image"], wanted["mask"])
    seconds = time.process_time() - start
    features = {name: float(v) for name, v in found.items() if not name.startswith("diagnostics")}
    return {"features": features, "seconds": seconds}


def main() -> None:
    radiomics.logger.setLevel(logging.CRITICAL)
    if not hasattr(numpy, "float"):
        numpy.float = float  # noqa: NPY001
    print(json.dumps({"version": str(radiomics.__version__)}), flush=True)
    for line in sys.stdin:
        try:
            text = json.dumps(answer(json.loads(line)))
        except Exception as error:
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(text, flush=True)


if __name__ == "__main__":
    main()
