"""Decision curves: net benefit over the threshold probability."""

from __future__ import annotations

from ....report.axes import Axes, number, ticks
from ....report.numbers import percent
from ....report.theme import theme
from ..curves import DecisionCurves
from . import sheet

HEIGHT = 260.0


def decision_svg(
    curves: DecisionCurves, look: sheet.Look = sheet.PLAIN, title: str = "Decision curve"
) -> str:
    """Net benefit of the models, of treating all and of treating none.

    The plot ends a little below zero; what lies lower (treating all at high thresholds) is cut off.
    """
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    x = [float(v) for v in curves.thresholds]
    highest = max([0.01, *(float(v) for v in curves.treat_all), *_all(curves)])
    lowest = max(min([0.0, *_all(curves)]), -0.5 * highest) - 0.08 * highest
    axes = Axes(x[0], x[-1], lowest, 1.05 * highest, sheet.LEFT, width - sheet.RIGHT, top, top + HEIGHT)
    parts = [body, axes.grid_y(ticks(axes.y_low, axes.y_high), colours, number)]
    parts.append(axes.ticks_x(ticks(x[0], x[-1]), colours, percent))
    parts.append(axes.label_x("threshold probability", colours))
    parts.append(axes.label_y("net benefit", colours))
    entries = []
    everyone, nobody = sheet.Stroke(colours.muted, "4 4", 1.5), sheet.Stroke(colours.text, "", 1.5)
    lines = [
        ("treat all", "all", curves.treat_all, everyone),
        ("treat none", "none", [0.0] * len(x), nobody),
    ]
    lines += [
        (name, "model", values, sheet.strokes(colours)[n % 4])
        for n, (name, values) in enumerate(curves.models.items())
    ]
    for name, role, values, stroke in lines:
        points = list(zip(x, map(float, values), strict=True))
        parts.append(sheet.drawn(axes, points, stroke, **{"data-role": role, "data-name": name}))
        entries.append((name, stroke))
    keys, y = sheet.legend(entries[2:] + entries[:2], axes.bottom + 40, colours, width)
    told = ("Net benefit = TP/n − FP/n · p/(1 − p) at threshold p.", *curves.told)
    words, y = sheet.notes(told, y, colours, width)
    label = f"{title}, thresholds {percent(x[0])} to {percent(x[-1])}: {_words(curves)}"
    return sheet.finished(label, "".join(parts) + keys + words, y, colours, width)


def _all(curves: DecisionCurves) -> list[float]:
    return [float(v) for values in curves.models.values() for v in values]


def _words(curves: DecisionCurves) -> str:
    """Where each model is better than treating all and none."""
    told = []
    for name, values in curves.models.items():
        better = (values > curves.treat_all) & (values > 0)
        share = float(better.mean())
        told.append(f"{name} is above both treat all and treat none at {percent(share)} of the thresholds")
    return "; ".join(told) or "no model"
