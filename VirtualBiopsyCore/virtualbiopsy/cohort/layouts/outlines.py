"""Outlines that come with a collection in a folder of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ...case.files import is_image_file, stem
from . import shared

_FOLDERS = r"(segmentations?|masks?|stv|outlines?|labels?|expert|.*_seg(mentation)?s?)"


def find_outline(root: Path, *names: str) -> Path | None:
    """The outline of a patient: an image file in a folder called segmentations, masks, STV, …, whose name is
    that of the patient, alone or with more after a mark; None if there is none or several fit."""
    wanted = {_plain(name) for name in names}
    exact, longer = [], []
    for path in _outline_files(root):
        name = _plain(stem(path))
        if name in wanted:
            exact.append(path)
        elif any(re.match(rf"{re.escape(w)}(?![0-9a-z])", name) for w in wanted):
            longer.append(path)
    for found in (exact, longer):
        if len(found) == 1:
            return found[0]
    return None


@lru_cache(maxsize=4)
def _listed(root: Path, stamp: float) -> tuple[Path, ...]:
    return tuple(_files(root))


def _outline_files(root: Path) -> Iterable[Path]:
    return _listed(root, root.stat().st_mtime)


def _files(root: Path) -> Iterable[Path]:
    for folder in (p for p in shared.walk(root, 2) if p.is_dir() and re.fullmatch(_FOLDERS, p.name.lower())):
        yield from (p for p in sorted(folder.iterdir()) if p.is_file() and is_image_file(p))


def _plain(name: str) -> str:
    return re.sub(r"[_\-.\s]+", "-", name).lower()
