"""Feature values and contributions as MRML tables and a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import vtk

from ..explain.model import Explanation
from ..radiomics.vector import FeatureVector
from ..report.labels import feature_label
from .nodes import ROLE, nodes_with_role

Column = tuple[str, Sequence[Any]]


def fill_table(node: Any, columns: Sequence[Column]) -> None:
    """Replace the content of a vtkMRMLTableNode; columns of str become text, all others double."""
    modifying = node.StartModify()
    node.RemoveAllColumns()
    for title, values in columns:
        text = any(isinstance(value, str) for value in values)
        array = vtk.vtkStringArray() if text else vtk.vtkDoubleArray()
        array.SetName(title)
        for value in values:
            array.InsertNextValue(value if text else float(value))
        node.AddColumn(array)
    node.SetUseColumnTitleAsColumnHeader(False)
    node.SetLocked(True)
    node.EndModify(modifying)


def _table(scene: Any, role: str, name: str) -> Any:
    found = nodes_with_role(scene, "vtkMRMLTableNode", role)
    if found:
        return found[0]
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetAttribute(ROLE, role)
    return node


def feature_table_node(scene: Any, features: FeatureVector) -> Any:
    """Put all feature values with units and definitions into one vtkMRMLTableNode and return it."""
    keys = [*features.values, *(key for key in features.missing if key not in features.values)]
    labels = [feature_label(key) for key in keys]
    why = [features.missing.get(key, "") for key in keys]
    columns: list[Column] = [
        ("Feature", [label.full for label in labels]),
        ("Value", [f"{features.values[key]:.6g}" if key in features.values else "missing" for key in keys]),
        ("Unit", [label.unit for label in labels]),
        ("IBSI", [label.ibsi_code for label in labels]),
        ("Definition", [w or label.definition for w, label in zip(why, labels, strict=True)]),
        ("Key", list(keys)),
    ]
    node = _table(scene, "features", "VirtualBiopsy features")
    fill_table(node, columns)
    return node


def contribution_nodes(scene: Any, explanation: Explanation, title: str, top: int = 15) -> Mapping[str, Any]:
    """Make or refresh the contribution table, its bar series and the chart of one model.

    Returns
    -------
    dict with "table" (vtkMRMLTableNode), "series" (vtkMRMLPlotSeriesNode), "chart" (vtkMRMLPlotChartNode).
    """
    shown = explanation.contributions[:top]
    rest = explanation.contributions[top:]
    labels = [feature_label(c.key).full for c in shown]
    phi = [c.phi for c in shown]
    if rest:
        labels.append(f"{len(rest)} others")
        phi.append(sum(c.phi for c in rest))
    role = f"contributions:{explanation.model_id}"
    table = _table(scene, role, f"VirtualBiopsy contributions {title}")
    fill_table(
        table,
        [
            ("Rank", [float(i + 1) for i in range(len(labels))]),
            ("Feature", labels),
            ("Contribution", phi),
            ("Value", [f"{c.value:.6g}" for c in shown] + [""] * bool(rest)),
            ("Reference", [f"{c.reference:.6g}" for c in shown] + [""] * bool(rest)),
            ("In the map", ["yes" if c.localised else c.note or "no" for c in shown] + [""] * bool(rest)),
        ],
    )
    found = nodes_with_role(scene, "vtkMRMLPlotSeriesNode", role)
    series = found[0] if found else scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", f"Contributions {title}")
    series.SetAttribute(ROLE, role)
    series.SetPlotType(series.PlotTypeBar)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("Rank")
    series.SetYColumnName("Contribution")
    series.SetLabelColumnName("Feature")
    series.SetColor(0.25, 0.45, 0.85)
    found = nodes_with_role(scene, "vtkMRMLPlotChartNode", role)
    chart = found[0] if found else scene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"Contributions {title}")
    chart.SetAttribute(ROLE, role)
    if not chart.HasPlotSeriesNodeID(series.GetID()):
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle(f"{title} (research use only)")
    chart.SetXAxisTitle("feature, by size of contribution")
    chart.SetYAxisTitle("contribution (log-odds)")
    chart.SetLegendVisibility(False)
    return {"table": table, "series": series, "chart": chart}
