"""A session on a dynamic series: maps as sequences, marked phases, an earlier examination, tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from support import toy_model
from uptake_support import PE, SER, SHAPE, case, grid, image_of, lesion, mask, model, series
from virtualbiopsy.case.diffusion import DiffusionSeries
from virtualbiopsy.case.dynamic_series import with_dynamic
from virtualbiopsy.case.model import Case
from virtualbiopsy.case.phase_times import with_precontrast
from virtualbiopsy.errors import DynamicSeriesError, EmptyRegionError, MissingSequenceError
from virtualbiopsy.prepare.kinetics.aif import population_input
from virtualbiopsy.session import Session
from virtualbiopsy.tasks import BREAST, MENINGIOMA


@pytest.fixture(scope="module")
def predicted():
    session = Session(case(), [model()])
    session.set_region(mask())
    return session


def test_maps_are_sequences_of_the_model(predicted):
    result = predicted.result
    assert predicted.task is BREAST
    # The lesion's enhancement in the phase that is centred nearest to 120 s: 180 − 20·1 = 160 %.
    assert result.features.values[PE] == pytest.approx(160.0, rel=0.05)
    # S_late is the phase nearest to 360 s: 180 − 20·5 = 80 %.
    assert result.features.values[SER] == pytest.approx(2.0, rel=0.1)
    total = result.explanations[0].baseline + sum(c.phi for c in result.explanations[0].contributions)
    assert total == pytest.approx(result.predictions[0].log_odds, abs=1e-9)
    assert {"pe", "ser"} <= set(result.explanations[0].maps)
    assert any(step.startswith("pe: ") for step in result.provenance), result.provenance
    assert len(result.trust) == 1


def test_what_cannot_be_computed_is_said(predicted):
    told = [w for w in predicted.result.warnings if w.startswith("Not computed: ktrans")]
    assert len(told) == 1 and "20 s" in told[0]


def test_a_required_map_that_cannot_be_computed_stops_the_model():
    needy = model((PE, "ktrans:tumour:original:statistics:mean:3d:none:ibsi"), required_sequences=("ktrans",))
    session = Session(case(), [needy])
    assert session.runnable()[0] == (needy,)  # not tried yet
    with pytest.raises(MissingSequenceError, match="No model can run.*ktrans"):
        session.set_region(mask())
    assert session.runnable()[0] == ()


def test_maps_that_were_read_win():
    given = case()
    vendor = sitk.Cast(given.sequence("dce").image, sitk.sitkFloat32) * 0 + 77.0
    noise = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    vendor = vendor + image_of(noise)
    dce = given.sequence("dce")
    read = replace(
        given, sequences=(*given.sequences, replace(dce, role="pe", name="PE1", image=vendor, unit="%"))
    )
    session = Session(read, [model()])
    assert session.set_region(mask()).features.values[PE] == pytest.approx(77.0, rel=0.01)


def test_marking_phases_starts_anew(predicted):
    session = Session(case(rise=100.0, fall=-20.0), [model()])
    before = session.set_region(mask()).features.values[PE]
    session.set_dynamic(with_precontrast(session.dynamics.series, ["phase 1", "phase 2"]))
    assert session.result is None
    after = session.set_region(mask()).features.values[PE]
    assert after < 0.7 * before  # the baseline has contrast agent in it now
    with pytest.raises(DynamicSeriesError):
        session.set_dynamic(replace(session.dynamics.series, phases=session.dynamics.series.phases[:1]))
    assert session.result is not None


def test_proposal_and_curves(predicted):
    centre = grid().TransformContinuousIndexToPhysicalPoint((28.0, 30.0, 9.5))
    proposal = predicted.dynamics.propose(centre)
    found, truth = sitk.GetArrayFromImage(proposal.mask) > 0, lesion()
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9
    curve = predicted.dynamics.curve_of(mask())
    assert curve.enhancement == pytest.approx((0, 180, 160, 140, 120, 100, 80), rel=0.04, abs=1)
    assert predicted.dynamics.curve_at(centre).voxels == 1
    roles = [found.role for found in predicted.dynamics.maps()]
    assert roles == ["pe", "ser", "washin", "washout", "ttp", "maxslope", "curvetype"]
    assert set(predicted.dynamics.left_out()) == {"ktrans", "kep", "ve", "vp"}
    with pytest.raises(DynamicSeriesError, match="no dynamic series"):
        _ = Session(Case("bare", ()), (), BREAST).dynamics.series


def test_change_between_two_examinations():
    change = model(("delta:" + PE, "reldelta:" + SER, PE), model_id="toy-change")
    session = Session(case(), [model(), change])
    assert [p.model_id for p in session.set_region(mask()).predictions] == ["toy-breast"]
    assert "earlier" in session.result.skipped["toy-change"]

    session.set_earlier(case(), mask())
    same = session.set_region(mask())
    assert [p.model_id for p in same.predictions] == ["toy-breast", "toy-change"]
    assert [w for w in same.warnings if w.startswith("An earlier examination is open")]
    assert same.features.values["delta:" + PE] == 0.0
    assert same.features.values["reldelta:" + SER] == 0.0

    session.set_earlier(case(rise=280.0, fall=20.0), mask())
    later = session.set_region(mask())
    assert later.features.values["delta:" + PE] == pytest.approx(-100.0, rel=0.06)
    by_key = {c.key: c for c in later.explanations[1].contributions}
    assert not by_key["delta:" + PE].localised
    entries = session.stability()
    assert [entry.model_id for entry in entries] == ["toy-breast", "toy-change"]
    with pytest.raises(EmptyRegionError):
        session.set_earlier(case())
    assert session.earlier is not None
    session.set_earlier(None)
    alone = session.set_region(mask())
    assert len(alone.predictions) == 1
    assert not [w for w in alone.warnings if "earlier" in w]


def test_questions_about_a_model_of_change():
    change = model(("delta:" + PE, PE), model_id="toy-change")
    session = Session(case(), [change])
    session.set_earlier(case(rise=280.0), mask())
    result = session.set_region(mask())
    found = session.explain_regions("toy-change", kind="rim", game="erase")
    baseline, log_odds = result.predictions[0].baseline, result.predictions[0].log_odds
    assert baseline + found.nonspatial + found.psi.sum() == pytest.approx(log_odds, abs=1e-9)
    # The influence map is what the session itself says about the outline without a part.
    influence = session.influence("toy-change", parts=6)
    parts = sitk.GetArrayFromImage(
        sitk.Resample(influence.labels, mask(), sitk.Transform(), sitk.sitkNearestNeighbor)
    )
    without = image_of((lesion() & (parts != 1)).astype(np.uint8))
    changed = session.set_region(without).predictions[0].probability
    assert changed - result.predictions[0].probability == pytest.approx(influence.erased[0], abs=1e-9)


def test_models_of_another_task_do_not_run(predicted):
    session = Session(case(), [model(), toy_model()], BREAST)
    result = session.set_region(mask())
    assert "another task" in result.skipped["toy-logistic"]
    assert Session(case(), None).task is BREAST
    assert Session(case(), [toy_model()]).task is MENINGIOMA
    assert {m.task for m in Session(case()).models} <= {"breast"}


def test_the_earlier_examination_is_prepared_the_same_way():
    change = model(("delta:" + PE,), model_id="toy-change")
    session = Session(case(), [change])
    session.set_earlier(case(), mask())
    session.set_preparation(spacing=(2.0, 2.0, 3.0))
    assert session.set_region(mask()).features.values["delta:" + PE] == 0.0


def test_adc_is_computed_from_diffusion_images():
    """b 0 and 800 with an ADC of 900·10⁻⁶ mm²/s in the lesion; a map that was read would win."""
    rng = np.random.default_rng(0)
    tissue = np.where(lesion(), 900e-6, 1600e-6)
    inside = sitk.GetArrayFromImage(case().sequence("dce").image) > 100
    images = {}
    for b in (0.0, 800.0):
        signal = np.where(inside, 1000.0 * np.exp(-b * tissue), 0.0)
        noisy = np.hypot(signal + rng.normal(0, 4, SHAPE), rng.normal(0, 4, SHAPE))
        images[b] = image_of(noisy.astype(np.float32))
    given = replace(case(), diffusion=DiffusionSeries("dwi", tuple(images), tuple(images.values())))
    key = "adc:tumour:original:statistics:mean:3d:none:ibsi"
    session = Session(given, [model((PE, key), required_sequences=("dce", "pe", "adc"))])
    result = session.set_region(mask(8.0))
    assert result.features.values[key] == pytest.approx(900, rel=0.01)
    assert any("adc" in step.lower() and "800" in step for step in result.provenance), result.provenance

    same = replace(case(), diffusion=DiffusionSeries("dwi", (800.0, 800.0), tuple(images.values())))
    session = Session(same, [model((PE, key))])
    assert any("adc" in warning for warning in session.set_region(mask()).warnings)


FAST = (0.0, *(20.0 + 12.0 * n for n in range(12)), 240.0, 360.0)
KTRANS = "ktrans:tumour:original:statistics:mean:3d:none:ibsi"


def fast_case() -> Case:
    """Phases every 12 s in the first minutes, with what a kinetic model needs from the header."""
    given = series(rise=150.0, fall=2.0, starts=FAST)
    protocol = {"RepetitionTime": "4.5", "FlipAngle": "12", "MagneticFieldStrength": "3"}
    return with_dynamic(Case("fast", ()), replace(given, duration_s=12.0, protocol=protocol))


def test_kinetics_may_depart_and_every_result_says_so():
    session = Session(fast_case(), [model((PE, KTRANS), required_sequences=("dce", "pe", "ktrans"))])
    own = session.set_region(mask()).features.values
    assert own[KTRANS] > 0

    session.set_kinetics(t1_ms=1000.0)
    other = session.set_region(mask())
    assert any("t1_ms = 1000" in warning for warning in other.warnings)
    assert other.features.values[KTRANS] > 1.2 * own[KTRANS]  # a shorter T1 makes more contrast agent of it
    assert other.features.values[PE] == own[PE]
    assert session.dynamics.kinetics.t1_ms == 1000.0

    session.set_kinetics(population_input("weinmann", haematocrit=0.42), aif="table")
    table = session.set_region(mask())
    assert any("arterial input" in warning for warning in table.warnings)
    assert table.features.values[KTRANS] != pytest.approx(own[KTRANS], rel=0.02)

    session.set_kinetics(aif="measured")
    with pytest.raises(MissingSequenceError, match="artery"):
        session.set_region(mask())
    session.set_kinetics(vessel=mask(6.0), aif="measured")
    assert session.set_region(mask()).features.values[KTRANS] > 0

    session.set_kinetics()
    assert session.set_region(mask()).features.values[KTRANS] == own[KTRANS]
    with pytest.raises(TypeError):
        session.set_kinetics(colour="red")
