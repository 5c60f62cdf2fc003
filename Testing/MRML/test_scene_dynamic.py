"""Dynamic series in sequence and multi-volume nodes, and in the slice views."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from dynamic_support import phase_values
from scene_support import Stage
from test_scene_overlay import composites
from virtualbiopsy.case.phase_times import early_phase, effective_times
from virtualbiopsy.errors import DimensionError, PhaseCountError, PhaseGeometryError, PhaseTimeError
from virtualbiopsy.scene.dynamic import (
    browser_of,
    can_hold_series,
    mark_precontrast,
    sequence_from_series,
    sequence_of,
    series_from_node,
    series_signature,
    set_times,
)
from virtualbiopsy.scene.persist import BundleReader, write_mrb
from virtualbiopsy.scene.phases import PhaseView, early_volume, is_early_volume
from virtualbiopsy.scene.volumes import (
    array_from_image_data,
    image_from_node,
    node_from_image,
)
from virtualbiopsy.simulate.breast.sequence_file import write_sequence_file

pytestmark = pytest.mark.mrml
TIMES = (0.0, 90.0, 180.0, 420.0)


def images(count=4, before=1):
    """Phases on an oblique, anisotropic grid."""
    angle = np.radians(20)
    direction = [np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1]
    found = []
    for values in phase_values(count, before):
        image = sitk.GetImageFromArray(values.astype(np.int16))
        image.SetSpacing((0.9, 1.1, 2.5))
        image.SetOrigin((-12.0, 30.0, 7.0))
        image.SetDirection(direction)
        found.append(image)
    return found


def sequence(stage, found, values, name="time", unit="s", uids=False):
    node = stage.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "DCE")
    node.SetIndexName(name)
    node.SetIndexUnit(unit)
    for n, (image, value) in enumerate(zip(found, values, strict=True)):
        volume = node_from_image(stage.scene, image, f"item {n}")
        if uids:
            volume.SetAttribute("DICOM.instanceUIDs", f"1.{n} 2.{n}")
        node.SetDataNodeAtValue(volume, str(value))
        stage.scene.RemoveNode(volume.GetDisplayNode())
        stage.scene.RemoveNode(volume)
    return node


def sequences_logic(stage):
    """The logic that makes proxy volumes and knows the node classes, as every application has it."""
    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLApplicationLogic(stage.app_logic)
    logic.SetMRMLScene(stage.scene)
    return logic


@pytest.fixture
def sequences(stage):
    return sequences_logic(stage)


def same_images(series, found):
    for phase, image in zip(series.phases, found, strict=True):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(phase.image), sitk.GetArrayFromImage(image))
        np.testing.assert_allclose(phase.image.GetOrigin(), image.GetOrigin(), atol=1e-9)
        np.testing.assert_allclose(phase.image.GetDirection(), image.GetDirection(), atol=1e-9)
        np.testing.assert_allclose(phase.image.GetSpacing(), image.GetSpacing(), atol=1e-9)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1.0), ("ms", 1000.0), ("min", 1 / 60)])
def test_a_sequence_with_a_time_index_gives_its_phases_and_seconds(stage, unit, factor):
    found = images()
    known = series_from_node(sequence(stage, found, [t * factor for t in TIMES], "AcquisitionTime", unit))
    same_images(known.series, found)
    assert [phase.start_s for phase in known.series.phases] == pytest.approx(TIMES, abs=1e-3)
    assert "AcquisitionTime" in known.series.phases[1].time_source and not known.notes
    assert [phase.precontrast for phase in known.series.phases] == [True, False, False, False]
    assert known.items == (0, 1, 2, 3)
    assert known.series.injection_s == 90.0 and "Assumed" in known.series.injection_source
    # the shortest distance of post-contrast phases, 90 s, is the duration: centres are 45 s later
    assert effective_times(known.series) == pytest.approx((-45.0, 45.0, 135.0, 375.0))


@pytest.mark.parametrize(("name", "unit"), [("", ""), ("time", "s")])
def test_items_that_are_numbered_take_their_times_from_dicom_elements(stage, name, unit):
    """Slicer's DICOM reader numbers the items; phases that are out of order are sorted by time. A sequence
    node calls its index "time (s)" unless it is told otherwise."""
    found = images()
    clocks = {"1.0": "101500.00", "1.1": "101200.00", "1.2": "101330", "1.3": "101900.5"}
    order = [1, 2, 0, 3]
    node = sequence(stage, [found[order.index(n)] for n in range(4)], range(4), name, unit, uids=True)

    def times(volume):
        instances = volume.GetAttribute("DICOM.instanceUIDs")
        return {"AcquisitionTime": clocks[instances.split()[0]]} if instances else {}

    known = series_from_node(node, times=times)
    assert known.items == tuple(order)
    same_images(known.series, found)
    assert [phase.start_s for phase in known.series.phases] == pytest.approx([0.0, 90.0, 180.0, 420.5])
    assert "0008,0032" in known.series.phases[0].time_source
    told = series_from_node(node, times=lambda v: {**times(v), "ContrastBolusStartTime": "101320"})
    assert told.series.injection_s == pytest.approx(80.0) and "0018,1042" in told.series.injection_source


@pytest.mark.parametrize(
    ("name", "unit"), [("", ""), ("RepetitionTime", "ms"), ("TriggerTime", "count"), ("time", "s")]
)
def test_without_times_the_user_types_them(stage, name, unit):
    node = sequence(stage, images(), (0, 1, 2, 3), name, unit)
    known = series_from_node(node)
    assert [phase.start_s for phase in known.series.phases] == [None] * 4
    assert "Type the times" in known.notes[0]
    set_times(node, TIMES)
    typed = series_from_node(node)
    assert [phase.start_s for phase in typed.series.phases] == list(TIMES) and not typed.notes
    assert typed.series.phases[0].time_source == "typed by the user"
    for bad in ((0, 1, 1, 2), (0, 1, float("nan"), 3)):
        with pytest.raises(PhaseTimeError):
            set_times(node, bad)
    assert [phase.start_s for phase in series_from_node(node).series.phases] == list(TIMES)


def test_the_user_marks_the_phases_before_the_agent(stage):
    node = sequence(stage, images(), TIMES)
    mark_precontrast(node, [0, 1])
    known = series_from_node(node)
    assert [phase.precontrast for phase in known.series.phases] == [True, True, False, False]
    assert known.series.precontrast_reason == "Chosen by the user." and known.series.injection_s == 180.0
    mark_precontrast(node, [])
    known = series_from_node(node)
    assert not any(phase.precontrast for phase in known.series.phases) and known.notes


def test_a_transform_of_the_proxy_moves_the_phases(stage, sequences):
    found = images()
    node = sequence(stage, found, TIMES)
    browser = stage.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(node.GetID())
    sequences.UpdateProxyNodesFromSequences(browser)
    assert browser_of(node)[0] is browser
    proxy = browser.GetProxyNode(node)
    assert browser_of(node)[1] is proxy and sequence_of(proxy) is node
    before = series_signature(node)
    transform = stage.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 30.0)  # 30 mm to the left: RAS x, so LPS x falls
    transform.SetMatrixTransformToParent(matrix)
    proxy.SetAndObserveTransformNodeID(transform.GetID())
    known = series_from_node(node)
    assert series_signature(node) != before
    for phase in known.series.phases:
        np.testing.assert_allclose(phase.image.GetOrigin(), (-42.0, 30.0, 7.0), atol=1e-6)


def multivolume(stage, found, labels, tag="TriggerTime", unit="ms"):
    """As the Multi Volume Importer leaves it: one component for each frame, and its attributes."""
    node = node_from_image(stage.scene, found[0], "multi")
    array = np.stack([sitk.GetArrayFromImage(image) for image in found], axis=-1)
    data = vtk.vtkImageData()
    data.SetDimensions(*found[0].GetSize())
    data.GetPointData().SetScalars(
        vtk.util.numpy_support.numpy_to_vtk(array.reshape(-1, len(found)), deep=True)
    )
    node.SetAndObserveImageData(data)
    node.SetAttribute("MultiVolume.FrameLabels", ",".join(map(str, labels)))
    node.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagName", tag)
    node.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagUnits", unit)
    return node


def test_a_multi_volume_gives_the_same_series(stage):
    found = images()
    node = multivolume(stage, found, [t * 1000 for t in TIMES])
    assert can_hold_series(node)
    known = series_from_node(node)
    same_images(known.series, found)
    assert [phase.start_s for phase in known.series.phases] == list(TIMES)
    assert [phase.precontrast for phase in known.series.phases] == [True, False, False, False]
    other = series_from_node(multivolume(stage, found, [800, 0, 50, 100], "Siemens.B-value", "sec/mm2"))
    assert other.series.phases[0].start_s is None and "B-value" in other.notes[0]


def test_what_is_no_series_is_refused(stage):
    found = images()
    volume = node_from_image(stage.scene, found[0], "volume")
    for node in (volume, None, stage.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")):
        assert not can_hold_series(node)
        with pytest.raises(DimensionError):
            series_from_node(node)
    with pytest.raises(PhaseCountError):
        series_from_node(sequence(stage, found[:1], (0,)))
    smaller = sitk.Crop(found[1], (0, 0, 0), (1, 0, 0))
    with pytest.raises(PhaseGeometryError):
        series_from_node(sequence(stage, [found[0], smaller], (0, 60)))


def test_a_series_becomes_a_sequence_and_comes_back_from_a_saved_scene(stage, sequences, tmp_path):
    found = images()
    given = sequence(stage, found, TIMES)
    mark_precontrast(given, [0, 1])
    series = series_from_node(given).series
    node = sequence_from_series(stage.scene, series, "DCE, aligned", sequences)
    assert node.GetNumberOfDataNodes() == 4 and node.GetNthIndexValue(1) == "90"
    assert browser_of(node)[1] is not None
    path = write_mrb(stage.scene, tmp_path / "series.mrb")
    other = Stage()
    kept_alive = sequences_logic(other)
    (tmp_path / "cache").mkdir()
    BundleReader(other.scene, other.app_logic, tmp_path / "cache").read(path)
    back = other.scene.GetFirstNodeByName("DCE, aligned")
    assert kept_alive.GetMRMLScene() is other.scene
    known = series_from_node(back)
    same_images(known.series, found)
    assert [phase.start_s for phase in known.series.phases] == list(TIMES)
    assert [phase.precontrast for phase in known.series.phases] == [True, True, False, False]


def test_slicer_reads_the_sequence_file_of_the_simulation(stage, tmp_path):
    found = [sitk.DICOMOrient(image, "LPS") for image in images()]
    write_sequence_file(tmp_path / "dce.seq.nrrd", found, (0.0, 12.5, 25.0, 240.0))
    node = stage.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "dce")
    storage = stage.scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
    storage.SetFileName(str(tmp_path / "dce.seq.nrrd"))
    assert storage.ReadData(node)
    known = series_from_node(node)
    same_images(known.series, found)
    assert [phase.start_s for phase in known.series.phases] == [0.0, 12.5, 25.0, 240.0]


def test_signature_follows_voxels_marks_and_times(stage):
    node = sequence(stage, images(), TIMES)
    seen = [series_signature(node)]
    assert series_signature(node) == seen[0]
    for change in (
        lambda: mark_precontrast(node, [0, 1]),
        lambda: set_times(node, (0, 1, 2, 3)),
        lambda: node.GetNthDataNode(2).GetImageData().Modified(),
        lambda: node.RemoveDataNodeAtValue("420"),
    ):
        change()
        assert series_signature(node) not in seen
        seen.append(series_signature(node))


def test_the_early_phase_is_one_volume_that_is_touched_only_when_it_changes(stage):
    node = sequence(stage, images(), TIMES)
    series = series_from_node(node).series
    early = early_volume(stage.scene, node, series.phases[early_phase(series, 120.0)].image)
    assert is_early_volume(early) and not is_early_volume(None)
    stamp = early.GetImageData().GetMTime()
    again = series_from_node(node).series
    assert early_volume(stage.scene, node, again.phases[early_phase(again, 120.0)].image) is early
    assert early.GetImageData().GetMTime() == stamp
    assert early_volume(stage.scene, node, series.phases[3].image) is early
    np.testing.assert_array_equal(
        array_from_image_data(early.GetImageData()), sitk.GetArrayFromImage(series.phases[3].image)
    )
    second = sequence(stage, images(), TIMES)
    assert early_volume(stage.scene, second, series.phases[1].image) is not early


def test_phases_subtractions_and_projections_in_the_views(stage, sequences):
    red = composites(stage)[0]
    slice_node = stage.scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    slice_node.SetSlabReconstructionThickness(3.0)
    found = images()
    view = PhaseView(stage.scene, sequences)
    plain = sequence(stage, found, TIMES)
    shown = view.show_item(plain, 2, found[2])  # no browser: a copy
    assert red.GetBackgroundVolumeID() == shown.GetID()
    np.testing.assert_array_equal(
        array_from_image_data(shown.GetImageData()), sitk.GetArrayFromImage(found[2])
    )
    node = sequence_from_series(stage.scene, series_from_node(plain).series, "made", sequences)
    proxy = view.show_item(node, 3, found[3])
    assert proxy is browser_of(node)[1] and red.GetBackgroundVolumeID() == proxy.GetID()
    np.testing.assert_array_equal(
        array_from_image_data(proxy.GetImageData()), sitk.GetArrayFromImage(found[3])
    )
    assert image_from_node(proxy).GetOrigin() == pytest.approx(found[3].GetOrigin())
    volumes = stage.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    assert view.show_image(found[1], "subtraction") is shown and shown.GetName() == "subtraction"
    assert stage.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == volumes
    view.project(found[0])
    extent = np.linalg.norm(np.multiply(found[0].GetSize(), found[0].GetSpacing()))
    assert slice_node.GetSlabReconstructionEnabled()
    assert slice_node.GetSlabReconstructionThickness() == pytest.approx(extent)
    view.project(None)
    assert not slice_node.GetSlabReconstructionEnabled()
    assert slice_node.GetSlabReconstructionThickness() == pytest.approx(3.0)
