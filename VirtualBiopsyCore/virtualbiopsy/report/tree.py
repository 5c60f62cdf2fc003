"""The ledger as a tree: baseline, sequences, classes, features, total; every line the sum of those below."""

from __future__ import annotations

from collections.abc import Iterator

from .. import RESEARCH_USE_ONLY
from ..explain.groups import CHANGE, CLINICAL, SHAPE, bars
from ..explain.model import Bar, Contribution, Explanation
from ..models.prediction import Prediction
from . import svg
from .credit import phi_words
from .labels import ROLE_NAMES, feature_label, role_words
from .numbers import percent, signed, value
from .theme import Theme, theme

PAD, ROW, INDENT = 14, 20, 14
FEATURES = 5
_TOP = {
    SHAPE: "Shape (no place in the image)",
    CLINICAL: "Clinical data (no place in the image)",
    CHANGE: "Change between two time points (no place in the image)",
}


def ledger_bars(explanation: Explanation) -> tuple[Bar, ...]:
    """The tree of an explanation, made from its contributions where it carries none."""
    return explanation.bars or bars(
        [c.key for c in explanation.contributions], [c.phi for c in explanation.contributions]
    )


def bar_words(bar: Bar) -> str:
    """Name of a line: sequence, class of features, or feature."""
    if len(bar.path) == 1:
        return _TOP.get(bar.path[0], role_words(bar.path[0]))
    return class_words(bar.path[1]) if len(bar.path) == 2 else feature_label(bar.path[2]).name


def class_words(name: str) -> str:
    """Name of a class of features: matrices by their letters ("GLCM"), sequences by their short names, the
    others in words."""
    if name in ROLE_NAMES:
        return ROLE_NAMES[name]
    return name.upper() if name[:2] in ("gl", "ng") else name.replace("_", " ")


def tree_svg(
    explanation: Explanation,
    prediction: Prediction,
    *,
    dark: bool = True,
    width: float = 520,
    features: int = FEATURES,
) -> str:
    """Draw the tree with a signed bar for each line.

    Groups carry ``data-role`` (baseline, sequence, class, feature, folded, total), ``data-path`` and
    ``data-phi``; the smallest features of a class beyond `features` are folded into one line.
    """
    look, tree = theme(dark), ledger_bars(explanation)
    known = {c.key: c for c in explanation.contributions}
    rows = list(_rows(tree, known, features))
    scale = max([abs(phi) for _d, _n, _r, _p, phi, _s in rows] or [1.0]) or 1.0
    left, right = PAD, width - PAD
    y = PAD + 12.0
    out = [svg.text(left, y, f"Ledger, {prediction.positive}", fill=look.text, size=14, bold=True)]
    y += 8
    start = ("baseline", "Baseline (average training case)", explanation.baseline)
    end = ("total", f"Total ({explanation.sums_to})", explanation.log_odds)
    out.append(_level(*start, y, left, right, look))
    for depth, name, role, path, phi, words in rows:
        y += ROW
        out.append(_row(depth, name, role, path, phi, words, scale, y, left, right, look))
    out.append(_level(*end, y + ROW, left, right, look))
    y += 2 * ROW
    chance = f"Estimated probability: {percent(prediction.probability)}"
    out.append(svg.text(left, y + 14, chance, fill=look.text, size=12, bold=True))
    y += ROW
    note = f"Each line is the sum of those below it. {RESEARCH_USE_ONLY}."
    for line in svg.wrap(note, right - left, 11):
        out.append(svg.text(left, y + 14, line, fill=look.muted, size=11))
        y += 15
    words = ", ".join(f"{bar_words(bar)} {signed(bar.phi)}" for bar in tree) or "no contributions"
    label = (
        f"Ledger of {prediction.positive}: baseline {signed(explanation.baseline)}, {words}, total "
        f"{signed(explanation.log_odds)} ({explanation.sums_to}). {RESEARCH_USE_ONLY}."
    )
    return svg.document(width, y + 10, label, "".join(out), look)


Row = tuple[int, str, str, str, float, str]


def _rows(tree: tuple[Bar, ...], known: dict[str, Contribution], features: int) -> Iterator[Row]:
    """(depth, words, role, path, phi, phi in words) of each line below the baseline."""
    for bar in tree:
        depth = len(bar.path) - 1
        role = ("sequence", "class", "feature")[depth]
        words = bar_words(bar)
        own = known.get(bar.path[2]) if role == "feature" else None
        if own is not None:
            words += f" = {value(own.value, feature_label(own.key).short_unit)}"
        yield depth, words, role, "|".join(bar.path), bar.phi, phi_words(bar.phi, own)
        children = bar.children
        if depth == 1 and len(children) > features + 1:
            children, folded = children[:features], children[features:]
            yield from _rows(children, known, features)
            path, rest = "|".join((*bar.path, "folded")), sum(child.phi for child in folded)
            yield 2, f"{len(folded)} further features", "folded", path, rest, signed(rest)
        else:
            yield from _rows(children, known, features)


def _row(
    depth: int,
    name: str,
    role: str,
    path: str,
    phi: float,
    words: str,
    scale: float,
    y: float,
    left: float,
    right: float,
    look: Theme,
) -> str:
    zero, reach = left + 0.70 * (right - left), 0.15 * (right - left)
    x = left + INDENT * (depth + 1)
    size = phi / scale * reach
    colour = look.raises if phi > 0 else look.lowers if phi < 0 else look.neutral
    parts = [
        svg.text(x, y + 14, name, fill=look.text, size=12, bold=depth == 0, room=zero - reach - x - 6),
        svg.line(zero, y + 3, zero, y + ROW - 1, look.grid),
        svg.rect(min(zero, zero + size), y + 5, max(abs(size), 1.0), 10 - 2 * depth, colour),
        svg.text(right, y + 14, words, fill=look.text, size=12, anchor="end", bold=depth == 0),
    ]
    attributes = {"data-role": role, "data-path": path, "data-phi": repr(float(phi))}
    return svg.element("g", attributes, "".join(parts))


def _level(role: str, name: str, number: float, y: float, left: float, right: float, look: Theme) -> str:
    parts = [
        svg.text(left, y + 14, name, fill=look.text, size=12, bold=True),
        svg.text(right, y + 14, signed(number), fill=look.text, size=12, anchor="end", bold=True),
    ]
    return svg.element("g", {"data-role": role, "data-phi": repr(float(number))}, "".join(parts))
