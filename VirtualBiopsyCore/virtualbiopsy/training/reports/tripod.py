"""The order of TRIPOD+AI, with the items of CLEAR that belong to each of its items, filled from a record.

Source: Collins et al. 2024, BMJ 385:e078378, table 2 (27 items); names shortened.
"""

from __future__ import annotations

from dataclasses import dataclass

from .clear import NOT_AVAILABLE, clear_items
from .evidence import metrics_findings
from .names import figure_words
from .record import StudyRecord

_SECTIONS: tuple[tuple[str, tuple[tuple[str, str, tuple[int, ...]], ...]], ...] = (
    ("Title and abstract", (("1", "Title", (1,)), ("2", "Abstract", (2,)))),
    (
        "Introduction",
        (
            ("3a", "Healthcare context and rationale", (4, 5)),
            ("3b", "Target population, purpose and users", ()),
            ("3c", "Known health inequalities", ()),
            ("4", "Objectives", (6,)),
        ),
    ),
    (
        "Methods",
        (
            ("5a", "Sources of data", (13, 14)),
            ("5b", "Dates", ()),
            ("6a", "Setting", (10,)),
            ("6b", "Eligibility", (11,)),
            ("6c", "Treatments", ()),
            ("7", "Data preparation", (16, 21, 22, 23, 24, 32)),
            ("8a", "Outcome", (18,)),
            ("8b", "Assessors of the outcome", ()),
            ("8c", "Blinding of the outcome", ()),
            ("9a", "Choice of predictors", (26, 27)),
            ("9b", "Definition of predictors", (17, 25, 28)),
            ("9c", "Assessors of predictors", (19, 20, 31)),
            ("10", "Sample size", (9,)),
            ("11", "Missing data", (29,)),
            ("12a", "Use and division of the data", (15,)),
            ("12b", "Handling of predictors", (33,)),
            ("12c", "Model, building steps, tuning, internal validation", (12, 34, 35, 37, 38)),
            ("12d", "Heterogeneity between sites", (36,)),
            ("12e", "Measures of performance", (39, 40, 41, 42)),
            ("12f", "Updating of the model", ()),
            ("12g", "How predictions are calculated", ()),
            ("13", "Class imbalance", (30,)),
            ("14", "Fairness", ()),
            ("15", "Output of the model", ()),
            ("16", "Differences between training and evaluation", ()),
            ("17", "Ethical approval", (8,)),
        ),
    ),
    (
        "Open science",
        (
            ("18a", "Funding", ()),
            ("18b", "Conflicts of interest", ()),
            ("18c", "Protocol", ()),
            ("18d", "Registration", ()),
            ("18e", "Sharing of data", (53, 54)),
            ("18f", "Sharing of code and model", (55, 56, 57, 58)),
        ),
    ),
    ("Patient and public involvement", (("19", "Involvement", ()),)),
    (
        "Results",
        (
            ("20a", "Flow of participants", (45,)),
            ("20b", "Characteristics", (44,)),
            ("20c", "Training and evaluation data compared", ()),
            ("21", "Numbers in each analysis", ()),
            ("22", "Full model", (46,)),
            ("23a", "Performance", (47, 48)),
            ("23b", "Heterogeneity of performance", ()),
            ("24", "Results of updating", ()),
        ),
    ),
    (
        "Discussion",
        (
            ("25", "Interpretation", (49, 50)),
            ("26", "Limitations", (52,)),
            ("27a", "Missing or poor input at the time of use", ()),
            ("27b", "Interaction and expertise needed", (43, 51)),
            ("27c", "Next steps", ()),
        ),
    ),
)
MISSING = (
    "A feature that cannot be measured takes its value of the training and is listed beside the answer; "
    "without a sequence that the model needs there is none"
)
_ROWS = [(section, *row) for section, rows in _SECTIONS for row in rows]
KEYS = tuple(key for _, key, _, _ in _ROWS)


@dataclass(frozen=True)
class TripodItem:
    """One item: "12c", its section and name, the numbers of the CLEAR items in it, and what is known."""

    key: str
    section: str
    name: str
    clear: tuple[int, ...]
    text: str

    @property
    def available(self) -> bool:
        return self.text != NOT_AVAILABLE


def tripod_items(record: StudyRecord) -> tuple[TripodItem, ...]:
    """All items in order; answers stand above what the software found."""
    clear = {item.number: item.text for item in clear_items(record) if item.available}
    own = _own(record)
    items = []
    for section, key, name, numbers in _ROWS:
        answer = record.answer(f"tripod:{key}")
        texts = [own.get(key, ""), *(clear.get(number, "") for number in numbers)]
        whole = " ".join(dict.fromkeys(text if text[-1] in ".!?" else text + "." for text in texts if text))
        text = answer.evidence if answer is not None else whole
        items.append(TripodItem(key, section, name, numbers, " ".join(text.split()) or NOT_AVAILABLE))
    return tuple(items)


def _own(record: StudyRecord) -> dict[str, str]:
    """What CLEAR does not ask for."""
    design, data, modelling = record.design, record.data, record.modelling
    return {
        "3b": " ".join(t for t in (design.population, design.intended_use, design.users) if t),
        "3c": design.inequalities,
        "5b": data.dates,
        "6a": data.setting,
        "6c": data.treatment,
        "12f": modelling.calibration,
        "12g": equation_words(record),
        "14": _subgroups(record),
        "15": _output(record),
        "18a": design.funding,
        "18b": design.conflicts,
        "18c": design.protocol,
        "18d": design.registration,
        "19": design.involvement,
        "20c": _partition(record),
        "21": _numbers(record),
        "22": equation_words(record),
        "23b": _subgroups(record),
        "27a": MISSING if modelling.kept else "",
    }


def equation_words(record: StudyRecord) -> str:
    """The linear predictor, where the model has one."""
    weights = record.modelling.equation
    if not weights:
        return ""
    terms = " ".join(
        f"{'−' if weight < 0 else '+'} {abs(weight):.4g} · [{name}]"
        for name, weight in weights.items()
        if name != "(intercept)"
    )
    first = f"{weights['(intercept)']:.4g} ".replace("-", "−") if "(intercept)" in weights else ""
    return f"Log-odds (log hazard ratio for survival) = {first}{terms}".rstrip()


def _subgroups(record: StudyRecord) -> str:
    named = [test.name for test in record.tests or () if test.subgroups is not None]
    return f"Figures by subgroup in the tables of: {', '.join(named)}" if named else ""


def _output(record: StudyRecord) -> str:
    design, modelling = record.design, record.modelling
    if not design.positive:
        survival = any("concordance" in test.figures for test in record.tests or ())
        return f"A relative risk (hazard) of {design.endpoint}" if survival else ""
    text = f"Estimated probability of {design.positive}"
    if modelling.threshold is not None:
        text += f"; “high” from {modelling.threshold:g}"
    return f"{text}. {modelling.threshold_rule}".strip()


def _partition(record: StudyRecord) -> str:
    found = metrics_findings(record).get(27)
    return f"Tested on other institutions: {found.evidence}" if found is not None and found.met else ""


def _numbers(record: StudyRecord) -> str:
    told = [
        f"{test.name}: {test.cases} cases"
        + (f", {test.positive} positive" if test.positive is not None else "")
        for test in record.tests or ()
        if test.cases is not None
    ]
    return "; ".join(told)


def main_figures(record: StudyRecord) -> str:
    """The first figure of each test, for headings."""
    told = []
    for test in record.tests or ():
        for name, figure in list(test.figures.items())[:1]:
            told.append(f"{test.name}: {figure_words(name, figure)}")
    return "; ".join(told)
