"""Preparation of a case: units, normalisation, bias field, registration, common grid, bad input."""

import threading
import time

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import (
    Cancelled,
    ConstantImageError,
    DimensionError,
    EmptyRegionError,
    GeometryError,
    MemoryLimitError,
    MissingSequenceError,
    NonFiniteError,
    RegistrationError,
    UnitError,
)
from virtualbiopsy.prepare.bias import correct_bias
from virtualbiopsy.prepare.geometry import corner_centres, empty_grid, same_grid
from virtualbiopsy.prepare.head import brain_mask, head_mask
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.normalise import zscore
from virtualbiopsy.prepare.prepare import prepare_case, prepare_mask, uncovered
from virtualbiopsy.prepare.register import register_rigid
from virtualbiopsy.prepare.resample import resample_image
from virtualbiopsy.prepare.run import run
from virtualbiopsy.prepare.units import check_adc, convert_adc
from virtualbiopsy.progress import CancelToken

IDENTITY = sitk.Transform(3, sitk.sitkIdentity)
TILTED = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.1, 0.15).GetMatrix()


def head(spacing=(2.0, 2.0, 2.0), contrast="t1", seed=0, shift=0.0, noise=4.0):
    """A structured head: scalp, skull, brain with folds, ventricles, two asymmetric blobs."""
    extent = (180.0, 210.0, 170.0)
    sizes = [round(e / s) for e, s in zip(extent, spacing, strict=True)]
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(sizes, spacing, strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    radius = np.sqrt((x / 72) ** 2 + (y / 88) ** 2 + (z / 70) ** 2)
    values = {"t1": (0, 240, 20, 150, 110, 40, 200), "t2": (0, 120, 15, 90, 140, 260, 60)}[contrast]
    air, scalp, skull, white, grey, fluid, blob = values
    image = np.full(x.shape, float(air))
    image[radius < 1.0] = scalp
    image[radius < 0.92] = skull
    folds = 0.80 + 0.05 * np.sin(x / 6) * np.cos(y / 7) * np.sin(z / 8)
    image[radius < 0.86] = fluid
    image[radius < folds + 0.03] = grey
    image[radius < folds - 0.05] = white
    image[(x / 12) ** 2 + ((y + 8) / 30) ** 2 + (z / 14) ** 2 < 1] = fluid
    image[(x - 32) ** 2 + (y - 25) ** 2 + (z - 18) ** 2 < 15**2] = blob
    image[((x + 38) / 8) ** 2 + ((y + 30) / 14) ** 2 + ((z + 12) / 9) ** 2 < 1] = blob
    rng = np.random.default_rng(seed)
    image = np.hypot(image + rng.normal(0, noise, x.shape), rng.normal(0, noise, x.shape)) + shift
    result = sitk.GetImageFromArray(image.astype(np.float32))
    result.SetSpacing(spacing)
    result.SetOrigin([float(a[0]) for a in axes])
    return result


@pytest.fixture(scope="module")
def t1():
    return head()


@pytest.fixture(scope="module")
def t2():
    return head(contrast="t2", seed=1)


@pytest.fixture(scope="module")
def coarse_t1():
    return head((3.0, 3.0, 3.0))


@pytest.fixture(scope="module")
def coarse_t2():
    return head((3.0, 3.0, 3.0), contrast="t2", seed=1)


def case_of(**images):
    frames = images.pop("frames", {})
    units = images.pop("units", {})
    return Case(
        "test",
        tuple(
            Sequence(role, role, image, unit=units.get(role), frame_of_reference=frames.get(role))
            for role, image in images.items()
        ),
    )


def changed(image, function):
    """Copy of an image whose array went through `function`."""
    result = sitk.GetImageFromArray(function(sitk.GetArrayFromImage(image)))
    result.CopyInformation(image)
    return result


PLAIN = Preparation(spacing=(2.0, 2.0, 2.0), normalise="none", interpolator="linear")


# --- masks of head and brain -------------------------------------------------------------------------------


@pytest.mark.parametrize("contrast", ["t1", "t2"])
@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (0.9, 0.9, 5.0)])
def test_head_and_brain_masks_of_a_phantom(contrast, spacing):
    image = head(spacing, contrast)
    k, j, i = np.indices(image.GetSize()[::-1])
    x, y, z = (
        i * spacing[0] + image.GetOrigin()[0],
        j * spacing[1] + image.GetOrigin()[1],
        k * spacing[2] + image.GetOrigin()[2],
    )
    radius = np.sqrt((x / 72) ** 2 + (y / 88) ** 2 + (z / 70) ** 2)

    def dice(a, b):
        return 2 * (a & b).sum() / (a.sum() + b.sum())

    assert dice(sitk.GetArrayFromImage(head_mask(image)) != 0, radius < 1) > 0.96
    assert dice(sitk.GetArrayFromImage(brain_mask(image)) != 0, radius < 0.84) > 0.85


