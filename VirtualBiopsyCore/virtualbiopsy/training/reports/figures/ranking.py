"""The ranking of the features."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....errors import FeatureError
from ....report import svg
from ....report.axes import Axes, number, ticks
from ....report.labels import feature_label
from ....report.numbers import value
from ....report.theme import theme
from ..curves import Ranked
from . import sheet

ROW, MOST = 22.0, 20


def ranking_svg(
    features: Sequence[Ranked],
    look: sheet.Look = sheet.PLAIN,
    title: str = "Features",
    axis: str = "weight on the standardised feature",
    most: int = MOST,
) -> str:
    """Bars from zero, the largest first, with their spread and how often each was chosen.

    Bars carry ``data-name`` and ``data-value``; beyond `most` features the rest is counted in a sentence.

    Raises
    ------
    ValueError : no feature.
    """
    if not features:
        raise ValueError("a ranking needs one feature at least")
    ranked = sorted(features, key=lambda f: -abs(f.value))
    shown = ranked[:most]
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    limits = [0.0, *(v for f in shown for v in (f.value, f.low, f.high) if math.isfinite(v))]
    low, high = min(limits), max(limits)
    room = 0.04 * (high - low) or 1.0
    names, right = sheet.PAD + 0.44 * (width - 2 * sheet.PAD), width - 58.0
    axes = Axes(
        low - (room if low < 0 else 0),
        high + (room if high > 0 else 0),
        0,
        1,
        names + 6,
        right,
        top,
        top + ROW * len(shown) + 4,
    )
    zero = axes.x(0.0)
    parts = [body]
    for n, feature in enumerate(shown):
        parts.append(_row(feature, axes, zero, top + n * ROW, colours, names))
    parts.append(svg.line(zero, top, zero, axes.bottom, colours.muted))
    parts.append(axes.ticks_x(ticks(axes.x_low, axes.x_high, 4), colours, number))
    parts.append(axes.label_x(axis, colours))
    told = []
    if any(math.isfinite(f.chosen) for f in shown):
        told.append("Right: share of the resamples that kept the feature.")
    if any(math.isfinite(f.low) for f in shown):
        told.append("Thin line: spread over the resamples.")
    if len(ranked) > most:
        told.append(f"{len(ranked) - most} further features are not shown.")
    words, y = sheet.notes([" ".join(told)], axes.bottom + 40, colours, width)
    first = ", ".join(f"{feature_words(f.name)} {value(f.value)}" for f in shown[:3])
    return sheet.finished(f"{title}, {axis}: {first}", "".join(parts) + words, y, colours, width)


def feature_words(name: str) -> str:
    """A feature key in words; a column of a plain table as it is."""
    try:
        return feature_label(name).full
    except (FeatureError, KeyError, ValueError):
        return name


def _row(feature: Ranked, axes: Axes, zero: float, y: float, colours, names: float) -> str:
    end = axes.x(feature.value)
    colour = colours.raises if feature.value > 0 else colours.lowers
    words = feature_words(feature.name)
    parts = [
        svg.text(names, y + 15, words, fill=colours.text, size=11, anchor="end", room=names - sheet.PAD),
        svg.rect(
            min(zero, end),
            y + 5,
            abs(end - zero),
            ROW - 10,
            colour,
            **{"data-role": "bar", "data-name": feature.name, "data-value": repr(float(feature.value))},
        ),
    ]
    if math.isfinite(feature.low) and math.isfinite(feature.high):
        middle = y + ROW / 2
        parts.append(svg.line(axes.x(feature.low), middle, axes.x(feature.high), middle, colours.text, 1.5))
    if math.isfinite(feature.chosen):
        shown = f"{100 * feature.chosen:.0f} %"
        parts.append(svg.text(axes.right + 50, y + 15, shown, fill=colours.muted, size=11, anchor="end"))
    return "".join(parts)
