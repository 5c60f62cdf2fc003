"""The report of a training run: one HTML file that needs nothing but itself."""

from __future__ import annotations

from datetime import datetime

from ... import RESEARCH_USE_ONLY, __version__
from ...report.markup import bullets, esc, facts, paragraph, table, tag
from ...report.page import page
from .clear import clear_items
from .drawn import record_figures
from .names import comparison_words, figure_cells
from .quality import ABOUT_METHOD, FILLED, metrics_rows, quality, rqs_rows, summary_words
from .record import StudyRecord, Tested
from .tripod import tripod_items

SIMULATED = (
    "Simulated cases: the figures say how well the method knows the simulation, nothing about patients."
)


def study_report(record: StudyRecord, created: datetime | None = None) -> str:
    """Write the report.

    Parameters
    ----------
    created : printed in the head; None leaves it out.

    Returns
    -------
    A complete HTML document: SVG inline, no scripts, nothing loaded from elsewhere, all text escaped.
    """
    design = record.design
    title = f"{'SIMULATED: ' if design.simulated else ''}{design.title}"
    made = f", {created:%Y-%m-%d %H:%M %Z}".rstrip() if created else ""
    drawn = record_figures(record)
    body = [
        tag("h1", esc(title)),
        tag("p", esc(f"VirtualBiopsy {__version__}{made}"), "quiet"),
        paragraph(SIMULATED, "warning") if design.simulated else "",
        *(paragraph(text, "warning") for text in record.warnings),
        facts(_facts(record)),
        *(_test(test, n, drawn) for n, test in enumerate(record.tests or ())),
        _comparisons(record),
        _model(record, drawn),
        _quality(record),
        _checklist(record),
        _provenance(record),
    ]
    return page(title, "".join(body), RESEARCH_USE_ONLY)


def _facts(record: StudyRecord) -> list[tuple[str, str]]:
    design, data = record.design, record.data
    pairs = [
        ("Endpoint", design.endpoint + (f" ({design.positive})" if design.positive else "")),
        ("Recipe", design.recipe),
        ("Published", design.published),
        ("Cases", "" if data.cases is None else str(data.cases)),
        ("Classes", ", ".join(f"{name}: {count}" for name, count in data.classes.items())),
        ("Estimator", record.modelling.estimator),
        *(tuple(words.split(": ", 1)) for words in summary_words(quality(record))),
    ]
    return [(name, text) for name, text in pairs if text]


def _test(test: Tested, number: int, drawn: dict[str, str]) -> str:
    cases = "" if test.cases is None else f", {test.cases} cases"
    parts = [tag("h2", esc(f"{test.name[:1].upper()}{test.name[1:]} ({test.kind}{cases})"))]
    parts += [paragraph(text, "quiet") for text in (test.scheme, test.uncertainty) if text]
    parts += [paragraph(f"Left out: {fault}", "warning") for fault in test.faults]
    cells = [(name, *(cell.replace("-", "−") for cell in rest)) for name, *rest in figure_cells(test.figures)]
    if cells:
        parts.append(table(("Figure", "value", "95 % interval"), cells, numbers=(1, 2)))
    own = [svg for name, svg in drawn.items() if name.split("-")[0] == f"test{number + 1}"]
    parts.append(tag("div", "".join(tag("div", svg) for svg in own), "row"))
    if test.subgroups is not None:
        parts.append(tag("h3", "By subgroup"))
        parts.append(table(test.subgroups.head, test.subgroups.rows, test.subgroups.numbers))
    return "".join(parts)


def _comparisons(record: StudyRecord) -> str:
    if not record.comparisons:
        return ""
    return tag("h2", "Comparisons") + bullets(comparison_words(c) for c in record.comparisons)


def _model(record: StudyRecord, drawn: dict[str, str]) -> str:
    own = [svg for name, svg in drawn.items() if not name.startswith("test")]
    steps = record.modelling.steps
    parts = [tag("h2", "Model")]
    if steps:
        parts.append(bullets((step.text for step in steps), ordered=True))
    if record.modelling.equation:
        rows = [
            (name, f"{weight:.6g}".replace("-", "−")) for name, weight in record.modelling.equation.items()
        ]
        parts.append(table(("Term of the linear predictor", "Weight"), rows, numbers=(1,)))
    parts.append(tag("div", "".join(tag("div", svg) for svg in own), "row"))
    return "".join(parts) if len(parts) > 2 or own else ""


def _quality(record: StudyRecord) -> str:
    found = quality(record)
    return "".join(
        (
            tag("h2", "Quality"),
            bullets(summary_words(found)),
            paragraph(FILLED, "quiet"),
            paragraph(ABOUT_METHOD, "warning") if record.design.simulated else "",
            tag("h3", "RQS 1.0"),
            table(("No.", "Item", "Points", "Evidence"), rqs_rows(found.rqs), numbers=(2,)),
            tag("h3", "METRICS"),
            table(("No.", "Item", "Weight", "Met", "Evidence"), metrics_rows(found.metrics), numbers=(2,)),
        )
    )


def _checklist(record: StudyRecord) -> str:
    clear, tripod = clear_items(record), tripod_items(record)
    counted = f"CLEAR: {sum(i.available for i in clear)} of {len(clear)} items filled"
    ours = f"TRIPOD+AI: {sum(i.available for i in tripod)} of {len(tripod)} items filled"
    rows = [(str(i.number), i.section, i.name, i.text) for i in clear]
    items = [(i.key, i.section, i.name, i.text) for i in tripod]
    head = ("No.", "Section", "Item", "")
    return (
        tag("h2", "Checklists")
        + tag("details", tag("summary", esc(ours)) + table(head, items))
        + tag("details", tag("summary", esc(counted)) + table(head, rows))
    )


def _provenance(record: StudyRecord) -> str:
    told = [*record.data.provenance, *record.provenance]
    return tag("h2", "Provenance") + bullets(told) if told else ""
