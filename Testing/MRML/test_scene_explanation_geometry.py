"""The voxel map over the volume that it explains: the same places in RAS, on every grid."""

import numpy as np
import pytest
import SimpleITK as sitk
import vtk
from test_scene_segments import ball, middle
from test_scene_volumes import GEOMETRIES, make_image
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.explain.explain import explain
from virtualbiopsy.explain.pushback import pushback
from virtualbiopsy.explain.workspace import Workspace
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.calibration import Calibrator
from virtualbiopsy.models.classifier import Classifier
from virtualbiopsy.models.radmodel import RadModel, Scaler
from virtualbiopsy.prepare.model import Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.radiomics.keys import FeatureKey
from virtualbiopsy.scene.overlay import ExplanationOverlay
from virtualbiopsy.scene.volumes import image_from_node, node_from_image

pytestmark = pytest.mark.mrml

KEY = "t1c:tumour:original:statistics:mean:3d:none:ibsi"


def to_ras(node) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_overlay_lies_on_the_volume_voxel_by_voxel(stage, geometry):
    image = sitk.Cast(make_image(geometry, shape=(11, 34, 36)), sitk.sitkFloat64)
    mask = ball(image, middle(image), 6.0)
    case = Case("one", (Sequence("t1c", "t1c", image),))
    prepared = prepare_case(case, Preparation(normalise="none", register=False, spacing=None))
    measuring = Measuring(prepared, [FeatureKey.parse(KEY)])
    on = measuring.measure(mask)
    explanation = explain(
        linear_model(), on.vector, on.arrays, on.masks, on.grid, workspace=Workspace.of(measuring, on)
    )
    volume = node_from_image(stage.scene, image, "volume")
    overlay = ExplanationOverlay(stage.scene).show(explanation.total, "map")
    native = pushback(explanation.maps["t1c"], prepared.transforms["t1c"], image)
    own = node_from_image(stage.scene, native, "native map")

    np.testing.assert_allclose(to_ras(own), to_ras(volume), atol=1e-9)
    start = np.linalg.solve(to_ras(volume), to_ras(overlay))
    assert np.abs(start[:3, :3] - np.eye(3)).max() <= 1e-9
    assert np.abs(start[:3, 3] - np.rint(start[:3, 3])).max() <= 1e-6
    i, j, k = np.rint(start[:3, 3]).astype(int)
    shown = sitk.GetArrayFromImage(image_from_node(overlay))
    part = tuple(slice(a, a + n) for a, n in zip((k, j, i), shown.shape, strict=True))
    inside = sitk.GetArrayFromImage(mask)[part] > 0
    assert inside.sum() == (sitk.GetArrayFromImage(mask) > 0).sum()
    values = sitk.GetArrayFromImage(image)[part][inside]
    millilitres = float(np.prod(image.GetSpacing())) / 1000
    np.testing.assert_allclose(
        shown[inside] * millilitres, (values - 2.0) / values.size, rtol=1e-5, atol=1e-6
    )
    back = sitk.GetArrayFromImage(native)[part][inside]
    np.testing.assert_allclose(back, (values - 2.0) / values.size, rtol=1e-9, atol=1e-12)
    assert np.count_nonzero(sitk.GetArrayFromImage(native)) == inside.sum()
    assert abs(sitk.GetArrayFromImage(native).sum() - (values.mean() - 2.0)) <= 1e-9


def linear_model():
    """Log-odds = the mean of the region, with 2 as the mean of the background."""
    return RadModel(
        model_id="mean",
        title="Mean (simulated)",
        version="1.0.0",
        endpoint="Ki-67",
        positive="Ki-67 ≥ 5 %",
        simulated=True,
        preparation=Preparation(normalise="none", register=False, spacing=None),
        feature_keys=(KEY,),
        required_sequences=("t1c",),
        optional_sequences=(),
        imputer={KEY: 2.0},
        scaler=Scaler((0.0,), (1.0,)),
        classifier=Classifier("logistic", {"coef": np.ones(1), "intercept": np.zeros(1)}),
        calibrator=Calibrator(),
        threshold=0.5,
        background=np.array([[1.0], [3.0]]),
        feature_ranges={KEY: (1.0, 3.0)},
        metrics={},
        validation="None.",
        protocol_ranges={},
        data_statement="None.",
        intended_use="Tests.",
        limits="Means nothing.",
        licence="Apache-2.0",
        recipe="mean",
        card="# Mean (simulated)\n",
    )
