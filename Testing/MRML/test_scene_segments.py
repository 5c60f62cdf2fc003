"""Segments as masks, and the watcher that fires only when voxels changed."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from test_scene_volumes import GEOMETRIES, assert_same_geometry, make_image, parent, rotation
from virtualbiopsy.errors import RegionError
from virtualbiopsy.scene.segments import RegionWatcher, mask_from_segment, segment_digest, write_segment
from virtualbiopsy.scene.volumes import image_from_node, node_from_image

pytestmark = pytest.mark.mrml


def ball(image, centre, radius):
    """Return a ball in physical space (LPS mm) on the grid of `image`."""
    k, j, i = np.indices(sitk.GetArrayViewFromImage(image).shape)
    matrix = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    place = np.stack([i, j, k], axis=-1) @ matrix.T + np.array(image.GetOrigin())
    mask = sitk.GetImageFromArray((np.linalg.norm(place - centre, axis=-1) <= radius).astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def middle(image):
    return image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])


@pytest.fixture
def drawn(stage):
    image = make_image("oblique", shape=(9, 20, 22))
    volume = node_from_image(stage.scene, image, "volume")
    node = stage.segmentation(volume)
    mask = ball(image, middle(image), 6.0)
    segment_id = write_segment(node, "", mask, volume, "Tumour")
    return stage, volume, node, segment_id, mask


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_round_trip_on_the_same_grid_is_exact(stage, geometry):
    image = make_image(geometry, shape=(6, 12, 14))
    volume = node_from_image(stage.scene, image, "volume")
    node = stage.segmentation(volume)
    mask = sitk.Cast(image > 20, sitk.sitkUInt8)
    segment_id = write_segment(node, "", mask, volume, "Tumour")
    assert node.GetSegmentation().GetSegment(segment_id).GetName() == "Tumour"
    back = mask_from_segment(node, segment_id, volume)
    assert back.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(mask))
    assert_same_geometry(back, image)


def test_other_grids_equal_simpleitk_resampling(drawn):
    stage, _, node, segment_id, mask = drawn
    for geometry in GEOMETRIES:
        other = make_image(geometry, shape=(17, 30, 31), seed=3)
        shift = np.subtract(middle(mask), middle(other)) + (0.137, 0.071, -0.093)  # no voxel centre half way
        other.SetOrigin([float(x) for x in np.add(other.GetOrigin(), shift)])
        volume = node_from_image(stage.scene, other, geometry)
        got = mask_from_segment(node, segment_id, volume)
        want = sitk.Resample(mask, other, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        assert sitk.GetArrayViewFromImage(want).sum() > 20
        differing = sitk.GetArrayViewFromImage(got) != sitk.GetArrayViewFromImage(want)
        assert not differing.any()


def test_what_lies_outside_the_reference_is_cut_off(drawn):
    stage, _, node, segment_id, mask = drawn
    cut = mask[8:, 3:, :4]
    volume = node_from_image(stage.scene, cut, "part")
    got = mask_from_segment(node, segment_id, volume)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(got), sitk.GetArrayViewFromImage(cut))


def test_parent_transforms_of_both_nodes_count(drawn):
    """Moving image and segmentation together changes nothing; moving the segmentation alone moves the
    mask."""
    stage, volume, node, segment_id, mask = drawn
    moved = np.eye(4)
    moved[:3, :3] = rotation(0.2, 0.1, -0.4)
    centre = np.array(middle(mask)) * [-1, -1, 1]
    moved[:3, 3] = centre - moved[:3, :3] @ centre + (1.1, -0.7, 2.3)
    transform = parent(stage, volume, moved)
    node.SetAndObserveTransformNodeID(transform.GetID())
    together = mask_from_segment(node, segment_id, volume)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(together), sitk.GetArrayViewFromImage(mask))
    assert_same_geometry(together, image_from_node(volume))

    volume.SetAndObserveTransformNodeID(None)
    alone = mask_from_segment(node, segment_id, volume)
    rigid = sitk.AffineTransform(3)
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    inverse = np.linalg.inv(to_lps @ moved @ to_lps)
    rigid.SetMatrix([float(x) for x in inverse[:3, :3].ravel()])
    rigid.SetTranslation([float(x) for x in inverse[:3, 3]])
    want = sitk.Resample(mask, mask, rigid, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    differing = np.count_nonzero(sitk.GetArrayViewFromImage(alone) != sitk.GetArrayViewFromImage(want))
    assert sitk.GetArrayViewFromImage(want).sum() > 20
    assert differing == 0


def test_writing_into_a_moved_segmentation_lands_where_the_mask_was(drawn):
    stage, volume, node, segment_id, _ = drawn
    moved = np.eye(4)
    moved[:3, 3] = (1.8, -2.2, 3.0)
    parent(stage, node, moved)
    wanted = ball(image_from_node(volume), middle(image_from_node(volume)), 4.0)
    write_segment(node, segment_id, wanted, volume)
    got = mask_from_segment(node, segment_id, volume)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(got), sitk.GetArrayViewFromImage(wanted))


def test_overlapping_segments_do_not_mix(drawn):
    _, volume, node, first, mask = drawn
    image = image_from_node(volume)
    second_mask = ball(image, middle(image), 3.0)
    second = write_segment(node, "", second_mask, volume, "Core")
    for segment_id, want in ((first, mask), (second, second_mask)):
        got = mask_from_segment(node, segment_id, volume)
        np.testing.assert_array_equal(sitk.GetArrayViewFromImage(got), sitk.GetArrayViewFromImage(want))


def test_empty_and_missing_segments(drawn):
    _, volume, node, _, _ = drawn
    empty = node.GetSegmentation().AddEmptySegment("empty", "Empty")
    assert sitk.GetArrayFromImage(mask_from_segment(node, empty, volume)).sum() == 0
    assert segment_digest(node, empty) == ""
    with pytest.raises(RegionError):
        mask_from_segment(node, "gone", volume)
    with pytest.raises(RegionError):
        mask_from_segment(None, "gone", volume)
    with pytest.raises(RegionError):
        write_segment(node, "gone", image_from_node(volume) > 0, volume)


def test_reading_changes_nothing(drawn):
    _, volume, node, segment_id, _ = drawn
    before = segment_digest(node, segment_id)
    events = []
    tag = node.AddObserver(slicer.vtkSegmentation.SourceRepresentationModified, lambda *a: events.append(1))
    mask_from_segment(node, segment_id, volume)
    node.RemoveObserver(tag)
    assert not events and segment_digest(node, segment_id) == before


def edit(volume, node, segment_id, centre_index=(3, 3, 3)):
    """Paint one voxel as an effect does."""
    image = mask_from_segment(node, segment_id, volume)
    image[centre_index] = 1 - image[centre_index]
    write_segment(node, segment_id, image, volume)


def test_watcher_fires_once_for_a_change_and_never_for_anything_else(drawn):
    _, volume, node, segment_id, mask = drawn
    calls = []
    watcher = RegionWatcher(node, lambda: calls.append(watcher.digest))
    first = watcher.digest
    segment = node.GetSegmentation().GetSegment(segment_id)
    segment.SetName("Renamed")
    segment.SetColor(0.1, 0.2, 0.3)
    node.GetSegmentation().AddEmptySegment("empty", "Empty")
    mask_from_segment(node, segment_id, volume)
    node.GetSegmentation().InvokeEvent(slicer.vtkSegmentation.SegmentModified)
    write_segment(node, segment_id, mask, volume)  # the same voxels again
    assert calls == []
    edit(volume, node, segment_id)
    assert len(calls) == 1 and calls[0] != first
    edit(volume, node, segment_id)
    assert len(calls) == 2 and calls[1] == first
    watcher.stop()
    watcher.stop()
    edit(volume, node, segment_id)
    assert len(calls) == 2


def test_watcher_sees_an_undo_that_fires_only_segment_modified(drawn):
    """The history of the desktop's Segment Editor fires SegmentModified, nothing else."""
    _, volume, node, segment_id, _ = drawn
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(node.GetSegmentation())
    calls = []
    watcher = RegionWatcher(node, lambda: calls.append(1))
    start = watcher.digest
    history.SaveState()
    edit(volume, node, segment_id)
    edited = watcher.digest
    assert len(calls) == 1 and edited != start
    kinds = set()
    for kind in ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified"):
        node.AddObserver(getattr(slicer.vtkSegmentation, kind), lambda *a, kind=kind: kinds.add(kind))
    assert history.RestorePreviousState()
    assert kinds == {"SegmentModified"}
    assert watcher.digest == start and len(calls) > 1
    before = len(calls)
    assert history.RestoreNextState()
    assert watcher.digest == edited and len(calls) > before


