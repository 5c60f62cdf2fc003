"""A map with a unit of its own (enhancement, Ktrans, …) in colours over the images."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import SimpleITK as sitk

from .colors import MAP_COLORS
from .layer import LayerOptions, SignedLayer

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
        **options: Unpack[LayerOptions],
    ) -> Any:
        """Show a map and return its volume node.

        Parameters
        ----------
        image : values, LPS, any grid; 0 and what is not finite mean nothing and stay clear.
        unit : of the values, for the legend.
        low, high : values of the darkest and the brightest colour.
        options : see :class:`.layer.LayerOptions`. With another brightest value the darkest scales; a map
            keeps its own colours.
        """
        self.unit, self.low, self.high = unit, low, high
        values = sitk.GetArrayViewFromImage(image)
        inside = np.isfinite(values) & (values != 0)
        if low >= 0:
            inside &= values >= low + FAINT * (high - low)
        return self._show(image, inside, title, high, **{**options, "colors": MAP_COLORS})

    def set_colors(self, key: str) -> None:
        """A map keeps its own colours."""

    def _limits(self, width: float) -> tuple[float, float]:
        return self.low * width / self.high if self.high > 0 else self.low, width

    def _label_format(self) -> str:
        return "%.3g"
