"""Invariance and closed forms (method checklist C1.8)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from virtualbiopsy.radiomics import mesh
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.extract import extract

SPACING = (3.0, 0.9, 1.3)

MESH_OF_A_TABLE = {
    "volume",
    "surface_area",
    "surface_to_volume_ratio",
    "compactness_1",
    "compactness_2",
    "spherical_disproportion",
    "sphericity",
}
"""pyradiomics' surface depends on the orientation where faces are ambiguous, so these do too."""


@pytest.fixture(scope="module")
def blob() -> tuple[np.ndarray, np.ndarray]:
    """A ragged region of two components with holes, away from the border."""
    rng = np.random.default_rng(11)
    smooth = ndimage.gaussian_filter(rng.normal(size=(14, 18, 16)), 1.2)
    mask = np.pad(smooth > 0.05, 3)
    image = 300 + 900 * np.pad(smooth, 3) + rng.normal(0, 40, mask.shape)
    return image, mask


def _features(image, mask, spacing, profile, aggregation):
    keys = all_keys("mask", profile=profile)
    keys += all_keys("t1c", "tumour", "fbn32", profile, aggregation)
    keys = [key for key in keys if key.family != "local_intensity"]  # depends on what is around the region
    result = extract({"t1c": image}, {"tumour": mask}, spacing, keys)
    assert not result.missing
    return result.values


