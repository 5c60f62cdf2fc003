"""Check NIfTI files for what the NIfTI library of ITK lets pass: NaN (set to zero) and missing ends."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import UnreadableFileError

_FLOATS = {16: "f4", 64: "f8"}
_BLOCK = 1 << 22


def is_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz", ".hdr"))


def check_nifti(path: Path) -> np.ndarray | None:
    """Read the voxels once and return where they are not finite.

    Returns
    -------
    flat boolean array in file order (i fastest), or None if all voxels are finite or whole numbers.

    Raises
    ------
    UnreadableFileError : the file holds fewer voxels than its header says, or damaged compressed data.
    """
    try:
        with _open(path) as opened:
            header = opened.read(544)
            order, dimensions, datatype, bits, offset = _header(header)
            needed = prod(dimensions) * bits // 8
            if path.suffix.lower() == ".hdr":
                return _check_voxels(path.with_suffix(".img"), order, datatype, 0, needed)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise _damaged(path) from error
    return _check_voxels(path, order, datatype, offset, needed)


def _check_voxels(path: Path, order: str, datatype: int, offset: int, needed: int) -> np.ndarray | None:
    kind = _FLOATS.get(datatype)
    bad: list[np.ndarray] = []
    read = 0
    try:
        with _open(path) as opened:
            opened.seek(offset)
            for block in _blocks(opened, needed):
                read += len(block)
                if kind:
                    whole = len(block) - len(block) % int(kind[1])
                    bad.append(~np.isfinite(np.frombuffer(block[:whole], order + kind)))
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path) from error
    if read < needed:
        raise _damaged(path)
    return np.concatenate(bad) if any(b.any() for b in bad) else None


def _blocks(opened: BinaryIO, needed: int) -> Iterator[bytes]:
    while needed > 0:
        block = opened.read(min(_BLOCK, needed))
        if not block:
            return
        # A multiple of eight bytes, so that no number is split.
        while len(block) % 8 and len(block) < needed:
            more = opened.read(8 - len(block) % 8)
            if not more:
                break
            block += more
        needed -= len(block)
        yield block


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def _header(header: bytes) -> tuple[str, list[int], int, int, int]:
    """Byte order, dimensions, datatype, bits per voxel, offset of the voxels (NIfTI-1, NIfTI-2, Analyze)."""
    for order in "<>":
        size = struct.unpack(order + "i", header[:4])[0]
        if size == 348:
            dim = struct.unpack(order + "8h", header[40:56])
            datatype, bits = struct.unpack(order + "2h", header[70:74])
            offset = int(struct.unpack(order + "f", header[108:112])[0])
        elif size == 540:
            datatype, bits = struct.unpack(order + "2h", header[12:16])
            dim = struct.unpack(order + "8q", header[16:80])
            offset = struct.unpack(order + "q", header[168:176])[0]
        else:
            continue
        if not 1 <= dim[0] <= 7 or any(n < 0 for n in dim[1 : 1 + dim[0]]):
            raise ValueError("dimensions")
        return order, [max(1, n) for n in dim[1 : 1 + dim[0]]], datatype, bits, offset
    raise ValueError("no NIfTI header")


def _damaged(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path.name} cannot be read: it is damaged or truncated.", "Copy or export it again."
    )
