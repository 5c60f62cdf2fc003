"""Frame of the HTML reports of engines: one file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .. import RESEARCH_USE_ONLY, __version__
from ..report.markup import esc, facts, tag
from ..report.page import page as document

_VERDICTS = """
td.good { color: #1c2126; } td.bad { color: #8f1d16; font-weight: bold; }
.verdict { border: 2px solid #1c2126; border-radius: 8px; padding: 8px 14px; font-weight: bold; }
.verdict.bad { border-color: #8f1d16; color: #8f1d16; }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A complete HTML document with the research-use banner; `body` is markup."""
    return document(title, tag("h1", esc(title)) + "".join(body), RESEARCH_USE_ONLY, _VERDICTS)


def head(created: str, machine: Mapping[str, str]) -> str:
    """Line with version and date, and the machine."""
    made = f", {created}" if created else ""
    return tag("p", esc(f"VirtualBiopsy {__version__}{made}"), "quiet") + facts(machine.items())


def verdict(text: str, good: bool) -> str:
    return tag("p", esc(text), "verdict" if good else "verdict bad")


def rows(head_cells: Iterable[str], body: Iterable[tuple[bool, Iterable[str]]]) -> str:
    """Table of plain texts; rows that are not good are marked."""
    top = tag("tr", "".join(tag("th", esc(cell)) for cell in head_cells))
    lines = "".join(
        tag("tr", "".join(tag("td", esc(cell), "good" if good else "bad") for cell in cells))
        for good, cells in body
    )
    return tag("div", f"<table><thead>{top}</thead><tbody>{lines}</tbody></table>", "scroll")


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
