"""Building blocks of the SVG figures.

Only what Qt's SVG Tiny 1.2 renderer and browsers both draw: rect, line, path, circle, text and g with
presentation attributes; no style sheets, patterns, filters or ``dominant-baseline``.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from .theme import FONT, Theme

EM = 0.58
"""Width of an average character over the font size, on the wide side of the common sans-serif fonts."""


def clean(text: str) -> str:
    """Drop the control characters that XML forbids."""
    return "".join(
        c
        for c in str(text)
        if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )


def element(name: str, attributes: Mapping[str, object], content: str = "") -> str:
    """One element; attribute values are escaped, `content` is markup (escape text first)."""
    parts = "".join(f" {key}={quoteattr(clean(_text(value)))}" for key, value in attributes.items())
    return f"<{name}{parts}>{content}</{name}>" if content else f"<{name}{parts}/>"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def text(
    x: float,
    y: float,
    content: str,
    *,
    fill: str,
    size: float = 12,
    anchor: str = "start",
    bold: bool = False,
    room: float | None = None,
    behind: str = "",
    **attributes: object,
) -> str:
    """Text with its baseline at (x, y), shortened to `room` pixels; the full text becomes the tooltip.

    `behind` is markup that follows within the same line (see :func:`span`).
    """
    shown = content if room is None else fit(content, room, size)
    inner = escape(clean(shown))
    if shown != content:
        inner = f"<title>{escape(clean(content))}</title>" + inner
    weight = {"font-weight": "bold"} if bold else {}
    return element(
        "text",
        {"x": x, "y": y, "fill": fill, "font-size": size, "text-anchor": anchor, **weight, **attributes},
        inner + behind,
    )


def span(content: str, *, fill: str, size: float) -> str:
    """Words in another colour and size within a text."""
    return element("tspan", {"fill": fill, "font-size": size}, escape(clean(content)))


def text_width(content: str, size: float) -> float:
    """Estimated width in pixels."""
    return EM * size * len(content)


def fit(content: str, room: float, size: float) -> str:
    """Shorten to what fits into `room` pixels, with an ellipsis."""
    count = int(room / (EM * size))
    if len(content) <= count:
        return content
    return content[: max(count - 1, 0)].rstrip() + "…" if count > 0 else ""


def wrap(content: str, room: float, size: float) -> list[str]:
    """Break at spaces into lines of at most `room` pixels; a longer word is shortened."""
    lines: list[str] = []
    for word in content.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += " " + word
        else:
            lines.append(fit(word, room, size))
    return lines


def line(
    x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1, **attributes: object
) -> str:
    return element(
        "line",
        {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": stroke, "stroke-width": width, **attributes},
    )


def rect(x: float, y: float, width: float, height: float, fill: str, **attributes: object) -> str:
    return element("rect", {"x": x, "y": y, "width": width, "height": height, "fill": fill, **attributes})


def document(width: float, height: float, label: str, body: str, look: Theme) -> str:
    """The whole figure: sized, labelled for screen readers, on the background of the theme."""
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "width": round(width),
        "height": round(height),
        "viewBox": f"0 0 {round(width)} {round(height)}",
        "role": "img",
        "aria-label": label,
        "font-family": FONT,
    }
    ground = rect(0, 0, width, height, look.background, rx=6)
    return element("svg", attributes, f"<title>{escape(clean(label))}</title>{ground}{body}")
