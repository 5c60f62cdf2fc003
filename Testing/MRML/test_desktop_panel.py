"""The panel on slicer-core: predict, edit, undo, cancel, errors, leave, close, save and restore."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from panel_support import Settings, desktop, widgets
from scene_support import Stage
from survival_support import survival_model
from test_scene_overlay import composites
from test_scene_results import MODELS, images
from virtualbiopsy.scene.persist import BundleReader, load_nodes, load_state, write_mrb
from virtualbiopsy.scene.segments import mask_from_segment, write_segment
from virtualbiopsy.scene.volumes import node_from_image
from virtualbiopsy.tasks import MENINGIOMA

pytestmark = pytest.mark.mrml


class Desk:
    """One opened module: widgets, parameter node and panel on a scene."""

    def __init__(self, stage, messages, models=MODELS, task=MENINGIOMA):
        from virtualbiopsy.desktop.panel import PredictorPanel
        from virtualbiopsy.desktop.study import Study

        self.stage, self.messages = stage, messages
        self.ui, self.settings = widgets(), Settings(task)
        self.panel = PredictorPanel(self.ui, stage.scene, Study(models, task=task))
        self.settings.__dict__["on_change"] = self.panel.refresh
        self.panel.bind(self.settings)
        self.panel.enter()

    def load(self):
        found, mask = images()
        self.volumes = {
            r: node_from_image(self.stage.scene, image, f"Case {r}") for r, image in found.items()
        }
        self.segmentation = self.stage.segmentation(self.volumes["t1c"])
        self.segment_id = write_segment(self.segmentation, "", mask, self.volumes["t1c"], "Tumour")
        for role, node in self.volumes.items():
            setattr(self.settings, role, node)
        self.settings.segmentation, self.settings.segmentId = self.segmentation, self.segment_id
        return self

    def press(self, name):
        getattr(self.ui, name).emit("clicked(bool)", False)
        self.panel.wait_for_completion(120)

    def erode(self):
        mask = mask_from_segment(self.segmentation, self.segment_id, self.volumes["t1c"])
        write_segment(
            self.segmentation, self.segment_id, sitk.BinaryErode(mask, [1, 1, 1]), self.volumes["t1c"]
        )

    def settle(self):
        self.panel.outline.settle_now()
        self.panel.wait_for_completion(120)

    @property
    def numbers(self):
        return [prediction.log_odds for prediction in self.panel.result.predictions]


@pytest.fixture
def messages(monkeypatch):
    return desktop(monkeypatch)


@pytest.fixture
def desk(stage, messages):
    composites(stage)
    made = Desk(stage, messages)
    yield made
    made.panel.close()


def test_predict_shows_everything(desk):
    assert not desk.ui.predictButton.enabled and "T1" in desk.ui.predictButton.toolTip
    desk.load()
    assert desk.ui.predictButton.enabled
    desk.press("predictButton")
    ui, panel = desk.ui, desk.panel
    assert ui.predictButton.text == "Predict" and not ui.staleLabel.visible and not ui.progressBar.visible
    assert len(panel.cards.labels) == 2 and "%" in panel.cards.labels[0].accessibleName
    assert "Research use only" in panel.cards.labels[0].accessibleName
    assert ui.modelComboBox.items == [p.positive for p in panel.result.predictions]
    assert panel.overlay.overlay.shown and len(ui.mapComboBox.items) >= 2
    assert "mL" in ui.factsLabel.text and "Not advice" in ui.evidenceBrowser.html
    assert load_state(desk.stage.scene)["module"] == "MeningiomaPredictor"
    assert load_nodes(desk.stage.scene)["t1c"] is desk.volumes["t1c"]


def test_a_survival_model_shows_its_curve_and_group(desk):
    desk.panel.study._models = (survival_model(),)
    desk.load().press("predictButton")
    panel, (prediction,) = desk.panel, desk.panel.result.predictions
    (curve,), (words,) = panel.cards.curves, panel.cards.classes
    assert prediction.survival.group in prediction.survival.groups
    if panel.cards.withheld(panel.result, prediction.model_id):
        assert not curve.visible and not words.text
        panel.cards.buttons[0].emit("clicked(bool)", False)
    assert curve.visible and f"Group by score: {prediction.survival.group}" in words.text
    assert panel.overlay.overlay.legend.GetTitleText().endswith("uncalibrated log hazard per mL")
    assert "no event" in curve.accessibleName and "an event (" in panel.cards.labels[0].accessibleName
    panel.study._models = MODELS
    desk.panel.study.forget()
    desk.press("predictButton")
    assert not any(label.visible for label in panel.cards.curves)


def test_the_estimate_follows_the_outline_and_its_undo(desk):
    desk.load().press("predictButton")
    first = desk.numbers
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(desk.segmentation.GetSegmentation())
    history.SaveState()
    desk.erode()
    assert desk.ui.staleLabel.visible and desk.panel.outline._timer.active
    assert not desk.ui.exportButton.enabled
    desk.settle()
    assert desk.numbers != first and not desk.ui.staleLabel.visible
    history.RestorePreviousState()
    desk.settle()
    assert desk.numbers == first


def test_without_live_update_the_result_stays_and_is_marked(desk):
    desk.load().press("predictButton")
    first = desk.numbers
    desk.settings.liveUpdate = False
    desk.erode()
    desk.settle()
    assert desk.numbers == first and desk.ui.staleLabel.visible


def test_an_edit_during_the_computation_is_not_lost(desk):
    desk.load().press("predictButton")
    desk.erode()
    desk.settle()
    eroded = desk.numbers
    _, mask = images()
    write_segment(desk.segmentation, desk.segment_id, mask, desk.volumes["t1c"])
    desk.panel.predict()
    desk.erode()
    desk.settle()
    assert desk.numbers == eroded and not desk.panel.stale


def test_cancel_keeps_the_previous_result(desk):
    desk.load().press("predictButton")
    first = desk.panel.result
    desk.erode()
    desk.panel.study.forget()
    desk.ui.predictButton.emit("clicked(bool)", False)
    assert desk.ui.predictButton.text == "Cancel" and not desk.ui.t1cSelector.enabled
    desk.ui.predictButton.emit("clicked(bool)", False)
    assert not desk.ui.predictButton.enabled
    desk.panel.wait_for_completion(120)
    assert desk.panel.result is first and desk.panel.stale and "Cancelled" in desk.panel.status
    assert not [m for m in desk.messages if m[0] == "errorDisplay"]
    desk.press("predictButton")
    assert not desk.panel.stale


def test_errors_are_shown_and_nothing_is_lost(desk):
    desk.load().press("predictButton")
    first, result = desk.numbers, desk.panel.result
    desk.settings.liveUpdate = False
    _, mask = images()
    write_segment(desk.segmentation, desk.segment_id, mask * 0, desk.volumes["t1c"])
    desk.press("predictButton")
    assert desk.messages[-1][0] == "errorDisplay" and "no voxel" in desk.messages[-1][1]
    assert desk.panel.result is result and desk.panel.stale
    write_segment(desk.segmentation, desk.segment_id, mask, desk.volumes["t1c"])
    desk.press("predictButton")
    assert desk.numbers == first


def test_clinical_data_change_the_estimate(desk):
    desk.load().press("predictButton")
    first = desk.numbers
    desk.panel.form.widgets["age"].setValue(81)
    assert desk.settings.clinical == {"age": "81"} and desk.panel.stale
    desk.press("predictButton")
    assert desk.numbers != first
    desk.panel.form.widgets["age"].setValue(-1)
    assert desk.settings.clinical == {}
    desk.press("predictButton")
    assert desk.numbers == first


def test_the_form_shows_what_the_parameter_node_holds(desk):
    """Filling the form widget by widget must not write half-filled values back."""
    values = {"age": "61", "sex": "male", "who_grade": "2", "dural_tail": "yes"}
    desk.settings.clinical = dict(values)
    assert desk.settings.clinical == values and desk.panel.form.values() == values
    desk.settings.clinical = {}
    assert desk.panel.form.values() == {}


def test_displayed_volume_new_outline_and_guess(desk):
    found, _ = images()
    volumes = {r: node_from_image(desk.stage.scene, image, f"Case {r}") for r, image in found.items()}
    desk.press("displayedVolumeButton")
    assert desk.settings.t1c is None and "no volume" in desk.panel.status
    red = desk.stage.scene.GetNthNodeByClass(0, "vtkMRMLSliceCompositeNode")
    red.SetBackgroundVolumeID(volumes["t1c"].GetID())
    desk.press("displayedVolumeButton")
    assert desk.settings.t1c is volumes["t1c"]
    desk.press("guessRolesButton")
    assert desk.settings.t2 is volumes["t2"] and desk.settings.adc is volumes["adc"]
    assert "Case adc" in desk.ui.rolesLabel.text and desk.settings.flair is None
    desk.press("newOutlineButton")
    assert desk.settings.segmentation.GetSegmentation().GetNumberOfSegments() == 1
    assert desk.ui.editorWidget.sourceVolumeNode() is volumes["t1c"]
    desk.press("predictButton")
    assert "no voxel" in desk.panel.status


def test_controls_of_the_map(desk):
    desk.load().press("predictButton")
    overlay = desk.panel.overlay.overlay
    half = overlay.window / 2
    desk.settings.overlayWindow = 50.0
    assert overlay.window == pytest.approx(half)
    desk.settings.legendVisible = False
    assert not overlay.legend.GetVisibility()
    desk.ui.colorsComboBox.setCurrentIndex(1)
    assert desk.settings.overlayColors == "blue-black-orange"
    assert "orange" in overlay.volume.GetDisplayNode().GetColorNode().GetName()
    desk.ui.mapComboBox.setCurrentIndex(1)
    assert desk.settings.overlayMap == desk.panel.overlay._keys[1]
    desk.settings.overlayVisible = False
    assert not overlay.shown and desk.segmentation.GetDisplayNode().GetOpacity2DFill() > 0
    desk.settings.diameterVisible = False
    assert desk.stage.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0


def test_export_asks_before_replacing(desk, tmp_path):
    desk.load().press("predictButton")
    desk.ui.exportDirectoryButton.directory = str(tmp_path / "out")
    desk.press("exportButton")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"result.json", "features.csv", "report.html"} <= names
    assert "confirmOkCancelDisplay" not in dict(desk.messages)
    desk.press("exportButton")
    assert "confirmOkCancelDisplay" in dict(desk.messages) and "Written" in desk.panel.status


def test_leaving_observes_nothing_and_coming_back_notices_edits(desk):
    desk.load().press("predictButton")
    count = desk.stage.scene.GetNumberOfNodes()
    desk.panel.exit()
    desk.panel.bind(None)
    desk.erode()
    assert desk.panel.outline._watcher is None
    desk.panel.bind(desk.settings)
    desk.panel.enter()
    assert desk.panel.result is not None and desk.panel.stale
    assert desk.stage.scene.GetNumberOfNodes() == count


def test_closing_the_scene_stops_the_job(desk):
    desk.load().press("predictButton")
    desk.panel.study.forget()
    desk.panel.predict()
    assert desk.panel.job.busy
    desk.panel.bind(None)
    desk.panel.scene_about_to_close()
    assert not desk.panel.job.busy and desk.panel.result is None and not desk.panel.job._timer.active
    assert desk.ui.modelComboBox.items == [] and desk.ui.factsLabel.text == ""


def test_a_saved_scene_shows_the_same_and_computes_the_same(desk, messages, tmp_path):
    desk.load()
    desk.panel.form.widgets["age"].setValue(61)
    desk.press("predictButton")
    path = write_mrb(desk.stage.scene, tmp_path / "case.mrb")
    stage = Stage()
    composites(stage)
    (tmp_path / "cache").mkdir()
    BundleReader(stage.scene, stage.app_logic, tmp_path / "cache").read(path)
    other = Desk(stage, messages)
    try:
        nodes = load_nodes(stage.scene)
        for role in ("t1c", "t2", "adc"):
            setattr(other.settings, role, nodes[role])
        other.settings.clinical = {"age": "61"}
        other.settings.segmentId = load_state(stage.scene)["segment_id"]
        other.settings.segmentation = nodes["segmentation"]
        other.panel.result = None
        other.panel.bind(other.settings)  # as after EndImportEvent, references in place
        assert other.numbers == desk.numbers and not other.panel.stale
        assert other.panel.overlay.overlay.shown
        assert not other.ui.exportButton.enabled
        other.press("predictButton")
        np.testing.assert_allclose(other.numbers, desk.numbers, atol=1e-9)
    finally:
        other.panel.close()


def test_deleted_nodes_are_noticed(desk):
    desk.load().press("predictButton")
    desk.settings.segmentation = None
    desk.stage.scene.RemoveNode(desk.segmentation)
    assert not desk.ui.predictButton.enabled and desk.panel.stale
    desk.stage.scene.RemoveNode(desk.panel.overlay.overlay.volume)
    desk.settings.t1c = None
    assert not desk.ui.predictButton.enabled