@pytest.mark.parametrize("background", [0.0, -4.5])
def test_head_mask_of_skull_stripped_data_is_its_content(t1, background):
    inside = sitk.GetArrayFromImage(t1) > 100
    stripped = changed(t1, lambda a: np.where(inside, a, background))
    mask = sitk.GetArrayFromImage(head_mask(stripped)) != 0
    outside_hull = sitk.GetArrayFromImage(head_mask(t1)) == 0
    assert not mask[outside_hull & ~inside].any() or mask[outside_hull & ~inside].mean() < 0.01
    np.testing.assert_array_equal(mask, sitk.GetArrayFromImage(brain_mask(stripped)) != 0)


def test_masks_do_not_depend_on_scale_and_offset(t1):
    other = changed(t1, lambda a: a * 3.7 + 120)
    assert sitk.Hash(head_mask(t1)) == sitk.Hash(head_mask(other))


# --- normalisation -----------------------------------------------------------------------------------------


def test_zscore_is_invariant_to_scale_and_offset(t1):
    first = prepare_case(case_of(t1c=t1), Preparation(spacing=None)).images["t1c"]
    other = changed(t1, lambda a: a.astype(np.float64) * 2.5 + 40)
    second = prepare_case(case_of(t1c=other), Preparation(spacing=None)).images["t1c"]
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(first), sitk.GetArrayFromImage(second), rtol=0, atol=1e-5
    )
    inside = sitk.GetArrayFromImage(first)[sitk.GetArrayFromImage(head_mask(t1)) != 0]
    assert inside.mean() == pytest.approx(0, abs=1e-9) and inside.std() == pytest.approx(1, abs=1e-9)


def test_zscore_reports_mean_and_deviation(t1):
    mask = head_mask(t1)
    inside = sitk.GetArrayFromImage(t1)[sitk.GetArrayFromImage(mask) != 0].astype(np.float64)
    _, mean, sd = zscore(t1, mask)
    assert (mean, sd) == (pytest.approx(inside.mean()), pytest.approx(inside.std()))
    steps = " ".join(prepare_case(case_of(t1c=t1), Preparation()).steps)
    assert f"mean {mean:.6g}" in steps and f"standard deviation {sd:.6g}" in steps


def test_quantitative_maps_keep_their_values(t1):
    adc = changed(t1, lambda a: a * 5.0)
    prepared = prepare_case(case_of(t1c=t1, adc=adc), Preparation(spacing=None, bias_correction=False))
    np.testing.assert_allclose(sitk.GetArrayFromImage(prepared.images["adc"]), sitk.GetArrayFromImage(adc))


# --- units -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor, unit", [(1.0, "10⁻⁶ mm²/s"), (1e-3, "10⁻³ mm²/s"), (1e-6, "mm²/s")])
@pytest.mark.parametrize("stated", [True, False])
def test_adc_units(t1, factor, unit, stated):
    truth = changed(t1, lambda a: a.astype(np.float64) * 6)
    given = changed(truth, lambda a: a * factor)
    converted, step = convert_adc(given, unit if stated else None)
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(converted), sitk.GetArrayFromImage(truth), rtol=1e-12, atol=1e-9
    )
    assert unit in step and ("stated" if stated else "recognised") in step
    assert ("multiplied" in step) == (factor != 1)


