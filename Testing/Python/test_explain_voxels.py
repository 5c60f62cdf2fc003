"""The voxel map of whole models: every family, image type, region and classifier; geometry and hard cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import measured
from support import oblique_grid, synthetic_tumour, toy_background, toy_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import FlatRegionError, NonFiniteError
from virtualbiopsy.explain.decompositions import EXACT
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.pushback import OUTSIDE, pushback
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import SPECS, Classifier
from virtualbiopsy.models.inference import explained_score, predict
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.definitions import DEFINITIONS, SIZE_ROLES
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.radiomics.vector import FeatureVector

IMAGES = ("original", "original", "mean(support=3)", "wavelet(family=haar;bands=LLH;level=1)", "squareroot")
REGIONS = ("tumour", "ring5", "largest_slice", "tumour(outlier=2)")


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def total_of(explanation) -> float:
    return float(sum(array(image).sum() for image in explanation.maps.values()))


def of(tumour, model, **kwargs):
    features = measured(tumour, model)
    return explain(model, features, tumour.images, tumour.masks, tumour.grid, **kwargs), features


@st.composite
def keys(draw) -> tuple[str, ...]:
    """Three to seven features of different families, image types, regions, profiles and aggregations."""
    found = {}
    for family in draw(st.lists(st.sampled_from(sorted(EXACT)), min_size=3, max_size=7)):
        name = draw(st.sampled_from(sorted(EXACT[family])))
        single = family not in ("glcm", "glrlm")
        image = draw(st.sampled_from(IMAGES))
        profiles = [p for p in DEFINITIONS[family, name].profiles if "mean" not in image or p == "ibsi"]
        if not profiles:
            continue
        key = FeatureKey(
            draw(st.sampled_from(("t1c", "adc"))),
            draw(st.sampled_from(REGIONS)),
            image,
            family,
            name,
            "3d" if single else draw(st.sampled_from(("3d_average", "3d_merged"))),
            "none" if family in ("statistics", "local_intensity") else "fbn16",
            draw(st.sampled_from(profiles)),
        )
        found[str(key)] = None
    return (*found, "clinical:age", "t1c:tumour:original:ngtdm:coarseness:3d:fbn16:ibsi")


@settings(max_examples=60, deadline=None)
@given(
    keys=keys(),
    kind=st.sampled_from(sorted(SPECS)),
    seed=st.integers(0, 10**6),
    spacing=st.tuples(*[st.floats(0.5, 4.0)] * 3),
    oblique=st.booleans(),
    calibrator=st.sampled_from(
        (
            Calibrator("platt", 0.7, 0.3),
            Calibrator("temperature", 0.4),
            Calibrator("isotonic", x=(-1.0, 0.5, 2.0), y=(0.1, 0.4, 0.9)),
        )
    ),
)
def test_local_accuracy(keys, kind, seed, spacing, oblique, calibrator):
    tumour = synthetic_tumour(
        shape=(10, 13, 12), spacing=spacing, radius_mm=4.5 * max(spacing), oblique=oblique, seed=seed
    )
    model = toy_model(kind, keys, seed=seed, n_background=8, calibrator=calibrator)
    explanation, features = of(tumour, model)
    assert not predict(model, features).imputed
    row = np.array([features.values[key] for key in keys])
    score = float(explained_score(model, row[None])[0])
    baseline = float(explained_score(model, model.background).mean())
    assert (explanation.sums_to == "log-odds") == calibrator.affine
    assert explanation.baseline == pytest.approx(baseline, rel=1e-12)
    rest = sum(c.phi for c in explanation.not_localised)
    tolerance = 1e-9 * max(1.0, abs(score - baseline))
    assert abs(baseline + total_of(explanation) + rest - score) <= tolerance
    assert {c.key for c in explanation.not_localised} == set(keys[-2:])


FAMILIES = {
    "statistics": ("variance", "3d", "none"),
    "histogram": ("entropy", "3d", "fbn16"),
    "glcm": ("joint_entropy", "3d_merged", "fbn16"),
    "glrlm": ("run_entropy", "3d_average", "fbn16"),
    "glszm": ("zone_percentage", "3d", "fbn16"),
    "gldzm": ("zone_distance_entropy", "3d", "fbn16"),
    "ngtdm": ("busyness", "3d", "fbn16"),
    "ngldm": ("dependence_count_variance", "3d", "fbn16"),
    "ivh": ("area_under_curve", "3d", "fbn16"),
    "local_intensity": ("global_intensity_peak", "3d", "none"),
}


def one_of(family: str, region: str = "tumour", image: str = "original") -> str:
    name, aggregation, spec = FAMILIES[family]
    return f"t1c:{region}:{image}:{family}:{name}:{aggregation}:{spec}:ibsi"


def test_every_family_that_splits_is_among_them():
    assert set(FAMILIES) == set(EXACT) and set(SIZE_ROLES) < set(EXACT)


@pytest.mark.parametrize("image", ["original", "mean(support=3)", "wavelet(family=haar;bands=LLL;level=1)"])
def test_a_linear_model_with_a_mean_equals_the_closed_form(image):
    tumour = synthetic_tumour(shape=(14, 16, 15), radius_mm=7.0)
    key = FeatureKey.parse(f"t1c:tumour:{image}:statistics:mean:3d:none:ibsi")
    model = toy_model("logistic", (str(key),), calibrator=Calibrator("platt", 1.3, -0.2))
    explanation, _ = of(tumour, model)
    weight = 1.3 * model.classifier.arrays["coef"][0] / model.scaler.scale[0]
    values = Workspace(tumour.images, tumour.masks, tumour.spacing).image(key)[tumour.masks["tumour"]]
    expected = weight * (values - model.background.mean()) / values.size
    found = array(explanation.maps["t1c"])
    assert np.abs(found[found != 0] - expected).max() <= 1e-15


@pytest.mark.parametrize("family", FAMILIES)
def test_dummy_a_model_without_weights_gives_an_empty_map(family):
    tumour = synthetic_tumour(shape=(10, 13, 12), radius_mm=5.0)
    model = toy_model("logistic", (one_of(family), one_of(family, "ring5")))
    model = replace(model, classifier=Classifier("logistic", {"coef": np.zeros(2), "intercept": np.ones(1)}))
    assert not array(of(tumour, model)[0].total).any()


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "local_intensity"])
def test_voxels_that_no_feature_sees_get_nothing(family):
    """Zero outside the regions; in a slice of its own, what lies in other slices changes nothing."""
    tumour = synthetic_tumour(shape=(12, 13, 12), radius_mm=6.0)
    model = toy_model("gaussian_nb", (one_of(family, "largest_slice"), one_of("statistics", "ring5")))
    explanation, features = of(tumour, model)
    back = sitk.Resample(explanation.total, tumour.grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    seen = tumour.masks["largest_slice"] | tumour.masks["ring5"]
    assert not array(back)[~seen].any()
    assert array(back)[seen].any()
    other = np.where(seen, tumour.images["t1c"], 7.0 * tumour.images["t1c"])
    changed = replace(tumour, images={**tumour.images, "t1c": other})
    assert np.array_equal(array(of(changed, model)[0].total), array(explanation.total))


@pytest.mark.parametrize("family", FAMILIES)
def test_flipping_and_turning_the_image_does_so_with_the_map(family):
    tumour = synthetic_tumour(shape=(12, 13, 12), spacing=(1.5, 1.2, 1.2), radius_mm=6.0)
    model = toy_model("rbf_svm", (one_of(family), one_of(family, "ring5", "mean(support=3)")))
    original = array(of(tumour, model)[0].total)

    def moved(by, shape):
        grid = oblique_grid(shape, (1.5, 1.2, 1.2))
        return replace(
            tumour,
            images={role: by(image) for role, image in tumour.images.items()},
            masks={name: by(mask) for name, mask in tumour.masks.items()},
            grid=grid,
        )

    for by in (lambda a: a[::-1], lambda a: a[:, ::-1, ::-1], lambda a: np.rot90(a, 1, (1, 2))):
        found = array(of(moved(by, by(tumour.images["t1c"]).shape), model)[0].total)
        assert np.abs(found - by(original)).max() <= 1e-11 * np.abs(original).max()


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_of_two_linear_models_add_up(family):
    tumour = synthetic_tumour(shape=(12, 13, 12), radius_mm=6.0)
    names = (one_of(family), one_of(family, "ring5"))
    background = toy_background(names)
    first = toy_model("logistic", names, background=background, seed=1)
    second = toy_model("lda", names, background=background, seed=2)
    arrays = {
        name: first.classifier.arrays[name] + second.classifier.arrays[name] for name in ("coef", "intercept")
    }
    both = replace(first, classifier=Classifier("logistic", arrays))
    maps = [array(of(tumour, m)[0].total) for m in (first, second, both)]
    assert np.abs(maps[0] + maps[1] - maps[2]).max() <= 1e-12 * max(1.0, np.abs(maps[2]).max())


def sampled(grid: sitk.Image, centre: np.ndarray, level: float) -> sitk.Image:
    """Two hot spots, 5 and 14 mm beside a centre, as a scanner sees them on this grid."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.GetSize()), indexing="ij"), axis=-1)
    matrix = np.array(grid.GetDirection()).reshape(3, 3) * np.array(grid.GetSpacing())
    points = index @ matrix.T + np.array(grid.GetOrigin())
    spots = [centre + (5.0, 0.0, 0.0), centre + (0.0, -14.0, 0.0)]
    values = level * np.ones(points.shape[:-1])
    for spot in spots:
        values += 5.0 * level * np.exp(-((points - spot) ** 2).sum(axis=-1) / 8.0)
    image = sitk.GetImageFromArray(values.transpose(2, 1, 0))
    image.CopyInformation(grid)
    return image


