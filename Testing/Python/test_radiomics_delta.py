"""Changes between two time points: formulas, reasons, and what explanations do with them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from regions_support import scene
from support import synthetic_tumour, toy_features, toy_model
from virtualbiopsy.errors import FeatureError, ModelFormatError
from virtualbiopsy.explain.explain import NOTE_CHANGE, explain
from virtualbiopsy.explain.groups import CHANGE, path_of
from virtualbiopsy.explain.influence import influence
from virtualbiopsy.explain.region_game import RegionGame
from virtualbiopsy.measure import Measuring
from virtualbiopsy.models.inference import log_odds, model_inputs, predict
from virtualbiopsy.models.radmodel import from_bytes, to_bytes
from virtualbiopsy.radiomics.definitions import describe
from virtualbiopsy.radiomics.delta import NO_EARLIER, completed, with_deltas
from virtualbiopsy.radiomics.keys import delta_key, delta_parts, is_delta, measured_keys
from virtualbiopsy.radiomics.vector import FeatureVector
from virtualbiopsy.report.labels import feature_label

MEAN = "t1c:tumour:original:statistics:mean:3d:none:ibsi"
DIAMETER = "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi"
ADC = "adc:tumour:original:statistics:mean:3d:none:ibsi"
KEYS = (MEAN, delta_key(MEAN), delta_key(MEAN, relative=True), delta_key(DIAMETER), "clinical:age")


def test_keys_name_the_feature_and_the_kind_of_change():
    assert delta_key(MEAN) == f"delta:{MEAN}" and delta_key(MEAN, True) == f"reldelta:{MEAN}"
    for relative in (False, True):
        feature, found = delta_parts(delta_key(MEAN, relative))
        assert (str(feature), found) == (MEAN, relative)
    assert not is_delta(MEAN) and not is_delta("clinical:age")
    assert [str(key) for key in measured_keys(KEYS)] == [MEAN, DIAMETER]
    for wrong in ("delta:clinical:age", "delta:", f"delta:delta:{MEAN}", MEAN):
        with pytest.raises(FeatureError):
            delta_parts(wrong)


@pytest.mark.parametrize(
    ("earlier", "later", "change", "relative"),
    [(2.0, 5.0, 3.0, 1.5), (5.0, 2.0, -3.0, -0.6), (-4.0, -1.0, 3.0, 0.75), (7.5, 7.5, 0.0, 0.0)],
)
def test_changes_are_later_minus_earlier(earlier, later, change, relative):
    vector = with_deltas(FeatureVector({MEAN: later}, earlier={MEAN: earlier}), KEYS[1:3])
    assert vector.values == {MEAN: later, KEYS[1]: change, KEYS[2]: relative}
    assert not vector.missing


def test_identity_gives_zero():
    values = {MEAN: 1.37, DIAMETER: 21.0}
    vector = with_deltas(FeatureVector(values, earlier=values), KEYS)
    assert [vector.values[key] for key in KEYS[1:4]] == [0.0, 0.0, 0.0]


def test_what_cannot_be_computed_is_missing_with_its_reason():
    alone = with_deltas(FeatureVector({MEAN: 1.0}), KEYS)
    assert set(alone.values) == {MEAN}
    assert {alone.missing[key] for key in KEYS[1:4]} == {NO_EARLIER}
    vector = FeatureVector({MEAN: 1.0}, {DIAMETER: "the region is empty"}, earlier={MEAN: 0.0, DIAMETER: 3.0})
    found = with_deltas(vector, [*KEYS, delta_key(ADC)])
    assert found.values[KEYS[1]] == 1.0
    assert "zero" in found.missing[KEYS[2]]
    assert "the region is empty" in found.missing[KEYS[3]]
    assert "later" in found.missing[delta_key(ADC)]
    lost = with_deltas(FeatureVector({MEAN: 1.0}, earlier={DIAMETER: 1.0}), KEYS[1:2])
    assert "earlier" in lost.missing[KEYS[1]]
    again = with_deltas(FeatureVector(found.values, found.missing, earlier={MEAN: 2.0}), KEYS[1:3])
    assert again.values[KEYS[2]] == -0.5 and KEYS[2] not in again.missing
    tiny = with_deltas(FeatureVector({MEAN: 1e300}, earlier={MEAN: 1e-300}), KEYS[2:3])
    assert KEYS[2] in tiny.missing


def test_a_changed_outline_is_compared_with_the_same_earlier_time_point():
    given = FeatureVector({MEAN: 3.0, "clinical:age": 50.0, KEYS[1]: 1.0}, earlier={MEAN: 2.0})
    found = completed(FeatureVector({MEAN: 2.5}), given, KEYS)
    assert found.values[KEYS[1]] == 0.5 and found.values["clinical:age"] == 50.0
    assert found.earlier == given.earlier


def test_words_for_changes():
    described = describe(KEYS[2])
    assert described.label == "Relative change of mean" and described.unit == "" and not described.ibsi_code
    assert describe(KEYS[1]).unit == describe(MEAN).unit
    label = feature_label(KEYS[3])
    assert label.name == "Change of maximum 3D diameter" and label.unit == "mm"
    assert feature_label(KEYS[1]).full == "Change of mean, T1c, later − earlier time point"
    assert path_of(KEYS[1]) == (CHANGE, "t1c") and path_of(KEYS[3]) == (CHANGE, "shape")


def test_a_model_of_changes_is_written_and_read():
    model = toy_model(keys=KEYS)
    assert model.needs_earlier and not toy_model().needs_earlier
    assert [str(key) for key in model.radiomic_keys] == [MEAN]
    assert [str(key) for key in model.measured_keys] == [MEAN, DIAMETER]
    assert from_bytes(to_bytes(model)).feature_keys == KEYS
    with pytest.raises(ModelFormatError):
        to_bytes(replace(model, feature_keys=(*KEYS[:-1], "delta:clinical:age")))
    with pytest.raises(ModelFormatError, match="adc"):
        to_bytes(toy_model(keys=(MEAN, delta_key(ADC)), optional_sequences=()))


def test_changes_carry_their_share_without_a_place_in_the_image():
    tumour = synthetic_tumour(seed=4)
    model = toy_model(keys=KEYS)
    values = {MEAN: float(tumour.images["t1c"][tumour.masks["tumour"]].mean()), "clinical:age": 50.0}
    values[DIAMETER] = 22.0
    features = with_deltas(FeatureVector(values, earlier={MEAN: 1.1, DIAMETER: 25.0}), KEYS)
    prediction = predict(model, features)
    explanation = explain(model, features, tumour.images, tumour.masks, tumour.grid)
    by_key = {c.key: c for c in explanation.contributions}
    for key in KEYS[1:4]:
        assert not by_key[key].localised and by_key[key].note == NOTE_CHANGE
        assert by_key[key].value == features.values[key]
    voxels = sitk.GetArrayFromImage(explanation.total).sum()
    rest = sum(c.phi for c in explanation.not_localised)
    assert prediction.baseline + voxels + rest == pytest.approx(prediction.log_odds, abs=1e-9)
    without = explain(model, FeatureVector(values), tumour.images, tumour.masks, tumour.grid)
    assert {c.note for c in without.contributions if is_delta(c.key)} == {"imputed"}


def test_edits_of_the_later_outline_move_the_changes():
    """A change is that of the edited outline against the earlier time point, by re-measuring in full."""
    tumour = synthetic_tumour(seed=4, oblique=False)
    model = toy_model(keys=KEYS)
    held = scene(tumour, model)
    earlier = {key: value - 0.5 for key, value in held.measured.vector.values.items()}
    given = with_deltas(
        FeatureVector({**held.measured.vector.values, "clinical:age": 50.0}, earlier=earlier), KEYS
    )
    found = influence(model, held.measuring, held.measured, given, parts=6)
    labels = sitk.GetArrayFromImage(found.labels)
    part = int(np.flatnonzero(np.isfinite(found.erased))[0]) + 1
    corner = [
        round(v) for v in held.measured.grid.TransformPhysicalPointToContinuousIndex(found.labels.GetOrigin())
    ]
    inside = np.zeros(held.measuring.prepared.grid.GetSize()[::-1], dtype=bool)
    box = held.measured.box
    start = [side.start + c for side, c in zip(box, reversed(corner), strict=True)]
    place = tuple(slice(s, s + n) for s, n in zip(start, labels.shape, strict=True))
    inside[place] = (labels > 0) & (labels != part)
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    mask.CopyInformation(held.measuring.prepared.grid)
    anew = Measuring(held.measuring.prepared, model.measured_keys).measure(mask).vector
    wanted = with_deltas(FeatureVector({**anew.values, "clinical:age": 50.0}, earlier=earlier), KEYS)
    assert wanted.values[KEYS[1]] != given.values[KEYS[1]]
    difference = predict(model, wanted).probability - predict(model, given).probability
    assert found.erased[part - 1] == pytest.approx(difference, abs=1e-9)


def test_parts_of_the_outline_leave_the_changes_as_they_are():
    held = scene(synthetic_tumour(seed=4, oblique=False), toy_model(keys=KEYS))
    given = with_deltas(
        FeatureVector(
            {**held.measured.vector.values, "clinical:age": 50.0}, earlier=held.measured.vector.values
        ),
        KEYS,
    )
    labels = np.where(held.measured.masks["tumour"], 1, 0).astype(np.int32)
    game = RegionGame(held.model, held.measuring, held.measured, given, labels)
    assert {key: why for key, why in game.frozen.items() if is_delta(key)} == dict.fromkeys(
        KEYS[1:4], "change between two time points"
    )
    row = model_inputs(held.model, given).row
    assert math.isclose(game.log_odds, float(log_odds(held.model, row[None])[0]))


def test_toy_features_know_changes():
    assert set(toy_features(toy_model(keys=KEYS)).values) == set(KEYS)
