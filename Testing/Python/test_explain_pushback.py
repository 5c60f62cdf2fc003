"""Level 3: maps on a sequence's own grid keep their sum, and lie where the map lies in space."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oblique_grid
from virtualbiopsy.errors import DimensionError
from virtualbiopsy.explain.pushback import OUTSIDE, pushback


def map_on(grid: sitk.Image, seed: int = 0) -> sitk.Image:
    """Amounts of both signs in a ball, zero around it."""
    shape = grid.GetSize()[::-1]
    at = np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2
    inside = (at**2).sum(axis=0) <= (min(shape) / 2 - 1) ** 2
    image = sitk.GetImageFromArray(
        np.where(inside, np.random.default_rng(seed).normal(0.01, 0.1, shape), 0.0)
    )
    image.CopyInformation(grid)
    return image


def total(image: sitk.Image) -> float:
    return float(sitk.GetArrayViewFromImage(image).sum())


def centre(image: sitk.Image) -> np.ndarray:
    """Centre of the absolute amounts in space."""
    array = np.abs(sitk.GetArrayFromImage(image))
    at = np.argwhere(array > 0)
    mean = np.average(at, axis=0, weights=array[array > 0])
    return np.array(image.TransformContinuousIndexToPhysicalPoint(mean[::-1].tolist()))


def around(grid: sitk.Image, shape, spacing, angles, shift=(0.0, 0.0, 0.0)) -> sitk.Image:
    """A rotated grid with the same middle, but for a shift in mm."""
    made = oblique_grid(shape, spacing, angles)
    middles = [
        np.array(one.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in one.GetSize()]))
        for one in (grid, made)
    ]
    made.SetOrigin((np.array(made.GetOrigin()) + middles[0] - middles[1] + shift).tolist())
    return made


@settings(max_examples=20, deadline=None)
@given(
    spacing=st.tuples(*[st.floats(0.4, 5.0)] * 3),
    angles=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    turn=st.tuples(*[st.floats(-0.3, 0.3)] * 3),
    shift=st.tuples(*[st.floats(-15.0, 15.0)] * 3),
    seed=st.integers(0, 100),
)
def test_the_sum_is_conserved_on_any_grid_even_where_it_cuts_the_map(spacing, angles, turn, shift, seed):
    grid = oblique_grid((12, 14, 13), (1.0, 1.0, 1.0))
    source = map_on(grid, seed)
    target = around(grid, (9, 20, 18), spacing, angles, shift)
    found = pushback(source, sitk.Euler3DTransform((0, 0, 0), *turn, (1.0, -2.0, 0.5)), target)
    scale = float(np.abs(sitk.GetArrayViewFromImage(source)).sum())
    assert abs(total(found) - total(source)) <= 1e-12 * scale
    assert found.GetSize() == target.GetSize()
    assert found.GetOrigin() == target.GetOrigin()
    assert found.GetSpacing() == target.GetSpacing()
    assert found.GetDirection() == target.GetDirection()
    assert 0.0 <= float(found.GetMetaData(OUTSIDE)) <= 1.0


def test_the_same_grid_gives_the_same_map():
    grid = oblique_grid((8, 9, 10), (2.0, 1.0, 1.5))
    source = map_on(grid)
    found = pushback(source, sitk.Transform(), grid)
    assert np.abs(sitk.GetArrayFromImage(found) - sitk.GetArrayFromImage(source)).max() <= 1e-15
    assert float(found.GetMetaData(OUTSIDE)) == 0.0


def test_finer_and_coarser_voxels_that_fit_share_by_volume():
    fine = oblique_grid((8, 12, 12), (1.0, 1.0, 1.0))
    amounts = sitk.GetArrayFromImage(map_on(fine))
    coarse = oblique_grid((4, 6, 6), (2.0, 2.0, 2.0))
    coarse.SetOrigin(fine.TransformContinuousIndexToPhysicalPoint((0.5, 0.5, 0.5)))
    summed = amounts.reshape(4, 2, 6, 2, 6, 2).sum(axis=(1, 3, 5))
    down = pushback(map_on(fine), sitk.Transform(), coarse)
    assert np.abs(sitk.GetArrayFromImage(down) - summed).max() <= 1e-14
    up = pushback(down, sitk.Transform(), fine)
    expected = summed.repeat(2, 0).repeat(2, 1).repeat(2, 2) / 8
    assert np.abs(sitk.GetArrayFromImage(up) - expected).max() <= 1e-14


@pytest.mark.parametrize(("angles", "tolerance"), [((0.0, 0.0, 0.0), 1e-12), ((0.3, -0.2, 0.4), 0.05)])
def test_an_even_map_stays_even_on_voxels_that_do_not_fit(angles, tolerance):
    grid = oblique_grid((16, 16, 16), (1.2, 1.2, 1.2), (0.0, 0.0, 0.0))
    source = sitk.GetImageFromArray(np.ones((16, 16, 16)))
    source.CopyInformation(grid)
    target = around(grid, (6, 10, 10), (1.5, 1.0, 0.7), angles)
    inner = sitk.GetArrayFromImage(pushback(source, sitk.Transform(), target))[1:-1, 1:-1, 1:-1]
    assert np.abs(inner / (1.5 * 1.0 * 0.7 / 1.2**3) - 1).max() <= tolerance


def test_a_shift_by_a_part_of_a_voxel_shares_by_overlap():
    grid = oblique_grid((1, 1, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    source = sitk.GetImageFromArray(np.array([[[0.0, 8.0, 0.0, 0.0]]]))
    source.CopyInformation(grid)
    found = pushback(source, sitk.TranslationTransform(3, (0.25, 0.0, 0.0)), grid)
    assert sitk.GetArrayFromImage(found).ravel().tolist() == [0.0, 6.0, 2.0, 0.0]


def test_the_map_stays_where_it_is_in_space():
    grid = oblique_grid((14, 14, 14), (1.0, 1.0, 1.0))
    source = sitk.Abs(map_on(grid))
    target = around(grid, (12, 40, 40), (3.0, 0.7, 0.7), (-0.2, 0.4, 0.1))
    turn = sitk.Euler3DTransform(centre(source).tolist(), 0.1, -0.2, 0.15, (2.0, -1.0, 3.0))
    found = pushback(source, turn, target)
    assert float(found.GetMetaData(OUTSIDE)) == 0.0
    expected = np.array(turn.TransformPoint(centre(source).tolist()))
    assert np.linalg.norm(centre(found) - expected) <= 0.05


def test_what_falls_outside_goes_to_the_nearest_voxel_and_is_stated():
    grid = oblique_grid((6, 6, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    source = sitk.GetImageFromArray(np.ones((6, 6, 6)))
    source.CopyInformation(grid)
    target = oblique_grid((4, 6, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    found = pushback(source, sitk.Transform(), target)
    array = sitk.GetArrayFromImage(found)
    assert array[:3] == pytest.approx(1.0, abs=1e-12)
    assert array[3] == pytest.approx(3.0, abs=1e-12)
    assert float(found.GetMetaData(OUTSIDE)) == pytest.approx(2 / 6)


def test_a_transform_that_bends_is_followed():
    grid = oblique_grid((6, 6, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    source = map_on(grid)
    field = sitk.Image(grid.GetSize(), sitk.sitkVectorFloat64, 3)
    field.CopyInformation(grid)
    values = np.zeros((6, 6, 6, 3))
    values[..., 0] = 1.0
    bent = sitk.GetImageFromArray(values, isVector=True)
    bent.CopyInformation(grid)
    found = pushback(source, sitk.DisplacementFieldTransform(bent), grid)
    moved = np.roll(sitk.GetArrayFromImage(source), 1, axis=2)
    assert np.abs(sitk.GetArrayFromImage(found) - moved).max() <= 1e-12


def test_empty_maps_and_wrong_dimensions():
    grid = oblique_grid((3, 3, 3), (1.0, 1.0, 1.0))
    empty = sitk.Image(grid.GetSize(), sitk.sitkFloat64)
    empty.CopyInformation(grid)
    found = pushback(empty, sitk.Transform(), grid)
    assert total(found) == 0.0 and float(found.GetMetaData(OUTSIDE)) == 0.0
    with pytest.raises(DimensionError):
        pushback(empty, sitk.Transform(), sitk.Image((3, 3), sitk.sitkFloat64))
