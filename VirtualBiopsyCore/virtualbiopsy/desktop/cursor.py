"""The point under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer


class Cursor:
    """Follows the crosshair node of the scene while it is bound.

    Parameters
    ----------
    on_moved : called with the point in RAS mm, or None outside the views.
    """

    def __init__(self, scene: Any, on_moved: Callable[[tuple[float, float, float] | None], None]) -> None:
        self._scene = scene
        self._on_moved = on_moved
        self._node: Any = None
        self._tag: int | None = None

    @property
    def bound(self) -> bool:
        return self._node is not None

    def bind(self) -> None:
        """Follow the mouse; again after a scene was closed."""
        node = self._scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if node is self._node:
            return
        self.release()
        if node is not None:
            event = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
            self._node, self._tag = node, node.AddObserver(event, self._moved)

    def release(self) -> None:
        """Follow nothing."""
        if self._node is not None and self._tag is not None:
            self._node.RemoveObserver(self._tag)
        self._node = self._tag = None
        self._on_moved(None)

    def _moved(self, caller: Any, event: str) -> None:
        ras = [0.0, 0.0, 0.0]
        self._on_moved(tuple(ras) if caller.GetCursorPositionRAS(ras) else None)
