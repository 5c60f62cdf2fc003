"""Trust for breast: no checks of the brain, times of the dynamic series, faults of images and outline."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from virtualbiopsy.case.arrays import mask_array
from virtualbiopsy.case.dynamic_series import with_dynamic
from virtualbiopsy.case.model import DYNAMIC_MAPS
from virtualbiopsy.case.phase_times import with_precontrast
from virtualbiopsy.models.radmodel import builtin_models
from virtualbiopsy.prepare.kinetics.derive import derive_maps
from virtualbiopsy.prepare.model import Kinetics, Preparation
from virtualbiopsy.prepare.prepare import prepare_case
from virtualbiopsy.simulate.breast import COHORT, simulate_breast
from virtualbiopsy.tasks import BREAST, MENINGIOMA, organ_of
from virtualbiopsy.trust.breast import examination_findings
from virtualbiopsy.trust.dynamic import INTERVAL, phase_timing
from virtualbiopsy.trust.images import (
    BRAIN_MEDIAN,
    DEPTH_CORRELATION,
    MIRROR,
    OUTLINE_CONTRAST,
    OUTLINE_MEDIAN,
    OUTLINE_OUTSIDE,
    OUTLINE_OUTSIDE_ORGAN,
    SNR,
    STRIPPED,
    T2_CORRELATION,
    CaseImages,
    image_facts,
)
from virtualbiopsy.trust.model import ImageFacts
from virtualbiopsy.trust.protocol import image_reasons

SETTINGS = Preparation(
    reference="dce",
    spacing=(2.0, 2.0, 2.0),
    interpolator="linear",
    normalise="zscore_breast",
    register=False,
    kinetics=Kinetics(),
)


@pytest.fixture(scope="module")
def case():
    simulated = simulate_breast(1, settings=replace(COHORT, time_points=1)).as_case("earlier")
    return derive_maps(simulated, SETTINGS.kinetics, ("pe", "ser")).case


@pytest.fixture(scope="module")
def known(case):
    return CaseImages(case, prepare_case(case, SETTINGS))


def codes(findings):
    return {reason.code for reason in findings}


def facts_of(known, mask=None, case=None):
    case = case or known.case
    images = known if case is known.case else CaseImages(case, known.prepared)
    return image_facts(case, known.prepared, None, case.regions["tumour"] if mask is None else mask, images)


def moved(mask, offset):
    result = sitk.Image(mask)
    result.SetOrigin(np.add(mask.GetOrigin(), offset).tolist())
    return result


def scaled(known, role, factor):
    image = sitk.Cast(known.prepared.images[role], sitk.sitkFloat64) * factor
    return replace(known.prepared, images={**known.prepared.images, role: image})


def test_the_organ_follows_from_the_reference():
    assert organ_of(BREAST.reference) == "breast" and organ_of(MENINGIOMA.reference) == "brain"
    assert organ_of("t2") == "brain"


def test_nothing_speaks_against_a_simulated_case(known):
    assert facts_of(known).findings == ()


def test_no_figure_of_the_brain_is_measured(known):
    figures = facts_of(known).figures
    brain = {MIRROR, STRIPPED, DEPTH_CORRELATION, T2_CORRELATION, BRAIN_MEDIAN}
    assert not any(brain & set(row) for row in figures.values())
    assert figures["dce"][SNR] > 5 and figures["dce"][OUTLINE_CONTRAST] > 0.3
    assert figures["dce"][OUTLINE_OUTSIDE] == 0 and figures["dce"][OUTLINE_OUTSIDE_ORGAN] == 0
    assert figures["ser"] == {} and set(figures["pe"]) == {OUTLINE_MEDIAN}


def test_median_of_the_outline_is_that_of_the_map(known):
    pe = known.case.sequence("pe").image
    inside = mask_array(known.case.regions["tumour"])
    expected = float(np.median(sitk.GetArrayFromImage(pe)[inside]))
    # The trust card looks at means of 4 mm, which mix rim and core: a tenth either way.
    assert facts_of(known).figures["pe"][OUTLINE_MEDIAN] == pytest.approx(expected, rel=0.1)


def test_times_of_the_series_stand_in_the_protocol(known, case):
    protocol = known.facts.protocol
    assert not set(protocol) & set(DYNAMIC_MAPS)
    timing = phase_timing(case, SETTINGS.kinetics)
    assert timing.items() <= protocol["dce"].items()
    starts = np.array([p.start_s for p in case.dynamic.phases])
    centres = starts + case.dynamic.duration_s / 2 - case.dynamic.injection_s
    after = np.array([not p.precontrast for p in case.dynamic.phases])
    nearest = {t: float(centres[after][np.argmin(np.abs(centres[after] - t))]) for t in (120.0, 360.0)}
    assert timing["NumberOfTemporalPositions"] == len(starts)
    assert timing["EarlyPhaseTime"] == pytest.approx(nearest[120.0])
    assert timing["LatePhaseTime"] == pytest.approx(nearest[360.0])
    assert timing["PhaseInterval"] == pytest.approx(float(np.diff(starts[after]).min()))
    assert phase_timing(replace(case, dynamic=None), None) == {}


def test_phases_in_the_wrong_order(case):
    series = case.dynamic
    backward = tuple(
        replace(phase, image=other.image)
        for phase, other in zip(series.phases, reversed(series.phases), strict=True)
    )
    found = examination_findings(with_dynamic(case, replace(series, phases=backward)))
    assert [(r.light, r.code) for r in found] == [("red", "swapped_phases")]


def test_marks_that_contradict_the_signal(case):
    names = [phase.name for phase in case.dynamic.phases]
    right = sum(phase.precontrast for phase in case.dynamic.phases)
    marked = with_dynamic(case, with_precontrast(case.dynamic, names[: right + 2]))
    found = examination_findings(marked)
    assert [(r.light, r.code) for r in found] == [("amber", "precontrast_marks")]
    assert f"marked: the first {right + 2}" in found[0].text
    names = names[: max(1, right - 1)]
    assert examination_findings(with_dynamic(case, with_precontrast(case.dynamic, names))) == ()
    none = tuple(replace(phase, precontrast=False) for phase in case.dynamic.phases)
    found = examination_findings(with_dynamic(case, replace(case.dynamic, phases=none)))
    assert ("red", "precontrast_marks") in {(r.light, r.code) for r in found}


def test_no_contrast_agent_and_no_times(case):
    first = case.dynamic.phases[0].image
    same = tuple(replace(phase, image=first) for phase in case.dynamic.phases)
    assert codes(examination_findings(with_dynamic(case, replace(case.dynamic, phases=same)))) == {
        "no_enhancement"
    }
    untimed = tuple(replace(phase, start_s=None) for phase in case.dynamic.phases)
    found = examination_findings(with_dynamic(case, replace(case.dynamic, phases=untimed)))
    assert [(r.light, r.code) for r in found] == [("amber", "phase_times")]


@pytest.mark.parametrize(("factor", "code"), [(-0.5, "swapped_phases"), (0.02, "no_enhancement")])
def test_outline_that_does_not_enhance(known, factor, code):
    prepared = scaled(known, "pe", factor)
    found = image_facts(known.case, prepared, None, known.case.regions["tumour"])
    assert codes(found.findings) == {code}


def test_adc_and_diffusion_weighted_image_exchanged(case):
    adc, dwi = case.sequence("adc"), case.sequence("dwi")
    swapped = replace(
        case,
        sequences=tuple(
            replace(s, image={"adc": dwi.image, "dwi": adc.image}.get(s.role, s.image))
            for s in case.sequences
        ),
    )
    found = examination_findings(swapped)
    assert {(r.light, r.code, r.role) for r in found} == {
        ("red", "wrong_sequence", "adc"),
        ("red", "wrong_sequence", "dwi"),
    }
    assert not examination_findings(case)


@pytest.mark.parametrize(
    ("role", "kind"), [("dwi", "DERIVED\\PRIMARY\\DIFFUSION\\ADC"), ("adc", "DERIVED\\PRIMARY\\TRACEW")]
)
def test_exchange_by_the_headers(case, role, kind):
    changed = tuple(
        replace(s, protocol={**s.protocol, "ImageType": kind}) if s.role == role else s
        for s in case.sequences
    )
    found = examination_findings(replace(case, sequences=changed, diffusion=None))
    assert [(r.code, r.role) for r in found] == [("wrong_sequence", role)]


@pytest.mark.parametrize("factor", [0.1, 5.0])
def test_unit_of_the_adc(known, factor):
    found = image_facts(known.case, scaled(known, "adc", factor), None, known.case.regions["tumour"])
    assert {(r.light, r.code) for r in found.findings} == {("red", "adc_unit")}


def test_outline_outside_the_breast_and_in_the_air(known):
    mask = known.case.regions["tumour"]
    breast = known.prepared.limits["breast"]
    inside = np.argwhere(mask_array(mask))
    centre = mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in inside.mean(axis=0)[::-1]])
    places = np.argwhere(sitk.GetArrayFromImage(breast) == 0)
    points = [breast.TransformIndexToPhysicalPoint([int(v) for v in p[::-1]]) for p in places[::97]]
    far = max(points, key=lambda p: p[1])  # as far back as the image goes: the chest
    found = facts_of(known, moved(mask, np.subtract(far, centre) * (0, 0.8, 0))).findings
    assert ("red", "outline_outside_breast") in {(r.light, r.code) for r in found}
    front = min(points, key=lambda p: p[1])
    found = facts_of(known, moved(mask, np.subtract(front, centre) * (0, 0.95, 0))).findings
    assert "outline_in_air" in codes(found) and all("head" not in r.text for r in found)


def test_duplicate_of_the_reference(known):
    images = {**known.prepared.images, "t2": known.prepared.images["dce"]}
    prepared = replace(known.prepared, images=images, covered={})
    found = image_facts(known.case, prepared, None, known.case.regions["tumour"])
    assert ("wrong_sequence", "t2") in {(r.code, r.role) for r in found.findings}


def test_the_real_study(data_dir):
    """UCSF-BR-06 without a fault; its times stand in the protocol."""
    from virtualbiopsy.case.read import read_case

    case = read_case(data_dir / "volumes" / "breast_dce_dicom" / "UCSF-BR-06.zip")
    assert examination_findings(case) == ()
    timing = phase_timing(case, Kinetics())
    assert timing == {
        "NumberOfTemporalPositions": 3.0,
        "EarlyPhaseTime": 177.0,
        "LatePhaseTime": 531.0,
        "PhaseInterval": 354.0,
    }


@pytest.mark.parametrize(("factor", "light"), [(1.0, None), (4.9, None), (5.2, "red"), (1 / 5.2, "red")])
def test_a_series_at_another_pace_is_another_population(factor, light):
    """Phases five times closer together or farther apart than any in training."""
    for model in builtin_models("breast"):
        low, high = model.protocol_range("dce", INTERVAL)
        interval = factor * (high if factor > 1 else low)
        reasons = image_reasons(model, ImageFacts({"dce": {INTERVAL: interval}}, {}))
        found = [reason for reason in reasons if reason.code == "population"]
        assert [reason.light for reason in found] == ([light] if light else [])
        assert all(f"{interval:.4g} s" in reason.text for reason in found)


def test_the_real_study_is_not_the_models_population(data_dir):
    """UCSF-BR-06: three phases 354 s apart; the demonstration models know phases some 15 s apart."""
    from virtualbiopsy.case.read import read_case
    from virtualbiopsy.session import Session

    session = Session(read_case(data_dir / "volumes" / "breast_dce_dicom" / "UCSF-BR-06.zip"))
    proposal = session.dynamics.propose((91.8, -37.8, 5.6))
    result = session.set_region(proposal.mask)
    assert len(result.trust) == 3
    for card in result.trust:
        assert card.light == "red"
        assert card.reasons[0].text.startswith("Not this model's population: the phases")
        assert any(reason.code == "simulated_training" for reason in card.reasons)
