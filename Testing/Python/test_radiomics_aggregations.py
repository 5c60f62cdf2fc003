"""Slices, distances, weights and alpha against pyradiomics 3.0.1; properties of the planar aggregations."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from virtualbiopsy.errors import MemoryLimitError
from virtualbiopsy.radiomics.definitions import DEFINITIONS, all_keys
from virtualbiopsy.radiomics.extract import extract

SPACING = (2.3, 0.9, 1.1)
RELATIVE = 1e-9

PLANAR = ("2d_average", "2d_merged", "2.5d_average", "2.5d_merged")


@pytest.fixture(scope="module")
def region() -> tuple[np.ndarray, np.ndarray]:
    """Two ragged components with holes and an empty slice between; the image is smooth with noise."""
    rng = np.random.default_rng(21)
    smooth = ndimage.gaussian_filter(rng.normal(size=(11, 17, 15)), 1.3)
    mask = smooth > 0.02
    mask[:, 8] = mask[5] = False
    mask[2:4, 4:6, 5:7] = False
    image = 200 + 900 * smooth + rng.normal(0, 25, smooth.shape)
    return np.pad(image, 2, mode="edge"), np.pad(mask, 2)


def _features(region, aggregation: str, profile: str, families=None, spacing=SPACING, spec="fbw25"):
    image, mask = region
    keys = all_keys("t1", "tumour", spec, profile, aggregation)
    keys = [key for key in keys if key.family not in ("morphology", "statistics", "ivh", "local_intensity")]
    keys = [key for key in keys if families is None or key.family in families]
    found = extract({"t1": image}, {"tumour": mask}, spacing, keys)
    assert not found.missing
    return {(key.family, key.name): found.values[str(key)] for key in keys}


CASES = {
    "3d_merged(weight=euclidean)": ({"weightingNorm": "euclidean"}, ("glcm", "glrlm")),
    "3d_merged(weight=manhattan)": ({"weightingNorm": "manhattan"}, ("glcm", "glrlm")),
    "3d_merged(weight=chebyshev)": ({"weightingNorm": "infinity"}, ("glcm", "glrlm")),
    "2.5d_average": ({"force2D": True}, None),
    "2.5d_merged(weight=euclidean)": ({"force2D": True, "weightingNorm": "euclidean"}, ("glcm", "glrlm")),
    "3d_average(distance=2)": ({"distances": [2]}, ("glcm",)),
    "2.5d_average(distance=3)": ({"distances": [3], "force2D": True}, ("glcm",)),
    "3d(distance=2)": ({"distances": [1, 2]}, ("ngtdm", "ngldm")),
    "2.5d(distance=2)": ({"distances": [1, 2], "force2D": True}, ("ngtdm", "ngldm")),
    "3d(alpha=1)": ({"gldm_a": 1}, ("ngldm",)),
}


@pytest.mark.oracle
@pytest.mark.parametrize("aggregation", CASES)
def test_equals_pyradiomics(aggregation, region, tmp_path, pyradiomics_oracle):
    settings, families = CASES[aggregation]
    for name, array in zip(("image", "mask"), (region[0], region[1].astype(np.uint8)), strict=True):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing(SPACING[::-1])
        sitk.WriteImage(volume, str(tmp_path / f"{name}.nrrd"))
    classes = ["gldm" if family == "ngldm" else family for family in families or ()]
    request = {"settings": {"binWidth": 25, **settings}}
    request["classes"] = classes or ["glcm", "glrlm", "glszm", "gldm", "ngtdm"]
    theirs = pyradiomics_oracle(tmp_path / "image.nrrd", tmp_path / "mask.nrrd", request)["features"]
    ours = _features(region, aggregation, "pyradiomics", families)
    named = {DEFINITIONS[key].pyradiomics_name: value for key, value in ours.items() if key[0] != "histogram"}
    assert len(theirs) > 4 and set(theirs) <= set(named)
    different = {
        name: (named[name], value)
        for name, value in theirs.items()
        if not abs(named[name] - value) <= RELATIVE * abs(value)
    }
    assert not different


@pytest.mark.parametrize("aggregation", [*PLANAR, "2d_merged(distance=2;norm=euclidean)"])
@pytest.mark.parametrize("move", ["quarter turn", "flip j", "flip i", "slices in another order"])
def test_moving_within_the_slices_changes_nothing(move, aggregation, region):
    """Slices know nothing of each other, so their order does not matter either."""
    moves = {
        "quarter turn": lambda a: np.rot90(a, 1, (1, 2)),
        "flip j": lambda a: a[:, ::-1],
        "flip i": lambda a: a[:, :, ::-1],
        "slices in another order": lambda a: a[np.random.default_rng(2).permutation(len(a))],
    }
    moved = tuple(moves[move](array) for array in region)
    before = _features(region, aggregation, "ibsi")
    after = _features(moved, aggregation, "ibsi")
    for key, value in before.items():
        assert after[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key


def test_mean_over_slices_is_the_mean_of_the_slices(region):
    image, mask = region
    kept = [k for k in range(len(mask)) if np.count_nonzero(mask[k]) > 1]
    mask = np.where(np.isin(np.arange(len(mask)), kept)[:, None, None], mask, False)
    families = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
    levels = np.round(image / 100) + 5
    levels[:, 0, 0] = levels.min()
    image = np.where(mask, levels, 0)
    low, high = image[mask].min(), image[mask].max()
    for k in kept:
        assert len(np.unique(image[k][mask[k]])) > 1
    found = _features((image, mask), "2d_merged", "ibsi", families, spec=f"fbw{1:g}")
    singles = []
    for k in kept:
        alone = np.zeros_like(mask)
        alone[k] = mask[k]
        singles.append(_lone_slice(image, alone, low, high, families))
    for (family, name), value in found.items():
        if not name.startswith("normalised_inverse"):
            values = [single[family, name] for single in singles]
            assert value == pytest.approx(np.mean(values), rel=1e-9, abs=1e-12), (family, name)


def _lone_slice(image, mask, low, high, families):
    """Features of one slice, binned as in the whole region."""
    from virtualbiopsy.radiomics.keys import FeatureKey
    from virtualbiopsy.radiomics.lattice import Lattice
    from virtualbiopsy.radiomics.levels import Levels
    from virtualbiopsy.radiomics.texture import Texture

    levels = (image[mask] - low + 1).astype(np.int32)
    texture = Texture(Lattice(mask), None, "", "ibsi", cells=Levels.of(levels, int(high - low + 1)))
    return {
        key: texture.feature(FeatureKey("t1", "x", "original", *key, _aggregation(key[0]), "fbw1", "ibsi"))
        for key in DEFINITIONS
        if key[0] in families
    }


def _aggregation(family: str) -> str:
    return "2.5d_merged" if family in ("glcm", "glrlm") else "2.5d"


def test_one_slice_is_the_same_in_every_way(region):
    """In a region of one slice 2D, 2.5D and 3D see the same pairs, zones and neighbours."""
    image, mask = region
    k = int(np.argmax(np.count_nonzero(mask, axis=(1, 2))))
    alone = np.zeros_like(mask)
    alone[k] = mask[k]
    merged = [_features((image, alone), f"{base}_merged", "ibsi") for base in ("2d", "2.5d", "3d")]
    for key, value in merged[0].items():
        assert merged[1][key] == pytest.approx(value, rel=1e-12), key
        if key[0] not in ("glrlm", "gldzm"):
            assert merged[2][key] == pytest.approx(value, rel=1e-12), key


def test_distance_two_of_an_enlarged_image_is_distance_one():
    """Every voxel doubled along i: pairs two voxels apart along i are the old pairs, twice."""
    rng = np.random.default_rng(8)
    image = rng.integers(1, 6, (1, 1, 40)).astype(float)
    mask = np.ones(image.shape, dtype=bool)
    wide = np.repeat(image, 2, axis=2), np.repeat(mask, 2, axis=2)
    one = _features((image, mask), "3d_average", "ibsi", ("glcm",), spec="fbw1")
    two = _features(wide, "3d_average(distance=2)", "ibsi", ("glcm",), spec="fbw1")
    for key, value in one.items():
        assert two[key] == pytest.approx(value, rel=1e-9, abs=1e-12), key


def test_too_many_matrices_are_refused_before_they_are_made(monkeypatch):
    """One matrix of each slice and direction, with hundreds of grey levels: more than the memory given."""
    monkeypatch.setenv("VIRTUALBIOPSY_MEMORY_LIMIT", str(400 * 2**20))
    rng = np.random.default_rng(4)
    image = rng.permutation(40 * 5 * 5).reshape(40, 5, 5).astype(float)
    mask = np.ones(image.shape, dtype=bool)
    with pytest.raises(MemoryLimitError, match="Co-occurrence"):
        _features((image, mask), "2d_average", "ibsi", ("glcm",), spec="fbn1000")
    assert _features((image, mask), "3d_average", "ibsi", ("glcm",), spec="fbn100")
