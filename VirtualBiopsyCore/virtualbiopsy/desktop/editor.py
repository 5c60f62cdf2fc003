"""The Segment Editor inside a panel, with a parameter node of its own."""

from __future__ import annotations

from typing import Any

import slicer

EFFECTS = (
    "Paint",
    "Erase",
    "Draw",
    "Scissors",
    "Threshold",
    "Grow from seeds",
    "Fill between slices",
    "Islands",
    "Smoothing",
    "Margin",
)


class EmbeddedEditor:
    """Keeps a qMRMLSegmentEditorWidget in step with the module's life.

    Parameters
    ----------
    widget : qMRMLSegmentEditorWidget from the .ui, not connected to mrmlSceneChanged: the editor node must
        come before the scene.
    tag : singleton tag of the editor node, usually the module's name.
    """

    def __init__(self, widget: Any, scene: Any, tag: str) -> None:
        self._widget = widget
        self._scene = scene
        self._tag = tag
        self._node: Any = None
        self._entered = False
        self._requested: tuple[Any, str] = (None, "")
        widget.setMaximumNumberOfUndoStates(10)
        widget.setEffectNameOrder(list(EFFECTS))
        widget.unorderedEffectsVisible = False
        self._select_node()
        widget.setMRMLScene(scene)
        self._factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
        if self._factory is not None:
            self._factory.connect("effectRegistered(QString)", self._on_effect_registered)

    def _select_node(self) -> None:
        node = self._scene.GetSingletonNode(self._tag, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = self._scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(self._tag)
            node = self._scene.AddNode(node)
        # closing the scene resets what is in the node, so this is not done once and for all
        node.SetOverwriteMode(node.OverwriteNone)
        if node is not self._node:
            self._node = node
            self._widget.setMRMLSegmentEditorNode(node)

    def _on_effect_registered(self, name: str) -> None:
        self._widget.updateEffectList()

    def edit(self, segmentation: Any, volume: Any, segment_id: str) -> None:
        """Edit this segmentation on this volume; None for nothing.

        The segment is selected once: the user may turn to another one in the editor's own table.
        """
        if self._widget.segmentationNode() is not segmentation:
            self._widget.setSegmentationNode(segmentation)
        if self._widget.sourceVolumeNode() is not volume:
            self._widget.setSourceVolumeNode(volume)
        if self._requested[0] is not segmentation or self._requested[1] != segment_id:
            self._requested = (segmentation, segment_id)
            if segmentation is not None and segment_id:
                self._widget.setCurrentSegmentID(segment_id)

    def enter(self) -> None:
        self._entered = True
        self._widget.installKeyboardShortcuts()
        self._select_node()
        self._widget.updateWidgetFromMRML()

    def exit(self) -> None:
        self._entered = False
        self._widget.setActiveEffect(None)
        self._widget.uninstallKeyboardShortcuts()
        self._widget.removeViewObservations()

    def scene_about_to_close(self) -> None:
        self._widget.setSegmentationNode(None)
        self._widget.removeViewObservations()
        self._node, self._requested = None, (None, "")

    def scene_changed(self) -> None:
        """After the scene was closed or another one was read into it."""
        if self._entered:
            self._select_node()
            self._widget.updateWidgetFromMRML()

    def close(self) -> None:
        """Let go of effects, views and nodes, before the widget is deleted."""
        if self._factory is not None:
            self._factory.disconnect("effectRegistered(QString)", self._on_effect_registered)
            self._factory = None
        self._widget.setActiveEffect(None)
        self._widget.uninstallKeyboardShortcuts()
        self._widget.removeViewObservations()
        self._widget.setSegmentationNode(None)
        self._widget.setSourceVolumeNode(None)
        self._widget.setMRMLSegmentEditorNode(None)
        self._node = None
