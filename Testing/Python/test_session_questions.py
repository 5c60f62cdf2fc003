"""What a front end may ask about a result: every answer is about this result, and adds up to it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from support import synthetic_tumour, toy_model
from test_session import case_of, edited
from virtualbiopsy.errors import Cancelled, EmptyRegionError, FeatureError
from virtualbiopsy.session import Session

MODEL = "toy-logistic"


@pytest.fixture(scope="module")
def tumour():
    return synthetic_tumour(shape=(26, 34, 32), spacing=(2.0, 1.0, 1.1), radius_mm=9.0)


@pytest.fixture(scope="module")
def session(tumour):
    found = Session(case_of(tumour, ("t1c", "adc", "t2")), [toy_model(), toy_model("gaussian_nb")])
    found.set_region(tumour.mask())
    return found


def total(image: sitk.Image) -> float:
    return float(sitk.GetArrayViewFromImage(image).sum())


def explanation(session):
    return next(e for e in session.result.explanations if e.model_id == MODEL)


QUESTIONS = {
    "explain_regions": lambda s, m: s.explain_regions(m, count=3),
    "influence": lambda s, m: s.influence(m, parts=4),
    "unstable_sign": lambda s, m: s.unstable_sign(m),
    "what_if": lambda s, m: s.what_if(m, {}),
    "feature_map": lambda s, m: s.feature_map(m, "clinical:age"),
    "shares_at": lambda s, m: s.shares_at(m, (0.0, 0.0, 0.0)),
    "native_maps": lambda s, m: s.native_maps(m),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_without_a_result_or_with_a_foreign_model_there_is_no_answer(tumour, session, name):
    with pytest.raises(EmptyRegionError):
        QUESTIONS[name](Session(case_of(tumour), [toy_model()]), MODEL)
    with pytest.raises(FeatureError, match="no result of the model"):
        QUESTIONS[name](session, "another")


def test_a_change_of_the_clinical_values_makes_the_questions_wait_for_a_new_result(tumour):
    session = Session(case_of(tumour), [toy_model()])
    session.set_region(tumour.mask())
    session.set_clinical({"age": 40})
    with pytest.raises(EmptyRegionError):
        session.explain_regions(MODEL)


def test_parts_and_their_pieces_add_up_to_the_score(session):
    prediction = next(p for p in session.result.predictions if p.model_id == MODEL)
    found = session.explain_regions(MODEL, count=4)
    assert found.baseline + found.nonspatial + found.psi.sum() == pytest.approx(prediction.log_odds, abs=1e-9)
    finer = session.refine_regions(found, count=1, pieces=3)
    assert len(finer.psi) == len(found.psi) + 2
    assert finer.psi.sum() == pytest.approx(found.psi.sum(), abs=1e-9)


def test_parts_drawn_on_the_prepared_grid_are_those_that_are_asked_about(session, tumour):
    prepared = session.prepared(session.models[0])
    drawn = np.zeros(prepared.grid.GetSize()[::-1], dtype=np.int32)
    drawn[: drawn.shape[0] // 2] = 1
    drawn[drawn.shape[0] // 2 :] = 2
    found = session.explain_regions(MODEL, kind="drawn", drawn=drawn)
    labels = sitk.GetArrayFromImage(found.labels)
    slices = {part: np.flatnonzero((labels == part).any(axis=(1, 2))) for part in (1, 2)}
    assert slices[1].max() < slices[2].min()


def test_the_map_of_a_feature_adds_up_to_its_contribution(session):
    for contribution in explanation(session).contributions:
        image = session.feature_map(MODEL, contribution.key)
        if contribution.localised:
            assert total(image) == pytest.approx(contribution.phi, abs=1e-9)
        else:
            assert image is None


def test_the_shares_of_a_voxel_add_up_to_the_map(session):
    image = explanation(session).total
    voxels = sitk.GetArrayViewFromImage(image)
    k, j, i = (int(n) for n in np.unravel_index(np.abs(voxels).argmax(), voxels.shape))
    shares = session.shares_at(MODEL, image.TransformIndexToPhysicalPoint((i, j, k)))
    assert sum(share for _, share in shares) == pytest.approx(voxels[k, j, i], abs=1e-12)
    assert [abs(s) for _, s in shares] == sorted((abs(s) for _, s in shares), reverse=True)
    assert session.shares_at(MODEL, (1e4, 0.0, 0.0)) == ()


def test_maps_on_native_grids_keep_their_sum(session):
    found = session.native_maps(MODEL)
    assert set(found) == set(explanation(session).maps)
    for role, image in found.items():
        assert total(image) == pytest.approx(total(explanation(session).maps[role]), rel=1e-6)
        assert image.GetSize() == session.case.sequence(role).image.GetSize()


def test_questions_can_be_cancelled_and_leave_the_result_alone(session, tumour):
    before = session.result

    def stop(fraction, text):
        raise Cancelled("stopped")

    for ask in (session.explain_regions, session.influence, session.unstable_sign):
        with pytest.raises(Cancelled):
            ask(MODEL, progress=stop)
    assert session.result is before
    session.influence(MODEL, parts=4)
    again = session.set_region(tumour.mask())
    assert again.features.values == before.features.values


def test_every_prediction_has_its_trust_card_and_an_edit_says_what_it_moved(tumour):
    session = Session(case_of(tumour, ("t1c", "adc", "t2")), [toy_model(), toy_model("gaussian_nb")])
    first = session.set_region(tumour.mask())
    assert [card.model_id for card in first.trust] == [p.model_id for p in first.predictions]
    assert first.deltas == ()
    second = session.set_region(edited(tumour.mask()))
    for change, old, new in zip(second.deltas, first.predictions, second.predictions, strict=True):
        assert change.log_odds == pytest.approx(new.log_odds - old.log_odds, abs=1e-9)
    codes = {reason.code for reason in second.trust[0].reasons}
    session.stability()
    assert session.result.deltas == second.deltas
    assert codes <= {reason.code for reason in session.result.trust[0].reasons}
    back = session.set_region(tumour.mask())
    assert [d.log_odds for d in back.deltas] == pytest.approx([-d.log_odds for d in second.deltas], abs=1e-9)
