"""The shares of the voxels add up to what pyradiomics 3.0.1 computes, for every feature that both have."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour
from virtualbiopsy.explain.ledger import has_exact_shares, shares
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.radiomics.definitions import DEFINITIONS, all_keys
from virtualbiopsy.radiomics.extract import extract

pytestmark = pytest.mark.oracle

RELATIVE = 1e-6
IMAGE_TYPES = {
    "original": ("Original", {}, "original"),
    "wavelet(family=coif1;bands=LHL;level=1)": ("Wavelet", {"wavelet": "coif1"}, "wavelet-LHL"),
    "log(sigma=2)": ("LoG", {"sigma": [2.0]}, "log-sigma-2-0-mm-3D"),
    "square": ("Square", {}, "square"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A textured region in a box with a wide margin, which pyradiomics would cut away otherwise; paths."""
    tumour = synthetic_tumour(shape=(26, 32, 30), spacing=(1.5, 1.0, 1.2), radius_mm=8.0, oblique=False)
    folder = tmp_path_factory.mktemp("pyradiomics")
    paths = {"image": str(folder / "image.nrrd"), "mask": str(folder / "mask.nrrd")}
    sitk.WriteImage(tumour.image("adc"), paths["image"])
    sitk.WriteImage(tumour.mask(), paths["mask"])
    return tumour, paths


@pytest.mark.parametrize("aggregation", ["3d_average", "3d_merged"])
@pytest.mark.parametrize("image", IMAGE_TYPES)
def test_the_shares_add_up_to_pyradiomics(written, pyradiomics_server, image, aggregation):
    tumour, paths = written
    kind, options, prefix = IMAGE_TYPES[image]
    settings = {"binCount": 32, "preCrop": False}
    if aggregation == "3d_merged":
        settings["weightingNorm"] = "no_weighting"
    theirs = pyradiomics_server(**paths, settings=settings, image_types={kind: options})
    keys = [
        key
        for key in all_keys("adc", "tumour", "fbn32", "pyradiomics", aggregation, image)
        if has_exact_shares(key) and key.family != "morphology"
    ]
    vector = extract(tumour.images, tumour.masks, tumour.spacing, keys)
    workspace = Workspace(tumour.images, tumour.masks, tumour.spacing)
    compared = set()
    for key in keys:
        name = f"{prefix}_{DEFINITIONS[key.family, key.name].pyradiomics_name}"
        if name not in theirs:  # what pyradiomics hides because another feature has the same value
            continue
        found = shares(key, vector.values[str(key)], workspace)
        assert found is not None, key
        assert found.shape == (tumour.masks["tumour"].sum(),)
        size = RELATIVE * max(abs(theirs[name]), np.abs(found).sum() * 1e-3)
        assert abs(found.sum() - theirs[name]) <= size, (name, found.sum(), theirs[name])
        compared.add((key.family, key.name))
    assert {family for family, _ in compared} == {
        "statistics",
        "histogram",
        "glcm",
        "glrlm",
        "glszm",
        "ngtdm",
        "ngldm",
    }
    assert len(compared) >= 80
