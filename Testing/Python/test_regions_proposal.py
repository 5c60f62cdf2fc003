"""A lesion proposed from one click, against lesions of known shape."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from breast_support import SAGITTAL, array, coordinates, dice, enhancement, image_of
from virtualbiopsy.errors import Cancelled, DimensionError, GeometryError, RegionError
from virtualbiopsy.progress import CancelToken
from virtualbiopsy.regions.proposal import propose

CENTRE = (0.0, 0.0, 0.0)


@pytest.mark.parametrize("radius", [6.0, 12.0, 20.0])
@pytest.mark.parametrize("spacing", [(1.5, 1.0, 2.0), (0.7, 0.7, 2.5)])
def test_a_blurred_ball_is_found_with_its_volume(radius, spacing):
    pe, ball = enhancement(radius, spacing=spacing)
    found = propose(pe, CENTRE)
    # The middle between lesion and background is the surface of a blurred ball up to sd²/radius.
    assert dice(array(found.mask), ball) > 0.93
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.12)
    assert found.threshold == pytest.approx((found.level + found.background) / 2)
    assert found.level == pytest.approx(200, rel=0.05) and found.background == pytest.approx(20, abs=2)
    assert not found.touches_limit and "leakage" not in found.note


def test_where_inside_the_lesion_is_clicked_hardly_matters():
    pe, ball = enhancement(14.0)
    masks = [array(propose(pe, point).mask) for point in (CENTRE, (8, 3, -4), (-5, -8, 5), (0, 11, 0))]
    assert min(dice(mask, ball) for mask in masks) > 0.94
    assert min(dice(mask, masks[0]) for mask in masks) > 0.97


def test_dark_cores_belong_to_the_lesion_even_with_a_gap_in_the_rim():
    pe, ball = enhancement(15.0, core=9.0)
    found = propose(pe, (12.0, 0.0, 0.0))
    assert dice(array(found.mask), ball) > 0.94
    x, y, z = coordinates(pe)
    values = sitk.GetArrayFromImage(pe)
    values[(np.abs(y) <= 1.5) & (np.abs(z) <= 1.5) & (x < 0)] = 20.0
    gap = image_of(values, pe.GetSpacing(), pe.GetOrigin(), pe.GetDirection())
    assert dice(array(propose(gap, (12.0, 0.0, 0.0)).mask), ball) > 0.93


def test_vessels_are_cut_off_and_other_lesions_left_alone():
    pe, ball = enhancement(10.0, vessel=True, second=(0.0, 28.0, 0.0), noise=3.0, sd=0.5)
    found = array(propose(pe, CENTRE).mask)
    x, y, _ = coordinates(pe)
    assert not found[x > 15].any() and not found[y > 16].any()
    assert dice(found, ball) > 0.93
    # The click decides which one.
    other = array(propose(pe, (0.0, 28.0, 0.0)).mask)
    assert not (other & found).any() and other[np.abs(y - 28) < 3].any()


def test_enhancing_parenchyma_around_the_lesion_is_left_out():
    pe, ball = enhancement(9.0, level=200.0, background=0.0, sd=1.5)
    x, y, z = coordinates(pe)
    gland = (np.abs(x) < 30) & (np.abs(y) < 14) & (np.abs(z) < 10) & ~ball
    around = image_of(np.where(gland, 112.0, 0.0), pe.GetSpacing(), pe.GetOrigin())
    both = sitk.Maximum(pe, sitk.Cast(sitk.SmoothingRecursiveGaussian(around, 1.0), sitk.sitkFloat32))
    found = propose(both, CENTRE)
    # The middle between lesion and fat, 100 %, would take the parenchyma too.
    assert np.count_nonzero(array(propose(both, CENTRE, threshold=100.0).mask)) > 3 * np.count_nonzero(ball)
    # Towards fat this threshold lies inside the blurred surface: a lesion in parenchyma comes out too small.
    assert dice(array(found.mask), ball) > 0.7 and (array(found.mask) & ~ball).mean() < 0.02 * ball.mean()
    assert found.background == pytest.approx(112, abs=12) and found.threshold > 140


def test_the_breast_limits_the_lesion():
    pe, ball = enhancement(12.0)
    x, _, _ = coordinates(pe)
    # What lies behind a gap in the breast is not connected with the click.
    breast = image_of((x < 4.0) | (x > 9.0), pe.GetSpacing(), pe.GetOrigin())
    found = array(propose(pe, (-3.0, 0.0, 0.0), breast).mask)
    assert not found[x >= 4.0].any()
    assert dice(found, ball & (x < 4.0)) > 0.93
    with pytest.raises(GeometryError, match="outside the breast"):
        propose(pe, (6.0, 0.0, 0.0), breast)
    with pytest.raises(GeometryError, match="another grid"):
        propose(pe, CENTRE, breast[1:])


def test_a_given_threshold_is_used_and_a_leak_is_said():
    pe, _ = enhancement(12.0)
    low, high = propose(pe, CENTRE, threshold=60.0), propose(pe, CENTRE, threshold=150.0)
    assert low.threshold == 60.0 and low.volume_ml > propose(pe, CENTRE).volume_ml > high.volume_ml
    leak = propose(pe, CENTRE, threshold=10.0)
    assert leak.touches_limit and "leakage" in leak.note


def test_the_orientation_of_the_slices_does_not_matter():
    a, ball = enhancement(12.0, noise=0.0, spacing=(1.0, 1.0, 1.0))
    b, _ = enhancement(12.0, noise=0.0, spacing=(1.0, 1.0, 1.0), direction=SAGITTAL)
    first, second = propose(a, (3.0, 2.0, 1.0)), propose(b, (3.0, 2.0, 1.0))
    there = sitk.Resample(
        second.mask, first.mask, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor
    )
    assert array(first.mask).any() and np.array_equal(array(first.mask), array(there))
    assert second.mask.GetDirection() == b.GetDirection()


def test_what_cannot_be_proposed_says_why():
    pe, _ = enhancement(12.0)
    with pytest.raises(GeometryError, match="outside the enhancement map"):
        propose(pe, (300.0, 0.0, 0.0))
    with pytest.raises(RegionError, match="Nothing enhances here"):
        propose(pe, (35.0, 0.0, 0.0))
    with pytest.raises(RegionError, match="500 % or more"):
        propose(pe, CENTRE, threshold=500.0)
    with pytest.raises(DimensionError):
        propose(sitk.Compose(pe, pe), CENTRE)
    flat = image_of(np.zeros((10, 10, 10), dtype=np.float32))
    with pytest.raises(RegionError, match="Nothing enhances"):
        propose(flat, (9.0, 9.0, 9.0))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        propose(pe, CENTRE, progress=token.watch())


def test_voxels_without_a_value_are_not_lesion():
    pe, _ = enhancement(12.0)
    values = sitk.GetArrayFromImage(pe)
    values[:, :, :10] = np.nan
    values[:, -5:] = np.inf
    found = propose(image_of(values, pe.GetSpacing(), pe.GetOrigin()), CENTRE)
    assert dice(array(found.mask), array(propose(pe, CENTRE).mask)) > 0.99
