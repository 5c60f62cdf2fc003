"""Level 1, the voxel ledger, as a coloured layer over the images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import SimpleITK as sitk

from ..report.pictures import per_ml, window_of
from .colors import COLOR_TABLES, DEFAULT_COLORS, color_table_node
from .layer import SENTINEL, UNIT, SignedLayer, same_grid
from .nodes import ROLE, nodes_with_role

LEDGER_HEADING = "Where the features sit"
__all__ = [
    "COLOR_TABLES",
    "DEFAULT_COLORS",
    "LEDGER_HEADING",
    "ROLE",
    "SENTINEL",
    "UNIT",
    "ExplanationOverlay",
    "color_table_node",
    "nodes_with_role",
]


class ExplanationOverlay(SignedLayer):
    """Where the features sit: the voxel ledger in log-odds per mL (the sum over voxels times the voxel volume
    is the part of the log-odds that is localised)."""

    role = "explanation"
    node_name = "Explanation"
    heading = LEDGER_HEADING

    def show(
        self,
        image: sitk.Image,
        title: str,
        *,
        mask: sitk.Image | None = None,
        unstable: sitk.Image | None = None,
        window: float | None = None,
        opacity: float = 0.75,
        colors: str | None = None,
        composite_nodes: Iterable[Any] | None = None,
    ) -> Any:
        """Show a voxel ledger and return its volume node.

        Parameters
        ----------
        image : log-odds per voxel, zero outside the region, LPS, any grid.
        title : second line of the legend, after the name of the level; the last is the unit.
        mask : the region on the same grid; None takes the voxels that are not zero.
        unstable : not zero where the sign of the map changes with small changes of the outline: hatched. Any
            grid; None for no hatching.
        window : half width of the colour range, log-odds per mL; None takes what a report of
            the same map takes (its 99th percentile).
        opacity : opacity of the layer, kept if the map is already shown.
        colors : key of :data:`COLOR_TABLES`; None keeps the present one.
        composite_nodes : slice composite nodes to show it in; None for all of the scene.

        Raises
        ------
        GeometryError : if the mask has another grid than the image.
        """
        density = per_ml(image)
        inside = sitk.GetArrayViewFromImage(density) != 0
        if mask is not None:
            same_grid(mask, image, "The region and the explanation map")
            inside = sitk.GetArrayViewFromImage(mask) != 0
        width = window_of(density) if window is None else window
        return self._show(density, inside, title, width, opacity, colors, composite_nodes, unstable)
