"""Rows of simulated cases on disk while a cohort is made, so that a run that was stopped goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .rows import Row


class RowStore:
    """Keeps rows in the order of the cases, one line of JSON each, appended and flushed.

    A line that was cut off by a kill is left out, and its case is made again. The first line holds a digest
    of all that the rows depend on, but not of their number: more cases can be asked for later.

    Parameters
    ----------
    path : of the file; one with another digest is replaced.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self.rows: list[Row] = []
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
        if lines and _parsed(lines[0]) == {"digest": digest}:
            for line in lines[1:-1]:
                row = _parsed(line)
                if not isinstance(row, list):
                    break
                self.rows.append((row[0], row[1]))
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(path.name + ".part")
        scratch.write_text("".join(map(_line, [{"digest": digest}, *self.rows])), encoding="utf-8")
        os.replace(scratch, path)

    def keep(self, row: Row) -> None:
        """Append one row."""
        self.rows.append(row)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(_line(row))
            stream.flush()
            os.fsync(stream.fileno())


def _line(content: Any) -> str:
    return json.dumps(content) + "\n"


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
