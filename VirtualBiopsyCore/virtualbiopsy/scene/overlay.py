"""The voxel ledger as a coloured layer over the images, with a legend, and everything put back afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from ..errors import GeometryError
from ..report.pictures import per_ml, window_of
from ..report.theme import diverging
from .volumes import node_from_image

ROLE = "VirtualBiopsy.Role"
SENTINEL = -1e4
UNIT = "log-odds per mL"

# The first table is that of reports and of the browser's legend: blue lowers, red raises. The second differs
# in lightness as well as in hue, dark in the middle, for any colour vision.
COLOR_TABLES: dict[str, str] = {
    "blue-red": "VirtualBiopsy blue-red",
    "blue-black-orange": "VirtualBiopsy blue-black-orange (colour-blind safe)",
}
DEFAULT_COLORS = "blue-red"
_DARK_STOPS = np.array(
    [
        [-1.0, 0.55, 0.85, 1.00],
        [-0.5, 0.05, 0.42, 0.75],
        [0.0, 0.06, 0.06, 0.08],
        [0.5, 0.80, 0.42, 0.00],
        [1.0, 1.00, 0.85, 0.45],
    ]
)
_COLORS = 255  # odd, so that zero has a colour of its own


def color_table_node(scene: Any, key: str = DEFAULT_COLORS) -> Any:
    """Return the diverging colour table of this name (key of :data:`COLOR_TABLES`), made once per scene.

    The node is visible and has the category "VirtualBiopsy": hidden ones are lost on saving in older Slicers.
    """
    title = COLOR_TABLES[key]
    for node in nodes_with_role(scene, "vtkMRMLColorTableNode", f"colors:{key}"):
        return node
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetName(title)
    node.SetTypeToUser()
    node.SetNumberOfColors(_COLORS)
    for i, (r, g, b) in enumerate(_colors(key).tolist()):
        node.SetColor(i, f"{2 * i / (_COLORS - 1) - 1:+.3f}", r, g, b, 1.0)
    node.SetAttribute("Category", "VirtualBiopsy")
    node.SetAttribute(ROLE, f"colors:{key}")
    node.SetHideFromEditors(False)
    return scene.AddNode(node)


def _colors(key: str) -> np.ndarray:
    """RGB, (255, 3), 0…1, from the most negative to the most positive value."""
    t = np.linspace(-1.0, 1.0, _COLORS)
    if key == "blue-black-orange":
        return np.stack([np.interp(t, _DARK_STOPS[:, 0], _DARK_STOPS[:, c]) for c in (1, 2, 3)], axis=1)
    colors = diverging(t)
    colors[_COLORS // 2] = (diverging(-1e-9) + diverging(1e-9)) / 2
    return colors


def nodes_with_role(scene: Any, kind: str, role: str) -> list[Any]:
    """Return the nodes of class `kind` whose attribute VirtualBiopsy.Role is `role`."""
    found = []
    for i in range(scene.GetNumberOfNodesByClass(kind)):
        node = scene.GetNthNodeByClass(i, kind)
        if node.GetAttribute(ROLE) == role:
            found.append(node)
    return found


def _all_nodes(scene: Any, kind: str) -> list[Any]:
    return [scene.GetNthNodeByClass(i, kind) for i in range(scene.GetNumberOfNodesByClass(kind))]


class ExplanationOverlay:
    """One signed map over the slice views of a scene.

    The map becomes a scalar volume in log-odds per mL (the sum over voxels times the voxel volume is the
    part of the log-odds that is localised). Outside the region it holds a sentinel that the display
    threshold hides; interpolation is off, because it would invent a saturated rim. What the layers and the
    segments' fill were before is kept in the nodes themselves, so that it can be restored even after saving
    and loading the scene.

    Parameters
    ----------
    scene : vtkMRMLScene; a map that it already holds (a loaded scene) is taken over.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        found = nodes_with_role(scene, "vtkMRMLScalarVolumeNode", "explanation")
        self._volume = found[0] if found else None

    @property
    def volume(self) -> Any:
        """The vtkMRMLScalarVolumeNode of the map; None before the first :meth:`show` or if it was deleted."""
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
        """Half width of the colour range, log-odds per mL; 0 without a map."""
        volume = self.volume
        return float(volume.GetDisplayNode().GetWindowLevelMax()) if volume is not None else 0.0

    @property
    def shown(self) -> bool:
        """Whether the map is the foreground of a slice view."""
        volume = self.volume
        return volume is not None and any(
            composite.GetForegroundVolumeID() == volume.GetID()
            for composite in _all_nodes(self._scene, "vtkMRMLSliceCompositeNode")
        )

    def show(
        self,
        image: sitk.Image,
        title: str,
        *,
        mask: sitk.Image | None = None,
        window: float | None = None,
        opacity: float = 0.75,
        colors: str | None = None,
        composite_nodes: Iterable[Any] | None = None,
    ) -> Any:
        """Show a voxel ledger and return its volume node.

        Parameters
        ----------
        image : log-odds per voxel, zero outside the region, LPS, any grid.
        title : first line of the legend; the second is the unit.
        mask : the region on the same grid; None takes the voxels that are not zero.
        window : half width of the colour range, log-odds per mL; None takes what a report of
            the same map takes (its 99th percentile).
        opacity : opacity of the layer, kept if the map is already shown.
        colors : key of :data:`COLOR_TABLES`; None keeps the present one.
        composite_nodes : slice composite nodes to show it in; None for all of the scene.

        Raises
        ------
        GeometryError : if the mask has another grid than the image.
        """
        density = per_ml(image)
        values = sitk.GetArrayFromImage(density)
        inside = values != 0
        if mask is not None:
            if mask.GetSize() != image.GetSize() or not np.allclose(
                mask.GetOrigin(), image.GetOrigin(), atol=1e-3
            ):
                raise GeometryError("The region and the explanation map lie on different grids.")
            inside = sitk.GetArrayViewFromImage(mask) != 0
        largest = float(np.abs(values[inside]).max()) if inside.any() else 0.0
        sentinel = min(SENTINEL, -4.0 * largest)
        shown = sitk.GetImageFromArray(np.where(inside, values, sentinel).astype(np.float32))
        shown.CopyInformation(image)
        volume = self.volume
        self._volume = volume = node_from_image(self._scene, shown, "Explanation", volume)
        volume.SetName(f"Explanation {title}")
        volume.SetAttribute(ROLE, "explanation")
        volume.SetAttribute("VirtualBiopsy.Unit", UNIT)
        display = volume.GetDisplayNode()
        if window is None:
            window = window_of(density)
        modifying = display.StartModify()
        if (
            colors is not None
            or display.GetColorNode() is None
            or not self._own_colors(display.GetColorNode())
        ):
            table = color_table_node(self._scene, colors or DEFAULT_COLORS)
            display.SetAndObserveColorNodeID(table.GetID())
        display.SetInterpolate(0)
        display.AutoThresholdOff()
        display.SetThreshold(sentinel / 2, max(-SENTINEL, 4.0 * largest))
        display.ApplyThresholdOn()
        display.EndModify(modifying)
        self.set_window(window)
        self._raise_layer(volume, opacity, composite_nodes)
        self._hide_fills()
        self._make_legend(title)
        return volume

    def show_again(self, opacity: float = 0.75) -> None:
        """Show the map that the scene holds (after :meth:`hide`, or after loading); nothing without a map."""
        volume = self.volume
        if volume is not None:
            self._raise_layer(volume, opacity, None)
            self._hide_fills()

    @staticmethod
    def _own_colors(node: Any) -> bool:
        return (node.GetAttribute(ROLE) or "").startswith("colors:")

    def _raise_layer(self, volume: Any, opacity: float, composite_nodes: Iterable[Any] | None) -> None:
        if composite_nodes is None:
            composite_nodes = _all_nodes(self._scene, "vtkMRMLSliceCompositeNode")
        for composite in composite_nodes:
            if composite.GetForegroundVolumeID() == volume.GetID():
                continue
            view = composite.GetLayoutName() or composite.GetID()
            volume.SetNodeReferenceID(f"restoreForeground{view}", composite.GetForegroundVolumeID())
            volume.SetAttribute(
                f"VirtualBiopsy.RestoreOpacity.{view}", repr(composite.GetForegroundOpacity())
            )
            modifying = composite.StartModify()
            composite.SetForegroundVolumeID(volume.GetID())
            composite.SetForegroundOpacity(opacity)
            composite.EndModify(modifying)

    def _hide_fills(self) -> None:
        for display in _all_nodes(self._scene, "vtkMRMLSegmentationDisplayNode"):
            if display.GetAttribute("VirtualBiopsy.RestoreFill") is None:
                display.SetAttribute("VirtualBiopsy.RestoreFill", repr(display.GetOpacity2DFill()))
                display.SetOpacity2DFill(0.0)

    def _restore_fills(self) -> None:
        for display in _all_nodes(self._scene, "vtkMRMLSegmentationDisplayNode"):
            text = display.GetAttribute("VirtualBiopsy.RestoreFill")
            if text is not None:
                display.RemoveAttribute("VirtualBiopsy.RestoreFill")
                if display.GetOpacity2DFill() == 0.0:
                    display.SetOpacity2DFill(_number(text, 0.5))

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
            legend.SetMaxNumberOfColors(_COLORS)
            legend.GetLabelTextProperty().SetFontSize(13)
            legend.GetTitleTextProperty().SetFontSize(14)
            legend.SetVisibility(True)
        legend.SetTitleText(f"{title}\n{UNIT}")
        legend.SetLabelFormat(_label_format(self.window))
        legend.Modified()

    def set_window(self, half_width: float) -> None:
        """Let the colours run from −`half_width` to +`half_width`, log-odds per mL."""
        volume = self.volume
        if volume is None:
            return
        if not math.isfinite(half_width) or half_width <= 0:
            half_width = 1.0
        display = volume.GetDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(-half_width, half_width)
        legend = self.legend
        if legend is not None:
            legend.SetLabelFormat(_label_format(half_width))
            legend.Modified()

    def set_opacity(self, opacity: float, composite_nodes: Iterable[Any] | None = None) -> None:
        """Set the opacity of the layer, 0…1, in the views that show it (None for all of the scene)."""
        volume = self.volume
        if volume is None:
            return
        if composite_nodes is None:
            composite_nodes = _all_nodes(self._scene, "vtkMRMLSliceCompositeNode")
        for composite in composite_nodes:
            if composite.GetForegroundVolumeID() == volume.GetID():
                composite.SetForegroundOpacity(min(1.0, max(0.0, float(opacity))))

    def set_colors(self, key: str) -> None:
        """Change the colour table (key of :data:`COLOR_TABLES`)."""
        if self.volume is not None:
            self.volume.GetDisplayNode().SetAndObserveColorNodeID(color_table_node(self._scene, key).GetID())

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the legend."""
        legend = self.legend
        if legend is not None:
            legend.SetVisibility(bool(visible))
            legend.Modified()

    def hide(self) -> None:
        """Put layers, opacities and fills back as they were found; the map stays in the scene."""
        volume = self.volume
        if volume is not None:
            for composite in _all_nodes(self._scene, "vtkMRMLSliceCompositeNode"):
                if composite.GetForegroundVolumeID() != volume.GetID():
                    continue  # the user has chosen another foreground since
                view = composite.GetLayoutName() or composite.GetID()
                role = f"restoreForeground{view}"
                attribute = f"VirtualBiopsy.RestoreOpacity.{view}"
                previous = volume.GetNodeReference(role)
                opacity = _number(volume.GetAttribute(attribute), 0.0)
                modifying = composite.StartModify()
                composite.SetForegroundVolumeID(previous.GetID() if previous is not None else None)
                composite.SetForegroundOpacity(opacity)
                composite.EndModify(modifying)
                volume.SetNodeReferenceID(role, None)
                volume.RemoveAttribute(attribute)
        self._restore_fills()

    def remove(self) -> None:
        """Hide the map and take it, its display, legend and storage out of the scene (colour tables stay)."""
        self.hide()
        volume, legend = self.volume, self.legend
        if legend is not None:
            self._scene.RemoveNode(legend)
        if volume is not None:
            for node in (volume.GetDisplayNode(), volume.GetStorageNode()):
                if node is not None:
                    self._scene.RemoveNode(node)
            self._scene.RemoveNode(volume)
        self._volume = None


def _number(text: str | None, default: float) -> float:
    try:
        return float(text) if text is not None else default
    except ValueError:
        return default


def _label_format(half_width: float) -> str:
    """Printf format that gives signed labels about three significant digits."""
    if half_width <= 0:
        return "%+.1f"
    digits = min(6, max(0, 2 - math.floor(math.log10(half_width))))
    return f"%+.{digits}f"
