"""Write several text files to a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import ExistingFileError, UnreadableFileError


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder (that need not be there) before anything long begins.

    Raises
    ------
    UnreadableFileError : they cannot.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UnreadableFileError(
            f"Nothing can be written into {folder} ({error.strerror}).", "Choose another folder."
        ) from error


def write_files(folder: Path, texts: Mapping[str, str], overwrite: bool) -> list[Path]:
    """Write text files, each whole or not at all; names may hold sub-folders.

    Raises
    ------
    ExistingFileError : one is there and must not be replaced. UnreadableFileError : they cannot be written.
    """
    paths = [folder / name for name in texts]
    for path in paths:
        if path.exists() and not overwrite:
            raise ExistingFileError(f"{path} exists already.", "Choose another folder, or allow overwriting.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(path.name + ".part")
            scratch.write_text(text, encoding="utf-8")
            os.replace(scratch, path)
    except OSError as error:
        raise UnreadableFileError(
            f"{folder} cannot be written ({error.strerror}).", "Choose another folder."
        ) from error
    return paths
