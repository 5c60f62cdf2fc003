"""State, overlay and parameters after writing and reading a scene bundle."""

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from scene_support import Stage
from test_scene_overlay import composites
from test_scene_segments import ball, middle
from test_scene_volumes import make_image
from virtualbiopsy.errors import OversizedFileError, UnreadableFileError
from virtualbiopsy.scene.overlay import ExplanationOverlay
from virtualbiopsy.scene.persist import (
    BundleReader,
    check_mrb,
    load_nodes,
    load_state,
    save_state,
    write_mrb,
)
from virtualbiopsy.scene.segments import mask_from_segment, segment_digest, write_segment
from virtualbiopsy.scene.volumes import image_from_node, node_from_image

pytestmark = pytest.mark.mrml

STATE = {
    "clinical": {"age": 61, "sex": "female"},
    "name": "Fall Ö ≥ 5 %",
    "quotes": '<a href="x">\'&amp;</a>\n',
}


def test_state_is_one_visible_node(stage):
    assert load_state(stage.scene) is None and load_nodes(stage.scene) == {}
    node = save_state(stage.scene, {"a": 1})
    again = save_state(stage.scene, STATE)
    assert again is node and load_state(stage.scene) == STATE
    assert not node.GetHideFromEditors()
    assert stage.scene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 1


def test_state_refuses_what_is_not_json(stage):
    with pytest.raises(ValueError):
        save_state(stage.scene, {"p": float("nan")})
    with pytest.raises(TypeError):
        save_state(stage.scene, {"p": np.zeros(3)})
    assert load_state(stage.scene) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": "other", "version": 1, "state": {}}',
        '{"format": "virtualbiopsy-state", "version": 99, "state": {}}',
        '{"format": "virtualbiopsy-state", "version": 1, "state": 3}',
    ],
)
def test_damaged_state_is_a_typed_error(stage, text):
    save_state(stage.scene, {}).SetText(text)
    with pytest.raises(UnreadableFileError):
        load_state(stage.scene)


@pytest.fixture
def bundle(tmp_path):
    """A scene with image, outline, map and state, written to a bundle."""
    stage = Stage()
    image = make_image("oblique left-handed", shape=(9, 20, 22))
    volume = node_from_image(stage.scene, image, "T1c")
    (red,) = composites(stage, 1)
    fused = node_from_image(stage.scene, image * 2, "foreground of the user")
    red.SetForegroundVolumeID(fused.GetID())
    red.SetForegroundOpacity(0.25)
    segmentation = stage.segmentation(volume)
    mask = ball(image, middle(image), 6.0)
    segment_id = write_segment(segmentation, "", mask, volume, "Tumour")
    ledger = sitk.Cast(mask, sitk.sitkFloat64) * 0.001
    overlay = ExplanationOverlay(stage.scene)
    overlay.show(ledger, "Ki-67", mask=mask, window=0.5)
    save_state(
        stage.scene, {**STATE, "segment": segment_id}, {"t1c": volume, "region": segmentation, "none": None}
    )
    path = write_mrb(stage.scene, tmp_path / "case")
    return path, image, mask, segment_digest(segmentation, segment_id)


def test_everything_comes_back_from_a_bundle(bundle, tmp_path):
    path, image, mask, digest = bundle
    assert path.name == "case.mrb"
    stage = Stage()
    composites(stage, 1)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    reader = BundleReader(stage.scene, stage.app_logic, unpacked)
    reader.read(path)
    state = load_state(stage.scene)
    segment_id = state.pop("segment")
    assert state == STATE
    nodes = load_nodes(stage.scene)
    assert set(nodes) == {"t1c", "region"}
    back = image_from_node(nodes["t1c"])
    for index in ((0, 0, 0), (21, 19, 8), (3, 4, 5)):
        there = back.TransformPhysicalPointToIndex(image.TransformIndexToPhysicalPoint(index))
        assert back.GetPixel(there) == image.GetPixel(index)
    got = mask_from_segment(nodes["region"], segment_id, nodes["t1c"])
    moved = sitk.Resample(mask, got, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(got), sitk.GetArrayViewFromImage(moved))
    assert sitk.GetArrayViewFromImage(got).sum() == sitk.GetArrayViewFromImage(mask).sum() > 0
    overlay = ExplanationOverlay(stage.scene)
    display = overlay.volume.GetDisplayNode()
    assert overlay.shown and overlay.window == 0.5
    assert display.GetApplyThreshold() and not display.GetInterpolate()
    assert display.GetColorNode().GetNumberOfColors() == 255
    assert overlay.legend.GetTitleText().endswith("Ki-67\nlog-odds per mL")
    red = slicer.vtkMRMLSliceCompositeNode.SafeDownCast(
        stage.scene.GetNthNodeByClass(0, "vtkMRMLSliceCompositeNode")
    )
    overlay.hide()
    restored = stage.scene.GetNodeByID(red.GetForegroundVolumeID())
    assert restored.GetName() == "foreground of the user" and red.GetForegroundOpacity() == 0.25
    assert nodes["region"].GetDisplayNode().GetOpacity2DFill() > 0


def test_writing_replaces_a_file_only_when_complete(bundle, tmp_path):
    path, *_ = bundle
    before = path.read_bytes()
    stage = Stage()
    with pytest.raises((UnreadableFileError, OSError)):
        write_mrb(stage.scene, tmp_path / "missing folder" / "x.mrb")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["case.mrb"]


def repack(path, target, change):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith(".mrml"):
                data = change(data.decode()).encode()
            new.writestr(info.filename, data)
    return target


@pytest.mark.parametrize(
    "place",
    ["/etc/hostname", "../../x.nrrd", "C:\\x.nrrd", "file:///etc/hostname", "%2e%2e/x.nrrd",
    "http://h/x.nrrd",
     "%252e%252e/x.nrrd", "&#46;&#46;/x.nrrd", "..\\x.nrrd"],
)  # fmt: skip
def test_bundles_that_name_other_files_are_refused(bundle, tmp_path, place):
    import re

    path, *_ = bundle
    check_mrb(path)
    bad = repack(
        path,
        tmp_path / "bad.mrb",
        lambda text: re.sub(r'fileName="[^"]*"', lambda m: f'fileName="{place}"', text, count=1),
    )
    with pytest.raises(UnreadableFileError, match="outside itself"):
        check_mrb(bad)
    stage = Stage()
    save_state(stage.scene, {"kept": True})
    (tmp_path / "cache").mkdir()
    with pytest.raises(UnreadableFileError):
        BundleReader(stage.scene, stage.app_logic, tmp_path / "cache").read(bad)
    assert load_state(stage.scene) == {"kept": True}


def test_damaged_and_oversized_bundles_are_refused(bundle, tmp_path):
    path, *_ = bundle
    cut = tmp_path / "cut.mrb"
    cut.write_bytes(path.read_bytes()[:500])
    empty = tmp_path / "empty.mrb"
    with zipfile.ZipFile(empty, "w"):
        pass
    slip = tmp_path / "slip.mrb"
    with zipfile.ZipFile(slip, "w") as file:
        file.writestr("a/scene.mrml", "<MRML/>")
        file.writestr("../../evil.txt", "x")
    for bad in (cut, empty, slip, tmp_path / "missing.mrb"):
        with pytest.raises(UnreadableFileError):
            check_mrb(bad)
    with pytest.raises(OversizedFileError):
        check_mrb(path, max_bytes=1000)
