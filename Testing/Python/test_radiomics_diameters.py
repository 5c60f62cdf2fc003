"""Diameters, vertices and surface of masks of many shapes against all pairs and plain counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist
from virtualbiopsy.radiomics import mesh
from virtualbiopsy.radiomics.diameters import longest, maximum_planar_diameter
from virtualbiopsy.radiomics.kernels import plain


def _shapes() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    grid = np.indices((25, 27, 29)) - np.array([12, 13, 14])[:, None, None, None]
    k, j, i = grid
    tilted = (k + j + i) ** 2 / 400 + (k - j) ** 2 / 30 + (j - i) ** 2 / 60 <= 1
    return {
        "ball": (grid**2).sum(axis=0) <= 144,
        "tilted ellipsoid": tilted,
        "cylinder along k": (j**2 + i**2 <= 100) & (abs(k) < 12),
        "box": (abs(k) <= 5) & (abs(j) <= 9) & (abs(i) <= 2),
        "ragged": (ndimage.gaussian_filter(rng.normal(size=k.shape), 2.0) > 0.03) & (abs(k) < 4),
        "scattered": rng.random(k.shape) < 0.02,
        "shell": (((grid**2).sum(axis=0) - 100) ** 2 <= 900) & (k >= -2),
        "one slice": (k == 0) & (j**2 + 2 * i**2 <= 120),
        "one voxel": (grid**2).sum(axis=0) == 0,
        "two voxels far apart": (abs(k) == 12) & (j == k) & (i == -k),
    }


SHAPES = _shapes()
SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.9, 1.3), (0.4, 0.7, 5.0)]


@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_longest_distances(shape, spacing):
    vertices = mesh.vertices(SHAPES[shape])
    points = vertices * spacing
    found = longest(points)
    farthest = max(float(((points - point) ** 2).sum(axis=1).max()) for point in points)
    assert found == pytest.approx(np.sqrt(farthest), rel=1e-12)
    for axis in range(3):
        planes = np.unique(vertices[:, axis])
        expected = max(pdist(points[vertices[:, axis] == plane]).max(initial=0) for plane in planes)
        assert maximum_planar_diameter(vertices, spacing, axis) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_longest_of_a_cloud(seed):
    """On a sphere all points are candidates; on a line, few."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(1500, 3))
    if seed % 3 == 0:
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    elif seed % 3 == 1:
        points *= (10.0, 0.1, 0.1)
    assert longest(points) == pytest.approx(pdist(points).max(), rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_vertices_lie_between_inside_and_outside(shape):
    mask = SHAPES[shape]
    found = {tuple(point) for point in mesh.vertices(mask).tolist()}
    padded = np.pad(mask, 1)
    expected = set()
    for axis in range(3):
        half = np.zeros(3)
        half[axis] = 0.5
        for voxel in np.argwhere(np.diff(padded, axis=axis)):
            expected.add(tuple(voxel - 1 + half))
    assert found == expected
    assert len(mesh.vertices(mask)) == len(expected)


@pytest.mark.parametrize("profile", ["ibsi", "pyradiomics"])
@pytest.mark.parametrize("shape", SHAPES)
def test_surface_adds_up_triangle_by_triangle(shape, profile):
    spacing = (3.0, 0.9, 1.3)
    numbers = mesh.cube_numbers(SHAPES[shape])
    owner, corners = mesh.triangles(profile)
    area = volume = 0.0
    for cube in np.argwhere((numbers > 0) & (numbers < 255)):
        points = (corners[owner == numbers[tuple(cube)]] + cube) * spacing
        normals = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]) / 2
        area += np.linalg.norm(normals, axis=1).sum()
        volume += (points[:, 0] * normals).sum() / 3
    assert mesh.surface(SHAPES[shape], spacing, profile) == pytest.approx((area, volume), rel=1e-11)


@pytest.mark.parametrize("shape", SHAPES)
def test_covariance(shape):
    expected = np.cov(np.argwhere(SHAPES[shape]), rowvar=False, bias=True)
    assert plain.covariance(SHAPES[shape]) == pytest.approx(expected, rel=1e-12, abs=1e-12)
