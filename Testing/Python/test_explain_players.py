"""Splitting an outline into supervoxels, rim sectors, habitats and drawn parts."""

from __future__ import annotations

import numpy as np
import pytest
from regions_support import small
from scipy import ndimage
from virtualbiopsy.errors import EmptyRegionError, FeatureError, GeometryError
from virtualbiopsy.explain.players import KINDS, RIM_MM, players
from virtualbiopsy.radiomics.coalitions.supervoxels import supervoxels

SPACING = (3.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    place = (np.indices((13, 37, 37)) - np.array([6, 18, 18]).reshape(3, 1, 1, 1)) * np.reshape(
        SPACING, (3, 1, 1, 1)
    )
    return (place**2).sum(axis=0) < 16.5**2


@pytest.mark.parametrize("kind", KINDS)
def test_parts_cover_the_outline_without_gaps_in_their_numbers(kind):
    tumour = small(1)
    mask = tumour.masks["tumour"]
    drawn = np.zeros(mask.shape, dtype=int)
    drawn[6:9], drawn[10:] = 40, 7
    labels = players(kind, mask, tumour.spacing, tumour.images, 6, drawn)
    assert labels.dtype == np.int32 and np.array_equal(labels > 0, mask)
    found = np.unique(labels[mask])
    assert found.tolist() == list(range(1, 4 if kind == "drawn" else 7))
    again = players(kind, mask, tumour.spacing, tumour.images, 6, drawn)
    assert labels.tobytes() == again.tobytes()


def test_supervoxels_are_those_of_the_engine(ball):
    np.testing.assert_array_equal(
        players("supervoxels", ball, SPACING, count=9, seed=4), supervoxels(ball, SPACING, 9, 4)
    )


def test_the_core_is_deep_and_the_sectors_lie_in_one_direction_each(ball):
    labels = players("rim", ball, SPACING, count=7)
    depth = ndimage.distance_transform_edt(ball, sampling=SPACING)
    assert depth[labels == 1].min() > RIM_MM >= depth[labels > 1].max()
    place = (np.argwhere(ball) - np.argwhere(ball).mean(axis=0)) * SPACING
    ray = place / np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-9)
    parts = labels[ball]
    for part in range(2, 8):
        middle = ray[parts == part].mean(axis=0)
        assert np.linalg.norm(middle) > 0.6
        assert (ray[parts == part] @ (middle / np.linalg.norm(middle))).min() > 0.2


def test_an_outline_without_core_is_all_sectors():
    plate = np.zeros((3, 12, 12), dtype=bool)
    plate[1, 2:10, 2:10] = True
    labels = players("rim", plate, SPACING, count=4)
    assert np.unique(labels[plate]).tolist() == [1, 2, 3, 4]
    assert np.unique(players("rim", plate, SPACING, count=1)[plate]).tolist() == [1]


def test_habitats_are_the_classes_of_the_intensities():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (8, 10, 12))
    images = {
        "adc": np.array([700.0, 900.0, 900.0])[truth] + rng.normal(0, 5, truth.shape),
        "t2": np.array([1.0, 1.0, 2.0])[truth] + rng.normal(0, 0.03, truth.shape),
    }
    mask = rng.random(truth.shape) < 0.8
    labels = players("habitats", mask, SPACING, images, 3)
    assert set(np.unique(np.stack([labels[mask], truth[mask]]), axis=1)[0]) == {1, 2, 3}
    assert len(np.unique(np.stack([labels[mask], truth[mask]]), axis=1).T) == 3
    assert (labels[mask & (truth == 0)] == 1).all()


def test_habitats_turn_and_flip_with_the_image():
    tumour = small(2)
    mask = tumour.masks["tumour"]
    labels = players("habitats", mask, tumour.spacing, tumour.images, 4)
    for move in (lambda a: a[::-1], lambda a: a[:, :, ::-1], lambda a: a.transpose(2, 1, 0)):
        images = {role: move(image) for role, image in tumour.images.items()}
        np.testing.assert_array_equal(
            players("habitats", move(mask), tumour.spacing, images, 4), move(labels)
        )


@pytest.mark.parametrize("kind", ["supervoxels", "rim", "habitats"])
def test_parts_move_with_the_outline(kind):
    tumour = small(3)
    mask = tumour.masks["tumour"]

    def moved(array):
        return np.pad(array, ((4, 0), (0, 3), (2, 1)), mode="edge" if array.dtype != bool else "constant")

    labels = players(kind, mask, tumour.spacing, tumour.images, 5)
    images = {role: moved(image) for role, image in tumour.images.items()}
    found = players(kind, moved(mask), tumour.spacing, images, 5)
    np.testing.assert_array_equal(found[4:, :-3, 2:-1], labels)


def test_drawn_parts_keep_their_order_and_the_rest_is_the_last_one(ball):
    drawn = np.zeros(ball.shape, dtype=np.int64)
    drawn[:, :18], drawn[:, 18:24], drawn[0, 0, 0] = 9, 3, 77
    labels = players("drawn", ball, SPACING, drawn=drawn)
    assert (labels[ball & (drawn == 3)] == 1).all()
    assert (labels[ball & (drawn == 9)] == 2).all()
    assert (labels[ball & (drawn == 0)] == 3).all() and labels.max() == 3
    whole = players("drawn", ball, SPACING, drawn=np.ones(ball.shape, dtype=bool))
    assert labels[~ball].max() == 0 and np.unique(whole[ball]).tolist() == [1]


@pytest.mark.parametrize("kind", ["supervoxels", "rim", "habitats"])
def test_more_parts_than_voxels(kind):
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[1, 1, 1:4] = True
    image = np.arange(60.0).reshape(3, 4, 5)
    assert sorted(players(kind, mask, SPACING, {"t1c": image}, 50)[mask]) == [1, 2, 3]
    assert sorted(players("habitats", mask, SPACING, {"t1c": image * 0}, 50)[mask]) == [1, 1, 1]


def test_what_is_refused(ball):
    with pytest.raises(FeatureError, match="Unknown kind"):
        players("octants", ball, SPACING)
    with pytest.raises(FeatureError, match="0 parts"):
        players("rim", ball, SPACING, count=0)
    with pytest.raises(EmptyRegionError):
        players("habitats", ball & False, SPACING, {"t1c": ball * 1.0})
    with pytest.raises(FeatureError, match="at least one image"):
        players("habitats", ball, SPACING)
    with pytest.raises(GeometryError):
        players("habitats", ball, SPACING, {"t1c": np.zeros((2, 2, 2))})
    with pytest.raises(FeatureError, match="No parts were drawn"):
        players("drawn", ball, SPACING)
    with pytest.raises(FeatureError, match="inside the outline"):
        players("drawn", ball, SPACING, drawn=~ball)
    with pytest.raises(GeometryError):
        players("drawn", ball, SPACING, drawn=ball[0])
    with pytest.raises(GeometryError):
        players("rim", ball[0], SPACING)
