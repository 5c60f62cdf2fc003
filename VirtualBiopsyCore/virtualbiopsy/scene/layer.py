"""A signed map as a coloured layer over the images, with a legend, and everything put back afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

import numpy as np
import SimpleITK as sitk
import slicer

from ..errors import GeometryError
from .colors import DEFAULT_COLORS, NUMBER_OF_COLORS, color_table_node, is_own_table
from .hatching import Hatching
from .nodes import ROLE, all_nodes, nodes_with_role, number, remove_with_parts, view_name
from .volumes import image_from_node, node_from_image, ras_from_lps

SENTINEL = -1e4
UNIT = "log-odds per mL"
OPACITY = 0.75
LAYER_ROLES = ("explanation", "regions", "influence", "map")
MARKS_OF = "VirtualBiopsy.MarksOf"  # attribute of models: role of the layer that they go with


class LayerOptions(TypedDict, total=False):
    """How any layer is shown.

    Attributes
    ----------
    window : half width of the colour range (of a map: its brightest value), in the unit of the layer; None
        for the layer's own.
    opacity : of the layer, 0.75; kept if the map is already shown.
    colors : key of :data:`.colors.COLOR_TABLES`; None keeps the present one.
    composite_nodes : slice composite nodes to show it in; None for all of the scene.
    """

    window: float | None
    opacity: float
    colors: str | None
    composite_nodes: Iterable[Any] | None


class SignedLayer:
    """One kind of signed map over the slice views of a scene; each kind has its own node, name and legend.

    Where there is no map the node holds a sentinel that the display threshold hides; interpolation is off,
    because it would invent a saturated rim. What the layers and the segments' fill were before is kept in the
    nodes themselves, so that it can be restored even after saving and loading the scene. A view shows one
    kind at a time: raising one lowers the others there.

    Parameters
    ----------
    scene : vtkMRMLScene; a map that it already holds (a loaded scene) is taken over.
    """

    role = ""
    node_name = ""
    heading = ""
    unit = UNIT

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        found = nodes_with_role(scene, "vtkMRMLScalarVolumeNode", self.role)
        self._volume = found[0] if found else None
        self.hatching = Hatching(scene, self.role)

    @property
    def volume(self) -> Any:
        """The vtkMRMLScalarVolumeNode of the map; None before the first showing or if it was deleted."""
        if self._volume is not None and not self._scene.IsNodePresent(self._volume):
            self._volume = None
        return self._volume

    @property
    def legend(self) -> Any:
        """The vtkMRMLColorLegendDisplayNode, or None."""
        volume = self.volume
        display = volume.GetDisplayNode() if volume is not None else None
        return slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(display) if display is not None else None

    @property
    def window(self) -> float:
        """Half width of the colour range, in the unit of the layer; 0 without a map."""
        volume = self.volume
        return float(volume.GetDisplayNode().GetWindowLevelMax()) if volume is not None else 0.0

    @property
    def shown(self) -> bool:
        """Whether the map is the foreground of a slice view."""
        volume = self.volume
        return volume is not None and _in_a_view(volume)

    def _show(
        self,
        values: sitk.Image,
        inside: np.ndarray,
        title: str,
        own_window: float,
        unstable: sitk.Image | None = None,
        *,
        window: float | None = None,
        opacity: float = OPACITY,
        colors: str | None = None,
        composite_nodes: Iterable[Any] | None = None,
    ) -> Any:
        """Show values in the layer's unit where the (k, j, i) array `inside` is true; return the node."""
        array = sitk.GetArrayFromImage(values)
        largest = float(np.abs(array[inside]).max()) if inside.any() else 0.0
        sentinel = min(SENTINEL, -4.0 * largest)
        shown = sitk.GetImageFromArray(np.where(inside, array, sentinel).astype(np.float32))
        shown.CopyInformation(values)
        volume = self.volume
        self._volume = volume = node_from_image(self._scene, shown, self.node_name, volume)
        volume.SetName(f"{self.node_name} {title}")
        volume.SetAttribute(ROLE, self.role)
        volume.SetAttribute("VirtualBiopsy.Unit", self.unit)
        display = volume.GetDisplayNode()
        modifying = display.StartModify()
        if colors is not None or not is_own_table(display.GetColorNode()):
            table = color_table_node(self._scene, colors or DEFAULT_COLORS)
            display.SetAndObserveColorNodeID(table.GetID())
        display.SetInterpolate(0)
        display.AutoThresholdOff()
        display.SetThreshold(sentinel / 2, max(-SENTINEL, 4.0 * largest))
        display.ApplyThresholdOn()
        display.EndModify(modifying)
        self.set_window(own_window if window is None else window)
        self.hatching.set(_masked(unstable, values, inside))
        self._raise(volume, opacity, composite_nodes)
        self._hide_fills()
        self._make_legend(title)
        return volume

    def show_again(self, opacity: float = OPACITY) -> None:
        """Show the map that the scene holds (after :meth:`hide`, or after loading); nothing without a map."""
        volume = self.volume
        if volume is not None:
            self._raise(volume, opacity, None)
            self._hide_fills()

    def _raise(self, volume: Any, opacity: float, composite_nodes: Iterable[Any] | None) -> None:
        if composite_nodes is None:
            composite_nodes = all_nodes(self._scene, "vtkMRMLSliceCompositeNode")
        others = [
            node
            for role in LAYER_ROLES
            if role != self.role
            for node in nodes_with_role(self._scene, "vtkMRMLScalarVolumeNode", role)
        ]
        for composite in composite_nodes:
            if composite.GetForegroundVolumeID() != volume.GetID():
                for other in others:
                    _lower(other, composite)
                view = view_name(composite)
                volume.SetNodeReferenceID(f"restoreForeground{view}", composite.GetForegroundVolumeID())
                volume.SetAttribute(
                    f"VirtualBiopsy.RestoreOpacity.{view}", repr(composite.GetForegroundOpacity())
                )
                modifying = composite.StartModify()
                composite.SetForegroundVolumeID(volume.GetID())
                composite.SetForegroundOpacity(opacity)
                composite.EndModify(modifying)
            self.hatching.raise_in(composite)
        for other in others:
            if not _in_a_view(other):
                hide_marks_of(self._scene, other.GetAttribute(ROLE))

    def _hide_fills(self) -> None:
        for display in all_nodes(self._scene, "vtkMRMLSegmentationDisplayNode"):
            if display.GetAttribute("VirtualBiopsy.RestoreFill") is None:
                display.SetAttribute("VirtualBiopsy.RestoreFill", repr(display.GetOpacity2DFill()))
                display.SetOpacity2DFill(0.0)

    def _restore_fills(self) -> None:
        for display in all_nodes(self._scene, "vtkMRMLSegmentationDisplayNode"):
            text = display.GetAttribute("VirtualBiopsy.RestoreFill")
            if text is not None:
                display.RemoveAttribute("VirtualBiopsy.RestoreFill")
                if display.GetOpacity2DFill() == 0.0:
                    display.SetOpacity2DFill(number(text, 0.5))

    def _make_legend(self, title: str) -> None:
        volume, legend = self.volume, self.legend
        if legend is None:
            legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
            if legend is None:
                self._scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
                legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
            if legend is None:
                return
            legend.SetSize(0.10, 0.40)
            legend.SetPosition(0.03, 0.55)
            legend.SetLabelFormat("%+.1f")
            legend.SetNumberOfLabels(5)
            legend.SetMaxNumberOfColors(NUMBER_OF_COLORS)
            legend.GetLabelTextProperty().SetFontSize(13)
            legend.GetTitleTextProperty().SetFontSize(14)
            legend.SetVisibility(True)
        legend.SetTitleText("\n".join(line for line in (self.heading, title, self.unit) if line))
        legend.SetLabelFormat(self._label_format())
        legend.Modified()

    def set_window(self, half_width: float) -> None:
        """Let the colours run from −`half_width` to +`half_width`, in the unit of the layer."""
        volume = self.volume
        if volume is None:
            return
        if not math.isfinite(half_width) or half_width <= 0:
            half_width = 1.0
        display = volume.GetDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(*self._limits(half_width))
        legend = self.legend
        if legend is not None:
            legend.SetLabelFormat(self._label_format())
            legend.Modified()

    def _limits(self, half_width: float) -> tuple[float, float]:
        """Values of the first and the last colour."""
        return -half_width, half_width

    def _label_format(self) -> str:
        return label_format(self.window)

    def set_opacity(self, opacity: float, composite_nodes: Iterable[Any] | None = None) -> None:
        """Set the opacity of the layer, 0…1, in the views that show it (None for all of the scene)."""
        volume = self.volume
        if volume is None:
            return
        if composite_nodes is None:
            composite_nodes = all_nodes(self._scene, "vtkMRMLSliceCompositeNode")
        for composite in composite_nodes:
            if composite.GetForegroundVolumeID() == volume.GetID():
                composite.SetForegroundOpacity(min(1.0, max(0.0, float(opacity))))

    def set_colors(self, key: str) -> None:
        """Change the colour table (key of :data:`virtualbiopsy.scene.colors.COLOR_TABLES`)."""
        if self.volume is not None:
            self.volume.GetDisplayNode().SetAndObserveColorNodeID(color_table_node(self._scene, key).GetID())

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the legend."""
        legend = self.legend
        if legend is not None:
            legend.SetVisibility(bool(visible))
            legend.Modified()

    def value_at(self, ras: Sequence[float]) -> float | None:
        """Displayed value at a point, RAS mm, in the unit of the layer; None where there is no map."""
        volume = self.volume
        if volume is None:
            return None
        image = image_from_node(volume)
        index = image.TransformPhysicalPointToIndex(ras_from_lps(ras))
        if any(not 0 <= i < n for i, n in zip(index, image.GetSize(), strict=True)):
            return None
        value = float(image.GetPixel(index))
        return value if value > volume.GetDisplayNode().GetLowerThreshold() else None

    def hide(self) -> None:
        """Put layers, opacities and fills back as they were found; the map stays in the scene."""
        volume = self.volume
        if volume is not None:
            for composite in all_nodes(self._scene, "vtkMRMLSliceCompositeNode"):
                _lower(volume, composite)
        self.hatching.lower()
        if not any_layer_shown(self._scene):
            self._restore_fills()

    def remove(self) -> None:
        """Hide the map and take it, its display, legend and storage out of the scene (colour tables stay)."""
        self.hide()
        self.hatching.remove()
        volume, legend = self.volume, self.legend
        if legend is not None:
            self._scene.RemoveNode(legend)
        if volume is not None:
            remove_with_parts(self._scene, volume)
        self._volume = None


def _lower(volume: Any, composite: Any) -> None:
    """Put back what was the foreground of a view before this map, with its hatching."""
    scene = volume.GetScene()
    if composite.GetForegroundVolumeID() != volume.GetID():
        return  # the user has chosen another foreground since
    view = view_name(composite)
    role, attribute = f"restoreForeground{view}", f"VirtualBiopsy.RestoreOpacity.{view}"
    previous = volume.GetNodeReference(role)
    opacity = number(volume.GetAttribute(attribute), 0.0)
    modifying = composite.StartModify()
    composite.SetForegroundVolumeID(previous.GetID() if previous is not None else None)
    composite.SetForegroundOpacity(opacity)
    composite.EndModify(modifying)
    volume.SetNodeReferenceID(role, None)
    volume.RemoveAttribute(attribute)
    Hatching(scene, volume.GetAttribute(ROLE)).lower([composite])


def _in_a_view(volume: Any) -> bool:
    composites = all_nodes(volume.GetScene(), "vtkMRMLSliceCompositeNode")
    return any(composite.GetForegroundVolumeID() == volume.GetID() for composite in composites)


def hide_marks_of(scene: Any, role: str) -> None:
    """Hide the models that belong to a layer."""
    for node in all_nodes(scene, "vtkMRMLModelNode"):
        if node.GetAttribute(MARKS_OF) == role and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(False)


def any_layer_shown(scene: Any) -> bool:
    """Whether a map of any kind is the foreground of a slice view."""
    return any(
        _in_a_view(node)
        for role in LAYER_ROLES
        for node in nodes_with_role(scene, "vtkMRMLScalarVolumeNode", role)
    )


def _masked(unstable: sitk.Image | None, values: sitk.Image, inside: np.ndarray) -> sitk.Image | None:
    """The unstable voxels that the map covers, on the grid of the map; None if there are none."""
    if unstable is None:
        return None
    near = sitk.Resample(
        sitk.Cast(unstable != 0, sitk.sitkUInt8), values, sitk.Transform(), sitk.sitkNearestNeighbor, 0
    )
    found = (sitk.GetArrayViewFromImage(near) != 0) & inside
    if not found.any():
        return None
    image = sitk.GetImageFromArray(found.astype(np.uint8))
    image.CopyInformation(values)
    return image


def same_grid(first: sitk.Image, second: sitk.Image, what: str) -> None:
    """Raise GeometryError unless two images lie on one grid."""
    if first.GetSize() != second.GetSize() or not np.allclose(
        first.GetOrigin(), second.GetOrigin(), atol=1e-3
    ):
        raise GeometryError(f"{what} lie on different grids.")


def label_format(half_width: float) -> str:
    """Printf format that gives signed labels about three significant digits."""
    if half_width <= 0:
        return "%+.1f"
    digits = min(6, max(0, 2 - math.floor(math.log10(half_width))))
    return f"%+.{digits}f"
