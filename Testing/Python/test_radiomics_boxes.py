"""The smallest box and ellipsoid against closed forms and searches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation
from virtualbiopsy.radiomics.boxes import smallest_box, smallest_ellipsoid
from virtualbiopsy.radiomics.definitions import all_keys
from virtualbiopsy.radiomics.extract import extract

TURN = Rotation.from_rotvec([0.3, 0.5, -0.2]).as_matrix()
CUBOID = np.array(np.meshgrid([0, 1], [0, 2], [0, 3])).reshape(3, -1).T @ TURN
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]]) @ TURN


def test_box_of_a_turned_cuboid():
    assert smallest_box(ConvexHull(CUBOID)) == pytest.approx([3, 2, 1], rel=1e-12)


def test_box_without_a_face_in_common():
    """The smallest box around a regular tetrahedron is the cube of which its edges are diagonals."""
    assert np.prod(smallest_box(ConvexHull(TETRAHEDRON))) == pytest.approx(8, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_box_is_smaller_than_any_that_a_search_finds(seed):
    points = np.random.default_rng(seed).normal(size=(30, 3)) * (1, 2, 5) @ TURN
    turns = Rotation.random(20000, random_state=seed).as_matrix()
    searched = np.prod(np.ptp(points @ turns, axis=1), axis=1).min()
    found = np.prod(smallest_box(ConvexHull(points)))
    assert found <= searched * (1 + 1e-9)
    assert found >= ConvexHull(points).volume
    other = np.prod(smallest_box(ConvexHull(points @ Rotation.random(random_state=9).as_matrix())))
    assert found == pytest.approx(other, rel=1e-6)


def test_ellipsoid_of_simple_bodies():
    assert smallest_ellipsoid(CUBOID) == pytest.approx(math.sqrt(3) / 2 * np.array([3, 2, 1]), rel=1e-6)
    assert smallest_ellipsoid(TETRAHEDRON) == pytest.approx([math.sqrt(3)] * 3, rel=1e-6)
    tips = np.vstack([np.diag([5, 3, 0.5]), -np.diag([5, 3, 0.5])]) @ TURN + 7
    assert smallest_ellipsoid(tips) == pytest.approx([5, 3, 0.5], rel=1e-6)


def test_ellipsoid_follows_affine_maps():
    """The volume of the smallest ellipsoid is multiplied by the determinant of a linear map."""
    points = np.random.default_rng(3).normal(size=(200, 3))
    change = np.array([[2.0, 0.3, 0], [0, 1.5, -0.7], [0.1, 0, 0.4]])
    before, after = (np.prod(smallest_ellipsoid(p)) for p in (points, points @ change.T))
    assert after / before == pytest.approx(abs(np.linalg.det(change)), rel=1e-6)


def _features(mask, spacing):
    wanted = ("_ombb", "_mvee", "_aabb")
    keys = [key for key in all_keys("mask") if key.name.endswith(wanted)]
    found = extract({}, {"tumour": mask}, spacing, keys).values
    return {key.name: found[str(key)] for key in keys}


def test_features_of_a_cuboid_of_voxels():
    found = _features(np.ones((6, 5, 4), dtype=bool), (1.0, 2.0, 0.5))
    assert found["volume_density_ombb"] == pytest.approx(found["volume_density_aabb"], rel=1e-9)
    assert found["area_density_ombb"] == pytest.approx(found["area_density_aabb"], rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 27, 35, 38, 99])
def test_flips_and_quarter_turns_change_nothing(seed):
    """Also where the smallest box has no face in common with the region."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(14, 16, 15)), 2.0)
    mask, spacing = ndimage.label(field > np.quantile(field, 0.8))[0] == 1, (3.0, 1.0, 1.3)
    ours = _features(mask, spacing)
    for moved, step in (
        (mask[::-1], spacing),
        (mask[:, ::-1, ::-1], spacing),
        (np.rot90(mask, axes=(0, 2)), spacing[::-1]),
    ):
        assert _features(moved, step) == pytest.approx(ours, rel=1e-9)


def test_features_of_a_ball_and_of_a_turned_bar():
    k, j, i = np.mgrid[-15:16, -15:16, -15:16]
    ball = _features(k**2 + j**2 + i**2 <= 13.2**2, (1.0, 1.0, 1.0))
    assert ball["volume_density_mvee"] == pytest.approx(1, abs=0.1)
    assert ball["volume_density_ombb"] == pytest.approx(math.pi / 6, abs=0.04)
    bar = (np.abs(k + j) <= 4) & (np.abs(k - j) <= 14) & (np.abs(i) <= 3)
    found = _features(bar, (1.0, 1.0, 1.0))
    assert found["volume_density_ombb"] > 0.85
    assert found["volume_density_aabb"] < 0.5
