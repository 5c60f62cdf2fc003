"""Run by the oracle environment: pyradiomics' features and times of one image and mask, as JSON.

    python pyradiomics_features.py IMAGE MASK SETTINGS_JSON [REPEATS]

SETTINGS_JSON is a JSON object: "settings" (for the extractor, for example {"binWidth": 25}), optional
"classes" (default: all in 3D) and optional "deprecated" (also compute what pyradiomics hides but still can).
Prints {"version", "features": {"glcm_Id": …}, "seconds": {"all": median, "each": [...]}}.
"""

from __future__ import annotations

import json
import logging
import statistics
import sys
import time

import radiomics
from radiomics import featureextractor

CLASSES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
HIDDEN = {
    "shape": ("Compactness1", "Compactness2", "SphericalDisproportion"),
    "shape2D": ("SphericalDisproportion",),
}


def main(image: str, mask: str, request: str, repeats: str = "1") -> None:
    radiomics.logger.setLevel(logging.ERROR)
    wanted = json.loads(request)
    extractor = featureextractor.RadiomicsFeatureExtractor(**wanted.get("settings", {}))
    extractor.disableAllFeatures()
    for name in wanted.get("classes", CLASSES):
        extractor.enableFeatureClassByName(name)
    if wanted.get("deprecated"):
        for name in HIDDEN.keys() & wanted.get("classes", CLASSES):
            features = HIDDEN[name]
            known = list(radiomics.getFeatureClasses()[name].getFeatureNames().items())
            extractor.enabledFeatures[name] = [f for f, old in known if not old or f in features]
    times = []
    for _ in range(int(repeats)):
        start = time.perf_counter()
        result = extractor.execute(image, mask)
        times.append(time.perf_counter() - start)
    features = {
        key.removeprefix("original_"): float(value)
        for key, value in result.items()
        if not key.startswith("diagnostics")
    }
    print(
        json.dumps(
            {
                "version": radiomics.__version__,
                "features": features,
                "seconds": {"all": statistics.median(times), "each": times},
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
