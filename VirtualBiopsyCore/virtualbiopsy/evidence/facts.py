"""What a published rule may ask about a case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

CLINICAL_FORM = "clinical form"
IMMUNOHISTOCHEMISTRY = "immunohistochemistry"
KINETICS = "fast dynamic series (ktrans)"
EXTERNAL_VALIDATION = "external validation on patients"


@dataclass(frozen=True)
class Fact:
    """One thing that may be known about a case.

    Attributes
    ----------
    name : key in the mapping of facts.
    label : what the reader calls it.
    kind : "number", "text" or "flag".
    unit : unit of a number, empty if it has none.
    source : what must be supplied to know it: an image, the clinical form, immunohistochemistry.
    digits : digits after the point when printed.
    """

    name: str
    label: str
    kind: str
    unit: str
    source: str
    digits: int = 1


_ALL = (
    Fact("diameter_mm", "maximum diameter", "number", "mm", "outline of the tumour"),
    Fact("volume_ml", "volume", "number", "mL", "outline of the tumour"),
    Fact("adc_mean", "mean ADC", "number", "×10⁻⁶ mm²/s", "ADC map (adc)", 0),
    Fact("adc_p10", "10th ADC percentile", "number", "×10⁻⁶ mm²/s", "ADC map (adc)", 0),
    Fact("adc_skewness", "ADC skewness", "number", "", "ADC map (adc)", 2),
    Fact("aptw_max", "APTwmax", "number", "%", "APTw map (aptw)", 2),
    Fact(
        "enhancement_cov",
        "coefficient of variation of the enhancement",
        "number",
        "",
        "contrast-enhanced T1-weighted image (t1c)",
        2,
    ),
    Fact("age", "age", "number", "years", CLINICAL_FORM, 0),
    Fact("sex", "sex", "text", "", CLINICAL_FORM),
    Fact("location", "location", "text", "", CLINICAL_FORM),
    Fact("who_grade", "WHO grade", "number", "", CLINICAL_FORM, 0),
    Fact("margin", "margin", "text", "", CLINICAL_FORM),
    Fact("brain_interface", "tumour–brain interface", "text", "", CLINICAL_FORM),
    Fact(
        "enhancement_pattern",
        "enhancement pattern",
        "text",
        "",
        CLINICAL_FORM,
    ),
    Fact("dural_tail", "dural tail", "flag", "", CLINICAL_FORM),
    Fact("menopausal_status", "menopausal status", "text", "", CLINICAL_FORM),
    Fact("er_positive", "oestrogen receptor positive", "flag", "", CLINICAL_FORM),
    Fact("histological_grade", "histological grade", "number", "", CLINICAL_FORM, 0),
    Fact("pe_mean", "mean percent enhancement", "number", "%", "dynamic series (dce)", 0),
    Fact("ser_mean", "mean signal enhancement ratio", "number", "", "dynamic series (dce)", 2),
    Fact("ktrans_mean", "mean Ktrans", "number", "1/min", KINETICS, 3),
    Fact("kep_mean", "mean kep", "number", "1/min", KINETICS, 3),
    Fact("external_auc", "external AUC", "number", "", EXTERNAL_VALIDATION, 3),
    Fact("ki67_percent", "measured Ki-67", "number", "%", IMMUNOHISTOCHEMISTRY),
    Fact("pr_positive", "PR positive on tissue", "flag", "", IMMUNOHISTOCHEMISTRY),
)

FACTS: Mapping[str, Fact] = MappingProxyType({fact.name: fact for fact in _ALL})
"""Facts by name. A model's probability is none of them: it never stands in for a measured Ki-67 or PR."""


def known(facts: Mapping[str, object], name: str) -> bool:
    """Whether `name` has a usable value of its kind in `facts` (None and NaN are unknown)."""
    value = facts.get(name)
    kind = FACTS[name].kind
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str) and bool(value)
    return is_number(value) and math.isfinite(float(value))  # type: ignore[arg-type]


def is_number(value: object) -> bool:
    """Whether `value` is a real number; a bool is not, numpy scalars are."""
    if isinstance(value, bool | str) or getattr(value, "ndim", 0):
        return False
    return hasattr(value, "__float__")


def tell(facts: Mapping[str, object], name: str, apart_from: Sequence[float] = ()) -> str:
    """Say a known fact in words, for example ``maximum diameter 34.2 mm``.

    A number gets as many digits as it takes to stay on its side of the limits `apart_from`.
    """
    fact, value = FACTS[name], facts[name]
    if fact.kind == "flag":
        return f"{fact.label}: {'yes' if value else 'no'}"
    if fact.kind == "text":
        return f"{fact.label}: {words(value)}"
    exact = float(value)  # type: ignore[arg-type]
    digits = fact.digits
    while digits < 9 and any(_side(round(exact, digits), x) != _side(exact, x) for x in apart_from):
        digits += 1
    return f"{fact.label} {number(exact, fact, digits)}"


def words(value: object) -> str:
    """Print a text value: ``medial_skull_base`` as ``medial skull base``."""
    return str(value).replace("_", " ")


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def number(value: float, fact: Fact, digits: int | None = None) -> str:
    """Print `value` with the unit of `fact`; `digits` after the point, None for the shortest form."""
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return f"{text.replace('-', '−')} {fact.unit}".strip()


def tell_needs(missing: Sequence[str]) -> str:
    """Say what must be supplied to know the facts `missing`, for example ``needs APTw map (aptw)``."""
    by_source: dict[str, list[str]] = {}
    for name in missing:
        by_source.setdefault(FACTS[name].source, []).append(FACTS[name].label)
    parts = []
    for source, labels in by_source.items():
        if source == CLINICAL_FORM:
            parts.append(f"{', '.join(labels)} ({source})")
        elif source == IMMUNOHISTOCHEMISTRY:
            parts.append(f"{source} ({', '.join(labels)})")
        else:
            parts.append(source)
    return "needs " + "; ".join(parts)
