"""Slice pictures: orientation, geometry and the meaning of the colours, read from the pixels."""

import numpy as np
import pytest
import SimpleITK as sitk
from support import oblique_grid
from virtualbiopsy.errors import DimensionError, EmptyRegionError
from virtualbiopsy.report.pictures import OUTLINE, per_ml, slice_png, window_of
from virtualbiopsy.report.theme import diverging, opacity


def read(png, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(png)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(int)


def volume(shape=(20, 40, 60), spacing=(1.0, 1.0, 1.0), fill=0.0):
    """(k, j, i) array and an image maker with identity directions: +i to patient left, +j back, +k up."""
    array = np.full(shape, fill)

    def image(a=array, pixel=np.float64):
        made = sitk.GetImageFromArray(np.asarray(a).astype(pixel))
        made.SetSpacing(spacing[::-1])
        return made

    return array, image


PLACES = {  # a block at these fractions of (k, j, i) must appear at these fractions of (row, column)
    "axial": ((0.5, 0.2, 0.8), (0.2, 0.8)),  # anterior left of the patient: top right of the picture
    "coronal": ((0.8, 0.5, 0.8), (0.2, 0.8)),  # upper left of the patient: top right
    "sagittal": ((0.8, 0.2, 0.5), (0.2, 0.2)),  # upper anterior: top left
}


@pytest.mark.parametrize("plane", sorted(PLACES))
@pytest.mark.parametrize("flip", [(), (2,), (1, 2), (0, 1, 2)])
def test_orientation(plane, flip, tmp_path):
    """A planted block appears where a radiologist expects it, however the voxels are stored."""
    array, image = volume((40, 40, 40))
    fractions, expected = PLACES[plane]
    block = tuple(slice(int(40 * f) - 2, int(40 * f) + 2) for f in fractions)
    array[block] = 100.0
    made = image(array)
    if flip:
        made = sitk.Flip(made, [axis in flip for axis in (2, 1, 0)])
    at = [39 * f for f in reversed(fractions)]
    picture = read(slice_png(made, plane=plane, at=at, window=(0, 100), size=200, marks=False), tmp_path)
    rows, columns = np.nonzero(picture[..., 0] > 128)
    assert rows.mean() / 200 == pytest.approx(expected[0], abs=0.03)
    assert columns.mean() / 200 == pytest.approx(expected[1], abs=0.03)


def test_permuted_voxel_order_gives_the_same_picture(tmp_path):
    rng = np.random.default_rng(3)
    array, image = volume((12, 16, 20))
    array[:] = rng.random(array.shape)
    made = image(array)
    permuted = sitk.PermuteAxes(made, [2, 0, 1])
    for plane in PLACES:
        a = read(slice_png(made, plane=plane, size=100), tmp_path)
        b = read(slice_png(permuted, plane=plane, size=100), tmp_path)
        assert np.abs(a - b).max() <= 1


def test_an_oblique_image_is_shown_in_patient_axes(tmp_path):
    """A ball at a known physical point appears at that point, as a ball, in all planes."""
    grid = oblique_grid((40, 40, 40), (2.0, 1.0, 1.5))
    k, j, i = np.meshgrid(*(np.arange(40),) * 3, indexing="ij")
    centre = np.array(grid.TransformContinuousIndexToPhysicalPoint((22.0, 17.0, 20.0)))
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    points = np.stack([i, j, k], -1) * np.array(grid.GetSpacing()) @ direction.T + grid.GetOrigin()
    ball = sitk.GetImageFromArray((np.linalg.norm(points - centre, axis=-1) < 9).astype(float))
    ball.CopyInformation(grid)
    for plane in PLACES:
        png = slice_png(ball, plane=plane, at=centre, window=(0, 1), size=200, field_mm=50, marks=False)
        picture = read(png, tmp_path)
        assert picture.shape == (200, 200, 3)
        rows, columns = np.nonzero(picture[..., 0] > 128)
        assert rows.mean() == pytest.approx(99.5, abs=2)
        assert columns.mean() == pytest.approx(99.5, abs=2)
        assert len(rows) * (50 / 200) ** 2 == pytest.approx(np.pi * 81, rel=0.08)


def test_spacing_is_respected(tmp_path):
    _, image = volume((10, 20, 30), (5.0, 1.0, 2.0))
    shapes = {p: read(slice_png(image(), plane=p, size=120), tmp_path).shape for p in PLACES}
    assert shapes == {"axial": (40, 120, 3), "coronal": (100, 120, 3), "sagittal": (120, 48, 3)}


def test_colours_follow_the_sign_and_zero_is_untouched(tmp_path):
    array, image = volume(fill=50.0)
    signed = np.zeros_like(array)
    signed[:, 10:20, 10:20] = 0.02
    signed[:, 10:20, 40:50] = -0.01
    at = (30, 20, 10)
    options = {"at": at, "window": (0, 100), "size": 60, "marks": False}
    plain = read(slice_png(image(array), **options), tmp_path)
    drawn = read(slice_png(image(array), None, image(signed), overlay_window=0.02, **options), tmp_path)
    red, blue = drawn[12:18, 12:18], drawn[12:18, 42:48]
    assert (red[..., 0] > red[..., 2] + 60).all()
    assert (blue[..., 2] > blue[..., 0] + 60).all()
    untouched = np.ones(plain.shape[:2], dtype=bool)
    untouched[10:20, 10:20] = untouched[10:20, 40:50] = False
    assert (drawn[untouched] == plain[untouched]).all()
    assert (drawn[~untouched] != plain[~untouched]).any(axis=-1).all()


def test_colours_are_those_of_the_legend(tmp_path):
    array, image = volume(fill=50.0)
    signed = np.full_like(array, -0.01)
    png = slice_png(
        image(array), None, image(signed), overlay_window=0.02, window=(0, 100), size=60, marks=False
    )
    pixel = read(png, tmp_path)[20, 30]
    alpha = opacity(-0.5)
    expected = (1 - alpha) * 127.5 + alpha * 255 * diverging(-0.5)
    assert np.abs(pixel - expected).max() <= 1


def test_the_window_is_symmetric_and_robust():
    array, image = volume((10, 10, 10))
    array.ravel()[:200] = np.linspace(-1, 1, 200)
    array.ravel()[0] = -50.0
    limit = window_of(image(array))
    values = np.abs(array[array != 0])
    assert limit == pytest.approx(np.percentile(values, 99))
    assert window_of(image(array * 0)) == 1.0
    assert (opacity(np.array([0.0, 0.5, -0.5])) == [0.0, 0.575, 0.575]).all()


def test_per_ml_keeps_the_sum():
    array, image = volume((6, 6, 6), (2.0, 1.0, 1.5), fill=0.01)
    density = sitk.GetArrayFromImage(per_ml(image(array)))
    assert density.sum() * 0.003 == pytest.approx(array.sum(), rel=1e-12)


def test_the_slice_of_largest_area_is_taken(tmp_path):
    array, image = volume((20, 30, 30))
    mask = np.zeros(array.shape)
    mask[5:15, 14:16, 14:16] = 1
    mask[12, 8:22, 8:22] = 1
    array[12] = 100.0
    for i, size in enumerate(((14, 14), None)):
        if size is None:
            mask[12] = 0
            mask[7, 8:22, 8:22] = 1
        png = slice_png(image(array), image(mask, np.uint8), window=(0, 100), size=60, marks=False)
        bright = read(png, tmp_path)[5, 5, 0]
        assert bright == (255 if i == 0 else 0)


def test_the_outline_lies_just_outside_the_mask(tmp_path):
    array, image = volume((10, 40, 40))
    mask = np.zeros(array.shape)
    mask[:, 10:30, 10:30] = 1
    png = slice_png(image(array), image(mask, np.uint8), size=80, window=(0, 1), marks=False)
    picture = read(png, tmp_path)
    outline = (picture == OUTLINE).all(axis=-1)
    rows, columns = np.nonzero(outline)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (19, 60, 19, 60)
    assert not outline[20:60, 20:60].any()
    assert outline.sum() == 4 * 40


def test_marks_can_be_switched_off_and_letters_differ(tmp_path):
    _, image = volume((40, 40, 40))
    plain = read(slice_png(image(), size=200, marks=False), tmp_path)
    assert (plain == 0).all()
    marked = {p: read(slice_png(image(), plane=p, size=200), tmp_path)[..., 0] for p in PLACES}
    letter = {p: m[90:110, :20] for p, m in marked.items()}
    assert (letter["axial"] == letter["coronal"]).all()
    assert (letter["axial"] != letter["sagittal"]).any()


def test_not_a_number_does_not_break_it(tmp_path):
    array, image = volume(fill=1.0)
    array[:, :, :10] = np.nan
    overlay = np.zeros_like(array)
    overlay[:, 5, 5] = np.nan
    read(slice_png(image(array), None, image(overlay), size=60), tmp_path)
    array[:] = np.nan
    read(slice_png(image(array), size=60), tmp_path)


def test_errors():
    _, image = volume()
    with pytest.raises(EmptyRegionError):
        slice_png(image(), image(pixel=np.uint8))
    with pytest.raises(DimensionError):
        slice_png(sitk.Image([4, 4], sitk.sitkFloat32))


def test_the_overlay_is_not_smeared_over_its_neighbours(tmp_path):
    """Enlarged four times, one voxel is a square of 4 × 4 pixels of one colour."""
    array, image = volume(fill=50.0)
    signed = np.zeros_like(array)
    signed[:, 20, 30] = 0.02
    options = {"at": (30, 20, 10), "window": (0, 100), "size": 240, "marks": False}
    drawn = read(slice_png(image(array), None, image(signed), **options), tmp_path)
    changed = (drawn != drawn[0, 0]).any(axis=-1)
    assert changed.sum() == 16 and changed[80:84, 120:124].all()
    assert len(np.unique(drawn[changed], axis=0)) == 1
