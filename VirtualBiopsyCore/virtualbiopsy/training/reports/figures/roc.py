"""The ROC curve with its confidence band."""

from __future__ import annotations

from collections.abc import Sequence

from ....report import svg
from ....report.axes import Axes, band, number, ticks
from ....report.theme import theme
from ..curves import RocCurve
from . import sheet


def roc_svg(
    curves: Sequence[RocCurve],
    look: sheet.Look = sheet.PLAIN,
    title: str = "ROC curve",
    operating: tuple[float, float] | None = None,
) -> str:
    """Draw curves over one another; the first with its confidence band.

    Parameters
    ----------
    curves : the first is the model itself. operating : false and true positive rate at the threshold, marked
        with a dot; None for nowhere.

    Raises
    ------
    ValueError : no curve.
    """
    if not curves:
        raise ValueError("a figure of ROC curves needs one at least")
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    side = width - sheet.LEFT - sheet.RIGHT
    axes = Axes(0, 1, 0, 1, sheet.LEFT, width - sheet.RIGHT, top, top + side)
    parts = [body, axes.grid_y(ticks(0, 1), colours, number), axes.ticks_x(ticks(0, 1), colours, number)]
    parts.append(axes.label_x("1 − specificity (false positive rate)", colours))
    parts.append(axes.label_y("sensitivity (true positive rate)", colours))
    chance = sheet.Stroke(colours.grid, "4 4", 1)
    parts.append(sheet.drawn(axes, [(0.0, 0.0), (1.0, 1.0)], chance, **{"data-role": "chance"}))
    first = curves[0]
    if first.band_low is not None and first.band_high is not None:
        upper = axes.pixels(list(zip(first.fpr, first.band_high, strict=True)))
        lower = axes.pixels(list(zip(first.fpr, first.band_low, strict=True)))
        parts.append(band(upper, lower, colours.lowers))
    entries = []
    for curve, stroke in zip(curves, _cycled(sheet.strokes(colours), len(curves)), strict=True):
        points = list(zip(map(float, curve.fpr), map(float, curve.tpr), strict=True))
        parts.append(sheet.drawn(axes, points, stroke, **{"data-role": "roc", "data-name": curve.name}))
        entries.append((f"{curve.name}: AUC {sheet.with_interval(curve.auc, curve.low, curve.high)}", stroke))
    if operating is not None:
        x, y = axes.x(operating[0]), axes.y(operating[1])
        dot = {"cx": x, "cy": y, "r": 4.5, "fill": colours.text, "data-role": "operating"}
        words = f"threshold: sensitivity {operating[1]:.2f}, specificity {1 - operating[0]:.2f}"
        parts.append(svg.element("circle", dot, svg.element("title", {}, words)))
    keys, y = sheet.legend(entries, axes.bottom + 40, colours, width)
    parts.append(keys)
    told = ["Dashed grey: no better than chance."]
    if first.band_low is not None:
        told.append(f"Band: 95 % confidence band of “{first.name}”.")
    if operating is not None:
        told.append(
            f"Dot: at the threshold, sensitivity {operating[1]:.2f}, specificity {1 - operating[0]:.2f}."
        )
    words, y = sheet.notes([" ".join(told)], y, colours, width)
    label = f"{title}. " + "; ".join(text for text, _ in entries)
    return sheet.finished(label, "".join(parts) + words, y, colours, width)


def _cycled(strokes: Sequence[sheet.Stroke], count: int) -> list[sheet.Stroke]:
    return [strokes[n % len(strokes)] for n in range(count)]
