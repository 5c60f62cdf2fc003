"""METRICS, the methodological radiomics score: 30 weighted items, 0 … 100 %.

Source: Kocak et al. 2024, Insights Imaging 15:8, table 1 (CC BY 4.0): categories, items and weights. Items
that do not apply under the five conditions leave the score, and the weights of the others are taken as the
whole. What is unknown counts as not met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import TrainingError
from .record import Finding


@dataclass(frozen=True)
class Item:
    """One item; `condition` is the field of :class:`Conditions` that it depends on, "" for none."""

    number: int
    category: str
    name: str
    weight: float
    condition: str = ""


_CATEGORIES: tuple[tuple[str, tuple[tuple[str, float, str], ...]], ...] = (
    (
        "Study design",
        (
            ("Adherence to checklists or guidelines", 0.0368, ""),
            ("Eligibility criteria that describe a representative population", 0.0735, ""),
            ("High-quality reference standard with a clear definition", 0.0919, ""),
        ),
    ),
    (
        "Imaging data",
        (
            ("Multi-centre", 0.0438, ""),
            ("Clinical translatability of the imaging data source", 0.0292, ""),
            ("Imaging protocol with acquisition parameters", 0.0438, ""),
            ("Interval between imaging and reference standard", 0.0292, ""),
        ),
    ),
    (
        "Segmentation",
        (
            ("Transparent description of segmentation", 0.0337, "segmentation"),
            ("Formal evaluation of fully automated segmentation", 0.0225, "automated"),
            ("Test outlines by a single reader or an automated tool", 0.0112, "segmentation"),
        ),
    ),
    (
        "Image processing and feature extraction",
        (
            ("Appropriate image preprocessing, transparently described", 0.0622, ""),
            ("Standardised feature extraction software", 0.0311, "handcrafted"),
            ("Feature extraction parameters, or a default configuration statement", 0.0415, ""),
        ),
    ),
    (
        "Feature processing",
        (
            ("Removal of non-robust features", 0.0200, "tabular"),
            ("Removal of redundant features", 0.0200, "tabular"),
            ("Dimensionality appropriate to the size of the data", 0.0300, "tabular"),
            ("Robustness of end-to-end deep learning", 0.0200, "deep"),
        ),
    ),
    (
        "Preparation for modelling",
        (
            ("Proper data partitioning", 0.0599, ""),
            ("Handling of confounding factors", 0.0300, ""),
        ),
    ),
    (
        "Metrics and comparison",
        (
            ("Appropriate performance metrics for the task", 0.0352, ""),
            ("Consideration of uncertainty", 0.0234, ""),
            ("Calibration assessment", 0.0176, ""),
            ("One imaging set, or proof that it is inferior", 0.0117, ""),
            ("Comparison with a non-radiomic approach, or proof of added clinical value", 0.0293, ""),
            ("Comparison with simple or classical statistical models", 0.0176, ""),
        ),
    ),
    ("Testing", (("Internal testing", 0.0375, ""), ("External testing", 0.0749, ""))),
    (
        "Open science",
        (
            ("Data availability", 0.0075, ""),
            ("Code availability", 0.0075, ""),
            ("Model availability", 0.0075, ""),
        ),
    ),
)
_ROWS = [(category, *row) for category, rows in _CATEGORIES for row in rows]
ITEMS = tuple(Item(n, *row) for n, row in enumerate(_ROWS, 1))
QUALITY = ((20.0, "very low"), (40.0, "low"), (60.0, "moderate"), (80.0, "good"), (101.0, "excellent"))


@dataclass(frozen=True)
class Conditions:
    """Which conditional items apply: outlines are used (8–10), and made fully automatically (9); features
    have formulas (12); features are in a table (14–16); a network goes from image to answer (17)."""

    segmentation: bool
    automated: bool
    handcrafted: bool
    tabular: bool
    deep: bool

    def holds(self, name: str) -> bool:
        """Whether items with this condition apply."""
        if name == "automated":
            return self.segmentation and self.automated
        return not name or bool(getattr(self, name))


@dataclass(frozen=True)
class ItemScore:
    """applies : whether the item counts. met : False also where unknown. evidence : "" where unknown."""

    item: Item
    applies: bool
    met: bool
    evidence: str


@dataclass(frozen=True)
class MetricsScore:
    """The score and what it is made of."""

    items: tuple[ItemScore, ...]

    @property
    def percent(self) -> float:
        """Weight of the items that are met, over that of all that apply."""
        whole = sum(score.item.weight for score in self.items if score.applies)
        return 100.0 * sum(s.item.weight for s in self.items if s.applies and s.met) / whole

    @property
    def quality(self) -> str:
        """ "very low" below 20 %, "low" below 40 %, "moderate" below 60 %, "good" below 80 %, "excellent"."""
        return next(word for limit, word in QUALITY if round(self.percent, 1) < limit)


def metrics_score(findings: Mapping[int, Finding], conditions: Conditions) -> MetricsScore:
    """Score what is known.

    Parameters
    ----------
    findings : by number of the item, 1 … 30; absent ones are unknown and count as not met.

    Raises
    ------
    TrainingError : a number that is no item.
    """
    unknown = sorted(set(findings) - {item.number for item in ITEMS})
    if unknown:
        raise TrainingError(f"METRICS has no item {unknown[0]!r}.", "Its items are numbered 1 to 30.")
    scores = []
    for item in ITEMS:
        found = findings.get(item.number, Finding())
        applies = conditions.holds(item.condition)
        evidence = found.evidence if found.known else ""
        scores.append(ItemScore(item, applies, applies and found.known and bool(found.met), evidence))
    return MetricsScore(tuple(scores))
