"""Kaplan–Meier curves with the numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....report import svg
from ....report.axes import Axes, band, number, steps, ticks
from ....report.theme import theme
from ..curves import SurvivalCurve
from . import sheet

HEIGHT, ROW = 240.0, 15.0


def survival_svg(
    curves: Sequence[SurvivalCurve],
    unit: str,
    look: sheet.Look = sheet.PLAIN,
    title: str = "Survival by risk group",
    note: str = "",
    event: str = "without the event",
) -> str:
    """Steps with their confidence bands, a stroke at each censored time, and the numbers at risk below.

    Parameters
    ----------
    unit : of the times, "days" or "months". note : for example the log-rank test, in words.

    Raises
    ------
    ValueError : no curve, or no time in any.
    """
    if not curves or not any(curve.times.size for curve in curves):
        raise ValueError("a figure of survival needs one curve with a time at least")
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    last = max(float(curve.times[-1]) for curve in curves if curve.times.size)
    longest = max(svg.text_width(curve.name, 10) for curve in curves)
    left = min(max(sheet.LEFT, sheet.PAD + longest + 20), 0.34 * width)
    axes = Axes(0, last, 0, 1, left, width - sheet.RIGHT - 6, top, top + HEIGHT)
    marks = ticks(0, last)
    parts = [body, axes.grid_y(ticks(0, 1), colours, number), axes.ticks_x(marks, colours, number)]
    parts.append(axes.label_x(unit, colours))
    parts.append(axes.label_y(f"share {event}", colours))
    y = axes.bottom + 50
    parts.append(svg.text(sheet.PAD, y, "Number at risk", fill=colours.muted, size=10))
    entries = []
    for n, curve in enumerate(curves):
        stroke = sheet.strokes(colours)[n % 4]
        y += ROW
        parts.append(_curve(axes, curve, stroke, last))
        parts.append(
            svg.text(sheet.PAD, y, curve.name, fill=colours.text, size=10, room=axes.left - sheet.PAD - 16)
        )
        for mark in marks:
            count = curve.remaining(mark)
            parts.append(
                svg.text(
                    axes.x(mark),
                    y,
                    str(count),
                    fill=colours.text,
                    size=10,
                    anchor="middle",
                    **{"data-role": "at-risk", "data-name": curve.name, "data-time": repr(float(mark))},
                )
            )
        entries.append((_median(curve, unit), stroke))
    keys, y = sheet.legend(entries, y + 8, colours, width)
    told = ["Bands: 95 % CI. Short strokes: censored cases."]
    words, y = sheet.notes([note, *told] if note else told, y, colours, width)
    label = f"{title}: " + "; ".join(text for text, _ in entries) + (f". {note}" if note else "")
    return sheet.finished(label, "".join(parts) + keys + words, y, colours, width)


def _curve(axes: Axes, curve: SurvivalCurve, stroke: sheet.Stroke, last: float) -> str:
    parts = []
    if not curve.times.size:
        return ""
    end = float(curve.times[-1])
    if curve.low is not None and curve.high is not None:
        upper = axes.pixels(steps(curve.times, curve.high, end))
        lower = axes.pixels(steps(curve.times, curve.low, end))
        parts.append(band(upper, lower, stroke.colour, 0.12))
    corners = steps(curve.times, curve.survival, end)
    parts.append(sheet.drawn(axes, corners, stroke, **{"data-role": "survival", "data-name": curve.name}))
    for time, value, censored in zip(curve.times, curve.survival, curve.censored, strict=True):
        if censored:
            x, y = axes.x(float(time)), axes.y(float(value))
            parts.append(svg.line(x, y - 4, x, y + 4, stroke.colour, 1.5, **{"data-role": "censored"}))
    return "".join(parts)


def _median(curve: SurvivalCurve, unit: str) -> str:
    """Name, cases and the first time at which half of them have had the event."""
    cases = int(curve.at_risk[0]) if curve.times.size else 0
    below = np.flatnonzero(curve.survival <= 0.5)
    middle = f"median {number(float(curve.times[below[0]]))} {unit}" if below.size else "median not reached"
    return f"{curve.name}: {cases} cases, {middle}"
