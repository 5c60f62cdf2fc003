"""Letters for orientation marks, drawn into pictures without a font library."""

from __future__ import annotations

import numpy as np

_ROWS = {
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
    "S": ("01111", "10000", "10000", "01110", "00001", "00001", "11110"),
    "I": ("01110", "00100", "00100", "00100", "00100", "00100", "01110"),
}
WIDTH, HEIGHT = 5, 7


def draw_letter(picture: np.ndarray, letter: str, x: int, y: int, scale: int = 2) -> None:
    """Draw `letter` in white with a black surround into `picture` (rows, columns, 3), in place.

    (x, y) is the upper left corner; what falls outside is left out.
    """
    glyph = np.array([[c == "1" for c in row] for row in _ROWS[letter]])
    glyph = np.pad(np.kron(glyph, np.ones((scale, scale), dtype=bool)), 1)
    near = glyph.copy()
    for axis in (0, 1):
        for shift in (-1, 1):
            near |= np.roll(glyph, shift, axis=axis)
    rows, columns = picture.shape[:2]
    for i, j in np.argwhere(near):
        if 0 <= y + i - 1 < rows and 0 <= x + j - 1 < columns:
            picture[y + i - 1, x + j - 1] = 255 if glyph[i, j] else 0
