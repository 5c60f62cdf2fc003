"""The share of the voxel under the mouse, and the features behind it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..report.labels import feature_label
from ..report.numbers import signed
from ..scene.layer import SignedLayer
from ..scene.volumes import ras_from_lps

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
        self._scene = scene
        self._layer = layer
        self._shares = shares
        self._node: Any = None
        self._tag: int | None = None

    def bind(self) -> None:
        """Follow the mouse; again after a scene was closed."""
        node = self._scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if node is self._node:
            return
        self.release()
        if node is not None:
            event = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
            self._node, self._tag = node, node.AddObserver(event, self._on_moved)

    def release(self) -> None:
        """Follow nothing."""
        if self._node is not None and self._tag is not None:
            self._node.RemoveObserver(self._tag)
        self._node = self._tag = None
        self._label.setText("")

    def _on_moved(self, caller: Any, event: str) -> None:
        ras = [0.0, 0.0, 0.0]
        self._label.setText(self.words(tuple(ras)) if caller.GetCursorPositionRAS(ras) else "")

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
