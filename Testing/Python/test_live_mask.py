"""The outline on the prepared grid while it is edited: the same voxels and errors as from the beginning."""

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.changes import Extent, changed_box
from virtualbiopsy.errors import DimensionError, EmptyRegionError, GeometryError
from virtualbiopsy.prepare.geometry import empty_grid
from virtualbiopsy.prepare.live_mask import LiveMask
from virtualbiopsy.prepare.model import Preparation, PreparedCase
from virtualbiopsy.prepare.prepare import prepare_mask


def prepared_on(grid, rule="linear"):
    return PreparedCase({}, grid, {}, (), Preparation(mask_interpolator=rule))


def image_of(array, like, corner=(0, 0, 0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(like.GetSpacing())
    image.SetDirection(like.GetDirection())
    image.SetOrigin(like.TransformContinuousIndexToPhysicalPoint([float(n) for n in corner[::-1]]))
    return image


def native_grid(rng, size, spacing, tilt=(0.0, 0.0, 0.0)):
    image = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    image.SetSpacing([float(s) for s in spacing])
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), *tilt).GetMatrix())
    image.SetOrigin(rng.uniform(-80, 80, 3).tolist())
    return image


def stroke(rng, array):
    """Paint or erase a ball, or a single voxel."""
    centre = [rng.integers(3, n - 3) for n in array.shape]
    axes = np.ogrid[tuple(slice(0, n) for n in array.shape)]
    radius = rng.choice([0.5, 1.5, 3.0, 5.0])
    ball = sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius**2
    array[ball] = 0 if rng.random() < 0.4 else rng.integers(1, 4)


def outcome(work):
    try:
        return work()
    except (EmptyRegionError, GeometryError, DimensionError) as error:
        return type(error), str(error)


def same_as_full(live, mask, prepared):
    expected = outcome(lambda: sitk.GetArrayFromImage(prepare_mask(mask, prepared)) > 0)
    before = sitk.GetArrayFromImage(live.image()) > 0
    found = outcome(lambda: live.update(mask))
    if isinstance(expected, tuple):
        assert found == expected
        return
    np.testing.assert_array_equal(found.inside, expected)
    assert found.voxels == expected.sum()
    assert found.extent == changed_box(np.zeros_like(expected), expected)
    changed = np.argwhere(before != expected)
    if len(changed):
        low = [side.start for side in found.box]
        high = [side.stop for side in found.box]
        assert (changed >= low).all()
        assert (changed < high).all()


KINDS = {
    "identical": lambda rng: (native_grid(rng, (30, 26, 20), (1, 1, 1)),) * 2,
    "finer": lambda rng: pair_of(rng, (30, 26, 14), (0.9, 0.9, 3.3)),
    "coarser": lambda rng: pair_of(rng, (40, 36, 24), (0.45, 0.5, 0.8)),
    "half": lambda rng: pair_of(rng, (30, 26, 20), (2, 2, 2)),
    "double": lambda rng: pair_of(rng, (40, 36, 24), (0.5, 0.5, 0.5)),
    "tilted together": lambda rng: pair_of(rng, (30, 26, 14), (0.9, 0.8, 2.7), rng.uniform(-0.5, 0.5, 3)),
    "oblique": lambda rng: oblique(rng),
    "flipped": lambda rng: flipped(rng),
    "window": lambda rng: window(rng),
}


def pair_of(rng, size, spacing, tilt=(0.0, 0.0, 0.0)):
    native = native_grid(rng, size, spacing, tilt)
    return native, empty_grid(native, (1.0, 1.0, 1.0))


def oblique(rng):
    native = native_grid(rng, (30, 26, 18), (1.1, 0.9, 2.1), rng.uniform(-0.4, 0.4, 3))
    grid = native_grid(rng, (50, 50, 60), (1, 1, 1))
    middle = np.array(native.TransformContinuousIndexToPhysicalPoint([15.0, 13.0, 9.0]))
    grid.SetOrigin((middle - [25, 25, 30]).tolist())
    return native, grid


def flipped(rng):
    native = native_grid(rng, (30, 26, 18), (0.9, 1.2, 2.0))
    grid = empty_grid(native, (1.0, 1.0, 1.0))
    last = [n - 1.0 for n in grid.GetSize()]
    grid.SetOrigin(grid.TransformContinuousIndexToPhysicalPoint([last[0], last[1], 0.0]))
    grid.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return native, grid


def window(rng):
    native, grid = pair_of(rng, (40, 36, 24), (0.9, 0.9, 1.6))
    return native, grid[6:30, 5:28, 7:33]


