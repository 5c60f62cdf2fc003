"""The scores of quality with what stands behind each point, as text."""

from __future__ import annotations

from dataclasses import dataclass

from ... import RESEARCH_USE_ONLY
from .evidence import metrics_conditions, metrics_findings, rqs_findings
from .markdown import md, table
from .metrics_score import MetricsScore, metrics_score
from .record import StudyRecord
from .rqs import LEAST, MOST, RqsScore, rqs_score

FILLED = (
    "Filled from the log of the run and from what its authors answered; what is unknown counts as absent "
    "(RQS: 0 points)."
)
ABOUT_METHOD = "The cases are simulated: the points are about the method, not about its worth for patients."
LOWEST = 1
LEVELS = 9


@dataclass(frozen=True)
class Quality:
    """Both scores and the readiness level (1 … 9 of RQS 2.0; None if unknown)."""

    rqs: RqsScore
    metrics: MetricsScore
    readiness: int | None

    @property
    def readiness_words(self) -> str:
        if self.readiness is None:
            return "not available"
        return f"{self.readiness} of {LEVELS}" + (" (the lowest)" if self.readiness == LOWEST else "")


def quality(record: StudyRecord) -> Quality:
    """Score what the record shows; a simulated study is at the lowest level of readiness.

    Raises
    ------
    TrainingError : answers that name no criterion or contradict each other.
    """
    metrics = metrics_score(metrics_findings(record), metrics_conditions(record))
    level = LOWEST if record.design.simulated else record.design.readiness
    return Quality(rqs_score(rqs_findings(record)), metrics, level)


def rqs_rows(score: RqsScore) -> list[tuple[str, str, str, str]]:
    """Number, item, points of the most, and evidence, for tables."""
    rows = []
    for found in score.items:
        evidence = "; ".join(f"{criterion.points:+d} {told}" for criterion, told in found.counted)
        points = f"{found.points} of {found.item.most}".replace("-", "−")
        rows.append((str(found.item.number), found.item.name, points, evidence or "unknown: 0 points"))
    return [
        (n, name, points, told.replace("-3 ", "−3 ").replace("-5 ", "−5 ")) for n, name, points, told in rows
    ]


def metrics_rows(score: MetricsScore) -> list[tuple[str, str, str, str, str]]:
    """Number, item, weight, whether it is met, and evidence, for tables."""
    rows = []
    for found in score.items:
        met = "does not apply" if not found.applies else "yes" if found.met else "no"
        told = found.evidence or ("" if not found.applies else "unknown")
        rows.append((str(found.item.number), found.item.name, f"{found.item.weight:.4f}", met, told))
    return rows


def summary_words(found: Quality) -> tuple[str, str, str]:
    """RQS, METRICS and readiness in one phrase each."""
    points = str(found.rqs.points).replace("-", "−")
    least = str(LEAST).replace("-", "−")
    return (
        f"RQS 1.0: {points} points ({least} … {MOST}), {found.rqs.percent:.0f} %",
        f"METRICS: {found.metrics.percent:.1f} % ({found.metrics.quality})",
        f"Readiness level (RQS 2.0): {found.readiness_words}",
    )


def quality_lines(record: StudyRecord) -> list[str]:
    """Lines of the section in markdown."""
    found = quality(record)
    rqs = [tuple(md(cell) for cell in row) for row in rqs_rows(found.rqs)]
    metrics = [tuple(md(cell) for cell in row) for row in metrics_rows(found.metrics)]
    return [
        *(f"- {words}" for words in summary_words(found)),
        "",
        FILLED + (f" {ABOUT_METHOD}" if record.design.simulated else ""),
        "",
        "### RQS 1.0 (Lambin et al. 2017)",
        "",
        *table(("No.", "Item", "Points", "Evidence"), rqs),
        "",
        "### METRICS (Kocak et al. 2024)",
        "",
        *table(("No.", "Item", "Weight", "Met", "Evidence"), metrics),
        "",
    ]


def quality_markdown(record: StudyRecord) -> str:
    """The file ``quality.md``."""
    simulated = "SIMULATED — " if record.design.simulated else ""
    lines = [f"# {simulated}Quality: {md(record.design.title)}", "", f"**{RESEARCH_USE_ONLY}.**", ""]
    return "\n".join([*lines, *quality_lines(record)])
