"""The panel of the breast module on slicer-core: phases, motion, maps, proposal, curves, earlier study."""

import types

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from panel_support import desktop
from test_desktop_panel import Desk
from test_scene_dynamic import sequences_logic
from test_scene_overlay import composites
from uptake_support import PE, grid, mask, model, series
from virtualbiopsy.models.ordinal import Ordinal
from virtualbiopsy.scene.dynamic import browser_of, sequence_from_series
from virtualbiopsy.scene.persist import load_nodes
from virtualbiopsy.scene.segments import mask_from_segment, write_segment
from virtualbiopsy.scene.volumes import array_from_image_data, node_from_image, ras_from_lps
from virtualbiopsy.tasks import BREAST

pytestmark = pytest.mark.mrml
CENTRE = (28.0, 30.0, 9.5)
CHANGE = "delta:" + PE


@pytest.fixture
def desk(stage, monkeypatch):
    messages = desktop(monkeypatch)
    logics = {"sequences": sequences_logic(stage), "markups": stage.logics["Markups"]}
    modules = {name: types.SimpleNamespace(logic=lambda made=made: made) for name, made in logics.items()}
    monkeypatch.setattr(slicer, "modules", types.SimpleNamespace(**modules), raising=False)
    composites(stage)
    made = Desk(stage, messages, [model(), model((CHANGE, PE), model_id="toy-change")], BREAST)
    made.logic = logics["sequences"]
    yield made
    made.panel.close()


def add(desk, name="DCE", **changes):
    return sequence_from_series(desk.stage.scene, series(**changes), name, desk.logic)


@pytest.fixture
def opened(desk):
    desk.node = add(desk)
    desk.settings.dynamic = desk.node
    return desk


def outline(desk, volume=None, radius=10.0, name="Lesion"):
    segmentation = desk.stage.segmentation(volume or desk.settings.dce)
    return segmentation, write_segment(segmentation, "", mask(radius), volume or desk.settings.dce, name)


def outlined(desk):
    desk.settings.segmentation, desk.settings.segmentId = outline(desk)
    return desk


def centre():
    return grid().TransformContinuousIndexToPhysicalPoint(CENTRE)


def test_the_panel_asks_for_what_the_task_needs(desk):
    ui = desk.ui
    assert ui.dynamicCollapsibleButton.visible and ui.earlierCollapsibleButton.visible
    assert list(desk.panel.images.selectors) == [*BREAST.roles, *BREAST.maps]
    assert list(desk.panel.form.widgets) == list(BREAST.clinical)
    assert ui.dynamicSelector.properties == {"SlicerParameterName": "dynamic"}
    assert ui.dceSelector.properties == {"SlicerParameterName": "dce"}
    assert not ui.predictButton.enabled and "dynamic series" in ui.predictButton.toolTip
    assert not ui.proposeButton.enabled and not ui.dynamicMapsButton.enabled


def test_a_series_fills_the_table_and_its_early_phase_becomes_the_reference(opened):
    ui, settings = opened.ui, opened.settings
    assert ui.phaseTable.rowCount == 7
    words = [[ui.phaseTable.cells[row, column].text() for column in range(4)] for row in range(7)]
    assert words[0][:3] == ["phase 1", "0", "−30"] and words[3][:3] == ["phase 4", "180", "+150"]
    assert [ui.phaseTable.cells[row, 4].checkState() for row in range(7)] == [2, 0, 0, 0, 0, 0, 0]
    assert "index" in words[1][3] and "Injection" in ui.phasesLabel.text
    early = settings.dce
    assert early.GetName() == "DCE early phase"
    np.testing.assert_array_equal(
        array_from_image_data(early.GetImageData()),
        sitk.GetArrayFromImage(series().phases[2].image),  # centred at 90 s; phase 3 is the nearest to 120 s
    )
    assert ui.motionButton.enabled and ui.proposeButton.enabled
    assert len(opened.messages) == 0


def test_prediction_from_the_series(opened):
    outlined(opened).press("predictButton")
    result = opened.panel.result
    assert [p.model_id for p in result.predictions] == ["toy-breast"]
    assert result.features.values[PE] == pytest.approx(160.0, rel=0.05)
    assert "earlier" in result.skipped["toy-change"]
    assert not opened.panel.stale and load_nodes(opened.stage.scene)["dynamic"] is opened.node


