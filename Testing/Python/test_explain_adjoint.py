"""Shares of filtered images at the voxels of the image, through the filter's adjoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import measured
from support import synthetic_tumour, toy_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.explain.adjoint import NEAR, through_adjoint
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.layout import NOTE_ADJOINT, NOTE_RESPONSE
from virtualbiopsy.explain.ledger import shares
from virtualbiopsy.explain.workspace import Surround, Workspace
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.classifier import SPECS
from virtualbiopsy.models.inference import explained_score
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.filters.apply import apply_filter
from virtualbiopsy.radiomics.keys import FeatureKey

KEYS = (
    "t1c:tumour:log(sigma=2.5;truncate=2):statistics:mean:3d:none:ibsi",
    "t1c:tumour:wavelet(family=coif1;bands=LLL;level=1):glcm:joint_entropy:3d_average:fbn16:pyradiomics",
    "adc:ring5:log(sigma=4):glrlm:run_entropy:3d_merged:fbn16:pyradiomics",
    "adc:tumour:mean(support=3):statistics:percentile_90:3d:none:ibsi",
    "t1c:tumour:square:statistics:mean:3d:none:ibsi",
    "t1c:tumour:original:glszm:zone_percentage:3d:fbn16:ibsi",
)


def kernel(shape, spacing, text: str, rows: np.ndarray) -> np.ndarray:
    """K of a filter (rows, voxels), from its responses to single voxels."""
    columns = []
    for u in range(int(np.prod(shape))):
        image = np.zeros(shape)
        image.flat[u] = 1.0
        columns.append(apply_filter(image, spacing, text)[rows])
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(
    "text", ["log(sigma=1.5;truncate=2)", "wavelet(family=haar;bands=LHL;level=1)", "mean(support=3)"]
)
def test_equals_the_definition(text):
    rng = np.random.default_rng(0)
    shape, spacing = (5, 6, 7), (1.2, 1.0, 0.8)
    image, mask = rng.normal(1.0, 1.0, shape), np.zeros(shape, dtype=bool)
    mask[1:4, 2:5, 1:6] = rng.random((3, 3, 5)) < 0.8
    matrix = kernel(shape, spacing, text, mask)
    response = matrix @ image.ravel()
    workspace = Workspace({"t1c": image}, {"r": mask}, spacing)
    for name, spec in (("statistics:mean:3d", "none"), ("glcm:contrast:3d_average", "fbn8")):
        key = FeatureKey.parse(f"t1c:r:{text}:{name}:{spec}:ibsi")
        value = extract({"t1c": image}, {"r": mask}, spacing, [key]).values[str(key)]
        found = shares(key, value, workspace)
        expected = (matrix * image.ravel() / response[:, None] * found[:, None]).sum(axis=0)
        moved = through_adjoint(key, found, workspace)
        whole = np.zeros(shape)
        whole[tuple(slice(a, a + n) for a, n in zip(moved.start, moved.block.shape, strict=True))] = (
            moved.block
        )
        assert moved.kept == 0.0
        assert np.abs(whole.ravel() - expected).max() <= 1e-12 * np.abs(expected).max()


def test_where_the_response_is_nearly_zero_the_share_stays():
    image = 2.0 + np.random.default_rng(0).normal(0, 1e-6, (5, 5, 9))
    image[2, 2, 1] = 5.0
    mask = np.zeros(image.shape, dtype=bool)
    mask[1:4, 1:4, :] = True
    key = FeatureKey.parse("t1c:r:wavelet(family=haar;bands=HHH;level=1):statistics:minimum:3d:none:ibsi")
    workspace = Workspace({"t1c": image}, {"r": mask})
    response = workspace.values(key)
    small = np.abs(response) <= NEAR * np.sqrt((response**2).mean())
    assert 0 < small.sum() < small.size
    found = np.arange(1.0, mask.sum() + 1)
    moved = through_adjoint(key, found, workspace)
    assert moved.kept == pytest.approx(small.mean())
    assert moved.block.sum() == pytest.approx(found.sum(), rel=1e-12)
    whole = np.zeros(image.shape)
    whole[tuple(slice(a, a + n) for a, n in zip(moved.start, moved.block.shape, strict=True))] = moved.block
    far = np.argwhere(mask)[:, 2] >= 5
    assert small[far].all()
    assert whole[mask][far] == pytest.approx(found[far], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(sorted(SPECS)),
    seed=st.integers(0, 10**6),
    spacing=st.tuples(*[st.floats(0.6, 2.5)] * 3),
)
def test_local_accuracy(kind, seed, spacing):
    tumour = synthetic_tumour(shape=(11, 13, 12), spacing=spacing, radius_mm=4.5 * max(spacing), seed=seed)
    model = toy_model(kind, KEYS, seed=seed, n_background=8)
    features = measured(tumour, model)
    for adjoint in (False, True):
        explanation = explain(model, features, tumour.images, tumour.masks, tumour.grid, adjoint=adjoint)
        rest = sum(c.phi for c in explanation.not_localised)
        assert rest == 0
        carried = sum(sitk.GetArrayFromImage(image).sum() for image in explanation.maps.values())
        found = explanation.baseline + float(carried)
        assert abs(found - explanation.log_odds) <= 1e-9 * max(
            1.0, abs(explanation.log_odds - explanation.baseline)
        )
        row = np.array([features.values[key] for key in KEYS])
        assert explanation.log_odds == explained_score(model, row[None])[0]
        notes = {c.key: c.note for c in explanation.contributions}
        assert [notes[key] for key in KEYS[-2:]] == [NOTE_RESPONSE, ""]
        moved = {notes[key] for key in KEYS[:-2]}
        assert moved == {NOTE_ADJOINT if adjoint else NOTE_RESPONSE}


def test_a_measured_outline_sees_the_image_beyond_its_own_arrays():
    tumour = synthetic_tumour(shape=(30, 44, 40), spacing=(1.5, 1.0, 1.1), radius_mm=6.0)
    case = Case("synthetic", tuple(Sequence(role, role, tumour.image(role)) for role in ("t1c", "adc")))
    prepared = prepare_case(case, Preparation(normalise="none", register=False, spacing=None))
    keys = [*KEYS[:2], KEYS[3], KEYS[5]]
    measuring = Measuring(prepared, [FeatureKey.parse(key) for key in keys])
    on = measuring.measure(tumour.mask())
    model = toy_model("logistic", keys)
    workspace = Workspace.of(measuring, on)
    part = explain(model, on.vector, on.arrays, on.masks, on.grid, workspace=workspace, adjoint=True)
    images = {role: sitk.GetArrayFromImage(image) for role, image in prepared.images.items()}
    mask = np.zeros(images["t1c"].shape, dtype=bool)
    mask[on.box] = on.masks["tumour"]
    whole = explain(model, on.vector, images, {"tumour": mask}, prepared.grid, adjoint=True)
    assert all(c.note in (NOTE_ADJOINT, "") for c in part.contributions)
    assert whole.total.GetSize() == part.total.GetSize()
    assert whole.total.GetOrigin() == pytest.approx(part.total.GetOrigin(), abs=1e-9)
    assert np.abs(sitk.GetArrayFromImage(whole.total) - sitk.GetArrayFromImage(part.total)).max() <= 1e-12
    assert any(n > m for n, m in zip(part.total.GetSize(), on.grid.GetSize(), strict=True))


def test_the_map_moves_with_the_image_where_a_bright_spot_lies_outside_the_region():
    """The response just inside the region is made by a spot just outside: the adjoint shows the spot."""
    image = np.zeros((9, 9, 15))
    image[4, 4, 10] = 100.0
    image += np.random.default_rng(0).normal(0, 0.01, image.shape)
    mask = np.zeros(image.shape, dtype=bool)
    mask[3:6, 3:6, 3:10] = True
    key = FeatureKey.parse("t1c:r:mean(support=3):statistics:mean:3d:none:ibsi")
    workspace = Workspace({"t1c": image}, {"r": mask})
    found = workspace.values(key) / mask.sum()
    moved = through_adjoint(key, found, workspace)
    at = np.unravel_index(moved.block.argmax(), moved.block.shape)
    assert tuple(a + s for a, s in zip(at, moved.start, strict=True)) == (4, 4, 10)
    assert not mask[4, 4, 10]
    assert moved.block.max() >= 0.95 * moved.block.sum()


def test_a_response_that_is_not_the_filters_stays_where_it_is():
    tumour = synthetic_tumour(shape=(14, 18, 16), radius_mm=7.5)
    key = FeatureKey.parse(KEYS[0])
    other = np.random.default_rng(0).normal(size=tumour.images["t1c"].shape)
    workspace = Workspace(tumour.images, tumour.masks, tumour.spacing, lambda *which: other)
    found = workspace.values(key) / tumour.masks["tumour"].sum()
    assert through_adjoint(key, found, workspace) is None
    nothing = Surround({}, (slice(0, 14), slice(0, 18), slice(0, 16)))
    lost = Workspace(tumour.images, tumour.masks, tumour.spacing, None, nothing)
    assert through_adjoint(key, found, lost) is None
    square = replace(key, image="square")
    plain = Workspace(tumour.images, tumour.masks, tumour.spacing)
    assert through_adjoint(square, found, plain) is None
