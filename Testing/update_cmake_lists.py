"""Write VirtualBiopsyCore/PackageFiles.cmake: every file of the package and of the shipped resources.

A file that is not listed is silently left out of the extension, so run this after adding or removing files:

    python Testing/update_cmake_lists.py          # writes
    python Testing/update_cmake_lists.py --check  # says whether the list is right, writes nothing
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "VirtualBiopsyCore" / "PackageFiles.cmake"
SHIPPED = ("Cases", "Icons", "Models", "Recipes", "Reference", "Rules", "UI")
HEADER = "# Written by Testing/update_cmake_lists.py; do not edit.\n"


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            found.append(path)
    return found


def lists(root: Path = ROOT) -> dict[str, list[str]]:
    """Return the CMake lists by variable name; paths are relative, with forward slashes."""
    core, resources = root / "VirtualBiopsyCore", root / "Resources"
    package = [path.relative_to(core).as_posix() for path in _files(core / "virtualbiopsy")]
    notices = sorted(path for path in resources.glob("*.txt") if path.is_file())
    shipped = [*notices, *(path for name in SHIPPED for path in _files(resources / name))]
    return {
        "PACKAGE_SCRIPTS": [path for path in package if path.endswith(".py")],
        "PACKAGE_DATA": [path for path in package if not path.endswith(".py")],
        "PACKAGE_RESOURCES": [path.relative_to(resources).as_posix() for path in shipped],
    }


def text(root: Path = ROOT) -> str:
    """Return what PackageFiles.cmake must hold."""
    blocks = [HEADER]
    for name, paths in lists(root).items():
        blocks.append("".join([f"set({name}\n", *(f"  {path}\n" for path in paths), "  )\n"]))
    return "\n".join(blocks)


def main() -> int:
    wanted = text()
    current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if "--check" in sys.argv[1:]:
        print("up to date" if wanted == current else "out of date: run python Testing/update_cmake_lists.py")
        return 0 if wanted == current else 1
    if wanted != current:
        TARGET.write_text(wanted, encoding="utf-8", newline="\n")
    print(f"{TARGET.relative_to(ROOT)}: {sum(len(paths) for paths in lists().values())} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
