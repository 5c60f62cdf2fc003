"""Shape in one slice: closed forms, and pyradiomics with force2D."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.radiomics.definitions import DEFINITIONS, all_keys
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.shape2d import FEATURES, FlatShape

FORCE_2D = {"binWidth": 25, "force2D": True, "minimumROISize": 1}


def _keys():
    keys = all_keys("mask", profile="pyradiomics", aggregation="2.5d_average")
    return [key for key in keys if key.family == "shape2d"]


def _square(size: int) -> np.ndarray:
    return np.ones((size, size), dtype=bool)


def test_square_of_pixels():
    """The outline of a square cuts its corners: four edges of n - 1 pixels and four diagonals."""
    shape = FlatShape(_square(6), (2.0, 0.5))
    assert shape.surface == pytest.approx(36 - 4 / 8, rel=1e-12)
    assert shape.pixel_surface == 36
    assert shape.perimeter == pytest.approx(2 * 5 * (2 + 0.5) + 4 * math.hypot(1.0, 0.25), rel=1e-12)
    assert shape.diameter == pytest.approx(math.hypot(12.0, 2.5), rel=1e-12)
    assert shape.axes == pytest.approx([4 * 2.0 * math.sqrt(35 / 12), 4 * 0.5 * math.sqrt(35 / 12)])


def test_circle():
    j, i = np.mgrid[-60:61, -60:61]
    shape = FlatShape(j**2 + i**2 <= 50.3**2, (1.0, 1.0))
    assert shape.surface == pytest.approx(math.pi * 50.3**2, rel=0.005)
    assert shape.axes == pytest.approx([100.6, 100.6], rel=0.005)
    assert 0.9 < FEATURES["sphericity"](shape) < 1


def test_diagonal_pixels_are_apart():
    shape = FlatShape(np.eye(2, dtype=bool), (1.0, 1.0))
    assert shape.surface == pytest.approx(2 * 0.5)
    assert shape.perimeter == pytest.approx(2 * 4 * math.sqrt(0.5))


def test_undefined_outside_one_slice():
    mask = np.zeros((4, 6, 6), dtype=bool)
    mask[1:3, 1:4, 1:5] = True
    result = extract({}, {"tumour": mask}, (1, 1, 1), _keys())
    assert not result.values
    assert len(result.missing) == len(FEATURES)
    mask[2] = False
    assert len(extract({}, {"tumour": mask}, (1, 1, 1), _keys()).values) == len(FEATURES)


@pytest.mark.oracle
@pytest.mark.parametrize("density", [0.6, 1.0])
def test_equals_pyradiomics(density, tmp_path, pyradiomics_oracle):
    rng = np.random.default_rng(5)
    mask = np.zeros((3, 24, 30), dtype=bool)
    mask[1, 2:19, 4:25] = rng.random((17, 21)) < density
    image = rng.normal(200, 60, mask.shape).round()
    paths = []
    for name, array in (("image", image), ("mask", mask.astype(np.uint8))):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing((0.7, 1.3, 5.0))
        paths.append(tmp_path / f"{name}.nrrd")
        sitk.WriteImage(volume, str(paths[-1]))
    classes = ["shape2D", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"]
    theirs = pyradiomics_oracle(*paths, {"settings": FORCE_2D, "classes": classes, "deprecated": True})
    keys = _keys() + all_keys("t1", "tumour", "fbw25", "pyradiomics", "2.5d_average")
    keys = [key for key in keys if key.family != "morphology"]
    ours = extract({"t1": image}, {"tumour": mask}, (5.0, 1.3, 0.7), keys)
    assert not ours.missing
    named = {DEFINITIONS[key.family, key.name].pyradiomics_name: ours.values[str(key)] for key in keys}
    assert set(named) == set(theirs["features"])
    for name, value in named.items():
        assert value == pytest.approx(theirs["features"][name], rel=1e-6), name
