"""Cells of a table as values."""

from __future__ import annotations

import datetime
import math
import re

UNKNOWN = frozenset(
    {
        "", "na", "n/a", "#n/a", "nan", "none", "null", "unknown", "unk", "not available", "not known",
        "missing", "nc", "np", "not stated", "indeterminate", "?", "-", "--", ".",
    }
)  # fmt: skip
"""Words for "not known", in lower case."""

YES = frozenset({"1", "1.0", "yes", "y", "true", "positive", "pos", "+", "present", "high", "event", "dead"})
NO = frozenset({"0", "0.0", "no", "n", "false", "negative", "neg", "absent", "low", "censored", "alive"})


def is_unknown(text: str) -> bool:
    return text.strip().lower() in UNKNOWN


def number_of(text: str) -> float | None:
    """The number, None if it is none or not finite; a decimal comma is read."""
    plain = text.strip()
    if re.fullmatch(r"[+-]?\d+,\d+", plain):
        plain = plain.replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def flag_of(text: str) -> int | None:
    """1 for yes, 0 for no, None for anything else."""
    plain = text.strip().lower()
    return 1 if plain in YES else 0 if plain in NO else None


def day_of(text: str) -> float | None:
    """Days: a date (2021-03-04, 20210304) as its ordinal, or a plain number; None for anything else."""
    plain = text.strip()
    match = re.fullmatch(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?", plain)
    if match:
        try:
            return float(datetime.date(*map(int, match.groups())).toordinal())
        except ValueError:
            return None
    return number_of(plain)


def numbers_of(text: str) -> tuple[float, ...] | None:
    """Numbers between ";", "," or blanks, brackets around them are allowed; None if one is no number."""
    parts = [part for part in re.split(r"[\s,;]+", text.strip().strip("[]()")) if part]
    values = [number_of(part) for part in parts]
    return None if None in values else tuple(v for v in values if v is not None)
