"""What a survival model says, in words and as a curve."""

from __future__ import annotations

import math

import numpy as np

from .. import RESEARCH_USE_ONLY
from ..models.prediction import Prediction, SurvivalAnswer
from . import svg
from .axes import Axes, number, path, steps, ticks
from .numbers import percent, probability_of
from .steps import PAD
from .theme import theme

TIMES = 4
LEFT, PLOT, SIMULATED = 46.0, 150.0, "simulated training data"


def survival_words(answer: SurvivalAnswer | None) -> tuple[str, ...]:
    """Risk group and estimated curve at up to four times until the horizon, one sentence each; () without."""
    if answer is None:
        return ()
    found = []
    if answer.group:
        among = f" (of the groups {', '.join(answer.groups)})" if answer.groups else ""
        found.append(
            f"Group by score: {answer.group}{among}. The cuts come from the scores of the training cases: a "
            "group says where the case ranks among them, not what will happen."
        )
    if answer.times:
        at = [answer.horizon * (i + 1) / TIMES for i in range(TIMES)]
        shown = np.concatenate([[1.0], answer.free])[np.searchsorted(answer.times, at, side="right")]
        listed = ", ".join(f"{100 * free:.0f} % at {time:.3g}" for time, free in zip(at, shown, strict=True))
        found.append(
            f"Estimated probability of no event ({answer.event}): {listed} {answer.unit}; an estimate for "
            "such cases, not for a person."
        )
    return tuple(found)


def average_curve(prediction: Prediction) -> tuple[float, ...]:
    """The curve of the average training case, at the times of the answer; () where it cannot be told.

    It is the one whose event by the horizon has the baseline as its log-odds; hazards are proportional.
    """
    answer, risk = prediction.survival, probability_of(prediction.baseline)
    if answer is None or not (0 < prediction.probability < 1 and 0 < risk < 1):
        return ()
    ratio = math.log1p(-risk) / math.log1p(-prediction.probability)
    return tuple(free**ratio for free in answer.free)


def survival_svg(
    prediction: Prediction, *, dark: bool = True, width: float = 420, simulated: bool = True
) -> str:
    """The estimated curve with the horizon, beside that of the average training case; "" without a curve."""
    answer = prediction.survival
    if answer is None or not answer.times:
        return ""
    look, right = theme(dark), width - PAD - 4
    out: list[str] = []
    y = PAD + 12.0
    for row in svg.wrap(f"Estimated share without the event ({answer.event})", right - PAD, 13):
        out.append(svg.text(PAD, y, row, fill=look.text, size=13, bold=True))
        y += 17
    if simulated:
        out.append(svg.text(PAD, y, SIMULATED, fill=look.accent, size=12, bold=True))
        y += 16
    end = max(float(answer.times[-1]), answer.horizon)
    axes = Axes(0, end, 0, 1, PAD + LEFT, right - 4, y + 6, y + 6 + PLOT)
    out.append(axes.grid_y((0.0, 0.25, 0.5, 0.75, 1.0), look, lambda share: f"{100 * share:.0f} %"))
    out.append(axes.ticks_x(ticks(0, axes.x_high), look, number) + axes.label_x(answer.unit, look))
    average = average_curve(prediction)
    lines = [("average training case", average, {"stroke": look.muted, "stroke-dasharray": "5 4"})]
    lines = [line for line in lines if line[1]]
    lines.append(("this case", answer.free, {"stroke": look.neutral}))
    for name, shares, stroke in lines:
        corners = axes.pixels(steps(answer.times, shares, end))
        attributes = {"d": path(corners, 2), "fill": "none", "stroke-width": 2, **stroke}
        out.append(svg.element("path", {**attributes, "data-role": "curve", "data-name": name}))
    x, free = axes.x(answer.horizon), 1 - prediction.probability
    out.append(svg.line(x, axes.top, x, axes.bottom, look.accent, 1.5, **{"stroke-dasharray": "2 3"}))
    dot = {"cx": x, "cy": axes.y(free), "r": 4, "fill": look.accent}
    out.append(svg.element("circle", {**dot, "data-role": "horizon", "data-free": repr(float(free))}))
    y = axes.bottom + 42
    for name, _, stroke in lines[::-1]:
        out.append(svg.element("path", {"d": path([(PAD, y), (PAD + 26, y)]), "stroke-width": 2, **stroke}))
        out.append(svg.text(PAD + 34, y + 4, name, fill=look.text, size=11))
        y += 17
    said = [
        f"By {answer.horizon:g} {answer.unit}: {percent(prediction.probability)} with the event, "
        f"{percent(free)} without."
    ]
    said += [f"Group by score: {answer.group}."] if answer.group else []
    for sentence in said:
        for row in svg.wrap(sentence, right - PAD, 12):
            out.append(svg.text(PAD, y + 6, row, fill=look.text, size=12))
            y += 16
    for row in svg.wrap(RESEARCH_USE_ONLY, right - PAD, 11):
        out.append(svg.text(PAD, y + 6, row, fill=look.muted, size=11))
        y += 15
    told = "Simulated training data. " if simulated else ""
    label = f"Estimated curve until an event ({answer.event}). {' '.join(said)} {told}{RESEARCH_USE_ONLY}."
    return svg.document(width, y + 6, label, "".join(out), look)
