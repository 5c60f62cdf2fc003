"""A folder that one process at a time works in."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import VirtualBiopsyError

NAME = "lock"


@contextmanager
def working_in(folder: Path, refused: VirtualBiopsyError) -> Iterator[None]:
    """Hold an existing folder; the lock ends with the process, however that ends.

    Raises
    ------
    `refused` : another process, or another run of this one, holds it.
    """
    with (folder / NAME).open("a+b") as file:
        if not _lock(file):
            raise refused
        yield


def _lock(file: Any) -> bool:
    try:
        fcntl = importlib.import_module("fcntl")
    except ImportError:
        msvcrt = importlib.import_module("msvcrt")
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
