"""The MRML scene and its four views in the page: volumes, layers, window, slice positions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from trame_slicer.core import LayoutManager, SlicerApp
from trame_slicer.rca_view import register_rca_factories
from trame_slicer.views import Layout, LayoutDirection, ViewLayoutDefinition
from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow

from ..case.model import Case
from ..scene.nodes import remove_with_parts
from ..scene.volumes import node_from_image
from .geometry import nearest_axis
from .panels.views import slice_view_ui, threed_view_ui
from .pictures import Pictures

FIT_SECONDS = 6.0
PICTURE_QUALITY = 90
"""Of JPEG; that of still pictures, so that none is drawn twice."""


def _layouts() -> dict[str, Layout]:
    axial = ViewLayoutDefinition.axial_view()
    coronal = ViewLayoutDefinition.coronal_view()
    sagittal = ViewLayoutDefinition.sagittal_view()
    solid = ViewLayoutDefinition.threed_view(background_color=("#0b0d10", "#23272e"))
    across, down = LayoutDirection.Horizontal, LayoutDirection.Vertical
    return {
        "main": Layout(across, [axial, Layout(down, [solid, coronal, sagittal])], ["1.75", "1"]),
        "sagittal": Layout(across, [sagittal, Layout(down, [solid, coronal, axial])], ["1.75", "1"]),
        "quad": Layout(across, [Layout(down, [axial, sagittal]), Layout(down, [solid, coronal])]),
        "slices": Layout(across, [axial, Layout(down, [coronal, sagittal])], ["1.5", "1"]),
        "axial": Layout(down, [axial]),
        "solid": Layout(down, [solid]),
    }


class Viewer:
    """Owner of the scene. Everything here runs in the main thread."""

    def __init__(self, server: Any) -> None:
        vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
        self.app = SlicerApp()
        vtkOutputWindow.GetInstance().SetDisplayModeToNever()  # errors still reach stderr, through the logger
        self.scene = self.app.scene
        self.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
        manager = self.app.view_manager
        register_rca_factories(
            manager,
            server,
            slice_view_ui_f=slice_view_ui,
            three_d_view_ui_f=threed_view_ui,
            rca_encoder="jpeg",
            interactive_quality=PICTURE_QUALITY,
        )
        self.layouts = LayoutManager(self.scene, manager, server)
        self.layouts.register_layout_dict(_layouts())
        self.layouts.set_layout("main")
        for view in manager.get_views():
            view.render_window().SetMultiSamples(0)
        for view in self.solid_views:
            view.set_orientation_marker(slicer.vtkMRMLAbstractViewNode.OrientationMarkerTypeCube)
        for view in self.slice_views:
            view.set_ruler(slicer.vtkMRMLAbstractViewNode.RulerTypeThin)
        self.pictures = Pictures(lambda: [*self.slice_views, *self.solid_views])
        self.volumes: dict[str, Any] = {}
        self._projections: list[Any] = []
        self.shown = ""
        self._fitted = False

    @property
    def slice_views(self) -> list[Any]:
        return self.app.view_manager.get_slice_views()

    @property
    def solid_views(self) -> list[Any]:
        return self.app.view_manager.get_threed_views()

    @property
    def composite_nodes(self) -> list[Any]:
        """Slice composite nodes of the slice views, which say what lies in background and foreground."""
        logics = self.app.app_logic.GetSliceLogics()
        return [logics.GetItemAsObject(n).GetSliceCompositeNode() for n in range(logics.GetNumberOfItems())]

    def large_ids(self, layout: str) -> list[str]:
        """Identifier of the large slice view of a layout, the only one with room for a legend."""
        wanted = "Sagittal" if layout == "sagittal" else "Axial"
        return [v.get_view_node_id() for v in self.slice_views if v.get_orientation() == wanted]

    def load_case(self, case: Case) -> None:
        """Put every sequence of the case into a volume node, instead of those of the case before."""
        nodes = {s.name: node_from_image(self.scene, s.image, s.name) for s in case.sequences}
        self.show("")
        for name in list(self.volumes):
            self.forget(name)
        self.volumes = nodes

    def put(self, name: str, image: sitk.Image) -> None:
        """Put an image into the volume of this name, which is made if there is none."""
        self.volumes[name] = node_from_image(self.scene, image, name, self.volumes.get(name))

    def rename(self, name: str, new: str) -> None:
        """Give a volume another name; what refers to it stays."""
        node = self.volumes.pop(name, None)
        if node is not None:
            node.SetName(new)
            self.volumes[new] = node
            self.shown = new if self.shown == name else self.shown

    def forget(self, name: str) -> None:
        """Take a volume out of the scene."""
        node = self.volumes.pop(name, None)
        if node is not None:
            if self.shown == name:
                self.show("")
            remove_with_parts(self.scene, node)

    def suited_layout(self, layout: str, reference: sitk.Image | None) -> str:
        """The layout with the plane of acquisition large, if one plane is large in the present one."""
        if reference is None or layout not in ("main", "sagittal"):
            return layout
        return "sagittal" if nearest_axis(reference, (1.0, 0.0, 0.0)) == 2 else "main"

    def show(self, name: str) -> None:
        """Show a sequence in the slice views; "" shows none."""
        node = self.volumes.get(name)
        self.shown = name if node is not None else ""
        self.app.display_manager.show_volume_in_slice_background(node)

    def show_series(self, name: str, projected: Sequence[sitk.Image]) -> None:
        """Show a volume, or instead of it, in each view the projection along the axis that it looks along.

        Parameters
        ----------
        projected : one image of one slice for each axis (i, j, k) of the volume; () for the volume itself.
        """
        self.show(name)
        if not projected:
            return
        if not all(self.scene.IsNodePresent(node) for node in self._projections) or not self._projections:
            self._projections = [
                node_from_image(self.scene, image, f"{name}, projection") for image in projected
            ]
        for image, node in zip(projected, self._projections, strict=True):
            node_from_image(self.scene, image, node.GetName(), node)
        for view in self.slice_views:
            axis = nearest_axis(projected[0], self.normal(view))
            view.set_background_volume_id(self._projections[axis].GetID())

    @staticmethod
    def normal(view: Any) -> tuple[float, float, float]:
        """Direction of sight of a slice view, LPS."""
        matrix = view.get_view_node().GetSliceToRAS()
        return -matrix.GetElement(0, 2), -matrix.GetElement(1, 2), matrix.GetElement(2, 2)

    def shown_node(self) -> Any:
        return self.volumes.get(self.shown)

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value of the shown volume."""
        node = self.shown_node()
        return tuple(node.GetImageData().GetScalarRange()) if node is not None else (0.0, 1.0)

    def window(self) -> tuple[float, float]:
        """Grey values shown as black and white."""
        return self.window_of(self.shown)

    def window_of(self, name: str) -> tuple[float, float]:
        """Grey values of a volume that are shown as black and white."""
        node = self.volumes.get(name)
        if node is None:
            return 0.0, 1.0
        display = node.GetDisplayNode()
        return display.GetWindowLevelMin(), display.GetWindowLevelMax()

    def set_window(self, low: float, high: float) -> None:
        shown = self.shown_node()
        if shown is not None and high > low:
            for node in (shown, *self._projections):
                display = node.GetDisplayNode()
                display.AutoWindowLevelOff()
                display.SetWindowLevelMinMax(low, high)

    def auto_window(self) -> None:
        node = self.shown_node()
        if node is not None:
            node.GetDisplayNode().AutoWindowLevelOn()
            node.GetDisplayNode().Modified()

    def centre_on(self, mask: sitk.Image) -> bool:
        """Move the slices to the largest axial slice of a mask and its middle; False if it is empty."""
        inside = sitk.GetArrayViewFromImage(mask) > 0
        if not inside.any():
            return False
        k = int(np.argmax(inside.sum(axis=(1, 2))))
        rows, columns = np.nonzero(inside[k])
        index = (float(columns.mean()), float(rows.mean()), float(k))
        x, y, z = mask.TransformContinuousIndexToPhysicalPoint(index)
        self.jump((-x, -y, z))
        return True

    def jump(self, ras: tuple[float, float, float]) -> None:
        for view in self.slice_views:
            view.get_view_node().JumpSliceByOffsetting(*ras)

    def offsets(self) -> dict[str, float]:
        """Slice positions by view, mm."""
        return {view.get_singleton_tag(): view.get_slice_value() for view in self.slice_views}

    def set_offsets(self, offsets: dict[str, float]) -> None:
        for view in self.slice_views:
            if view.get_singleton_tag() in offsets:
                view.set_slice_value(float(offsets[view.get_singleton_tag()]))

    def fit(self) -> None:
        """Fit all views to what they show."""
        self.app.display_manager.reset_views()
        self.render()

    def fit_solid(self) -> None:
        for view in self.solid_views:
            view.reset_view()

    def render(self) -> None:
        for view in self.app.view_manager.get_views():
            view.schedule_render()

    async def fit_once(self) -> None:
        """Fit the views when the first page has given them their size (sizes come from the page)."""
        if self._fitted:
            self.render()
            return
        self._fitted = True
        sizes: list[tuple[int, int]] = []
        for _ in range(int(FIT_SECONDS / 0.2)):
            await asyncio.sleep(0.2)
            found = [tuple(view.render_window().GetSize()) for view in self.slice_views]
            if found == sizes and all(width > 60 and size != (300, 300) for size in found for width in size):
                break
            sizes = found
        offsets = self.offsets()
        self.fit()
        self.set_offsets(offsets)
