"""Text from elsewhere within markdown: it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...report.svg import clean

_SPECIAL = re.compile(r"([\\`*_\[\]|#~])")


def md(text: object) -> str:
    """Escape for a line or a table cell: one line, no markup, no HTML."""
    flat = " ".join(clean(str(text)).split())
    plain = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", plain)


def code(text: object) -> str:
    """A name in code style; the characters that would end it are left out."""
    flat = " ".join(clean(str(text)).split()).replace("`", "").replace("|", "")
    return f"`{flat}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; cells are markdown already (use :func:`md` and :func:`code`)."""
    return [
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def bullets(items: Iterable[str]) -> list[str]:
    """Lines of a list of plain texts."""
    return [f"- {md(item)}" for item in items]
