"""Where the shipped data lie, in all four lives of the code."""

from __future__ import annotations

from pathlib import Path


def resource(relative: str) -> Path:
    """Return the path of a shipped file or folder, for example ``resource("Models")``.

    In a wheel and in the installed extension the folder ``Resources`` is ``virtualbiopsy/resources``;
    in the source tree it is ``Resources`` two levels above the package.

    Raises
    ------
    FileNotFoundError : if it is in neither place.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "resources", package.parent.parent / "Resources"):
        path = root / relative
        if path.exists():
            return path
    raise FileNotFoundError(f"VirtualBiopsy resource {relative!r} is not installed beside {package}")
