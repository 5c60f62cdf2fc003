"""``python -m virtualbiopsy.case PATH…``: say for every volume what it is taken for, and why."""

from __future__ import annotations

import sys

from ..errors import VirtualBiopsyError
from .read import read_case

_COLUMNS = ("role", "name", "size", "spacing (mm)", "reason")


def rows_of(path: str) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Rows of the table for one case, and its warnings.

    Raises
    ------
    VirtualBiopsyError : as :func:`virtualbiopsy.case.read.read_case`.
    """
    case = read_case(path)
    rows = []
    for s in case.sequences:
        rows.append((s.role, s.name, _size(s.image), _spacing(s.image), s.reason))
    for name, mask in case.regions.items():
        rows.append(("region", name, _size(mask), _spacing(mask), ""))
    return rows, case.warnings


def main(arguments: list[str]) -> int:
    """Print the table for each path; the exit status is 1 if one could not be read."""
    if not arguments:
        print("usage: python -m virtualbiopsy.case PATH…", file=sys.stderr)
        return 2
    failed = 0
    for path in arguments:
        print(f"\n{path}")
        try:
            rows, warnings = rows_of(path)
        except VirtualBiopsyError as error:
            print(f"  {type(error).__name__}: {error}")
            failed = 1
            continue
        table = [_COLUMNS, *rows]
        widths = [max(len(row[c]) for row in table) for c in range(len(_COLUMNS) - 1)]
        for row in table:
            cells = "  ".join(text.ljust(w) for text, w in zip(row[:-1], widths, strict=True))
            print(f"  {cells}  {row[-1]}".rstrip())
        for warning in warnings:
            print(f"  ! {warning}")
    return failed


def _size(image) -> str:
    return "×".join(str(n) for n in image.GetSize())


def _spacing(image) -> str:
    return "×".join(f"{s:.3g}" for s in image.GetSpacing())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