def _same(ours, theirs, skip=frozenset()):
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        if key.split(":")[4] not in skip:
            assert theirs[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key


def _translate(array, spacing):
    return np.pad(array[3:-3, 3:-3, 3:-3], ((1, 4), (6, 0), (2, 5))), spacing


def _flip(*axes):
    return lambda array, spacing: (np.flip(array, axes), spacing)


def _turn(*order):
    return lambda array, spacing: (array.transpose(order), tuple(spacing[n] for n in order))


def _quarter_turn(array, spacing):
    return np.rot90(array, 1, (1, 2)), (spacing[0], spacing[2], spacing[1])


MOVES = {
    "translation": _translate,
    "flip k": _flip(0),
    "flip i": _flip(2),
    "point reflection": _flip(0, 1, 2),
    "axes k i j": _turn(0, 2, 1),
    "axes j i k": _turn(1, 2, 0),
    "rotation by 90 degrees": _quarter_turn,
}


@pytest.mark.parametrize("aggregation", ["3d_average", "3d_merged"])
@pytest.mark.parametrize("profile", ["ibsi", "pyradiomics"])
@pytest.mark.parametrize("move", MOVES)
def test_moving_the_region_changes_nothing(move, profile, aggregation, blob):
    image, mask = blob
    moved_image, spacing = MOVES[move](image, SPACING)
    moved_mask, _ = MOVES[move](mask, SPACING)
    skip = {f"maximum_2d_diameter_{plane}" for plane in ("slice", "column", "row")}
    if profile == "pyradiomics" and move != "translation":
        skip |= MESH_OF_A_TABLE
    before = _features(image, mask, SPACING, profile, aggregation)
    _same(before, _features(moved_image, moved_mask, spacing, profile, aggregation), skip)


@pytest.mark.parametrize("profile", ["ibsi", "pyradiomics"])
def test_the_world_outside_the_region_changes_nothing(profile, blob):
    image, mask = blob
    other = np.where(mask, image, np.nan)
    _same(
        _features(image, mask, SPACING, profile, "3d_average"),
        _features(other, mask, SPACING, profile, "3d_average"),
    )


def test_scaling_the_spacing_scales_the_shape(blob):
    image, mask = blob
    one = _features(image, mask, SPACING, "ibsi", "3d_average")
    two = _features(image, mask, tuple(2 * step for step in SPACING), "ibsi", "3d_average")
    name = "mask:tumour:original:morphology:{}:3d:none:ibsi".format
    for feature, power in (("volume", 3), ("surface_area", 2), ("maximum_3d_diameter", 1), ("sphericity", 0)):
        assert two[name(feature)] == pytest.approx(one[name(feature)] * 2**power, rel=1e-12)


def _shape(mask, spacing=(1.0, 1.0, 1.0), profile="ibsi"):
    result = extract({}, {"tumour": mask}, spacing, all_keys("mask", profile=profile))
    return {key.split(":")[4]: value for key, value in result.values.items()}


def _ellipsoid(radii, spacing):
    half = [math.ceil(r / s) + 1 for r, s in zip(radii, spacing, strict=True)]
    grid = np.ogrid[tuple(slice(-h, h + 1) for h in half)]
    return sum((g * s / r) ** 2 for g, s, r in zip(grid, spacing, radii, strict=True)) <= 1


def test_ball():
    shape = _shape(_ellipsoid((20, 20, 20), (1, 1, 1)))
    assert shape["volume"] == pytest.approx(4 / 3 * math.pi * 20**3, rel=0.01)
    assert shape["maximum_3d_diameter"] == pytest.approx(41, abs=0.5)
    assert shape["elongation"] == pytest.approx(1, abs=1e-9)
    assert shape["flatness"] == pytest.approx(1, abs=1e-9)
    assert shape["major_axis_length"] == pytest.approx(4 * 20 / math.sqrt(5), rel=0.01)
    assert shape["volume_density_convex_hull"] == pytest.approx(1, abs=0.05)


def test_ellipsoid_in_anisotropic_voxels():
    radii, spacing = (30.0, 15.0, 10.0), (2.5, 0.7, 0.7)
    shape = _shape(_ellipsoid(radii, spacing), spacing)
    assert shape["volume"] == pytest.approx(4 / 3 * math.pi * math.prod(radii), rel=0.01)
    assert shape["elongation"] == pytest.approx(0.5, rel=0.01)
    assert shape["flatness"] == pytest.approx(1 / 3, rel=0.01)
    assert shape["maximum_3d_diameter"] == pytest.approx(60, rel=0.05)


@pytest.mark.parametrize("profile", ["ibsi", "pyradiomics"])
@pytest.mark.parametrize("size", [(2, 1, 1), (3, 4, 5), (1, 6, 2)])
def test_box_has_the_volume_of_a_box_with_cut_edges(size, profile):
    spacing = (2.0, 0.5, 1.5)
    shape = _shape(np.ones(size, dtype=bool), spacing, profile)
    edges = 4 / 8 * sum(n - 1 for n in size)
    voxels = math.prod(size) - edges - 8 * 5 / 48
    assert shape["volume"] == pytest.approx(voxels * math.prod(spacing), rel=1e-12)
    assert shape["approximate_volume"] == pytest.approx(math.prod(size) * math.prod(spacing))


def test_one_voxel_is_an_octahedron():
    area, volume = mesh.surface(np.ones((1, 1, 1), dtype=bool), (1, 1, 1), "ibsi")
    assert volume == pytest.approx(1 / 6)
    assert area == pytest.approx(math.sqrt(3))


def test_surface_is_closed(blob):
    """The summed area vectors of a closed surface vanish, so shifting the origin leaves the volume alone."""
    owner, corners = mesh.triangles("ibsi")
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rng = np.random.default_rng(5)
    for _ in range(20):
        counts = np.bincount(mesh.cube_numbers(rng.random((5, 6, 7)) < 0.5).ravel(), minlength=256)
        assert counts[owner] @ normals == pytest.approx(np.zeros(3), abs=1e-9)


def test_diameters_against_all_pairs(blob):
    from scipy.spatial.distance import pdist

    mask = blob[1]
    shape = _shape(mask, SPACING, "pyradiomics")
    points = mesh.vertices(mask) * np.array(SPACING)
    assert shape["maximum_3d_diameter"] == pytest.approx(pdist(points).max(), rel=1e-12)
    for axis, plane in enumerate(("slice", "column", "row")):
        longest = max(pdist(points[points[:, axis] == c]).max(initial=0) for c in np.unique(points[:, axis]))
        assert shape[f"maximum_2d_diameter_{plane}"] == pytest.approx(longest, rel=1e-12)


def _textures(image, discretisation="fbn2", aggregation="3d_average", mask=None):
    mask = np.ones(image.shape, dtype=bool) if mask is None else mask
    keys = all_keys("t1", "tumour", discretisation, "ibsi", aggregation)
    result = extract({"t1": image}, {"tumour": mask}, (1, 1, 1), keys)
    return {tuple(key.split(":")[3:5]): value for key, value in result.values.items()}


def test_checkerboard():
    """Neighbours differ along 3 axes and 4 body diagonals, and are equal along 6 face diagonals."""
    values = _textures(np.indices((6, 6, 6)).sum(axis=0) % 2.0)
    assert values["glcm", "contrast"] == pytest.approx(7 / 13)
    assert values["glcm", "joint_entropy"] == pytest.approx(1)
    assert values["glcm", "correlation"] == pytest.approx((6 - 7) / 13)
    assert values["histogram", "entropy"] == pytest.approx(1)
    assert values["glszm", "zone_percentage"] == pytest.approx(2 / 216)
    assert values["glszm", "large_zone_emphasis"] == pytest.approx(108**2)


def test_two_halves():
    image = np.zeros((4, 6, 10))
    image[:, :, 5:] = 1
    values = _textures(image)
    assert values["glszm", "large_zone_emphasis"] == pytest.approx(120**2)
    assert values["gldzm", "large_distance_emphasis"] == pytest.approx(1)
    assert values["statistics", "mean"] == pytest.approx(0.5)
    along_i = 24 / (24 * 9)
    slanted = 24 / (24 * 9)
    assert values["glcm", "contrast"] == pytest.approx((along_i + 8 * slanted + 0 * 4) / 13)


def test_core_lies_at_its_depth():
    """A bright voxel in the middle of a cube of 7 is 4 steps from outside; the shell touches the border."""
    image = np.zeros((7, 7, 7))
    image[3, 3, 3] = 1
    values = _textures(image)
    assert values["gldzm", "large_distance_emphasis"] == pytest.approx((1 + 16) / 2)
    assert values["glszm", "small_zone_emphasis"] == pytest.approx((1 + 1 / 342**2) / 2)


def test_depth_is_counted_in_steps_along_the_axes():
    """A hole diagonally beside the bright voxel is two steps away."""
    image = np.zeros((7, 7, 7))
    image[3, 3, 3] = 1
    mask = np.ones(image.shape, dtype=bool)
    mask[4, 4, 3] = False
    assert _textures(image, mask=mask)["gldzm", "large_distance_emphasis"] == pytest.approx((1 + 4) / 2)


def test_spatial_autocorrelation_against_all_pairs(blob):
    from scipy.spatial.distance import pdist, squareform

    image, mask = blob[0][:9], blob[1][:9]
    weights = squareform(1 / pdist(np.argwhere(mask) * SPACING))
    x = image[mask] - image[mask].mean()
    name = "t1:tumour:original:morphology:{}:3d:none:ibsi".format
    values = extract({"t1": image}, {"tumour": mask}, SPACING, [name("morans_i"), name("gearys_c")]).values
    scale = len(x) / weights.sum() / (x @ x)
    assert values[name("morans_i")] == pytest.approx(scale * (x @ weights @ x), rel=1e-9)
    gaps = (x[:, None] - x[None, :]) ** 2
    expected = scale * (len(x) - 1) / len(x) / 2 * (weights * gaps).sum()
    assert values[name("gearys_c")] == pytest.approx(expected, rel=1e-9)


def test_line_of_alternating_voxels():
    """One row: a single direction holds pairs, every voxel is a run of its own."""
    values = _textures(np.arange(10.0).reshape(1, 1, 10) % 2)
    assert values["glcm", "contrast"] == pytest.approx(1)
    assert values["glrlm", "run_percentage"] == pytest.approx(1)
    assert values["ngldm", "low_dependence_emphasis"] == pytest.approx(1)


def test_ramp():
    n = 1000
    values = _textures(np.arange(float(n)).reshape(10, 10, 10), "fbn10")
    assert values["statistics", "variance"] == pytest.approx((n**2 - 1) / 12)
    assert values["statistics", "kurtosis"] == pytest.approx(-1.2 * (n**2 + 1) / (n**2 - 1))
    assert values["statistics", "skewness"] == pytest.approx(0, abs=1e-12)
    assert values["histogram", "entropy"] == pytest.approx(math.log2(10))
    assert values["histogram", "uniformity"] == pytest.approx(0.1)


def test_run_lengths_against_a_plain_count():
    rng = np.random.default_rng(2)
    image = rng.integers(0, 3, (5, 6, 7)).astype(float)
    lengths = []
    for axis in range(3):
        for line in np.moveaxis(image, axis, -1).reshape(-1, image.shape[axis]):
            lengths += np.diff(np.flatnonzero(np.diff(line, prepend=-1, append=-1))).tolist()
    from virtualbiopsy.radiomics.kernels.plain import run_counts
    from virtualbiopsy.radiomics.lattice import DIRECTIONS, Lattice

    lattice = Lattice(np.ones(image.shape, dtype=bool))
    counts = run_counts(lattice, image.astype(np.int32).ravel() + 1, 3)[0]
    straight = np.abs(DIRECTIONS).sum(axis=1) == 1
    found = counts[straight].sum(axis=(0, 1))
    assert found.tolist() == np.bincount(lengths, minlength=len(found) + 1)[1:].tolist()
    assert (counts @ np.arange(1, counts.shape[2] + 1)).sum(axis=1) == pytest.approx(np.full(13, image.size))
