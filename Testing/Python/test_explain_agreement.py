"""Rank correlation of level 1, summed over the parts, and level 2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from regions_support import hot_model, scene, small
from scipy.stats import spearmanr
from virtualbiopsy.errors import GeometryError
from virtualbiopsy.explain.agreement import agreement, part_sums, spearman
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.players import players
from virtualbiopsy.explain.regions import explain_regions


@pytest.fixture(scope="module")
def both():
    tumour = small(4, roles=("t1c",))
    here = scene(tumour, hot_model())
    on = here.measured
    level1 = explain(here.model, here.features, on.arrays, on.masks, on.grid)
    labels = players("supervoxels", here.mask, on.spacing, count=8)
    return level1, explain_regions(*here.first, labels, "supervoxels"), labels, on


@pytest.mark.parametrize("seed", range(5))
def test_the_rank_correlation_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 5, 12), rng.normal(size=12).round(1)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic, abs=1e-14)


def test_what_has_no_ranks_has_no_correlation():
    assert np.isnan(spearman([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))
    assert np.isnan(spearman([1.0], [2.0])) and np.isnan(spearman([], []))


def test_the_sums_are_those_of_the_ledger_over_each_part(both):
    level1, level2, labels, on = both
    found = agreement(level1, level2)
    whole = sitk.Resample(level1.total, on.grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    values = sitk.GetArrayFromImage(whole)
    expected = [values[labels == part].sum() for part in range(1, 9)]
    np.testing.assert_allclose(found.sums, expected, atol=1e-12)
    np.testing.assert_array_equal(found.psi, level2.psi)
    assert found.sums.sum() == pytest.approx(values.sum(), abs=1e-12)


def test_a_mean_agrees_with_itself(both):
    """Level 1 of a mean and level 2 rank the parts alike."""
    tumour = small(4, roles=("t1c",))
    here = scene(tumour, hot_model(("t1c:tumour:original:statistics:mean:3d:none:ibsi",)))
    on = here.measured
    level1 = explain(here.model, here.features, on.arrays, on.masks, on.grid)
    labels = players("habitats", here.mask, on.spacing, on.arrays, count=5)
    found = agreement(level1, explain_regions(*here.first, labels, "habitats"))
    assert found.correlation > 0.85 and not found.disagrees


@pytest.mark.parametrize(
    "order, correlation, disagrees",
    [
        ([0, 1, 2, 3], 1.0, False),
        ([1, 0, 3, 2], 0.6, False),
        ([0, 3, 1, 2], 0.4, True),
        ([3, 2, 1, 0], -1.0, True),
    ],
)
def test_disagreement_is_a_correlation_below_one_half(both, order, correlation, disagrees):
    level1, level2, _, on = both
    grid = sitk.Image([4, 1, 1], sitk.sitkInt32)
    labels = sitk.GetImageFromArray(np.array([[[1, 2, 3, 4]]], dtype=np.int32))
    ledger = sitk.GetImageFromArray(np.array([[[-2.0, -1.0, 1.0, 2.0]]]))
    for image in (labels, ledger):
        image.CopyInformation(grid)
    found = agreement(
        replace(level1, total=ledger), replace(level2, labels=labels, psi=np.array(order, dtype=float))
    )
    assert found.disagrees == disagrees
    assert found.correlation == pytest.approx(correlation)


def test_nothing_is_said_where_the_ledger_is_empty(both):
    level1, level2, _, _ = both
    found = agreement(replace(level1, total=None), level2)
    assert np.isnan(found.correlation) and not found.disagrees and not found.sums.any()


def test_maps_of_another_grid_are_refused(both):
    level1, level2, _, _ = both
    other = sitk.Image(level1.total)
    other.SetOrigin([x + 0.4 for x in other.GetOrigin()])
    with pytest.raises(GeometryError):
        part_sums(other, level2.labels)
    other = sitk.Image(level1.total)
    other.SetSpacing([1.1 * s for s in other.GetSpacing()])
    with pytest.raises(GeometryError):
        part_sums(other, level2.labels)
