"""Profile "pyradiomics" against pyradiomics 3.0.1, computed live: all features that have its name."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.radiomics import mesh
from virtualbiopsy.radiomics.definitions import DEFINITIONS, all_keys
from virtualbiopsy.radiomics.extract import extract

pytestmark = pytest.mark.oracle

RELATIVE = 1e-6
SETTINGS = {"fbw25": {"binWidth": 25}, "fbn32": {"binCount": 32}}


def _compare(oracle, image_path, mask_path, discretisation: str, aggregation: str, zero=()) -> None:
    """Compare all features; those in ``zero`` are zero but for rounding in both."""
    settings = dict(SETTINGS[discretisation])
    if aggregation == "3d_merged":
        settings["weightingNorm"] = "no_weighting"
    theirs = oracle(image_path, mask_path, {"settings": settings, "deprecated": True})
    assert theirs["version"].lstrip("v").startswith("3.0.1")
    image = sitk.ReadImage(str(image_path))
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(mask_path))) == 1
    keys = all_keys("mask", profile="pyradiomics")
    keys += all_keys("t1", "tumour", discretisation, "pyradiomics", aggregation)
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    ours = extract({"t1": values}, {"tumour": mask}, image.GetSpacing()[::-1], keys)
    assert not ours.missing
    named = {DEFINITIONS[key.family, key.name].pyradiomics_name: ours.values[str(key)] for key in keys}
    assert set(named) == set(theirs["features"])
    different = {
        name: (value, theirs["features"][name])
        for name, value in named.items()
        if not abs(value - theirs["features"][name])
        <= (1e-7 if name in zero else RELATIVE * abs(theirs["features"][name]))
    }
    assert not different


@pytest.mark.parametrize("discretisation", ["fbw25", "fbn32"])
@pytest.mark.parametrize("volume", ["brain1", "brain2", "breast1"])
def test_equals_pyradiomics_on_real_volumes(volume, discretisation, data_dir, pyradiomics_oracle):
    folder = data_dir / "volumes" / "pyradiomics"
    image, mask = folder / f"{volume}_image.nrrd", folder / f"{volume}_label.nrrd"
    _compare(pyradiomics_oracle, image, mask, discretisation, "3d_average")


def test_equals_pyradiomics_with_merged_matrices(data_dir, pyradiomics_oracle):
    folder = data_dir / "volumes" / "pyradiomics"
    image, mask = folder / "brain1_image.nrrd", folder / "brain1_label.nrrd"
    _compare(pyradiomics_oracle, image, mask, "fbn32", "3d_merged")


def _write(folder, image: np.ndarray, mask: np.ndarray, spacing) -> tuple:
    paths = folder / "image.nrrd", folder / "mask.nrrd"
    for path, array in zip(paths, (image, mask.astype(np.uint8)), strict=True):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing(spacing[::-1])
        sitk.WriteImage(volume, str(path))
    return paths


@pytest.mark.parametrize("density", [0.5, 0.1])
def test_equals_pyradiomics_on_a_scattered_mask(density, tmp_path, pyradiomics_oracle):
    """All 256 cubes of the surface (density 0.5); lone voxels and empty directions (0.1)."""
    rng = np.random.default_rng(7)
    size = (16, 15, 14) if density > 0.3 else (6, 7, 5)
    mask = np.pad(rng.random(size) < density, 2)
    if density > 0.3:
        assert len(np.unique(mesh.cube_numbers(mask))) == 256
    image = rng.normal(200, 60, mask.shape)
    paths = _write(tmp_path, image, mask, (2.3, 0.9, 1.1))
    _compare(pyradiomics_oracle, *paths, "fbw25", "3d_average")


@pytest.mark.parametrize("slices", [1, 2])
def test_equals_pyradiomics_in_a_thin_region(slices, tmp_path, pyradiomics_oracle):
    """Few voxels along k: most directions are short; in a single slice 9 of the 13 are empty."""
    mask = np.zeros((6, 14, 14), dtype=bool)
    mask[2 : 2 + slices, 3:9, 4:11] = True
    mask[2, 8, 4:9] = False
    image = np.random.default_rng(3).normal(100, 30, mask.shape).round()
    paths = _write(tmp_path, image, mask, (5.0, 0.5, 0.5))
    zero = {"shape_LeastAxisLength", "shape_Flatness"} if slices == 1 else set()
    _compare(pyradiomics_oracle, *paths, "fbn32", "3d_average", zero)
