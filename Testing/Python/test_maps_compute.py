"""Voxel-wise maps: kernels, choices, what is refused, progress, files and the command."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from maps_support import features_of, textured
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.cli import main
from virtualbiopsy.errors import (
    Cancelled,
    DimensionError,
    EmptyRegionError,
    FeatureError,
    FlatRegionError,
    GeometryError,
    MemoryLimitError,
    NonFiniteError,
)
from virtualbiopsy.radiomics.kernels import choose
from virtualbiopsy.radiomics.maps import compute
from virtualbiopsy.radiomics.maps.compute import feature_maps
from virtualbiopsy.radiomics.maps.counting import COMPARED_ROWS, appearances
from virtualbiopsy.radiomics.maps.shape import kernel_shape

SPACING = (3.0, 1.0, 1.0)


@pytest.fixture
def scene():
    image = textured((10, 9, 8))
    mask = np.zeros(image.shape, dtype=bool)
    mask[2:8, 1:8, 2:7] = True
    mask[4, 4, 4] = False
    return image, mask


def test_a_radius_in_mm_reaches_whole_voxels():
    assert kernel_shape(SPACING, None, 3.0).radius == (1, 3, 3)
    assert kernel_shape(SPACING, None, 2.999).radius == (0, 2, 2)
    assert kernel_shape((0.1, 0.1, 0.1), None, 0.3).radius == (3, 3, 3)
    assert kernel_shape(SPACING, 2, None).voxels == 125


def test_mean_map_is_a_box_mean_within_the_mask(scene):
    image, mask = scene
    maps = feature_maps(image, mask, SPACING, ["statistics:mean", "statistics:energy"], radius_mm=2.0)
    found = maps["statistics:mean"]
    assert found.shape == image.shape and found.dtype == np.float64
    for at in ((2, 1, 2), (4, 4, 3), (7, 7, 6)):
        box = tuple(slice(max(c - r, 0), c + r + 1) for c, r in zip(at, (0, 2, 2), strict=True))
        values = image[box][mask[box]]
        assert found[at] == pytest.approx(values.mean(), rel=1e-14)
        assert maps["statistics:energy"][at] == pytest.approx((values**2).sum(), rel=1e-14)
    assert np.isnan(found[~mask]).all() and not np.isnan(found[mask]).any()


def test_a_full_kernel_takes_voxels_outside_the_mask(scene):
    image, mask = scene
    found = feature_maps(image, mask, SPACING, "statistics:maximum", kernel="full")["statistics:maximum"]
    assert found[2, 1, 2] == image[1:4, 0:3, 1:4].max()
    assert np.isnan(found[4, 4, 4])


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_and_threads_do_not_change_a_value(scene, threads, monkeypatch):
    image, mask = scene
    features = features_of("ibsi", ("statistics", "glcm", "glszm"))
    whole = feature_maps(image, mask, SPACING, features, threads=1)
    monkeypatch.setattr(compute, "BATCH_VOXELS", 27 * 20)
    parts = feature_maps(image, mask, SPACING, features, threads=threads)
    for label, found in whole.items():
        np.testing.assert_array_equal(parts[label], found)


def test_an_image_does_not_matter_outside_the_region(scene):
    image, mask = scene
    other = np.where(mask, image, np.nan)
    for label, found in feature_maps(image, mask, SPACING, ["glcm", "statistics"]).items():
        np.testing.assert_array_equal(
            feature_maps(other, mask, SPACING, ["glcm", "statistics"])[label], found
        )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_images_give_mirrored_maps(scene, axis):
    image, mask = scene
    features = [f for f in features_of("ibsi") if f[0] != "histogram"]
    here = feature_maps(image, mask, SPACING, features)
    there = feature_maps(np.flip(image, axis), np.flip(mask, axis), SPACING, features)
    for label, found in here.items():
        np.testing.assert_allclose(np.flip(there[label], axis), found, rtol=1e-9, atol=1e-9, err_msg=label)


def test_appearances_by_comparing_and_by_sorting():
    rng = np.random.default_rng(0)
    for rows in (5, COMPARED_ROWS + 30):
        codes = rng.integers(0, 4, (rows, 50))
        kept, turn = appearances(codes)
        for column in range(50):
            values = np.unique(codes[:, column])
            for value in values[values > 0]:
                mine = turn[kept[:, column] == value, column]
                assert sorted(mine) == list(range(1, np.count_nonzero(codes[:, column] == value) + 1))
        assert (turn[kept == 0] == 0).all()


def test_progress_ends_the_work(scene, monkeypatch):
    image, mask = scene
    monkeypatch.setattr(compute, "BATCH_VOXELS", 27 * 20)
    calls = []

    def stop(fraction, message):
        calls.append(fraction)
        if len(calls) == 3:
            raise Cancelled()

    with pytest.raises(Cancelled):
        feature_maps(image, mask, SPACING, "glcm", progress=stop, threads=2)
    assert calls == sorted(calls) and 0 <= calls[0] < calls[2] < 1


def test_what_is_refused(scene, monkeypatch):
    image, mask = scene

    def refuses(error, *given, **choices):
        with pytest.raises(error):
            feature_maps(*given, **choices)

    refuses(EmptyRegionError, image, mask & False, SPACING, "glcm")
    refuses(DimensionError, image[0], mask[0], SPACING, "glcm")
    refuses(GeometryError, image, mask[1:], SPACING, "glcm")
    refuses(GeometryError, image, mask, (1.0, 0.0, 1.0), "glcm")
    refuses(NonFiniteError, np.where(mask, np.inf, image), mask, SPACING, "glcm")
    refuses(NonFiniteError, np.where(mask, image, np.nan), mask, SPACING, "statistics", kernel="full")
    refuses(FlatRegionError, np.ones_like(image), mask, SPACING, "glcm")
    refuses(FeatureError, image, mask, SPACING, [])
    refuses(FeatureError, image, mask, SPACING, "morphology:volume")
    refuses(FeatureError, image, mask, SPACING, "glcm:nothing")
    refuses(FeatureError, image, mask, SPACING, "gldzm", profile="pyradiomics")
    refuses(FeatureError, image, mask, SPACING, "glcm", aggregation="2d_average")
    refuses(FeatureError, image, mask, SPACING, "glcm", discretisation="thirty")
    refuses(FeatureError, image, mask, SPACING, "glcm", kernel="round")
    refuses(FeatureError, image, mask, SPACING, "t1:tumour:square:glcm:contrast:3d_average:fbn8:ibsi")
    refuses(FeatureError, image, mask, SPACING, "glcm", radius=1, radius_mm=2.0)
    refuses(FeatureError, image, mask, SPACING, "glcm", radius=0)
    refuses(FeatureError, image, mask, SPACING, "glcm", radius=1.5)
    refuses(FeatureError, image, mask, SPACING, "glcm", radius=11)
    refuses(FeatureError, image, mask, SPACING, "glcm", radius_mm=0.5)
    monkeypatch.setenv("VIRTUALBIOPSY_MEMORY_LIMIT", "100000")
    refuses(MemoryLimitError, image, mask, SPACING, "glcm")


def test_a_flat_region_has_statistics(scene):
    image, mask = scene
    maps = feature_maps(np.full_like(image, 0.1), mask, SPACING, ["statistics"], profile="ibsi")
    assert (maps["statistics:variance"][mask] == 0).all()
    assert np.isnan(maps["statistics:skewness"][mask]).all()


@pytest.mark.parametrize("profile, spec", [("pyradiomics", "fbw60"), ("ibsi", "fbn300")])
@pytest.mark.parametrize("radius", [1, (0, 1, 2), 2])
def test_compiled_maps_are_the_plain_ones(profile, spec, radius):
    pytest.importorskip("numba")
    rng = np.random.default_rng(4)
    image = textured((8, 9, 8)).round(1)
    mask = rng.random(image.shape) < 0.5
    features = [*features_of(profile, ("statistics", "glcm", "histogram")), ("histogram", "uniformity")]
    for aggregation in ("3d_average", "3d_merged"):
        found = {}
        for mode in ("plain", "compiled"):
            with choose.using(mode):
                found[mode] = feature_maps(
                    image,
                    mask,
                    SPACING,
                    features,
                    radius=radius,
                    discretisation=spec,
                    profile=profile,
                    aggregation=aggregation,
                )
        for label, plain in found["plain"].items():
            np.testing.assert_allclose(found["compiled"][label], plain, rtol=1e-12, atol=1e-12, err_msg=label)


@pytest.fixture
def files(scene, tmp_path):
    image, mask = scene
    paths = tmp_path / "image.nrrd", tmp_path / "mask.nrrd"
    for path, array in zip(paths, (image, mask.astype(np.uint8) * 2), strict=True):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing(SPACING[::-1])
        volume.SetOrigin((5.0, -3.0, 8.0))
        sitk.WriteImage(volume, str(path))
    return [str(path) for path in paths]


def test_the_command_writes_maps_on_the_grid_of_the_image(scene, files, tmp_path, capsys):
    out = tmp_path / "maps"
    given = [
        "maps",
        *files,
        "--label",
        "2",
        "--features",
        "glcm:contrast, statistics:mean",
        "--out",
        str(out),
    ]
    assert main([*given, "--discretisation", "fbn8", "--quiet"]) == 0
    assert RESEARCH_USE_ONLY in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"glcm_contrast.nrrd", "statistics_mean.nrrd"}
    written = sitk.ReadImage(str(out / "glcm_contrast.nrrd"))
    assert written.GetOrigin() == pytest.approx((5.0, -3.0, 8.0))
    assert written.GetMetaData("virtualbiopsy_discretisation") == "fbn8"
    expected = feature_maps(*scene, SPACING, "glcm:contrast", discretisation="fbn8")["glcm:contrast"]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), expected)


def test_the_command_keeps_what_is_there(files, tmp_path, capsys):
    out = tmp_path / "maps"
    given = ["maps", *files, "--label", "2", "--features", "statistics:mean", "--out", str(out), "--quiet"]
    assert main(given) == 0
    before = (out / "statistics_mean.nrrd").read_bytes()
    assert main([*given, "--radius", "2"]) == 2
    assert "ExistingFileError" in capsys.readouterr().err
    assert (out / "statistics_mean.nrrd").read_bytes() == before
    assert main([*given, "--radius", "2", "--overwrite"]) == 0
    assert (out / "statistics_mean.nrrd").read_bytes() != before


def test_the_command_refuses_a_label_that_is_not_there(files, tmp_path, capsys):
    given = ["maps", *files, "--features", "glcm", "--out", str(tmp_path / "maps"), "--quiet"]
    assert main(given) == 2
    assert "no voxel of the value 1" in capsys.readouterr().err
    assert not (tmp_path / "maps").exists()
