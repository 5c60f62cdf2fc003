"""Segments as masks on the grid of a volume, and a watcher that fires only when voxels changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from ..errors import GeometryError, RegionError
from .volumes import (
    array_from_image_data,
    ijk_to_ras,
    matrix_from_vtk,
    new_oriented_image,
    parent_matrix,
    set_geometry,
    world_matrix,
)


def _require_segment(segmentation_node: Any, segment_id: str) -> None:
    segmentation = segmentation_node.GetSegmentation() if segmentation_node is not None else None
    if segmentation is None or not segment_id or segmentation.GetSegment(segment_id) is None:
        raise RegionError("The chosen segment does not exist any more.", "Choose or draw a segment.")


def _labelmap(segmentation_node: Any, segment_id: str) -> Any:
    """Return a copy of the segment's own labelmap (vtkOrientedImageData, may be empty), not changing the
    node."""
    segmentation = segmentation_node.GetSegmentation()
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    if not segmentation.ContainsRepresentation(name):
        segmentation.CreateRepresentation(name)
    labelmap = slicer.vtkOrientedImageData()
    if segmentation.GetSegment(segment_id).GetRepresentation(name) is not None:  # None amid an undo
        segmentation_node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    return labelmap


def _is_empty(labelmap: Any) -> bool:
    return labelmap.GetNumberOfPoints() == 0 or labelmap.GetPointData().GetScalars() is None


def mask_from_segment(segmentation_node: Any, segment_id: str, reference_volume: Any) -> sitk.Image:
    """Return a segment as a mask on the grid of `reference_volume`.

    Parent transforms of both nodes count: the mask has exactly the geometry of
    :func:`virtualbiopsy.scene.volumes.image_from_node` of the reference. Between grids the value of the
    nearest voxel is taken; what lies outside the reference is cut off.

    Returns
    -------
    sitk.Image : uint8, 0 and 1; all zero for an empty segment.

    Raises
    ------
    RegionError : if the segment does not exist.
    GeometryError : if a parent transform is not linear, or shears.
    """
    _require_segment(segmentation_node, segment_id)
    data = reference_volume.GetImageData()
    if data is None:
        raise GeometryError(
            f"The volume {reference_volume.GetName()} holds no voxels.", "Choose a loaded volume."
        )
    shape = tuple(reversed(data.GetDimensions()))
    reference_matrix = world_matrix(reference_volume)
    labelmap = _labelmap(segmentation_node, segment_id)
    array = np.zeros(shape, np.uint8)
    if not _is_empty(labelmap):
        own = vtk.vtkMatrix4x4()
        labelmap.GetImageToWorldMatrix(own)
        matrix = parent_matrix(segmentation_node) @ matrix_from_vtk(own)
        _paste(array, reference_matrix, labelmap, matrix)
    mask = sitk.GetImageFromArray(array)
    set_geometry(mask, reference_matrix, reference_volume.GetName())
    return mask


def _paste(array: np.ndarray, reference_matrix: np.ndarray, labelmap: Any, matrix: np.ndarray) -> None:
    """Write the labelmap into `array` (k, j, i); a shifted copy where the grids agree, nearest voxel
    elsewhere."""
    source = array_from_image_data(labelmap) > 0
    extent = labelmap.GetExtent()
    first = np.array([extent[0], extent[2], extent[4]])
    to_source = np.linalg.inv(matrix) @ reference_matrix
    shift = np.rint(to_source[:3, 3])
    last = np.array([*reversed(array.shape)]) - 1
    drift = np.abs(to_source[:3, :3] - np.eye(3)).dot(last) + np.abs(to_source[:3, 3] - shift)
    if np.all(drift < 1e-3):
        offset = (first - shift).astype(int)
        low = np.maximum(offset, 0)
        high = np.minimum(offset + np.array([*reversed(source.shape)]), last + 1)
        if np.all(high > low):
            target = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
            piece = tuple(
                slice(a - o, b - o) for a, b, o in zip(low[::-1], high[::-1], offset[::-1], strict=True)
            )
            array[target] = source[piece]
        return
    moving = sitk.GetImageFromArray(source.astype(np.uint8))
    shifted = matrix.copy()
    shifted[:3, 3] = (matrix @ np.append(first, 1.0))[:3]
    set_geometry(moving, shifted, "the segmentation")
    fixed = sitk.Image([int(n) for n in reversed(array.shape)], sitk.sitkUInt8)
    set_geometry(fixed, reference_matrix, "the reference volume")
    nearest = sitk.Resample(moving, fixed, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    array[...] = sitk.GetArrayViewFromImage(nearest)


def write_segment(
    segmentation_node: Any, segment_id: str, mask: sitk.Image, reference_volume: Any, name: str = ""
) -> str:
    """Replace the voxels of a segment by a mask and return the segment's identifier.

    Parameters
    ----------
    segment_id : existing segment; "" adds a new one called `name`.
    mask : non-zero is inside, on any grid in world space (LPS); it is brought onto the grid of
        `reference_volume` by the nearest voxel unless it already lies on it.
    reference_volume : its geometry becomes the segmentation's reference geometry if it has none yet.

    Raises
    ------
    RegionError : if `segment_id` is given and does not exist, or Slicer refuses the labelmap.
    GeometryError : if a parent transform is not linear, or shears.
    """
    segmentation = segmentation_node.GetSegmentation()
    if segment_id:
        _require_segment(segmentation_node, segment_id)
    matrix = world_matrix(reference_volume)
    data = reference_volume.GetImageData()
    fixed = sitk.Image([int(n) for n in data.GetDimensions()], sitk.sitkUInt8)
    set_geometry(fixed, matrix, reference_volume.GetName())
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    if binary.GetSize() != fixed.GetSize() or not np.allclose(
        ijk_to_ras(binary), ijk_to_ras(fixed), atol=1e-4
    ):
        binary = sitk.Resample(binary, fixed, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    if segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole()) is None:
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(reference_volume)
    if not segment_id:
        segment_id = segmentation.AddEmptySegment("", name or "Tumour")
    own = np.linalg.inv(parent_matrix(segmentation_node)) @ matrix
    labelmap = new_oriented_image(sitk.GetArrayViewFromImage(binary), own)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if not logic.SetBinaryLabelmapToSegment(labelmap, segmentation_node, segment_id, logic.MODE_REPLACE):
        raise RegionError(f"The outline could not be written into {segmentation_node.GetName()}.")
    return segment_id


def segment_digest(segmentation_node: Any, segment_id: str) -> str:
    """Return a hash of the inside voxels and where they lie in the segmentation's own space.

    It does not depend on the extent that Slicer allots, so an edit that is undone gives the old digest back.
    Empty segments have the digest "".
    """
    labelmap = _labelmap(segmentation_node, segment_id)
    if _is_empty(labelmap):
        return ""
    inside = array_from_image_data(labelmap) > 0
    spans = []
    for axis in range(3):
        hit = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        if hit.size == 0:
            return ""
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1))
    crop = inside[tuple(spans)]
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    affine = matrix_from_vtk(matrix)
    extent = labelmap.GetExtent()
    start = np.array(
        [extent[0] + spans[2].start, extent[2] + spans[1].start, extent[4] + spans[0].start, 1.0]
    )
    place = np.concatenate([affine[:3, :3].ravel(), (affine @ start)[:3]])
    digest = hashlib.sha256(np.packbits(crop).tobytes())
    digest.update(repr((crop.shape, (np.round(place, 4) + 0.0).tolist())).encode())
    return digest.hexdigest()


def other_segments(segmentation_node: Any, segment_id: str, reference_volume: Any) -> list[sitk.Image]:
    """Masks (uint8, grid of the volume) of all segments with voxels but this one, in their order."""
    segmentation = segmentation_node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    masks = [mask_from_segment(segmentation_node, n, reference_volume) for n in ids if n != segment_id]
    return [mask for mask in masks if sitk.GetArrayViewFromImage(mask).any()]


class RegionWatcher:
    """Call `on_change()` when the voxels of a segment changed, and at no other event.

    Effects fire SourceRepresentationModified, the desktop's undo fires SegmentModified, that of
    trame-slicer SegmentRemoved and SegmentAdded, and a mere reading may fire SegmentModified: so all four
    are observed, a digest of the voxels decides, and events that the watcher's own reading causes are
    ignored. An undo passes through intermediate states that are reported as well: debouncing is the
    caller's affair.

    Parameters
    ----------
    segmentation_node : vtkMRMLSegmentationNode to observe.
    on_change : called without arguments, after the change.
    segment_id : the only segment that matters; None for all.
    """

    def __init__(
        self, segmentation_node: Any, on_change: Callable[[], None], segment_id: str | None = None
    ) -> None:
        self._node = segmentation_node
        self._on_change = on_change
        self._segment_id = segment_id
        self._busy = False
        kinds = ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified")
        self._tags = [
            segmentation_node.AddObserver(getattr(slicer.vtkSegmentation, kind), self._on_event)
            for kind in kinds
        ]
        self._tags.append(
            segmentation_node.AddObserver(
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._on_event
            )
        )
        self._busy = True
        self._digest = self._current()
        self._busy = False

    @property
    def digest(self) -> str:
        """Digest of what was seen last."""
        return self._digest

    @property
    def segment_id(self) -> str | None:
        return self._segment_id

    @segment_id.setter
    def segment_id(self, value: str | None) -> None:
        self._segment_id = value
        self.check()

    def _current(self) -> str:
        segmentation = self._node.GetSegmentation()
        if segmentation is None:
            return ""
        ids = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
        if self._segment_id is not None:
            ids = [segment_id for segment_id in ids if segment_id == self._segment_id]
        parts = [segment_digest(self._node, segment_id) for segment_id in ids]
        parts = [part for part in parts if part]
        if not parts:
            return ""
        transform = self._node.GetParentTransformNode()
        if transform is not None and transform.IsTransformToWorldLinear():
            matrix = vtk.vtkMatrix4x4()
            transform.GetMatrixTransformToWorld(matrix)
            parts.append(repr((np.round(matrix_from_vtk(matrix), 6) + 0.0).tolist()))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def check(self) -> bool:
        """Compare with what was seen last, call `on_change` if it differs, and say whether it does."""
        if self._busy:
            return False
        self._busy = True
        try:
            digest = self._current()
        finally:
            self._busy = False
        if digest == self._digest:
            return False
        self._digest = digest
        self._on_change()
        return True

    def accept(self) -> None:
        """Take the present voxels as seen, without a call (after writing the segment oneself)."""
        self._busy = True
        try:
            self._digest = self._current()
        finally:
            self._busy = False

    def _on_event(self, caller: Any, event: str) -> None:
        self.check()

    def stop(self) -> None:
        """Remove the observers; may be called twice."""
        for tag in self._tags:
            self._node.RemoveObserver(tag)
        self._tags = []
