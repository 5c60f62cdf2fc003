"""What a case's place in feature space means for its trust card.

The thresholds were set so that of cases like the training ones about 4 % are not green here, which leaves
room for reasons that come from the images within the 10 % that are allowed together.

A case from elsewhere need not stand out here: on the simulated scanner B every feature of the demonstration
models keeps within about one standard deviation of its training mean, and these reasons mark 1 case in 40.
Such cases are told by their images (protocol.py), which mark 40 of 40; real gliomas are red by both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..models.inference import Inputs
from ..models.radmodel import RadModel
from ..radiomics.definitions import describe
from ..radiomics.keys import measured_key
from .model import Reason
from .ood import MIN_ROWS, Excess, FeatureSpace, Remoteness

OOD_CODES = ("feature_range", "mahalanobis", "neighbours", "extrapolation")
"""Codes of the reasons that say "unlike the training cases" in feature space."""

AMBER_PERCENTILE = 97.5
"""Of cases like the training ones 2.5 % lie farther out, by the meaning of a percentile. The two distances
mostly agree on such cases: together they raise about 3 % of false alarms."""

RED_RATIO = 1.5
"""Half as far again as the most remote of the training cases. In 20 random divisions of the simulated cohort
no held-out case (of 2280) came so far out."""

AMBER_WIDTHS, AMBER_COUNT = 0.25, 3
"""A new case of the same kind leaves the range of n cases in one of p continuous features with a probability
of about 2p/(n + 1), 11 % for the demonstration: that alone is no alarm. A quarter of the range's width
outside, or three features outside at once, is one (1 to 3 % of held-out cases)."""

RED_WIDTHS, RED_SHARE = 1.0, 0.5
"""As far outside as the range is wide, or half of the features outside: another kind of image or tumour."""

AMBER_EXTRAPOLATION, RED_EXTRAPOLATION = 0.25, 1.0
"""The same for the decision value against those of the background: a logit far beyond them is arithmetic."""


def space_reasons(model: RadModel, inputs: Inputs, space: FeatureSpace) -> list[Reason]:
    """Return what speaks against the case, or one green reason."""
    found = [
        *_ranges(model, inputs, space.excesses),
        *_remote(
            "mahalanobis", "Taken together, the features lie farther from the centre", space.mahalanobis
        ),
        *_remote("neighbours", "The nearest training cases are farther away", space.neighbours),
        *_extrapolation(space.extrapolation),
    ]
    if math.isnan(space.mahalanobis.percentile):
        text = (
            "Whether the case is like the training cases is not known: fewer than "
            f"{MIN_ROWS} of them are stored with the model, or none of its features was measured."
        )
        found.append(Reason("amber", "no_reference", text))
    elif all(reason.light == "green" for reason in found):
        text = (
            f"In {space.used} features the case lies among the training cases (distance percentiles "
            f"{space.mahalanobis.percentile:.0f} and {space.neighbours.percentile:.0f} of 100)."
        )
        found.append(Reason("green", "feature_space", text))
    return found


def _ranges(model: RadModel, inputs: Inputs, outside: Sequence[Excess]) -> list[Reason]:
    if not outside:
        return []
    measured = len(model.feature_keys) - len(inputs.imputed)
    widest = outside[0].widths
    light = "amber" if widest > AMBER_WIDTHS or len(outside) >= AMBER_COUNT else "green"
    if RED_WIDTHS < widest < math.inf or len(outside) >= max(RED_SHARE * measured, AMBER_COUNT):
        light = "red"
    where = "outside the training range" + (", by little" if light == "green" else "")
    more = f"; and {len(outside) - 3} more" if len(outside) > 3 else ""
    verb = "lies" if len(outside) == 1 else "lie"
    text = (
        f"{len(outside)} of {measured} features {verb} {where}: {'; '.join(map(_tell, outside[:3]))}{more}."
    )
    return [Reason(light, "feature_range", text)]


def _remote(code: str, subject: str, found: Remoteness) -> list[Reason]:
    if not found.percentile > AMBER_PERCENTILE:
        return []
    share = "every" if found.percentile >= 100 else f"{found.percentile:.0f} % of the"
    text = f"{subject} than those of {share} training case{'' if found.percentile >= 100 else 's'}"
    if found.ratio > 1:
        text += f", {found.ratio:.1f} times as far as the most remote of them"
    return [Reason("red" if found.ratio > RED_RATIO else "amber", code, text + ".")]


def _extrapolation(widths: float) -> list[Reason]:
    if not widths > AMBER_EXTRAPOLATION:
        return []
    times = f"{widths:.1f} times the width of" if math.isfinite(widths) else "far from"
    text = (
        f"The decision value of the model lies {times} its range on the training cases outside that range: "
        "the probability is an extrapolation."
    )
    return [Reason("red" if widths > RED_EXTRAPOLATION else "amber", "extrapolation", text)]


def _tell(excess: Excess) -> str:
    label = describe(excess.key).label
    measured = measured_key(excess.key)
    if measured is not None and measured.sequence != "mask":
        label = f"{measured.sequence} {label}"
    return f"{label} {excess.value:.3g} (training {excess.low:.3g} to {excess.high:.3g})"
