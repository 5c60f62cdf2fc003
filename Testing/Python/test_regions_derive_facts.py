"""Regions and their facts against closed forms."""

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.errors import DimensionError, EmptyRegionError, GeometryError, RegionError
from virtualbiopsy.regions.derive import largest_slice, region_mask, ring
from virtualbiopsy.regions.facts import region_facts

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.5).GetMatrix()
SAGITTAL = (0, 0, -1, 1, 0, 0, 0, -1, 0)


def image_of(inside, spacing=(1.0, 1.0, 1.0), direction=None, origin=(10.0, -20.0, 30.0)):
    """uint8 image from a boolean (k, j, i) array; spacing along (x, y, z)."""
    image = sitk.GetImageFromArray(np.asarray(inside, dtype=np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(direction)
    return image


def ball(radius, spacing=(1.0, 1.0, 1.0), margin=12.0, direction=None):
    """Ball of `radius` mm in the middle of an image with `margin` mm around it."""
    sizes = [2 * int(np.ceil((radius + margin) / s)) + 1 for s in spacing]
    axes = [(np.arange(n) - n // 2) * s for n, s in zip(sizes, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return image_of((x**2 + y**2 + z**2 <= radius**2).transpose(2, 1, 0), spacing, direction)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 2.0), (1.2, 0.7, 0.9)])
@pytest.mark.parametrize("direction", [None, OBLIQUE, SAGITTAL])
def test_ball(spacing, direction):
    mask = ball(15.0, spacing, direction=direction)
    facts = region_facts(mask)
    assert facts.volume_ml == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.02)
    assert facts.voxels * np.prod(spacing) / 1000 == pytest.approx(facts.volume_ml, rel=1e-12)
    assert facts.diameter_mm == pytest.approx(30, abs=max(spacing))
    assert facts.axial_diameter_mm == pytest.approx(30, abs=max(spacing))
    assert facts.components == 1 and not facts.touches_border
    for ends, length in (
        (facts.diameter_ends, facts.diameter_mm),
        (facts.axial_diameter_ends, facts.axial_diameter_mm),
    ):
        a, b = np.array(ends)
        assert np.linalg.norm(a - b) == pytest.approx(length, rel=1e-9)
        centre = mask.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in mask.GetSize()])
        assert np.linalg.norm((a + b) / 2 - centre) < max(spacing)


def test_diameter_equals_brute_force_over_all_mesh_points():
    rng = np.random.default_rng(3)
    inside = rng.random((6, 7, 8)) > 0.8
    mask = image_of(inside, (0.7, 1.1, 2.3), OBLIQUE)
    points = []
    padded = np.pad(inside, 1)
    for k, j, i in np.argwhere(padded):
        for axis in range(3):
            for step in (-1, 1):
                other = [k, j, i]
                other[axis] += step
                if not padded[tuple(other)]:
                    point = np.array([k, j, i], float) - 1
                    point[axis] += step / 2
                    points.append(mask.TransformContinuousIndexToPhysicalPoint(point[::-1].tolist()))
    points = np.array(points)
    longest = np.linalg.norm(points[:, None] - points[None], axis=-1).max()
    assert region_facts(mask).diameter_mm == pytest.approx(longest, rel=1e-9)


def test_one_voxel():
    inside = np.zeros((5, 5, 5), bool)
    inside[2, 2, 2] = True
    facts = region_facts(image_of(inside, (1.0, 2.0, 3.0)))
    assert (facts.voxels, facts.slices, facts.components) == (1, 1, 1)
    assert facts.volume_ml == pytest.approx(0.006)
    assert facts.diameter_mm == pytest.approx(3.0)
    assert facts.axial_diameter_mm == pytest.approx(2.0)


def test_axial_slice_follows_the_patient_and_not_the_array():
    inside = np.zeros((20, 20, 20), bool)
    inside[5:8, 4:12, 3:9] = True  # 3 along k, 8 along j, 6 along i
    assert region_facts(image_of(inside)).slices == 3
    # SAGITTAL: column 1 (the j axis) points along -z.
    assert region_facts(image_of(inside, direction=SAGITTAL)).slices == 8
    only = sitk.GetArrayFromImage(largest_slice(image_of(inside, direction=SAGITTAL)))
    assert np.unique(np.argwhere(only)[:, 1]).size == 1 and only.sum() == 3 * 6


def test_parts_and_border():
    inside = np.zeros((10, 10, 10), bool)
    inside[1, 1, 1] = inside[2, 2, 2] = True
    assert region_facts(image_of(inside)).components == 1
    inside[8, 8, 8] = True
    facts = region_facts(image_of(inside))
    assert facts.components == 2 and not facts.touches_border
    inside[9, 8, 8] = True
    assert region_facts(image_of(inside)).touches_border


def test_largest_slice_takes_the_middle_one_of_equal_slices():
    inside = np.zeros((11, 9, 9), bool)
    inside[3:8, 2:6, 2:6] = True
    only = sitk.GetArrayFromImage(largest_slice(image_of(inside)))
    assert np.flatnonzero(only.any(axis=(1, 2))).tolist() == [5]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.6, 0.6, 1.5), (1.0, 1.0, 3.0)])
