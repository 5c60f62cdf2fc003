"""Image and mask as pyradiomics prepares them: voxel for voxel, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.engines import chain
from virtualbiopsy.engines.chain import prepare
from virtualbiopsy.engines.protocol import ExtractionSettings
from virtualbiopsy.errors import (
    DimensionError,
    EmptyRegionError,
    EngineError,
    GeometryError,
    NonFiniteError,
    RegionTooSmallError,
)


def volume(array, spacing=(1.3, 0.9, 2.1), origin=(7.0, -3.0, 11.0), turn=0.3) -> sitk.Image:
    image = sitk.GetImageFromArray(np.asarray(array))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    c, s = np.cos(turn), np.sin(turn)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    return image


@pytest.fixture
def pair() -> tuple[sitk.Image, sitk.Image]:
    rng = np.random.default_rng(2)
    mask = np.zeros((90, 100, 110), dtype=np.uint8)
    mask[40:52, 45:60, 50:66] = 3
    return volume(rng.normal(400, 90, mask.shape).astype(np.float32)), volume(mask)


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64])
def test_cropping_before_the_spline_changes_no_voxel(pair, kind, monkeypatch):
    image, mask = pair
    image = volume(sitk.GetArrayFromImage(image).astype(kind))
    settings = ExtractionSettings(label=3, spacing=(1.0, 1.0, 1.0))
    cropped = prepare(image, mask, settings)
    assert cropped.image.GetPixelID() == image.GetPixelID()
    monkeypatch.setattr(chain, "_near", lambda image, *_: image)
    whole = prepare(image, mask, settings)
    if kind is np.float64:
        assert np.allclose(cropped.values, whole.values, rtol=1e-12, atol=0)
    else:
        assert np.array_equal(cropped.values, whole.values)


def test_without_resampling_everything_is_kept(pair):
    image, mask = pair
    prepared = prepare(image, mask, ExtractionSettings(label=3))
    assert np.array_equal(prepared.values, sitk.GetArrayFromImage(image))
    assert prepared.box == (slice(40, 52), slice(45, 60), slice(50, 66))
    assert prepared.spacing == (2.1, 0.9, 1.3) and prepared.steps == ()


def test_the_same_spacing_crops_and_does_not_interpolate(pair):
    image, mask = pair
    prepared = prepare(image, mask, ExtractionSettings(label=3, spacing=(1.3, 0.9, 0.0), pad_distance=4))
    assert np.array_equal(prepared.values, sitk.GetArrayFromImage(image)[36:56, 41:64, 46:70])


def test_grids_that_differ_in_the_seventh_digit_are_the_same(pair):
    image, mask = pair
    mask.SetOrigin([value + 1e-7 for value in mask.GetOrigin()])
    assert prepare(image, mask, ExtractionSettings(label=3)).mask.sum() == 12 * 15 * 16


def test_a_shifted_mask_is_refused_or_corrected(pair):
    image, mask = pair
    mask.SetOrigin(image.TransformContinuousIndexToPhysicalPoint((1.0, 0.0, 0.0)))
    with pytest.raises(GeometryError, match="different grids"):
        prepare(image, mask, ExtractionSettings(label=3))
    corrected = prepare(image, mask, ExtractionSettings(label=3, correct_mask=True))
    assert corrected.box == (slice(40, 52), slice(45, 60), slice(51, 67))


def test_a_region_beyond_the_image_is_refused(pair):
    image, mask = pair
    small = sitk.RegionOfInterest(image, (60, 100, 90))
    with pytest.raises(GeometryError, match="beyond the image"):
        prepare(small, mask, ExtractionSettings(label=3, spacing=(1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"label": 1}, EmptyRegionError),
        ({"interpolator": "magic"}, EngineError),
        ({"spacing": (1.0, -1.0, 1.0)}, EngineError),
        ({"spacing": (1.0, float("nan"), 1.0)}, EngineError),
        ({"pad_distance": -1}, EngineError),
    ],
)
def test_settings_without_meaning_are_refused(pair, change, error):
    with pytest.raises(error):
        prepare(*pair, ExtractionSettings(**{"label": 3, **change}))


def test_a_missing_label_names_those_that_are_there(pair):
    with pytest.raises(EmptyRegionError, match="Its labels are 3"):
        prepare(*pair, ExtractionSettings(label=2))


@pytest.mark.parametrize("kind", [np.int16, np.uint32, np.int64, np.float32, np.float64])
def test_labels_of_every_pixel_type_are_read(pair, kind):
    """Real ones are cut off, as in pyradiomics."""
    image, mask = pair
    labels = sitk.GetArrayFromImage(mask).astype(kind)
    if np.issubdtype(kind, np.floating):
        labels *= 1.2
    settings = ExtractionSettings(label=3, spacing=(1.0, 1.0, 1.0))
    expected, found = (prepare(image, m, settings).mask for m in (mask, volume(labels)))
    assert np.array_equal(expected, found)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 7)])
def test_points_and_lines_are_refused(shape):
    mask = np.zeros((9, 9, 9), dtype=np.uint8)
    mask[tuple(slice(1, 1 + n) for n in shape)] = 1
    with pytest.raises(RegionTooSmallError):
        prepare(volume(np.zeros(mask.shape)), volume(mask), ExtractionSettings())


def test_a_voxel_that_is_not_finite_is_refused_where_it_would_spread(pair):
    image, mask = pair
    image[0, 0, 0] = float("nan")
    assert prepare(image, mask, ExtractionSettings(label=3)).mask.any()
    with pytest.raises(NonFiniteError):
        prepare(image, mask, ExtractionSettings(label=3, spacing=(1.0, 1.0, 1.0)))


def test_flat_pictures_are_refused():
    picture = sitk.Image(5, 5, sitk.sitkInt16)
    with pytest.raises(DimensionError):
        prepare(picture, picture, ExtractionSettings())
