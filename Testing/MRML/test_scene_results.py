"""A case from nodes, the study that keeps its session, and results in the scene and back."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour, toy_model
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import EmptyRegionError, MissingSequenceError, RegionError, UnreadableFileError
from virtualbiopsy.scene.cases import case_from_nodes, case_signature, guess_roles
from virtualbiopsy.scene.overlay import ExplanationOverlay
from virtualbiopsy.scene.results import (
    explanation_map,
    map_choices,
    result_from_state,
    result_nodes,
    result_to_state,
)
from virtualbiopsy.scene.segments import write_segment
from virtualbiopsy.scene.volumes import image_from_node, node_from_image
from virtualbiopsy.session import Session

pytestmark = pytest.mark.mrml

MODELS = [toy_model("logistic"), toy_model("random_forest", seed=3, endpoint="PR", positive="PR positive")]


def images(seed=0):
    case = synthetic_tumour(seed=seed, shape=(20, 30, 28), radius_mm=9.0)
    found = {role: sitk.Cast(case.image(role) * 100 + 300, sitk.sitkInt16) for role in ("t1c", "t2")}
    found["adc"] = sitk.Cast(sitk.Maximum(case.image("adc"), 1.0), sitk.sitkFloat32)
    return found, case.mask()


@pytest.fixture
def loaded(stage):
    found, mask = images()
    volumes = {role: node_from_image(stage.scene, image, f"Series {role}") for role, image in found.items()}
    segmentation = stage.segmentation(volumes["t1c"])
    segment_id = write_segment(segmentation, "", mask, volumes["t1c"], "Tumour")
    return stage, volumes, segmentation, segment_id, found, mask


@pytest.fixture(scope="module")
def result():
    found, mask = images()
    case = Case("case", tuple(Sequence(role, role, image) for role, image in found.items()))
    session = Session(case, MODELS)
    session.set_clinical({"age": 61})
    session.set_region(mask)
    session.stability()
    return session.result


def study(models=MODELS):
    from virtualbiopsy.desktop.study import Inputs, Study

    return Study(models), Inputs


def test_case_holds_what_the_nodes_show(loaded):
    _, volumes, _, _, found, _ = loaded
    tags = {
        "Series adc": {"RepetitionTime": "4000", "FrameOfReferenceUID": "1.2.3", "SeriesDescription": "x"}
    }
    case = case_from_nodes(
        {**volumes, "flair": None}, {"age": "61"}, tags=lambda node: tags.get(node.GetName(), {})
    )
    assert [s.role for s in case.sequences] == ["t1c", "t2", "adc"] and case.name == "Series t1c"
    for sequence in case.sequences:
        np.testing.assert_array_equal(
            sitk.GetArrayViewFromImage(sequence.image), sitk.GetArrayViewFromImage(found[sequence.role])
        )
    adc = case.sequence("adc")
    assert adc.frame_of_reference == "1.2.3" and dict(adc.protocol) == {"RepetitionTime": "4000"}
    assert case.sequence("t1c").frame_of_reference is None


def test_same_names_stay_apart(loaded):
    _, volumes, *_ = loaded
    for node in volumes.values():
        node.SetName("MR")
    names = [s.name for s in case_from_nodes(volumes).sequences]
    assert len(set(names)) == 3


def test_signature_changes_with_voxels_place_and_choice(loaded):
    stage, volumes, *_ = loaded
    first = case_signature(volumes)
    assert case_signature(dict(volumes)) == first
    volumes["t2"].GetImageData().Modified()
    second = case_signature(volumes)
    volumes["t2"].SetOrigin(1, 2, 3)
    third = case_signature(volumes)
    transform = stage.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    volumes["t2"].SetAndObserveTransformNodeID(transform.GetID())
    fourth = case_signature(volumes)
    fifth = case_signature({**volumes, "t2": None})
    assert len({first, second, third, fourth, fifth}) == 5


def test_roles_are_guessed_with_a_reason(loaded):
    stage, volumes, *_ = loaded
    volumes["t1c"].SetName("t1c")
    volumes["adc"].SetName("ADC map")
    volumes["t2"].SetName("t2")
    overlay = ExplanationOverlay(stage.scene).show(images()[0]["t2"] * 0.0, "t1")
    found = guess_roles([*volumes.values(), overlay], ("t1c", "t2", "adc", "flair"))
    assert {role: node for role, (node, _) in found.items()} == volumes
    assert all(guess.reason for _, guess in found.values())


def test_series_description_outweighs_the_node_name(loaded):
    _, volumes, *_ = loaded
    volumes["t2"].SetName("t1c")  # a misleading name
    volumes["t1c"].SetName("unnamed")
    known = {"unnamed": {"SeriesDescription": "AX T1 POST GD"}, "t1c": {"SeriesDescription": "AX T2 TSE"}}
    found = guess_roles([volumes["t2"], volumes["t1c"]], ("t1c", "t2"), lambda node: known[node.GetName()])
    assert found["t1c"][0] is volumes["t1c"] and found["t2"][0] is volumes["t2"]


def test_study_gives_the_numbers_of_the_session(loaded, result):
    """Nodes or images: the same case, the same numbers."""
    _, volumes, segmentation, segment_id, *_ = loaded
    keeper, inputs = study()
    got = keeper.predict(inputs(volumes, segmentation, segment_id, {"age": "61"}))
    assert [p.log_odds for p in got.predictions] == [p.log_odds for p in result.predictions]
    assert got.features.values == result.features.values


def test_study_keeps_its_session_until_an_image_changes(loaded):
    _, volumes, segmentation, segment_id, _, mask = loaded
    keeper, inputs = study()
    chosen = inputs(volumes, segmentation, segment_id)
    first = keeper.predict(chosen)
    session = keeper.session
    write_segment(segmentation, segment_id, sitk.BinaryErode(mask, [1, 1, 1]), volumes["t1c"])
    second = keeper.predict(chosen)
    assert keeper.session is session and second.facts.voxels < first.facts.voxels
    volumes["t2"].GetImageData().Modified()
    keeper.predict(chosen)
    assert keeper.session is not session


def test_study_says_what_is_missing(loaded):
    _, volumes, segmentation, segment_id, *_ = loaded
    keeper, inputs = study()
    assert keeper.missing(inputs({"t1c": None})) == "volume"
    assert keeper.missing(inputs(volumes)) == "outline"
    with pytest.raises(MissingSequenceError, match="contrast"):
        keeper.predict(inputs({"t1c": None, "t2": volumes["t2"]}, segmentation, segment_id))
    with pytest.raises(RegionError):
        keeper.predict(inputs(volumes, segmentation, "deleted"))
    empty = segmentation.GetSegmentation().AddEmptySegment("empty", "Empty")
    with pytest.raises(EmptyRegionError):
        keeper.predict(inputs(volumes, segmentation, empty))
    assert keeper.predict(inputs(volumes, segmentation, segment_id)).predictions


def test_result_nodes_are_made_once(stage, result):
    titles = {model.model_id: model.title for model in MODELS}
    first = result_nodes(stage.scene, result, titles)
    count = stage.scene.GetNumberOfNodes()
    again = result_nodes(stage.scene, result, titles)
    assert stage.scene.GetNumberOfNodes() == count and again["features"] is first["features"]
    assert set(first["charts"]) == set(titles)
    assert first["diameter"].GetLineLengthWorld() == pytest.approx(result.facts.diameter_mm, abs=1e-6)
    table = first["features"].GetTable()
    assert table.GetNumberOfRows() == len(result.features.values) + len(
        set(result.features.missing) - set(result.features.values)
    )


def test_maps_of_a_result(stage, result):
    choices = map_choices(result)
    assert (MODELS[0].model_id, "total") in choices
    total = explanation_map(result, MODELS[0].model_id)
    parts = [explanation_map(result, m, p) for m, p in choices if m == MODELS[0].model_id and p != "total"]
    arrays = [sitk.GetArrayFromImage(part) for part in parts if part is not None]
    if arrays:
        np.testing.assert_allclose(np.sum(arrays, axis=0), sitk.GetArrayFromImage(total), atol=1e-12)
    assert explanation_map(result, "unknown") is None
    node = ExplanationOverlay(stage.scene).show(total, "Ki-67")
    shown = sitk.GetArrayFromImage(image_from_node(node))
    inside = shown > node.GetDisplayNode().GetLowerThreshold()
    millilitres = np.prod(total.GetSpacing()) / 1000
    explanation = next(e for e in result.explanations if e.model_id == MODELS[0].model_id)
    localised = sum(c.phi for c in explanation.contributions if c.localised)
    assert shown[inside].sum(dtype=np.float64) * millilitres == pytest.approx(localised, abs=1e-5)


def test_result_comes_back_from_json(result):
    text = json.dumps(result_to_state(result), allow_nan=False)
    back = result_from_state(json.loads(text))
    assert back.predictions == result.predictions and back.facts == result.facts
    assert back.features.values == result.features.values and back.evidence == result.evidence
    assert back.stability == result.stability and back.region_digest == result.region_digest
    for a, b in zip(back.explanations, result.explanations, strict=True):
        assert a.contributions == b.contributions and a.log_odds == b.log_odds
    assert map_choices(back) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s.pop("facts"),
        lambda s: s["facts"].update(surprise=1),
        lambda s: s["predictions"][0].update(probability=float("nan")),
        lambda s: s["predictions"][0].update(probability="high"),
        lambda s: s.update(explanations=3),
        lambda s: s["features"]["values"].update(x="many"),
    ],
)
def test_damaged_results_are_typed_errors(result, damage):
    state = json.loads(json.dumps(result_to_state(result)))
    damage(state)
    with pytest.raises(UnreadableFileError):
        result_from_state(state)


def test_curve_and_group_of_a_survival_model_come_back():
    found, mask = images()
    case = Case("case", tuple(Sequence(role, role, image) for role, image in found.items()))
    session = Session(case, [toy_model("cox"), toy_model("softmax")])
    session.set_region(mask)
    again = result_from_state(json.loads(json.dumps(result_to_state(session.result))))
    assert again.predictions == session.result.predictions
    assert again.predictions[0].survival.times == (3.0, 12.0, 20.0) and len(again.predictions[1].classes) == 3
