"""A map with a unit of its own (enhancement, Ktrans, …) in colours over the images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import SimpleITK as sitk

from .colors import MAP_COLORS
from .layer import SignedLayer

FAINT = 0.05
"""Share of the largest colour below which a map without negative values is left clear."""


class MapOverlay(SignedLayer):
    """Values of a map from dark to bright; voxels that hold nothing stay clear."""

    role = "map"
    node_name = "Map"
    low, high = 0.0, 1.0

    def show(
        self,
        image: sitk.Image,
        title: str,
        unit: str,
        low: float,
        high: float,
        *,
        window: float | None = None,
        opacity: float = 0.75,
        colors: str | None = None,
        composite_nodes: Iterable[Any] | None = None,
    ) -> Any:
        """Show a map and return its volume node.

        Parameters
        ----------
        image : values, LPS, any grid; 0 and what is not finite mean nothing and stay clear.
        unit : of the values, for the legend.
        low, high : values of the darkest and the brightest colour.
        window : another brightest value; the darkest scales with it.
        colors : for the other layers; a map keeps its own table.
        opacity, composite_nodes : as for :class:`virtualbiopsy.scene.overlay.ExplanationOverlay`.
        """
        self.unit, self.low, self.high = unit, low, high
        values = sitk.GetArrayViewFromImage(image)
        inside = np.isfinite(values) & (values != 0)
        if low >= 0:
            inside &= values >= low + FAINT * (high - low)
        width = high if window is None else window
        return self._show(image, inside, title, width, opacity, MAP_COLORS, composite_nodes, None)

    def set_colors(self, key: str) -> None:
        """A map keeps its own colours."""

    def _limits(self, width: float) -> tuple[float, float]:
        return self.low * width / self.high if self.high > 0 else self.low, width

    def _label_format(self) -> str:
        return "%.3g"
