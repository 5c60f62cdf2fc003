"""Faults of a case that need no model: is every image what its role says, and the outline drawn on it?

Those of breast examinations are in :mod:`virtualbiopsy.trust.breast`. The limits lie between what brain
images of the public collections and of the simulation show (two to nine examinations of each kind, whole and
skull-stripped). They are wide: what lies beyond them is something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import SimpleITK as sitk

from ..case.arrays import mask_array
from ..case.model import ROLES, Case, Sequence
from ..prepare.geometry import same_grid
from ..prepare.model import PreparedCase
from ..tasks import organ_of
from .breast import outline_findings
from .images import (
    ASYMMETRY,
    ASYMMETRY_AROUND,
    BRAIN_MEDIAN,
    MIRROR,
    OUTLINE_CONTRAST,
    OUTLINE_OUTSIDE,
    REFERENCE_CORRELATION,
    SPREAD,
    T2_CORRELATION,
)
from .model import ImageFacts, Reason

FLUID_BRIGHT = 0.3
"""Asymmetry: T2 0.44–0.70 and ADC 0.65–0.85; T1, contrast-enhanced T1 and FLAIR −0.55 to 0.15."""

ADC_ASYMMETRY, ADC_SPREAD = 0.55, 0.24
"""ADC: asymmetry 0.64–0.85, spread 0.10–0.21 (up to 0.28 with much noise); T2: below 0.70, 0.25–0.38."""

ADC_BRAIN = (550.0, 1150.0)
"""Median ADC of the brain in 10⁻⁶ mm²/s: 750–950 with normal ageing."""

GREY_BRIGHT, GREY_DARK = 0.2, 0.05
"""Rank correlation with T2 in tissue: FLAIR 0.34–0.76, T1 with and without contrast agent below 0."""

NOT_ENHANCING = 0.35
"""Contrast of the outline: meningiomas on contrast-enhanced T1 above 0.6, on plain T1 below 0.1."""

WASHED = 0.15
"""An outline so much brighter before contrast agent than after it: phases exchanged."""

DUPLICATE = 0.999
FLIPPED, PERHAPS_FLIPPED = 1.1, 0.95
"""Similarity to the mirrored over that to the unmirrored image: 0.2–0.85 in place, 1.2–3 exchanged."""

IN_AIR, PARTLY_IN_AIR = 0.25, 0.08
MOVED_MM = 3.0


def findings(case: Case, prepared: PreparedCase, facts: ImageFacts, mask: sitk.Image) -> tuple[Reason, ...]:
    """Faults found on a case and its outline, in no particular order.

    Parameters
    ----------
    facts : protocol and figures of the case, those of the outline included, and what was found without it.
    mask : the outline as it was given.
    """
    if organ_of(prepared.settings.reference) == "breast":
        return (
            *facts.findings,
            *outline_findings(facts),
            *exchanged_sides(case, facts.figures),
            *wrong_outline(case, prepared, facts.figures, mask),
        )
    return (
        *wrong_sequences(facts.figures),
        *exchanged_phases(case, facts.figures),
        *exchanged_sides(case, facts.figures),
        *wrong_outline(case, prepared, facts.figures, mask),
    )


def wrong_sequences(figures: Mapping[str, Mapping[str, float]]) -> Iterator[Reason]:
    """Images that do not look like their role (code "wrong_sequence", for the ADC also "adc_unit")."""
    t2 = figures.get("t2", {})
    t2_is_t2 = t2.get(ASYMMETRY_AROUND, t2.get(ASYMMETRY, 0.0)) >= FLUID_BRIGHT
    for role, row in figures.items():
        asymmetry = row.get(ASYMMETRY_AROUND, row.get(ASYMMETRY))
        if asymmetry is None:
            continue
        if role in ("t1", "t1c", "flair") and asymmetry > FLUID_BRIGHT:
            yield _wrong(role, "fluid is its brightest part, as on T2 or an ADC map", asymmetry)
        elif role == "t2" and asymmetry < FLUID_BRIGHT:
            yield _wrong(role, "fluid is not bright, as on FLAIR or T1", asymmetry)
        elif role == "adc":
            yield from _adc(row, asymmetry)
        relation = row.get(T2_CORRELATION)
        if relation is not None and t2_is_t2:
            if role in ("t1", "t1c") and relation > GREY_BRIGHT:
                why = "grey matter is brighter than white, as on FLAIR"
                yield _wrong(role, why, relation, "rank correlation with T2")
            elif role == "flair" and relation < GREY_DARK:
                why = "white matter is brighter than grey, as on T1"
                yield _wrong(role, why, relation, "rank correlation with T2")
        if row.get(REFERENCE_CORRELATION, 0.0) > DUPLICATE:
            text = f"The {role} image is the reference image once more."
            yield Reason("red", "wrong_sequence", text, role)


def _adc(row: Mapping[str, float], asymmetry: float) -> Iterator[Reason]:
    median, low, high = row.get(BRAIN_MEDIAN), *ADC_BRAIN
    if asymmetry < ADC_ASYMMETRY:
        yield _wrong("adc", "fluid does not stand out as it does on an ADC map", asymmetry)
    elif row.get(SPREAD, 0.0) > ADC_SPREAD:
        text = (
            "On the adc image grey and white matter differ more than on an ADC map "
            f"(spread {row[SPREAD]:.2f}): much noise, or a T2 image."
        )
        yield Reason("amber", "wrong_sequence", text, "adc")
    if median is not None and not low <= median <= high:
        yield Reason(
            "red",
            "adc_unit",
            f"The median ADC of the brain is {median:.0f} · 10⁻⁶ mm²/s; expected: {low:.0f} to {high:.0f}. "
            "The unit or the b values are wrong, or this is no ADC map.",
            "adc",
        )


def _wrong(role: str, why: str, value: float, what: str = "asymmetry of the intensities") -> Reason:
    name = ROLES.get(role, role).split(" (")[0]
    text = f"The image with the role {role} does not look like {name}: {why} ({what} {value:.2f})."
    return Reason("red", "wrong_sequence", text, role)


def exchanged_phases(case: Case, figures: Mapping[str, Mapping[str, float]]) -> Iterator[Reason]:
    """T1 before and after contrast agent (codes "swapped_phases", "no_enhancement")."""
    after = figures.get("t1c", {}).get(OUTLINE_CONTRAST)
    before = figures.get("t1", {}).get(OUTLINE_CONTRAST)
    agent = {role: _agent(case, role) for role in ("t1", "t1c")}
    if agent["t1"] and agent["t1c"] is False:
        yield Reason(
            "red",
            "swapped_phases",
            "By their headers the T1 image was taken with contrast agent and the contrast-enhanced one "
            "without: the two roles are exchanged.",
        )
    elif after is not None and before is not None and before > NOT_ENHANCING and before - after > WASHED:
        yield Reason(
            "red",
            "swapped_phases",
            f"The outline is brighter in the T1 image (contrast {before:.2f}) than in the contrast-enhanced "
            f"one ({after:.2f}): the two roles are exchanged.",
        )
    if after is not None and after < NOT_ENHANCING:
        yield Reason(
            "amber",
            "no_enhancement",
            f"The outline does not enhance (contrast {after:.2f} of the brain's range): an image before "
            "contrast agent, an outline in the wrong place, or a tumour without enhancement.",
        )


def _agent(case: Case, role: str) -> bool | None:
    """Whether the header names a contrast agent; None if it holds too little to tell."""
    if not case.has(role):
        return None
    protocol = case.sequence(role).protocol
    text = protocol.get("ContrastBolusAgent", "").strip().lower()
    if text in ("", "no", "none", "0"):
        return False if protocol.get("RepetitionTime") else None
    return True


def exchanged_sides(case: Case, figures: Mapping[str, Mapping[str, float]]) -> Iterator[Reason]:
    """Left and right (codes "flip", "left_handed").

    Only sequences that differ from the reference can be found. If all images and the outline were exchanged
    together, nothing in the images tells; nor is the reference itself checked.
    """
    for role, row in figures.items():
        similarity = row.get(MIRROR)
        if similarity is None or similarity < PERHAPS_FLIPPED:
            continue
        if similarity > FLIPPED:
            text = (
                f"Mirrored, the {role} image fits the reference better ({similarity:.2f} times the mutual "
                "information): left and right are exchanged in one of them, or they show two patients."
            )
            yield Reason("red", "flip", text, role)
        else:
            text = (
                f"The {role} image fits the reference as well mirrored as it is ({similarity:.2f}): left and "
                "right cannot be told, or the images do not lie on each other."
            )
            yield Reason("amber", "flip", text, role)
    handed = {s.role: _handedness(s) for s in case.sequences if s.role in figures}
    if len(set(handed.values())) > 1:
        odd = ", ".join(sorted(role for role, sign in handed.items() if sign < 0))
        text = (
            f"The voxel axes of {odd} are left-handed and those of the others are not: check that left and "
            "right were not exchanged on conversion."
        )
        yield Reason("amber", "left_handed", text)


def _handedness(sequence: Sequence) -> float:
    return float(np.sign(np.linalg.det(np.reshape(sequence.image.GetDirection(), (3, 3)))))


def wrong_outline(
    case: Case, prepared: PreparedCase, figures: Mapping[str, Mapping[str, float]], mask: sitk.Image
) -> Iterator[Reason]:
    """An outline in the air or of another series (codes "outline_in_air", "outline_of_another_series").

    Outlines that do not even overlap the reference are refused earlier, with a GeometryError.
    """
    reference = case.sequence(prepared.settings.reference)
    outside = figures.get(reference.role, {}).get(OUTLINE_OUTSIDE, 0.0)
    if outside > PARTLY_IN_AIR:
        light = "red" if outside > IN_AIR else "amber"
        body = "head" if organ_of(reference.role) == "brain" else "body"
        text = f"{100 * outside:.0f} % of the outline lie in the air around the {body}: is it of this case?"
        yield Reason(light, "outline_in_air", text)
    if same_grid(mask, reference.image):
        return
    for sequence in case.sequences:
        if sequence.role not in prepared.transforms or sequence is reference:
            continue
        if not same_grid(mask, sequence.image):
            continue
        frames = (sequence.frame_of_reference, reference.frame_of_reference)
        moved = _displacement(prepared.transforms[sequence.role], mask)
        if all(frames) and frames[0] != frames[1]:
            why = f"which has another frame of reference than {reference.role}"
        elif moved > MOVED_MM:
            why = f"which registration moved by {moved:.1f} mm to fit {reference.role}"
        else:
            continue
        text = f"The outline was drawn on the {sequence.role} image, {why}: it does not lie where it should."
        yield Reason("red", "outline_of_another_series", text)
        return


def _displacement(transform: sitk.Transform, mask: sitk.Image) -> float:
    """How far (mm) a transform moves the centre of a mask."""
    index = np.argwhere(mask_array(mask))
    if not len(index):
        return 0.0
    centre = mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in index.mean(axis=0)[::-1]])
    return float(np.linalg.norm(np.subtract(transform.TransformPoint(centre), centre)))
