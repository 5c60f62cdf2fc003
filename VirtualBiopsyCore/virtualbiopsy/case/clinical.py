"""Clinical and semantic variables of a case: labels, units, ranges, choices, and their numeric encoding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

from ..errors import ClinicalValueError


@dataclass(frozen=True)
class ClinicalVariable:
    """One variable that is entered by the user.

    Attributes
    ----------
    name : key in `Case.clinical`.
    label : what a form shows.
    kind : "number", "choice" or "flag" (yes/no).
    unit : unit of a number, "" if it has none.
    minimum, maximum : closed range of a number, None for the other kinds.
    choices : label by value, in the order in which a form lists them; empty for the other kinds.
    description : one sentence for the tooltip.
    """

    name: str
    label: str
    kind: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: Mapping[Any, str] = field(default_factory=dict)
    description: str = ""


SKULL_BASE_LOCATIONS = frozenset({"skull_base", "medial_skull_base", "spinal"})

_VARIABLES = (
    ClinicalVariable("age", "Age", "number", "years", 0.0, 120.0, description="Age at imaging in years."),
    ClinicalVariable(
        "sex",
        "Sex",
        "choice",
        choices=MappingProxyType({"female": "female", "male": "male"}),
        description="Sex as recorded with the examination.",
    ),
    ClinicalVariable(
        "location",
        "Location",
        "choice",
        choices=MappingProxyType(
            {
                "convexity": "convexity",
                "parasagittal": "parasagittal",
                "falx": "falx",
                "skull_base": "skull base, lateral or not specified",
                "medial_skull_base": "skull base, medial",
                "posterior_fossa": "posterior fossa convexity",
                "tentorium": "tentorium",
                "intraventricular": "intraventricular",
                "spinal": "spinal",
                "other": "other",
            }
        ),
        description="Where the tumour is attached.",
    ),
    ClinicalVariable(
        "who_grade",
        "WHO grade",
        "choice",
        choices=MappingProxyType({1: "CNS WHO grade 1", 2: "CNS WHO grade 2", 3: "CNS WHO grade 3"}),
        description="CNS WHO grade, if it is known from histology.",
    ),
    ClinicalVariable(
        "margin",
        "Margin",
        "choice",
        choices=MappingProxyType({"regular": "regular", "irregular": "irregular"}),
        description="Shape of the tumour margin as read.",
    ),
    ClinicalVariable(
        "brain_interface",
        "Tumour–brain interface",
        "choice",
        choices=MappingProxyType({"clear": "clear", "blurred": "blurred"}),
        description="Whether the border between tumour and brain is clear or blurred.",
    ),
    ClinicalVariable(
        "enhancement_pattern",
        "Enhancement",
        "choice",
        choices=MappingProxyType({"homogeneous": "homogeneous", "heterogeneous": "heterogeneous"}),
        description="Contrast enhancement as read.",
    ),
    ClinicalVariable("dural_tail", "Dural tail", "flag", description="Whether a dural tail sign is present."),
    ClinicalVariable(
        "menopausal_status",
        "Menopausal status",
        "choice",
        choices=MappingProxyType(
            {
                "premenopausal": "premenopausal",
                "perimenopausal": "perimenopausal",
                "postmenopausal": "postmenopausal",
            }
        ),
        description="Menopausal status at imaging.",
    ),
    ClinicalVariable(
        "er_positive",
        "Oestrogen receptor positive",
        "flag",
        description="Oestrogen receptor status from histology, if it is known.",
    ),
    ClinicalVariable(
        "pr_positive",
        "Progesterone receptor positive",
        "flag",
        description="Progesterone receptor status from histology, if it is known.",
    ),
    ClinicalVariable(
        "histological_grade",
        "Histological grade",
        "choice",
        choices=MappingProxyType({1: "grade 1", 2: "grade 2", 3: "grade 3"}),
        description="Histological (Nottingham) grade, if it is known.",
    ),
)

CLINICAL: Mapping[str, ClinicalVariable] = MappingProxyType({v.name: v for v in _VARIABLES})

_WORDS = {"yes": True, "true": True, "present": True, "no": False, "false": False, "absent": False}
_ROMAN = {"i": 1, "ii": 2, "iii": 3}
_SHORT = {"f": "female", "m": "male"}


def check_clinical(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in canonical form: float, choice value or bool; unknown ones (None, "") are left out.

    Raises
    ------
    ClinicalValueError : a variable is unknown, or its value is of the wrong type or out of range.
    """
    checked: dict[str, Any] = {}
    for name, value in values.items():
        variable = CLINICAL.get(name)
        if variable is None:
            raise ClinicalValueError(
                f"There is no clinical variable called {name!r}.", f"Known variables: {', '.join(CLINICAL)}."
            )
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        check = {"number": _number, "choice": _choice, "flag": _flag}[variable.kind]
        checked[name] = check(variable, value)
    return checked


