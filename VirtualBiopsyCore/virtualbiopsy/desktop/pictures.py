"""SVG figures in labels."""

from __future__ import annotations

from typing import Any

import qt

WIDTH = 440


def is_dark(widget: Any) -> bool:
    """Whether the widget's window colour is dark (so that figures follow the application's theme)."""
    palette = widget.palette
    return bool(palette is not None and palette.window().color().lightness() < 128)


def set_svg(label: Any, svg: str, words: str) -> None:
    """Show an SVG string in a QLabel, with words for screen readers and as tool tip."""
    pixmap = qt.QPixmap()
    pixmap.loadFromData(svg.encode("utf-8"), "SVG")
    label.setPixmap(pixmap)
    label.accessibleName = words
    label.toolTip = words


def clear(label: Any) -> None:
    label.clear()
    label.accessibleName = ""
    label.toolTip = ""


def say(label: Any, text: str) -> None:
    """Show rich text, or nothing at all, without an empty row."""
    label.setText(text)
    label.setVisible(bool(text))
