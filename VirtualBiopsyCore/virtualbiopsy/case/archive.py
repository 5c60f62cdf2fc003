"""Zip archives of a study, unpacked with limits."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath

from ..errors import OversizedFileError, UnreadableFileError
from ..progress import Progress, silent
from .limits import MAX_BYTES, MAX_FILES, readable_size

_BLOCK = 1 << 20


def unpack(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES, progress: Progress = silent) -> None:
    """Unpack the files of a zip archive below `folder`.

    Entries that lead out of the folder, links and encrypted entries are refused; what is written is counted,
    not what the archive announces.

    Raises
    ------
    UnreadableFileError : not a zip archive, damaged, encrypted, or with paths that lead elsewhere.
    OversizedFileError : more files or bytes than the limits.
    Cancelled : the progress callback asked to stop.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            total = sum(entry.file_size for entry in entries)
            if len(entries) > MAX_FILES or total > max_bytes:
                raise OversizedFileError(
                    f"{archive.name} holds {len(entries)} files with {readable_size(total)}; the limits are "
                    f"{MAX_FILES} files and {readable_size(max_bytes)}."
                )
            left = max_bytes
            for number, entry in enumerate(entries):
                progress(number / len(entries), "Unpacking")
                left -= _write(opened, entry, _target(archive, entry, folder), left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, zipfile.BadZipFile) and error.errno:
            raise UnreadableFileError(f"{archive.name} cannot be unpacked: {error.strerror}.") from error
        raise UnreadableFileError(
            f"{archive.name} cannot be unpacked: it is damaged, encrypted, or not a zip archive."
        ) from error


def _target(archive: Path, entry: zipfile.ZipInfo, folder: Path) -> Path:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    linked = stat.S_ISLNK(entry.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or linked or (path.parts and ":" in path.parts[0]):
        raise UnreadableFileError(
            f"{archive.name} holds an entry that leads out of the archive.", "Do not trust this file."
        )
    target = folder.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> int:
    written = 0
    with opened.open(entry) as source, target.open("xb") as sink:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > left:
                raise OversizedFileError("The archive holds more than it announces.")
            sink.write(block)
    return written
