"""Faults of a breast examination and its outline that need no model.

The limits are wide: what lies beyond them is something else. Enhancement: fat and normal gland below 50 %,
cancers above 70 % (the threshold of the vendor's SER maps). ADC: cancers 600–1500, gland 1400–2300, cysts to
3000 · 10⁻⁶ mm²/s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import SimpleITK as sitk
from scipy import stats

from ..case.diffusion import DiffusionSeries
from ..case.geometry import same_grid
from ..case.model import Case, Sequence
from .dynamic import phase_findings
from .images import ORGAN_HIGH, OUTLINE_MEDIAN, OUTLINE_OUTSIDE_ORGAN, REFERENCE_CORRELATION
from .model import ImageFacts, Reason

Figures = Mapping[str, Mapping[str, float]]

FALLS, HARDLY = -10.0, 20.0
"""Percent enhancement of the outline: below the first the phases are exchanged, below the second it hardly
enhances."""

OUTSIDE, PARTLY_OUTSIDE = 0.6, 0.2
"""Share of the outline outside the breasts; the automatic mask ends about a centimetre before the muscle."""

ADC_OUTLINE, ADC_BREAST = (300.0, 3200.0), (900.0, 3600.0)
"""Median of the outline and 95th percentile of the breasts, 10⁻⁶ mm²/s."""

SAME_ADC, OTHER_ADC = 0.6, 0.3
"""Rank correlation with the ADC that follows from the b-values: an ADC map lies above the first (0.75 and
more), a diffusion-weighted image below the second."""

DUPLICATE = 0.999
_LEAST_DIFFERENCE = 300.0


def examination_findings(case: Case) -> tuple[Reason, ...]:
    """Faults of phases and sequences that hold whatever the outline, in no particular order."""
    return (*phase_findings(case), *exchanged_diffusion(case))


def outline_findings(facts: ImageFacts) -> tuple[Reason, ...]:
    """Faults that the figures of images and outline tell, in no particular order.

    Parameters
    ----------
    facts : figures of the case, those of the outline included; what :func:`examination_findings` found.
    """
    told = {reason.role for reason in facts.findings if reason.code == "wrong_sequence"}
    return (
        *_enhancement(facts.figures),
        *_outside(facts.figures),
        *(() if "adc" in told else _adc_unit(facts.figures)),
        *_duplicates(facts.figures),
    )


def _enhancement(figures: Figures) -> Iterator[Reason]:
    median = figures.get("pe", {}).get(OUTLINE_MEDIAN)
    if median is None:
        return
    if median < FALLS:
        text = (
            f"The outline loses signal after the contrast agent (percent enhancement {median:.0f} %): phases "
            "before and after it are exchanged."
        )
        yield Reason("red", "swapped_phases", text, "pe")
    elif median < HARDLY:
        text = (
            f"The outline hardly enhances (percent enhancement {median:.0f} %): an outline in the wrong "
            "place, a wrong pre-contrast phase, or a lesion without enhancement."
        )
        yield Reason("amber", "no_enhancement", text, "pe")


def _outside(figures: Figures) -> Iterator[Reason]:
    for row in figures.values():
        share = row.get(OUTLINE_OUTSIDE_ORGAN, 0.0)
        if share > PARTLY_OUTSIDE:
            light = "red" if share > OUTSIDE else "amber"
            text = f"{100 * share:.0f} % of the outline lie outside the breasts: is it of this case?"
            yield Reason(light, "outline_outside_breast", text)


def exchanged_diffusion(case: Case) -> Iterator[Reason]:
    """A diffusion-weighted image with the role adc and the reverse (code "wrong_sequence"), by the headers,
    else by what follows from the images with b-values."""
    told = dict(_by_header(case))
    if not told and case.diffusion is not None:
        told = dict(_by_b_values(case, case.diffusion))
    for role, why in told.items():
        yield Reason("red", "wrong_sequence", f"The image with the role {role} {why}.", role)


def _adc_unit(figures: Figures) -> Iterator[Reason]:
    row = figures.get("adc", {})
    for name, where, (low, high) in (
        (OUTLINE_MEDIAN, "median ADC of the outline", ADC_OUTLINE),
        (ORGAN_HIGH, "95th percentile of the ADC in the breasts", ADC_BREAST),
    ):
        value = row.get(name)
        if value is not None and not low <= value <= high:
            text = (
                f"The {where} is {value:.0f} · 10⁻⁶ mm²/s; expected: {low:.0f} to {high:.0f}. The unit or "
                "the b values are wrong, or this is no ADC map."
            )
            yield Reason("red", "adc_unit", text, "adc")
            return


def _by_header(case: Case) -> Iterator[tuple[str, str]]:
    for sequence in case.sequences:
        kind = set(sequence.protocol.get("ImageType", "").upper().split("\\"))
        if sequence.role == "dwi" and "ADC" in kind:
            yield "dwi", "is an ADC map by its header"
        elif sequence.role == "adc" and kind & {"TRACEW", "DIFFUSION"} and "ADC" not in kind:
            yield "adc", "is a diffusion-weighted image by its header"


def _by_b_values(case: Case, series: DiffusionSeries) -> Iterator[tuple[str, str]]:
    expected = _expected_adc(series)
    if expected is None:
        return
    where, adc = expected
    for role in ("adc", "dwi"):
        sequence = next((s for s in case.sequences if s.role == role), None)
        if sequence is None or not same_grid(sequence.image, series.images[0]):
            continue
        relation = _relation(sequence, where, adc)
        if role == "adc" and relation < OTHER_ADC:
            yield "adc", f"does not follow from the b-values (rank correlation {relation:.2f}): no ADC map"
        elif role == "dwi" and relation > SAME_ADC:
            yield "dwi", f"is the ADC that follows from the b-values (rank correlation {relation:.2f})"


def _expected_adc(series: DiffusionSeries) -> tuple[np.ndarray, np.ndarray] | None:
    """Places (flat, every third voxel) with signal at the lowest and highest b-value, and the ADC there."""
    if series.b_values[-1] - series.b_values[0] < _LEAST_DIFFERENCE:
        return None
    low, high = (_thinned(series.images[n]) for n in (0, -1))
    where = np.flatnonzero((low > 0.2 * np.percentile(low, 99)) & (high > 0.02 * np.percentile(low, 99)))
    if where.size < 100:
        return None
    return where, np.log(low[where] / high[where]) / (series.b_values[-1] - series.b_values[0])


def _relation(sequence: Sequence, where: np.ndarray, adc: np.ndarray) -> float:
    return float(stats.spearmanr(_thinned(sequence.image)[where], adc).statistic)


def _thinned(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayViewFromImage(image)[:, ::3, ::3].astype(np.float64).ravel()


def _duplicates(figures: Figures) -> Iterator[Reason]:
    for role, row in figures.items():
        if row.get(REFERENCE_CORRELATION, 0.0) > DUPLICATE:
            text = f"The {role} image is the reference image once more."
            yield Reason("red", "wrong_sequence", text, role)
