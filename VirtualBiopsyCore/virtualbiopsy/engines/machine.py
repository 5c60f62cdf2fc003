"""What a certificate or an agreement was computed with."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from .. import __version__


def machine() -> dict[str, str]:
    """System, processor and versions; nothing that names the computer or its user."""
    found = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": f"{platform.machine()}, {os.cpu_count() or 1} threads",
        "VirtualBiopsy": __version__,
        "Python": platform.python_version(),
    }
    for name, package in (("numpy", "numpy"), ("scipy", "scipy"), ("SimpleITK", "SimpleITK")):
        found[name] = _version(package)
    found["numba"] = _version("numba")
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
