"""Splitting a region into compact parts."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.errors import EmptyRegionError, FeatureError, GeometryError
from virtualbiopsy.radiomics.coalitions.supervoxels import supervoxels

SPACING = (4.0, 1.0, 1.0)


@pytest.fixture
def ball():
    place = (np.indices((9, 30, 30)) - np.array([4, 14.5, 14.5]).reshape(3, 1, 1, 1)) * np.reshape(
        SPACING, (3, 1, 1, 1)
    )
    return (place**2).sum(axis=0) < 14**2


def test_parts_cover_the_region_and_are_of_about_one_size(ball):
    labels = supervoxels(ball, SPACING, 20, seed=3)
    assert labels.dtype == np.int32 and np.array_equal(labels > 0, ball)
    sizes = np.bincount(labels[ball])[1:]
    assert len(sizes) == 20 and sizes.min() > 0.4 * sizes.mean() and sizes.max() < 2 * sizes.mean()


def test_parts_are_compact_in_mm(ball):
    labels = supervoxels(ball, SPACING, 20)
    for part in range(1, 21):
        reach = np.ptp(np.argwhere(labels == part), axis=0) * SPACING
        assert reach.max() < 20


def test_the_same_seed_gives_the_same_parts(ball):
    first = supervoxels(ball, SPACING, 12, seed=5)
    np.testing.assert_array_equal(supervoxels(ball, SPACING, 12, seed=5), first)
    assert not np.array_equal(supervoxels(ball, SPACING, 12, seed=6), first)


def test_parts_are_numbered_by_their_first_voxels(ball):
    labels = supervoxels(ball, SPACING, 15)
    first = [int(np.flatnonzero(labels.ravel() == part)[0]) for part in range(1, 16)]
    assert first == sorted(first)


def test_more_parts_than_voxels():
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[1, 1, 1:4] = True
    assert sorted(supervoxels(mask, SPACING, 50)[mask]) == [1, 2, 3]


def test_what_is_refused(ball):
    with pytest.raises(EmptyRegionError):
        supervoxels(ball & False, SPACING, 5)
    with pytest.raises(FeatureError):
        supervoxels(ball, SPACING, 0)
    with pytest.raises(GeometryError):
        supervoxels(ball[0], SPACING, 5)
    with pytest.raises(GeometryError):
        supervoxels(ball, (1.0, 0.0, 1.0), 5)
