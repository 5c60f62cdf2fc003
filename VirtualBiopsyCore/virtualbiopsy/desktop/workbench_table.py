"""Rows of text in a QTableWidget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt


class TextTable:
    """A table whose rows can be chosen.

    Parameters
    ----------
    widget : QTableWidget. titles : of the columns. widths : of all columns but the last, in pixels.
    on_chosen : called with the number of the row that the user chose.
    """

    def __init__(
        self,
        widget: Any,
        titles: Sequence[str],
        widths: Sequence[int],
        on_chosen: Callable[[int], None] | None = None,
    ) -> None:
        self._widget, self._on_chosen = widget, on_chosen
        self._filling = False
        self.rows: tuple[tuple[str, ...], ...] = ()
        widget.setColumnCount(len(titles))
        widget.setHorizontalHeaderLabels(list(titles))
        for column, width in enumerate(widths):
            widget.setColumnWidth(column, width)
        if on_chosen is not None:
            widget.connect("currentCellChanged(int,int,int,int)", self._changed)

    def show(self, rows: Sequence[Sequence[str]], chosen: int = -1) -> None:
        """Fill it; long texts can be read in the tool tip of their cell.

        Parameters
        ----------
        chosen : row that is marked, -1 for none.
        """
        self._filling = True
        try:
            self.rows = tuple(tuple(row) for row in rows)
            self._widget.setRowCount(0)
            self._widget.setRowCount(len(self.rows))
            for number, row in enumerate(self.rows):
                for column, text in enumerate(row):
                    cell = qt.QTableWidgetItem(text)
                    cell.setToolTip(text)
                    self._widget.setItem(number, column, cell)
            self._widget.setCurrentCell(chosen, 0)
        finally:
            self._filling = False

    def _changed(self, row: int, *others: int) -> None:
        if not self._filling and self._on_chosen is not None and 0 <= row < len(self.rows):
            self._on_chosen(row)