def test_watcher_sees_removal_and_return_of_a_segment(drawn):
    """The browser's undo removes the segment and adds it again."""
    _, volume, node, segment_id, mask = drawn
    calls = []
    watcher = RegionWatcher(node, lambda: calls.append(1))
    start = watcher.digest
    segment = slicer.vtkSegment()
    segment.DeepCopy(node.GetSegmentation().GetSegment(segment_id))
    node.GetSegmentation().RemoveSegment(segment_id)
    assert watcher.digest == "" and len(calls) == 1
    node.GetSegmentation().AddSegment(segment, segment_id)
    assert watcher.digest == start and len(calls) == 2


def test_watcher_of_one_segment_ignores_the_others(drawn):
    _, volume, node, segment_id, mask = drawn
    other = write_segment(node, "", ball(mask, middle(mask), 3.0), volume, "Other")
    calls = []
    watcher = RegionWatcher(node, lambda: calls.append(1), segment_id=segment_id)
    edit(volume, node, other)
    assert calls == []
    edit(volume, node, segment_id)
    assert calls == [1]
    watcher.segment_id = other
    assert calls == [1, 1]


def test_watcher_callback_may_read_and_write(drawn):
    """No endless recursion when the callback reads the mask or writes another segment."""
    _, volume, node, segment_id, mask = drawn
    calls = []

    def on_change():
        calls.append(int(sitk.GetArrayFromImage(mask_from_segment(node, segment_id, volume)).sum()))
        write_segment(node, "", mask, volume, "Made by the callback") if len(calls) == 1 else None

    watcher = RegionWatcher(node, on_change, segment_id=segment_id)
    edit(volume, node, segment_id)
    assert len(calls) == 1
    watcher.stop()


