"""Whole explanations: the sum rule for every classifier, the axioms in the map, and geometry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import measured
from support import TOY_KEYS, oblique_grid, synthetic_tumour, toy_background, toy_model
from virtualbiopsy.errors import Cancelled, EmptyRegionError, FeatureError, GeometryError
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import SPECS, Classifier
from virtualbiopsy.models.inference import predict
from virtualbiopsy.radiomics.vector import FeatureVector

RICH_KEYS = (
    *TOY_KEYS,
    "t1c:ring5:original:statistics:percentile_90:3d:none:ibsi",
    "adc:tumour:original:statistics:percentile_10:3d:none:ibsi",
    "t2:largest_slice:original:glcm:joint_entropy:3d_merged:fbn32:pyradiomics",
    "t1c:tumour:original:histogram:uniformity:3d:fbn32:ibsi",
    "t1c:tumour:original:glcm:correlation:3d_average:fbn32:ibsi",
)


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def voxel_sum(explanation) -> float:
    return float(sum(array(image).sum() for image in explanation.maps.values()))


def of(tumour, model, **kwargs):
    features = measured(tumour, model, **kwargs)
    return explain(model, features, tumour.images, tumour.masks, tumour.grid), features


@pytest.fixture(scope="module")
def tumour():
    return synthetic_tumour(shape=(16, 20, 18), radius_mm=8.0, seed=5)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(SPECS)),
    seed=st.integers(0, 10**6),
    spacing=st.tuples(*[st.floats(0.5, 4.0)] * 3),
    oblique=st.booleans(),
    slope=st.floats(0.2, 3.0),
    without=st.sampled_from([(), ("adc",), ("t2", "clinical")]),
)
def test_local_accuracy(kind, seed, spacing, oblique, slope, without):
    tumour = synthetic_tumour(
        shape=(10, 13, 12), spacing=spacing, radius_mm=4.5 * max(spacing), oblique=oblique, seed=seed
    )
    keys = RICH_KEYS[seed % 4 :]
    model = toy_model(kind, keys, seed=seed, n_background=8, calibrator=Calibrator("platt", slope, 0.3))
    explanation, features = of(tumour, model, without=without)
    prediction = predict(model, features)
    tolerance = 1e-9 * max(1.0, abs(prediction.log_odds - prediction.baseline))
    phi = sum(c.phi for c in explanation.contributions)
    assert abs(explanation.baseline + phi - prediction.log_odds) <= tolerance
    rest = sum(c.phi for c in explanation.not_localised)
    assert abs(explanation.baseline + voxel_sum(explanation) + rest - prediction.log_odds) <= tolerance
    assert explanation.baseline == prediction.baseline
    if explanation.total is not None:
        assert abs(array(explanation.total).sum() - voxel_sum(explanation)) <= tolerance
    assert {c.key for c in explanation.contributions if c.note == "imputed"} == set(prediction.imputed)


def test_contributions_are_complete_ordered_and_say_why_they_are_not_localised(tumour):
    model = toy_model("gaussian_nb", RICH_KEYS)
    explanation, features = of(tumour, model, without=("adc",))
    assert sorted(c.key for c in explanation.contributions) == sorted(model.feature_keys)
    sizes = [abs(c.phi) for c in explanation.contributions]
    assert sizes == sorted(sizes, reverse=True)
    notes = {c.key: c.note for c in explanation.contributions}
    assert notes[TOY_KEYS[0]] == "shape"
    assert notes["clinical:age"] == "clinical"
    assert notes[RICH_KEYS[-1]] == "no exact voxel decomposition"
    assert notes[TOY_KEYS[5]] == "imputed"
    assert notes[TOY_KEYS[1]] == ""
    for c in explanation.contributions:
        column = model.background[:, model.feature_keys.index(c.key)]
        assert c.reference == pytest.approx(column.mean())
        assert c.value == features.values.get(c.key, model.imputer[c.key])
        assert c.localised == (c.note == "")
    assert set(explanation.maps) == {"t1c", "t2"}


def test_an_imputed_feature_carries_nothing_in_a_linear_model(tumour):
    explanation, _ = of(tumour, toy_model("logistic"), without=("adc",))
    imputed = [c for c in explanation.contributions if c.note == "imputed"]
    assert imputed and all(abs(c.phi) <= 1e-12 for c in imputed)


def test_linear_model_with_a_mean_equals_the_closed_form(tumour):
    model = toy_model("logistic", (TOY_KEYS[1],), calibrator=Calibrator("platt", 1.3, -0.2))
    explanation, _ = of(tumour, model)
    weight = 1.3 * model.classifier.arrays["coef"][0] / model.scaler.scale[0]
    values = tumour.images["t1c"][tumour.masks["tumour"]]
    expected = weight * (values - model.background.mean()) / values.size
    found = array(explanation.maps["t1c"])
    assert np.abs(found[found != 0] - expected).max() <= 1e-15


def test_a_model_without_weights_gives_an_empty_map(tumour):
    model = toy_model("logistic")
    model = replace(model, classifier=Classifier("logistic", {"coef": np.zeros(7), "intercept": np.ones(1)}))
    explanation, _ = of(tumour, model)
    assert all(c.phi == 0 for c in explanation.contributions)
    assert not array(explanation.total).any()


def test_the_map_is_zero_outside_the_region_and_lies_on_the_grid(tumour):
    moved = {name: np.roll(mask, (1, -1, 2), (0, 1, 2)) for name, mask in tumour.masks.items()}
    tumour = replace(tumour, masks=moved)
    explanation, _ = of(tumour, toy_model("gaussian_nb"))
    total = explanation.total
    back = sitk.Resample(total, tumour.grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    inside = tumour.masks["tumour"]
    assert not array(back)[~inside].any()
    assert array(back)[inside].all()
    assert array(back).sum() == pytest.approx(array(total).sum(), abs=1e-12)
    box = [np.ptp(at) + 1 for at in np.nonzero(inside)]
    assert list(total.GetSize()[::-1]) == box
    start = [int(at.min()) for at in np.nonzero(inside)][::-1]
    assert np.allclose(total.GetOrigin(), tumour.grid.TransformIndexToPhysicalPoint(start), atol=1e-12)
    assert total.GetPixelID() == sitk.sitkFloat64


def test_maps_of_two_linear_models_add_up(tumour):
    background = toy_background(RICH_KEYS)
    first = toy_model("logistic", RICH_KEYS, background=background, seed=1)
    second = toy_model("lda", RICH_KEYS, background=background, seed=2)
    arrays = {
        name: first.classifier.arrays[name] + second.classifier.arrays[name] for name in ("coef", "intercept")
    }
    both = replace(first, classifier=Classifier("logistic", arrays))
    maps = [array(of(tumour, m)[0].total) for m in (first, second, both)]
    assert np.abs(maps[0] + maps[1] - maps[2]).max() <= 1e-12


def test_mirrored_halves_get_mirrored_maps(tumour):
    images = {role: image + image[:, :, ::-1] for role, image in tumour.images.items()}
    masks = {name: mask | mask[:, :, ::-1] for name, mask in tumour.masks.items()}
    twin = replace(tumour, images=images, masks=masks)
    for kind in ("logistic", "rbf_svm"):
        total = array(of(twin, toy_model(kind))[0].total)
        assert np.abs(total - total[:, :, ::-1]).max() <= 1e-13
        assert np.ptp(total) > 1e-4


@pytest.mark.parametrize("axes", [(0,), (1, 2), (0, 1, 2)])
def test_flipping_the_image_flips_the_map(tumour, axes):
    flipped = replace(
        tumour,
        images={role: np.flip(image, axes) for role, image in tumour.images.items()},
        masks={name: np.flip(mask, axes) for name, mask in tumour.masks.items()},
    )
    keys = (*TOY_KEYS[1:6], *RICH_KEYS[7:9])
    model = toy_model("gaussian_nb", keys)
    original, other = (array(of(t, model)[0].total) for t in (tumour, flipped))
    assert np.abs(np.flip(original, axes) - other).max() <= 1e-13


def test_turning_the_image_turns_the_map(tumour):
    turned = replace(
        tumour,
        images={role: np.rot90(image, 1, (1, 2)) for role, image in tumour.images.items()},
        masks={name: np.rot90(mask, 1, (1, 2)) for name, mask in tumour.masks.items()},
        grid=oblique_grid((16, 18, 20), (1.5, 1.2, 1.0)),
    )
    model = toy_model("random_forest", TOY_KEYS[1:6])
    original, other = (array(of(t, model)[0].total) for t in (tumour, turned))
    assert np.abs(np.rot90(original, 1, (1, 2)) - other).max() <= 1e-13


def test_a_planted_hot_spot_carries_the_model_output():
    tumour = synthetic_tumour(seed=2)
    spot = np.zeros_like(tumour.masks["tumour"])
    spot[10:14, 12:17, 8:13] = True
    spot &= tumour.masks["tumour"]
    rng = np.random.default_rng(0)
    image = tumour.images["t1c"] + spot * rng.normal(0.8, 1.2, spot.shape)
    planted = replace(tumour, images={**tumour.images, "t1c": image})
    model = toy_model("logistic", (TOY_KEYS[1], TOY_KEYS[4]))
    model = replace(
        model, classifier=Classifier("logistic", {"coef": np.array([0.5, 1.0]), "intercept": np.zeros(1)})
    )
    inside = tumour.masks["tumour"]
    found = array(of(planted, model)[0].total)[
        inside[tuple(slice(a.min(), a.max() + 1) for a in np.nonzero(inside))]
    ]
    top = found >= np.quantile(found, 1 - spot.sum() / inside.sum())
    assert top[spot[inside]].mean() >= 0.8


def test_a_shared_workspace_gives_the_same(tumour):
    workspace = Workspace(tumour.images, tumour.masks)
    for kind in ("logistic", "gaussian_nb"):
        model = toy_model(kind, RICH_KEYS)
        features = measured(tumour, model)
        alone = explain(model, features, tumour.images, tumour.masks, tumour.grid)
        shared = explain(model, features, tumour.images, tumour.masks, tumour.grid, workspace=workspace)
        assert np.array_equal(array(alone.total), array(shared.total))


def test_a_model_without_spatial_features_has_no_map(tumour):
    explanation, _ = of(tumour, toy_model("logistic", (TOY_KEYS[0], "clinical:age")))
    assert explanation.maps == {} and explanation.total is None
    assert len(explanation.not_localised) == 2


def test_a_sequence_without_image_is_listed(tumour):
    model = toy_model("logistic")
    features = measured(tumour, model)
    images = {"t1c": tumour.images["t1c"]}
    explanation = explain(model, features, images, tumour.masks, tumour.grid)
    assert set(explanation.maps) == {"t1c"}
    assert TOY_KEYS[5] in {c.key for c in explanation.not_localised}


def test_bad_input_gives_typed_errors(tumour):
    model = toy_model("logistic")
    features = measured(tumour, model)
    with pytest.raises(GeometryError):
        explain(model, features, tumour.images, {"tumour": tumour.masks["tumour"][1:]}, tumour.grid)
    with pytest.raises(GeometryError):
        explain(model, features, tumour.images, tumour.masks, oblique_grid((3, 3, 3), (1, 1, 1)))
    with pytest.raises(FeatureError, match="not given"):
        explain(model, features, tumour.images, {"other": tumour.masks["tumour"]}, tumour.grid)
    empty = {**tumour.masks, "tumour": np.zeros_like(tumour.masks["tumour"])}
    with pytest.raises(EmptyRegionError):
        explain(model, features, tumour.images, empty, tumour.grid)
    with pytest.raises(FeatureError):
        bad = FeatureVector({**features.values, TOY_KEYS[1]: float("inf")})
        explain(model, bad, tumour.images, tumour.masks, tumour.grid)


def test_it_can_be_cancelled_at_every_report(tumour):
    model = toy_model("gaussian_nb")
    features = measured(tumour, model)
    reports = []
    explain(model, features, tumour.images, tumour.masks, tumour.grid, lambda f, m: reports.append(f))
    assert reports == sorted(reports) and reports[-1] == 1.0
    for stop in range(len(reports)):
        count = iter(range(len(reports) + 1))

        def cancel(fraction, message, stop=stop, count=count):
            if next(count) == stop:
                raise Cancelled()

        with pytest.raises(Cancelled):
            explain(model, features, tumour.images, tumour.masks, tumour.grid, cancel)
