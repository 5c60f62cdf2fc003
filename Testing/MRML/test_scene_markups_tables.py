"""The diameter where it was measured; features and contributions as tables and a chart."""

import numpy as np
import pytest
from virtualbiopsy.explain.model import Contribution, Explanation
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.regions.model import RegionFacts
from virtualbiopsy.scene.markups import hide_diameter, show_diameter

pytestmark = pytest.mark.mrml


def facts(a, b):
    length = float(np.linalg.norm(np.subtract(a, b)))
    return RegionFacts(10, 1.0, 3, 1, False, length, (a, b), length, (a, b))


def test_diameter_is_drawn_in_ras_and_locked(stage):
    node = show_diameter(stage.scene, facts((10.0, -20.0, 30.0), (13.0, -16.0, 42.0)))
    start, end = [0.0] * 3, [0.0] * 3
    node.GetLineStartPositionWorld(start)
    node.GetLineEndPositionWorld(end)
    assert start == [-10, 20, 30] and end == [-13, 16, 42]
    assert node.GetLineLengthWorld() == pytest.approx(13.0)
    assert node.GetLocked()


def test_diameter_line_is_moved_not_multiplied(stage):
    first = show_diameter(stage.scene, facts((0, 0, 0), (1, 0, 0)))
    second = show_diameter(stage.scene, facts((0, 0, 0), (0, 5, 0)))
    assert first is second and second.GetLineLengthWorld() == pytest.approx(5.0) and second.GetLocked()
    assert second.GetNumberOfControlPoints() == 2
    assert show_diameter(stage.scene, facts((1, 1, 1), (1, 1, 1))) is None
    assert stage.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0
    hide_diameter(stage.scene)


def test_diameter_of_a_node_deleted_by_the_user_comes_back(stage):
    stage.scene.RemoveNode(show_diameter(stage.scene, facts((0, 0, 0), (1, 0, 0))))
    assert show_diameter(stage.scene, facts((0, 0, 0), (2, 0, 0))).GetLineLengthWorld() == pytest.approx(2.0)


KEY = "t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi"


def column(node, title):
    array = node.GetTable().GetColumnByName(title)
    return [array.GetValue(i) for i in range(array.GetNumberOfValues())]


def test_feature_table(stage):
    from virtualbiopsy.scene.tables import feature_table_node

    features = FeatureVector({KEY: 7.125, "clinical:age": 61.0}, {"clinical:sex": "not entered"})
    node = feature_table_node(stage.scene, features)
    assert column(node, "Key") == [KEY, "clinical:age", "clinical:sex"]
    assert column(node, "Value") == ["7.125", "61", "missing"]
    assert "entropy" in column(node, "Feature")[0].lower() and "t1c" in column(node, "Feature")[0].lower()
    assert column(node, "Definition")[2] == "not entered"
    again = feature_table_node(stage.scene, FeatureVector({"unknown:key": 1.0}))
    assert again is node and column(node, "Feature") == ["unknown:key"]


def test_contribution_chart(stage):
    from virtualbiopsy.scene.tables import contribution_nodes

    parts = tuple(
        Contribution(f"clinical:x{i}", 1.0, 0.0, 1.0 / (i + 1), i % 2 == 0, "clinical") for i in range(20)
    )
    explanation = Explanation("ki67", 0.1, 0.1 + sum(p.phi for p in parts), parts)
    nodes = contribution_nodes(stage.scene, explanation, "Ki-67", top=15)
    values = column(nodes["table"], "Contribution")
    assert len(values) == 16 and sum(values) == pytest.approx(
        explanation.log_odds - explanation.baseline, abs=1e-12
    )
    assert column(nodes["table"], "Feature")[-1] == "5 others"
    assert nodes["series"].GetTableNode() is nodes["table"]
    assert nodes["chart"].HasPlotSeriesNodeID(nodes["series"].GetID())
    again = contribution_nodes(stage.scene, explanation, "Ki-67")
    assert all(again[name] is nodes[name] for name in nodes)
    assert stage.scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