@pytest.mark.parametrize("width", [3.0, 5.0, 8.0])
def test_ring_volume(spacing, width):
    mask = ball(12.0, spacing)
    around = sitk.GetArrayFromImage(ring(mask, width))
    volume = around.sum() * np.prod(spacing)
    expected = 4 / 3 * np.pi * ((12 + width) ** 3 - 12**3)
    # Around a staircase the union of reaches is a little larger than around the smooth ball.
    assert volume == pytest.approx(expected, rel=0.05 if spacing == (1.0, 1.0, 1.0) else 0.12)
    assert not (around & sitk.GetArrayFromImage(mask)).any()


def test_ring_around_a_slab_has_exactly_its_layers():
    inside = np.zeros((30, 8, 8), bool)
    inside[12:15] = True
    for thickness, layers in ((1.0, 5), (2.0, 3), (3.0, 2), (5.0, 1)):
        got = sitk.GetArrayFromImage(ring(image_of(inside, (1.0, 1.0, thickness)), 5.0))
        assert np.flatnonzero(got.any(axis=(1, 2))).size == 2 * layers
        assert got[11].all()


def test_ring_within_a_limit():
    mask = ball(6.0)
    limit = sitk.GetArrayFromImage(mask) * 0
    limit[: limit.shape[0] // 2] = 1
    within = image_of(limit)
    limited = sitk.GetArrayFromImage(ring(mask, 4.0, within))
    free = sitk.GetArrayFromImage(ring(mask, 4.0))
    np.testing.assert_array_equal(limited, free * limit)
    with pytest.raises(EmptyRegionError):
        ring(mask, 4.0, image_of(limit * 0))
    with pytest.raises(GeometryError):
        ring(mask, 4.0, image_of(limit[:-1]))


def test_region_by_name():
    mask = ball(6.0)
    assert sitk.Hash(region_mask("tumour", mask * 3)) == sitk.Hash(mask)
    assert sitk.Hash(region_mask("largest_slice", mask)) == sitk.Hash(largest_slice(mask))
    assert sitk.Hash(region_mask("ring5", mask)) == sitk.Hash(ring(mask, 5.0))
    assert sitk.Hash(region_mask("ring2.5", mask)) == sitk.Hash(ring(mask, 2.5))
    for name in ("ring", "ring0", "ring-3", "oedema", ""):
        with pytest.raises(RegionError):
            region_mask(name, mask)


def test_empty_and_flat_masks_are_refused():
    empty = image_of(np.zeros((4, 4, 4), bool))
    for function in (region_facts, largest_slice, lambda m: ring(m, 5.0), lambda m: region_mask("tumour", m)):
        with pytest.raises(EmptyRegionError):
            function(empty)
    full = image_of(np.ones((4, 4, 4), bool))
    with pytest.raises(EmptyRegionError):
        ring(full, 5.0)
    with pytest.raises(DimensionError):
        region_facts(sitk.Image(4, 4, sitk.sitkUInt8))
