"""The B-spline of the engines' preparation is ITK's."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.engines import chain
from virtualbiopsy.engines.protocol import ExtractionSettings
from virtualbiopsy.engines.spline import spline_on_grid

GRIDS = [
    ((25, 40, 50), (5.0, 0.9, 0.9), (1.0, 1.0, 1.0)),
    ((1, 9, 30), (5.0, 1.0, 1.0), (5.0, 0.7, 1.3)),
    ((3, 4, 25), (2.0, 2.0, 2.0), (0.6, 0.9, 3.1)),
    ((20, 30, 40), (3.0, 1.0, 1.0), (3.0, 0.5, 0.5)),
]


@pytest.mark.parametrize(("size", "old", "new"), GRIDS)
def test_values_are_those_of_itk(size, old, new):
    values = np.random.default_rng(3).normal(500, 200, size)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(old[::-1])
    count = [int(np.ceil(n * a / b)) + 2 for n, a, b in zip(size, old, new, strict=True)]
    start = [0.5 * (b - a) / a for a, b in zip(old, new, strict=True)]
    origin = image.TransformContinuousIndexToPhysicalPoint(start[::-1])
    direction = image.GetDirection()
    expected = sitk.Resample(
        image, count[::-1], sitk.Transform(), sitk.sitkBSpline, origin, new[::-1], direction, 0.0
    )
    places = [s + b / a * np.arange(n) for s, a, b, n in zip(start, old, new, count, strict=True)]
    found = spline_on_grid(values, places)
    assert np.allclose(found, sitk.GetArrayFromImage(expected), 0, 1e-9)
    assert (found == 0).any() and found.std() > 50


@pytest.mark.parametrize("kind", [sitk.sitkFloat32, sitk.sitkInt16, sitk.sitkUInt8])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 1.7, 0.8)])
def test_preparation_keeps_itk_s_pixels(kind, spacing, monkeypatch):
    """Bit for bit; where voxel centres coincide (3 mm to 1 mm) rounding decides about whole numbers."""
    rng = np.random.default_rng(4)
    image = sitk.Cast(sitk.GetImageFromArray(rng.normal(120, 30, (12, 30, 33)).round()), kind)
    image.SetSpacing((1.0, 1.0, 3.0))
    image.SetOrigin((-7.0, 31.5, 2.25))
    mask = np.zeros((12, 30, 33), dtype=np.uint8)
    mask[3:9, 6:20, 9:26] = 1
    mask = sitk.GetImageFromArray(mask)
    mask.CopyInformation(image)
    settings = ExtractionSettings(spacing=spacing)
    found = chain.prepare(image, mask, settings)
    monkeypatch.setattr(chain, "_splined", lambda *_: None)
    expected = chain.prepare(image, mask, settings)
    assert found.image.GetPixelID() == kind
    assert np.array_equal(found.values, expected.values)
    assert np.array_equal(found.mask, expected.mask)
    assert np.allclose(found.image.GetOrigin(), expected.image.GetOrigin(), 0, 1e-12)
    assert found.image.GetSpacing() == expected.image.GetSpacing()
