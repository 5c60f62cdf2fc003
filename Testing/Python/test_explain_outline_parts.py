"""Parts of an outline and of its shell: they cover it, they touch, and they stay where nothing was edited."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from support import synthetic_tumour
from virtualbiopsy.errors import EmptyRegionError, FeatureError, GeometryError
from virtualbiopsy.explain.outline_parts import outline_parts
from virtualbiopsy.regions.derive import ring

SPACINGS = ((1.0, 1.0, 1.0), (3.0, 0.9, 1.1))


def ball(spacing, radius=13.0, margin=6.0, at=(0.3, -0.2, 0.4)) -> np.ndarray:
    half = [int((radius + margin) / s) for s in spacing]
    axes = np.meshgrid(
        *((np.arange(-h, h + 1) + a) * s for h, a, s in zip(half, at, spacing, strict=True)), indexing="ij"
    )
    return sum(axis**2 for axis in axes) <= radius**2


@pytest.mark.parametrize("spacing", SPACINGS)
def test_they_cover_outline_and_shell_and_each_shell_part_lies_on_its_own(spacing):
    tumour = ball(spacing)
    found = outline_parts(tumour, spacing, (7, 3, -2), 24, 3.0)
    labels = found.labels
    assert np.array_equal(labels > 0, tumour)
    image = sitk.GetImageFromArray(tumour.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    assert np.array_equal(labels < 0, sitk.GetArrayFromImage(ring(image, 3.0)) > 0)
    assert np.array_equal(np.unique(labels[tumour]), np.arange(1, found.inside + 1))
    assert 15 <= found.boundary <= 36 and found.shell <= found.boundary < found.inside
    surface = tumour & ~ndimage.binary_erosion(tumour)
    assert labels[surface].max() <= found.boundary
    shell_numbers = -np.unique(labels[labels < 0])
    for number in shell_numbers:
        grown = ndimage.binary_dilation(labels == number)
        assert (grown & (labels == -number)).any()


@pytest.mark.parametrize("spacing", SPACINGS)
def test_an_edit_leaves_the_parts_elsewhere_alone(spacing):
    """A stroke at one pole; the parts of the other half hold the same voxels, whatever their numbers."""
    tumour = ball(spacing)
    axes = np.meshgrid(*(np.arange(n) * s for n, s in zip(tumour.shape, spacing, strict=True)), indexing="ij")
    pole = np.argwhere(tumour)[0] * np.asarray(spacing)
    distance = np.sqrt(sum((axis - p) ** 2 for axis, p in zip(axes, pole, strict=True)))
    before = outline_parts(tumour, spacing, (5, 6, 7), 24, 3.0)
    for edited in (tumour | (distance <= 4), tumour & (distance > 5)):
        after = outline_parts(edited, spacing, (5, 6, 7), 24, 3.0)
        far = distance > 18
        kept = 0
        for number in np.unique(before.labels[far & (before.labels != 0)]):
            voxels = before.labels == number
            if (voxels & ~far).any():
                continue
            (now,) = np.unique(after.labels[voxels])
            assert np.array_equal(after.labels == now, voxels)
            kept += 1
        assert kept > 8


def test_they_are_fixed_to_the_grid_and_not_to_the_window():
    tumour = ball((1.0, 1.0, 1.0))
    first = outline_parts(tumour, (1.0, 1.0, 1.0), (10, 20, 30), 24, 3.0).labels
    window = np.pad(tumour, ((2, 0), (0, 3), (4, 1)))
    second = outline_parts(window, (1.0, 1.0, 1.0), (8, 20, 26), 24, 3.0).labels
    assert np.array_equal(first, second[2:, :-3, 4:-1])
    other = outline_parts(tumour, (1.0, 1.0, 1.0), (13, 20, 30), 24, 3.0).labels
    assert not np.array_equal(first, other)


def test_the_number_of_parts_follows_what_is_asked_for_on_an_irregular_outline():
    shape = synthetic_tumour(shape=(30, 40, 40), radius_mm=14.0)
    counts = [
        outline_parts(shape.masks["tumour"], shape.spacing, (0, 0, 0), parts, 3.0).boundary
        for parts in (6, 12, 24, 48)
    ]
    assert counts == sorted(counts)
    assert all(0.5 <= count / parts <= 1.6 for count, parts in zip(counts, (6, 12, 24, 48), strict=True))


def test_thin_small_and_cut_outlines():
    one = np.zeros((5, 5, 5), dtype=bool)
    one[2, 2, 2] = True
    found = outline_parts(one, (1.0, 1.0, 1.0), (0, 0, 0), 24, 1.0)
    assert (found.inside, found.boundary, found.shell) == (1, 1, 1)
    assert np.count_nonzero(found.labels < 0) == 6
    full = np.ones((6, 6, 6), dtype=bool)
    found = outline_parts(full, (1.0, 1.0, 1.0), (0, 0, 0), 4, 2.0)
    assert found.shell == 0 and found.inside >= found.boundary >= 1
    sheet = np.zeros((3, 20, 20), dtype=bool)
    sheet[0] = True
    found = outline_parts(sheet, (1.0, 1.0, 1.0), (0, 0, 0), 10, 3.0)
    assert found.inside == found.boundary and np.array_equal(found.labels < 0, ~sheet)


def test_what_is_refused():
    tumour = ball((1.0, 1.0, 1.0), radius=4.0)
    for error, arguments in (
        (FeatureError, (tumour, (1.0, 1.0, 1.0), (0, 0, 0), 0, 3.0)),
        (FeatureError, (tumour, (1.0, 1.0, 1.0), (0, 0, 0), 5, 0.0)),
        (GeometryError, (tumour, (1.0, 1.0), (0, 0, 0), 5, 3.0)),
        (EmptyRegionError, (~tumour & tumour, (1.0, 1.0, 1.0), (0, 0, 0), 5, 3.0)),
    ):
        with pytest.raises(error):
            outline_parts(*arguments)
