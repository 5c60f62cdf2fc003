"""Features of unions of supervoxels: each equal to extracting the union as a region of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from maps_support import features_of, key_of, textured
from virtualbiopsy.errors import (
    Cancelled,
    EmptyRegionError,
    FeatureError,
    FlatRegionError,
    GeometryError,
    NonFiniteError,
    RegionError,
)
from virtualbiopsy.radiomics import glcm
from virtualbiopsy.radiomics.coalitions import coalitions as module
from virtualbiopsy.radiomics.coalitions.coalitions import Coalitions
from virtualbiopsy.radiomics.coalitions.supervoxels import supervoxels
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.kernels import choose
from virtualbiopsy.radiomics.lattice import Lattice
from virtualbiopsy.radiomics.levels import Levels
from virtualbiopsy.radiomics.texture import Texture

SPACING = (2.5, 1.0, 1.2)
ADDITIVE = ("statistics", "histogram", "glcm")


def _keys(spec: str, profile: str, families=ADDITIVE, aggregation="3d_average") -> list:
    return [key_of(feature, spec, profile, aggregation) for feature in features_of(profile, families)]


def _region(shape=(9, 11, 10), count=12, seed=0):
    image = textured(shape, seed).round(1)
    ball = (np.indices(shape) - np.array(shape).reshape(3, 1, 1, 1) / 2) ** 2
    mask = ball.sum(axis=0) < 18 + 4 * np.random.default_rng(seed).random(shape)
    return image, supervoxels(mask, SPACING, count, seed)


def _chosen(count: int, parts: int, seed=1) -> np.ndarray:
    """Unions of all sizes, among them the empty one, a single part and all parts."""
    rng = np.random.default_rng(seed)
    chosen = rng.random((count, parts)) < rng.random((count, 1))
    chosen[0], chosen[1], chosen[2] = False, np.arange(parts) == 1, True
    return chosen


def _extracted(image, labels, parts, keys) -> np.ndarray:
    union = np.append(False, parts)[labels]
    try:
        found = extract({"t1": image}, {"tumour": union}, SPACING, keys).values
    except RegionError:
        return np.full(len(keys), np.nan)
    return np.array([found.get(str(key), math.nan) for key in keys])


def _assert_same(found, expected, keys, image) -> None:
    """Within 1e-12 of the value, or of the size of what a difference of sums was taken of."""
    scale = np.abs(expected)
    for column, key in enumerate(keys):
        if key.family == "glcm" and key.name in ("cluster_shade", "cluster_prominence", "correlation"):
            scale[..., column] = np.maximum(scale[..., column], 1.0)
        elif key.name in ("skewness", "kurtosis", "information_correlation_2"):
            scale[..., column] = np.maximum(scale[..., column], 0.1)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    error = np.abs(found - expected) / np.where(scale > 0, scale, 1.0)
    worst = np.unravel_index(np.nanargmax(error), error.shape)
    assert error[worst] <= 1e-12, (str(keys[worst[-1]]), found[worst], expected[worst])


@pytest.mark.parametrize("mode", ["plain", "compiled"])
@pytest.mark.parametrize(
    "spec, profile, aggregation",
    [
        ("fbw60", "pyradiomics", "3d_average"),
        ("fbw60", "pyradiomics", "3d_merged"),
        ("fbn16", "pyradiomics", "3d_average"),
        ("fbn16", "ibsi", "3d_average"),
        ("fbw60", "ibsi", "3d_merged"),
    ],
)
def test_unions_equal_their_extraction(spec, profile, aggregation, mode):
    if mode == "compiled":
        pytest.importorskip("numba")
    image, labels = _region()
    keys = _keys(spec, profile, aggregation=aggregation)
    chosen = _chosen(40, labels.max())
    expected = np.array([_extracted(image, labels, parts, keys) for parts in chosen])
    with choose.using(mode):
        work = Coalitions({"t1": image}, labels, SPACING, keys)
        assert not work.recounted
        found = work.evaluate(chosen)
    assert np.isnan(found[0]).all() and not np.isnan(found[2]).any()
    _assert_same(found, expected, keys, image)


def test_unions_of_a_real_region_equal_their_extraction(data_dir, monkeypatch):
    """With bins of fixed width as pyradiomics has them, nothing is recounted."""
    folder = data_dir / "volumes" / "pyradiomics"
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "brain1_image.nrrd"))).astype(np.float64)
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "brain1_label.nrrd"))) == 1
    labels = supervoxels(mask, SPACING, 50)
    keys = _keys("fbw25", "pyradiomics")
    chosen = _chosen(12, 50)
    expected = np.array([_extracted(image, labels, parts, keys) for parts in chosen])
    monkeypatch.setattr(module, "extract", None)
    monkeypatch.setattr(Coalitions, "_by_range", None)
    _assert_same(Coalitions({"t1": image}, labels, SPACING, keys).evaluate(chosen), expected, keys, image)


def test_widths_whose_multiples_are_rounded_are_not_shifted():
    """Multiples of 0.1 are rounded, so levels of a union may not be the region's less a constant."""
    image, labels = _region(count=6)
    image = image.round(-1) / 1000
    keys = _keys("fbw0.1", "pyradiomics")
    chosen = _chosen(25, labels.max())
    expected = np.array([_extracted(image, labels, parts, keys) for parts in chosen])
    _assert_same(Coalitions({"t1": image}, labels, SPACING, keys).evaluate(chosen), expected, keys, image)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_union_of_any_small_region(data):
    shape = data.draw(st.tuples(*(st.integers(1, 4),) * 3))
    count = int(np.prod(shape))
    image = np.array(data.draw(st.lists(st.integers(-9, 9), min_size=count, max_size=count)), dtype=float)
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    image, labels = image.reshape(shape), labels.reshape(shape)
    if not labels.any() or np.ptp(image[labels > 0]) == 0:
        return
    spec, profile = data.draw(st.sampled_from([("fbw2", "pyradiomics"), ("fbn4", "ibsi"), ("fbw3", "ibsi")]))
    keys = _keys(spec, profile)
    parts = labels.max()
    chosen = (np.arange(2**parts)[:, None] >> np.arange(parts)) % 2 == 1
    expected = np.array([_extracted(image, labels, one, keys) for one in chosen])
    found = Coalitions({"t1": image}, labels, SPACING, keys).evaluate(chosen)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-7)


