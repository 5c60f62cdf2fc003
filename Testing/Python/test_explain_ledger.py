"""The voxel ledger: shares that add up to the engine's features, against closed forms and plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from measure import measure
from support import synthetic_tumour
from virtualbiopsy.explain.decompositions import EXACT, realising
from virtualbiopsy.explain.ledger import carried, has_exact_shares, shares
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.radiomics import glcm, histogram, statistics
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.keys import FeatureKey

NOT_LOCALISED = {
    "statistics": set(),
    "histogram": {
        "maximum_gradient",
        "maximum_gradient_level",
        "minimum_gradient",
        "minimum_gradient_level",
    },
    "glcm": {
        "correlation",
        "information_correlation_1",
        "information_correlation_2",
        "maximal_correlation_coefficient",
    },
}


@pytest.fixture(scope="module")
def tumour():
    return synthetic_tumour(shape=(14, 18, 16), radius_mm=7.5, seed=3)


def key_of(family: str, name: str, region="tumour", profile="ibsi", aggregation="3d_average", spec="fbn32"):
    if family == "statistics":
        aggregation, spec = "3d", "none"
    elif family == "histogram":
        aggregation = "3d"
    return FeatureKey("t1c", region, "original", family, name, aggregation, spec, profile)


def all_keys():
    for family, names in EXACT.items():
        for name in sorted(names):
            for profile in ("ibsi", "pyradiomics"):
                for aggregation in ("3d_average", "3d_merged") if family == "glcm" else ("3d",):
                    for spec in ("fbn32", "fbw0.2") if family != "statistics" else ("none",):
                        yield key_of(family, name, "tumour", profile, aggregation, spec)


@pytest.mark.parametrize("key", list(all_keys()), ids=str)
def test_shares_add_up_to_the_engines_value(tumour, key):
    workspace = Workspace(tumour.images, tumour.masks)
    for region in ("tumour", "largest_slice", "ring5"):
        there = replace(key, region=region)
        value = measure(tumour, str(there))
        found = shares(there, value, workspace)
        assert found is not None, region
        assert found.shape == (int(tumour.masks[region].sum()),)
        assert abs(found.sum() - value) <= 1e-10 * max(1.0, abs(value))


def test_the_registry_says_something_about_every_feature_of_its_families():
    engine = {
        "statistics": statistics.FEATURES,
        "histogram": histogram.FEATURES,
        "glcm": glcm.FEATURES,
    }
    for family, features in engine.items():
        assert set(features) == EXACT[family] | NOT_LOCALISED[family]
        assert not EXACT[family] & NOT_LOCALISED[family]
    assert not has_exact_shares(key_of("glcm", "correlation"))
    assert not has_exact_shares(key_of("glszm", "small_zone_emphasis"))
    assert not has_exact_shares(
        FeatureKey("t1c", "tumour", "log2mm", "statistics", "mean", "3d", "none", "ibsi")
    )


def test_shares_that_disagree_with_the_engine_are_not_shown(tumour):
    workspace = Workspace(tumour.images, tumour.masks)
    for family, name in (("statistics", "mean"), ("glcm", "contrast"), ("histogram", "entropy")):
        key = key_of(family, name)
        value = measure(tumour, str(key))
        assert shares(key, value, workspace) is not None
        assert shares(key, value + 1e-4, workspace) is None
    assert shares(FeatureKey.parse(str(key).replace("t1c", "t2")), 1.0, Workspace({}, tumour.masks)) is None


@pytest.mark.parametrize("name", ["contrast", "joint_entropy", "angular_second_moment", "inverse_difference"])
@pytest.mark.parametrize("aggregation", ["3d_average", "3d_merged"])
def test_pair_shares_equal_a_plain_loop(name, aggregation):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 5, (3, 4, 4)).astype(float)
    mask = rng.random((3, 4, 4)) < 0.8
    levels, _ = discretise(image, mask, "fbw1", "ibsi")
    pairs = {}
    for d, step in enumerate(glcm.DIRECTIONS):
        for v in map(tuple, np.argwhere(mask)):
            u = tuple(np.add(v, step))
            if all(0 <= a < n for a, n in zip(u, mask.shape, strict=True)) and mask[u]:
                pairs.setdefault(d if aggregation == "3d_average" else 0, []).append((v, u))
    expected = np.zeros(mask.shape)
    for members in pairs.values():
        p = {}
        for v, u in members:
            for cell in ((levels[v], levels[u]), (levels[u], levels[v])):
                p[cell] = p.get(cell, 0) + 1 / (2 * len(members))
        h = {
            "contrast": lambda i, j, p: (int(i) - int(j)) ** 2,
            "joint_entropy": lambda i, j, p: -np.log2(p[i, j]),
            "angular_second_moment": lambda i, j, p: p[i, j],
            "inverse_difference": lambda i, j, p: 1 / (1 + abs(int(i) - int(j))),
        }[name]
        for v, u in members:
            for voxel in (v, u):
                expected[voxel] += 0.5 * h(levels[v], levels[u], p) / len(members) / len(pairs)
    key = key_of("glcm", name, "r", aggregation=aggregation, spec="fbw1")
    value = float(expected.sum())
    found = shares(key, value, Workspace({"t1c": image}, {"r": mask}))
    assert np.abs(found - expected[mask]).max() <= 1e-13


def test_order_statistics_stand_at_the_voxels_that_realise_them():
    values = np.array([3.0, 1.0, 2.0, 2.0, 5.0])
    assert realising(values, 2.0).tolist() == [0, 0, 1, 1, 0]
    assert realising(values, 5.0).tolist() == [0, 0, 0, 0, 5]
    assert realising(values, 2.25) == pytest.approx([0.75, 0, 0.75, 0.75, 0])
    assert realising(-values, -1.0).tolist() == [0, -1, 0, 0, 0]
    assert np.flatnonzero(realising(np.array([1.0, 1.0 + 1e-12, 3.0]), 1.0)).tolist() == [0]


def test_a_mean_is_carried_by_each_voxel_as_the_closed_form_says(tumour):
    workspace = Workspace(tumour.images, tumour.masks)
    key, weight, reference = key_of("statistics", "mean"), 1.7, 1.2
    values = tumour.images["t1c"][tumour.masks["tumour"]]
    value = float(values.mean())
    phi = weight * (value - reference)
    found = carried(shares(key, value, workspace), value, reference, 0.4, phi, weight)
    assert np.abs(found - weight * (values - reference) / values.size).max() <= 1e-15


@pytest.mark.parametrize("slope", [None, 0.8])
@pytest.mark.parametrize("difference", [0.0, 1e-12, 0.01, 0.03, 0.05, 1.0, -2.0])
def test_carried_log_odds_add_up_also_near_the_reference(slope, difference):
    rng = np.random.default_rng(0)
    found = rng.random(50)
    value = float(found.sum())
    reference = value - difference
    phi = 0.6 if slope is None else slope * difference
    assert carried(found, value, reference, 0.5, phi, slope).sum() == pytest.approx(phi, abs=1e-12)
    rounded = found * (1 + 1e-10)
    assert carried(rounded, value, reference, 0.5, phi, slope).sum() == pytest.approx(phi, abs=1e-12)


def test_near_the_reference_a_non_linear_model_spreads_evenly_and_without_a_jump():
    rng = np.random.default_rng(0)
    found = rng.random(50)
    value, deviation, phi = float(found.sum()), 2.0, 0.6
    near = 0.05 * deviation
    assert np.ptp(carried(found, value, value - 0.99 * near, deviation, phi, None)) == 0.0
    far = carried(found, value, value - 3 * near, deviation, phi, None)
    assert far == pytest.approx(phi / (3 * near) * (found - (value - 3 * near) / 50), abs=1e-12)
    distances = np.linspace(0.9, 2.1, 200) * near
    maps = np.array([carried(found, value, value - d, deviation, phi, None) for d in distances])
    steps = np.abs(np.diff(maps, axis=0)).max(axis=1)
    assert steps.max() <= 5 * np.median(steps[steps > 0])


def test_flat_and_tiny_regions_are_shared_without_error():
    image = {"t1c": np.full((3, 3, 3), 2.0)}
    one = np.zeros((3, 3, 3), bool)
    one[1, 1, 1] = True
    workspace = Workspace(image, {"all": np.ones((3, 3, 3), bool), "one": one})
    for region in ("all", "one"):
        for name in ("mean", "median", "maximum", "percentile_90", "coefficient_of_variation", "range"):
            value = {"coefficient_of_variation": 0.0, "range": 0.0}.get(name, 2.0)
            assert shares(key_of("statistics", name, region), value, workspace).sum() == pytest.approx(value)
    assert shares(key_of("glcm", "contrast", "one", spec="fbw1"), 0.0, workspace) is None