@pytest.mark.parametrize("unit", ["um2/s", "10-6 mm^2/s", "1e-6 mm2/s", "10*-6.mm2/s", "µm²/s"])
def test_adc_unit_spellings(t1, unit):
    assert "not changed" in convert_adc(changed(t1, lambda a: a * 6), unit)[1]


@pytest.mark.parametrize("factor", [0.2, 1e-1, 1e3, 1e-9])
def test_adc_in_no_plausible_unit_is_refused(t1, factor):
    with pytest.raises(UnitError):
        check_adc(changed(t1, lambda a: a * factor))


def test_adc_that_contradicts_its_header_is_refused(t1):
    adc = changed(t1, lambda a: a * 6)
    for unit in ("10⁻³ mm²/s", "mm²/s", "ms", "%"):
        with pytest.raises(UnitError):
            check_adc(adc, unit)
    with pytest.raises(UnitError):
        prepare_case(case_of(t1c=t1, adc=changed(t1, lambda a: a * 0.1)), PLAIN)


# --- bias field --------------------------------------------------------------------------------------------


def test_n4_flattens_a_polynomial_bias():
    image = head((5.0, 5.0, 5.0), noise=2.0)
    k, j, i = np.indices(image.GetSize()[::-1])
    u, v, w = (2 * a / (a.max()) - 1 for a in (i, j, k))
    field = 1.0 + 0.35 * u - 0.25 * v + 0.2 * w * u + 0.15 * (v**2)
    biased = changed(image, lambda a: a * field)
    corrected, step = correct_bias(biased, head_mask(biased))
    white = np.abs(sitk.GetArrayFromImage(head((5.0, 5.0, 5.0), noise=0.0)) - 150) < 1

    def variation(im):
        values = sitk.GetArrayFromImage(im)[white]
        return values.std() / values.mean()

    assert variation(biased) > 0.1
    assert variation(corrected) < 0.4 * variation(biased)
    assert step.startswith("N4")
    again, _ = correct_bias(biased, head_mask(biased))
    assert sitk.Hash(again) == sitk.Hash(corrected)


# --- registration ------------------------------------------------------------------------------------------


def _tre(found, truth):
    points = np.array([(x, y, z) for x in (-50, 0, 50) for y in (-60, 0, 60) for z in (-50, 0, 50)], float)
    apart = [np.subtract(found.TransformPoint(p), truth.TransformPoint(p)) for p in points.tolist()]
    return float(np.linalg.norm(apart, axis=1).max())


@pytest.mark.parametrize(
    "angles, shift",
    [
        ((0.05, -0.08, 0.10), (4.0, -6.0, 5.0)),
        ((0.0, 0.0, -0.2), (-9.0, 3.0, 8.0)),
        ((0, 0, 0), (30.0, 25.0, 20.0)),
    ],
)
def test_known_rigid_transform_is_recovered(t1, t2, angles, shift):
    truth = sitk.Euler3DTransform((0, 0, 0), *map(float, angles), shift)
    moved = sitk.Resample(t2, empty_grid(t2, (1.7, 1.9, 3.0)), truth.GetInverse(), sitk.sitkBSpline, 0.0)
    result = register_rigid(t1, moved)
    assert _tre(result.transform, truth) < 1.0
    assert result.metric_after > result.metric_before and result.improved
    angle = np.degrees(np.linalg.norm(angles))
    assert result.rotation_deg == pytest.approx(angle, abs=1.0)


def test_registration_is_repeatable_and_keeps_what_is_already_aligned(coarse_t1, coarse_t2):
    t1, t2 = coarse_t1, coarse_t2
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    first, second = register_rigid(t1, t2), register_rigid(t1, t2)
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == threads
    assert first.transform.GetParameters() == second.transform.GetParameters()
    assert _tre(first.transform, IDENTITY) < 0.5


def test_images_of_different_things_are_refused(t1):
    rng = np.random.default_rng(5)
    speck = sitk.GetImageFromArray(rng.random((40, 6, 6)).astype(np.float32))
    speck.SetOrigin((0, 0, -20))
    with pytest.raises(RegistrationError):
        register_rigid(t1, speck, name="t2")


