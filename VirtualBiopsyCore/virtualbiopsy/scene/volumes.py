"""Volume nodes and SimpleITK images, joined through physical space and never through bare arrays.

MRML is RAS and SimpleITK is LPS; arrays are (k, j, i) on both sides. A left-handed grid stays left-handed:
what counts is where each voxel lies, whatever the order in which a reader stored the slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import get_vtk_array_type, numpy_to_vtk, vtk_to_numpy

from ..errors import DimensionError, GeometryError

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ras_from_lps(point: Any) -> tuple[float, float, float]:
    """Convert a point between LPS and RAS, mm (the same operation both ways)."""
    x, y, z = (float(value) for value in point)
    return -x, -y, z


def matrix_from_vtk(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """Return a float64 (4, 4) copy."""
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def matrix_to_vtk(matrix: np.ndarray) -> vtk.vtkMatrix4x4:
    """Return a vtkMatrix4x4 with the elements of a (4, 4) array."""
    out = vtk.vtkMatrix4x4()
    for r in range(4):
        for c in range(4):
            out.SetElement(r, c, float(matrix[r, c]))
    return out


def ijk_to_ras(image: sitk.Image) -> np.ndarray:
    """Return the (4, 4) matrix from voxel indices (i, j, k, 1) to RAS mm of a 3D image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return _LPS @ matrix


def set_geometry(image: sitk.Image, matrix: np.ndarray, name: str = "") -> None:
    """Give `image` the geometry of a voxel-to-RAS matrix (4, 4).

    Raises
    ------
    GeometryError : if the axes are not orthogonal (shear), which no image format of ours can carry.
    """
    lps = _LPS @ matrix
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    if not np.all(np.isfinite(lps)) or np.any(spacing <= 0):
        raise GeometryError(
            f"The geometry of {name or 'the image'} is singular.", "Check its spacing and transform."
        )
    direction = lps[:3, :3] / spacing
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-4):
        raise GeometryError(
            f"The axes of {name or 'the image'} are not at right angles (shear or gantry tilt).",
            "Resample it onto a regular grid first (Transforms module, harden).",
        )
    image.SetSpacing([float(value) for value in spacing])
    image.SetDirection([float(value) for value in direction.ravel()])
    image.SetOrigin([float(value) for value in lps[:3, 3]])


def parent_matrix(node: Any) -> np.ndarray:
    """Return the (4, 4) matrix from the node's own RAS to world RAS (identity without a parent transform).

    Raises
    ------
    GeometryError : if the parent transform is not linear.
    """
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    matrix = vtk.vtkMatrix4x4()
    if not transform.IsTransformToWorldLinear() or not transform.GetMatrixTransformToWorld(matrix):
        raise GeometryError(
            f"{node.GetName()} is under the non-linear transform {transform.GetName()}.",
            "Harden the transform on it (Transforms or Data module), then try again.",
        )
    return matrix_from_vtk(matrix)


def world_matrix(volume: Any) -> np.ndarray:
    """Return the (4, 4) matrix from voxel indices of a volume node to world RAS, parent transforms
    included."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return parent_matrix(volume) @ matrix_from_vtk(matrix)


def array_from_image_data(data: vtk.vtkImageData) -> np.ndarray:
    """Return the scalars of a one-component vtkImageData as a (k, j, i) view."""
    scalars = vtk_to_numpy(data.GetPointData().GetScalars())
    return scalars.reshape(tuple(reversed(data.GetDimensions())))


def image_data_from_array(array: np.ndarray, data: vtk.vtkImageData | None = None) -> vtk.vtkImageData:
    """Return vtkImageData (origin 0, spacing 1, extent from 0) holding a copy of a (k, j, i) array."""
    data = vtk.vtkImageData() if data is None else data
    data.SetDimensions(*reversed(array.shape))
    kind = get_vtk_array_type(array.dtype)
    data.GetPointData().SetScalars(
        numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True, array_type=kind)
    )
    return data


def image_from_node(node: Any) -> sitk.Image:
    """Return a copy of a scalar volume node as a 3D image in world space, LPS.

    A linear parent transform is composed into the geometry; the node and its transform are left as they are.

    Raises
    ------
    DimensionError : if the node holds no voxels or more than one component.
    GeometryError : if the parent transform is not linear, or shears.
    """
    data = node.GetImageData() if node is not None else None
    if data is None or data.GetPointData().GetScalars() is None or data.GetNumberOfPoints() == 0:
        name = node.GetName() if node is not None else "(none)"
        raise DimensionError(f"The volume {name} holds no voxels.", "Choose a volume that is loaded.")
    if data.GetNumberOfScalarComponents() != 1:
        raise DimensionError(
            f"The volume {node.GetName()} has {data.GetNumberOfScalarComponents()} components per voxel.",
            "Choose a scalar volume; split a series into its time points first.",
        )
    matrix = world_matrix(node)
    image = sitk.GetImageFromArray(array_from_image_data(data))
    set_geometry(image, matrix, node.GetName())
    return image


def node_from_image(scene: Any, image: sitk.Image, name: str, node: Any = None) -> Any:
    """Put a copy of a 3D image into a scalar volume node and return the node.

    Parameters
    ----------
    scene : scene that gets a new node if `node` is None.
    image : 3D scalar image, LPS; 64-bit integers become int32 if they fit, else float64.
    name : name of a new node; an existing node keeps its name.
    node : vtkMRMLScalarVolumeNode to fill; its parent transform is taken off, because the image is in world
        space.

    Raises
    ------
    DimensionError : if the image is not 3D with one component.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise DimensionError(
            f"The image {name} is not a 3D scalar image.", "Choose one volume of the series."
        )
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype in (np.int64, np.uint64):
        limits = np.iinfo(np.int32)
        fits = array.size == 0 or (array.min() >= limits.min and array.max() <= limits.max)
        array = array.astype(np.int32 if fits else np.float64)
    elif array.dtype == bool:
        array = array.astype(np.uint8)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    modifying = node.StartModify()
    try:
        node.SetAndObserveTransformNodeID(None)
        node.SetAndObserveImageData(image_data_from_array(array))
        node.SetIJKToRASMatrix(matrix_to_vtk(ijk_to_ras(image)))
    finally:
        node.EndModify(modifying)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return node


def new_oriented_image(array: np.ndarray, matrix: np.ndarray) -> Any:
    """Return a vtkOrientedImageData with a copy of a (k, j, i) array and this voxel-to-RAS matrix (4, 4)."""
    data = slicer.vtkOrientedImageData()
    image_data_from_array(array, data)
    data.SetGeometryFromImageToWorldMatrix(matrix_to_vtk(matrix))
    return data
