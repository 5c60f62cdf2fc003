"""Regions that follow from an outline: rings in the breast, enhancing parts, habitats, the other breast."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from breast_support import array, chest, coordinates, image_of
from virtualbiopsy.case.arrays import mask_image
from virtualbiopsy.errors import EmptyRegionError, OutsideBreastError, RegionError
from virtualbiopsy.regions.contralateral import contralateral, mirror_of
from virtualbiopsy.regions.derive import region_mask, ring, ring_width
from virtualbiopsy.regions.habitats import habitats
from virtualbiopsy.regions.multi import LEAST_VOXELS, Setting, mirrored_box, optional, region_masks

SHAPE = (24, 26, 28)


@pytest.fixture(scope="module")
def scene():
    """A ball with a dark core, maps, and a breast that ends 3 mm beside the ball."""
    grid = image_of(np.zeros(SHAPE, dtype=np.uint8), (1.0, 1.0, 1.5), (-14.0, -13.0, -18.0))
    x, y, z = coordinates(grid)
    distance = np.sqrt(x**2 + y**2 + z**2)
    rng = np.random.default_rng(0)
    pe = np.where(distance < 4.0, 30.0, 150.0) + rng.normal(0, 5, SHAPE)
    images = {
        "pe": pe,
        "ser": 1.0 + 0.001 * pe,
        "adc": np.where(x > 0, 900.0, 1500.0) + rng.normal(0, 20, SHAPE),
    }
    return Setting(grid, images, x < 11.0), distance <= 8.0


def test_rings_stay_inside_the_breast(scene):
    setting, tumour = scene
    found, absent = region_masks(("ring5", "with_ring5", "largest_slice"), tumour, setting)
    free = array(ring(mask_image(tumour, setting.grid), 5.0))
    assert not absent and (free & ~setting.limit).any()
    assert np.array_equal(found["ring5"], free & setting.limit)
    assert np.array_equal(found["with_ring5"], found["ring5"] | tumour)
    assert np.array_equal(found["tumour"], tumour)
    unlimited, _ = region_masks(("ring5",), tumour, Setting(setting.grid))
    assert np.array_equal(unlimited["ring5"], free)


def test_a_lesion_with_its_ring_has_the_width_of_the_ring():
    assert ring_width("with_ring7.5") == 7.5 and ring_width("ring5") == 5.0 and ring_width("tumour") == 0.0
    inside = np.zeros((30, 30, 30), dtype=bool)
    inside[12:18, 12:18, 12:18] = True
    mask = image_of(inside, (1, 1, 1))
    assert np.array_equal(array(region_mask("with_ring3", mask)), inside | array(ring(mask, 3.0)))


def test_enhancing_parts_divide_the_lesion_by_the_threshold_in_the_name(scene):
    setting, tumour = scene
    names = ("enhancing", "nonenhancing", "enhancing145", "nonenhancing145")
    found, absent = region_masks(names, tumour, setting)
    assert not absent
    for end, threshold in (("", 70.0), ("145", 145.0)):
        bright = setting.images["pe"] >= threshold
        assert np.array_equal(found["enhancing" + end], tumour & bright)
        assert np.array_equal(found["nonenhancing" + end], tumour & ~bright)


def test_habitats_are_those_of_the_outline(scene):
    setting, tumour = scene
    names = ("habitat1", "habitat2", "habitat9", "habitat3of3_adc_pe", "habitat1of2_pe")
    found, absent = region_masks(names, tumour, setting)
    whole = habitats(setting.images, tumour)
    assert np.array_equal(found["habitat1"], whole.labels == 1)
    assert np.array_equal(found["habitat2"], whole.labels == 2)
    three = habitats(setting.images, tumour, ("adc", "pe"), 3)
    assert np.array_equal(found["habitat3of3_adc_pe"], three.labels == 3)
    assert np.array_equal(found["habitat1of2_pe"], habitats(setting.images, tumour, ("pe",), 2).labels == 1)
    assert set(absent) == {"habitat9"} and "fewer than 9 habitats" in absent["habitat9"]


def test_absent_parts_say_why_and_leave_the_others(scene):
    setting, tumour = scene
    bare = Setting(setting.grid, {"adc": setting.images["adc"]})
    found, absent = region_masks(("ring5", "enhancing", "habitat1", "contralateral"), tumour, bare)
    assert set(found) == {"tumour", "ring5"}
    assert "percent enhancement" in absent["enhancing"] and "no pe, ser" in absent["habitat1"]
    assert "no breast mask" in absent["contralateral"]
    bright = Setting(setting.grid, {"pe": np.full(SHAPE, 150.0)})
    bright.images["pe"][12, 12, :3] = 0.0
    few = region_masks(("nonenhancing",), tumour, bright)[1]
    assert f"fewer than {LEAST_VOXELS}" in few["nonenhancing"]
    assert optional("nonenhancing") and optional("habitat2of3") and optional("contralateral")
    assert not optional("ring5") and not optional("tumour") and not optional("habitat")


def test_outlines_that_cannot_be_used_are_refused(scene):
    setting, tumour = scene
    with pytest.raises(OutsideBreastError):
        region_masks(("tumour",), np.roll(tumour, 14, axis=2) & ~setting.limit, setting)
    with pytest.raises(RegionError, match="no region called 'halo'"):
        region_masks(("halo",), tumour, setting)
    with pytest.raises(EmptyRegionError):
        region_masks(("ring5",), tumour, Setting(setting.grid, {}, tumour))
    with pytest.raises(EmptyRegionError):
        region_masks(("largest_slice",), np.zeros(SHAPE, dtype=bool), setting)


@pytest.fixture(scope="module")
def breasts():
    found = chest(spacing=4.0)
    return found.image, mask_image(found.breast, found.image)


def test_the_other_breast_is_the_mirror_image(breasts):
    image, mask = breasts
    mirror = mirror_of(mask)
    assert mirror.left[0] == pytest.approx(80.0, abs=3) and mirror.right[0] == pytest.approx(-80.0, abs=3)
    x, y, z = coordinates(image)
    for sign in (1, -1):
        lesion = (x - sign * 95) ** 2 + (y + 20) ** 2 + (z - 14) ** 2 <= 14**2
        expected = (x + sign * 95) ** 2 + (y + 20) ** 2 + (z - 14) ** 2 <= 14**2
        found = array(contralateral(mask_image(lesion, image), mirror, mask))
        assert np.array_equal(found, expected)
    same = mirror.transform("left").TransformPoint(mirror.right)
    assert same == pytest.approx(mirror.left)


def test_uneven_breasts_are_matched_by_their_centres(breasts):
    image, mask = breasts
    both = array(mask)
    x = coordinates(image)[0]
    # The right breast lies 12 mm higher and 8 mm further back.
    moved = np.where(x < 0, np.roll(np.roll(both, 3, axis=0), 2, axis=1), both)
    mirror = mirror_of(mask_image(moved, image))
    assert np.subtract(mirror.right, mirror.left)[1:] == pytest.approx([8.0, 12.0], abs=2.0)
    for side, here, there in (("left", mirror.left, mirror.right), ("right", mirror.right, mirror.left)):
        point = tuple(c + d for c, d in zip(there, (5.0, 6.0, 7.0), strict=True))
        expected = [here[0] - 5.0, here[1] + 6.0, here[2] + 7.0]
        assert mirror.transform(side).TransformPoint(point) == pytest.approx(expected)


def test_one_breast_has_no_contralateral_reference(breasts):
    image, mask = breasts
    x = coordinates(image)[0]
    with pytest.raises(RegionError, match="One breast is imaged"):
        mirror_of(mask_image(array(mask) & (x > 0), image))
    outside = (np.abs(x - 155) < 6) & (np.abs(coordinates(image)[1] - 50) < 8)
    with pytest.raises(EmptyRegionError, match="other breast"):
        contralateral(mask_image(outside, image), mirror_of(mask), mask)


def test_the_mirrored_box_holds_the_mirrored_lesion(breasts):
    image, mask = breasts
    mirror = mirror_of(mask)
    x, y, z = coordinates(image)
    lesion = (x - 70) ** 2 + (y + 30) ** 2 + (z + 22) ** 2 <= 12**2
    where = np.argwhere(lesion)
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(where.min(0), where.max(0), strict=True))
    other = array(contralateral(mask_image(lesion, image), mirror))
    there = mirrored_box(box, image, mirror)
    assert other.any() and np.count_nonzero(other[there]) == np.count_nonzero(other)
    assert max(s.stop - s.start for s in there) <= max(s.stop - s.start for s in box) + 4
    setting = Setting(image, {}, array(mask), mirror)
    found, _ = region_masks(("contralateral",), lesion, setting)
    assert np.array_equal(found["contralateral"], other & array(mask))
    assert sitk.GetArrayViewFromImage(mask)[found["contralateral"]].all()