def test_prepared_case_is_aligned_and_says_how(t1, t2):
    truth = sitk.Euler3DTransform((0, 0, 0), 0.06, -0.05, 0.08, (5.0, -4.0, 3.0))
    moved = sitk.Resample(t2, empty_grid(t2, (2.0, 2.0, 3.0)), truth.GetInverse(), sitk.sitkBSpline, 0.0)
    prepared = prepare_case(case_of(t1c=t1, t2=moved), PLAIN)
    assert _tre(prepared.transforms["t2"], truth) < 1.0
    aligned, expected = (sitk.GetArrayFromImage(i) for i in (prepared.images["t2"], t2))
    middle = tuple(slice(n // 5, -n // 5) for n in expected.shape)
    unaligned = sitk.GetArrayFromImage(sitk.Resample(moved, t2, IDENTITY, sitk.sitkLinear))
    assert np.corrcoef(aligned[middle].ravel(), expected[middle].ravel())[0, 1] > 0.9
    assert np.corrcoef(unaligned[middle].ravel(), expected[middle].ravel())[0, 1] < 0.7
    sentence = next(s for s in prepared.steps if s.startswith("t2: rigid"))
    for word in ("mutual information", "before", "after", "mm", "°"):
        assert word in sentence
    # Reversible: the kept transform brings a point of the sequence back to the common space.
    point = (12.0, -30.0, 22.0)
    there = prepared.transforms["t2"].TransformPoint(point)
    assert np.allclose(prepared.transforms["t2"].GetInverse().TransformPoint(there), point, atol=1e-9)


def test_frames_of_reference_decide_about_registration(coarse_t1, coarse_t2):
    t1, t2 = coarse_t1, coarse_t2
    other = sitk.Resample(t2, empty_grid(t2, (3.0, 3.0, 5.0)), IDENTITY, sitk.sitkLinear)

    def steps(images, frames, **more):
        return " ".join(prepare_case(case_of(frames=frames, **images), PLAIN, **more).steps)

    same, apart = {"t1c": "1.2", "t2": "1.2"}, {"t1c": "1.2", "t2": "1.3"}
    assert "rigid registration" not in steps({"t1c": t1, "t2": other}, same)
    assert "same frame of reference" in steps({"t1c": t1, "t2": other}, same)
    assert "rigid registration" in steps({"t1c": t1, "t2": other}, same, register_same_frame=True)
    assert "rigid registration" in steps({"t1c": t1, "t2": t2}, apart)
    assert "rigid registration" in steps({"t1c": t1, "t2": other}, {})
    assert "rigid registration" not in steps({"t1c": t1, "t2": t2}, {})
    off = Preparation(spacing=(2.0, 2.0, 2.0), normalise="none", register=False)
    prepared = prepare_case(case_of(frames=apart, t1c=t1, t2=t2), off)
    assert any("warning" in s and "another frame" in s for s in prepared.steps)


# --- grid and interpolation --------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 2.9), (50.0, 50.0, 50.0)])
def test_common_grid_is_centred_and_never_degenerate(spacing):
    image = sitk.Image(31, 20, 9, sitk.sitkFloat32)
    image.SetSpacing((0.7, 1.3, 4.0))
    image.SetOrigin((5.0, 6.0, 7.0))
    image.SetDirection(TILTED)
    grid = empty_grid(image, spacing)
    assert min(grid.GetSize()) >= 1
    np.testing.assert_allclose(
        corner_centres(grid).mean(axis=0), corner_centres(image).mean(axis=0), atol=1e-9
    )
    for n, s, m, t in zip(image.GetSize(), image.GetSpacing(), grid.GetSize(), spacing, strict=True):
        assert m == max(1, int(np.ceil(n * s / t - 1e-6)))
    assert same_grid(empty_grid(image, None), image) and same_grid(
        empty_grid(image, image.GetSpacing()), image
    )


@pytest.mark.parametrize("interpolator, itk", [("linear", sitk.sitkLinear), ("bspline", sitk.sitkBSpline)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 2.0, 3.0), (2.1, 1.3, 0.9)])
def test_interpolation_axis_by_axis_equals_itk(interpolator, itk, spacing):
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(9, 20, 31)))
    image.SetSpacing((0.7, 1.3, 4.0))
    image.SetOrigin((3.0, 4.0, 5.0))
    image.SetDirection(TILTED)
    for grid, shift in (
        (empty_grid(image, spacing), (0, 0, 0)),
        (empty_grid(image, spacing), (3.0, -2.0, 4.0)),
    ):
        axes = np.reshape(TILTED, (3, 3)) @ np.array(shift, float)
        grid.SetOrigin((np.array(grid.GetOrigin()) + axes).tolist())
        ours = sitk.GetArrayFromImage(resample_image(image, grid, IDENTITY, interpolator, fill=-9.0))
        theirs = sitk.GetArrayFromImage(sitk.Resample(image, grid, IDENTITY, itk, -9.0, sitk.sitkFloat64))
        np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("interpolator, itk", [("linear", sitk.sitkLinear), ("bspline", sitk.sitkBSpline)])
