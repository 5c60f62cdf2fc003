"""The table that ``make bench`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets import TARGETS

COLUMNS = f"{'name':28} {'ours':>10} {'peer':>10} {'ratio':>8} {'lowest':>8} {'by CPU':>8}  target"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value / 2**20:.0f} MB" if unit == "bytes" else f"{1e3 * value:.1f} ms"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def line(name: str, entry: Mapping[str, Any]) -> str:
    target = TARGETS.get(name)
    verdict = "" if target is None else f"{target}: {'met' if target.met(entry) else 'MISSED'}"
    unit = entry.get("unit", "s")
    amounts = "".join(f" {_amount(entry.get(key), unit):>10}" for key in ("ours_s", "peer_s"))
    ratios = "".join(f" {_number(entry.get(key)):>8}" for key in ("ratio", "lowest", "ratio_cpu"))
    return f"{name:28}{amounts}{ratios}  {verdict}".rstrip()


def table(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """One line for each row of the result that has times; the others (growth) are not shown."""
    shown = [line(name, entry) for name, entry in entries.items() if "ours_s" in entry]
    return "\n".join((COLUMNS, *shown))
