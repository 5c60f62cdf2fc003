"""CLEAR, the checklist for the evaluation of radiomics research: 58 items, filled from a record.

Source: Kocak et al. 2023, Insights Imaging 14:75, table 1 (CC BY 4.0): sections, numbers and names. An item
about which nothing is known says "not available".
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import RESEARCH_USE_ONLY
from .clear_text import clear_texts
from .markdown import md
from .record import StudyRecord

NOT_AVAILABLE = "not available"
_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Title", ("Relevant title, specifying the radiomic methodology",)),
    ("Abstract", ("Structured summary with relevant information",)),
    ("Keywords", ("Relevant keywords for radiomics",)),
    (
        "Introduction",
        (
            "Scientific or clinical background",
            "Rationale for using a radiomic approach",
            "Study objective(s)",
        ),
    ),
    (
        "Method: study design",
        (
            "Adherence to guidelines or checklists",
            "Ethical details",
            "Sample size calculation",
            "Study nature",
            "Eligibility criteria",
            "Flowchart for technical pipeline",
        ),
    ),
    (
        "Method: data",
        (
            "Data source",
            "Data overlap",
            "Data split methodology",
            "Imaging protocol",
            "Definition of non-radiomic predictor variables",
            "Definition of the reference standard",
        ),
    ),
    ("Method: segmentation", ("Segmentation strategy", "Details of operators performing segmentation")),
    (
        "Method: pre-processing",
        (
            "Image pre-processing details",
            "Resampling method and its parameters",
            "Discretisation method and its parameters",
            "Image types",
        ),
    ),
    (
        "Method: feature extraction",
        (
            "Feature extraction method",
            "Feature classes",
            "Number of features",
            "Default configuration statement for remaining parameters",
        ),
    ),
    (
        "Method: data preparation",
        (
            "Handling of missing data",
            "Details of class imbalance",
            "Details of segmentation reliability analysis",
            "Feature scaling details",
            "Dimension reduction details",
        ),
    ),
    (
        "Method: modelling",
        (
            "Algorithm details",
            "Training and tuning details",
            "Handling of confounders",
            "Model selection strategy",
        ),
    ),
    (
        "Method: evaluation",
        (
            "Testing technique",
            "Performance metrics and rationale for choosing",
            "Uncertainty evaluation and measures",
            "Statistical performance comparison",
            "Comparison with non-radiomic and combined methods",
            "Interpretability and explainability methods",
        ),
    ),
    (
        "Results",
        (
            "Baseline demographic and clinical characteristics",
            "Flowchart for eligibility criteria",
            "Feature statistics",
            "Model performance evaluation",
            "Comparison with non-radiomic and combined approaches",
        ),
    ),
    (
        "Discussion",
        (
            "Overview of important findings",
            "Previous works with differences from the current study",
            "Practical implications",
            "Strengths and limitations",
        ),
    ),
    ("Open science: data", ("Sharing images along with segmentation data", "Sharing radiomic feature data")),
    (
        "Open science: code",
        ("Sharing pre-processing scripts or settings", "Sharing source code for modelling"),
    ),
    ("Open science: model", ("Sharing final model files", "Sharing a ready-to-use system")),
)
_ROWS = [(section, name) for section, names in _SECTIONS for name in names]
ITEMS: tuple[tuple[int, str, str], ...] = tuple((n, *row) for n, row in enumerate(_ROWS, 1))
"""Number, section and name of each item."""


@dataclass(frozen=True)
class ClearItem:
    """One item with what is known about it; `text` is "not available" where nothing is."""

    number: int
    section: str
    name: str
    text: str

    @property
    def available(self) -> bool:
        return self.text != NOT_AVAILABLE


def clear_items(record: StudyRecord) -> tuple[ClearItem, ...]:
    """The 58 items in order; what somebody answered stands above what the software found."""
    texts = clear_texts(record)
    items = []
    for number, section, name in ITEMS:
        answer = record.answer(f"clear:{number}")
        text = answer.evidence if answer is not None else texts.get(number, "")
        items.append(ClearItem(number, section, name, " ".join(text.split()) or NOT_AVAILABLE))
    return tuple(items)


def clear_markdown(record: StudyRecord) -> str:
    """The file ``CLEAR.md``."""
    items = clear_items(record)
    count = sum(item.available for item in items)
    simulated = "SIMULATED — " if record.design.simulated else ""
    lines = [
        f"# {simulated}CLEAR checklist: {md(record.design.title)}",
        "",
        f"**{RESEARCH_USE_ONLY}.** {count} of {len(items)} items are filled from the provenance of the run "
        f"or by its authors; the others are {NOT_AVAILABLE}. A draft: to be read and completed by them.",
        "",
        "Items: Kocak et al. 2023, Insights Imaging 14:75 (CC BY 4.0).",
    ]
    section = ""
    for item in items:
        if item.section != section:
            section = item.section
            lines += ["", f"## {section}", "", "| No. | Item | |", "|---|---|---|"]
        lines.append(f"| {item.number} | {item.name} | {md(item.text)} |")
    return "\n".join([*lines, ""])