def test_cropping_to_the_content_changes_nothing(interpolator, itk):
    array = np.zeros((40, 50, 60))
    array[14:30, 20:37, 17:44] = np.random.default_rng(1).normal(100, 10, (16, 17, 27))
    image = sitk.GetImageFromArray(array)
    turn = sitk.Euler3DTransform((30.0, 25.0, 20.0), 0.2, 0.1, -0.3, (1.0, 2.0, 3.0))
    ours = sitk.GetArrayFromImage(resample_image(image, image, turn, interpolator, fill=0.0))
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, image, turn, itk, 0.0, sitk.sitkFloat64))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_case_on_one_grid_keeps_its_values_and_its_grid(t1, t2):
    prepared = prepare_case(case_of(t1c=t1, t2=t2), Preparation(spacing=None, normalise="none"))
    assert same_grid(prepared.grid, t1)
    for role, image in (("t1c", t1), ("t2", t2)):
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(prepared.images[role]), sitk.GetArrayFromImage(image).astype(np.float64)
        )
        assert prepared.images[role].GetPixelID() == sitk.sitkFloat64


def test_sequences_without_a_role_are_left_out(t1, t2):
    assert set(prepare_case(case_of(t1c=t1, other=t2), PLAIN).images) == {"t1c"}


def test_a_short_sequence_is_marked_where_it_does_not_reach(t1, t2):
    low = t2[:, :, :40]
    frames = {"t1c": "1.2", "t2": "1.2"}
    prepared = prepare_case(case_of(frames=frames, t1c=t1, t2=low), PLAIN)
    assert set(prepared.covered) == {"t2"} and any("covers" in s for s in prepared.steps)
    mask = sitk.Image(t1.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(t1)
    mask[40, 40, 20:60] = 1
    shares = uncovered(prepare_mask(mask, prepared), prepared)
    assert shares == {"t2": pytest.approx(0.5)}
    mask[40, 40, 40:60] = 0
    assert uncovered(prepare_mask(mask, prepared), prepared) == {}


# --- masks -------------------------------------------------------------------------------------------------


def ball_on(grid, centre, radius):
    k, j, i = np.indices(grid.GetSize()[::-1])
    matrix = np.reshape(grid.GetDirection(), (3, 3)) * np.array(grid.GetSpacing())
    points = np.stack([i, j, k], -1) @ matrix.T + np.array(grid.GetOrigin())
    inside = ((points - np.array(centre)) ** 2).sum(-1) <= radius**2
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    mask.CopyInformation(grid)
    return mask


@pytest.mark.parametrize("rule, tolerance", [("linear", 0.03), ("nearest", 0.08)])
def test_mask_from_any_grid_of_the_same_space(t1, rule, tolerance):
    settings = Preparation(
        spacing=(1.0, 1.0, 1.0), normalise="none", mask_interpolator=rule, interpolator="linear"
    )
    prepared = prepare_case(case_of(t1c=t1), settings)
    expected = 4 / 3 * np.pi * 15**3
    fine = empty_grid(t1, (0.8, 0.8, 0.8))
    tilted = sitk.Image(60, 60, 60, sitk.sitkUInt8)
    tilted.SetDirection(TILTED)
    tilted.SetOrigin((np.array([10.0, 5.0, 3.0]) - np.reshape(TILTED, (3, 3)) @ np.full(3, 29.5)).tolist())
    for grid in (t1, fine, tilted, prepared.grid):
        mask = ball_on(grid, (10, 5, 3), 15)
        result = prepare_mask(mask, prepared)
        assert same_grid(result, prepared.grid) and result.GetPixelID() == sitk.sitkUInt8
        inside = sitk.GetArrayFromImage(result)
        assert set(np.unique(inside)) == {0, 1}
        assert inside.sum() == pytest.approx(expected, rel=tolerance)
        centre = np.array(
            result.TransformContinuousIndexToPhysicalPoint(np.argwhere(inside)[:, ::-1].mean(0).tolist())
        )
        assert np.abs(centre - (10, 5, 3)).max() < 0.3


def test_mask_window_equals_resampling_the_whole(t1):
    prepared = prepare_case(case_of(t1c=t1), Preparation(normalise="none", interpolator="linear"))
    mask = ball_on(t1, (50, -60, 30), 17)
    whole = (
        sitk.Resample(sitk.Cast(mask, sitk.sitkFloat32), prepared.grid, IDENTITY, sitk.sitkLinear)
        >= 0.5 - 1e-5
    )
    assert sitk.Hash(prepare_mask(mask, prepared)) == sitk.Hash(sitk.Cast(whole, sitk.sitkUInt8))


def test_bad_masks(t1):
    prepared = prepare_case(case_of(t1c=t1), PLAIN)
    empty = sitk.Image(t1.GetSize(), sitk.sitkUInt8)
    empty.CopyInformation(t1)
    with pytest.raises(EmptyRegionError):
        prepare_mask(empty, prepared)
    mask = ball_on(t1, (0, 0, 0), 20)
    mask.SetOrigin((500.0, 0.0, 0.0))
    with pytest.raises(GeometryError):
        prepare_mask(mask, prepared)
    partly = ball_on(t1, (0, 0, 0), 20)
    partly.SetOrigin((t1.GetOrigin()[0] + 85.0, *t1.GetOrigin()[1:]))
    with pytest.raises(GeometryError, match="% of the region lies outside"):
        prepare_mask(partly, prepared)
    with pytest.raises(DimensionError):
        prepare_mask(sitk.Image(5, 5, sitk.sitkUInt8), prepared)
    thin = sitk.Image(8, 8, 8, sitk.sitkUInt8)
    thin.SetSpacing((0.1, 0.1, 0.1))
    thin.SetOrigin((0.2, 0.2, 0.2))
    thin[4, 4, 4] = 1
    with pytest.raises(EmptyRegionError, match="thinner"):
        prepare_mask(thin, prepared)


# --- bad images --------------------------------------------------------------------------------------------


def test_missing_reference(t2):
    with pytest.raises(MissingSequenceError):
        prepare_case(case_of(t2=t2), PLAIN)


def test_constant_image(t1):
    with pytest.raises(ConstantImageError):
        prepare_case(case_of(t1c=changed(t1, lambda a: a * 0 + 7)), Preparation())
    with pytest.raises(ConstantImageError):
        prepare_case(case_of(t1c=t1, t2=changed(t1, lambda a: a * 0)), PLAIN)


def test_nan_outside_the_head_becomes_zero_and_inside_is_refused(t1):
    outside = changed(t1, lambda a: np.where(sitk.GetArrayFromImage(head_mask(t1)) == 0, np.nan, a))
    prepared = prepare_case(case_of(t1c=outside), PLAIN)
    assert np.isfinite(sitk.GetArrayFromImage(prepared.images["t1c"])).all()
    assert any("NaN" in s and "set to 0" in s for s in prepared.steps)

    def hole(array):
        array = array.copy()
        array[array.shape[0] // 2, array.shape[1] // 2, array.shape[2] // 2] = np.inf
        return array

    with pytest.raises(NonFiniteError, match="inside the body"):
        prepare_case(case_of(t1c=changed(t1, hole)), PLAIN)
    with pytest.raises(NonFiniteError):
        prepare_case(case_of(t1c=changed(t1, lambda a: a * np.nan)), PLAIN)


def test_four_dimensional_image(t1):
    four = sitk.JoinSeries([t1, t1])
    with pytest.raises(DimensionError):
        prepare_case(case_of(t1c=t1, dce=four), PLAIN)


def test_unknown_settings(t1):
    wrong_ones = [{"interpolator": "cubic"}, {"mask_interpolator": "x"}, {"normalise": "z"}]
    for wrong in [*wrong_ones, {"spacing": (1.0, 0.0, 1.0)}]:
        with pytest.raises(ValueError):
            prepare_case(case_of(t1c=t1), Preparation(**wrong))


# --- progress, cancelling, threads -------------------------------------------------------------------------


def test_progress_rises_and_cancelling_works_at_every_stage(coarse_t1, coarse_t2):
    t1, t2 = coarse_t1, coarse_t2
    case = case_of(t1c=t1, t2=sitk.Resample(t2, empty_grid(t2, (2.0, 2.0, 4.0)), IDENTITY, sitk.sitkLinear))
    settings = Preparation(spacing=(3.5, 3.5, 3.5), bias_correction=True)
    seen = []
    prepare_case(case, settings, progress=lambda f, m: seen.append((f, m)))
    fractions = [f for f, _ in seen]
    assert fractions[0] == 0 and fractions[-1] == 1 and len(seen) > 50
    assert all(b >= a - 1e-9 for a, b in zip(fractions, fractions[1:], strict=False))
    messages = list(dict.fromkeys(m for _, m in seen))
    for message in messages:
        calls = [0]

        def stop(_, m, wanted=message, calls=calls):
            calls[0] += m == wanted
            if m == wanted and calls[0] == 2:
                raise Cancelled()

        if sum(m == message for _, m in seen) > 1:
            with pytest.raises(Cancelled):
                prepare_case(case, settings, progress=stop)


def test_a_cancelled_filter_is_stopped_and_not_only_ignored(coarse_t1):
    def events(progress):
        resampler = sitk.ResampleImageFilter()
        resampler.SetReferenceImage(empty_grid(coarse_t1, (1.5, 1.5, 1.5)))
        resampler.SetInterpolator(sitk.sitkBSpline)
        count = []
        resampler.AddCommand(sitk.sitkProgressEvent, lambda: count.append(1))
        try:
            run(resampler, coarse_t1, progress=progress, message="Resampling")
        except Cancelled:
            return len(count), True
        return len(count), False

    def stop(fraction, _):
        if fraction > 0.2:
            raise Cancelled()

    whole, cancelled = events(lambda fraction, message: None)
    assert not cancelled and whole > 20
    some, cancelled = events(stop)
    assert cancelled and some < 0.6 * whole


def test_cancelling_from_another_thread_is_quick(t1):
    fine = sitk.Resample(t1, empty_grid(t1, (1.0, 1.0, 1.0)), IDENTITY, sitk.sitkLinear)
    token, ended, ticks = CancelToken(), [], []

    def work():
        try:
            prepare_case(case_of(t1c=fine), Preparation(bias_correction=True), progress=token.watch())
        except Cancelled:
            ended.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    until = time.perf_counter() + 1.0
    while time.perf_counter() < until:
        ticks.append(time.perf_counter())
        time.sleep(0.01)
    asked = time.perf_counter()
    token.cancel()
    thread.join(30)
    assert ended and ended[0] - asked < 5.0
    # The filters release the interpreter lock: this thread kept ticking beside them.
    assert len(ticks) > 20


def test_a_grid_that_does_not_fit_into_memory_is_refused(monkeypatch):
    image = sitk.GetImageFromArray(np.random.default_rng(1).random((8, 8, 8)))
    case = Case("big", (Sequence("t1c", "image", image),))
    monkeypatch.setenv("VIRTUALBIOPSY_MEMORY_LIMIT", str(2 * 2**30))
    with pytest.raises(MemoryLimitError, match=r"800×800×800 voxels would need 1[12]\.\d GB"):
        prepare_case(case, Preparation(spacing=(0.01, 0.01, 0.01), normalise="none"))
