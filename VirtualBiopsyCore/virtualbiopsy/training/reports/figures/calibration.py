"""The calibration curve with a histogram of the probabilities."""

from __future__ import annotations

import numpy as np

from ....report import svg
from ....report.axes import Axes, band, number, ticks
from ....report.theme import Theme, theme
from ..curves import CalibrationCurve
from . import sheet

BINS = 20
STRIP = 60.0


def calibration_svg(
    curve: CalibrationCurve, look: sheet.Look = sheet.PLAIN, title: str = "Calibration"
) -> str:
    """Observed against predicted probability, with band, groups of cases, and the histogram below.

    Where labels are known, the histogram shows cases with the endpoint upwards and those without downwards;
    bars carry ``data-count``.
    """
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    side = width - sheet.LEFT - sheet.RIGHT
    axes = Axes(0, 1, 0, 1, sheet.LEFT, width - sheet.RIGHT, top, top + side)
    parts = [body, axes.grid_y(ticks(0, 1), colours, number)]
    parts.append(axes.label_y("observed share", colours))
    ideal = sheet.Stroke(colours.grid, "4 4", 1)
    parts.append(sheet.drawn(axes, [(0.0, 0.0), (1.0, 1.0)], ideal, **{"data-role": "ideal"}))
    x = [float(v) for v in curve.predicted]
    if curve.low is not None and curve.high is not None:
        upper = axes.pixels(list(zip(x, curve.high, strict=True)))
        lower = axes.pixels(list(zip(x, curve.low, strict=True)))
        parts.append(band(upper, lower, colours.lowers))
    stroke = sheet.strokes(colours)[0]
    points = list(zip(x, map(float, curve.observed), strict=True))
    parts.append(sheet.drawn(axes, points, stroke, **{"data-role": "calibration"}))
    if curve.groups is not None:
        parts += [_group(axes, *map(float, row), colours) for row in curve.groups]
    parts.append(_histogram(axes, curve, colours))
    keys, y = sheet.legend([(curve.name, stroke)], axes.bottom + STRIP + 46, colours, width)
    figures = (
        ("slope", curve.slope, "ideal 1"),
        ("calibration in the large", curve.intercept, "ideal 0"),
        ("ICI", curve.ici, "ideal 0"),
        ("Brier score", curve.brier, ""),
    )
    known = [
        f"{name} {sheet.with_interval(value, np.nan, np.nan, 3)}" + (f" ({ideal})" if ideal else "")
        for name, value, ideal in figures
        if value == value
    ]
    told = [", ".join(known)] if known else []
    told.append("Dashed grey: ideal." + (" Dots: groups of cases, 95 % CI." * (curve.groups is not None)))
    if curve.labels is not None:
        told.append("Histogram: cases with the endpoint upwards, without it downwards.")
    words, y = sheet.notes(told, y, colours, width)
    label = f"{title}, {curve.name}: {', '.join(known) or 'no figures'}"
    return sheet.finished(label, "".join(parts) + keys + words, y, colours, width)


def _group(axes: Axes, mean: float, observed: float, low: float, high: float, look: Theme) -> str:
    x = axes.x(mean)
    dot = {"cx": x, "cy": axes.y(observed), "r": 3.5, "fill": look.text, "data-role": "group"}
    return svg.line(x, axes.y(low), x, axes.y(high), look.text, 1) + svg.element("circle", dot)


def _histogram(axes: Axes, curve: CalibrationCurve, look: Theme) -> str:
    """Bars below the plot; their heights are in proportion to the counts."""
    edges = np.linspace(0, 1, BINS + 1)
    positive = np.ones(curve.probabilities.size, dtype=bool) if curve.labels is None else curve.labels > 0
    counts = [np.histogram(curve.probabilities[chosen], edges)[0] for chosen in (positive, ~positive)]
    most = max(int(counts[0].max(initial=0)), int(counts[1].max(initial=0)), 1)
    parts, top = [], axes.bottom + 8
    reach = STRIP if curve.labels is None else STRIP / 2
    zero = top + reach
    for sign, colour, row in ((1, look.raises, counts[0]), (-1, look.lowers, counts[1])):
        for n, count in enumerate(row):
            if not count:
                continue
            left, right = axes.x(edges[n]), axes.x(edges[n + 1])
            size = reach * int(count) / most
            role = "with" if sign > 0 else "without"
            parts.append(
                svg.rect(
                    left + 0.5,
                    zero - size if sign > 0 else zero,
                    right - left - 1,
                    size,
                    colour if curve.labels is not None else look.neutral,
                    **{"data-role": role, "data-count": int(count)},
                )
            )
    parts.append(svg.line(axes.left, zero, axes.right, zero, look.grid))
    below = Axes(0, 1, 0, 1, axes.left, axes.right, top, top + STRIP)
    parts.append(below.ticks_x(ticks(0, 1), look, number))
    parts.append(below.label_x("predicted probability", look))
    parts.append(svg.text(axes.left - 6, top + 10, str(most), fill=look.muted, size=10, anchor="end"))
    return "".join(parts)