def test_ordered_classes_stand_below_the_probability(stage, opened):
    names = ("HER2-zero", "HER2-low", "HER2-positive")
    ordinal = model(model_id="toy-ordinal", ordinal=Ordinal(names, (1.5, 0.0)))
    opened.panel.study._models = (ordinal,)
    outlined(opened).press("predictButton")
    (label,), (prediction,) = opened.panel.cards.classes, opened.panel.result.predictions
    waits = opened.panel.cards.withheld(opened.panel.result, "toy-ordinal")
    if waits:
        assert not label.visible and label.text == ""
        opened.panel.cards.buttons[0].emit("clicked(bool)", False)
    assert all(name in label.text for name in names) and prediction.classes_note in label.text


def test_another_reference_volume_is_not_taken_for_the_early_phase(opened):
    other = node_from_image(opened.stage.scene, series().phases[4].image, "another volume")
    opened.settings.dce = other
    assert opened.settings.dce is other
    outlined(opened).press("predictButton")
    assert opened.panel.study.session.case.sequence("dce").reason == "chosen by the user"


def test_marks_and_typed_times_make_the_result_stale(desk):
    desk.settings.dynamic = add(desk, rise=100.0, fall=-20.0)
    outlined(desk).press("predictButton")
    first = desk.panel.result.features.values[PE]
    table = desk.ui.phaseTable
    table.cells[1, 4].setCheckState(2)
    table.emit("cellChanged(int,int)", 1, 4)
    assert desk.panel.stale and "Chosen by the user" in desk.ui.phasesLabel.text
    desk.press("predictButton")
    assert not desk.panel.stale, desk.panel.status
    assert desk.panel.result.features.values[PE] < 0.7 * first
    table.cells[2, 1].words = "130"
    table.emit("cellChanged(int,int)", 2, 1)
    assert table.cells[2, 3].text() == "typed by the user" and table.cells[2, 1].text() == "130"
    table.cells[2, 1].words = "60"
    table.emit("cellChanged(int,int)", 2, 1)
    assert desk.messages[-1][0] == "errorDisplay" and "times" in desk.messages[-1][1]
    assert table.cells[2, 1].text() == "130"


def test_motion_is_measured_and_aligned_phases_become_a_new_series(desk):
    desk.settings.dynamic = node = add(desk, starts=(0.0, 60.0, 120.0))
    desk.press("motionButton")
    assert "Likeness" in desk.ui.motionLabel.text and "phase 2" in desk.ui.motionLabel.text
    assert desk.settings.dynamic is node
    desk.press("motionCorrectButton")
    aligned = desk.settings.dynamic
    assert aligned is not node and "aligned" in aligned.GetName()
    assert aligned.GetNumberOfDataNodes() == 3 and browser_of(aligned)[1] is not None
    assert "Likeness" in desk.ui.motionLabel.text


def test_phases_in_the_views(opened):
    red = opened.stage.scene.GetNthNodeByClass(0, "vtkMRMLSliceCompositeNode")
    ui = opened.ui
    assert ui.phaseSlider.maximum == 6.0
    ui.phaseSlider.setValue(3.0)
    proxy = browser_of(opened.node)[1]
    assert red.GetBackgroundVolumeID() == proxy.GetID()
    assert browser_of(opened.node)[0].GetSelectedItemNumber() == 3
    ui.phaseViewComboBox.setCurrentIndex(1)
    shown = opened.stage.scene.GetNodeByID(red.GetBackgroundVolumeID())
    phases = [sitk.GetArrayFromImage(phase.image) for phase in series().phases]
    np.testing.assert_allclose(array_from_image_data(shown.GetImageData()), phases[3] - phases[0], atol=1e-3)
    node = opened.stage.scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    ui.phaseViewComboBox.setCurrentIndex(2)
    assert node.GetSlabReconstructionEnabled()
    ui.phaseViewComboBox.setCurrentIndex(0)
    assert not node.GetSlabReconstructionEnabled()
    assert red.GetBackgroundVolumeID() == proxy.GetID()


def test_maps_are_computed_listed_and_laid_over_the_views(opened):
    outlined(opened)
    opened.press("dynamicMapsButton")
    ui, overlay = opened.ui, opened.panel.dynamic.maps.overlay
    assert ui.dynamicMapComboBox.items[0] == "no map" and len(ui.dynamicMapComboBox.items) == 8
    assert opened.settings.dynamicMap == "pe" and overlay.shown
    assert "100·(S_early − S_pre)/S_pre" in ui.dynamicMapLabel.text
    assert "Inside the outline: 158" in ui.dynamicMapLabel.text and "ktrans" in ui.dynamicMapLabel.text
    ui.dynamicMapComboBox.setCurrentIndex(2)
    assert opened.settings.dynamicMap == "ser" and "S_late" in ui.dynamicMapLabel.text
    ui.dynamicMapComboBox.setCurrentIndex(0)
    assert not overlay.shown and opened.settings.dynamicMap == ""
    opened.press("predictButton")
    assert opened.panel.dynamic.maps.maps  # the session is the same, so the maps are


