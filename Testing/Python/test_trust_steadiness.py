"""Repeatability of the voxel map: what small changes of outline and image do to it, and what is hatched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour, toy_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import Cancelled
from virtualbiopsy.explain.agreement import spearman
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.measure import Measured, Measuring
from virtualbiopsy.models.radmodel import RadModel, builtin_models
from virtualbiopsy.prepare.model import Preparation, PreparedCase
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.trust.stability import outline_variants
from virtualbiopsy.trust.steadiness import AGREEING, REACH_VOXELS, steadiness, unstable_sign
from virtualbiopsy.variants import Variants

KEYS = (
    "t1c:tumour:original:statistics:mean:3d:none:ibsi",
    "t1c:tumour:original:statistics:skewness:3d:none:ibsi",
    "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn16:ibsi",
    "adc:tumour:original:statistics:variance:3d:none:ibsi",
    "mask:tumour:original:morphology:volume:3d:none:ibsi",
)
MEAN = KEYS[:1]
GRIDS = {  # shape, spacing (k, j, i), oblique
    "isotropic": ((32, 32, 32), (1.0, 1.0, 1.0), False),
    "anisotropic and oblique": ((14, 36, 34), (2.5, 0.9, 1.1), True),
}
FAMILIES = ("logistic", "rbf_svm", "gaussian_nb", "decision_tree", "random_forest", "gradient_boosting")
HATCHED = 0.05


def case_of(grid: str) -> tuple[PreparedCase, sitk.Image]:
    shape, spacing, oblique = GRIDS[grid]
    tumour = synthetic_tumour(
        shape=shape, spacing=spacing, oblique=oblique, radius_mm=9.0, roles=("t1c", "adc")
    )
    case = Case("synthetic", tuple(Sequence(role, role, tumour.image(role)) for role in ("t1c", "adc")))
    return prepare_case(case, Preparation(spacing=None, normalise="none", register=False)), tumour.mask()


def model_near(kind: str, vector: FeatureVector, keys=KEYS) -> RadModel:
    centre = np.array([vector.values[key] for key in keys])
    spread = 0.3 * np.maximum(np.abs(centre), 0.1)
    background = centre + spread * np.random.default_rng(3).standard_normal((30, len(keys)))
    return toy_model(kind, keys, background=background)


def explained(model: RadModel, on: Measured):
    return explain(
        model, on.vector, on.arrays, on.masks, on.grid, workspace=Workspace(on.arrays, on.masks, on.spacing)
    )


def on_whole_grid(prepared: PreparedCase, image: sitk.Image) -> np.ndarray:
    whole = np.zeros(prepared.grid.GetSize()[::-1])
    part = sitk.GetArrayFromImage(image)
    start = prepared.grid.TransformPhysicalPointToIndex(image.GetOrigin())[::-1]
    whole[tuple(slice(a, a + n) for a, n in zip(start, part.shape, strict=True))] = part
    return whole


def noisy(prepared: PreparedCase, inside: np.ndarray, share: float, seed: int) -> PreparedCase:
    """White noise on every image, its deviation a share of that within the outline."""
    rng = np.random.default_rng(seed)
    images = {}
    for role, image in prepared.images.items():
        array = sitk.GetArrayFromImage(image)
        array = array + share * array[inside].std() * rng.standard_normal(array.shape)
        images[role] = sitk.GetImageFromArray(array)
        images[role].CopyInformation(image)
    return replace(prepared, images=images)


@pytest.mark.parametrize("grid", GRIDS)
def test_it_is_what_explaining_each_outline_anew_gives(grid):
    prepared, mask = case_of(grid)
    measuring = Measuring(prepared, KEYS)
    on = measuring.measure(mask)
    model = model_near("logistic", on.vector)
    explanation = explained(model, on)
    found = steadiness(model, measuring, on, on.vector, explanation)
    own = on_whole_grid(prepared, explanation.total)
    same, held, correlations = np.zeros(own.shape), np.zeros(own.shape), []
    near = Variants(measuring, on, measuring.plan.keys, REACH_VOXELS * max(on.spacing))
    for outline in list(outline_variants(near.tumour, on.spacing))[1:]:
        inside = np.zeros(prepared.grid.GetSize()[::-1], dtype=np.uint8)
        inside[near.box] = outline
        image = sitk.GetImageFromArray(inside)
        image.CopyInformation(prepared.grid)
        other = on_whole_grid(prepared, explained(model, Measuring(prepared, KEYS).measure(image)).total)
        both = (other != 0) & (own != 0)
        held += both
        same += both & (other * own > 0)
        correlations.append(spearman(own[both], other[both]))
    expected = np.where(own != 0, same / np.maximum(held, 1), np.nan)
    agreement = on_whole_grid(prepared, found.agreement)
    assert agreement[own != 0] == pytest.approx(expected[own != 0], abs=1e-12)
    unstable = on_whole_grid(prepared, found.unstable)
    assert np.array_equal(unstable > 0, (own != 0) & (expected < AGREEING))
    assert found.correlations == pytest.approx(correlations, abs=1e-9)
    assert 0 < found.share < 1


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("grid", GRIDS)
def test_a_map_repeats_or_is_hatched(grid, kind):
    """Outlines one voxel larger, smaller and shifted, and noise: Spearman ≥ 0.8, or it is hatched."""
    prepared, mask = case_of(grid)
    measuring = Measuring(prepared, KEYS)
    on = measuring.measure(mask)
    model = model_near(kind, on.vector)
    explanation = explained(model, on)
    found = steadiness(model, measuring, on, on.vector, explanation)
    own = on_whole_grid(prepared, explanation.total)
    inside = sitk.GetArrayFromImage(mask) > 0
    correlations = list(found.correlations)
    for seed in range(2):
        other = explained(model, Measuring(noisy(prepared, inside, 0.05, seed), KEYS).measure(mask))
        correlations.append(spearman(own[inside], on_whole_grid(prepared, other.total)[inside]))
    assert min(correlations) >= 0.8 or found.share >= HATCHED, (min(correlations), found.share)


def test_the_bundled_models_repeat_on_the_sample_case_or_are_hatched():
    from virtualbiopsy.case.read import read_case
    from virtualbiopsy.resources import resource
    from virtualbiopsy.session import Session

    case = read_case(resource("Cases/meningioma-sample"))
    session = Session(case)
    session.set_preparation(register=False)
    result = session.set_region(case.regions["tumour"])
    shares = {}
    for model, explanation in zip(session.models, result.explanations, strict=True):
        measuring = Measuring(
            session.prepared(model), [key for key in model.feature_keys if not key.startswith("clinical")]
        )
        on = measuring.measure(session.mask)
        found = steadiness(model, measuring, on, result.features, explanation)
        lowest = found.correlations.min()
        assert lowest >= 0.8 or found.share >= HATCHED, (model.model_id, lowest, found.share)
        shares[model.model_id] = found.share
    assert len(shares) == len(builtin_models("meningioma"))


def test_the_sign_of_a_weighted_mean_never_changes():
    """m(v) = w (I(v) − r) / N: the outline scales it and no more."""
    prepared, mask = case_of("anisotropic and oblique")
    measuring = Measuring(prepared, MEAN)
    on = measuring.measure(mask)
    model = model_near("logistic", on.vector, MEAN)
    found = steadiness(model, measuring, on, on.vector, explained(model, on))
    agreement = sitk.GetArrayFromImage(found.agreement)
    assert found.share == 0.0 and np.nanmin(agreement) == 1.0
    assert found.correlations == pytest.approx(1.0, abs=1e-12)


def test_a_voxel_that_no_other_outline_holds_is_hatched():
    prepared, mask = case_of("isotropic")
    measuring = Measuring(prepared, MEAN)
    on = measuring.measure(mask)
    model = model_near("logistic", on.vector, MEAN)
    explanation = explained(model, on)
    tumour = Variants(measuring, on, measuring.plan.keys, REACH_VOXELS).tumour
    half = tumour.copy()
    half[: tumour.shape[0] // 2] = False
    found = steadiness(model, measuring, on, on.vector, explanation, [tumour, half, tumour & False])
    unstable = sitk.GetArrayFromImage(found.unstable) > 0
    assert len(found.correlations) == 1, "the outline itself and the empty one count for nothing"
    assert np.count_nonzero(unstable) == np.count_nonzero(tumour & ~half)


def test_the_same_outline_gives_the_same_bytes():
    prepared, mask = case_of("isotropic")
    for kind in ("random_forest", "rbf_svm"):
        results = []
        for _ in range(2):
            measuring = Measuring(prepared, KEYS)
            on = measuring.measure(mask)
            model = model_near(kind, on.vector)
            explanation = explained(model, on)
            hatching = unstable_sign(model, measuring, on, on.vector, explanation)
            assert hatching.GetSize() == explanation.total.GetSize()
            assert hatching.GetOrigin() == explanation.total.GetOrigin()
            results.append([sitk.GetArrayFromImage(i).tobytes() for i in (explanation.total, hatching)])
        assert results[0] == results[1]


def test_without_a_map_nothing_is_hatched_and_it_can_be_cancelled():
    prepared, mask = case_of("isotropic")
    measuring = Measuring(prepared, KEYS)
    on = measuring.measure(mask)
    model = model_near("logistic", on.vector, KEYS[-1:])
    found = steadiness(model, measuring, on, on.vector, explained(model, on))
    assert found.share == 0.0 and not len(found.correlations)
    assert not sitk.GetArrayFromImage(found.unstable).any()
    model = model_near("logistic", on.vector)
    told = []

    def stop(fraction, message):
        told.append(fraction)
        if fraction > 0.3:
            raise Cancelled()

    with pytest.raises(Cancelled):
        unstable_sign(model, measuring, on, on.vector, explained(model, on), stop)
    assert told == sorted(told)
