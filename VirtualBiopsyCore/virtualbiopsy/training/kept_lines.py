"""A file of JSON lines that a run appends to, so that one that was stopped goes on.

The first line holds a digest of all that the others depend on. Lines are flushed as they are written; one
that was cut off by a kill is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def read_lines(path: Path, digest: str) -> list[Any]:
    """The contents of whole lines after the first, None for a damaged one; [] if the digest is another."""
    if not path.is_file():
        return []
    first, *others = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return [_parsed(line) for line in others[:-1]] if _parsed(first) == {"digest": digest} else []


def write_lines(path: Path, digest: str, contents: Iterable[Any]) -> None:
    """Replace the file, whole or not at all."""
    scratch = path.with_name(path.name + ".part")
    scratch.write_text("".join(map(_line, [{"digest": digest}, *contents])), encoding="utf-8")
    os.replace(scratch, path)


def append_line(path: Path, content: Any) -> None:
    """Add one line that is on the disk when this returns."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(_line(content))
        stream.flush()
        os.fsync(stream.fileno())


def _line(content: Any) -> str:
    return json.dumps(content) + "\n"


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
