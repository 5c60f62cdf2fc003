"""highdicom, imported when it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from ...errors import MissingPackageError


def highdicom() -> Any:
    """Return the package.

    Raises
    ------
    MissingPackageError : if it is not installed.
    """
    try:
        package = importlib.import_module("highdicom")
        for part in ("pm", "sr"):
            importlib.import_module(f"highdicom.{part}")
    except ImportError as error:
        raise MissingPackageError(
            "Writing DICOM objects needs the Python package highdicom, which is not installed here.",
            "Use 3D Slicer 5.12 or later, which brings it, or install highdicom.",
        ) from error
    return package
