"""Editing effects that trame-slicer lacks, on the filters of slicer-core.

Each works on the active segment through trame-slicer's modifier, so undo, redo and the editable area hold.
The segment is seen as a (k, j, i) array on the reference geometry, whose axes are at right angles: distances
follow from the spacing alone, whatever the orientation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from trame_slicer.segmentation import ModificationMode, SegmentationEffect
from trame_slicer.segmentation.segmentation_undo_command import SegmentationLabelMapUndoCommand
from trame_slicer.utils import vtk_image_to_np

from ..errors import EmptyRegionError, RegionError
from ..scene.segments import write_segment
from ..scene.volumes import image_data_from_array, set_geometry, world_matrix

BACKGROUND_ID = "background"


class SeedsError(RegionError):
    """Growing from seeds lacks seeds."""


class NoGapError(RegionError):
    """There is no gap between the drawn slices that could be filled."""


class _ButtonEffect(SegmentationEffect):
    """An effect that is applied by a button and draws nothing in the views."""

    def _create_pipeline(self, view_node: Any, parameter: Any) -> None:
        return None

    def _segment(self, segment_id: str = "") -> np.ndarray:
        """Bool copy (k, j, i) of a segment on the reference geometry; the active one by default."""
        chosen = segment_id or (self.modifier.active_segment_id if self.modifier else "")
        if not chosen:
            raise RegionError("No segment is chosen.", "Choose one in the list of segments.")
        return self.modifier.get_segment_labelmap(chosen, as_numpy_array=True) > 0

    def _filled_segment(self) -> np.ndarray:
        mask = self._segment()
        if not mask.any():
            name = self.modifier.segmentation.get_segment(self.modifier.active_segment_id).GetName()
            raise EmptyRegionError(f"The segment {name} is empty.", "Paint or threshold something first.")
        return mask

    def _spacing(self) -> tuple[float, float, float]:
        """(di, dj, dk) mm of the reference geometry."""
        return self.modifier.create_modifier_labelmap().GetSpacing()

    def _set_segment(self, mask: np.ndarray, segment_id: str = "", *, everywhere: bool = False) -> None:
        """Replace a segment as one step of the undo stack; ``everywhere`` ignores the editable area."""
        labelmap = self.modifier.create_modifier_labelmap()
        vtk_image_to_np(labelmap)[...] = mask
        labelmap.GetPointData().GetScalars().Modified()
        node = self.modifier.segment_editor_node
        ranged = bool(node.GetSourceVolumeIntensityMask())
        if everywhere:
            node.SetSourceVolumeIntensityMask(False)  # not covered by bypassing the mask
        try:
            self.modifier.apply_labelmap(
                labelmap,
                segment_id=segment_id or None,
                modification_mode=ModificationMode.Set,
                do_bypass_masking=everywhere,
            )
        finally:
            if everywhere:
                node.SetSourceVolumeIntensityMask(ranged)


class GrowFromSeeds(_ButtonEffect):
    """Grow the seeds of the visible segments over the source volume (GrowCut); background seeds stay."""

    def apply(
        self, *, background_id: str = BACKGROUND_ID, margin: float = 0.2, distance_penalty: float = 0.0
    ) -> dict[str, int]:
        """Replace every seeded, visible segment but the background by what grew from it.

        Parameters
        ----------
        background_id : segment whose seeds bound the growth and are kept.
        margin : the growth stays in the box of all seeds, enlarged by this share of it (3 voxels at least).
        distance_penalty : of the GrowCut filter, per mm; more keeps voxels with the nearest seeds.

        Returns
        -------
        Number of voxels by segment identifier.

        Raises
        ------
        SeedsError : without at least two visible segments that hold seeds.
        """
        seeds = {
            identity: mask
            for identity in self.modifier.segmentation.get_visible_segment_ids()
            if (mask := self._segment(identity)).any()
        }
        if len(seeds) < 2:
            raise SeedsError(
                "Growing needs seeds in two visible segments: the tumour and the background around it.",
                "Paint a stroke in the tumour, choose the background segment, paint strokes around it.",
            )
        intensity = vtk_image_to_np(self.modifier.get_source_image_data())
        box = _box(np.logical_or.reduce(list(seeds.values())), margin=margin, least=3)
        labels = np.zeros(intensity.shape, np.int16)[box]
        for value, mask in enumerate(seeds.values(), 1):
            labels[mask[box]] = value
        spacing = self._spacing()
        grow = (getattr(slicer, "vtkITKGrowCut", None) or slicer.vtkImageGrowCutSegment)()
        grow.SetIntensityVolume(_image(intensity[box], spacing))
        grow.SetSeedLabelVolume(_image(labels, spacing))
        grow.SetDistancePenalty(distance_penalty)
        grow.Update()
        grown = vtk_image_to_np(grow.GetOutput())
        results = {}
        for value, identity in enumerate(seeds, 1):
            if identity != background_id:
                results[identity] = np.zeros(intensity.shape, bool)
                results[identity][box] = grown == value
        with self.modifier.group_undo_commands("Grow from seeds"):
            for identity, mask in results.items():
                self._set_segment(mask, identity, everywhere=True)
        return {identity: int(mask.sum()) for identity, mask in results.items()}


class Margin(_ButtonEffect):
    """Grow or shrink the active segment by a distance."""

    def apply(self, mm: float) -> None:
        """Add all voxels within ``mm`` of the segment; a negative value removes as much from its surface.

        Distances are between voxel centres: a voxel is added if the segment is within ``mm`` of it, and
        removed if the outside is. Beyond the border of the volume there is nothing: a cut face stays.

        Raises
        ------
        EmptyRegionError : the segment holds no voxel, or none would remain.
        """
        mask = self._filled_segment()
        grown = _margin(mask, self._spacing(), mm)
        if not grown.any():
            raise EmptyRegionError(
                f"Shrinking by {-mm:g} mm would leave nothing of the segment.", "Choose a smaller margin."
            )
        self._set_segment(grown)


class Hollow(_ButtonEffect):
    """Leave a shell of the active segment."""

    def apply(self, mm: float, *, inside: bool = True) -> None:
        """Keep the outermost ``mm`` of the segment, or take the ``mm`` around it instead.

        Raises
        ------
        EmptyRegionError : the segment, or the shell, holds no voxel.
        """
        mask = self._filled_segment()
        spacing = self._spacing()
        shell = (
            mask & ~_margin(mask, spacing, -abs(mm)) if inside else _margin(mask, spacing, abs(mm)) & ~mask
        )
        if not shell.any():
            raise EmptyRegionError(
                f"A shell of {abs(mm):g} mm holds no voxel.", "Choose a thickness of at least one voxel."
            )
        self._set_segment(shell)


class FillBetweenSlices(_ButtonEffect):
    """Interpolate the active segment between drawn slices (morphological contour interpolation)."""

    def apply(self) -> int:
        """Fill the gaps along each axis of the volume that has some; returns the number of added voxels.

        Raises
        ------
        EmptyRegionError : the segment holds no voxel.
        NoGapError : no empty slice lies between drawn ones.
        """
        mask = self._filled_segment()
        axes = [axis for axis in range(3) if _has_gap(mask, axis)]
        if not axes:
            raise NoGapError(
                "The segment has no empty slices between drawn ones.",
                "Draw it on every third or fourth slice of one orientation, then fill.",
            )
        box = _box(mask, margin=0, least=1)
        filled = mask[box]
        for axis in axes:
            interpolate = slicer.vtkITKMorphologicalContourInterpolator()
            interpolate.SetInputData(_image(filled.astype(np.uint8), self._spacing()))
            interpolate.SetAxis(2 - axis)
            interpolate.Update()
            filled = vtk_image_to_np(interpolate.GetOutput()) > 0
        before = int(mask.sum())
        mask[box] = filled
        self._set_segment(mask)
        return int(mask.sum()) - before


def add_segment_from_mask(
    editor: Any, mask: sitk.Image, name: str = "", *, segment_id: str = "", volume: Any = None
) -> str:
    """Write a mask into a segment through physical space, as one step of the undo stack.

    Parameters
    ----------
    editor : trame-slicer's SegmentationEditor with an active segmentation.
    mask : non-zero is inside; any grid, LPS.
    name : of the new segment.
    segment_id : existing segment to replace; empty adds one.
    volume : volume node on whose grid the segment is written; the editor's by default.

    Returns
    -------
    Identifier of the segment, which becomes the active one.

    Raises
    ------
    RegionError : there is no active segmentation, or no such segment.
    EmptyRegionError : no voxel of the mask lies inside the volume.
    GeometryError : a parent transform is not linear, or shears.
    """
    segmentation = editor.active_segmentation
    if segmentation is None:
        raise RegionError("There is no segmentation to add to.", "Open a case first.")
    if segment_id and segment_id not in editor.get_segment_ids():
        raise RegionError("The chosen segment does not exist any more.", "Choose or draw a segment.")
    volume = volume or editor.active_volume_node
    if not _reaches(mask, volume):
        raise EmptyRegionError(
            f"No voxel of {name or 'the mask'} lies inside {volume.GetName()}.",
            "Check that the mask belongs to this case, and that it is not empty.",
        )
    with SegmentationLabelMapUndoCommand.push_state_change(segmentation):
        identity = write_segment(segmentation.segmentation_node, segment_id, mask, volume, name)
    segmentation.trigger_modified()
    editor.set_active_segment_id(identity)
    return identity


def harden_parent_transform(node: Any) -> bool:
    """Write a linear parent transform into the node's own geometry; False if it has none.

    The brush of trame-slicer ignores the transform of a volume and would paint beside the pointer.

    Raises
    ------
    GeometryError : the transform is not linear, or shears; the node is left as it is.
    """
    if node.GetParentTransformNode() is None:
        return False
    if node.IsA("vtkMRMLVolumeNode"):
        set_geometry(sitk.Image(1, 1, 1, sitk.sitkUInt8), world_matrix(node), node.GetName())
    node.HardenTransform()
    return True


def _reaches(mask: sitk.Image, volume: Any) -> bool:
    fixed = sitk.Image([int(n) for n in volume.GetImageData().GetDimensions()], sitk.sitkUInt8)
    set_geometry(fixed, world_matrix(volume), volume.GetName())
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    there = sitk.Resample(binary, fixed, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    return bool(sitk.GetArrayViewFromImage(there).any())


def _image(array: np.ndarray, spacing: tuple[float, float, float]) -> vtk.vtkImageData:
    image = image_data_from_array(array)
    image.SetSpacing(*spacing)
    return image


def _box(mask: np.ndarray, *, margin: float, least: int) -> tuple[slice, slice, slice]:
    """Bounding box enlarged by a share of its size and at least some voxels, inside the volume."""
    box = []
    for axis in range(3):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        more = max(least, int(margin * (hit[-1] - hit[0])))
        box.append(slice(max(0, int(hit[0]) - more), min(mask.shape[axis], int(hit[-1]) + 1 + more)))
    return tuple(box)


def _has_gap(mask: np.ndarray, axis: int) -> bool:
    used = mask.any(axis=tuple(a for a in range(3) if a != axis))
    hit = np.flatnonzero(used)
    return not used[hit[0] : hit[-1] + 1].all()


def _margin(mask: np.ndarray, spacing: tuple[float, float, float], mm: float) -> np.ndarray:
    if mm == 0:
        return mask
    reach = [int(np.ceil(abs(mm) / d)) + 1 for d in reversed(spacing)]
    tight = _box(mask, margin=0, least=0)
    box = tuple(
        slice(max(0, s.start - r), min(n, s.stop + r))
        for s, r, n in zip(tight, reach, mask.shape, strict=True)
    )
    # The filter measures inner distances from the segment's own outermost voxels, which would remove one
    # layer more than asked for; growing the outside does not.
    growing = mask[box] if mm > 0 else ~mask[box]
    result = mask.copy()
    if growing.any():
        tool = slicer.vtkITKImageMargin()
        tool.SetInputData(_image(growing.astype(np.uint8), spacing))
        tool.CalculateMarginInMMOn()
        tool.SetOuterMarginMM(abs(mm) + 1e-4)  # rounding must not decide about voxels at just this distance
        tool.Update()
        grown = vtk_image_to_np(tool.GetOutput()) > 0
        result[box] = grown if mm > 0 else ~grown
    return result
