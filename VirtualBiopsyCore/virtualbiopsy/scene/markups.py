"""The maximum 3D diameter, drawn where it was measured."""

from __future__ import annotations

from typing import Any

from ..regions.model import RegionFacts
from .nodes import ROLE, nodes_with_role
from .volumes import ras_from_lps


def show_diameter(scene: Any, facts: RegionFacts, name: str = "Maximum 3D diameter") -> Any:
    """Show the maximum 3D diameter as a locked line and return its vtkMRMLMarkupsLineNode.

    There is one such line per scene; it is moved when the outline changes. A region without a diameter (one
    voxel) has no line: None.
    """
    if not facts.diameter_mm > 0:
        hide_diameter(scene)
        return None
    found = nodes_with_role(scene, "vtkMRMLMarkupsLineNode", "diameter")
    node = found[0] if found else scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
    if not found:
        node.SetAttribute(ROLE, "diameter")
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSelectedColor(1.0, 0.85, 0.2)
        display.SetColor(1.0, 0.85, 0.2)
        display.SetGlyphScale(1.2)
        display.SetTextScale(2.5)
        length = node.GetMeasurement("length")
        if length is not None:
            length.SetEnabled(True)
    modifying = node.StartModify()
    node.SetLocked(False)
    start, end = (ras_from_lps(point) for point in facts.diameter_ends)
    node.SetLineStartPositionWorld(start)
    node.SetLineEndPositionWorld(end)
    node.SetLocked(True)
    node.EndModify(modifying)
    return node


def hide_diameter(scene: Any) -> None:
    """Take the line out of the scene."""
    for node in nodes_with_role(scene, "vtkMRMLMarkupsLineNode", "diameter"):
        scene.RemoveNode(node)
