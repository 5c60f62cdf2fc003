"""numpy archives that are read without trust: names, types and shapes are known before memory is taken."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from ..errors import ModelFormatError
from .classifier import shape_problem
from .container import ADVICE, pack, unpack

ArraySpec = tuple[np.dtype, tuple[int | str, ...]]
_HEADER_BYTES = 4096


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return an uncompressed .npz, members sorted by name."""
    members = {}
    for name in sorted(arrays):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(arrays[name]), (1, 0), allow_pickle=False)
        members[name + ".npy"] = buffer.getvalue()
    return pack(members)


def unpack_arrays(
    data: bytes, specs: Mapping[str, ArraySpec], lengths: dict[str, int], limit: int, where: str
) -> dict[str, np.ndarray]:
    """Read the arrays named in `specs`, no more and no fewer.

    `lengths` gives the lengths that are known ("p"); the letters of `specs` are added to it. Arrays are
    read-only.

    Raises
    ------
    ModelFormatError : wrong names, types or shapes, a header that promises other bytes than there are.
    """
    members = unpack(data, {name + ".npy": limit for name in specs}, where)
    arrays = {}
    for name, (dtype, shape) in specs.items():
        arrays[name] = _read(members[name + ".npy"], name, dtype, shape, lengths, where)
    return arrays


def _read(
    data: bytes,
    name: str,
    dtype: np.dtype,
    wanted: tuple[int | str, ...],
    lengths: dict[str, int],
    where: str,
) -> np.ndarray:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"npy version {version}")
        shape, fortran, found = np.lib.format.read_array_header_1_0(stream, max_header_size=_HEADER_BYTES)
    except Exception as error:  # numpy raises ValueError, SyntaxError, TypeError, … on a bad header
        raise ModelFormatError(
            f"{where}: the header of the array {name!r} cannot be read ({str(error)[:120]}).", ADVICE
        ) from error
    problem = shape_problem(name, found, shape, dtype, wanted, lengths)
    if not problem and fortran and len(shape) > 1:
        problem = f"the array {name!r} is stored in Fortran order"
    count = 1
    for length in shape:
        count *= length
    promised, there = count * dtype.itemsize, len(data) - stream.tell()
    if not problem and promised != there:
        problem = f"the array {name!r} promises {promised} bytes and holds {there}"
    if problem:
        raise ModelFormatError(f"{where}: {problem}.", ADVICE)
    return np.frombuffer(data, dtype=dtype, count=count, offset=stream.tell()).reshape(shape)
