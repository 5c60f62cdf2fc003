"""Zip containers with fixed names and fixed bytes: the same contents always give the same file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from ..errors import ModelFormatError

_EPOCH = (1980, 1, 1, 0, 0, 0)
MAX_RATIO = 200
ADVICE = "Get the file again from its author, or make the model again with `virtualbiopsy train-demo`."


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return an uncompressed zip with these members in this order and no time stamps."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def unpack(data: bytes, limits: Mapping[str, int], where: str) -> dict[str, bytes]:
    """Read a zip that must hold exactly the members of `limits`, none larger than its limit in bytes.

    Names and sizes are checked in the directory of the zip before anything is unpacked, and the sizes again
    while reading, because a directory can lie.

    Raises
    ------
    ModelFormatError : for everything that is not such a zip.
    """

    def refuse(problem: str) -> ModelFormatError:
        return ModelFormatError(f"{where}: {problem}.", ADVICE)

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(names) != len(set(names)):
                raise refuse("a member is there twice")
            if set(names) != set(limits):
                extra, lacking = sorted(set(names) - set(limits)), sorted(set(limits) - set(names))
                raise refuse(
                    "; ".join(
                        text
                        for text in (
                            f"it lacks {', '.join(lacking)}" if lacking else "",
                            f"it holds what does not belong there: {_shown(extra)}" if extra else "",
                        )
                        if text
                    )
                )
            for entry in entries:
                limit = limits[entry.filename]
                if entry.flag_bits & 1:
                    raise refuse(f"{entry.filename} is encrypted")
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise refuse(f"{entry.filename} is packed in an unknown way")
                if entry.file_size > limit:
                    raise refuse(f"{entry.filename} has {entry.file_size} bytes, more than {limit} allowed")
                if entry.file_size > MAX_RATIO * entry.compress_size + 1024:
                    raise refuse(f"{entry.filename} unpacks to more than {MAX_RATIO} times its packed size")
            contents = {}
            for entry in entries:
                with archive.open(entry) as stream:
                    contents[entry.filename] = stream.read(limits[entry.filename] + 1)
                if len(contents[entry.filename]) != entry.file_size:
                    raise refuse(f"{entry.filename} has another size than the file says")
            return contents
    except ModelFormatError:
        raise
    except (
        Exception
    ) as error:  # zipfile raises many types on damaged input, also OSError, struct.error, zlib.error
        raise refuse(f"the zip is damaged ({type(error).__name__}: {str(error)[:120]})") from error


def _shown(names: list[str]) -> str:
    text = ", ".join(ascii(name)[:60] for name in names[:3])
    return text + (f" and {len(names) - 3} more" if len(names) > 3 else "")
