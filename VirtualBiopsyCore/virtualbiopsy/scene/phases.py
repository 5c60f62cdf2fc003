"""A dynamic series in the slice views: its early phase as a volume, a phase, a subtraction, a projection."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk

from .dynamic import browser_of
from .nodes import ROLE, all_nodes, nodes_with_role
from .volumes import array_from_image_data, node_from_image

EARLY = "early"
VIEW = "phase"
_SERIES = "virtualBiopsySeries"  # reference from an early phase to the node that holds its series
_SLAB = "VirtualBiopsy.RestoreSlab"
_MAXIMUM = 1  # VTK_IMAGE_SLAB_MAX
_SAMPLED = 97


def early_volume(scene: Any, node: Any, image: sitk.Image) -> Any:
    """Return the volume node that holds the early phase of a series, made or filled again where needed.

    Its voxels are touched only if they differ, so that whoever watches it sees no change without one.

    Parameters
    ----------
    node : sequence or multi-volume that holds the series. image : its early phase.
    """
    found = [
        volume
        for volume in nodes_with_role(scene, "vtkMRMLScalarVolumeNode", EARLY)
        if volume.GetNodeReference(_SERIES) is node
    ]
    if found and _holds(found[0], image):
        return found[0]
    volume = node_from_image(scene, image, f"{node.GetName()} early phase", found[0] if found else None)
    volume.SetAttribute(ROLE, EARLY)
    volume.SetNodeReferenceID(_SERIES, node.GetID())
    return volume


def is_early_volume(volume: Any) -> bool:
    """Whether a volume is the early phase of a series, made by :func:`early_volume`."""
    return volume is not None and volume.GetAttribute(ROLE) == EARLY


def _holds(volume: Any, image: sitk.Image) -> bool:
    data = volume.GetImageData()
    if data is None or data.GetDimensions() != image.GetSize():
        return False
    return np.array_equal(array_from_image_data(data), sitk.GetArrayViewFromImage(image))


class PhaseView:
    """Puts a phase, or an image computed from the phases, behind everything else in the slice views.

    Parameters
    ----------
    logic : vtkSlicerSequencesLogic, None where there is none.
    """

    def __init__(self, scene: Any, logic: Any = None) -> None:
        self._scene = scene
        self._logic = logic

    def show_item(self, node: Any, item: int, image: sitk.Image) -> Any:
        """Show an item of a series: through the browser of a sequence where it has one, so that Slicer's own
        toolbar follows, else as a copy. Return the volume that the views show."""
        browser, proxy = browser_of(node) if node.IsA("vtkMRMLSequenceNode") else (None, None)
        if browser is None or proxy is None:
            return self.show_image(image, node.GetName())
        browser.SetSelectedItemNumber(int(item))
        if self._logic is not None:
            self._logic.UpdateProxyNodesFromSequences(browser)
        self._behind(proxy)
        return proxy

    def show_image(self, image: sitk.Image, name: str) -> Any:
        """Show an image; there is one volume for all of them. Return it."""
        found = nodes_with_role(self._scene, "vtkMRMLScalarVolumeNode", VIEW)
        fresh = not found or found[0].GetName() != name
        volume = node_from_image(self._scene, image, name, found[0] if found else None)
        volume.SetAttribute(ROLE, VIEW)
        if fresh:
            volume.SetName(name)
            values = sitk.GetArrayViewFromImage(image).ravel()[::_SAMPLED]
            low, high = np.percentile(values, (1.0, 99.7)) if values.size else (0.0, 1.0)
            display = volume.GetDisplayNode()
            display.AutoWindowLevelOff()
            display.SetWindowLevelMinMax(float(low), float(max(high, low + 1e-3)))
        self._behind(volume)
        return volume

    def _behind(self, volume: Any) -> None:
        for composite in all_nodes(self._scene, "vtkMRMLSliceCompositeNode"):
            if composite.GetBackgroundVolumeID() != volume.GetID():
                composite.SetBackgroundVolumeID(volume.GetID())

    def project(self, image: sitk.Image | None) -> None:
        """Let the slice views show the maximum through the whole of an image; None for thin slices again."""
        for node in all_nodes(self._scene, "vtkMRMLSliceNode"):
            kept = node.GetAttribute(_SLAB)
            modifying = node.StartModify()
            if image is not None:
                if kept is None:
                    before = (
                        int(node.GetSlabReconstructionEnabled()),
                        node.GetSlabReconstructionType(),
                        node.GetSlabReconstructionThickness(),
                    )
                    node.SetAttribute(_SLAB, " ".join(map(str, before)))
                extent = np.linalg.norm(np.multiply(image.GetSize(), image.GetSpacing()))
                node.SetSlabReconstructionType(_MAXIMUM)
                node.SetSlabReconstructionThickness(float(extent))
                node.SetSlabReconstructionEnabled(True)
            elif kept is not None:
                enabled, kind, thickness = kept.split()
                node.SetSlabReconstructionEnabled(bool(int(enabled)))
                node.SetSlabReconstructionType(int(kind))
                node.SetSlabReconstructionThickness(float(thickness))
                node.RemoveAttribute(_SLAB)
            node.EndModify(modifying)
