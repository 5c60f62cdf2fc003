"""The session: what follows from an outline, and what does not change when something goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from support import SyntheticTumour, synthetic_tumour, toy_model
from virtualbiopsy.case.clinical import encode_clinical
from virtualbiopsy.case.model import Case, Sequence
from virtualbiopsy.errors import (
    Cancelled,
    ClinicalValueError,
    EmptyRegionError,
    FlatRegionError,
    GeometryError,
    MissingSequenceError,
    VirtualBiopsyError,
)
from virtualbiopsy.models.inference import log_odds
from virtualbiopsy.prepare.prepare import prepare_case, prepare_mask
from virtualbiopsy.radiomics.extract import extract
from virtualbiopsy.radiomics.keys import FeatureKey, is_clinical
from virtualbiopsy.regions.derive import region_mask
from virtualbiopsy.session import Session, region_digest

RING_KEYS = (
    "mask:tumour:original:morphology:maximum_3d_diameter:3d:none:ibsi",
    "t1c:tumour:original:statistics:mean:3d:none:ibsi",
    "t1c:largest_slice:original:statistics:variance:3d:none:ibsi",
    "t1c:ring5:original:statistics:mean:3d:none:ibsi",
    "adc:tumour:original:statistics:mean:3d:none:ibsi",
    "clinical:age",
)


@pytest.fixture(scope="module")
def tumour() -> SyntheticTumour:
    return synthetic_tumour(shape=(34, 44, 42), spacing=(2.0, 1.0, 1.1), radius_mm=10.0)


def case_of(tumour: SyntheticTumour, roles=("t1c", "adc"), **fields) -> Case:
    sequences = tuple(Sequence(role, f"{role}-image", tumour.image(role)) for role in roles)
    return Case("synthetic", sequences, **fields)


def edited(mask: sitk.Image) -> sitk.Image:
    array = sitk.GetArrayFromImage(mask)
    array[np.argmax(array.any(axis=(1, 2)))] = 0
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(mask)
    return changed


def test_the_box_around_the_outline_gives_the_numbers_of_the_whole_image(tumour):
    model = toy_model(keys=RING_KEYS)
    case = case_of(tumour, clinical={"age": 61})
    result = Session(case, [model]).set_region(tumour.mask())

    prepared = prepare_case(case, model.preparation)
    outline = prepare_mask(tumour.mask(), prepared)
    names = ("tumour", "largest_slice", "ring5")
    masks = {name: sitk.GetArrayFromImage(region_mask(name, outline)) > 0 for name in names}
    images = {role: sitk.GetArrayFromImage(image) for role, image in prepared.images.items()}
    keys = [FeatureKey.parse(key) for key in RING_KEYS if not is_clinical(key)]
    values = dict(extract(images, masks, prepared.grid.GetSpacing()[::-1], keys).values)
    values.update(encode_clinical(case.clinical))

    for key in RING_KEYS:
        assert result.features.values[key] == pytest.approx(values[key], rel=1e-10), key
    row = np.array([[values[key] for key in RING_KEYS]])
    assert result.predictions[0].log_odds == pytest.approx(log_odds(model, row)[0], rel=1e-10)


def test_every_explanation_adds_up(tumour):
    models = [toy_model("logistic"), toy_model("gaussian_nb"), toy_model("random_forest")]
    result = Session(case_of(tumour), models).set_region(tumour.mask())
    assert len(result.predictions) == 3
    for prediction, explanation in zip(result.predictions, result.explanations, strict=True):
        voxels = sitk.GetArrayFromImage(explanation.total).sum()
        rest = sum(c.phi for c in explanation.not_localised)
        assert explanation.baseline + voxels + rest == pytest.approx(prediction.log_odds, abs=1e-9)


def test_an_edit_changes_the_answer_and_its_undo_brings_it_back(tumour):
    session = Session(case_of(tumour), [toy_model()])
    mask = tumour.mask()
    first = session.set_region(mask)
    second = session.set_region(edited(mask))
    third = session.set_region(mask)
    assert second.predictions[0].log_odds != first.predictions[0].log_odds
    assert second.region_digest != first.region_digest
    assert third.predictions == first.predictions
    assert third.region_digest == first.region_digest
    assert session.set_region(None) is None and session.result is None and session.mask is None


def test_the_digest_sees_voxels_and_geometry_but_not_the_label_value(tumour):
    mask = tumour.mask()
    moved = sitk.Image(mask)
    moved.SetOrigin([x + 1 for x in mask.GetOrigin()])
    assert region_digest(mask * 7) == region_digest(mask)
    assert len({region_digest(m) for m in (mask, moved, edited(mask))}) == 3


def test_models_that_lack_a_sequence_are_skipped_with_the_reason(tumour):
    needs_flair = toy_model("lda", required_sequences=("t1c", "flair"))
    session = Session(case_of(tumour), [toy_model(), needs_flair])
    result = session.set_region(tumour.mask())
    assert [p.model_id for p in result.predictions] == ["toy-logistic"]
    assert "flair" in result.skipped["toy-lda"]
    with pytest.raises(MissingSequenceError, match="flair"):
        Session(case_of(tumour), [needs_flair]).set_region(tumour.mask())


def test_an_absent_optional_sequence_is_imputed_and_listed(tumour):
    result = Session(case_of(tumour, roles=("t1c",)), [toy_model()]).set_region(tumour.mask())
    imputed = result.predictions[0].imputed
    assert any(key.startswith("adc:") for key in imputed) and "clinical:age" in imputed
    adc = next(key for key in imputed if key.startswith("adc:"))
    assert "adc" in result.features.missing[adc]


def test_a_sequence_that_misses_part_of_the_tumour_is_not_used(tumour):
    sequences = (
        Sequence("t1c", "t1c-image", tumour.image("t1c")),
        Sequence("adc", "adc-image", tumour.image("adc")[:, :, : tumour.grid.GetDepth() // 2]),
    )
    session = Session(Case("half", sequences), [toy_model()])
    session.set_preparation(register=False)
    result = session.set_region(tumour.mask())
    adc = next(key for key in result.predictions[0].imputed if key.startswith("adc:"))
    assert adc not in result.features.values
    assert "field of view" in result.features.missing[adc]
    assert any("field of view of the adc" in warning for warning in result.warnings)


def test_a_new_role_is_used_and_stales_the_result(tumour):
    session = Session(case_of(tumour, roles=("t1c", "t2")), [toy_model()])
    before = session.set_region(tumour.mask())
    session.set_role("t2-image", "t1c")
    assert session.result is None
    assert session.case.sequence("t1c").name == "t2-image"
    after = session.set_region(tumour.mask())
    assert after.predictions[0].log_odds != before.predictions[0].log_odds


def test_clinical_values_matter_and_bad_ones_change_nothing(tumour):
    session = Session(case_of(tumour, clinical={"age": 40}), [toy_model()])
    young = session.set_region(tumour.mask()).predictions[0]
    with pytest.raises(ClinicalValueError):
        session.set_clinical({"age": 400})
    assert session.case.clinical["age"] == 40 and session.result is not None
    session.set_clinical({"age": 80})
    old = session.set_region(tumour.mask()).predictions[0]
    assert old.log_odds != young.log_odds


@pytest.mark.parametrize("stop_after", [0.0, 0.3, 0.75, 0.85])
def test_cancelling_at_any_stage_keeps_the_previous_result(tumour, stop_after):
    session = Session(case_of(tumour), [toy_model()])
    before = session.set_region(tumour.mask())
    session.set_preparation(bias_correction=False, normalise="none")
    session._result = before

    def stop(fraction: float, message: str) -> None:
        if fraction >= stop_after:
            raise Cancelled

    with pytest.raises(Cancelled):
        session.set_region(edited(tumour.mask()), stop)
    assert session.result is before
    assert session.set_region(tumour.mask()).predictions


def bad_regions(tumour: SyntheticTumour) -> dict[str, tuple[sitk.Image, type[VirtualBiopsyError]]]:
    mask = tumour.mask()
    elsewhere = sitk.Image(mask)
    elsewhere.SetOrigin([x + 5000 for x in mask.GetOrigin()])
    return {"empty": (mask * 0, EmptyRegionError), "elsewhere": (elsewhere, GeometryError)}


@pytest.mark.parametrize("name", ["empty", "elsewhere"])
def test_a_bad_region_is_a_typed_error_and_the_session_goes_on(tumour, name):
    mask, error = bad_regions(tumour)[name]
    session = Session(case_of(tumour), [toy_model()])
    before = session.set_region(tumour.mask())
    with pytest.raises(error):
        session.set_region(mask)
    assert session.result is before


def test_a_flat_region_is_a_typed_error(tumour):
    wide = sitk.Cast(sitk.BinaryDilate(tumour.mask(), [6, 6, 6]), sitk.sitkFloat64)
    flat = sitk.Cast(tumour.image("t1c"), sitk.sitkFloat64) * (1 - wide) + 5 * wide
    session = Session(Case("flat", (Sequence("t1c", "flat", flat),)), [toy_model()])
    session.set_preparation(interpolator="linear")
    with pytest.raises(FlatRegionError):
        session.set_region(tumour.mask())


def test_what_the_reader_must_know_is_said(tumour):
    array = sitk.GetArrayFromImage(tumour.mask())
    array[0, 2:6, 2:6] = 1
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(tumour.mask())
    session = Session(case_of(tumour, warnings=("From the reader.",)), [toy_model()])
    session.set_preparation(interpolator="linear")
    result = session.set_region(mask)
    text = " ".join(result.warnings)
    for part in ("From the reader.", "border", "2 separate parts", "interpolator = linear"):
        assert part in text
    assert any("SHA-256" in step for step in result.provenance)


def test_stability_holds_the_estimate_itself_and_counts_flips(tumour):
    session = Session(case_of(tumour), [toy_model(), toy_model("gaussian_nb")])
    with pytest.raises(EmptyRegionError):
        session.stability()
    result = session.set_region(tumour.mask())
    entries = session.stability()
    assert session.result.stability == entries
    for entry, prediction in zip(entries, result.predictions, strict=True):
        assert entry.model_id == prediction.model_id
        assert entry.variants >= 20
        assert entry.low <= entry.p5 <= entry.median <= entry.p95 <= entry.high
        assert entry.low <= prediction.probability <= entry.high
        assert entry.low < entry.high
    middle = toy_model(threshold=(entries[0].low + entries[0].high) / 2)
    split = Session(case_of(tumour), [middle])
    split.set_region(tumour.mask())
    assert split.stability()[0].flips > 0
