"""Maps of single features: parts of the whole map, on its grid."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from measure import measured
from support import synthetic_tumour, toy_model
from virtualbiopsy.errors import FeatureError
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.feature_maps import feature_map
from virtualbiopsy.explain.workspace import Workspace

KEYS = (
    "t1c:tumour:original:statistics:mean:3d:none:ibsi",
    "t1c:tumour:original:glrlm:run_entropy:3d_average:fbn16:ibsi",
    "adc:ring5:original:glszm:zone_percentage:3d:fbn16:ibsi",
    "adc:tumour(outlier=2):original:ngtdm:contrast:3d:fbn16:ibsi",
    "t1c:largest_slice:mean(support=3):histogram:entropy:3d:fbn16:ibsi",
    "t1c:tumour:original:glcm:correlation:3d_average:fbn32:ibsi",
    "clinical:age",
)


@pytest.fixture(scope="module")
def tumour():
    return synthetic_tumour(shape=(16, 20, 18), radius_mm=8.0, seed=5)


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("kind", ["logistic", "gaussian_nb", "random_forest"])
def test_they_add_up_to_the_map_and_each_to_its_own_value(tumour, kind, adjoint):
    model = toy_model(kind, KEYS)
    workspace = Workspace(tumour.images, tumour.masks, tumour.spacing, grid=tumour.grid)
    features = measured(tumour, model)
    explanation = explain(
        model, features, tumour.images, tumour.masks, tumour.grid, workspace=workspace, adjoint=adjoint
    )
    by_role = {role: np.zeros_like(array(image)) for role, image in explanation.maps.items()}
    for c in explanation.contributions:
        found = feature_map(model, explanation, workspace, c.key)
        assert (found is not None) == c.localised
        if found is None:
            continue
        assert found.GetOrigin() == explanation.total.GetOrigin()
        assert found.GetDirection() == explanation.total.GetDirection()
        assert found.GetSpacing() == explanation.total.GetSpacing()
        assert array(found).sum() == pytest.approx(c.phi, abs=1e-9 * max(1.0, abs(c.phi)))
        by_role[c.key.split(":")[0]] += array(found)
    scale = np.abs(array(explanation.total)).max()
    for role, image in explanation.maps.items():
        assert np.abs(array(image) - by_role[role]).max() <= 1e-12 * scale


def test_what_cannot_be_looked_up_is_said(tumour):
    model = toy_model("logistic", KEYS)
    features = measured(tumour, model)
    workspace = Workspace(tumour.images, tumour.masks, tumour.spacing, grid=tumour.grid)
    explanation = explain(model, features, tumour.images, tumour.masks, tumour.grid, workspace=workspace)
    with pytest.raises(FeatureError, match="not a feature"):
        feature_map(model, explanation, workspace, "t1c:tumour:original:statistics:median:3d:none:ibsi")
    moved = {name: np.roll(mask, 1, axis=0) for name, mask in tumour.masks.items()}
    other = Workspace(tumour.images, moved, tumour.spacing, grid=tumour.grid)
    with pytest.raises(FeatureError, match="Explain the outline again"):
        feature_map(model, explanation, other, KEYS[0])
