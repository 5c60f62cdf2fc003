"""Escaped HTML, piece by piece."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from .svg import clean


def esc(text: object) -> str:
    """Escape for element content and quoted attributes."""
    return html.escape(clean(str(text)), quote=True)


def tag(name: str, content: str, css: str = "") -> str:
    """Element around markup."""
    return f'<{name} class="{css}">{content}</{name}>' if css else f"<{name}>{content}</{name}>"


def paragraph(text: str, css: str = "") -> str:
    return tag("p", esc(text), css)


def bullets(items: Iterable[str], ordered: bool = False) -> str:
    """List of plain texts."""
    return tag("ol" if ordered else "ul", "".join(tag("li", esc(item)) for item in items))


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Two columns of plain texts."""
    return tag("dl", "".join(f"<dt>{esc(k)}</dt><dd>{esc(v)}</dd>" for k, v in pairs))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Table of plain texts; `numbers` are the columns that are set right."""
    top = tag("tr", "".join(tag("th", esc(cell)) for cell in head))
    body = "".join(
        tag("tr", "".join(tag("td", esc(c), "number" if i in numbers else "") for i, c in enumerate(row)))
        for row in rows
    )
    return tag("div", f"<table><thead>{top}</thead><tbody>{body}</tbody></table>", "scroll")


def picture(png: bytes, alt: str, caption: str, width: int = 320) -> str:
    """Figure with an inline PNG."""
    data = base64.b64encode(png).decode("ascii")
    image = f'<img src="data:image/png;base64,{data}" width="{width}" alt="{esc(alt)}">'
    return f"<figure>{image}<figcaption>{esc(caption)}</figcaption></figure>"