def test_a_level_of_a_lone_voxel_counts_for_the_maximal_correlation():
    """The only pair has one level, but the union has two; where it has one level only, the value is 1."""
    image = np.array([[[1.0, 1, 0, 0, 6, 0, 3, 3, 5]]])
    labels = np.array([[[1, 1, 0, 0, 2, 0, 3, 3, 4]]])
    keys = ["t1:tumour:original:glcm:maximal_correlation_coefficient:3d_average:fbw5:pyradiomics"]
    chosen = np.array([[True, True, False, False], [True, False, True, False], [False, False, True, True]])
    expected = np.array([_extracted(image, labels, parts, keys) for parts in chosen])
    assert expected[:2, 0].tolist() == [0.0, 1.0]
    np.testing.assert_allclose(
        Coalitions({"t1": image}, labels, SPACING, keys).evaluate(chosen), expected, atol=1e-9
    )


def test_parts_without_voxels():
    image, labels = _region(count=4)
    labels = np.array([0, 1, 4, 2, 7])[labels]
    keys = _keys("fbw60", "pyradiomics")
    chosen = np.zeros((3, 7), dtype=bool)
    chosen[0, [0, 2, 3]] = chosen[1, [4, 5]] = chosen[2, 2:] = True
    expected = np.array([_extracted(image, labels, parts, keys) for parts in chosen[[0, 2]]])
    found = Coalitions({"t1": image}, labels, SPACING, keys).evaluate(chosen)
    assert np.isnan(found[1]).all()
    _assert_same(found[[0, 2]], expected, keys, image)


