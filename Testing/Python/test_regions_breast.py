"""The breast mask against breasts of known shape."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from breast_support import AXIAL, SAGITTAL, array, chest, coordinates, dice, image_of
from virtualbiopsy.errors import ConstantImageError, EmptyRegionError, RegionError
from virtualbiopsy.regions.breast import breast_mask, breast_sides

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.1, -0.08, 0.12).GetMatrix()


@pytest.fixture(scope="module")
def both():
    found = chest()
    return found, breast_mask(found.image)


def test_both_breasts_are_found(both):
    found, mask = both
    assert mask.GetPixelID() == sitk.sitkUInt8 and set(np.unique(sitk.GetArrayFromImage(mask))) == {0, 1}
    inside = array(mask)
    assert np.count_nonzero(inside & found.breast) > 0.97 * np.count_nonzero(found.breast)
    # What is too much is fat before the pectoral muscle beside the breasts; 20 mm behind the skin it ends.
    _, y, _ = coordinates(found.image)
    x = np.abs(coordinates(found.image)[0])
    thorax = 230.0 - np.sqrt(np.maximum(230.0**2 - np.minimum(x, 150.0) ** 2, 0))
    assert not (inside & (y > thorax + 20.0)).any()
    assert not (inside & (y < thorax - 75.0)).any()


def test_the_sides_are_the_patients(both):
    found, mask = both
    sides = breast_sides(mask)
    assert set(sides) == {"left", "right"}
    x = coordinates(found.image)[0]
    for name, sign in (("left", 1), ("right", -1)):
        inside = array(sides[name])
        assert (sign * x[inside] > -15.0).all()
        share = np.count_nonzero(inside & found.sides[name]) / np.count_nonzero(found.sides[name])
        assert share > 0.97
    assert np.array_equal(array(sides["left"]) | array(sides["right"]), array(mask))
    assert not (array(sides["left"]) & array(sides["right"])).any()


@pytest.mark.parametrize("direction", [AXIAL, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("side", ["left", "right"])
def test_one_breast_in_any_orientation_of_the_slices(side, direction):
    found = chest((side,), direction=AXIAL if direction is OBLIQUE else direction, seed=1)
    image = found.image
    if direction is OBLIQUE:
        image.SetDirection(direction)
    inside = array(breast_mask(image))
    assert np.count_nonzero(inside & found.breast) > 0.9 * np.count_nonzero(found.breast)
    assert np.count_nonzero(inside) < 1.9 * np.count_nonzero(found.breast)
    assert set(breast_sides(breast_mask(image))) == {side}


@pytest.mark.parametrize("masked", [False, True])
def test_suppressed_fat_belongs_to_the_breast(masked):
    """Fat hardly brighter than air, one breast full of enhancing gland: Otsu sees that one only."""
    found = chest(fat=35.0, seed=3)
    x, y, z = coordinates(found.image)
    values = sitk.GetArrayFromImage(found.image)
    values[found.sides["left"] & (y > -50) & ((x // 6 + z // 6) % 3 > 0)] += 400.0
    if masked:
        values[values < 18.0] = 0.0
    image = like(values, found.image)
    inside = array(breast_mask(image))
    assert np.count_nonzero(inside & found.breast) > 0.97 * np.count_nonzero(found.breast)
    assert set(breast_sides(breast_mask(image))) == {"left", "right"}


def like(values: np.ndarray, image: sitk.Image) -> sitk.Image:
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result


def test_it_does_not_depend_on_scale_and_offset(both):
    found, mask = both
    changed = sitk.Cast(found.image, sitk.sitkFloat64) * 7.5 + 300.0
    assert dice(array(breast_mask(changed)), array(mask)) > 0.999


def test_images_without_a_breast_say_so():
    with pytest.raises(ConstantImageError):
        breast_mask(image_of(np.ones((12, 12, 12), dtype=np.float32)))
    speck = np.zeros((30, 30, 30), dtype=np.float32)
    speck[15:17, 15:17, 15:17] = 100.0
    with pytest.raises(RegionError, match="No breast was found"):
        breast_mask(image_of(speck))
    with pytest.raises(EmptyRegionError):
        breast_sides(image_of(np.zeros((5, 5, 5), dtype=bool)))
