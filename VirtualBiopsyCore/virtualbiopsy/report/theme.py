"""Colours of the figures, dark and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FONT = "Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Theme:
    """Hex colours. Text colours keep a contrast of at least 4.5 against the background.

    Attributes
    ----------
    background, text, muted, grid, track : panel, main text, secondary text, thin lines, empty bar.
    raises, lowers : red and blue; direction is always shown by shape and sign as well.
    neutral : bars without direction (baseline, total, estimate).
    accent : tags that must be seen ("simulated training data").
    """

    background: str
    text: str
    muted: str
    grid: str
    track: str
    raises: str
    lowers: str
    neutral: str
    accent: str


DARK = Theme(
    background="#1b1f24",
    text="#eceff2",
    muted="#aab3bd",
    grid="#4a535d",
    track="#323a43",
    raises="#f4776f",
    lowers="#62aef8",
    neutral="#c9d1d9",
    accent="#f2c14e",
)
LIGHT = Theme(
    background="#ffffff",
    text="#1c2126",
    muted="#57606a",
    grid="#b4bcc5",
    track="#e4e8ec",
    raises="#b8322a",
    lowers="#1b66ad",
    neutral="#4b5560",
    accent="#8a5a00",
)


def theme(dark: bool) -> Theme:
    return DARK if dark else LIGHT


_STOPS = np.array(
    [
        [-1.0, 0.05, 0.25, 0.95],
        [0.0, 0.45, 0.75, 1.00],
        [0.0, 1.00, 0.68, 0.50],
        [1.0, 0.92, 0.08, 0.06],
    ]
)


def diverging(t: np.ndarray | float) -> np.ndarray:
    """Colour of a signed value: blue lowers, red raises.

    `t` is the value over the window, −1…1 (clipped); returns RGB in 0…1 with shape ``t.shape + (3,)``.
    """
    clipped = np.clip(np.asarray(t, dtype=np.float64), -1.0, 1.0)
    half = np.where(clipped[..., None] < 0, _STOPS[1], _STOPS[2])[..., 1:]
    full = np.where(clipped[..., None] < 0, _STOPS[0], _STOPS[3])[..., 1:]
    return half + np.abs(clipped)[..., None] * (full - half)


def opacity(t: np.ndarray | float) -> np.ndarray:
    """Opacity of a signed value over the window: 0 at exactly zero, else 0.25 rising to 0.9."""
    size = np.clip(np.abs(np.asarray(t, dtype=np.float64)), 0.0, 1.0)
    return np.where(size > 0, 0.25 + 0.65 * size, 0.0)
