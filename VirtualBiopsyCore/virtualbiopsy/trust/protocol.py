"""The images of a case against those a model has learnt from: protocol, measured figures, population."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..models.radmodel import RadModel
from ..tasks import TASKS
from .dynamic import EARLY, INTERVAL, LATE, PHASES
from .images import (
    ASYMMETRY,
    BRAIN_MEDIAN,
    DEPTH_CORRELATION,
    FIGURES,
    HIGH_SHARE,
    LOW_SHARE,
    OUTLINE_CONTRAST,
    PIXEL,
    REFERENCE_CORRELATION,
    SLICES,
    SNR,
    SPREAD,
    STRIPPED,
    T2_CORRELATION,
    TILT,
)
from .model import ImageFacts, Reason

IMAGE_CODES = ("spacing", "orientation", "protocol", "image_figures", "population")
"""Codes of the reasons that follow from a comparison with the training images."""

RED_SPACING = 2.5
"""Voxels so many times larger or smaller than any in training are not amber but red."""

OTHER_SERIES = 5.0
"""A dynamic series whose phases follow one another so many times faster or slower than in any training case
is of another kind: its maps are measured at other times of the uptake."""

TILT_ALLOWED = 12.0
"""Degrees beyond the training range."""

# Share of the value by which a header value or a spacing may leave the training range.
_TOLERANCE = {
    PIXEL: 0.25,
    SLICES: 0.2,
    "SliceThickness": 0.2,
    "MagneticFieldStrength": 0.05,
    EARLY: 0.3,
    LATE: 0.3,
    INTERVAL: 0.5,
    PHASES: 0.5,
}
_USUAL_TOLERANCE = 0.1

# Ranges of some hundred cases are narrower than what is possible: a case may leave them by a part of their
# width, and by at least so much.
WIDER = 0.35
_AT_LEAST = {
    ASYMMETRY: 0.06,
    SPREAD: 0.04,
    DEPTH_CORRELATION: 0.12,
    REFERENCE_CORRELATION: 0.12,
    T2_CORRELATION: 0.12,
    BRAIN_MEDIAN: 40.0,
    LOW_SHARE: 0.06,
    HIGH_SHARE: 0.15,
    OUTLINE_CONTRAST: 0.15,
}
_LOGARITHMIC = frozenset({SNR})

_NAMES = {
    PIXEL: ("pixels", "mm"),
    SLICES: ("distance of slices", "mm"),
    TILT: ("angle of the slices to the axial plane", "°"),
    "MagneticFieldStrength": ("field strength", "T"),
    "RepetitionTime": ("repetition time", "ms"),
    "EchoTime": ("echo time", "ms"),
    "InversionTime": ("inversion time", "ms"),
    "FlipAngle": ("flip angle", "°"),
    "SliceThickness": ("slice thickness", "mm"),
    "DiffusionBValue": ("b value", "s/mm²"),
    PHASES: ("number of phases", ""),
    EARLY: ("early phase after the injection", "s"),
    LATE: ("late phase after the injection", "s"),
    INTERVAL: ("distance of phases", "s"),
}


def image_reasons(model: RadModel, facts: ImageFacts) -> tuple[Reason, ...]:
    """What the images say about trusting a model on this case, worst last.

    Faults that need no model (`facts.findings`) are among them, unless they are about a sequence that the
    model does not use. What is not known is said in a green reason and never counts against the case; a model
    without protocol ranges or image statistics is not compared.
    """
    used = {model.preparation.reference, *model.required_sequences, *model.optional_sequences}
    found = [
        *_protocol(model, facts, used),
        *_figures(model, facts, used),
        *(reason for reason in facts.findings if not reason.role or reason.role in used),
        *_population(model, facts),
    ]
    return tuple(found) or (Reason("green", "images", "The images are like those of the training cases."),)


def _protocol(model: RadModel, facts: ImageFacts, used: set[str]) -> Iterator[Reason]:
    unknown: list[str] = []
    outside: dict[str, list[str]] = {}
    red = False
    for entry, (low, high) in sorted(model.protocol_ranges.items()):
        words = entry.split(" (")[0].split()
        keyword = words[-1]
        roles = [words[0]] if len(words) > 1 else [model.preparation.reference]
        for role in roles:
            if role not in used or role not in facts.protocol:
                continue
            name, unit = _NAMES.get(keyword, (keyword, ""))
            value = facts.protocol[role].get(keyword)
            if value is None:
                if keyword != TILT:
                    unknown.append(f"{role} {name}")
                continue
            if _within(keyword, value, low, high):
                continue
            code = {PIXEL: "spacing", SLICES: "spacing", "SliceThickness": "spacing", TILT: "orientation"}
            text = f"{role} {name} {_figure(value, unit)} (training {_range(low, high, unit)})"
            outside.setdefault(code.get(keyword, "protocol"), []).append(text)
            if code.get(keyword) == "spacing" and max(value / high, low / value) > RED_SPACING:
                red = True
    for code, texts in outside.items():
        light = "red" if red and code == "spacing" else "amber"
        yield Reason(light, code, f"Another protocol than in training: {'; '.join(dict.fromkeys(texts))}.")
    if unknown:
        text = f"Not in the headers, so not compared with the training cases: {', '.join(unknown)}."
        yield Reason("green", "protocol_unknown", text)


def _within(keyword: str, value: float, low: float, high: float) -> bool:
    if keyword == TILT:
        return low - TILT_ALLOWED <= value <= high + TILT_ALLOWED
    share = 1.0 + _TOLERANCE.get(keyword, _USUAL_TOLERANCE)
    return low / share <= value <= high * share


def _figures(model: RadModel, facts: ImageFacts, used: set[str]) -> Iterator[Reason]:
    texts = []
    organ = TASKS[model.task].organ
    for role, row in facts.figures.items():
        known = model.image_statistics.get(role, {})
        if role not in used:
            continue
        for name, value in row.items():
            if name not in known or (name not in _AT_LEAST and name not in _LOGARITHMIC):
                continue
            low, high = known[name]
            if name == OUTLINE_CONTRAST and role == model.preparation.reference and value < low:
                continue  # see _population
            if not _usual(name, value, low, high):
                what = FIGURES[name].split(":")[0].replace("brain", organ)
                texts.append(f"{role} {what} {value:.3g} (training {low:.3g} to {high:.3g})")
    if texts:
        text = f"The images differ from those of the training cases: {'; '.join(texts)}."
        yield Reason("amber", "image_figures", text)


def _usual(name: str, value: float, low: float, high: float) -> bool:
    if name in _LOGARITHMIC:
        if min(value, low, high) <= 0:
            return True
        value, low, high = math.log(value), math.log(low), math.log(high)
    slack = max(WIDER * (high - low), _AT_LEAST.get(name, 0.0))
    return low - slack <= value <= high + slack


def _population(model: RadModel, facts: ImageFacts) -> Iterator[Reason]:
    """Signs in the reference that the case is of another kind than all training cases."""
    signs = [*_anatomy(model, facts), *_series(model, facts)]
    if signs:
        yield Reason("red", "population", f"Not this model's population: {'; '.join(signs)}.")


def _series(model: RadModel, facts: ImageFacts) -> Iterator[str]:
    role = model.preparation.reference
    interval, known = facts.protocol.get(role, {}).get(INTERVAL), model.protocol_range(role, INTERVAL)
    if interval is None or known is None:
        return
    low, high = known
    if not low / OTHER_SERIES <= interval <= high * OTHER_SERIES:
        yield (
            f"the phases of the dynamic series are {_figure(interval, 's')} apart (training "
            f"{_range(low, high, 's')}), so that its maps show other parts of the uptake"
        )


def _anatomy(model: RadModel, facts: ImageFacts) -> Iterator[str]:
    role, organ = model.preparation.reference, TASKS[model.task].organ
    row: Mapping[str, float] = facts.figures.get(role, {})
    known = model.image_statistics.get(role, {})
    stripped = row.get(STRIPPED)
    if stripped is not None and STRIPPED in known and stripped > known[STRIPPED][1]:
        yield (
            "scalp and skull have been removed, but the training images show the whole head and intensities "
            "are scaled by it"
        )
    contrast = row.get(OUTLINE_CONTRAST)
    if contrast is not None and OUTLINE_CONTRAST in known:
        low, high = known[OUTLINE_CONTRAST]
        if contrast < low - _AT_LEAST[OUTLINE_CONTRAST]:
            yield (
                f"the outline hardly enhances on {role} (contrast {contrast:.2f} of the {organ}'s range), "
                f"and every training tumour did ({low:.2f} to {high:.2f})"
            )


def _figure(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()


def _range(low: float, high: float, unit: str) -> str:
    return _figure(low, unit) if low == high else f"{low:.4g} to {_figure(high, unit)}"