def encode_clinical(values: Mapping[str, Any]) -> dict[str, float]:
    """Encode clinical values as features with keys ``clinical:<name>``; unknown ones are absent.

    Encoding: age in years; sex female 0, male 1; skull_base 1 for skull base and spinal locations, else 0;
    who_grade and histological_grade 1…3; margin_irregular, interface_blurred, enhancement_heterogeneous,
    dural_tail, er_positive and pr_positive 0 or 1; postmenopausal 1 after the menopause, else 0.

    Raises
    ------
    ClinicalValueError : as :func:`check_clinical`.
    """
    known = check_clinical(values)
    encoded: dict[str, float] = {}

    def put(key: str, name: str, convert) -> None:
        if name in known:
            encoded[f"clinical:{key}"] = float(convert(known[name]))

    put("age", "age", float)
    put("sex", "sex", lambda v: v == "male")
    put("skull_base", "location", lambda v: v in SKULL_BASE_LOCATIONS)
    put("who_grade", "who_grade", float)
    put("margin_irregular", "margin", lambda v: v == "irregular")
    put("interface_blurred", "brain_interface", lambda v: v == "blurred")
    put("enhancement_heterogeneous", "enhancement_pattern", lambda v: v == "heterogeneous")
    put("dural_tail", "dural_tail", bool)
    put("postmenopausal", "menopausal_status", lambda v: v == "postmenopausal")
    put("er_positive", "er_positive", bool)
    put("pr_positive", "pr_positive", bool)
    put("histological_grade", "histological_grade", float)
    return encoded


def _number(variable: ClinicalVariable, value: Any) -> float:
    number: float | None = None
    if not isinstance(value, bool) and isinstance(value, (Real, str)):
        try:
            number = float(value)
        except ValueError:
            number = None
    if number is None or not math.isfinite(number):
        raise ClinicalValueError(
            f"{variable.label} must be a number ({variable.unit or 'no unit'}), not {value!r}."
        )
    if not variable.minimum <= number <= variable.maximum:
        raise ClinicalValueError(
            f"{variable.label} {number:g} {variable.unit} is out of range.",
            f"Enter a value from {variable.minimum:g} to {variable.maximum:g} {variable.unit}.".strip(),
        )
    return number


def _choice(variable: ClinicalVariable, value: Any) -> Any:
    if isinstance(value, bool):
        raise _wrong_choice(variable, value)
    text = str(value).strip().lower()
    if variable.name in ("who_grade", "histological_grade"):
        text = str(_ROMAN.get(text, text)).removesuffix(".0")
    elif variable.name == "sex":
        text = _SHORT.get(text, text)
    elif variable.name == "menopausal_status":
        text = text if text.endswith("menopausal") else f"{text}menopausal"
    text = text.replace(" ", "_") if variable.name == "location" else text
    for choice in variable.choices:
        if text == str(choice):
            return choice
    raise _wrong_choice(variable, value)


def _wrong_choice(variable: ClinicalVariable, value: Any) -> ClinicalValueError:
    known = ", ".join(str(choice) for choice in variable.choices)
    return ClinicalValueError(f"{variable.label} cannot be {value!r}.", f"Choose one of: {known}.")


def _flag(variable: ClinicalVariable, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Real) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _WORDS:
            return _WORDS[text]
        if text in ("0", "1"):
            return text == "1"
    raise ClinicalValueError(f"{variable.label} must be yes or no, not {value!r}.")
