"""Diverging colour tables of the maps: blue lowers, red (or orange) raises."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..report.theme import diverging
from .nodes import ROLE, nodes_with_role

# The first table is that of reports and of the browser's legend: blue lowers, red raises. The second differs
# in lightness as well as in hue, dark in the middle, for any colour vision.
COLOR_TABLES: dict[str, str] = {
    "blue-red": "VirtualBiopsy blue-red",
    "blue-black-orange": "VirtualBiopsy blue-black-orange (colour-blind safe)",
}
DEFAULT_COLORS = "blue-red"
MAP_COLORS = "dark-bright"
_MAP_TABLES = {MAP_COLORS: "VirtualBiopsy dark-bright"}
_MAP_STOPS = np.array(
    [
        [0.00, 0.07, 0.03, 0.20],
        [0.25, 0.34, 0.06, 0.43],
        [0.50, 0.74, 0.22, 0.33],
        [0.75, 0.98, 0.56, 0.04],
        [1.00, 0.99, 0.97, 0.65],
    ]
)
_DARK_STOPS = np.array(
    [
        [-1.0, 0.55, 0.85, 1.00],
        [-0.5, 0.05, 0.42, 0.75],
        [0.0, 0.06, 0.06, 0.08],
        [0.5, 0.80, 0.42, 0.00],
        [1.0, 1.00, 0.85, 0.45],
    ]
)
NUMBER_OF_COLORS = 255  # odd, so that zero has a colour of its own


def color_table_node(scene: Any, key: str = DEFAULT_COLORS) -> Any:
    """Return the colour table of this name (key of :data:`COLOR_TABLES`, or :data:`MAP_COLORS` for maps that
    run from dark to bright), made once per scene.

    The node is visible and has the category "VirtualBiopsy": hidden ones are lost on saving in older Slicers.
    """
    title = {**COLOR_TABLES, **_MAP_TABLES}[key]
    for node in nodes_with_role(scene, "vtkMRMLColorTableNode", f"colors:{key}"):
        return node
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetName(title)
    node.SetTypeToUser()
    node.SetNumberOfColors(NUMBER_OF_COLORS)
    for i, (r, g, b) in enumerate(signed_colors(key).tolist()):
        node.SetColor(i, f"{2 * i / (NUMBER_OF_COLORS - 1) - 1:+.3f}", r, g, b, 1.0)
    node.SetAttribute("Category", "VirtualBiopsy")
    node.SetAttribute(ROLE, f"colors:{key}")
    node.SetHideFromEditors(False)
    return scene.AddNode(node)


def is_own_table(node: Any) -> bool:
    return node is not None and (node.GetAttribute(ROLE) or "").startswith("colors:")


def signed_colors(key: str = DEFAULT_COLORS) -> np.ndarray:
    """RGB, (255, 3), 0…1, from the most negative (of a map: the lowest) to the most positive value."""
    if key == MAP_COLORS:
        t = np.linspace(0.0, 1.0, NUMBER_OF_COLORS)
        return np.stack([np.interp(t, _MAP_STOPS[:, 0], _MAP_STOPS[:, c]) for c in (1, 2, 3)], axis=1)
    t = np.linspace(-1.0, 1.0, NUMBER_OF_COLORS)
    if key == "blue-black-orange":
        return np.stack([np.interp(t, _DARK_STOPS[:, 0], _DARK_STOPS[:, c]) for c in (1, 2, 3)], axis=1)
    colors = diverging(t)
    colors[NUMBER_OF_COLORS // 2] = (diverging(-1e-9) + diverging(1e-9)) / 2
    return colors
