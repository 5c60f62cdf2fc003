"""The share of the voxel under the mouse, and the features behind it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from slicer.i18n import tr as _

from ..report.labels import feature_label
from ..report.numbers import signed
from ..scene.layer import SignedLayer
from ..scene.volumes import ras_from_lps
from .cursor import Cursor

FEATURES = 4

Shares = Callable[[tuple[float, float, float]], tuple[tuple[str, float], ...]]


class VoxelProbe:
    """Follows the crosshair node of the scene while it is bound.

    Parameters
    ----------
    label : QLabel that takes the words.
    layer : returns the layer that is shown, or None.
    shares : returns (feature key, share of the voxel in log-odds) for a point, LPS mm, largest first; empty
        where nothing is known.
    """

    def __init__(
        self, label: Any, scene: Any, layer: Callable[[], SignedLayer | None], shares: Shares
    ) -> None:
        self._label = label
        self._layer = layer
        self._shares = shares
        self._cursor = Cursor(scene, self._moved)
        self.bind, self.release = self._cursor.bind, self._cursor.release

    def _moved(self, ras: tuple[float, float, float] | None) -> None:
        self._label.setText(self.words(ras) if ras is not None else "")

    def words(self, ras: tuple[float, float, float]) -> str:
        """What is known about a point, RAS mm, as rich text; "" off the map."""
        layer = self._layer()
        found = layer.value_at(ras) if layer is not None else None
        if found is None:
            return ""
        text = _("Here: {value} {unit}").format(value=signed(found, 3), unit=layer.unit)
        if layer.role != "explanation":
            return escape(text)
        shares = self._shares(ras_from_lps(ras))[:FEATURES]
        parts = [f"{feature_label(key).full} {share:+.2e}".replace("-", "−") for key, share in shares]
        return "<br>".join(escape(line) for line in (text, *parts))
