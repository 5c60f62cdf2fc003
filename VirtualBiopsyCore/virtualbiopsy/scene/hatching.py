"""Diagonal stripes over the voxels where the sign of a map is not stable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import SimpleITK as sitk

from .nodes import ROLE, all_nodes, nodes_with_role, number, remove_with_parts, view_name
from .volumes import ijk_to_ras, image_data_from_array, matrix_to_vtk

PERIOD_MM = 4.0
LINE_MM = 0.9
_FINEST_MM = 0.6
_MOST_VOXELS = 30_000_000


def stripes(unstable: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Draw stripes over the voxels of a mask that are not zero.

    The planes x + y + z = n · period (RAS, mm) cut every axial, coronal and sagittal slice in diagonal lines.
    Each has a dark and a light half, so that it is seen on any colour.

    Returns
    -------
    labels : uint8 (k, j, i), 0 nothing, 1 dark, 2 light; on a grid that is up to four times finer.
    matrix : (4, 4) from its voxel indices (i, j, k, 1) to RAS mm.
    """
    inside = sitk.GetArrayViewFromImage(unstable) != 0
    factors = [int(np.clip(np.ceil(step / _FINEST_MM), 1, 4)) for step in unstable.GetSpacing()]
    while inside.size * np.prod(factors) > _MOST_VOXELS and max(factors) > 1:
        factors = [max(1, f - 1) for f in factors]
    fine = inside
    for axis, factor in zip((2, 1, 0), factors, strict=True):
        fine = np.repeat(fine, factor, axis=axis)
    matrix = ijk_to_ras(unstable)
    steps = np.diag([*(1.0 / f for f in factors), 1.0])
    steps[:3, 3] = [0.5 / f - 0.5 for f in factors]
    matrix = matrix @ steps
    weights = matrix[:3].sum(axis=0)
    k, j, i = (np.arange(n, dtype=np.float32) for n in fine.shape)
    along = (weights[2] * k)[:, None, None] + (weights[1] * j)[None, :, None] + (weights[0] * i)[None, None]
    phase = np.mod(along + np.float32(weights[3]), PERIOD_MM)
    labels = np.where(phase < LINE_MM, 1, np.where(phase < 2 * LINE_MM, 2, 0)).astype(np.uint8)
    labels[~fine] = 0
    return labels, matrix


def _color_node(scene: Any) -> Any:
    for node in nodes_with_role(scene, "vtkMRMLColorTableNode", "colors:hatching"):
        return node
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetName("VirtualBiopsy hatching")
    node.SetTypeToUser()
    node.SetNumberOfColors(3)
    node.SetColor(0, "stable", 0.0, 0.0, 0.0, 0.0)
    node.SetColor(1, "sign not stable", 0.04, 0.04, 0.04, 1.0)
    node.SetColor(2, "sign not stable (light line)", 0.96, 0.96, 0.96, 1.0)
    node.SetAttribute("Category", "VirtualBiopsy")
    node.SetAttribute(ROLE, "colors:hatching")
    node.SetHideFromEditors(False)
    return scene.AddNode(node)


class Hatching:
    """Stripes of one layer, in the label layer of the views that show it; what was there is put back.

    Parameters
    ----------
    layer : role of the layer that it belongs to.
    """

    def __init__(self, scene: Any, layer: str) -> None:
        self._scene = scene
        self._role = f"hatching:{layer}"

    @property
    def volume(self) -> Any:
        """The vtkMRMLLabelMapVolumeNode, or None."""
        found = nodes_with_role(self._scene, "vtkMRMLLabelMapVolumeNode", self._role)
        return found[0] if found else None

    @property
    def shown(self) -> bool:
        volume = self.volume
        composites = all_nodes(self._scene, "vtkMRMLSliceCompositeNode")
        return volume is not None and any(c.GetLabelVolumeID() == volume.GetID() for c in composites)

    def set(self, unstable: sitk.Image | None) -> Any:
        """Take what is to be hatched, or None for nothing; return the node or None. Does not raise it yet."""
        if unstable is None:
            self.remove()
            return None
        labels, matrix = stripes(unstable)
        node = self.volume
        if node is None:
            node = self._scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Sign not stable")
            node.SetAttribute(ROLE, self._role)
            node.CreateDefaultDisplayNodes()
        node.SetAndObserveTransformNodeID(None)
        node.SetAndObserveImageData(image_data_from_array(labels))
        node.SetIJKToRASMatrix(matrix_to_vtk(matrix))
        node.GetDisplayNode().SetAndObserveColorNodeID(_color_node(self._scene).GetID())
        return node

    def raise_in(self, composite: Any) -> None:
        """Show the stripes in one view."""
        node = self.volume
        if node is None or composite.GetLabelVolumeID() == node.GetID():
            return
        view = view_name(composite)
        node.SetNodeReferenceID(f"restoreLabel{view}", composite.GetLabelVolumeID())
        node.SetAttribute(f"VirtualBiopsy.RestoreLabelOpacity.{view}", repr(composite.GetLabelOpacity()))
        composite.SetLabelVolumeID(node.GetID())
        composite.SetLabelOpacity(1.0)

    def lower(self, composites: Iterable[Any] | None = None) -> None:
        """Put the label layers back as they were found."""
        node = self.volume
        if node is None:
            return
        for composite in (
            all_nodes(self._scene, "vtkMRMLSliceCompositeNode") if composites is None else composites
        ):
            if composite.GetLabelVolumeID() != node.GetID():
                continue
            view = view_name(composite)
            role, attribute = f"restoreLabel{view}", f"VirtualBiopsy.RestoreLabelOpacity.{view}"
            previous = node.GetNodeReference(role)
            composite.SetLabelVolumeID(previous.GetID() if previous is not None else None)
            composite.SetLabelOpacity(number(node.GetAttribute(attribute), 1.0))
            node.SetNodeReferenceID(role, None)
            node.RemoveAttribute(attribute)

    def remove(self) -> None:
        """Lower the stripes and take them out of the scene."""
        self.lower()
        node = self.volume
        if node is not None:
            remove_with_parts(self._scene, node)
