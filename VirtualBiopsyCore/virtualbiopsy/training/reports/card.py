"""The card of a model that was trained on a cohort: in the order of TRIPOD+AI, with the CLEAR items."""

from __future__ import annotations

from ... import RESEARCH_USE_ONLY
from ...models.radmodel import RadModel
from .clear import NOT_AVAILABLE
from .markdown import bullets, code, md, table
from .model_lines import feature_table, figure_table, marked, protocol_table, trust_lines
from .names import comparison_words
from .quality import quality_lines
from .record import StudyRecord, Table, Tested
from .tripod import tripod_items


def study_card(record: StudyRecord, model: RadModel | None = None) -> str:
    """Return the card as markdown.

    Everything simulated says so. Items about which nothing is known say "not available".

    Parameters
    ----------
    model : the exported model; its protocol, trust statistics and features are added.
    """
    design, simulated = record.design, record.design.simulated
    lines = [
        f"# {'SIMULATED — ' if simulated else ''}{md(design.title)}",
        "",
        f"**{RESEARCH_USE_ONLY}.**" + (_SIMULATED if simulated else ""),
        "",
        *_head(record, model),
        *_warnings(record),
        *_figures(record),
        *_items(record),
    ]
    if model is not None:
        lines += ["", f"## {marked('Acquisition', simulated)}", "", *_protocol(model), ""]
        lines += [*trust_lines(model), "## Features", "", *feature_table(model), ""]
    lines += ["", "## Quality", "", *quality_lines(record)]
    if record.provenance:
        lines += ["## Provenance", "", *bullets(record.provenance), ""]
    return "\n".join(lines)


def _protocol(model: RadModel) -> list[str]:
    return protocol_table(model) if model.protocol_ranges else [NOT_AVAILABLE]


_SIMULATED = (
    " This model was trained or tested on **simulated cases**. Its figures say how well it knows the "
    "simulation, nothing about patients."
)


def _head(record: StudyRecord, model: RadModel | None) -> list[str]:
    design = record.design
    lines = []
    if model is not None:
        lines.append(f"- Model: {code(model.model_id)} {md(model.version)}")
    if design.positive:
        lines.append(f"- Gives: estimated probability of {md(design.positive)}")
    elif design.endpoint:
        lines.append(f"- Gives: relative risk of {md(design.endpoint)}")
    if design.recipe:
        lines.append(f"- Recipe: {code(design.recipe)}")
    if design.published:
        lines.append(f"- Published: {md(design.published)} Not a figure of this model.")
    if design.licence:
        lines.append(f"- Licence: {md(design.licence)}")
    return [*lines, ""]


def _warnings(record: StudyRecord) -> list[str]:
    faults = [f"{test.name}: {fault}" for test in record.tests or () for fault in test.faults]
    told = [*record.warnings, *faults]
    return ["## Warnings", "", *bullets(told), ""] if told else []


def _figures(record: StudyRecord) -> list[str]:
    simulated = record.design.simulated
    lines: list[str] = []
    for test in record.tests or ():
        cases = f", {test.cases} cases" if test.cases is not None else ""
        positive = f", {test.positive} positive" if test.positive is not None else ""
        lines += [f"## {marked(f'Figures: {md(test.name)}{cases}{positive}', simulated)}", ""]
        lines += [md(text) for text in (test.scheme, test.uncertainty) if text]
        lines += ["", *figure_table(_escaped(test), simulated), ""]
        if test.subgroups is not None:
            lines += ["### By subgroup", "", *_table(test.subgroups), ""]
    if record.comparisons:
        lines += ["## Comparisons", "", *bullets(comparison_words(c) for c in record.comparisons), ""]
    return lines


def _escaped(test: Tested) -> dict[str, dict[str, float]]:
    return {
        name if name.replace("_", "").replace(".", "").isalnum() else md(name): dict(f)
        for name, f in test.figures.items()
    }


def _table(content: Table) -> list[str]:
    return table(tuple(map(md, content.head)), [tuple(map(md, row)) for row in content.rows])


def _items(record: StudyRecord) -> list[str]:
    """The items of TRIPOD+AI in order, each with the numbers of its CLEAR items."""
    lines, section = [], ""
    for item in tripod_items(record):
        if item.section != section:
            section = item.section
            lines += ["", f"## {section}", ""]
        numbers = ", ".join(map(str, item.clear))
        beside = f"; CLEAR {numbers}" if numbers else ""
        lines.append(f"- **{item.name}** (TRIPOD+AI {item.key}{beside}): {md(item.text)}")
    return lines
