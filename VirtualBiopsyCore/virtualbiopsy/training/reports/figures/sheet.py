"""What all figures of a validation share: heading, legend, and the words below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .... import RESEARCH_USE_ONLY
from ....report import svg
from ....report.axes import Axes, Points, path
from ....report.theme import Theme

PAD, LEFT, RIGHT = 14.0, 56.0, 18.0
SIMULATED = "SIMULATED data"


@dataclass(frozen=True)
class Look:
    """How a figure is drawn. simulated : whether every figure says so."""

    dark: bool = False
    width: float = 440.0
    simulated: bool = False


PLAIN, WIDE = Look(), Look(width=640.0)


@dataclass(frozen=True)
class Stroke:
    """Colour and dashes of a line; lines differ in both."""

    colour: str
    dash: str = ""
    width: float = 2.0

    @property
    def attributes(self) -> dict[str, object]:
        dash = {"stroke-dasharray": self.dash} if self.dash else {}
        return {"fill": "none", "stroke": self.colour, "stroke-width": self.width, **dash}


def strokes(look: Theme) -> tuple[Stroke, ...]:
    """Lines that are told apart without colour as well."""
    return (
        Stroke(look.lowers),
        Stroke(look.raises, "7 3"),
        Stroke(look.accent, "2 3"),
        Stroke(look.neutral, "9 3 2 3"),
    )


def heading(title: str, look: Theme, width: float, simulated: bool) -> tuple[str, float]:
    """Title and the line that must be seen; markup and the y below them."""
    y, parts = PAD + 6.0, []
    for line in svg.wrap(title, width - 2 * PAD, 14):
        parts.append(svg.text(PAD, y, line, fill=look.text, size=14, bold=True))
        y += 17
    must = f"{SIMULATED} · {RESEARCH_USE_ONLY}" if simulated else RESEARCH_USE_ONLY
    for line in svg.wrap(must, width - 2 * PAD, 10):
        parts.append(svg.text(PAD, y, line, fill=look.accent, size=10))
        y += 13
    return "".join(parts), y + 4


def drawn(axes: Axes, points: Points, stroke: Stroke, **attributes: object) -> str:
    """A line of values, cut where it leaves the plot."""
    return "".join(
        svg.element("path", {"d": path(axes.pixels(part), 2), **stroke.attributes, **attributes})
        for part in axes.within(points)
    )


def legend(entries: Sequence[tuple[str, Stroke]], y: float, look: Theme, width: float) -> tuple[str, float]:
    """One line below another; markup and the y below them."""
    parts = []
    for words, stroke in entries:
        parts.append(svg.element("path", {"d": path([(PAD, y + 8), (PAD + 26, y + 8)]), **stroke.attributes}))
        room = width - 2 * PAD - 34
        parts.append(svg.text(PAD + 34, y + 12, words, fill=look.text, size=11, room=room))
        y += 17
    return "".join(parts), y


def notes(lines: Sequence[str], y: float, look: Theme, width: float) -> tuple[str, float]:
    """Sentences, wrapped; markup and the y below them."""
    parts = []
    for sentence in lines:
        for line in svg.wrap(sentence, width - 2 * PAD, 11):
            parts.append(svg.text(PAD, y + 12, line, fill=look.muted, size=11))
            y += 15
    return "".join(parts), y


def finished(label: str, body: str, y: float, look: Theme, width: float) -> str:
    """The whole figure; its label says the result in words."""
    return svg.document(width, y + 12, f"{label}. {RESEARCH_USE_ONLY}.", body, look)


def with_interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """ "0.82 (95 % CI 0.75 to 0.88)"; without limits the value alone."""
    if value != value:
        return "unknown"
    shown = f"{value:.{digits}f}".replace("-", "−")
    if low != low or high != high:
        return shown
    return f"{shown} (95 % CI {low:.{digits}f} to {high:.{digits}f})".replace("-", "−")