@pytest.mark.parametrize("rule", ["linear", "nearest"])
@pytest.mark.parametrize("kind", KINDS)
def test_edits_give_the_mask_of_a_full_preparation(kind, rule):
    rng = np.random.default_rng(sum(map(ord, kind + rule)))
    for _ in range(3):
        native, grid = KINDS[kind](rng)
        prepared = prepared_on(grid, rule)
        live = LiveMask(prepared)
        array = np.zeros(native.GetSize()[::-1], dtype=np.uint8)
        history = []
        for number in range(25):
            if number % 9 == 8:
                array[...] = history[-5]
            elif number % 11 == 10:
                array[...] = 0
            else:
                stroke(rng, array)
            history.append(array.copy())
            mask = image_of(array, native)
            if array.any() and number % 4 == 3:
                used = changed_box(np.zeros_like(array), array)
                near = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in used)
                mask = image_of(array[near], native, [s.start for s in near])
            same_as_full(live, mask, prepared)


def test_other_pixel_types_and_lattices():
    rng = np.random.default_rng(5)
    native, grid = pair_of(rng, (30, 26, 14), (0.9, 0.9, 3.3))
    prepared = prepared_on(grid)
    live = LiveMask(prepared)
    array = np.zeros(native.GetSize()[::-1])
    for kind in (np.float64, np.int16, np.uint8, np.int8):
        stroke(rng, array)
        stroke(rng, array)
        array[5, 10:14, 10:14] = 1
        same_as_full(live, image_of(array.astype(kind), native), prepared)
    moved = image_of(array.astype(np.uint8), native)
    moved.SetOrigin(np.add(moved.GetOrigin(), 0.37).tolist())
    same_as_full(live, moved, prepared)
    same_as_full(live, image_of(array.astype(np.uint8), native), prepared)


def test_errors_are_those_of_the_full_preparation_and_leave_it_usable():
    rng = np.random.default_rng(6)
    native, grid = pair_of(rng, (30, 26, 14), (0.4, 0.4, 2.0))
    prepared = prepared_on(grid[:8])
    live = LiveMask(prepared)
    array = np.zeros(native.GetSize()[::-1], dtype=np.uint8)
    cases = []
    for change in (
        lambda: None,
        lambda: array.__setitem__((4, 10, 10), 1),
        lambda: array.__setitem__((slice(4, 8), slice(8, 16), slice(4, 12)), 1),
        lambda: array.__setitem__((slice(4, 8), slice(8, 16), slice(4, 30)), 1),
        lambda: array.__setitem__((slice(4, 8), slice(8, 16), slice(14, 30)), 0),
        lambda: array.__setitem__(..., 0),
    ):
        change()
        mask = image_of(array, native)
        same_as_full(live, mask, prepared)
        cases.append(outcome(lambda mask=mask: prepare_mask(mask, prepared)))
    kinds = [case[0] if isinstance(case, tuple) else None for case in cases]
    assert kinds == [EmptyRegionError, EmptyRegionError, None, GeometryError, None, EmptyRegionError]
    with pytest.raises(DimensionError):
        live.update(sitk.Image(4, 4, sitk.sitkUInt8))


def test_an_edit_after_an_error_tells_of_all_changes():
    native = native_grid(np.random.default_rng(7), (30, 26, 20), (1, 1, 1))
    live = LiveMask(prepared_on(native))
    array = np.zeros(native.GetSize()[::-1], dtype=np.uint8)
    array[4:9, 4:9, 4:9] = 1
    live.update(image_of(array, native))
    assert live.update(image_of(array, native)).box is None
    with pytest.raises(EmptyRegionError):
        live.update(image_of(np.zeros_like(array), native))
    array[...] = 0
    array[14:16, 14:16, 14:16] = 1
    assert live.update(image_of(array, native)).box == (slice(4, 16),) * 3


def test_a_hint_limits_the_search():
    native = native_grid(np.random.default_rng(8), (30, 26, 20), (1, 1, 1))
    live = LiveMask(prepared_on(native))
    array = np.zeros(native.GetSize()[::-1], dtype=np.uint8)
    array[4:9, 4:9, 4:9] = 1
    live.update(image_of(array, native))
    array[5, 9, 4:6] = 1
    found = live.update(image_of(array, native), (slice(5, 6), slice(9, 10), slice(0, 30)))
    assert found.box == (slice(5, 6), slice(9, 10), slice(4, 6))
    assert found.voxels == 127


def test_changed_box_and_extent_against_a_direct_search():
    rng = np.random.default_rng(9)
    for _ in range(60):
        shape = rng.integers(3, 30, 3)
        old = (rng.random(shape) < 0.5).astype(np.uint8)
        new = old.copy()
        at = rng.integers(0, shape, (rng.integers(0, 4), 3))
        new[tuple(at.T)] ^= 1
        differs = np.argwhere(old != new)
        expected = None
        if len(differs):
            low, high = differs.min(axis=0), differs.max(axis=0) + 1
            expected = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        assert changed_box(old, new) == expected
        assert changed_box(old[::-1], new[::-1], tuple(slice(0, int(n)) for n in shape)) is None or len(
            differs
        )
        extent = Extent(tuple(shape))
        whole = tuple(slice(0, int(n)) for n in shape)
        extent.change(whole, np.zeros(shape, dtype=bool), old > 0)
        extent.change(whole, old > 0, new > 0)
        assert extent.box == changed_box(np.zeros_like(new), new)
        assert extent.voxels == new.sum()
