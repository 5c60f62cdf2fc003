"""Outlines: the segments, the editing tools, undo and redo, masks from files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from scipy import ndimage
from trame_slicer.segmentation import (
    BrushDiameterMode,
    ModificationMode,
    ScissorsEffectFillMode,
    SegmentationEffectErase,
    SegmentationEffectIslands,
    SegmentationEffectNoTool,
    SegmentationEffectPaint,
    SegmentationEffectScissors,
    SegmentationEffectSmoothing,
    SegmentationEffectThreshold,
    SegmentationIslandsMode,
)
from trame_slicer.segmentation.segmentation_effect_smoothing import SmoothingEffectMode
from trame_slicer.utils import vtk_image_to_np
from undo_stack import UndoStack

from ..errors import EmptyRegionError, RegionError
from ..scene.segments import RegionWatcher, mask_from_segment, write_segment
from .effects import FillBetweenSlices, GrowFromSeeds, Margin, add_segment_from_mask

TUMOUR, BACKGROUND = "tumour", "background"
COLOURS = {TUMOUR: [1.0, 0.82, 0.2], BACKGROUND: [0.25, 0.62, 1.0]}
MORE_COLOURS = ([0.4, 0.85, 0.45], [0.9, 0.45, 0.85], [0.35, 0.85, 0.85], [0.95, 0.55, 0.3])
UNDO_STEPS = 12
TOOLS = {
    "none": SegmentationEffectNoTool,
    "paint": SegmentationEffectPaint,
    "erase": SegmentationEffectErase,
    "scissors": SegmentationEffectScissors,
    "threshold": SegmentationEffectThreshold,
    "islands": SegmentationEffectIslands,
    "propose": SegmentationEffectNoTool,  # the clicks go to web/proposals.py
}
BRUSHES = (SegmentationEffectPaint, SegmentationEffectErase)
SCISSORS = {
    "erase_inside": ScissorsEffectFillMode.ERASE_INSIDE,
    "erase_outside": ScissorsEffectFillMode.ERASE_OUTSIDE,
    "fill_inside": ScissorsEffectFillMode.FILL_INSIDE,
}
ISLAND_CLICKS = {
    "keep": SegmentationIslandsMode.KEEP_SELECTED,
    "remove": SegmentationIslandsMode.REMOVE_SELECTED,
}
SMOOTHINGS = {
    "median": SmoothingEffectMode.MEDIAN,
    "opening": SmoothingEffectMode.OPENING,
    "closing": SmoothingEffectMode.CLOSING,
    "gaussian": SmoothingEffectMode.GAUSSIAN,
}


class Outlines:
    """The segmentation of the case on the grid of the reference sequence.

    Parameters
    ----------
    app : the SlicerApp.
    on_region : called after the voxels of the region (the segment that is predicted on) changed.
    on_list : called after segments, the active segment or the undo stack changed.
    """

    def __init__(self, app: Any, on_region: Callable[[], None], on_list: Callable[[], None]) -> None:
        self._app = app
        self._editor = app.segmentation_editor
        self._on_region, self._on_list = on_region, on_list
        self.undo_stack = UndoStack(undo_limit=UNDO_STEPS)
        self._editor.set_undo_stack(self.undo_stack)
        self._editor.segmentation_modified.connect(lambda *_: self._on_list())
        self._editor.active_segment_id_changed.connect(lambda *_: self._on_list())
        self.undo_stack.index_changed.connect(lambda *_: self._on_list())
        self.node: Any = None
        self.reference: Any = None
        self.region_id = TUMOUR
        self._watcher: RegionWatcher | None = None

    # What there is -------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """One row for each segment, for the page."""
        if self.node is None:
            return []
        segmentation, display = self.node.GetSegmentation(), self.node.GetDisplayNode()
        active = self._editor.active_segment_id
        rows = []
        for n in range(segmentation.GetNumberOfSegments()):
            identity = segmentation.GetNthSegmentID(n)
            segment = segmentation.GetSegment(identity)
            red, green, blue = (round(255 * c) for c in segment.GetColor())
            rows.append(
                {
                    "id": identity,
                    "name": segment.GetName(),
                    "colour": f"rgb({red},{green},{blue})",
                    "visible": bool(display.GetSegmentVisibility(identity)),
                    "active": identity == active,
                    "region": identity == self.region_id,
                    "fixed": identity in (TUMOUR, BACKGROUND),
                }
            )
        return rows

    def mask(self) -> sitk.Image:
        """The region as a mask on the grid of the reference sequence.

        Raises
        ------
        RegionError : if there is no case or the segment is gone.
        """
        if self.node is None or self.reference is None:
            raise RegionError("There is no sequence to outline a tumour on.", "Open a case first.")
        return mask_from_segment(self.node, self.region_id, self.reference)

    def drawn_parts(self) -> list[sitk.Image]:
        """Masks of the visible segments beside the region and the background seeds, as far as not empty.

        Raises
        ------
        RegionError : there is none.
        """
        others = [
            row["id"]
            for row in self.rows()
            if row["visible"] and not row["region"] and row["id"] != BACKGROUND
        ]
        masks = [mask_from_segment(self.node, identity, self.reference) for identity in others]
        masks = [mask for mask in masks if sitk.GetArrayViewFromImage(mask).any()]
        if not masks:
            raise RegionError(
                "No part is drawn.", "Add a segment in the Outline tab and paint the part that you ask about."
            )
        return masks

    # Set-up --------------------------------------------------------------------------------------

    def reset(self, reference: Any) -> None:
        """Begin with two empty segments on a new reference volume; None leaves nothing to edit."""
        self._forget()
        self.reference = reference
        self.region_id = TUMOUR
        if reference is None:
            self._on_list()
            return
        self.node = self._editor.create_empty_segmentation_node()
        self.node.SetName("Outlines")
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        for identity, name in ((TUMOUR, "Tumour"), (BACKGROUND, "Background seeds")):
            self.node.GetSegmentation().AddEmptySegment(identity, name, COLOURS[identity])
        self._begin()

    def _begin(self) -> None:
        self._editor.set_active_segmentation(self.node, self.reference)
        self._editor.set_active_segment_id(self.region_id)
        display = self.node.GetDisplayNode()
        display.SetOpacity2DOutline(1.0)
        display.SetSliceIntersectionThickness(2)
        display.SetOpacity2DFill(0.0)
        self._watcher = RegionWatcher(self.node, self._on_region, self.region_id)
        self.undo_stack.clear()
        self._on_list()

    def _forget(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        self.set_tool("none")
        self.undo_stack.clear()
        if self.node is not None:
            display = self.node.GetDisplayNode()
            self._app.scene.RemoveNode(self.node)
            if display is not None:
                self._app.scene.RemoveNode(display)
            self.node = None

    def move_to(self, reference: Any) -> None:
        """Bring all segments onto the grid of another reference volume."""
        if self.node is None or self.reference is None:
            self.reset(reference)
            return
        if reference is None or reference is self.reference:
            return
        self._watcher.stop()
        self.set_tool("none")
        ids = [row["id"] for row in self.rows()]
        masks = {identity: mask_from_segment(self.node, identity, self.reference) for identity in ids}
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        for identity, mask in masks.items():
            write_segment(self.node, identity, mask, reference)
        self.reference = reference
        self._begin()

    def restore(self, path: str, reference: Any, region_id: str) -> None:
        """Take the segments of a .seg.nrrd file that :meth:`save` wrote.

        Raises
        ------
        RegionError : if the file cannot be read or has no segments.
        """
        node = self._app.segmentation_editor.load_segmentation_from_file(path)
        if node is None or node.GetSegmentation().GetNumberOfSegments() == 0:
            if node is not None:
                self._app.scene.RemoveNode(node)
            raise RegionError(f"The outlines in {path} cannot be read.", "Choose another session folder.")
        self._forget()
        self.node, self.reference = node, reference
        node.SetName("Outlines")
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        segmentation = node.GetSegmentation()
        ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
        for identity, name in ((TUMOUR, "Tumour"), (BACKGROUND, "Background seeds")):
            if identity not in ids:
                segmentation.AddEmptySegment(identity, name, COLOURS[identity])
        self.region_id = region_id if region_id in ids else TUMOUR
        self._begin()

    def save(self, path: str) -> None:
        """Write all segments to a .seg.nrrd file.

        Raises
        ------
        RegionError : if nothing can be written there.
        """
        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(path)
        storage.SetUseCompression(True)
        self._app.scene.AddNode(storage)
        try:
            if self.node is None or not storage.WriteData(self.node):
                raise RegionError(f"The outlines could not be written to {path}.", "Choose another folder.")
        finally:
            self._app.scene.RemoveNode(storage)

    # Segments ------------------------------------------------------------------------------------

    def _require(self) -> None:
        if self.node is None:
            raise RegionError("There is no sequence to outline a tumour on.", "Open a case first.")

    def choose(self, identity: str) -> None:
        """Make a segment the one that the tools work on."""
        self._editor.set_active_segment_id(identity)

    def choose_region(self, identity: str) -> None:
        """Make a segment the one that is predicted on."""
        self.region_id = identity
        self._editor.set_active_segment_id(identity)
        if self._watcher is not None:
            self._watcher.segment_id = identity
        self._on_list()

    def set_visible(self, identity: str, visible: bool) -> None:
        self.node.GetDisplayNode().SetSegmentVisibility(identity, visible)
        self._on_list()

    def add(self, name: str = "") -> str:
        self._require()
        count = self.node.GetSegmentation().GetNumberOfSegments()
        colour = MORE_COLOURS[count % len(MORE_COLOURS)]
        return self._editor.add_empty_segment(
            segment_name=name or f"Segment {count + 1}", segment_color=colour
        )

    def remove(self, identity: str) -> None:
        """Remove a segment; tumour and background stay, they are emptied instead."""
        self._require()
        if identity in (TUMOUR, BACKGROUND):
            self.clear(identity)
            return
        if identity == self.region_id:
            self.choose_region(TUMOUR)
        self._editor.remove_segment(identity)

    def clear(self, identity: str) -> None:
        """Empty a segment, whatever the range of grey values that the tools are limited to."""
        modifier, node = self._editor.active_segment_modifier, self._editor.editor_node
        limited = node.GetSourceVolumeIntensityMask()
        node.SetSourceVolumeIntensityMask(False)
        try:
            modifier.apply_labelmap(
                modifier.create_modifier_labelmap(),
                segment_id=identity,
                modification_mode=ModificationMode.Set,
            )
        finally:
            node.SetSourceVolumeIntensityMask(limited)

    def write(self, identity: str, mask: sitk.Image) -> None:
        """Replace a segment by a mask in the space of the reference; can be undone.

        Raises
        ------
        EmptyRegionError : no voxel of the mask lies inside the reference.
        """
        self._require()
        name = self.node.GetSegmentation().GetSegment(identity).GetName()
        add_segment_from_mask(self._editor, mask, name, segment_id=identity, volume=self.reference)

    def write_new(self, name: str, mask: sitk.Image) -> str:
        """Add a mask as a segment of its own; an empty tumour segment takes it instead.

        Raises
        ------
        EmptyRegionError : no voxel of the mask lies inside the reference.
        """
        self._require()
        if self.region_id == TUMOUR and not sitk.GetArrayFromImage(self.mask()).any():
            self.write(TUMOUR, mask)
            return TUMOUR
        return add_segment_from_mask(self._editor, mask, name, volume=self.reference)

    # Tools ---------------------------------------------------------------------------------------

    def set_source(self, volume: Any) -> None:
        """Volume whose grey values threshold, grow from seeds and the paint range look at."""
        if self.node is not None and volume is not None:
            self._editor.editor_logic.SetSourceVolumeNode(volume)

    def set_tool(self, name: str) -> Any:
        effect = self._editor.set_active_effect_type(TOOLS[name])
        self._hide_idle_brushes()
        return effect

    def _hide_idle_brushes(self) -> None:
        """Take the brushes that are not in use out of the views; they would stay where they were last."""
        for kind in BRUSHES:
            effect = self._editor.get_effect(kind)
            if not effect.is_active:
                for node in _brush_models(self._app.scene, effect.get_effect_name()):
                    node.GetDisplayNode().SetVisibility(False)

    def set_brush(self, diameter_mm: float, sphere: bool) -> None:
        for kind in BRUSHES:
            effect = self._editor.get_effect(kind)
            effect.set_brush_diameter(float(diameter_mm), BrushDiameterMode.Absolute)
            effect.set_use_sphere_brush(bool(sphere))

    def set_scissors(self, mode: str) -> None:
        self._editor.get_effect(SegmentationEffectScissors).set_fill_mode(SCISSORS[mode])

    def set_paint_range(self, low: float, high: float, enabled: bool) -> None:
        """Let all tools change only voxels whose grey value lies in this range."""
        node = self._editor.editor_node
        node.SetSourceVolumeIntensityMaskRange(float(low), float(high))
        node.SetSourceVolumeIntensityMask(bool(enabled))

    def set_threshold(self, low: float, high: float) -> None:
        self._editor.get_effect(SegmentationEffectThreshold).set_threshold_min_max_values(
            (float(low), float(high))
        )

    def auto_threshold(self) -> tuple[float, float]:
        effect = self.set_tool("threshold")
        effect.auto_threshold()
        return effect.get_threshold_min_max_values()

    def count_between(self, low: float, high: float) -> int:
        """Number of voxels of the source volume in a range of grey values."""
        self._require()
        values = vtk_image_to_np(self._editor.active_segment_modifier.get_source_image_data())
        return int(((values >= low) & (values <= high)).sum())

    def apply_threshold(self, low: float, high: float) -> None:
        """Replace the active segment by the voxels in a range of grey values."""
        self._require()
        effect = self.set_tool("threshold")
        effect.set_mode(ModificationMode.Set)
        effect.set_threshold_min_max_values((float(low), float(high)))
        effect.apply()
        self.set_tool("none")

    def set_island_click(self, mode: str) -> None:
        self._editor.get_effect(SegmentationEffectIslands).set_island_mode(ISLAND_CLICKS[mode])

    def keep_largest(self) -> None:
        """Keep the largest 6-connected part of the active segment."""
        labels, sizes = self._parts()
        self._set_active(labels == 1 + int(sizes.argmax()))

    def remove_small(self, voxels: int) -> None:
        """Remove the 6-connected parts of the active segment with fewer voxels than this.

        Raises
        ------
        EmptyRegionError : no part is so large.
        """
        labels, sizes = self._parts()
        kept = np.concatenate([[False], sizes >= voxels])
        if not kept.any():
            raise EmptyRegionError(
                f"No part of the segment has {voxels} voxels; nothing was removed.",
                "Choose a smaller number.",
            )
        self._set_active(kept[labels])

    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels 1…n of the parts of the active segment, and their numbers of voxels."""
        self._require_voxels()
        array = self._editor.get_segment_labelmap(self._editor.active_segment_id, as_numpy_array=True) > 0
        labels, _ = ndimage.label(array)
        return labels, np.bincount(labels.ravel())[1:]

    def _set_active(self, array: np.ndarray) -> None:
        modifier = self._editor.active_segment_modifier
        modifier.set_segment_labelmap(modifier.active_segment_id, array.astype(np.uint8))

    def smooth(self, mode: str, mm: float) -> None:
        self._require_voxels()
        effect = self._editor.set_active_effect_type(SegmentationEffectSmoothing)
        effect.set_smoothing_mode(SMOOTHINGS[mode])
        effect.set_kernel_size(float(mm))
        effect.set_standard_deviation(float(mm))
        effect.apply_smoothing()
        self.set_tool("none")

    def grow_from_seeds(self) -> None:
        """Grow the visible segments from their seeds; the background seeds are hidden afterwards."""
        self._require()
        self._editor.set_active_effect_type(GrowFromSeeds).apply()
        self.set_tool("none")
        self.set_visible(BACKGROUND, False)
        self.choose(self.region_id)

    def grow_margin(self, mm: float) -> None:
        self._require_voxels()
        self._editor.set_active_effect_type(Margin).apply(float(mm))
        self.set_tool("none")

    def fill_between_slices(self) -> None:
        self._require_voxels()
        self._editor.set_active_effect_type(FillBetweenSlices).apply()
        self.set_tool("none")

    def _require_voxels(self) -> None:
        self._require()
        identity = self._editor.active_segment_id
        if not identity:
            raise RegionError("No segment is chosen.", "Choose one in the list of segments.")
        array = self._editor.get_segment_labelmap(identity, as_numpy_array=True)
        if not array.any():
            name = self.node.GetSegmentation().GetSegment(identity).GetName()
            raise RegionError(f"The segment {name} is empty.", "Paint or threshold something first.")

    def undo(self) -> None:
        self._travel(self.undo_stack.undo)

    def redo(self) -> None:
        self._travel(self.undo_stack.redo)

    def _travel(self, step: Callable[[], None]) -> None:
        """Undo or redo; segments that were hidden stay hidden, although they are made anew."""
        hidden = [row["id"] for row in self.rows() if not row["visible"]]
        step()
        for identity in hidden:
            if self.node.GetSegmentation().GetSegment(identity) is not None:
                self.set_visible(identity, False)
        if self._watcher is not None:
            self._watcher.check()
        self._on_list()

    # 3D ------------------------------------------------------------------------------------------

    def set_surface(self, shown: bool) -> None:
        self._editor.set_surface_representation_enabled(bool(shown))

    def set_surface_opacity(self, opacity: float) -> None:
        """Let the surfaces of the segments be seen through, 0…1."""
        display = self.node.GetDisplayNode() if self.node is not None else None
        if display is not None and display.GetOpacity3D() != opacity:
            display.SetOpacity3D(float(opacity))


def _brush_models(scene: Any, effect_name: str) -> list[Any]:
    """The models that draw the brush of an effect and its stroke."""
    found = []
    for n in range(scene.GetNumberOfNodesByClass("vtkMRMLModelNode")):
        node = scene.GetNthNodeByClass(n, "vtkMRMLModelNode")
        if node.GetName().startswith(effect_name + "_") and node.GetDisplayNode() is not None:
            found.append(node)
    return found