def test_layers_of_sequences_on_different_grids_lie_on_the_same_anatomy():
    """Hot spots in the tumour and in its ring, seen by two sequences: in each layer, and on each own grid."""
    grids = {
        "t1c": oblique_grid((30, 56, 52), (2.0, 1.0, 1.0)),
        "adc": oblique_grid((22, 40, 40), (3.0, 1.6, 1.6), (0.1, 0.25, -0.3)),
    }
    middle = np.array(grids["t1c"].TransformContinuousIndexToPhysicalPoint((25.5, 27.5, 14.5)))
    size = [(n - 1) / 2 for n in grids["adc"].GetSize()]
    shift = middle - np.array(grids["adc"].TransformContinuousIndexToPhysicalPoint(size))
    grids["adc"].SetOrigin((np.array(grids["adc"].GetOrigin()) + shift).tolist())
    images = {role: sampled(grid, middle, 800.0 if role == "adc" else 2.0) for role, grid in grids.items()}
    case = Case("two grids", tuple(Sequence(role, role, image) for role, image in images.items()))
    settings_ = Preparation(normalise="none", register=False, spacing=(1.2, 1.2, 1.5))
    prepared = prepare_case(case, settings_)
    at = np.indices(grids["t1c"].GetSize()[::-1]) - np.array((14.5, 27.5, 25.5))[:, None, None, None]
    ball = sum((axis * step) ** 2 for axis, step in zip(at, (2.0, 1.0, 1.0), strict=True)) <= 12.0**2
    mask = sitk.GetImageFromArray(ball.astype(np.uint8))
    mask.CopyInformation(grids["t1c"])

    spots = {"tumour": middle + (5.0, 0.0, 0.0), "ring5": middle + (0.0, -14.0, 0.0)}
    names = [f"{role}:{region}:original:statistics:mean:3d:none:ibsi" for region in spots for role in grids]
    measuring = Measuring(prepared, [FeatureKey.parse(name) for name in names])
    on = measuring.measure(mask)
    for (region, spot), used in zip(spots.items(), (names[:2], names[2:]), strict=True):
        model = toy_model("logistic", used, background=toy_background(used) * 0.1)
        coef = {"coef": np.ones(2), "intercept": np.zeros(1)}
        model = replace(model, classifier=Classifier("logistic", coef))
        workspace = Workspace.of(measuring, on)
        explanation = explain(model, on.vector, on.arrays, on.masks, on.grid, workspace=workspace)
        assert set(explanation.maps) == set(grids)
        for image in (*explanation.maps.values(), explanation.total):
            assert image.GetSpacing() == prepared.grid.GetSpacing()
            assert image.GetDirection() == prepared.grid.GetDirection()
            first = prepared.grid.TransformPhysicalPointToContinuousIndex(image.GetOrigin())
            assert np.abs(np.array(first) - np.rint(first)).max() <= 1e-9
        layers = sum(array(layer) for layer in explanation.maps.values())
        assert np.abs(layers - array(explanation.total)).max() <= 1e-15
        for role, layer in explanation.maps.items():
            own = pushback(layer, prepared.transforms[role], images[role])
            assert abs(array(own).sum() - array(layer).sum()) <= 1e-12 * np.abs(array(layer)).sum()
            assert own.GetMetaData(OUTSIDE) == "0.0"
            for image in (layer, own):
                assert distance_to_peak(image, spot) <= 0.6 * np.linalg.norm(image.GetSpacing()), region


