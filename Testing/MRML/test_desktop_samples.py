"""The shipped cases in Slicer, and what a volume node tells about its acquisition."""

import json
import sys
import types

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util
from panel_support import desktop
from test_scene_dynamic import sequences_logic
from virtualbiopsy.scene.volumes import node_from_image
from virtualbiopsy.tasks import BREAST, MENINGIOMA

pytestmark = pytest.mark.mrml


@pytest.fixture
def scene(stage, monkeypatch):
    """A scene behind slicer.util.loadNodeFromFile, with the readers that the desktop has for these files."""
    desktop(monkeypatch)
    logic = sequences_logic(stage)

    def load(filename, filetype=None, properties=None):
        assert isinstance(filename, str)
        if filetype == "SequenceFile":
            node = logic.AddSequence(filename, None)
        elif filetype == "SegmentationFile":
            node = stage.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        else:
            node = node_from_image(stage.scene, sitk.ReadImage(filename), "")
            storage = stage.scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
            storage.SetFileName(filename)
            node.SetAndObserveStorageNodeID(storage.GetID())
        node.SetName(properties["name"])
        return node

    monkeypatch.setattr(slicer, "mrmlScene", stage.scene, raising=False)
    monkeypatch.setattr(slicer.util, "loadNodeFromFile", load, raising=False)
    return stage.scene


@pytest.fixture
def registered(monkeypatch):
    """What the Sample Data module was given."""
    found = []
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = types.SimpleNamespace(
        registerCustomSampleDataSource=lambda **given: found.append(given)
    )
    monkeypatch.setitem(sys.modules, "SampleData", module)
    return found


@pytest.mark.parametrize("task", [MENINGIOMA, BREAST], ids=lambda task: task.task_id)
def test_the_case_is_offered_with_all_its_files(task, registered):
    from virtualbiopsy.desktop.samples import register_sample, sample_folder, sample_name

    if sample_folder(task) is None:
        pytest.skip("the sample case is not there")
    register_sample(task, "/somewhere/Module.py")
    (given,) = registered
    assert given["sampleName"] == sample_name(task) and given["category"] == "VirtualBiopsy"
    lists = [given[name] for name in ("uris", "fileNames", "nodeNames", "loadFileTypes", "checksums")]
    assert len({len(values) for values in lists}) == 1
    assert len(set(given["fileNames"])) == len(given["fileNames"]) > 3
    assert not [uri for uri in given["uris"] if "truth" in uri.rsplit("/", 2)[1]]
    assert "SegmentationFile" in given["loadFileTypes"]
    if task.dynamic:
        assert given["loadFileTypes"].count("SequenceFile") == 2
        assert f"{given['sampleName']}-earlier-dce.seq.nrrd" in given["fileNames"]


def test_the_loaded_case_carries_its_acquisition_and_forgets_its_files(scene):
    from virtualbiopsy.desktop.database import volume_tags, volume_times
    from virtualbiopsy.desktop.samples import load_case, sample_folder
    from virtualbiopsy.desktop.study import Inputs, Study

    if sample_folder(BREAST) is None:
        pytest.skip("the sample case is not there")
    nodes = load_case(BREAST)
    assert {"dce", "t2", "adc", "tumour_mask", "earlier-dce", "earlier-tumour_mask"} <= set(nodes)
    assert nodes["dce"].GetName() == "BreastSample-dce" and nodes["dce"].GetStorageNode() is None
    beside = json.loads((sample_folder(BREAST) / "dce.json").read_text())
    tags = volume_tags(nodes["dce"])
    assert float(tags["RepetitionTime"]) == pytest.approx(1000 * beside["RepetitionTime"])
    assert float(tags["FlipAngle"]) == beside["FlipAngle"] and "InjectionStart" not in tags
    study = Study((), tags=volume_tags, times=volume_times, task=BREAST)
    known = study.series(nodes["dce"]).series
    assert [phase.start_s for phase in known.phases] == beside["VolumeTiming"]
    assert known.duration_s == beside["AcquisitionDuration"] and known.injection_s == beside["InjectionStart"]
    assert sum(phase.precontrast for phase in known.phases) == beside["PreContrastVolumes"]
    early = study.early_volume(scene, nodes["dce"])
    case = study.open(Inputs({"dce": early, "t2": nodes["t2"]}, dynamic=nodes["dce"])).case
    assert case.sequence("dce").protocol["FlipAngle"] == tags["FlipAngle"]
    assert case.sequence("dce").protocol["NumberOfTemporalPositions"] == str(len(known.phases))
    assert case.dynamic is known and "MagneticFieldStrength" in case.sequence("t2").protocol


def test_the_dicom_database_tells_the_acquisition_in_tesla(scene, monkeypatch):
    from virtualbiopsy.desktop.database import TAGS, TIME_TAGS, volume_tags, volume_times

    known = {"MagneticFieldStrength": "15000", "SeriesDescription": "DCE", "FrameOfReferenceUID": "1.9"}
    known |= {"FlipAngle": "20", "ContentTime": "102551", "AcquisitionDate": "20000101"}
    tags = {tag: known.get(keyword, "") for keyword, tag in {**TAGS, **TIME_TAGS}.items()}
    database = types.SimpleNamespace(
        fileForInstance=lambda uid: f"/files/{uid}",
        fileValue=lambda path, tag: tags[tag],
        instancesForSeries=lambda series: (),
    )
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    node = node_from_image(scene, sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16)), "dce")
    assert volume_tags(node) == volume_times(node) == {}
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    assert volume_tags(node) == {
        "MagneticFieldStrength": "1.5",
        "FlipAngle": "20",
        "SeriesDescription": "DCE",
        "FrameOfReferenceUID": "1.9",
    }
    assert volume_times(node) == {"ContentTime": "102551", "AcquisitionDate": "20000101"}


def test_a_sidecar_beside_the_file_of_a_volume_tells_its_acquisition(scene, tmp_path):
    from virtualbiopsy.desktop.database import acquired, volume_tags

    node = node_from_image(scene, sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16)), "t2")
    assert volume_tags(node) == {}
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(tmp_path / "t2.nii.gz"))
    node.SetAndObserveStorageNodeID(storage.GetID())
    assert volume_tags(node) == {}
    (tmp_path / "t2.json").write_text('{"EchoTime": 0.1, "PatientName": "x", "InjectionStart": 60}')
    assert volume_tags(node) == {"EchoTime": "100"} and acquired(node)["InjectionStart"] == "60"
    node.SetAttribute("VirtualBiopsy.Acquired", "[broken")
    assert volume_tags(node) == {}