@pytest.mark.parametrize("counts", [(9, 1, 2, 3), (1, 1, 1, 8), (8, 1, 1, 1), (1, 5, 5, 1), (2, 0, 0, 7)])
def test_the_ends_of_a_histogram_have_one_sided_gradients(counts):
    image = np.repeat(np.arange(4.0), counts).reshape(1, 1, -1)
    keys = _keys("fbn4", "ibsi", ("histogram",))
    labels = np.ones(image.shape, dtype=int)
    chosen = np.ones((8, 1), dtype=bool)
    expected = _extracted(image, labels, chosen[0], keys)
    found = Coalitions({"t1": image}, labels, SPACING, keys).evaluate(chosen)
    _assert_same(found, np.tile(expected, (8, 1)), keys, image)


def test_other_families_are_recounted():
    image, labels = _region(count=6)
    keys = [
        *(key for key in all_keys("t1", "tumour", "fbn8", "ibsi") if key.family not in ADDITIVE),
        *all_keys("mask", "tumour", profile="ibsi")[:6],
        key_of(("statistics", "mean"), "none", "ibsi"),
    ]
    chosen = _chosen(4, labels.max())
    work = Coalitions({"t1": image}, labels, SPACING, keys)
    assert set(work.recounted) == {str(key) for key in keys[:-1]}
    expected = np.array([_extracted(image, labels, parts, keys) for parts in chosen])
    np.testing.assert_allclose(work.evaluate(chosen), expected, rtol=1e-12)


def test_keys_with_resegmentation_or_planes_are_recounted():
    image, labels = _region(count=6)
    keys = [
        "t1:tumour(range=300..700):original:statistics:mean:3d:none:ibsi",
        "t1:tumour:original:glcm:contrast:2d_average:fbn8:ibsi",
    ]
    chosen = _chosen(4, labels.max())[2:]
    work = Coalitions({"t1": image}, labels, SPACING, keys)
    assert work.recounted == tuple(keys)
    unions = [np.append(False, parts)[labels] for parts in chosen]
    vectors = [extract({"t1": image}, {"tumour": union}, SPACING, keys) for union in unions]
    expected = np.array([[vector.values[key] for key in keys] for vector in vectors])
    np.testing.assert_allclose(work.evaluate(chosen), expected, rtol=1e-12)


def test_filtered_images():
    image, labels = _region(count=6)
    keys = ["t1:tumour:square:statistics:mean:3d:none:pyradiomics"]
    chosen = _chosen(5, labels.max())[2:]
    found = Coalitions(
        {"t1": image}, labels, SPACING, keys, responses=lambda sequence, kind, profile: image**2
    ).evaluate(chosen)
    expected = [(image**2)[np.append(False, parts)[labels]].mean() for parts in chosen]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-13)


@pytest.mark.parametrize("mode", ["plain", "compiled"])
@pytest.mark.parametrize("profile", ["ibsi", "pyradiomics"])
def test_frozen_levels_are_those_of_the_whole_region(profile, mode):
    if mode == "compiled":
        pytest.importorskip("numba")
    image, labels = _region()
    families = (*ADDITIVE[1:], "glszm")
    keys = _keys("fbn16", profile, families)
    levels, n_levels = discretise(image, labels > 0, "fbn16", profile)
    with choose.using(mode):
        work = Coalitions({"t1": image}, labels, SPACING, keys, levels="frozen")
        chosen = _chosen(12, labels.max())[1:]
        found = work.evaluate(chosen)
    expected = np.empty_like(found)
    for row, parts in enumerate(chosen):
        union = np.append(False, parts)[labels]
        cells = Levels.of(levels[union], n_levels)
        texture = Texture(Lattice(union), None, "fbn16", profile, cells=cells)
        with np.errstate(all="ignore"):
            expected[row] = [texture.feature(key) for key in keys]
    _assert_same(found, expected, keys, image)


