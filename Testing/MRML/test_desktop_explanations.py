"""Trust before explanation, the ledger and its layers, level 2, influence, what-if and the delta line."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from panel_support import desktop
from test_desktop_panel import Desk
from test_scene_overlay import composites
from test_scene_results import MODELS
from virtualbiopsy import RESEARCH_USE_ONLY
from virtualbiopsy.report.numbers import signed
from virtualbiopsy.scene.flipmarks import flip_masks
from virtualbiopsy.scene.regional import INFLUENCE_HEADING, REGIONS_HEADING
from virtualbiopsy.scene.results import result_from_state, result_to_state
from virtualbiopsy.scene.segments import mask_from_segment, write_segment
from virtualbiopsy.scene.volumes import image_from_node
from virtualbiopsy.trust.model import ConformalSet, Reason, TrustCard

pytestmark = pytest.mark.mrml


@pytest.fixture
def desk(stage, monkeypatch):
    messages = desktop(monkeypatch)
    composites(stage)
    made = Desk(stage, messages).load()
    made.settings.hatchingVisible = False
    yield made
    made.panel.close()


def card(model_id, light):
    reasons = (
        Reason(light, "feature_range", "3 features lie outside <training>."),
        Reason("green", "x", "y"),
    )
    answer = ConformalSet(("high", "low"), 0.4, 0.3, 0.1, (20, 22), "Coverage between 81 and 96 %.")
    return TrustCard(model_id, light, reasons, 99.0, 97.5, answer, "external AUC 0.59, internal 0.91")


def judged(desk, *lights):
    """Give the shown result these trust cards."""
    result = desk.panel.result
    cards = tuple(card(p.model_id, light) for p, light in zip(result.predictions, lights, strict=True))
    desk.panel.result = replace(result, trust=cards)
    desk.panel.refresh()


def lines(desk):
    return {line.path: line for line in desk.panel.ledger.lines}


def click(desk, path):
    """Choose the line of this path in the tree."""
    tree = desk.panel.ledger
    item = next(item for item, _parent, line in tree._items if line.path == path)
    desk.ui.ledgerTree.emit("currentItemChanged(QTreeWidgetItem*,QTreeWidgetItem*)", item, None)


def shown(desk):
    layer = desk.panel.overlay.layer
    return None if layer is None else (layer, sitk.GetArrayFromImage(image_from_node(layer.volume)))


def test_card_comes_first_and_red_withholds_number_and_explanation(desk):
    desk.press("predictButton")
    panel, ui = desk.panel, desk.ui
    assert shown(desk) is not None and panel.ledger.lines
    judged(desk, "red", "amber")
    first, second = panel.cards.cards
    assert "the number means nothing here" in first.text and "look twice" in second.text
    assert "3 features lie outside &lt;training&gt;." in first.text
    for words in ("99 %", "98 %", "uncertain", "81 and 96 %", "external AUC 0.59, internal 0.91"):
        assert words in first.text
    button, picture = panel.cards.buttons[0], panel.cards.labels[0]
    assert button.visible and not picture.visible and "%" not in picture.accessibleName
    assert panel.cards.labels[1].visible and not panel.cards.buttons[1].visible
    assert not panel.ledger.lines and not ui.regionsButton.enabled and not ui.whatIfSlider.enabled
    assert shown(desk) is None, "no map of a withheld estimate"
    # the card stands above button and number
    order = [child for child in ui.resultsFrame.children if child in (first, button, picture)]
    assert order == [first, button, picture]
    button.emit("clicked(bool)", False)
    assert picture.visible and not button.visible and panel.ledger.lines and shown(desk) is not None
    assert RESEARCH_USE_ONLY in picture.accessibleName
    ui.modelComboBox.setCurrentIndex(1)
    assert panel.ledger.lines, "the amber one was never withheld"


def test_red_stays_red_with_the_scene_and_for_another_case(desk):
    desk.press("predictButton")
    judged(desk, "red", "green")
    back = result_from_state(result_to_state(desk.panel.result))
    assert back.trust == desk.panel.result.trust
    desk.panel.cards.buttons[0].emit("clicked(bool)", False)
    model_id = desk.panel.result.predictions[0].model_id
    assert not desk.panel.cards.withheld(desk.panel.result, model_id)
    desk.panel.study.forget()
    desk.panel.predict()
    desk.panel.wait_for_completion(120)
    judged(desk, "red", "green")
    assert desk.panel.cards.withheld(desk.panel.result, model_id), "a new session asks again"


def test_the_map_of_a_loaded_scene_waits_as_well(desk):
    desk.press("predictButton")
    judged(desk, "red", "green")
    desk.panel.cards.buttons[0].emit("clicked(bool)", False)
    assert shown(desk) is not None
    desk.panel._keep(desk.panel.result)
    desk.panel.cards.forget()
    desk.panel.overlay.reset()
    desk.panel.result = desk.panel._presented = None
    desk.panel.bind(desk.settings)  # as after loading: the result comes from the scene, without maps
    assert desk.panel.result.trust[0].light == "red" and not desk.panel.result.explanations[0].maps
    assert shown(desk) is None and not desk.panel.ledger.lines
    desk.panel.cards.buttons[0].emit("clicked(bool)", False)
    assert shown(desk) is not None and desk.panel.ledger.lines


def test_ledger_adds_up_and_lines_choose_the_layer(desk):
    desk.press("predictButton")
    explanation = desk.panel.result.explanations[0]
    found = lines(desk)
    tops = [line for path, line in found.items() if len(path) == 1]
    assert tops[0].path == ("baseline",) and [line.path for line in tops[-2:]] == [
        ("total",),
        ("probability",),
    ]
    groups = list(explanation.bars)
    total = explanation.baseline + sum(bar.phi for bar in groups)
    assert total == pytest.approx(explanation.log_odds, abs=1e-9)
    assert [line.path[0] for line in tops[1:-2]] == [bar.path[0] for bar in groups]
    assert found[("total",)].amount == signed(explanation.log_odds)
    assert len(explanation.maps) >= 2
    seen = {}
    for role in explanation.maps:
        click(desk, (role,))
        assert desk.settings.overlayMap == f"{explanation.model_id}|{role}"
        layer, values = shown(desk)
        assert layer is desk.panel.overlay.overlay
        seen[role] = values
    first, second = list(seen.values())[:2]
    assert first.shape != second.shape or (first != second).any(), "another line, another map"
    click(desk, ("total",))
    assert desk.settings.overlayMap.endswith("|total")
    before = desk.settings.overlayMap
    spaceless = next((p for p, line in found.items() if len(p) == 1 and p[0] in ("shape", "clinical")), None)
    if spaceless is not None:
        click(desk, spaceless)
        assert desk.settings.overlayMap == before and "no place" in desk.ui.definitionLabel.text


def test_feature_lines_say_what_they_are_and_show_their_own_map(desk):
    desk.press("predictButton")
    explanation = desk.panel.result.explanations[0]
    localised = next(c for c in explanation.contributions if c.localised)
    path = next(p for p, line in lines(desk).items() if line.key == localised.key)
    click(desk, path)
    assert desk.ui.definitionLabel.text and desk.ui.highLowLabel.visible
    assert "low means" in desk.ui.highLowLabel.toolTip or desk.ui.highLowLabel.toolTip
    assert desk.settings.overlayMap == f"{explanation.model_id}|feature:{localised.key}"
    layer, values = shown(desk)
    inside = values > layer.volume.GetDisplayNode().GetLowerThreshold()
    millilitres = np.prod(layer.volume.GetSpacing()) / 1000
    assert values[inside].sum() * millilitres == pytest.approx(localised.phi, rel=1e-3, abs=1e-6)


def test_shared_credit_is_said_and_kept_with_the_scene(desk):
    desk.press("predictButton")
    result = desk.panel.result
    keys = tuple(c.key for c in result.explanations[0].contributions[:2])
    sharing = replace(result.explanations[0], shared=(keys,))
    desk.panel.result = replace(result, explanations=(sharing, *result.explanations[1:]))
    desk.panel.refresh()
    assert "share their credit" in desk.ui.sharedLabel.text
    assert result_from_state(result_to_state(desk.panel.result)).explanations[0].shared == (keys,)


def test_groups_that_were_open_stay_open(desk):
    desk.press("predictButton")
    item, _parent, line = next(entry for entry in desk.panel.ledger._items if entry[2].children)
    item.setExpanded(True)
    desk.erode()
    desk.settle()
    opened = [line.path for item, _p, line in desk.panel.ledger._items if item.isExpanded()]
    assert opened == [line.path]


def test_level_two_has_a_layer_and_a_ledger_of_its_own(desk):
    desk.press("predictButton")
    assert desk.ui.regionsButton.enabled
    desk.press("regionsButton")
    model_id = desk.panel.result.predictions[0].model_id
    found = desk.panel.questions.answers.regions[model_id]
    assert desk.settings.overlayMap == f"{model_id}|regions"
    layer, values = shown(desk)
    assert layer is desk.panel.overlay.regions and not desk.panel.overlay.overlay.shown
    assert layer.legend.GetTitleText().startswith(REGIONS_HEADING)
    below = values > layer.volume.GetDisplayNode().GetLowerThreshold()
    millilitres = np.prod(layer.volume.GetSpacing()) / 1000
    assert values[below].sum() * millilitres == pytest.approx(found.psi.sum(), rel=1e-4, abs=1e-6)
    group = lines(desk)[("regions",)]
    assert len(group.children) == len(found.psi) + 1
    assert group.amount == signed(found.psi.sum() + found.nonspatial)
    assert "evaluations" in desk.ui.regionsLabel.text
    click(desk, ("total",))
    assert desk.panel.overlay.layer is desk.panel.overlay.overlay
    click(desk, ("regions", "1"))
    assert desk.panel.overlay.layer is desk.panel.overlay.regions
    desk.erode()
    desk.settle()
    assert not desk.panel.questions.answers.regions, "of the old outline"
    assert desk.panel.overlay.layer is desk.panel.overlay.overlay and not desk.ui.regionsLabel.text


def test_the_strongest_parts_can_be_split(desk):
    desk.press("predictButton")
    assert not desk.ui.refineButton.enabled
    desk.press("regionsButton")
    model_id = desk.panel.result.predictions[0].model_id
    before = desk.panel.questions.answers.regions[model_id]
    assert desk.ui.refineButton.enabled
    desk.press("refineButton")
    after = desk.panel.questions.answers.regions[model_id]
    assert len(after.psi) > len(before.psi)
    assert after.psi.sum() == pytest.approx(before.psi.sum(), abs=1e-9)
    assert len(lines(desk)[("regions",)].children) == len(after.psi) + 1
    assert desk.panel.overlay.layer is desk.panel.overlay.regions


def test_parts_that_the_user_drew(desk):
    desk.press("predictButton")
    desk.ui.regionsKindComboBox.setCurrentIndex(3)
    desk.press("regionsButton")
    assert desk.messages[-1][0] == "errorDisplay" and "drawn part" in desk.messages[-1][1]
    image = image_from_node(desk.volumes["t1c"])
    whole = mask_from_segment(desk.segmentation, desk.segment_id, desk.volumes["t1c"])
    half = sitk.GetArrayFromImage(whole)
    half[:, :, : half.shape[2] // 2] = 0
    drawn = sitk.GetImageFromArray(half)
    drawn.CopyInformation(image)
    write_segment(desk.segmentation, "", drawn, desk.volumes["t1c"], "Part")
    assert not desk.panel.stale, "a further segment is not the outline"
    desk.press("regionsButton")
    found = desk.panel.questions.answers.regions[desk.panel.result.predictions[0].model_id]
    assert found.kind == "drawn" and len(found.psi) == 2
    expected = half.sum() * np.prod(image.GetSpacing()) / 1000
    assert found.volume_ml[0] == pytest.approx(expected, rel=0.05)
    layer, values = shown(desk)
    assert layer is desk.panel.overlay.regions
    points = np.argwhere(half)[::97]
    inside = [image.TransformIndexToPhysicalPoint([int(i) for i in p[::-1]]) for p in points]
    colours = {layer.value_at(np.array(p) * [-1, -1, 1]) for p in inside}
    share = found.psi[0] / found.volume_ml[0]
    near = [c for c in colours if c is not None and abs(c - share) < 1e-3 * abs(share)]
    assert near, "the drawn half has the colour of the first part"


def test_influence_with_flip_marks_follows_the_outline(desk):
    desk.settings.followInfluence = True
    desk.press("predictButton")
    model_id = desk.panel.result.predictions[0].model_id
    first = desk.panel.questions.answers.influence[model_id]
    assert desk.panel.overlay.layer is desk.panel.overlay.overlay, "in the background: the view stays"
    desk.settings.overlayMap = f"{model_id}|influence"
    layer, _values = shown(desk)
    assert layer is desk.panel.overlay.influence
    assert layer.legend.GetTitleText().startswith(INFLUENCE_HEADING)
    flips = any(inside.any() for inside in flip_masks(first).values())
    assert layer.marks.shown == flips
    desk.settings.flipMarksVisible = False
    assert not layer.marks.shown
    desk.erode()
    desk.settle()
    second = desk.panel.questions.answers.influence[model_id]
    assert second is not first and second.probability == desk.panel.result.predictions[0].probability
    assert desk.panel.overlay.layer is desk.panel.overlay.influence


def test_an_edit_interrupts_a_question(desk):
    desk.press("predictButton")
    first = desk.numbers
    desk.ui.regionsButton.emit("clicked(bool)", False)
    assert desk.panel.job.busy and desk.panel.questions.asking
    desk.erode()
    desk.settle()
    assert desk.numbers != first and not desk.panel.stale
    assert not desk.panel.questions.answers.regions
    assert not [m for m in desk.messages if m[0] == "errorDisplay"]


def test_the_outline_is_varied_by_itself_and_an_edit_comes_first(desk):
    desk.press("predictButton")
    first, numbers = desk.panel.result, desk.numbers
    assert len(first.stability) == len(first.predictions)
    assert all(entry.variants >= 20 for entry in first.stability)
    desk.ui.predictButton.emit("clicked(bool)", False)
    while not desk.panel._varying:
        desk.panel.job._on_timer()
    assert not desk.panel.result.stability, "the number is there before"
    desk.erode()
    desk.settle()
    assert desk.numbers != numbers and not desk.panel.stale and desk.panel.result.stability
    assert not [m for m in desk.messages if m[0] == "errorDisplay"]


def test_hatching_arrives_in_the_background(desk):
    desk.settings.hatchingVisible = True
    desk.press("predictButton")
    model_id = desk.panel.result.predictions[0].model_id
    unstable = desk.panel.questions.answers.unstable[model_id]
    layer = desk.panel.overlay.overlay
    any_inside = (sitk.GetArrayViewFromImage(unstable) != 0).any()
    assert layer.hatching.shown == bool(any_inside)
    desk.settings.hatchingVisible = False
    assert not layer.hatching.shown


def test_strongest_regions_in_three_dimensions(desk):
    desk.press("predictButton")
    assert not desk.panel.overlay.strongest.shown
    desk.settings.strongestVisible = True
    assert desk.panel.overlay.strongest.shown
    desk.settings.overlayVisible = False
    assert not desk.panel.overlay.strongest.shown


def test_what_if_moves_the_probability_and_says_hypothetical(desk):
    desk.press("predictButton")
    ui, panel = desk.ui, desk.panel
    explanation = panel.result.explanations[0]
    assert len(ui.whatIfComboBox.items) == len(explanation.contributions) and ui.whatIfSlider.enabled
    key = explanation.contributions[0].key
    ui.whatIfSlider.emit("valueChanged(double)", ui.whatIfSlider.maximum)
    assert "Hypothetical" in ui.whatIfLabel.text and "→" in ui.whatIfLabel.text
    assert panel.view.what_if.changes == {key: ui.whatIfSlider.maximum}
    expected = panel.study.session.what_if(explanation.model_id, panel.view.what_if.changes)
    assert signed(expected.hypothetical.log_odds - expected.actual.log_odds) in ui.whatIfLabel.text
    desk.press("whatIfResetButton")
    assert panel.view.what_if.changes == {} and ui.whatIfLabel.text == ""
    assert panel.result.predictions[0].log_odds == expected.actual.log_odds, "nothing was measured anew"


def test_each_edit_says_what_it_moved(desk):
    desk.press("predictButton")
    assert desk.ui.deltaLabel.text == ""
    desk.erode()
    desk.settle()
    delta = desk.panel.result.deltas[0]
    assert sum(term.phi for term in delta.terms) == pytest.approx(delta.log_odds, abs=1e-9)
    assert signed(delta.log_odds) in desk.ui.deltaLabel.text
    assert len(desk.ui.deltaLabel.text.split("<br>")) == len(MODELS)
    judged(desk, "red", "green")
    assert len(desk.ui.deltaLabel.text.split("<br>")) == 1, "a withheld number is not told by its change"


def test_probe_tells_the_value_under_the_mouse(desk):
    desk.press("predictButton")
    layer, values = shown(desk)
    index = np.argwhere(values > layer.volume.GetDisplayNode().GetLowerThreshold())[40][::-1]
    image = image_from_node(layer.volume)
    point = np.array(image.TransformIndexToPhysicalPoint([int(i) for i in index])) * [-1, -1, 1]
    words = desk.panel.probe.words(tuple(float(x) for x in point))
    assert words.startswith("Here: ") and "log-odds per mL" in words
    assert signed(float(image.GetPixel([int(i) for i in index])), 3) in words
    assert desk.panel.probe.words((1e4, 0.0, 0.0)) == ""


def test_colour_table_reaches_every_layer(desk):
    desk.press("predictButton")
    desk.press("regionsButton")
    desk.ui.colorsComboBox.setCurrentIndex(1)
    assert "orange" in desk.panel.overlay.regions.volume.GetDisplayNode().GetColorNode().GetName()
    click(desk, ("total",))
    assert "orange" in desk.panel.overlay.overlay.volume.GetDisplayNode().GetColorNode().GetName()


def test_closing_the_scene_forgets_the_answers(desk):
    desk.press("predictButton")
    desk.press("regionsButton")
    desk.panel.bind(None)
    desk.panel.scene_about_to_close()
    assert not desk.panel.questions.answers.regions and not desk.panel.ledger.lines


def test_dicom_objects_from_the_files_behind_the_volume(desk, tmp_path):
    """A volume that Slicer loaded from DICOM names its files; another one is refused in words."""
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom")
    from dicom_writer import write_series

    desk.ui.exportDirectoryButton.directory = str(tmp_path / "out")
    desk.press("predictButton")
    desk.press("exportDicomButton")
    assert desk.messages[-1][0] == "errorDisplay" and "not read from DICOM" in desk.messages[-1][1]
    image = image_from_node(desk.volumes["t1c"])
    values = sitk.GetArrayFromImage(image)
    spacing, origin, direction = image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    write_series(
        tmp_path / "t1c", values.astype(np.uint16), spacing=spacing, origin=origin, direction=direction
    )
    desk.panel.study.files = lambda node: [str(path) for path in (tmp_path / "t1c").iterdir()]
    desk.press("exportDicomButton")
    written = sorted(path.name for path in (tmp_path / "out" / "dicom").iterdir())
    assert written[-1] == "report.dcm" and len(written) == 1 + len(desk.panel.result.explanations)
    report = pydicom.dcmread(tmp_path / "out" / "dicom" / "report.dcm")
    assert report.SeriesDescription == RESEARCH_USE_ONLY
    desk.press("exportDicomButton")
    assert [kind for kind, _ in desk.messages].count("confirmOkCancelDisplay") == 1
