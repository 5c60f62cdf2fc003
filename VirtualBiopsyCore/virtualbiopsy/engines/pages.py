"""Frame of the HTML reports of engines: one file that needs nothing but itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import RESEARCH_USE_ONLY, __version__
from ..errors import ExistingFileError, UnreadableFileError
from ..report.html import CSP
from ..report.markup import esc, facts, tag
from ..report.style import CSS

_VERDICTS = """
td.good { color: #1c2126; } td.bad { color: #8f1d16; font-weight: bold; }
.verdict { border: 2px solid #1c2126; border-radius: 8px; padding: 8px 14px; font-weight: bold; }
.verdict.bad { border-color: #8f1d16; color: #8f1d16; }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A complete HTML document with the research-use banner; `body` is markup."""
    banner = f'<div class="banner{{}}" role="note">{esc(RESEARCH_USE_ONLY)}</div>'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(title)}</title><style>{CSS}{_VERDICTS}</style></head><body>"
        f"{banner.format('')}<main>{tag('h1', esc(title))}{''.join(body)}</main>"
        f"{banner.format(' last')}</body></html>\n"
    )


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


def write_files(folder: Path, texts: Mapping[str, str], overwrite: bool) -> list[Path]:
    """Write text files whole or not at all.

    Raises
    ------
    ExistingFileError : one is there and must not be replaced. UnreadableFileError : they cannot be written.
    """
    paths = [folder / name for name in texts]
    for path in paths:
        if path.exists() and not overwrite:
            raise ExistingFileError(f"{path} exists already.", "Choose another folder, or allow overwriting.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts.values(), strict=True):
            scratch = path.with_name(path.name + ".part")
            scratch.write_text(text, encoding="utf-8")
            os.replace(scratch, path)
    except OSError as error:
        raise UnreadableFileError(
            f"{folder} cannot be written ({error.strerror}).", "Choose another folder."
        ) from error
    return paths