def test_maps_and_explanations_take_turns(opened):
    outlined(opened).press("dynamicMapsButton")
    panel, settings = opened.panel, opened.settings
    assert settings.dynamicMap == "pe" and panel.dynamic.maps.overlay.shown
    opened.press("predictButton")
    for button in panel.cards.buttons:
        if button.visible:
            button.emit("clicked(bool)", False)
    assert panel.overlay.overlay.shown and settings.dynamicMap == ""
    assert not panel.dynamic.maps.overlay.shown
    opened.ui.dynamicMapComboBox.setCurrentIndex(2)
    assert panel.dynamic.maps.overlay.shown and not panel.overlay.overlay.shown
    assert settings.dynamicMap == "ser" and not settings.overlayVisible
    settings.overlayVisible = True
    assert panel.overlay.overlay.shown and settings.dynamicMap == ""
    assert opened.ui.dynamicMapComboBox.currentIndex == 0


def test_the_kinetic_model_may_depart_and_says_so(opened, tmp_path):
    outlined(opened).press("dynamicMapsButton")
    box, settings, panel = opened.panel.dynamic.kinetic, opened.settings, opened.panel
    opened.press("predictButton")
    assert not panel.stale and panel.dynamic.maps.maps
    box.arterial.setCurrentIndex(2)
    assert settings.arterialInput == "georgiou" and panel.stale
    box.t1.setValue(1300.0)
    assert settings.tissueT1 == 1300.0
    opened.press("predictButton")
    kinetics = panel.study.session.dynamics.kinetics
    assert (kinetics.aif, kinetics.t1_ms) == ("georgiou", 1300.0) and not panel.stale
    assert any("depart" in warning for warning in panel.result.warnings)
    assert panel.dynamic.maps.maps == ()  # they were computed otherwise
    box.own.emit("clicked(bool)", False)
    assert (settings.arterialInput, settings.tissueT1) == ("", 0.0) and box.arterial.currentIndex == 0
    opened.press("predictButton")
    assert panel.study.session.dynamics.kinetics.aif == "parker"
    assert not any("depart" in warning for warning in panel.result.warnings)


def test_an_arterial_input_that_is_not_there_is_an_error(opened, tmp_path):
    outlined(opened)
    box = opened.panel.dynamic.kinetic
    box.arterial.setCurrentIndex(4)
    opened.press("predictButton")
    assert opened.messages[-1][0] == "errorDisplay" and "artery" in opened.messages[-1][1]
    box.arterial.setCurrentIndex(5)
    box.table.setCurrentPath(str(tmp_path / "missing.csv"))
    assert opened.settings.arterialTable.endswith("missing.csv")
    opened.press("predictButton")
    assert opened.messages[-1][0] == "errorDisplay" and "missing.csv" in opened.messages[-1][1]
    (tmp_path / "given.csv").write_text(
        "time_s,plasma\n" + "".join(f"{t},{min(t, 60) / 15}\n" for t in range(400))
    )
    box.table.setCurrentPath(str(tmp_path / "given.csv"))
    opened.press("predictButton")
    assert not opened.panel.stale
    segmentation = opened.settings.segmentation
    write_segment(segmentation, "", mask(6.0), opened.settings.dce, "Artery of the breast")
    box.arterial.setCurrentIndex(4)
    opened.press("predictButton")
    assert not opened.panel.stale and "artery" in opened.panel.study.session.case.regions


def test_one_click_proposes_an_outline(opened):
    opened.press("proposeButton")
    proposal = opened.panel.dynamic.proposal
    assert proposal.waiting and "give up" in opened.ui.proposeButton.text
    seed = opened.stage.scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialNode")
    seed.AddControlPointWorld(*ras_from_lps(centre()))
    proposal.take_now()
    opened.panel.wait_for_completion(120)
    assert not proposal.waiting and "%" in opened.ui.proposalLabel.text
    assert opened.stage.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    settings = opened.settings
    found = mask_from_segment(settings.segmentation, settings.segmentId, settings.dce)
    found, truth = sitk.GetArrayFromImage(found) > 0, sitk.GetArrayFromImage(mask()) > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9
    assert opened.ui.predictButton.enabled


def test_a_proposal_never_overwrites_an_outline(opened):
    outlined(opened)
    first, node = opened.settings.segmentId, opened.settings.segmentation
    before = sitk.GetArrayFromImage(mask_from_segment(node, first, opened.settings.dce))
    opened.panel.dynamic.proposal.propose_at(centre())
    opened.panel.wait_for_completion(120)
    assert opened.settings.segmentation is node and opened.settings.segmentId != first
    after = sitk.GetArrayFromImage(mask_from_segment(node, first, opened.settings.dce))
    np.testing.assert_array_equal(after, before)


