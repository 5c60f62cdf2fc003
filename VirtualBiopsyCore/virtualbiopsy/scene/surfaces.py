"""Closed surfaces of parts of an image, as model nodes in RAS."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk

from ..report.pictures import per_ml
from .colors import DEFAULT_COLORS, signed_colors
from .nodes import ROLE, nodes_with_role, remove_with_parts
from .volumes import ijk_to_ras, image_data_from_array, matrix_to_vtk

_SMOOTHING_PASSES = 12


def closed_surface(inside: np.ndarray, grid: sitk.Image, smooth: bool = True) -> vtk.vtkPolyData:
    """Surface around the true voxels of a (k, j, i) array on `grid`, RAS mm; empty if there are none.

    It runs half way between voxels in and out; `smooth` takes the steps off and keeps the volume.
    """
    if not np.any(inside):
        return vtk.vtkPolyData()
    padded = np.pad(np.asarray(inside, dtype=np.uint8), 1)
    marching = vtk.vtkDiscreteFlyingEdges3D()
    marching.SetInputData(image_data_from_array(padded))
    marching.SetValue(0, 1)
    marching.ComputeNormalsOff()
    marching.ComputeGradientsOff()
    marching.ComputeScalarsOff()
    source = marching
    if smooth:
        source = vtk.vtkWindowedSincPolyDataFilter()
        source.SetInputConnection(marching.GetOutputPort())
        source.SetNumberOfIterations(_SMOOTHING_PASSES)
        source.BoundarySmoothingOff()
        source.FeatureEdgeSmoothingOff()
        source.SetPassBand(0.1)
        source.NonManifoldSmoothingOn()
        source.NormalizeCoordinatesOn()
    shift = np.eye(4)
    shift[:3, 3] = -1.0
    matrix = ijk_to_ras(grid) @ shift
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix_to_vtk(matrix))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputConnection(source.GetOutputPort())
    moved.SetTransform(transform)
    if np.linalg.det(matrix[:3, :3]) < 0:
        turned = vtk.vtkReverseSense()
        turned.SetInputConnection(moved.GetOutputPort())
        moved = turned
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(moved.GetOutputPort())
    normals.SplittingOff()
    normals.ConsistencyOff()
    normals.Update()
    return normals.GetOutput()


def surface_node(scene: Any, role: str, name: str, surface: vtk.vtkPolyData, color: Any) -> Any:
    """Make or refresh the model node of this role; an empty surface removes it and gives None."""
    found = nodes_with_role(scene, "vtkMRMLModelNode", role)
    if surface.GetNumberOfCells() == 0:
        for node in found:
            remove_with_parts(scene, node)
        return None
    node = found[0] if found else scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    node.SetName(name)
    node.SetAttribute(ROLE, role)
    node.SetSelectable(False)
    node.SetAndObservePolyData(surface)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*(float(c) for c in color))
    return node


class Surfaces:
    """Model nodes that are shown and hidden together.

    Parameters
    ----------
    roles : values of the attribute VirtualBiopsy.Role of the nodes.
    """

    roles: tuple[str, ...] = ()

    def __init__(self, scene: Any) -> None:
        self._scene = scene

    @property
    def nodes(self) -> dict[str, Any]:
        """The vtkMRMLModelNode by role, as far as there are such parts."""
        found = {role: nodes_with_role(self._scene, "vtkMRMLModelNode", role) for role in self.roles}
        return {role: nodes[0] for role, nodes in found.items() if nodes}

    @property
    def shown(self) -> bool:
        return any(node.GetDisplayNode().GetVisibility() for node in self.nodes.values())

    def hide(self) -> None:
        """Hide the surfaces; they stay in the scene."""
        self._set_visible(False)

    def show_again(self) -> None:
        self._set_visible(True)

    def _set_visible(self, visible: bool) -> None:
        for node in self.nodes.values():
            node.GetDisplayNode().SetVisibility(visible)

    def remove(self) -> None:
        """Take the surfaces out of the scene."""
        for node in self.nodes.values():
            remove_with_parts(self._scene, node)


class StrongestRegions(Surfaces):
    """3D surfaces of what raises and what lowers the estimate most."""

    roles = ("strongest:raises", "strongest:lowers")

    def show(
        self,
        image: sitk.Image,
        *,
        mask: sitk.Image | None = None,
        share: float = 0.1,
        colors: str = DEFAULT_COLORS,
    ) -> dict[str, Any]:
        """Draw the strongest voxels of a map in the 3D views and return the model nodes by role.

        Parameters
        ----------
        image : log-odds per voxel. mask : the region on its grid; None takes the voxels that are not zero.
        share : part of the region's voxels that count as strongest, by |value|, of both signs together.
        colors : colour table whose end colours are used.
        """
        values = sitk.GetArrayFromImage(per_ml(image))
        inside = values != 0 if mask is None else sitk.GetArrayViewFromImage(mask) != 0
        limit = np.quantile(np.abs(values[inside]), 1.0 - share) if inside.any() else np.inf
        table = signed_colors(colors)
        parts = {
            "strongest:raises": ("Raises the estimate most", values > 0, table[-1]),
            "strongest:lowers": ("Lowers the estimate most", values < 0, table[0]),
        }
        for role, (name, sign, color) in parts.items():
            strong = inside & sign & (np.abs(values) >= limit)
            node = surface_node(self._scene, role, name, closed_surface(strong, image), color)
            if node is not None:
                display = node.GetDisplayNode()
                display.SetVisibility2D(False)
                display.SetOpacity(0.9)
                display.SetVisibility(True)
        return self.nodes