def distance_to_peak(image: sitk.Image, point: np.ndarray) -> float:
    """From a point to the centre of the highest voxel within 4 mm of it."""
    values = array(image)
    found = np.argwhere(values != 0)
    points = [np.array(image.TransformIndexToPhysicalPoint([int(n) for n in at[::-1]])) for at in found]
    far = np.linalg.norm(np.array(points) - point, axis=1)
    heights = np.where(far <= 4.0, values[tuple(found.T)], -np.inf)
    return float(far[heights.argmax()])


def test_a_value_at_its_reference_is_spread_evenly():
    """A model that is not linear, a value that equals the mean of the background: no slope to share by."""
    tumour = synthetic_tumour(shape=(10, 13, 12), radius_mm=5.0)
    names = (one_of("ngldm"), one_of("glrlm"))
    values = measured(tumour, toy_model("gaussian_nb", names)).values
    background = toy_background(names)
    background[:, 0] += values[names[0]] - background[:, 0].mean()
    model = toy_model("gaussian_nb", names, background=background)
    model = replace(model, background=background)
    explanation, features = of(tumour, model)
    prediction = predict(model, features)
    by_key = {c.key: c for c in explanation.contributions}
    assert abs(by_key[names[0]].value - by_key[names[0]].reference) <= 1e-12
    assert abs(by_key[names[0]].phi) > 1e-6
    found = explanation.baseline + total_of(explanation)
    assert abs(found - prediction.log_odds) <= 1e-9 * max(1.0, abs(prediction.log_odds))
    alone = toy_model("gaussian_nb", names[:1], background=background[:, :1])
    even = array(of(tumour, alone)[0].total)
    assert np.ptp(even[even != 0]) <= 1e-15


