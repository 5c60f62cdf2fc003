"""The whole chain on images and masks: grids, interpolation, labels, directions, provenance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from support import oblique_grid
from virtualbiopsy import errors
from virtualbiopsy.memory import LIMIT_VARIABLE
from virtualbiopsy.progress import CancelToken
from virtualbiopsy.radiomics.chain import Chained, ChainSettings, prepare_chain, run_chain
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.extract import extract

SHAPE, SPACING = (9, 16, 14), (3.0, 1.25, 0.8)
KEYS = [
    *all_keys("mask", aggregation="3d_merged"),
    *all_keys("ct", "tumour(outlier=3)", "fbw25", aggregation="3d_average"),
    *all_keys("ct", "tumour", "fbn16", aggregation="2.5d_merged"),
]
MEAN = "ct:tumour:original:statistics:mean:3d:none:ibsi"


def _image(array, angles=(0.3, -0.2, 0.5), spacing=SPACING) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(oblique_grid(array.shape, spacing, angles))
    return image


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    k, j, i = np.indices(SHAPE)
    smooth = 100 + 60 * np.sin(0.7 * k + 0.3 * j) + 30 * np.cos(0.5 * i - 0.2 * k)
    return smooth + np.random.default_rng(2).normal(0, 15, SHAPE)


@pytest.fixture(scope="module")
def inside() -> np.ndarray:
    k, j, i = np.indices(SHAPE)
    return ((k - 4) / 3.2) ** 2 + ((j - 8) / 5.5) ** 2 + ((i - 7) / 5) ** 2 <= 1


def _chained(values, inside, settings, **geometry) -> Chained:
    mask = _image(inside.astype(np.uint8), **geometry)
    return prepare_chain({"ct": _image(values, **geometry)}, {"tumour": mask}, settings)


def test_new_grid_is_centred_on_the_old_one(values, inside):
    chained = _chained(values, inside, ChainSettings(spacing=(2.0, 2.0, 2.0)))
    old = _image(values)
    assert chained.spacing == (2.0, 2.0, 2.0)
    assert chained.images["ct"].shape == (math.ceil(27 / 2), 10, math.ceil(14 * 0.8 / 2))
    assert chained.masks["tumour"].shape == chained.images["ct"].shape == chained.grid.GetSize()[::-1]
    centres = [
        image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
        for image in (old, chained.grid)
    ]
    assert centres[0] == pytest.approx(centres[1], abs=1e-6)
    assert chained.grid.GetDirection() == pytest.approx(old.GetDirection(), abs=1e-8)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("linear", sitk.sitkLinear), ("bspline", sitk.sitkBSpline), ("nearest", sitk.sitkNearestNeighbor)],
)
def test_interpolation_is_that_of_itk_inside_the_image(name, theirs, values, inside):
    chained = _chained(values, inside, ChainSettings(spacing=(1.63, 1.01, 0.95), interpolator=name))
    expected = sitk.Resample(_image(values), chained.grid, sitk.Transform(), theirs, np.nan, sitk.sitkFloat64)
    expected = sitk.GetArrayFromImage(expected)
    known = np.isfinite(expected)
    assert known.mean() > 0.8
    assert chained.images["ct"][known] == pytest.approx(expected[known], abs=1e-4)
    assert np.isfinite(chained.images["ct"]).all()


def test_masks_keep_voxels_with_half_of_their_volume(inside):
    """A slab of 3 mm slices on 2 mm: share of a new voxel by the distance of its centre from the slab."""
    slab = np.zeros(SHAPE, dtype=bool)
    slab[2:5] = True
    for rule in ("linear", "nearest"):
        settings = ChainSettings(spacing=(2.0, None, None), mask_interpolator=rule)
        found = _chained(np.random.default_rng(1).normal(size=SHAPE), slab, settings).masks["tumour"]
        assert np.array_equal(found.any(axis=(1, 2)), found.all(axis=(1, 2)))
        centres = (np.arange(len(found)) - (len(found) - 1) / 2) * 2 / 3 + 4
        share = np.clip(1 - np.maximum(2 - centres, centres - 4), 0, 1)
        assert np.array_equal(found.any(axis=(1, 2)), share >= 0.5)
    strict = ChainSettings(spacing=(2.0, None, None), partial_volume=1.0)
    found = _chained(np.zeros(SHAPE), slab, strict).masks["tumour"].any(axis=(1, 2))
    assert np.array_equal(found, share >= 1)


def test_mask_is_that_of_itk(values, inside):
    chained = _chained(values, inside, ChainSettings(spacing=(1.7, 1.1, 0.9)))
    share = sitk.Resample(
        _image(inside.astype(np.float64)), chained.grid, sitk.Transform(), sitk.sitkLinear, 0.0
    )
    share = sitk.GetArrayFromImage(share)
    clear = np.abs(share - 0.5) > 1e-6
    assert np.array_equal(chained.masks["tumour"][clear], (share >= 0.5)[clear])


def test_mask_up_to_the_border_of_the_image_stays_there(values):
    chained = _chained(values, np.ones(SHAPE, dtype=bool), ChainSettings(spacing=(1.0, 1.0, 1.0)))
    assert chained.masks["tumour"][:, 1:-1, 1:-1].all()


def test_slices_stay_apart_when_interpolated_in_2d(values, inside):
    settings = ChainSettings(spacing=(None, 2.0, 2.0))
    whole = _chained(values, inside, settings)
    assert whole.spacing == (3.0, 2.0, 2.0)
    for k in (1, 4, 6):
        alone = _chained(values[k : k + 1], inside[k : k + 1] | True, settings)
        assert whole.images["ct"][k] == pytest.approx(alone.images["ct"][0], rel=1e-12)


@pytest.mark.parametrize("spacing", [None, SPACING, (2.0, 2.0, 2.0)])
@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (0.9, -0.7, 2.1)])
def test_directions_change_nothing(angles, spacing, values, inside):
    settings = ChainSettings(spacing=spacing)

    def features(angles):
        mask = _image(inside.astype(np.uint8), angles)
        return run_chain({"ct": _image(values, angles)}, {"tumour": mask}, KEYS, settings)

    ours, straight = features(angles), features((0.3, -0.2, 0.5))
    assert not ours.missing
    assert ours.values == straight.values


def test_own_spacing_changes_nothing(values, inside):
    kept = run_chain(
        {"ct": _image(values)}, {"tumour": _image(inside.astype(np.uint8))}, KEYS, ChainSettings()
    )
    assert kept.values == extract({"ct": values}, {"tumour": inside}, SPACING, KEYS).values


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("label", [1, 3, 200])
def test_labels(label, kind, values, inside):
    labels = np.where(inside, label, 0)
    labels[0, :3] = 7
    mask = _image(labels.astype(kind))
    ours = run_chain({"ct": _image(values)}, {"tumour": mask}, KEYS, ChainSettings(label=label))
    assert ours.values == extract({"ct": values}, {"tumour": inside}, SPACING, KEYS).values
    with pytest.raises(errors.EmptyRegionError, match=f"labels are 7, {label}|labels are {label}, 7"):
        run_chain({"ct": _image(values)}, {"tumour": mask}, KEYS, ChainSettings(label=9))


def test_grids_that_differ_in_the_seventh_digit(values, inside):
    mask = _image(inside.astype(np.uint8))
    ours = run_chain({"ct": _image(values)}, {"tumour": mask}, KEYS, ChainSettings())
    mask.SetOrigin([x * (1 + 1e-7) for x in mask.GetOrigin()])
    mask.SetSpacing([x * (1 + 1e-7) for x in mask.GetSpacing()])
    mask.SetDirection([x * (1 - 1e-7) for x in mask.GetDirection()])
    assert run_chain({"ct": _image(values)}, {"tumour": mask}, KEYS, ChainSettings()).values == ours.values


@pytest.mark.parametrize("change", ["origin", "spacing", "direction", "size"])
def test_grids_that_differ_are_refused(change, values, inside):
    mask = _image(inside.astype(np.uint8))
    if change == "origin":
        mask.SetOrigin(np.add(mask.GetOrigin(), (1.0, 0, 0)).tolist())
    elif change == "spacing":
        mask.SetSpacing((0.8, 1.25, 3.2))
    elif change == "direction":
        mask.SetDirection(oblique_grid(SHAPE, SPACING, (0.3, -0.2, 0.6)).GetDirection())
    else:
        mask = mask[:, :, 1:]
    with pytest.raises(errors.GeometryError, match="tumour"):
        run_chain({"ct": _image(values)}, {"tumour": mask}, [MEAN], ChainSettings())


def test_other_dimensions_are_refused(values, inside):
    mask = _image(inside.astype(np.uint8))
    with pytest.raises(errors.DimensionError, match="ct"):
        run_chain({"ct": _image(values)[:, :, 1]}, {"tumour": mask}, [MEAN], ChainSettings())
    colour = sitk.Compose(_image(values), _image(values))
    with pytest.raises(errors.DimensionError, match="ct"):
        run_chain({"ct": colour}, {"tumour": mask}, [MEAN], ChainSettings())


def test_conversion_and_rounding(values, inside):
    settings = ChainSettings(conversion=(("ct", 2.0, -1024.0),), spacing=(2.0, 2.0, 2.0), rounded=("ct",))
    found = _chained(values, inside, settings).images["ct"]
    plain = _chained(values, inside, ChainSettings(spacing=(2.0, 2.0, 2.0))).images["ct"]
    assert np.array_equal(found, np.rint(2 * plain - 1024))


def test_nan_stays_where_it_is(values, inside):
    settings = ChainSettings(spacing=(2.0, 2.0, 2.0))
    holed = values.copy()
    holed[0, 0, :4] = (np.nan, np.inf, -np.inf, np.nan)
    mask = {"tumour": _image(inside.astype(np.uint8))}
    ours = run_chain({"ct": _image(holed)}, mask, [MEAN], settings)
    assert ours.values == run_chain({"ct": _image(values)}, mask, [MEAN], settings).values
    found = _chained(holed, inside, settings).images["ct"]
    assert 0 < np.isnan(found).sum() < 20
    known = np.isfinite(found)
    assert np.array_equal(found[known], _chained(values, inside, settings).images["ct"][known])
    with pytest.raises(errors.NonFiniteError, match="spline"):
        _chained(holed, inside, ChainSettings(spacing=(2.0, 2.0, 2.0), interpolator="bspline"))
    holed[4, 8, 7] = np.nan
    with pytest.raises(errors.NonFiniteError, match="tumour"):
        run_chain({"ct": _image(holed)}, mask, [MEAN], settings)


def test_mask_that_vanishes(values):
    inside = np.zeros(SHAPE, dtype=bool)
    inside[4, 8, 7] = True
    with pytest.raises(errors.EmptyRegionError, match="after interpolation"):
        _chained(values, inside, ChainSettings(spacing=(20.0, 20.0, 20.0)))


@pytest.mark.parametrize(
    "settings",
    [
        {"spacing": (0.0, 1.0, 1.0)},
        {"spacing": (math.nan, 1.0, 1.0)},
        {"spacing": (1.0, 1.0)},
        {"interpolator": "sinc"},
        {"mask_interpolator": "bspline"},
        {"partial_volume": 0.0},
        {"partial_volume": 1.5},
    ],
)
def test_settings_that_cannot_be(settings):
    with pytest.raises((errors.GeometryError, errors.FeatureError)):
        ChainSettings(**settings)


def test_too_fine_a_grid_is_refused_before_anything_is_allocated(values, inside, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, str(2 << 30))
    with pytest.raises(errors.MemoryLimitError, match="GB"):
        _chained(values, inside, ChainSettings(spacing=(0.02, 0.02, 0.02)))


def test_cancelling(values, inside):
    token = CancelToken()
    token.cancel()
    images, masks = {"ct": _image(values)}, {"tumour": _image(inside.astype(np.uint8))}
    with pytest.raises(errors.Cancelled):
        run_chain(images, masks, KEYS, ChainSettings(spacing=(2.0, 2.0, 2.0)), progress=token.watch())


def test_provenance_is_in_the_order_of_processing(values, inside):
    settings = ChainSettings(conversion=(("ct", 1.0, -1000.0),), spacing=(2.0, 2.0, 2.0), rounded=("ct",))
    mask = _image(inside.astype(np.uint8))
    steps = run_chain({"ct": _image(values)}, {"tumour": mask}, KEYS, settings).provenance
    first = [step.split()[0] for step in steps]
    wanted = ["Converted", "Interpolated", "Interpolated", "Rounded", "Region", "Re-segmented", "Discretised"]
    assert [word for word in first if word in wanted][: len(wanted)] == wanted
    assert first[-1] == "Features:"
