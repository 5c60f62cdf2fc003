"""Run by the oracle environment: pyradiomics' filtered images, as NumPy files.

    python pyradiomics_images.py IMAGE MASK REQUEST_JSON FOLDER

REQUEST_JSON: {"LoG": {"sigma": [1.0]}, "Wavelet": {"wavelet": "coif1", "level": 2}, …}: settings by type.
Writes FOLDER/NAME.npy (k, j, i), NAME as pyradiomics calls the image, in the type in which it has it.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import numpy
import radiomics
import SimpleITK
from radiomics import imageoperations


def main(image: str, mask: str, request: str, folder: str) -> None:
    radiomics.logger.setLevel(logging.ERROR)
    volume, outline = SimpleITK.ReadImage(image), SimpleITK.ReadImage(mask)
    for kind, settings in json.loads(request).items():
        generate = getattr(imageoperations, f"get{kind}Image")
        for filtered, name, _ in generate(volume, outline, **settings):
            numpy.save(Path(folder) / f"{name}.npy", SimpleITK.GetArrayFromImage(filtered))


if __name__ == "__main__":
    main(*sys.argv[1:])
