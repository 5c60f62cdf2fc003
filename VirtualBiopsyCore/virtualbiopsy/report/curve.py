"""Time–intensity curves as SVG: percent enhancement over minutes after the injection."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..regions.curves import Curve
from .svg import document, element, line, text
from .theme import Theme, theme

LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 26.0, 40.0
TICKS = 5


def curve_svg(
    curves: Sequence[tuple[str, Curve]],
    injection_s: float | None = 0.0,
    dark: bool = True,
    width: float = 420,
    height: float = 230,
) -> str:
    """Draw curves over one another.

    Parameters
    ----------
    curves : label and curve; the first one is drawn with a band of ± 1 standard deviation, the others dashed.
        Where one has no enhancement (its baseline is not above zero) all are drawn as signal.
    injection_s : where the injection is marked, in the time of the curves; None for nowhere.

    Returns
    -------
    One self-contained SVG without scripts or style sheets.

    Raises
    ------
    ValueError : no curve.
    """
    if not curves:
        raise ValueError("a figure of curves needs one at least")
    look = theme(dark)
    percent = all(curve.enhancement is not None for _, curve in curves)
    lines = [(label, curve, *_values(curve, percent)) for label, curve in curves]
    x_low, x_high = _span([t / 60 for _, curve in curves for t in curve.times_s])
    first = lines[0]
    marked = [v + s * sd for v, sd in zip(first[2], first[3], strict=True) for s in (-1, 1)]
    y_low, y_high = _span([*marked, *(v for _, _, values, _ in lines for v in values), 0.0])
    plot = _Plot(x_low, x_high, y_low, y_high, width, height)

    unit = "percent enhancement" if percent else "signal (arbitrary units)"
    body = [plot.axes(look, "%" if percent else "signal")]
    if injection_s is not None and x_low <= injection_s / 60 <= x_high:
        x = plot.x(injection_s / 60)
        body.append(line(x, plot.top, x, plot.bottom, look.accent, 1, **{"stroke-dasharray": "3 3"}))
        body.append(text(x + 4, plot.top + 10, "injection", fill=look.accent, size=10))
    colours = (look.neutral, look.raises, look.lowers, look.accent)
    for n, (_, curve, values, sds) in enumerate(lines):
        body.append(_drawn(plot, curve, values, sds if n == 0 else None, colours[n % len(colours)], n > 0))
    body.append(_legend(lines, colours, plot, look))
    told = "; ".join(f"{label}: " + ", ".join(f"{v:.0f}" for v in values) for label, _, values, _ in lines)
    return document(width, height, f"Time–intensity curve, {unit}: {told}", "".join(body), look)


class _Plot:
    """From minutes and values to pixels."""

    def __init__(
        self, x_low: float, x_high: float, y_low: float, y_high: float, width: float, height: float
    ) -> None:
        self.x_low, self.x_high, self.y_low, self.y_high = x_low, x_high, y_low, y_high
        self.left, self.right, self.top, self.bottom = LEFT, width - RIGHT, TOP, height - BOTTOM

    def x(self, minutes: float) -> float:
        return self.left + (self.right - self.left) * (minutes - self.x_low) / (self.x_high - self.x_low)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * (value - self.y_low) / (self.y_high - self.y_low)

    def axes(self, look: Theme, unit: str) -> str:
        parts = []
        for value in _ticks(self.y_low, self.y_high):
            y = self.y(value)
            parts.append(line(self.left, y, self.right, y, look.grid, 1 if value == 0 else 0.5))
            parts.append(text(self.left - 6, y + 4, _number(value), fill=look.muted, size=10, anchor="end"))
        for value in _ticks(self.x_low, self.x_high):
            x = self.x(value)
            parts.append(line(x, self.bottom, x, self.bottom + 4, look.grid))
            parts.append(text(x, self.bottom + 16, _number(value), fill=look.muted, size=10, anchor="middle"))
        parts.append(text(self.left - 6, self.top - 10, unit, fill=look.muted, size=10, anchor="end"))
        parts.append(
            text(
                (self.left + self.right) / 2,
                self.bottom + 32,
                "minutes after the injection",
                fill=look.muted,
                size=10,
                anchor="middle",
            )
        )
        return "".join(parts)


def _values(curve: Curve, percent: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if percent:
        return curve.enhancement, curve.enhancement_sd
    return curve.mean, curve.sd


def _drawn(
    plot: _Plot,
    curve: Curve,
    values: Sequence[float],
    sds: Sequence[float] | None,
    colour: str,
    dashed: bool,
) -> str:
    xs = [plot.x(t / 60) for t in curve.times_s]
    parts = []
    if sds is not None and any(sds):
        upper = [(x, plot.y(v + s)) for x, v, s in zip(xs, values, sds, strict=True)]
        lower = [(x, plot.y(v - s)) for x, v, s in zip(xs, values, sds, strict=True)]
        parts.append(
            element("path", {"d": _path([*upper, *lower[::-1]]) + "Z", "fill": colour, "fill-opacity": 0.18})
        )
    dash = {"stroke-dasharray": "6 4"} if dashed else {}
    points = [(x, plot.y(v)) for x, v in zip(xs, values, strict=True)]
    parts.append(
        element("path", {"d": _path(points), "fill": "none", "stroke": colour, "stroke-width": 2, **dash})
    )
    for (x, y), name, t, v in zip(points, curve.phases, curve.times_s, values, strict=True):
        title = element("title", {}, f"{name}: {v:.1f} at {t:.0f} s")
        parts.append(element("circle", {"cx": x, "cy": y, "r": 3, "fill": colour}, title))
    return "".join(parts)


def _legend(lines: Sequence[tuple], colours: Sequence[str], plot: _Plot, look: Theme) -> str:
    room = (plot.right - plot.left) / len(lines)
    parts = []
    for n, (label, _, _, _) in enumerate(lines):
        x, colour = plot.left + n * room, colours[n % len(colours)]
        dash = {"stroke-dasharray": "6 4"} if n else {}
        parts.append(line(x, plot.top - 13, x + 18, plot.top - 13, colour, 2, **dash))
        parts.append(text(x + 23, plot.top - 10, label, fill=look.text, size=11, room=room - 26))
    return "".join(parts)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest finite value with a little room; never empty."""
    finite = [v for v in values if math.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between the bounds, about `TICKS` of them."""
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
    return [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−") if abs(value) < 1e5 else f"{value:.0e}".replace("-", "−")
