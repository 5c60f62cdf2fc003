"""Rows of simulated cases on disk while a cohort is made, so that a run that was stopped goes on."""

from __future__ import annotations

from pathlib import Path

from .kept_lines import append_line, read_lines, write_lines
from .rows import Row


class RowStore:
    """Keeps rows in the order of the cases; the case of a line that was cut off is made again.

    Parameters
    ----------
    path : of the file; one with another digest is replaced.
    digest : of all that the rows depend on, but not of their number: more cases can be asked for later.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self.rows: list[Row] = []
        for row in read_lines(path, digest):
            if not isinstance(row, list):
                break
            self.rows.append((row[0], row[1]))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_lines(path, digest, self.rows)

    def keep(self, row: Row) -> None:
        """Append one row."""
        self.rows.append(row)
        append_line(self._path, row)