def test_counts_are_additive():
    """The co-occurrence counts of a union are those of the union's levels, entry by entry."""
    image, labels = _region()
    keys = _keys("fbn16", "ibsi", ("glcm",))
    work = Coalitions({"t1": image}, labels, SPACING, keys, levels="frozen")
    chosen = _chosen(6, labels.max())
    work.evaluate(chosen)
    (tables,) = work._tables.values()
    pairs = tables.pairs(merged=False)
    counts = pairs.counts(np.ascontiguousarray(chosen.T, dtype=np.float64))
    levels, n_levels = discretise(image, labels > 0, "fbn16", "ibsi")
    for column, parts in enumerate(chosen):
        expected = glcm.cooccurrence(levels * np.append(False, parts)[labels], n_levels)
        found = np.zeros_like(expected)
        found[pairs.direction, pairs.low - 1, pairs.high - 1] = counts[:, column]
        found[pairs.direction, pairs.high - 1, pairs.low - 1] = counts[:, column]
        np.testing.assert_array_equal(found, expected)


def test_batches_do_not_change_a_value(monkeypatch):
    image, labels = _region()
    keys = _keys("fbw60", "pyradiomics")
    chosen = _chosen(50, labels.max())
    work = Coalitions({"t1": image}, labels, SPACING, keys)
    whole = work.evaluate(chosen)
    monkeypatch.setattr(module, "BATCH", 7)
    np.testing.assert_allclose(work.evaluate(chosen), whole, rtol=1e-13, atol=1e-13)
    assert work.evaluate(chosen[:0]).shape == (0, len(keys))


def test_progress_ends_the_work():
    image, labels = _region()
    work = Coalitions({"t1": image}, labels, SPACING, _keys("fbn16", "ibsi"))
    calls = []

    def stop(fraction, message):
        calls.append(fraction)
        if len(calls) == 6:
            raise Cancelled()

    with pytest.raises(Cancelled):
        work.evaluate(_chosen(40, labels.max()), stop)
    assert calls == sorted(calls) and calls[-1] <= 1


def test_one_voxel_and_one_value_give_nan():
    image, labels = textured((4, 5, 6)), np.zeros((4, 5, 6), dtype=int)
    labels[0, 0, 0], labels[1:3, 1:3, 1:3], labels[3, 4] = 1, 2, 3
    image[3, 4] = 77.0
    keys = [*_keys("fbw60", "ibsi"), *_keys("fbn8", "ibsi", ("glszm",))]
    found = Coalitions({"t1": image}, labels, SPACING, keys).evaluate(np.eye(3, dtype=bool))
    assert np.isnan(found[[0, 2]]).all() and not np.isnan(found[1]).any()


def test_a_sequence_that_is_not_there_gives_nan():
    image, labels = _region()
    keys = [
        "adc:tumour:original:statistics:mean:3d:none:ibsi",
        "t1:tumour:original:statistics:mean:3d:none:ibsi",
    ]
    found = Coalitions({"t1": image}, labels, SPACING, keys).evaluate(np.ones((1, labels.max()), dtype=bool))
    assert np.isnan(found[0, 0]) and found[0, 1] == pytest.approx(image[labels > 0].mean())


def test_what_is_refused():
    image, labels = _region()
    keys = _keys("fbn16", "ibsi", ("glcm",))

    def refuses(error, images, labels, spacing=SPACING, keys=keys, chosen=None, **choices):
        with pytest.raises(error):
            work = Coalitions(images, labels, spacing, keys, **choices)
            work.evaluate(np.ones((1, work.parts), dtype=bool) if chosen is None else chosen)

    refuses(EmptyRegionError, {"t1": image}, labels * 0)
    refuses(GeometryError, {"t1": image[1:]}, labels)
    refuses(GeometryError, {"t1": image}, labels, spacing=(1.0, 1.0))
    refuses(NonFiniteError, {"t1": np.where(labels == 3, np.nan, image)}, labels)
    refuses(FlatRegionError, {"t1": np.ones_like(image)}, labels)
    refuses(FeatureError, {"t1": image}, -labels)
    refuses(FeatureError, {"t1": image}, labels, levels="mine")
    refuses(FeatureError, {"t1": image}, labels, chosen=np.ones((1, 3), dtype=bool))
    two = [keys[0], "t1:ring5:original:statistics:mean:3d:none:ibsi"]
    refuses(FeatureError, {"t1": image}, labels, keys=two)
