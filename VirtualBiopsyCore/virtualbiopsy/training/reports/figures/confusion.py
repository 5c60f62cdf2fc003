"""The confusion matrix."""

from __future__ import annotations

from ....report import svg
from ....report.theme import Theme, theme
from ..curves import Confusion
from . import sheet

CELL = 64.0


def confusion_svg(
    confusion: Confusion, look: sheet.Look = sheet.PLAIN, title: str = "Confusion matrix"
) -> str:
    """True class by row, called class by column; the darker, the larger the share of the row.

    Cells carry ``data-count`` and ``data-share`` (of the true class).
    """
    colours, width = theme(look.dark), look.width
    body, top = sheet.heading(title, colours, width, look.simulated)
    n = len(confusion.classes)
    left = sheet.PAD + 0.36 * (width - 2 * sheet.PAD)
    cell = min((width - sheet.PAD - left) / n, 120.0)
    parts = [body, svg.text(left, top + 10, "called", fill=colours.muted, size=10)]
    parts.append(svg.text(left - 8, top + 10, "truly", fill=colours.muted, size=10, anchor="end"))
    for j, name in enumerate(confusion.classes):
        for i, line in enumerate(svg.wrap(name, cell - 6, 11)[:2]):
            x = left + (j + 0.5) * cell
            parts.append(svg.text(x, top + 26 + 13 * i, line, fill=colours.text, size=11, anchor="middle"))
    top += 46
    for i, name in enumerate(confusion.classes):
        row = confusion.counts[i]
        middle = top + (i + 0.5) * CELL
        total = float(row.sum())
        parts.append(
            svg.text(
                left - 8, middle, name, fill=colours.text, size=11, anchor="end", room=left - 8 - sheet.PAD
            )
        )
        cases = f"{_count(total)} cases"
        parts.append(svg.text(left - 8, middle + 15, cases, fill=colours.muted, size=10, anchor="end"))
        for j, count in enumerate(row):
            share = float(count) / total if total else 0.0
            parts.append(_cell(left + j * cell, top + i * CELL, cell, float(count), share, colours))
    right = float(confusion.counts.trace())
    whole = float(confusion.counts.sum())
    told = f"{_count(right)} of {_count(whole)} cases are called what they are."
    words, y = sheet.notes([told], top + n * CELL + 6, colours, width)
    rows = "; ".join(
        f"of {name}: " + ", ".join(_count(float(c)) for c in confusion.counts[i])
        for i, name in enumerate(confusion.classes)
    )
    label = f"{title}, called {', '.join(confusion.classes)}. {rows}"
    return sheet.finished(label, "".join(parts) + words, y, colours, width)


def _cell(x: float, y: float, cell: float, count: float, share: float, colours: Theme) -> str:
    marks = {"data-role": "cell", "data-count": repr(count), "data-share": repr(share)}
    ground = svg.rect(x + 1, y + 1, cell - 2, CELL - 2, colours.track)
    shade = svg.rect(
        x + 1, y + 1, cell - 2, CELL - 2, colours.lowers, **{"fill-opacity": f"{0.55 * share:.4f}", **marks}
    )
    middle = x + cell / 2
    return (
        ground
        + shade
        + svg.text(
            middle, y + CELL / 2 + 2, _count(count), fill=colours.text, size=16, anchor="middle", bold=True
        )
        + svg.text(
            middle, y + CELL / 2 + 19, f"{100 * share:.0f} %", fill=colours.text, size=11, anchor="middle"
        )
    )


def _count(number: float) -> str:
    return f"{number:.0f}" if abs(number - round(number)) < 5e-3 else f"{number:.1f}"