def only(mask: np.ndarray, image: np.ndarray, grid: sitk.Image, names, values):
    model = toy_model("logistic", names)
    features = FeatureVector(dict(zip(names, values, strict=True)))
    return explain(model, features, {"t1c": image}, {"tumour": mask}, grid)


def test_a_single_voxel_and_a_constant_region():
    grid = oblique_grid((4, 5, 6), (2.0, 1.0, 1.0))
    image = np.full((4, 5, 6), 3.0)
    one = np.zeros(image.shape, dtype=bool)
    one[1, 2, 3] = True
    names = (
        "t1c:tumour:original:statistics:mean:3d:none:ibsi",
        "t1c:tumour:original:statistics:variance:3d:none:ibsi",
    )
    for mask in (one, np.ones_like(one)):
        explanation = only(mask, image, grid, names, (3.0, 0.0))
        assert total_of(explanation) == pytest.approx(explanation.log_odds - explanation.baseline, abs=1e-12)
        assert array(explanation.total).size == mask.sum()
        assert np.ptp(array(explanation.total)) <= 1e-15
    texture = (
        "t1c:tumour:original:glszm:zone_percentage:3d:fbw1:ibsi",
        "t1c:tumour:original:glcm:contrast:3d_average:fbw1:ibsi",
    )
    explanation = only(np.ones_like(one), image, grid, texture, (1 / 120, 0.0))
    assert not explanation.not_localised
    explanation = only(one, image, grid, texture, (1.0, 0.0))
    assert [c.key for c in explanation.not_localised] == [texture[1]]
    with pytest.raises(FlatRegionError):
        only(one, image, grid, ("t1c:tumour:original:glszm:zone_percentage:3d:fbn8:ibsi",), (1.0,))


def test_nan_in_the_region_is_refused_and_elsewhere_does_not_matter():
    grid = oblique_grid((4, 5, 6), (2.0, 1.0, 1.0))
    image = np.random.default_rng(0).normal(size=(4, 5, 6))
    mask = np.zeros(image.shape, dtype=bool)
    mask[1:3, 1:4, 1:5] = True
    names = ("t1c:tumour:original:statistics:mean:3d:none:ibsi",)
    value = (float(image[mask].mean()),)
    clean = only(mask, image, grid, names, value)
    image[0, 0, 0] = np.nan
    assert np.array_equal(array(only(mask, image, grid, names, value).total), array(clean.total))
    image[1, 2, 3] = np.nan
    with pytest.raises(NonFiniteError):
        only(mask, image, grid, names, value)
