"""Intensity peaks against a plain count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from virtualbiopsy.radiomics.extract import extract

KEYS = [
    f"pet:tumour:original:local_intensity:{name}_intensity_peak:3d:none:ibsi" for name in ("local", "global")
]
SPACING = (3.0, 1.7, 2.2)


def _peaks(image, mask, spacing=SPACING):
    result = extract({"pet": image}, {"tumour": mask}, spacing, KEYS)
    return [result.values.get(key) for key in KEYS]


def _plain(image, mask, spacing=SPACING):
    voxels = np.argwhere(np.ones(image.shape, dtype=bool))
    means = {}
    for voxel in np.argwhere(mask):
        distance = np.linalg.norm((voxels - voxel) * spacing, axis=1)
        ball = voxels[distance <= 10 * (3 / (4 * math.pi)) ** (1 / 3)]
        means[tuple(voxel)] = image[tuple(ball.T)].mean()
    brightest = max(image[voxel] for voxel in means)
    return [max(m for v, m in means.items() if image[v] == brightest), max(means.values())]


@pytest.fixture
def image():
    return np.random.default_rng(4).integers(0, 40, (12, 14, 13)).astype(float)


@pytest.fixture
def mask():
    mask = np.zeros((12, 14, 13), dtype=bool)
    mask[0:7, 3:9, 4:13] = True
    mask[3, 5, 6] = False
    return mask


def test_equals_a_plain_count(image, mask):
    """The region touches two borders, and several voxels share the highest intensity."""
    assert np.count_nonzero(image[mask] == image[mask].max()) > 1
    assert _peaks(image, mask) == pytest.approx(_plain(image, mask), rel=1e-12)


def test_ball_smaller_than_a_voxel(image, mask):
    highest = image[mask].max()
    assert _peaks(image, mask, (20.0, 20.0, 20.0)) == [highest, highest]


def test_turning_and_flipping_changes_nothing(image, mask):
    ours = _peaks(image, mask)
    assert _peaks(image[::-1, :, ::-1], mask[::-1, :, ::-1]) == pytest.approx(ours, rel=1e-12)
    turned = (np.rot90(a, axes=(0, 2)) for a in (image, mask))
    assert _peaks(*turned, SPACING[::-1]) == pytest.approx(ours, rel=1e-12)


def test_nan_within_reach_is_missing_and_beyond_reach_is_not(image, mask):
    far = image.copy()
    far[11, 13] = np.nan
    assert _peaks(far, mask) == _peaks(image, mask)
    near = image.copy()
    near[3, 5, 6] = np.nan
    assert _peaks(near, mask)[1] is None
