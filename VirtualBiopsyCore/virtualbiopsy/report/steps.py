"""Running sums as a picture: a start, signed steps, and where they end. Log-odds throughout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import svg
from .numbers import percent, probability_of, signed
from .theme import Theme

PAD = 14
ROW = 38
BAR = 13
TIP = 5


LOG_ODDS = "log-odds"


@dataclass(frozen=True)
class Step:
    """One signed step.

    Attributes
    ----------
    label, detail : first words of the row, and smaller words behind them.
    note : short warning beside the bar.
    phi : the step, log-odds.
    hollow : draw as a dashed outline.
    attributes : ``data-`` attributes of the bar.
    """

    label: str
    detail: str
    phi: float
    note: str = ""
    hollow: bool = False
    attributes: Mapping[str, object] = field(default_factory=dict)


def steps_svg(
    title: str,
    subtitle: str,
    start_label: str,
    start: float,
    steps: Sequence[Step],
    end_label: str,
    end: float,
    probability: float,
    label: str,
    width: float,
    look: Theme,
    scale: str = LOG_ODDS,
) -> str:
    """Draw ``start → steps → end`` on a common axis.

    On a log-odds axis the probabilities stand below it; any other `scale` has none, only the end has.
    """
    left, right = PAD, width - PAD
    out: list[str] = []
    y = PAD + 12.0
    for row in svg.wrap(title, right - left, 14):
        out.append(svg.text(left, y, row, fill=look.text, size=14, bold=True))
        y += 18
    for row in svg.wrap(subtitle, right - left, 11):
        out.append(svg.text(left, y, row, fill=look.muted, size=11))
        y += 15
    out.append(_legend(left, y + 2, look))
    y += 16

    running = [start]
    for step in steps:
        running.append(running[-1] + step.phi)
    to_x, ticks = _axis([*running, end], left, right)
    top = y + 4
    bottom = top + ROW * (len(steps) + 2)
    for tick in ticks:
        out.append(
            svg.line(to_x(tick), top, to_x(tick), bottom + 4, look.grid, 1, **{"stroke-opacity": 0.45})
        )

    for i in range(len(steps) + 1):
        x = to_x(running[i])
        y1 = top + ROW * i + 16 + BAR
        out.append(svg.line(x, y1, x, y1 + ROW - BAR, look.muted, 1, **{"stroke-dasharray": "2,2"}))
    first = probability_of(start) if scale == LOG_ODDS else None
    out.append(_level(to_x(start), top, left, right, start_label, start, first, look, "baseline"))
    for i, step in enumerate(steps):
        row_top = top + ROW * (i + 1)
        out.append(_step(to_x(running[i]), to_x(running[i + 1]), row_top, left, right, step, look))
    end_top = top + ROW * (len(steps) + 1)
    out.append(_level(to_x(end), end_top, left, right, end_label, end, probability, look, "total"))
    out.append(_axis_text(ticks, to_x, bottom + 4, left, right, look, scale))
    return svg.document(width, bottom + 56, label, "".join(out), look)


def _legend(left: float, y: float, look: Theme) -> str:
    parts = [_arrow(left, left + 26, y - 10, 11, look.raises, False)]
    parts.append(svg.text(left + 32, y, "+ raises", fill=look.text, size=11))
    x = left + 100
    parts.append(_arrow(x + 26, x, y - 10, 11, look.lowers, False))
    parts.append(svg.text(x + 32, y, "− lowers the estimate", fill=look.text, size=11))
    return svg.element("g", {"data-role": "legend"}, "".join(parts))


def _step(x0: float, x1: float, top: float, left: float, right: float, step: Step, look: Theme) -> str:
    colour = look.neutral if step.phi == 0 else look.raises if step.phi > 0 else look.lowers
    parts = [_words(step.label, step.detail, signed(step.phi), top, left, right, False, look)]
    parts.append(_arrow(x0, x1, top + 16, BAR, colour, step.hollow))
    if step.note:
        parts.append(_note(step.note, min(x0, x1), max(x0, x1), top, left, right, look))
    attributes = {**step.attributes, "data-phi": repr(float(step.phi))}
    return svg.element("g", attributes, "".join(parts))


def _words(
    label: str, detail: str, number: str, top: float, left: float, right: float, bold: bool, look: Theme
) -> str:
    """One line: label and detail at the left, number at the right, on patches that cover the lines behind."""
    used = svg.text_width(number, 12) + 4
    room = right - left - used - 6
    shown = svg.fit(label, room, 12)
    room -= svg.text_width(shown, 12) + 18
    detail = svg.fit(detail, room, 11) if room > 30 else ""
    behind = svg.span("\u00a0\u00b7 " + detail, fill=look.muted, size=11) if detail else ""
    covered = svg.text_width(shown, 12) + (svg.text_width(detail, 11) + 16 if detail else 4)
    return "".join(
        (
            svg.rect(left - 2, top + 1, covered, 13, look.background),
            svg.rect(right - used, top + 1, used, 13, look.background),
            svg.text(left, top + 11, label, fill=look.text, size=12, bold=bold, behind=behind,
                     room=svg.text_width(shown, 12) + 1),
            svg.text(right, top + 11, number, fill=look.text, size=12, anchor="end", bold=True),
        )
    )  # fmt: skip


def _note(note: str, low: float, high: float, top: float, left: float, right: float, look: Theme) -> str:
    """Warning beside the bar, on the side with more room."""
    y, before, after = top + 26, low - left - 6, right - high - 6
    if after >= before:
        return svg.text(high + 6, y, note, fill=look.accent, size=11, room=after)
    return svg.text(low - 6, y, note, fill=look.accent, size=11, anchor="end", room=before)


def _arrow(x0: float, x1: float, top: float, height: float, colour: str, hollow: bool) -> str:
    """Bar from x0 to x1 with a pointed end at x1; at least 2 px long, so that no step vanishes."""
    if x0 == x1:
        return svg.line(x0, top, x0, top + height, colour, 2)
    way = 1.0 if x1 >= x0 else -1.0
    if abs(x1 - x0) < 2:
        x1 = x0 + 2 * way
    neck = x1 - way * min(TIP, abs(x1 - x0))
    middle, bottom = top + height / 2, top + height
    points = [(x0, top), (neck, top), (x1, middle), (neck, bottom), (x0, bottom)]
    path = "M" + " L".join(f"{x:.2f} {y:.2f}" for x, y in points) + " Z"
    fill = {"fill-opacity": 0.18, "stroke-dasharray": "3,2"} if hollow else {"fill-opacity": 1}
    return svg.element("path", {"d": path, "fill": colour, "stroke": colour, "stroke-width": 1, **fill})


def _level(
    x: float,
    top: float,
    left: float,
    right: float,
    label: str,
    log_odds: float,
    probability: float | None,
    look: Theme,
    role: str,
) -> str:
    number = signed(log_odds) + (f" → {percent(probability)}" if probability is not None else "")
    parts = [
        _words(label, "", number, top, left, right, role == "total", look),
        svg.rect(x - 2.5, top + 15, 5, BAR + 2, look.neutral, rx=1),
    ]
    attributes = {"data-role": role, "data-log-odds": repr(float(log_odds))}
    if probability is not None and role == "total":
        attributes["data-probability"] = repr(float(probability))
    return svg.element("g", attributes, "".join(parts))


def _axis(values: Sequence[float], left: float, right: float):
    low, high = min(values), max(values)
    room = max(high - low, 0.2)
    low, high = (low + high - room) / 2 - 0.04 * room, (low + high + room) / 2 + 0.04 * room
    scale = (right - left - 8) / (high - low)

    def to_x(value: float) -> float:
        return left + 4 + (value - low) * scale

    raw = (high - low) / max(2.0, (right - left) / 85)
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step)
    ticks = [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]
    return to_x, ticks


def _axis_text(
    ticks: Sequence[float], to_x, y: float, left: float, right: float, look: Theme, scale: str
) -> str:
    parts = [svg.line(left, y, right, y, look.grid)]
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)) if len(ticks) > 1 else 2
    for tick in ticks:
        x = to_x(tick)
        name = f"{tick:.{digits}f}".replace("-", "−")
        edge = svg.text_width(name, 11) / 2
        if not left <= x - edge or not x + edge <= right:
            continue
        parts.append(svg.text(x, y + 14, name, fill=look.muted, size=11, anchor="middle"))
        chance = percent(probability_of(tick))
        if scale == LOG_ODDS and svg.text_width(chance, 11) / 2 <= min(x - left, right - x) + 4:
            parts.append(svg.text(x, y + 28, chance, fill=look.muted, size=11, anchor="middle"))
    words = "log-odds, and the probability they stand for" if scale == LOG_ODDS else scale
    parts.append(svg.text(left, y + 42, words, fill=look.muted, size=11))
    return "".join(parts)