def test_a_click_into_air_is_an_error_and_a_second_press_gives_up(opened):
    opened.press("proposeButton")
    opened.press("proposeButton")
    assert not opened.panel.dynamic.proposal.waiting
    assert opened.stage.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    air = grid().TransformContinuousIndexToPhysicalPoint((2.0, 62.0, 1.0))
    opened.panel.dynamic.proposal.propose_at(air)
    opened.panel.wait_for_completion(120)
    assert opened.messages[-1][0] == "errorDisplay" and opened.settings.segmentation is None


def test_curves_of_the_outline_and_of_the_voxel_under_the_mouse(opened):
    label = opened.ui.curveLabel
    assert label.accessibleName == ""
    outlined(opened)
    assert label.accessibleName.startswith("outline") and "percent enhancement: 0, 18" in label.accessibleName
    first = label.accessibleName
    crosshair = opened.stage.scene.AddNewNodeByClass("vtkMRMLCrosshairNode", "crosshair")
    opened.panel.bind(opened.settings)
    assert opened.panel.dynamic.curves.following
    crosshair.SetCursorPositionRAS(ras_from_lps(centre()))
    opened.panel.dynamic.curves.draw_now()
    assert "voxel under the mouse" in label.accessibleName
    crosshair.SetCursorPositionRAS([999.0, 0.0, 0.0])
    opened.panel.dynamic.curves.draw_now()
    assert label.accessibleName == first
    write_segment(opened.settings.segmentation, opened.settings.segmentId, mask(5.0), opened.settings.dce)
    opened.settle()  # nothing was predicted yet: the curve follows all the same
    assert label.accessibleName != first and label.accessibleName.startswith("outline")
    opened.panel.bind(None)
    assert not opened.panel.dynamic.curves.following


def test_guessing_chooses_the_series_and_no_phase_of_it(desk):
    node = add(desk)
    desk.press("guessRolesButton")
    assert desk.settings.dynamic is node and "only dynamic series" in desk.ui.rolesLabel.text
    assert desk.settings.dce.GetName() == "DCE early phase"


def test_the_displayed_phase_stands_for_its_series(desk):
    node = add(desk)
    red = desk.stage.scene.GetNthNodeByClass(0, "vtkMRMLSliceCompositeNode")
    red.SetBackgroundVolumeID(browser_of(node)[1].GetID())
    desk.press("displayedVolumeButton")
    assert desk.settings.dynamic is node


def test_an_earlier_examination_opens_the_models_of_change(opened):
    outlined(opened).press("predictButton")
    opened.settings.earlier = add(opened, "Before", rise=280.0, fall=20.0)
    assert "Choose the outline" in opened.ui.earlierStateLabel.text and not opened.panel.stale
    volume = opened.stage.scene.GetFirstNodeByName("Before early phase")
    segmentation, segment_id = outline(opened, volume)
    selector = opened.ui.earlierRegionSelector
    selector.node, selector.segment_id = segmentation, ""
    selector.emit("currentNodeChanged(vtkMRMLNode*)", segmentation)
    assert opened.settings.earlierSegmentId == segment_id and opened.panel.stale
    assert "Before" in opened.ui.earlierStateLabel.text
    opened.press("predictButton")
    result = opened.panel.result
    assert [p.model_id for p in result.predictions] == ["toy-breast", "toy-change"]
    assert result.features.values[CHANGE] == pytest.approx(-100.0, rel=0.06)
    opened.settings.earlier = None
    opened.press("predictButton")
    assert [p.model_id for p in opened.panel.result.predictions] == ["toy-breast"]


def test_a_series_that_cannot_be_used_is_told_once(desk):
    node = add(desk)
    for value in ("60", "120", "180", "240", "300", "360"):
        node.RemoveDataNodeAtValue(value)
    desk.settings.dynamic = node
    desk.panel.refresh()
    assert [kind for kind, _ in desk.messages] == ["errorDisplay"] and "one phase" in desk.messages[0][1]
    assert desk.settings.dce is None and desk.ui.phaseTable.rowCount == 0


def test_closing_the_scene_forgets_the_series(opened):
    outlined(opened).press("dynamicMapsButton")
    opened.press("proposeButton")
    opened.panel.bind(None)
    opened.panel.scene_about_to_close()
    assert opened.ui.phaseTable.rowCount == 0 and opened.panel.dynamic.maps.maps == ()
    assert not opened.panel.dynamic.proposal.waiting and opened.ui.curveLabel.accessibleName == ""
