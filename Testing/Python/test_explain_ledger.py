"""The voxel ledger: shares that add up to the engine's features, against closed forms and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from measure import measure
from support import synthetic_tumour
from virtualbiopsy.errors import FeatureError
from virtualbiopsy.explain.decompositions import EXACT, realising, rule_of
from virtualbiopsy.explain.ledger import carried, has_exact_shares, shares
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.radiomics import glcm
from virtualbiopsy.radiomics.definitions import DEFINITIONS, definition
from virtualbiopsy.radiomics.discretise import discretise
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey

NOT_LOCALISED = {
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
    "ngtdm": {"coarseness"},
}
AGGREGATIONS = {
    "glcm": ("3d_average", "3d_merged", "2d_average", "2d_merged", "2.5d_average", "2.5d_merged")
    + ("3d_average(distance=2)", "3d_merged(weight=euclidean)"),
    "glrlm": ("3d_average", "3d_merged", "2d_average", "2d_merged", "2.5d_average", "2.5d_merged")
    + ("3d_merged(weight=manhattan)",),
    "glszm": ("3d", "2d", "2.5d"),
    "gldzm": ("3d", "2d", "2.5d"),
    "ngtdm": ("3d", "2d", "2.5d", "3d(distance=2)"),
    "ngldm": ("3d", "2d", "2.5d", "3d(alpha=1)", "3d(distance=2)"),
}
IMAGES = (
    "original",
    "log(sigma=2)",
    "wavelet(family=coif1;bands=LLH;level=1)",
    "wavelet(family=haar;bands=HHL;level=1)",
    "square",
    "gradient",
)


@pytest.fixture(scope="module")
def tumour():
    return synthetic_tumour(shape=(14, 18, 16), radius_mm=7.5, seed=3)


def key_of(
    family: str,
    name: str,
    region="tumour",
    profile="ibsi",
    aggregation="3d_average",
    spec="fbn32",
    image="original",
):
    if family in ("statistics", "local_intensity"):
        aggregation, spec = "3d", "none"
    elif family in ("histogram", "ivh"):
        aggregation = "3d"
    return FeatureKey("t1c", region, image, family, name, aggregation, spec, profile)


def known(keys):
    """Those of the keys that exist."""
    found = []
    for key in keys:
        try:
            definition(key)
        except FeatureError:
            continue
        found.append(key)
    return found


def assert_all_add_up(tumour, keys, lost=()):
    """Every key that the engine can measure has shares with its value as their sum."""
    vector = extract(tumour.images, tumour.masks, tumour.spacing, keys)
    workspace = Workspace(tumour.images, tumour.masks, tumour.spacing)
    assert set(vector.missing) == set(lost)
    for key in keys:
        if str(key) in lost:
            continue
        value = vector.values[str(key)]
        found = shares(key, value, workspace)
        assert found is not None, key
        assert found.shape == (workspace.place(key.sequence, key.region).voxels,)
        assert abs(found.sum() - value) <= 1e-10 * max(1.0, abs(value)), key


@pytest.mark.parametrize("family", list(EXACT))
@pytest.mark.parametrize("region", ["tumour", "largest_slice", "ring5", "tumour(range=1.3..2;outlier=2)"])
def test_shares_add_up_to_the_engines_value(tumour, family, region):
    keys = [
        key_of(family, name, region, profile, aggregation, spec)
        for name in sorted(EXACT[family])
        for profile in ("ibsi", "pyradiomics")
        for aggregation in AGGREGATIONS.get(family, ("3d",))
        for spec in (("fbn32", "fbw0.2") if family not in ("statistics", "local_intensity") else ("none",))
    ]
    keys = known(keys)
    assert {key.name for key in keys} == EXACT[family]
    assert_all_add_up(tumour, keys)


@pytest.mark.parametrize("image", IMAGES)
def test_shares_of_filtered_images_add_up_at_the_response(tumour, image):
    keys = [
        key_of(family, name, "tumour", profile, AGGREGATIONS.get(family, ("3d",))[0], "fbn16", image)
        for family in EXACT
        for name in sorted(EXACT[family])
        for profile in ("ibsi", "pyradiomics")
    ]
    assert_all_add_up(tumour, known(keys))


def test_the_response_is_taken_from_whoever_filtered_the_image(tumour):
    key = key_of("statistics", "mean", image="log(sigma=2)")
    response = np.arange(float(tumour.images["t1c"].size)).reshape(tumour.images["t1c"].shape)
    asked = []

    def responses(*which):
        asked.append(which)
        return response

    workspace = Workspace(tumour.images, tumour.masks, tumour.spacing, responses)
    inside = response[tumour.masks["tumour"]]
    found = shares(key, float(inside.mean()), workspace)
    assert found == pytest.approx(inside / inside.size, rel=1e-14)
    shares(key, float(inside.mean()), workspace)
    assert asked == [("t1c", "log(sigma=2)", "ibsi")]


def test_the_registry_says_something_about_every_feature():
    for family, names in EXACT.items():
        features = {name for of, name in DEFINITIONS if of == family}
        assert features == names | NOT_LOCALISED.get(family, set())
        assert not names & NOT_LOCALISED.get(family, set())
    for family, name in DEFINITIONS:
        rule = rule_of(family, name)
        assert rule.endswith(".") and ("Not localised" in rule) == (name not in EXACT.get(family, ()))
    assert not has_exact_shares(key_of("glcm", "correlation"))
    assert not has_exact_shares(key_of("ngtdm", "coarseness"))
    assert has_exact_shares(key_of("glszm", "small_zone_emphasis"))


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
