"""What an extraction imports: scipy costs 40 MB of memory, so it is loaded by the features that need it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LOADED = """
import json, sys
print(json.dumps(sorted(name for name in sys.modules if name == "scipy" or name.startswith("scipy."))))
"""

PARITY = """
import numpy as np
import SimpleITK as sitk
from virtualbiopsy.engines.parity import extract_pyradiomics

k, j, i = np.mgrid[-12:13, -12:13, -12:13]
image = sitk.GetImageFromArray(np.random.default_rng(3).normal(0, 100, k.shape).astype(np.float32))
mask = sitk.GetImageFromArray((k**2 + j**2 + 2 * i**2 <= 64).astype(np.uint8))
for volume in (image, mask):
    volume.SetSpacing((0.8, 0.8, 1.5))
types = ("original", "log(sigma=2)", "wavelet(family=coif1;bands=LLH;level=1)", "gradient", "square")
found = extract_pyradiomics(image, mask, image_types=types)
assert len(found) == 14 + len(types) * 93, len(found)
"""


def scipy_after(code: str) -> list[str]:
    """Modules of scipy in a process of its own that ran this code with numpy's kernels."""
    run = subprocess.run(
        [sys.executable, "-c", code + LOADED],
        capture_output=True,
        text=True,
        env={**os.environ, "VIRTUALBIOPSY_KERNELS": "plain"},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    "module", ["engines.parity", "radiomics.extract", "radiomics.filters.apply", "radiomics.morphology"]
)
def test_module_imports_no_scipy(module):
    assert scipy_after(f"import virtualbiopsy.{module}\n") == []


def test_extraction_as_pyradiomics_imports_no_scipy():
    assert scipy_after(PARITY) == []
