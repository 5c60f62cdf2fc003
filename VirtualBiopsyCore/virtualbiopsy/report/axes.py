"""Two axes of a figure: from values to pixels, with ticks, labels and lines that stay inside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .svg import element, line, text
from .theme import Theme

TICKS = 5
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axes:
    """Values `x_low` … `x_high`, `y_low` … `y_high` on the pixels `left` … `right`, `bottom` … `top`."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    left: float
    right: float
    top: float
    bottom: float

    def x(self, value: float) -> float:
        """Pixel of a value of the horizontal axis."""
        return self.left + (self.right - self.left) * (value - self.x_low) / (self.x_high - self.x_low)

    def y(self, value: float) -> float:
        """Pixel of a value of the vertical axis."""
        return self.bottom - (self.bottom - self.top) * (value - self.y_low) / (self.y_high - self.y_low)

    def pixels(self, points: Points) -> list[tuple[float, float]]:
        return [(self.x(x), self.y(y)) for x, y in points]

    def grid_y(self, values: Sequence[float], look: Theme, words: Callable[[float], str]) -> str:
        """Horizontal lines with their values at the left; zero is drawn stronger."""
        parts = []
        for value in values:
            y = self.y(value)
            parts.append(line(self.left, y, self.right, y, look.grid, 1 if value == 0 else 0.5))
            parts.append(text(self.left - 6, y + 4, words(value), fill=look.muted, size=10, anchor="end"))
        return "".join(parts)

    def ticks_x(self, values: Sequence[float], look: Theme, words: Callable[[float], str]) -> str:
        """Short lines below the plot with their values."""
        parts = []
        for value in values:
            x = self.x(value)
            parts.append(line(x, self.bottom, x, self.bottom + 4, look.grid))
            parts.append(text(x, self.bottom + 16, words(value), fill=look.muted, size=10, anchor="middle"))
        return "".join(parts)

    def label_x(self, words: str, look: Theme) -> str:
        """What the horizontal axis is."""
        middle = (self.left + self.right) / 2
        return text(middle, self.bottom + 32, words, fill=look.muted, size=10, anchor="middle")

    def label_y(self, words: str, look: Theme) -> str:
        """What the vertical axis is, along it."""
        middle = (self.top + self.bottom) / 2
        turned = {"transform": f"translate(14 {middle:.2f}) rotate(-90)"}
        return text(0, 0, words, fill=look.muted, size=10, anchor="middle", **turned)

    def within(self, points: Points) -> list[list[tuple[float, float]]]:
        """A line of values cut at `y_low` and `y_high`: the parts that remain, cut ends interpolated."""
        parts: list[list[tuple[float, float]]] = []
        current: list[tuple[float, float]] = []
        for first, second in zip(points, points[1:], strict=False):
            kept = self._segment(first, second)
            if kept is None:
                continue
            if current and current[-1] == kept[0]:
                current.append(kept[1])
            else:
                current = list(kept)
                parts.append(current)
        return parts

    def _segment(
        self, first: tuple[float, float], second: tuple[float, float]
    ) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """What lies inside of the line between two points; None if nothing does."""
        (x1, y1), (x2, y2) = first, second
        if max(y1, y2) < self.y_low or min(y1, y2) > self.y_high:
            return None

        def cut(x: float, y: float) -> tuple[float, float]:
            limit = min(max(y, self.y_low), self.y_high)
            return (x, y) if limit == y else (x1 + (x2 - x1) * (limit - y1) / (y2 - y1), limit)

        return cut(x1, y1), cut(x2, y2)


def steps(times: Sequence[float], values: Sequence[float], last: float) -> list[tuple[float, float]]:
    """Corners of a step function that is 1 before the first time, until `last`."""
    corners, height = [(0.0, 1.0)], 1.0
    for time, value in zip(map(float, times), map(float, values), strict=True):
        corners += [(time, height), (time, value)] if value != height else [(time, height)]
        height = value
    return [*corners, (last, height)] if corners[-1][0] < last else corners


def path(points: Points, digits: int = 1) -> str:
    """Path data of a line through pixels."""
    return "M" + "L".join(f"{x:.{digits}f} {y:.{digits}f}" for x, y in points)


def band(upper: Points, lower: Points, colour: str, opacity: float = 0.18) -> str:
    """The area between two lines of pixels, both from left to right."""
    outline = path([*upper, *list(lower)[::-1]], 2) + "Z"
    return element("path", {"d": outline, "fill": colour, "fill-opacity": opacity})


def span(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest finite value with a little room; never empty."""
    finite = [v for v in values if math.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers between the bounds, about `count` of them."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
    slack = 1e-9 * (high - low) / step
    return [step * n for n in range(math.ceil(low / step - slack), math.floor(high / step + slack) + 1)]


def number(value: float) -> str:
    """A value beside an axis."""
    return f"{value:g}".replace("-", "−") if abs(value) < 1e5 else f"{value:.0e}".replace("-", "−")