def test_watcher_sees_a_transform_and_accept_silences(drawn):
    stage, volume, node, segment_id, _ = drawn
    calls = []
    watcher = RegionWatcher(node, lambda: calls.append(1))
    moved = np.eye(4)
    moved[0, 3] = 2.0
    parent(stage, node, moved)
    assert len(calls) == 1
    node.GetParentTransformNode().SetMatrixTransformToParent(vtk.vtkMatrix4x4())
    assert len(calls) == 2
    watcher.accept()
    assert not watcher.check()


def test_digest_does_not_depend_on_the_allotted_extent(drawn):
    _, volume, node, segment_id, mask = drawn
    digest = segment_digest(node, segment_id)
    image = sitk.GetArrayFromImage(mask)
    assert image[0].sum() == 0  # there is room to cut
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    labelmap = node.GetSegmentation().GetSegment(segment_id).GetRepresentation(name)
    extent = list(labelmap.GetExtent())
    grown = slicer.vtkOrientedImageData()
    wider = [extent[0] - 2, extent[1] + 3, extent[2] - 1, extent[3] + 1, extent[4] - 1, extent[5] + 2]
    slicer.vtkOrientedImageDataResample.PadImageToContainImage(labelmap, labelmap, grown)
    pad = vtk.vtkImageConstantPad()
    pad.SetInputData(labelmap)
    pad.SetOutputWholeExtent(wider)
    pad.Update()
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    labelmap.DeepCopy(pad.GetOutput())
    labelmap.SetGeometryFromImageToWorldMatrix(matrix)
    assert list(labelmap.GetExtent()) == wider
    assert segment_digest(node, segment_id) == digest
