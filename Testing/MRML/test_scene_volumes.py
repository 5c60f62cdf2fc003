"""Volume nodes and images: exact in voxels and in physical space, whatever the grid."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
import vtk
from virtualbiopsy.errors import DimensionError, GeometryError
from virtualbiopsy.scene.volumes import array_from_image_data, image_from_node, node_from_image

pytestmark = pytest.mark.mrml


def rotation(a, b, c):
    cx, sx, cy, sy, cz, sz = math.cos(a), math.sin(a), math.cos(b), math.sin(b), math.cos(c), math.sin(c)
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return z @ y @ x


GEOMETRIES = {
    "identity": ((1, 1, 1), np.eye(3), (0, 0, 0)),
    "anisotropic": ((0.43, 0.62, 5.5), np.eye(3), (-101.5, 33.25, 17.125)),
    "oblique": ((0.9, 1.1, 3.0), rotation(0.21, -0.4, 1.3), (12.3, -45.6, 78.9)),
    "left-handed": ((0.5, 0.5, 2.0), np.diag([1.0, 1.0, -1.0]), (5, 6, 7)),
    "oblique left-handed": ((0.7, 0.8, 2.5), rotation(-0.3, 0.2, 0.5) @ np.diag([1, -1, 1]), (-3, 4, -5)),
}


def make_image(geometry, dtype=np.float32, shape=(5, 7, 9), seed=1):
    spacing, direction, origin = GEOMETRIES[geometry]
    values = np.random.default_rng(seed).normal(scale=100, size=shape)
    image = sitk.GetImageFromArray(values.astype(dtype))
    image.SetSpacing([float(x) for x in spacing])
    image.SetDirection([float(x) for x in np.ravel(direction)])
    image.SetOrigin([float(x) for x in origin])
    return image


def assert_same_geometry(a, b):
    assert a.GetSize() == b.GetSize()
    for index in ((0, 0, 0), tuple(n - 1 for n in a.GetSize()), (a.GetSize()[0] - 1, 0, 1)):
        at = np.subtract(a.TransformIndexToPhysicalPoint(index), b.TransformIndexToPhysicalPoint(index))
        assert np.abs(at).max() < 1e-9


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
def test_round_trip_is_exact(stage, geometry, dtype):
    image = make_image(geometry, dtype)
    back = image_from_node(node_from_image(stage.scene, image, "volume"))
    assert back.GetPixelID() == image.GetPixelID()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    assert_same_geometry(back, image)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_voxels_lie_where_mrml_says(stage, geometry):
    """The RAS place that MRML gives a voxel is the LPS place that SimpleITK gives it, with two signs
    changed."""
    image = make_image(geometry)
    node = node_from_image(stage.scene, image, "volume")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    for index in ((0, 0, 0), (8, 0, 0), (3, 6, 4)):
        ras = np.array(matrix.MultiplyPoint((*index, 1)))[:3]
        lps = np.array(image.TransformIndexToPhysicalPoint(index))
        np.testing.assert_allclose(ras, lps * [-1, -1, 1], atol=1e-9)
        assert node.GetImageData().GetScalarComponentAsDouble(*index, 0) == pytest.approx(
            image.GetPixel(index), abs=0
        )


def test_file_read_by_slicer_equals_file_read_by_simpleitk_in_physical_space(stage, tmp_path):
    """Slicer's reader flips the slices of a left-handed file: arrays differ, places do not."""
    image = make_image("left-handed")
    path = tmp_path / "left.nrrd"
    sitk.WriteImage(image, str(path))
    node = stage.logics["Volumes"].AddArchetypeVolume(str(path), "left", 0)
    read = image_from_node(node)
    for index in ((0, 0, 0), (8, 6, 4), (2, 3, 1)):
        there = read.TransformPhysicalPointToIndex(image.TransformIndexToPhysicalPoint(index))
        assert read.GetPixel(there) == image.GetPixel(index)


def test_sixty_four_bit_integers(stage):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int64).reshape(2, 3, 4))
    back = image_from_node(node_from_image(stage.scene, image, "labels"))
    assert back.GetPixelID() == sitk.sitkInt32
    huge = sitk.GetImageFromArray(np.full((2, 2, 2), 2**40, dtype=np.int64))
    assert image_from_node(node_from_image(stage.scene, huge, "huge")).GetPixel((0, 0, 0)) == float(2**40)


