"""How much memory is free, and refusing work that would need more before anything is allocated."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from .errors import MemoryLimitError

SHARE = 0.8
"""Work may take this share of what is free; the rest is left to Slicer and the system."""

LIMIT_VARIABLE = "VIRTUALBIOPSY_MEMORY_LIMIT"
"""Environment variable: at most this many bytes, whatever is free."""


def available_bytes() -> int:
    """Memory in bytes that can be allocated now without swapping: system, control group and own limit."""
    found = [_system_bytes()]
    group = _control_group_bytes(Path("/sys/fs/cgroup"))
    if group is not None:
        found.append(group)
    limit = os.environ.get(LIMIT_VARIABLE, "")
    if limit.isdigit():
        found.append(int(limit))
    return min(found)


def require_memory(needed: int, what: str) -> None:
    """Refuse work that would need more memory than is free.

    Parameters
    ----------
    needed : bytes that will be allocated at the same time. what : the work, as the subject of a sentence.

    Raises
    ------
    MemoryLimitError : more than :data:`SHARE` of the free memory would be needed.
    """
    free = available_bytes()
    if needed > SHARE * free:
        raise MemoryLimitError(
            f"{what} would need {needed / 2**30:.1f} GB of memory; {free / 2**30:.1f} GB are free.",
            "Use a coarser spacing, a smaller image or fewer image types, or close other programs.",
        )


def image_bytes(size: tuple[int, ...], bytes_per_voxel: int = 8) -> int:
    """Bytes of an image of `size` voxels; exact for any size (Python integers)."""
    total = bytes_per_voxel
    for n in size:
        total *= int(n)
    return total


def _system_bytes() -> int:
    if sys.platform == "win32":
        return _windows_bytes()
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # macOS does not tell what is available without a privileged call: half of what is installed.
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _control_group_bytes(folder: Path) -> int | None:
    """What is left of the limit of a container (control groups 2), None without one."""
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        reclaimable = 0
        for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith("inactive_file "):
                reclaimable = int(line.split()[1])
    except (OSError, ValueError):
        return None
    return None if not limit.isdigit() else max(0, int(limit) - used + reclaimable)


def _windows_bytes() -> int:
    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in (
                    "total",
                    "available",
                    "total_page",
                    "available_page",
                    "total_virtual",
                    "available_virtual",
                    "available_extended",
                )
            ),
        ]

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.available)
