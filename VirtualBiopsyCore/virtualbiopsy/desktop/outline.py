"""Which segment is the tumour, and did its voxels change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..scene.segments import RegionWatcher
from .earlier import only_segment
from .editor import EmbeddedEditor

SETTLE_MILLISECONDS = 400


class OutlineControls:
    """Binds segment selector and editor to one segment, and watches it.

    Parameters
    ----------
    ui : has regionSelector, newOutlineButton, editorWidget.
    on_chosen : called with (segmentation node or None, segment id) when the user chose.
    on_edited : called without arguments at once when voxels changed.
    on_settled : called without arguments when no further change came for a while.
    """

    def __init__(
        self,
        ui: Any,
        scene: Any,
        tag: str,
        on_chosen: Callable[[Any, str], None],
        on_edited: Callable[[], None],
        on_settled: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._scene = scene
        self._on_chosen = on_chosen
        self._on_edited = on_edited
        self._on_settled = on_settled
        self._watcher: RegionWatcher | None = None
        self._watched: tuple[Any, str] = (None, "")
        self._updating = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MILLISECONDS)
        self._timer.connect("timeout()", self._settled)
        self.editor = EmbeddedEditor(ui.editorWidget, scene, tag)
        ui.regionSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_node)
        ui.regionSelector.connect("currentSegmentChanged(QString)", self._on_segment)

    @property
    def digest(self) -> str:
        """Digest of the watched voxels; "" for none or an empty outline."""
        return self._watcher.digest if self._watcher is not None else ""

    def bind(self, segmentation: Any, segment_id: str, volume: Any) -> None:
        """Show, edit and watch this segment on this volume."""
        self._updating = True
        try:
            selector = self._ui.regionSelector
            if selector.currentNode() is not segmentation:
                selector.setCurrentNode(segmentation)
            if segmentation is not None and segment_id and selector.currentSegmentID() != segment_id:
                selector.setCurrentSegmentID(segment_id)
            self.editor.edit(segmentation, volume, segment_id)
            self._watch(segmentation, segment_id)
        finally:
            self._updating = False

    def _watch(self, segmentation: Any, segment_id: str) -> None:
        if segmentation is self._watched[0] and segment_id == self._watched[1]:
            return
        self.release()
        self._watched = (segmentation, segment_id)
        if segmentation is not None and segment_id:
            self._watcher = RegionWatcher(segmentation, self._edited, segment_id)

    def release(self) -> None:
        """Stop watching."""
        self._timer.stop()
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher, self._watched = None, (None, "")

    def _edited(self) -> None:
        self._timer.start()
        self._on_edited()

    def _settled(self) -> None:
        self._timer.stop()
        self._on_settled()

    def settle_now(self) -> None:
        """Do not wait any longer for further edits; for scripts and tests."""
        self._settled()

    def _on_node(self, node: Any) -> None:
        if self._updating:
            return
        segment_id = only_segment(node, self._ui.regionSelector.currentSegmentID())
        self._on_chosen(node, segment_id)

    def _on_segment(self, segment_id: str) -> None:
        if not self._updating:
            self._on_chosen(self._ui.regionSelector.currentNode(), segment_id or "")

    def new_outline(self, volume: Any) -> tuple[Any, str]:
        """Add a segmentation with one empty segment for this volume and return node and segment id."""
        node = self._scene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode", _("{volume} outline").format(volume=volume.GetName())
        )
        node.CreateDefaultDisplayNodes()
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        segment_id = node.GetSegmentation().AddEmptySegment("Tumour", _("Tumour"))
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)
        if hierarchy is not None:
            invalid = hierarchy.GetInvalidItemID()
            source, made = hierarchy.GetItemByDataNode(volume), hierarchy.GetItemByDataNode(node)
            if invalid not in (source, made):
                hierarchy.SetItemParent(made, hierarchy.GetItemParent(source))
        return node, segment_id

    def close(self) -> None:
        self.release()
        self.editor.close()