def test_the_node_does_not_share_memory_with_the_image(stage):
    image = make_image("identity")
    node = node_from_image(stage.scene, image, "volume")
    before = image.GetPixel((1, 1, 1))
    array_from_image_data(node.GetImageData())[...] = 0
    assert image.GetPixel((1, 1, 1)) == before
    read = image_from_node(node)
    array_from_image_data(node.GetImageData())[...] = 9
    assert read.GetPixel((1, 1, 1)) == 0


def parent(stage, node, matrix):
    transform = stage.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    m = vtk.vtkMatrix4x4()
    for r in range(4):
        for c in range(4):
            m.SetElement(r, c, matrix[r, c])
    transform.SetMatrixTransformToParent(m)
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def test_linear_parent_transform_counts_and_stays(stage):
    image = make_image("oblique")
    node = node_from_image(stage.scene, image, "volume")
    moved = np.eye(4)
    moved[:3, :3] = rotation(0.1, 0.2, 0.3)
    moved[:3, 3] = (10, -20, 30)
    parent(stage, node, moved)
    read = image_from_node(node)
    for index in ((0, 0, 0), (8, 6, 4)):
        ras = np.append(np.array(image.TransformIndexToPhysicalPoint(index)) * [-1, -1, 1], 1.0)
        lps = (moved @ ras)[:3] * [-1, -1, 1]
        np.testing.assert_allclose(read.TransformIndexToPhysicalPoint(index), lps, atol=1e-9)
    assert node.GetParentTransformNode() is not None
    node.HardenTransform()
    assert_same_geometry(read, image_from_node(node))


def test_scaling_transform_changes_the_spacing(stage):
    node = node_from_image(stage.scene, make_image("anisotropic"), "volume")
    parent(stage, node, np.diag([2.0, 3.0, 0.5, 1.0]))
    np.testing.assert_allclose(image_from_node(node).GetSpacing(), (0.86, 1.86, 2.75), atol=1e-12)


def test_shearing_and_non_linear_transforms_are_refused(stage):
    node = node_from_image(stage.scene, make_image("identity"), "volume")
    shear = np.eye(4)
    shear[0, 1] = 0.2
    transform = parent(stage, node, shear)
    with pytest.raises(GeometryError, match="right angles"):
        image_from_node(node)
    stage.scene.RemoveNode(transform)
    grid = stage.scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "warp")
    warp = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for p in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)):
        source.InsertNextPoint(p)
        target.InsertNextPoint(p[0], p[1] + 0.2 * p[0] * p[1], p[2])
    warp.SetSourceLandmarks(source)
    warp.SetTargetLandmarks(target)
    grid.SetAndObserveTransformToParent(warp)
    node.SetAndObserveTransformNodeID(grid.GetID())
    with pytest.raises(GeometryError, match="non-linear"):
        image_from_node(node)


def test_unusable_nodes_are_named(stage):
    empty = stage.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing in it")
    with pytest.raises(DimensionError, match="nothing in it"):
        image_from_node(empty)
    with pytest.raises(DimensionError):
        image_from_node(None)
    vector = stage.scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    data = vtk.vtkImageData()
    data.SetDimensions(3, 3, 3)
    data.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    vector.SetAndObserveImageData(data)
    with pytest.raises(DimensionError, match="3 components"):
        image_from_node(vector)
    with pytest.raises(DimensionError):
        node_from_image(stage.scene, sitk.Image(4, 4, sitk.sitkFloat32), "flat")


def test_filling_an_existing_node_takes_its_transform_off(stage):
    node = node_from_image(stage.scene, make_image("identity"), "volume")
    parent(stage, node, np.diag([2.0, 2.0, 2.0, 1.0]))
    image = make_image("oblique", seed=2)
    assert node_from_image(stage.scene, image, "other name", node) is node
    assert node.GetName() == "volume" and node.GetParentTransformNode() is None
    assert_same_geometry(image_from_node(node), image)
