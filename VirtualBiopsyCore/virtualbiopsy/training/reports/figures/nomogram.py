"""The nomogram: points of each variable, total points, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import FeatureError
from ....report import svg
from ....report.axes import number, ticks
from ....report.labels import feature_label
from ....report.numbers import percent, value
from ....report.theme import Theme, theme
from ..curves import Nomogram
from . import sheet
from .ranking import feature_words

ROW = 40.0


def nomogram_svg(nomogram: Nomogram, look: sheet.Look = sheet.WIDE, title: str = "Nomogram") -> str:
    """Scales below one another: points, one for each variable, total points, answers.

    Ticks carry ``data-points`` (of the variable or total); all variables share the scale of points.

    Raises
    ------
    ValueError : no variable.
    """
    if not nomogram.scales:
        raise ValueError("a nomogram needs one variable at least")
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    left, right = 0.34 * width, width - 30
    most = max(max(scale.points) for scale in nomogram.scales) or 1.0
    totals = sorted(p for answer in nomogram.answers for p in answer.total_points)
    low, high = nomogram.limits or ((totals[0], totals[-1]) if totals else (0.0, _most_total(nomogram)))

    def own(points: float) -> float:
        return left + (right - left) * points / most

    def total(points: float) -> float:
        return left + (right - left) * (points - low) / ((high - low) or 1.0)

    y = top + 20
    marks = ticks(0, most, 10)
    parts = [body, _scale("Points", [(own(p), number(p), p) for p in marks], y, colours, left)]
    for scale in nomogram.scales:
        y += ROW
        words = scale.words or tuple(value(v) for v in scale.values)
        shown = [(own(p), w, p) for p, w in zip(scale.points, words, strict=True)]
        parts.append(_scale(_with_unit(scale.name), shown, y, colours, left))
    y += ROW
    marks = ticks(low, high, 10)
    parts.append(_scale("Total points", [(total(p), number(p), p) for p in marks], y, colours, left))
    for answer in nomogram.answers:
        y += ROW
        shown = [(total(p), percent(v), p) for p, v in zip(answer.total_points, answer.values, strict=True)]
        parts.append(_scale(answer.name, shown, y, colours, left))
    told = ["Read the points of each variable from the uppermost scale, add them, read the answer below."]
    words, y = sheet.notes([*told, *nomogram.notes], y + 26, colours, width)
    names = ", ".join(
        f"{feature_words(scale.name)} up to {number(round(max(scale.points), 1))} points"
        for scale in nomogram.scales
    )
    return sheet.finished(f"{title}: {names}", "".join(parts) + words, y, colours, width)


def _with_unit(name: str) -> str:
    """A feature in words with its unit; a column of a plain table as it is."""
    try:
        unit = feature_label(name).short_unit
    except (FeatureError, KeyError, ValueError):
        unit = ""
    return feature_words(name) + (f" ({unit})" if unit else "")


def _most_total(nomogram: Nomogram) -> float:
    return sum(max(scale.points) for scale in nomogram.scales)


def _scale(
    name: str, marks: Sequence[tuple[float, str, float]], y: float, colours: Theme, left: float
) -> str:
    """One line with its marks; words that would touch the one before are left out."""
    room = left - sheet.PAD - 14
    parts = [svg.text(sheet.PAD, y + 4, name, fill=colours.text, size=11, room=room)]
    places = [x for x, _, _ in marks]
    parts.append(svg.line(min(places), y, max(places), y, colours.text))
    for x, words, points in sorted(marks):
        tick = {"data-role": "tick", "data-points": repr(float(points)), "data-words": words}
        parts.append(svg.line(x, y, x, y + 5, colours.text, 1, **tick))
    for x, words in _apart(sorted((x, words) for x, words, _ in marks)):
        parts.append(svg.text(x, y + 16, words, fill=colours.muted, size=9, anchor="middle"))
    return "".join(parts)


def _apart(words: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The first, the last, and of the others those that touch none before them."""
    kept: list[tuple[float, str]] = []
    for x, text in [*words[:1], *words[:0:-1][:1], *words[1:-1]]:
        half = svg.text_width(text, 9) / 2
        if all(abs(x - other) > half + svg.text_width(told, 9) / 2 + 2 for other, told in kept):
            kept.append((x, text))
    return kept
