"""Habitats against known groups and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from virtualbiopsy.errors import FlatRegionError, MissingSequenceError, NonFiniteError, RegionTooSmallError
from virtualbiopsy.regions.habitats import COUNTS, calinski_harabasz, habitats

SHAPE = (14, 16, 18)
LEVELS = {2: ((60, 900), (220, 1500)), 3: ((60, 1500), (140, 700), (220, 1500))}
LEVELS[4] = (*LEVELS[3], (300, 600))


def lesion(groups: int, spread: float = 0.05, seed: int = 0):
    """Two maps (pe, adc), the outline and the true group of each voxel: slabs along i."""
    rng = np.random.default_rng(seed)
    inside = rng.random(SHAPE) < 0.7
    number = np.broadcast_to(np.arange(SHAPE[2]) * groups // SHAPE[2], SHAPE)
    maps = {}
    for n, role in enumerate(("pe", "adc")):
        level = np.array([pair[n] for pair in LEVELS[groups]], dtype=float)
        maps[role] = level[number] + rng.normal(0, spread * np.ptp(level), SHAPE)
    return maps, inside, number


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_the_number_of_groups_and_the_groups_are_found(groups):
    maps, inside, number = lesion(groups)
    found = habitats(maps, inside, ("pe", "adc"))
    assert found.count == groups and found.scores[groups] == max(found.scores.values())
    assert set(found.scores) == set(COUNTS)
    # The groups of the phantom ascend in pe, as habitats do.
    agree = found.labels[inside] == number[inside] + 1
    assert agree.mean() > 0.999
    assert not found.labels[~inside].any()
    assert found.centres == pytest.approx(np.array(LEVELS[groups], dtype=float), rel=0.03)
    assert found.shares.sum() == pytest.approx(1.0)
    assert "Calinski" in found.note and "pe, adc" in found.note


@pytest.mark.parametrize("count", [2, 3, 4])
def test_as_good_as_scikit_learn(count):
    cluster = pytest.importorskip("sklearn.cluster")
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    inside = np.ones(SHAPE, dtype=bool)
    maps = {
        "pe": rng.gamma(2.0, 40.0, SHAPE),
        "ser": rng.normal(1, 0.2, SHAPE),
        "adc": rng.normal(0, 1, SHAPE),
    }
    maps["adc"] += 0.02 * maps["pe"]
    found = habitats(maps, inside, ("pe", "ser", "adc"), count)
    points = np.stack([m[inside] for m in maps.values()], axis=1)
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    groups = found.labels[inside]
    oracle = cluster.KMeans(count, n_init=20, random_state=0).fit(points)
    ours = sum(
        ((points[groups == g] - points[groups == g].mean(axis=0)) ** 2).sum() for g in np.unique(groups)
    )
    assert ours <= oracle.inertia_ * 1.001
    assert found.scores[count] == pytest.approx(metrics.calinski_harabasz_score(points, groups), rel=1e-9)
    assert calinski_harabasz(points, oracle.labels_) == pytest.approx(
        metrics.calinski_harabasz_score(points, oracle.labels_), rel=1e-9
    )


def test_the_result_depends_on_images_and_outline_only():
    maps, inside, _ = lesion(3, spread=0.3)
    first = habitats(maps, inside, ("pe", "adc"))
    habitats(maps, inside & (np.indices(SHAPE)[0] > 4), ("pe", "adc"))
    again = habitats(maps, inside, ("pe", "adc"))
    assert np.array_equal(first.labels, again.labels)
    # Units of the maps do not matter.
    scaled = habitats({"pe": maps["pe"] / 100, "adc": maps["adc"] * 1e-6}, inside, ("pe", "adc"))
    assert np.mean(scaled.labels == first.labels) > 0.999


def test_large_lesions_are_divided_on_a_sample():
    maps, inside, number = lesion(3)
    big = {role: np.tile(m, (3, 2, 1)) for role, m in maps.items()}
    where = np.tile(inside, (3, 2, 1))
    found = habitats(big, where, ("pe", "adc"))
    assert where.sum() > 12000
    assert (found.labels[where] == np.tile(number, (3, 2, 1))[where] + 1).mean() > 0.999


def test_what_cannot_be_divided_says_why():
    maps, inside, _ = lesion(2)
    with pytest.raises(MissingSequenceError, match="no ser"):
        habitats(maps, inside)
    few = np.zeros(SHAPE, dtype=bool)
    few[:3, :4, :4] = True
    with pytest.raises(RegionTooSmallError, match="48 voxels"):
        habitats(maps, few, ("pe", "adc"))
    with pytest.raises(FlatRegionError, match="pe"):
        habitats({**maps, "pe": np.full(SHAPE, 3.0)}, inside, ("pe", "adc"))
    with pytest.raises(FlatRegionError, match="2 different values"):
        habitats({"pe": np.where(maps["pe"] > 140, 1.0, 0.0)}, inside, ("pe",), 3)
    broken = maps["pe"].copy()
    broken[inside] = np.nan
    with pytest.raises(NonFiniteError):
        habitats({**maps, "pe": broken}, inside, ("pe", "adc"))
