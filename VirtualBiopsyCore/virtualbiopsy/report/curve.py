"""Time–intensity curves as SVG: percent enhancement over minutes after the injection."""

from __future__ import annotations

from collections.abc import Sequence

from ..regions.curves import Curve
from .axes import Axes, number, path, span, ticks
from .axes import band as filled
from .svg import document, element, line, text
from .theme import Theme, theme

LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 26.0, 40.0


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
    x_low, x_high = span([t / 60 for _, curve in curves for t in curve.times_s])
    first = lines[0]
    marked = [v + s * sd for v, sd in zip(first[2], first[3], strict=True) for s in (-1, 1)]
    y_low, y_high = span([*marked, *(v for _, _, values, _ in lines for v in values), 0.0])
    plot = Axes(x_low, x_high, y_low, y_high, LEFT, width - RIGHT, TOP, height - BOTTOM)

    unit = "percent enhancement" if percent else "signal (arbitrary units)"
    body = [_scales(plot, look, "%" if percent else "signal")]
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


def _scales(plot: Axes, look: Theme, unit: str) -> str:
    return (
        plot.grid_y(ticks(plot.y_low, plot.y_high), look, number)
        + plot.ticks_x(ticks(plot.x_low, plot.x_high), look, number)
        + text(plot.left - 6, plot.top - 10, unit, fill=look.muted, size=10, anchor="end")
        + plot.label_x("minutes after the injection", look)
    )


def _values(curve: Curve, percent: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if percent:
        return curve.enhancement, curve.enhancement_sd
    return curve.mean, curve.sd


def _drawn(
    plot: Axes,
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
        parts.append(filled(upper, lower, colour))
    dash = {"stroke-dasharray": "6 4"} if dashed else {}
    points = [(x, plot.y(v)) for x, v in zip(xs, values, strict=True)]
    parts.append(
        element("path", {"d": path(points), "fill": "none", "stroke": colour, "stroke-width": 2, **dash})
    )
    for (x, y), name, t, v in zip(points, curve.phases, curve.times_s, values, strict=True):
        title = element("title", {}, f"{name}: {v:.1f} at {t:.0f} s")
        parts.append(element("circle", {"cx": x, "cy": y, "r": 3, "fill": colour}, title))
    return "".join(parts)


def _legend(lines: Sequence[tuple], colours: Sequence[str], plot: Axes, look: Theme) -> str:
    room = (plot.right - plot.left) / len(lines)
    parts = []
    for n, (label, _, _, _) in enumerate(lines):
        x, colour = plot.left + n * room, colours[n % len(colours)]
        dash = {"stroke-dasharray": "6 4"} if n else {}
        parts.append(line(x, plot.top - 13, x + 18, plot.top - 13, colour, 2, **dash))
        parts.append(text(x + 23, plot.top - 10, label, fill=look.text, size=11, room=room - 26))
    return "".join(parts)
