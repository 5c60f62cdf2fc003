"""The flip brush: parts of the outline whose change would cross the decision threshold."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..explain.regional import Influence
from .layer import MARKS_OF
from .surfaces import Surfaces, closed_surface, surface_node

FLIP_COLORS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {"erase": (1.0, 0.90, 0.15), "paint": (1.0, 0.35, 0.95)}
)
"""Yellow and magenta differ in lightness too, and from both colour tables."""


def flip_masks(influence: Influence) -> dict[str, np.ndarray]:
    """Voxels (k, j, i) of the marked parts: "erase" inside the outline, "paint" in the shell around it.

    Only parts at the surface are marked, where it is known which they are: nobody corrects an outline by a
    hole in its middle.
    """
    labels = sitk.GetArrayViewFromImage(influence.labels)
    erase = np.flatnonzero(influence.erased_flips) + 1
    if influence.boundary > 0:
        erase = erase[erase <= influence.boundary]
    paint = -(np.flatnonzero(influence.painted_flips) + 1)
    return {"erase": np.isin(labels, erase), "paint": np.isin(labels, paint)}


class FlipMarks(Surfaces):
    """Lines around the marked parts in slice views, surfaces in 3D views."""

    roles = ("flip:erase", "flip:paint")

    def show(self, influence: Influence) -> dict[str, Any]:
        """Draw the marks and return the model nodes by role; a kind without marked parts has none."""
        names = {"erase": "Flip brush: erase here", "paint": "Flip brush: paint here"}
        for kind, inside in flip_masks(influence).items():
            surface = closed_surface(inside, influence.labels)
            node = surface_node(self._scene, f"flip:{kind}", names[kind], surface, FLIP_COLORS[kind])
            if node is not None:
                node.SetAttribute(MARKS_OF, "influence")
                display = node.GetDisplayNode()
                display.SetVisibility2D(True)
                display.SetSliceIntersectionThickness(3)
                display.SetOpacity(0.45)
                display.SetSliceIntersectionOpacity(1.0)
                display.SetVisibility(True)
        return self.nodes
