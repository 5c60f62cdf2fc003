"""Level 1, the voxel ledger, as a coloured layer over the images."""

from __future__ import annotations

from typing import Any, Unpack

import SimpleITK as sitk

from ..report.pictures import per_ml, window_of
from .colors import COLOR_TABLES, DEFAULT_COLORS, color_table_node
from .layer import SENTINEL, UNIT, LayerOptions, SignedLayer, same_grid
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
        of: str = "log-odds",
        **options: Unpack[LayerOptions],
    ) -> Any:
        """Show a voxel ledger and return its volume node.

        Parameters
        ----------
        image : shares of the score per voxel, zero outside the region, LPS, any grid.
        title : second line of the legend, after the name of the level; the last is the unit.
        mask : the region on the same grid; None takes the voxels that are not zero.
        unstable : not zero where the sign of the map changes with small changes of the outline: hatched. Any
            grid; None for no hatching.
        of : what the shares add up to (:attr:`.explain.model.Explanation.sums_to`), for the legend.
        options : see :class:`.layer.LayerOptions`; the own window is what a report of the same map takes (its
            99th percentile), log-odds per mL.

        Raises
        ------
        GeometryError : if the mask has another grid than the image.
        """
        self.unit = f"{of} per mL"
        density = per_ml(image)
        inside = sitk.GetArrayViewFromImage(density) != 0
        if mask is not None:
            same_grid(mask, image, "The region and the explanation map")
            inside = sitk.GetArrayViewFromImage(mask) != 0
        return self._show(density, inside, title, window_of(density), unstable, **options)
