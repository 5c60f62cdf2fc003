"""Faults of a case that must be caught, made on the sample case and on real examinations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from trust_support import (
    FAST,
    GLIOMAS,
    ball,
    codes,
    facts,
    flipped,
    glioma,
    sample,
    with_image,
    with_images,
)
from virtualbiopsy.errors import GeometryError, UnitError
from virtualbiopsy.prepare.prepare import prepare_case, prepare_mask
from virtualbiopsy.trust.images import CaseImages, image_facts

REAL = [name for name, (roles, _) in GLIOMAS.items() if "t2" in roles]


@pytest.fixture(scope="module")
def case():
    return sample()


@pytest.fixture(scope="module")
def images(case):
    return {sequence.role: sequence.image for sequence in case.sequences}


@pytest.fixture(scope="module")
def known(case):
    return CaseImages(case, prepare_case(case, FAST))


def outlined(case, known, mask):
    return codes(image_facts(case, known.prepared, None, mask, known))


def test_a_case_without_faults_has_none(case, known):
    assert image_facts(case, known.prepared, None, case.regions["tumour"], known).findings == ()


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"t1c": "t2", "t2": None}, {("wrong_sequence", "t1c")}),
        ({"t1c": "t2", "t2": "t1c"}, {("wrong_sequence", "t1c"), ("wrong_sequence", "t2")}),
        ({"t2": "flair", "flair": None}, {("wrong_sequence", "t2")}),
        ({"t2": "t1"}, {("wrong_sequence", "t2")}),
        ({"t1c": "flair", "flair": None}, {("wrong_sequence", "t1c")}),
        ({"t1c": "t1", "t1": None}, {("no_enhancement", "")}),
        ({"t1c": "t1", "t1": "t1c"}, {("swapped_phases", "")}),
        ({"t1c": "t1"}, {("wrong_sequence", "t1"), ("no_enhancement", "")}),
    ],
)
def test_an_image_in_the_wrong_role(case, images, roles, expected):
    changed = with_images(case, **{role: name and images[name] for role, name in roles.items()})
    assert expected <= codes(facts(changed))


def test_exchanged_phases_by_the_headers_alone(case, known):
    headers = {"t1": {"ContrastBolusAgent": "Gadovist"}, "t1c": {"RepetitionTime": "9"}}
    told = replace(
        case,
        sequences=tuple(
            replace(s, protocol=headers[s.role]) if s.role in headers else s for s in case.sequences
        ),
    )
    assert ("swapped_phases", "") in outlined(told, known, case.regions["tumour"])
    right = replace(
        told, sequences=tuple(replace(s, protocol={"ContrastBolusAgent": "yes"}) for s in told.sequences)
    )
    assert ("swapped_phases", "") not in outlined(right, known, case.regions["tumour"])


@pytest.mark.parametrize(("name", "factor"), [("t2", 10.0), ("flair", 16.0)])
def test_a_weighted_image_given_as_adc(case, images, name, factor):
    """Scaled so that its values are plausible for an ADC map; unscaled it is refused for its unit."""
    image = sitk.Cast(images[name], sitk.sitkFloat32)
    assert ("wrong_sequence", "adc") in codes(facts(with_images(case, adc=image * factor)))
    with pytest.raises(UnitError):
        facts(with_images(case, adc=image))


def test_adc_in_another_unit_is_converted_or_refused_or_flagged(case, known):
    other = facts(with_image(case, "adc", lambda a: a.astype(np.float32) * np.float32(1e-3)))
    assert codes(other) == set()
    expected = known.facts.figures["adc"]["brain_median"]
    assert other.figures["adc"]["brain_median"] == pytest.approx(expected, rel=1e-3)
    with pytest.raises(UnitError):
        facts(with_image(case, "adc", lambda a: a.astype(np.float32) * np.float32(10)))
    wrong_unit = replace(
        case, sequences=tuple(replace(s, unit="mm²/s") if s.role == "adc" else s for s in case.sequences)
    )
    with pytest.raises(UnitError):
        facts(wrong_unit)
    # A wrong b value: half of it doubles the map, which is still plausible for some tissue, not for a brain.
    doubled = facts(with_image(case, "adc", lambda a: a.astype(np.float32) * np.float32(2)))
    assert ("adc_unit", "adc") in codes(doubled)


@pytest.mark.parametrize("role", ["t1", "t2", "flair", "adc"])
def test_exchanged_sides_of_one_sequence(case, role):
    found = codes(facts(with_image(case, role, flipped)))
    assert ("flip", role) in found
    assert not [other for code, other in found if code == "flip" and other != role]


def test_exchanged_sides_of_the_reference_show_on_all_others(case):
    found = codes(facts(with_image(case, "t1c", flipped)))
    assert {("flip", role) for role in ("t1", "t2", "flair", "adc")} <= found


def test_exchanged_sides_survive_registration(case):
    """Registration lays the exchanged image on the reference as well as it can; it is found all the same."""
    only = with_images(case, t1=None, flair=None, adc=None)
    changed = with_image(only, "t2", flipped)
    prepared = prepare_case(changed, replace(FAST, register=True))
    found = image_facts(changed, prepared, None, case.regions["tumour"])
    assert ("flip", "t2") in codes(found)


def test_all_images_exchanged_together_cannot_be_found(case):
    """What cannot be caught, so that nobody relies on it."""
    changed = case
    for role in ("t1", "t1c", "t2", "flair", "adc"):
        changed = with_image(changed, role, flipped)
    tumour = case.regions["tumour"]
    mask = sitk.GetImageFromArray(np.ascontiguousarray(flipped(sitk.GetArrayFromImage(tumour))))
    mask.CopyInformation(tumour)
    # The thick slices are not centred as the reference is, so that flipping voxels also shifts them a little.
    assert not [code for code, _ in codes(facts(changed, mask)) if code == "left_handed"]


def test_a_mirrored_direction_is_no_flip_but_is_said(case):
    """The same points in space, stored right to left: a left-handed image that shows the same."""
    image = case.sequence("t2").image
    stored = sitk.Flip(image, [True, False, False])  # keeps every voxel where it lies
    assert np.linalg.det(np.reshape(stored.GetDirection(), (3, 3))) < 0
    found = facts(with_images(case, t2=stored))
    assert codes(found) == {("left_handed", "")}
    # The same voxels with a direction that was mirrored in the header alone are another patient side.
    wrong = sitk.GetImageFromArray(sitk.GetArrayFromImage(image))
    wrong.CopyInformation(stored)
    assert ("flip", "t2") in codes(facts(with_images(case, t2=wrong)))


def test_an_outline_in_the_air(case, known):
    reference = case.sequence("t1c").image
    i, j, k = reference.GetSize()
    corner = ball(reference, [12.0, j - 14.0, k - 12.0], 10.0)
    assert ("outline_in_air", "") in outlined(case, known, corner)
    assert ("outline_in_air", "") not in outlined(case, known, case.regions["tumour"])


def test_an_outline_that_does_not_overlap_is_refused(case, known):
    elsewhere = sitk.Image(case.regions["tumour"])
    elsewhere.SetOrigin([value + 400 for value in elsewhere.GetOrigin()])
    with pytest.raises(GeometryError):
        prepare_mask(elsewhere, known.prepared)


def test_an_outline_of_another_series(case, known):
    mask = sitk.Resample(
        case.regions["tumour"], case.sequence("t2").image, sitk.Transform(), sitk.sitkNearestNeighbor
    )
    assert outlined(case, known, mask) == set()  # the same frame, not moved: it may be used
    frames = replace(
        case,
        sequences=tuple(
            replace(s, frame_of_reference="1.2.3" if s.role == "t2" else "1.2.4") for s in case.sequences
        ),
    )
    expected = ("outline_of_another_series", "")
    assert expected in outlined(frames, known, mask)
    assert expected not in outlined(frames, known, case.regions["tumour"])
    moved = replace(
        known.prepared,
        transforms={**known.prepared.transforms, "t2": sitk.TranslationTransform(3, (0, 6, 0))},
    )
    assert expected in codes(image_facts(case, moved, None, mask, known))
    near = replace(
        known.prepared,
        transforms={**known.prepared.transforms, "t2": sitk.TranslationTransform(3, (0, 1, 0))},
    )
    assert expected not in codes(image_facts(case, near, None, mask, known))


@pytest.mark.parametrize("name", REAL)
def test_real_examinations(data_dir, name):
    """Every sequence in its place is accepted; exchanged ones and exchanged sides are found."""
    case = glioma(data_dir, name)
    own = {sequence.role: sequence.image for sequence in case.sequences}
    quiet = {"no_enhancement"}  # these are gliomas, and not all of them enhance
    assert {code for code, _ in codes(facts(case))} <= quiet
    exchanged = codes(facts(with_images(case, t1c=own["t2"], t2=own["flair"], flair=None)))
    assert {("wrong_sequence", "t1c"), ("wrong_sequence", "t2")} <= exchanged
    assert ("wrong_sequence", "t1c") in codes(facts(with_images(case, t1c=own["flair"], flair=None)))
    both = with_images(with_image(with_image(case, "t1", flipped), "t2", flipped), flair=None)
    assert {("flip", "t1"), ("flip", "t2")} <= codes(facts(both))
