"""A read-only look at the local folders, for choosing a path."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UnreadableFileError

LIMIT = 500
TABLE_ENDINGS = (".csv", ".tsv", ".xlsx", ".parquet", ".toml")
IMAGE_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".ima", ".json", ".csv")


def local_path(text: str) -> Path:
    """Return the existing path that the user typed, `~` expanded.

    Raises
    ------
    UnreadableFileError : if the text is empty, or nothing is there, or it may not be read.
    """
    cleaned = text.strip().strip("'\"")
    if not cleaned or "\0" in cleaned:
        raise UnreadableFileError("No path was given.", "Type the path of a folder or an image file.")
    path = Path(os.path.expanduser(cleaned)).absolute()
    try:
        found = path.exists()
    except OSError:
        found = False
    if not found:
        raise UnreadableFileError(f"There is nothing at {path}.", "Check the spelling, or use Browse.")
    if not os.access(path, os.R_OK):
        raise UnreadableFileError(f"{path} may not be read.", "Ask for permission, or copy it elsewhere.")
    return path


def new_folder(text: str) -> Path:
    """Return the path of a folder to write into; it need not exist, its parent must.

    Raises
    ------
    UnreadableFileError : if the parent does not exist, or a file is in the way.
    """
    cleaned = text.strip().strip("'\"")
    if not cleaned or "\0" in cleaned:
        raise UnreadableFileError("No folder was given.", "Type the path of the folder to write into.")
    path = Path(os.path.expanduser(cleaned)).absolute()
    if path.is_file():
        raise UnreadableFileError(f"{path} is a file.", "Give the path of a folder.")
    if not path.is_dir() and not path.parent.is_dir():
        raise UnreadableFileError(
            f"{path.parent} does not exist.", "Create it first, or choose another folder."
        )
    return path


def listing(path: Path, endings: tuple[str, ...] = IMAGE_ENDINGS) -> list[dict[str, object]]:
    """Return folders first, then files with these endings, as rows for the page; hidden ones left out.

    Raises
    ------
    UnreadableFileError : if the folder may not be read.
    """
    rows: list[dict[str, object]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    folder = entry.is_dir()
                except OSError:
                    continue
                if folder or entry.name.lower().endswith(endings) or "." not in entry.name:
                    rows.append({"name": entry.name, "path": entry.path, "folder": folder})
    except OSError as error:
        raise UnreadableFileError(
            f"{path} may not be listed ({error.strerror}).", "Choose another folder."
        ) from error
    rows.sort(key=lambda row: (not row["folder"], str(row["name"]).lower()))
    return rows[:LIMIT]
