"""The radiomics quality score 1.0: 16 items, −8 … 36 points.

Source: Lambin et al. 2017, Nat Rev Clin Oncol 14:749, table 1. A criterion counts only where it is known to
hold and something shows it; what is unknown gives 0 points, also where its absence would cost some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import TrainingError
from .record import Finding


@dataclass(frozen=True)
class Criterion:
    """One way to win (or lose) points: its key, the points, and what it asks."""

    key: str
    points: int
    words: str


@dataclass(frozen=True)
class Item:
    """One item. best : whether only the most valuable criterion counts (the lowest if it costs points)."""

    number: int
    name: str
    criteria: tuple[Criterion, ...]
    best: bool = False

    @property
    def most(self) -> int:
        won = [c.points for c in self.criteria if c.points > 0]
        return max(won) if self.best else sum(won)

    @property
    def least(self) -> int:
        return min([c.points for c in self.criteria if c.points < 0], default=0)


def _one(number: int, name: str, key: str, points: int, words: str) -> Item:
    return Item(number, name, (Criterion(key, points, words),))


ITEMS: tuple[Item, ...] = (
    Item(
        1,
        "Image protocol quality",
        (
            Criterion("protocol_documented", 1, "the acquisition protocol is well documented"),
            Criterion("protocol_public", 1, "a public protocol is used"),
        ),
    ),
    _one(2, "Multiple segmentations", "segmentations", 1, "several readers, methods or perturbations"),
    _one(3, "Phantom study on all scanners", "phantom", 1, "differences between scanners are measured"),
    _one(4, "Imaging at multiple time points", "time_points", 1, "steadiness of features over time"),
    Item(
        5,
        "Feature reduction or adjustment for multiple testing",
        (
            Criterion("reduction", 3, "features are reduced, or tests adjusted"),
            Criterion("no_reduction", -3, "neither is done"),
        ),
        best=True,
    ),
    _one(6, "Multivariable analysis with non-radiomic features", "multivariable", 1, "for example age"),
    _one(7, "Biological correlates", "biology", 1, "phenotypic or genetic differences are shown"),
    _one(8, "Cut-off analysis", "cut_off", 1, "median, published cut-off, or a continuous risk is reported"),
    Item(
        9,
        "Discrimination statistics",
        (
            Criterion("discrimination", 1, "with their statistical significance"),
            Criterion("discrimination_resampled", 1, "with a resampling method"),
        ),
    ),
    Item(
        10,
        "Calibration statistics",
        (
            Criterion("calibration", 1, "with their statistical significance"),
            Criterion("calibration_resampled", 1, "with a resampling method"),
        ),
    ),
    _one(11, "Prospective study registered in a trial database", "prospective", 7, "validation in a trial"),
    Item(
        12,
        "Validation without retraining",
        (
            Criterion("no_validation", -5, "there is none"),
            Criterion("same_institute", 2, "cases of the same institute"),
            Criterion("other_institute", 3, "cases of another institute"),
            Criterion("two_institutes", 4, "two data sets from two institutes"),
            Criterion("published_signature", 4, "a previously published signature is validated"),
            Criterion("three_institutes", 5, "three or more data sets from distinct institutes"),
        ),
        best=True,
    ),
    _one(13, "Comparison with the gold standard", "gold_standard", 2, "agreement or superiority"),
    _one(14, "Potential clinical utility", "utility", 2, "for example a decision curve"),
    _one(15, "Cost-effectiveness analysis", "cost", 1, "for example quality-adjusted life years"),
    Item(
        16,
        "Open science and data",
        (
            Criterion("open_images", 1, "images are open"),
            Criterion("open_outlines", 1, "outlines are open"),
            Criterion("open_code", 1, "code is open"),
            Criterion("open_features", 1, "features on representative outlines are open, with these"),
        ),
    ),
)
LEAST, MOST = sum(item.least for item in ITEMS), sum(item.most for item in ITEMS)
KEYS = tuple(criterion.key for item in ITEMS for criterion in item.criteria)


@dataclass(frozen=True)
class ItemScore:
    """Points of one item and the criteria behind them, each with its evidence; none for 0 points."""

    item: Item
    points: int
    counted: tuple[tuple[Criterion, str], ...]


@dataclass(frozen=True)
class RqsScore:
    """The score. points : −8 … 36. percent : 0 … 100; scores below 0 are 0 %, as in the paper."""

    items: tuple[ItemScore, ...]

    @property
    def points(self) -> int:
        return sum(item.points for item in self.items)

    @property
    def percent(self) -> float:
        return 100.0 * max(self.points, 0) / MOST


def rqs_score(findings: Mapping[str, Finding]) -> RqsScore:
    """Add up what is known.

    Parameters
    ----------
    findings : by key of a criterion; absent ones are unknown.

    Raises
    ------
    TrainingError : an unknown key, or an item that both wins and loses points.
    """
    unknown = sorted(set(findings) - set(KEYS))
    if unknown:
        raise TrainingError(f"RQS has no criterion {unknown[0]!r}.", f"It has: {', '.join(KEYS)}.")
    return RqsScore(tuple(_item_score(item, findings) for item in ITEMS))


def _item_score(item: Item, findings: Mapping[str, Finding]) -> ItemScore:
    held = [
        (criterion, found.evidence)
        for criterion in item.criteria
        if (found := findings.get(criterion.key)) is not None and found.known and found.met
    ]
    if len({criterion.points > 0 for criterion, _ in held}) > 1:
        raise TrainingError(f"RQS item {item.number} ({item.name}) cannot both hold and be absent.")
    if item.best and held:
        held = [max(held, key=lambda pair: abs(pair[0].points))]
    return ItemScore(item, sum(criterion.points for criterion, _ in held), tuple(held))
